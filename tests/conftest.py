"""What all tests share: the real data, a cache of their own, and a small stream of real pictures."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
import torch

from cltool.tasks import TaskStream, arrange

ROOT = Path(__file__).parents[1]

torch.set_num_threads(1)  # the problems are small, and whoever tests may do so in parallel
hypothesis.settings.register_profile("cltool", deadline=None, max_examples=50, derandomize=True)
hypothesis.settings.load_profile("cltool")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, or a skip that says where it is looked for."""
    folder = Path(os.environ.get("CLTOOL_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("real data not found; set CLTOOL_TEST_DATA, or put it into ../shared/data")
    return folder


@pytest.fixture(scope="session")
def squeezenet(shared_data: Path) -> Path:
    """ImageNet weights of SqueezeNet 1.0."""
    path = shared_data.parent / "weights" / "squeezenet1_0-imagenet.fp16.safetensors"
    if not path.is_file():
        pytest.skip("SqueezeNet weights not found beside the data folder, in ../weights")
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for every test, so that none reads what another left."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("CLTOOL_CACHE", str(folder))
    return folder


@pytest.fixture
def digit_stream() -> TaskStream:
    """Handwritten digits, five tasks of two."""
    from cltool_plugins.streams.digits import digits

    return arrange(digits(), 5, 2)


@dataclass(frozen=True)
class Called:
    code: int
    out: str
    err: str


@pytest.fixture
def cltool(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Called]:
    """Call `cltool ARGUMENTS…`; gives exit code, standard output and standard error."""
    from cltool.cli import main

    def call(*arguments: object) -> Called:
        monkeypatch.setattr(sys, "argv", ["cltool", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        told = capsys.readouterr()
        return Called(int(stopped.value.code or 0), told.out, told.err)

    return call
