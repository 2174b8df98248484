"""Comparisons that cannot be: what is said of them, before any cell is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from cltool.comparison.cells import CellJob
from cltool.comparison.engines import Where
from cltool.comparison.grounds import lay_grounds
from cltool.comparison.processes import Processes
from cltool.comparison.setups import prepare_comparison
from cltool.errors import CallError
from cltool.progress import Silent


@pytest.mark.parametrize(
    ("strategies", "changes", "told"),
    [
        (("concat", "concat"), {}, "--strategy concat is given twice"),
        (("concat", "concat+head=softmax"), {}, "concat.head=softmax is the same as --strategy concat"),
        (("concat", "alpha+head=sofmax"), {}, "did you mean 'softmax'"),
        (("concat", "ncm+head=ridge"), {}, "asks for no head"),
        (("concat",), {"streams": ("digits", "digits")}, "--stream digits is given twice"),
        (("concat",), {"streams": ("digits", "digits:")}, "is another's spelling"),
        (("concat",), {"streams": ("digit",)}, "did you mean 'digits'"),
        (("concat",), {"tasks": 9}, "18 classes asked for"),
        (("concat",), {"class_order": "none"}, "class_order"),
        (("concat",), {"backbone": "resnet18:weights=nowhere.pth"}, "nowhere.pth"),
        (("concat", "qda"), {"train": "all"}, "no --strategy here has an option train"),
        (("concat", "qda"), {"train": "both"}, "--train both: give head .* or all"),
    ],
)
def test_what_is_wrong_is_said_before_any_cell(
    asked: Callable, strategies: tuple[str, ...], changes: dict, told: str
) -> None:
    with pytest.raises(CallError, match=told):
        prepare_comparison(asked(*strategies, **changes))


@pytest.mark.parametrize(
    ("jobs", "name", "address", "told"),
    [
        (0, None, None, "--jobs 0: there must be at least one"),
        (None, "spark", None, "--engine spark: give local or ray"),
        (2, "local", "127.0.0.1:6379", "add --engine ray"),
    ],
)
def test_where_nothing_can_run(jobs: int | None, name: str | None, address: str | None, told: str) -> None:
    with pytest.raises(CallError, match=told):
        Where.of(jobs, name, address)


def test_what_cannot_be_sent_to_a_worker(begun: Callable, tmp_path: Path) -> None:
    comparison = begun(tmp_path / "cmp", "ncm", seeds=[0])
    (cell,) = comparison.cells()
    ground = lay_grounds(comparison, [cell], Silent())[cell.ground]
    whole = replace(ground, backbone=replace(ground.backbone, protocol={"on": lambda: "nothing"}))
    with pytest.raises(CallError, match=r"backbone cannot be sent to other processes .*; take --jobs 1"):
        Processes(comparison, tmp_path / "cmp", 2).start(CellJob(cell, None), [], whole)


def test_ray_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cltool.comparison.engines.find_spec", lambda name: None)
    with pytest.raises(CallError, match=r"pip install cltool\[cluster\]"):
        Where.of(None, "ray", None)


with_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install cltool[cluster]")


@with_ray
@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("127.0.0.1:1", "127.0.0.1:1: no Ray cluster answers there"),
        ("127.0.0.1:port", "no Ray cluster answers there"),
        ("somewhere", "give HOST:PORT of a Ray cluster's head node"),
    ],
)
def test_a_cluster_that_does_not_answer(asked: Callable, tmp_path: Path, address: str, told: str) -> None:
    comparison = prepare_comparison(asked("ncm"))
    with pytest.raises(CallError, match=told):
        Where.of(None, "ray", address).engine(comparison, tmp_path, Silent())


@with_ray
def test_a_cluster_has_no_pictures_to_train_on(asked: Callable, plugin: str, tmp_path: Path) -> None:
    comparison = prepare_comparison(asked("ncm", "whole", train="all", plugins=[plugin]))
    with pytest.raises(CallError, match="whole:train=all trains on pictures, and these are not sent"):
        Where.of(None, "ray", "127.0.0.1:1").engine(comparison, tmp_path, Silent())
