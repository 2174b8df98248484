"""A training's directory: what lies in it, and in which order an epoch's files are written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from cltool.errors import CallError
from cltool.files import save_text
from cltool.heads import Head
from cltool.report.losses import draw_losses
from cltool.rundir import begun
from cltool.training.checkpoints import Checkpoint
from cltool.training.journals import tensorboard, write_journal
from cltool.universal.card_page import card_page
from cltool.universal.cards import Card
from cltool.universal.frozen import space
from cltool.universal.journals import read_journal
from cltool.universal.recipes import TrainingRecipe

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class TrainingDirectory:
    """Paths and order of a training's files. An epoch is finished when last.pt tells of it."""

    path: Path

    @property
    def best(self) -> Path:
        """The best epoch's weights without the classifier, with their card."""
        return self.path / "best.safetensors"

    @property
    def head(self) -> Path:
        """The best epoch's classifier."""
        return self.path / "head.safetensors"

    @contextmanager
    def begun(self, recipe: TrainingRecipe) -> Iterator[None]:
        """Make the directory, with its recipe, for a training that goes on in the block.

        Raises CallError if it holds anything or cannot be made. What ends the block before the first epoch is
        finished takes away again what was made: nothing of it could be resumed.
        """
        with begun(self.path, recipe, lambda _: self._taken_back()):
            yield

    def _taken_back(self) -> bool:
        """Remove what an unfinished first epoch left; whether no epoch was finished."""
        if (self.path / "last.pt").exists():
            return False
        for name in ("best.safetensors", "head.safetensors", "card.md"):
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path / "tensorboard", ignore_errors=True)
        return True

    @staticmethod
    def recipe_of(path: Path) -> TrainingRecipe:
        """The recipe of a training to be resumed; raises CallError if there is none."""
        if not (path / "recipe.yaml").is_file():
            raise CallError(f"--resume {path}: there is no recipe.yaml, so no training to take up")
        return TrainingRecipe.load(path / "recipe.yaml")

    def keep_best(self, card: Card, body: Mapping[str, Tensor], weight: Tensor, bias: Tensor) -> None:
        """Write the best epoch so far: its body, its classifier as a head on that body frozen, and the card."""
        card.save(self.best, body)
        counts = weight.new_tensor([card.counts[name] for name in card.classes])
        Head(card.classes, weight, bias, counts, space(self.best)).save(self.head)
        save_text(self.path / "card.md", card_page(card))

    def finish_epoch(self, checkpoint: Checkpoint) -> None:
        """Write the checkpoint, and then the journal as it tells it."""
        checkpoint.save(self.path)
        write_journal(self.path, checkpoint.journal)

    def finish(self, journal: Sequence[Facts]) -> None:
        """Write anew all that follows from the journal: the journal itself, the losses, TensorBoard's files."""
        write_journal(self.path, journal)
        self.draw(journal)
        with tensorboard(self.path, journal):
            pass

    def journal(self) -> list[dict[str, Any]]:
        """The finished epochs; raises CallError where the journal is damaged."""
        return read_journal(self.path)

    def draw(self, journal: Sequence[Facts]) -> None:
        """Draw the losses."""
        draw_losses({self.path.name: journal}, [self.path / "losses.png"])
