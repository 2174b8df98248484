"""Wrong calls of `cltool universal`: one line, exit code 2, nothing written and no file touched."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cltool.heads import Head

EVALUATE = ("universal", "evaluate")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the cache, and what is in it."""
    files = (path for path in folder.rglob("*") if path.is_file() and "cache" not in path.parts)
    return {str(path): path.read_bytes() for path in files}


def refused(cltool: Callable, tmp_path: Path, *arguments: object) -> str:
    """The one line that a wrong call is answered with; nothing has changed."""
    before = contents(tmp_path)
    found = cltool(*arguments)
    assert found.code == 2, found.err
    assert len(found.err.splitlines()) == 1, found.err
    assert found.out == ""
    assert contents(tmp_path) == before
    return found.err


# cltool universal evaluate


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Missing argument"),
        (("nowhere",), "there is no trained backbone in nowhere"),
        (("hand", "hand"), "hand is given twice"),
        (("hand/best.safetensors",), "hand/best.safetensors is a file; give the training directory"),
        (("hand", "--stream", "digit"), "did you mean 'digits'"),
        (("hand", "--data-root", "nowhere"), "nowhere"),
        (("hand", "--stream", "folder"), "--stream folder needs --data-root"),
        (("hand", "--stream", "folder:oops"), "'folder:oops': 'oops' is not key=value"),
        (("hand", "--stream", "folder:mode=L,mode=L"), "option 'mode' is given twice"),
        (("hand", "--label-map", "twice.yaml"), "--label-map twice.yaml: '1' stands twice"),
        (("hand", "--label-map", "nowhere.yaml"), "--label-map nowhere.yaml: No such file"),
        (("hand", "--label-map", "text.yaml"), "text.yaml must be lines of"),
        (("hand", "--label-map", "forgets.yaml"), "nothing is said of '3'"),
        (("hand", "--label-map", "foreign.yaml"), "the data have no class '10'"),
        (("hand", "--label-map", "elsewhere.yaml"), "hand was not trained on a class 'low'"),
        (("few",), "few was not trained on a class '3' (there are: 0, 1, 2); give --label-map FILE"),
        (("hand", "--device", "gpu"), "gpu"),
        (("hand", "--plugin", "nowhere.py"), "no such Python file"),
        (("hand", "--out", "full"), "--out full is not empty"),
        (("hand", "--out", "text.yaml"), "cannot write --out text.yaml"),
        (("hand", "--otu", "x"), "--otu"),
    ],
)
def test_wrong_evaluations(
    cltool: Callable,
    by_hand: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    by_hand()
    _trained_on_three(by_hand)
    Path("full").mkdir()
    Path("full/mine.txt").write_text("mine")
    Path("text.yaml").write_text("a text")
    Path("twice.yaml").write_text("0: a\n1: b\n2: c\n1: d\n")
    Path("forgets.yaml").write_text("0: 0\n1: 1\n2: 2\n")
    Path("foreign.yaml").write_text("".join(f"{n}: {n}\n" for n in range(11)))
    Path("elsewhere.yaml").write_text("".join(f"{n}: {'low' if n < 5 else n}\n" for n in range(10)))
    assert told in refused(cltool, tmp_path, *EVALUATE, *arguments)


def _trained_on_three(by_hand: Callable) -> None:
    """A training whose recipe has lost that there were three classes only."""
    from cltool_plugins.streams.digits import digits

    by_hand("few", pictures=digits().only(3))


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("best.safetensors", "best.safetensors is no trained backbone of cltool"),
        ("head.safetensors", "head.safetensors is no head of cltool"),
        ("recipe.yaml", "recipe.yaml"),
    ],
)
@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_a_training_that_is_not_whole(
    cltool: Callable, by_hand: Callable, tmp_path: Path, file: str, told: str, how: str
) -> None:
    path = by_hand() / file
    if how == "missing":
        path.unlink()
        told = "there is no trained backbone in" if file == "best.safetensors" else told
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert told in refused(cltool, tmp_path, *EVALUATE, path.parent)


def test_a_head_of_another_training(cltool: Callable, by_hand: Callable, tmp_path: Path) -> None:
    folder = by_hand()
    head = Head.load(folder / "head.safetensors")
    Head(head.names, head.weight.clone(), head.bias.clone(), head.counts.clone(), "elsewhere").save(
        folder / "head.safetensors"
    )
    assert "was fitted to other weights than best.safetensors has" in refused(cltool, tmp_path, *EVALUATE, folder)


def test_weights_that_do_not_fit_their_card(cltool: Callable, by_hand: Callable, tmp_path: Path) -> None:
    from cltool.universal.cards import Card
    from cltool.universal.frozen import space

    folder = by_hand()
    card, weights = Card.load(folder / "best.safetensors")
    card.save(folder / "best.safetensors", {"1.weight": torch.zeros(9, 9), "1.bias": weights["1.bias"].clone()})
    head = Head.load(folder / "head.safetensors")
    moved = Head(head.names, *(t.clone() for t in (head.weight, head.bias, head.counts)), space(folder))
    moved.save(folder / "head.safetensors")
    told = refused(cltool, tmp_path, *EVALUATE, folder)
    assert "does not fit random:features=256,size=8: the file has another shape for '1.weight'" in told


def test_an_evaluation_of_others_is_not_written_over(
    cltool: Callable, by_hand: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    by_hand("one"), by_hand("two")
    Path("evaluation").mkdir()
    Path("evaluation/evaluation.json").write_text('{"schema": 1, "trainings": [{"directory": "/elsewhere"}]}')
    assert "--out evaluation is not empty" in refused(cltool, tmp_path, *EVALUATE, "one", "two")


def test_a_picture_that_is_no_picture(cltool: Callable, by_hand: Callable, tmp_path: Path) -> None:
    for place in ("train/1", "test/1", "train/2", "test/2"):
        (tmp_path / "data" / place).mkdir(parents=True)
        (tmp_path / "data" / place / "a.png").write_bytes(b"no picture")
    told = refused(
        cltool, tmp_path, *EVALUATE, by_hand(), "--stream", "folder", "--data-root", os.fspath(tmp_path / "data")
    )
    assert "cannot read picture" in told
