"""The directory of a valence–arousal training: what lies in it, and in which order an epoch's files are written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from torch import Tensor

from cltool.affect.models import BEST, ModelCard, save
from cltool.affect.recipes import AffectRecipe
from cltool.errors import CallError
from cltool.rundir import begun
from cltool.training import journals
from cltool.training.checkpoints import NAME, Checkpoint

Facts = Mapping[str, Any]


class _Part(BaseModel):
    loss: float
    ccc_valence: float
    ccc_arousal: float
    ccc_mean: float


class _Line(BaseModel):
    """What has to be told of an epoch; there may be more."""

    epoch: int
    train: _Part
    validation: _Part
    seconds: float
    best: bool


@dataclass(frozen=True)
class AffectDirectory:
    """Paths and order of a training's files. An epoch is finished when last.pt tells of it."""

    path: Path

    @property
    def best(self) -> Path:
        """The best epoch's weights, with their card."""
        return self.path / BEST

    @contextmanager
    def begun(self, recipe: AffectRecipe) -> Iterator[None]:
        """Make the directory, with its recipe, for a training that goes on in the block.

        Raises CallError if it holds anything or cannot be made. What ends the block before the first epoch is
        finished takes away again what was made: nothing of it could be resumed.
        """
        with begun(self.path, recipe, lambda _: self._taken_back()):
            yield

    def _taken_back(self) -> bool:
        """Remove what an unfinished first epoch left; whether no epoch was finished."""
        if (self.path / NAME).exists():
            return False
        self.best.unlink(missing_ok=True)
        shutil.rmtree(self.path / "tensorboard", ignore_errors=True)
        return True

    def recipe(self) -> AffectRecipe:
        """The recipe of a training to be resumed; raises CallError if there is none."""
        if not (self.path / "recipe.yaml").is_file():
            raise CallError(f"--resume {self.path}: there is no recipe.yaml, so no training to take up")
        return AffectRecipe.load(self.path / "recipe.yaml")

    def keep_best(self, card: ModelCard, weights: Mapping[str, Tensor]) -> None:
        """Write the best epoch so far."""
        save(self.best, card, weights)

    def finish_epoch(self, checkpoint: Checkpoint) -> None:
        """Write the checkpoint, and then the journal as it tells it."""
        checkpoint.save(self.path)
        journals.write_journal(self.path, checkpoint.journal)

    def finish(self, journal: Sequence[Facts]) -> None:
        """Write anew all that follows from the journal: the journal itself, the picture, TensorBoard's files."""
        journals.write_journal(self.path, journal)
        self.draw(journal)
        with journals.tensorboard(self.path, journal):
            pass

    def journal(self) -> list[dict[str, Any]]:
        """The finished epochs; raises CallError where the journal is damaged."""
        return journals.read_journal(self.path, _Line)

    def draw(self, journal: Sequence[Facts]) -> None:
        """Draw losses and concordance by epoch."""
        from cltool.report.affect_trainings import draw_trainings

        draw_trainings({self.path.name: journal}, [self.path / "training.png"])
