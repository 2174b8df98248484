"""Avalanche itself, imported when it is needed: six seconds, a gigabyte, and nothing in the user's home."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from unittest.mock import patch

import numpy as np

from cltool.cache import cache_folder
from cltool.errors import CallError

MISSING = "Avalanche is not installed; pip install cltool[avalanche]"


def check_installed() -> None:
    """Raise CallError where Avalanche is not installed; looks for it without importing it."""
    if find_spec("avalanche") is None:
        raise CallError(MISSING)


def library() -> ModuleType:
    """The package `avalanche`; raises CallError where it is not installed.

    On import it writes a file of settings, which says where its data sets lie, into `~/.avalanche` unless there is
    one. That file goes into cltool's cache instead. Its import of wandb cannot be helped; wandb is kept offline. The
    process's generators, from which it draws, are left as they were.
    """
    check_installed()
    os.environ.setdefault("WANDB_MODE", "disabled")
    with generators_left_alone(), _settings_in_the_cache(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module("avalanche")


@contextmanager
def generators_left_alone(devices: Sequence[str] = ()) -> Iterator[None]:
    """While it lasts, whoever seeds or draws from the process's generators, those of `devices` too, does no harm."""
    import torch

    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng([torch.device(name) for name in devices]):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


@contextmanager
def _settings_in_the_cache() -> Iterator[None]:
    """While it lasts, `~/.avalanche` is a folder of the cache; the user's own, where there is one, stays in use."""
    expanduser = os.path.expanduser
    if os.path.exists(expanduser("~/.avalanche/config.json")):  # noqa: PTH110 — as Avalanche looks for it
        yield
        return
    folder = str(cache_folder() / "avalanche")

    def elsewhere(path: str | os.PathLike[str]) -> str:
        text = os.fspath(path)
        if text == "~/.avalanche" or text.startswith("~/.avalanche/"):
            return folder + text.removeprefix("~/.avalanche")
        return expanduser(path)

    with patch("os.path.expanduser", elsewhere):
        yield
