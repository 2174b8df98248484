"""Checkpoints of a training: all that its next epoch needs, of tensors, numbers and texts alone."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cltool.errors import CallError
from cltool.files import replacing

NAME = "last.pt"


@dataclass(frozen=True)
class Checkpoint:
    """A training after its last finished epoch.

    `recipe`: the whole resolved recipe; `recipe_hash`: of it. `digests`: a hash of each class' or film's training data.
    `journal`: the lines of all finished epochs. `processes`: how many shared the work. The rest: states of what
    learns; `scaler` with float16 only.
    """

    recipe: Mapping[str, Any]
    recipe_hash: str
    digests: Mapping[str, str]
    journal: Sequence[Mapping[str, Any]]
    network: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    schedule: Mapping[str, Any]
    scaler: Mapping[str, Any] | None
    processes: int = 1

    def save(self, folder: Path) -> None:
        """Write it, whole or not at all."""
        with replacing(folder / NAME) as scratch:
            torch.save({**vars(self), "digests": dict(self.digests)}, scratch)

    @classmethod
    def load(cls, folder: Path) -> Checkpoint:
        """Read what `save` wrote; raises CallError for a file that is missing or damaged."""
        path = folder / NAME
        again = f"start anew, with {folder / 'recipe.yaml'} and another --out"
        if not path.is_file():
            raise CallError(f"--resume {folder}: there is no {NAME}, so no finished epoch to go on from; {again}")
        try:
            return cls(**torch.load(path, map_location="cpu", weights_only=True))
        except (OSError, EOFError, RuntimeError, ValueError, TypeError, KeyError, pickle.UnpicklingError) as error:
            cause = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise CallError(f"--resume {folder}: {NAME} is damaged ({cause}); {again}") from None

    def check_recipe(self, folder: Path, recipe: Mapping[str, Any], where: str = "recipe.yaml") -> None:
        """Raise CallError where this is of another recipe than the one to go on with, which stands in `where`."""
        if self.recipe_hash != hash_of(recipe):
            keys = [key for key in {**self.recipe, **recipe} if self.recipe.get(key) != recipe.get(key)]
            key = keys[0] if keys else "recipe"
            raise CallError(
                f"--resume {folder}: {NAME} was made by another recipe than {where}: {key} was "
                f"{self.recipe.get(key)} and is {recipe.get(key)}; put it back, or train anew into another --out"
            )

    def check_data(self, folder: Path, digests: Mapping[str, str], what: str) -> None:
        """Raise CallError where this is of other data than those to go on with; `what`: of a class, or film."""
        for name in {**self.digests, **digests}:
            if self.digests.get(name) != digests.get(name):
                raise CallError(
                    f"--resume {folder}: the {what} of {name!r} are not those that training began "
                    "with; put them back, or train anew into another --out"
                )

    def check_processes(self, folder: Path, processes: int) -> None:
        """Raise CallError where so many processes would go on with what others began: they share out other batches."""
        if self.processes != processes:
            how = f"torchrun --nproc-per-node {self.processes} …" if self.processes > 1 else "without torchrun"
            raise CallError(
                f"--resume {folder}: it was trained by {self.processes} process(es), not {processes}; start it as "
                f"before, {how}"
            )


def hash_of(recipe: Mapping[str, Any]) -> str:
    """A hash of a recipe's content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
