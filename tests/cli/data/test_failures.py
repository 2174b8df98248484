"""Wrong calls of `cltool data`: one line that says what is wrong and what to do, exit code 2, and nothing made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

CHECK = ("data", "check", "affwild2")


def assert_told(found: object, *words: str) -> None:
    assert found.code == 2, found.err  # type: ignore[attr-defined]
    assert len(found.err.splitlines()) == 1, found.err  # type: ignore[attr-defined]
    assert found.out == ""  # type: ignore[attr-defined]
    for word in words:
        assert word in found.err  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("data", "check"), "Missing argument"),
        (("data", "check", "afwild2", "--data-root", "."), "did you mean 'affwild2'"),
        (CHECK, "--data-root is missing: the folder with affwild2"),
        ((*CHECK, "--data-root", "nowhere"), "nowhere is not there; Aff-Wild2 is never downloaded"),
        ((*CHECK, "--data-root", "data"), "holds no VA_Estimation_Challenge/Train_Set/VIDEO.txt"),
        (("data", "check", "affwild2:picture=x", "--data-root", "."), "no option 'picture'; its options: pictures"),
        ((*CHECK, "--data-root", ".", "--picture", "labels.txt"), "a picture must end in"),
        ((*CHECK, "--data-root", ".", "--picture", "data/there.png"), "there already; give --force"),
        ((*CHECK, "--data-root", ".", "--plugin", "nowhere.py"), "no such Python file"),
        (("data", "make"), "Missing"),
        (("data", "make", "va-pupet", "--out", "out"), "did you mean 'va-puppet'"),
        (("data", "make", "va-puppet", "--out", "out", "--videos", "0"), "--videos"),
        (("data", "make", "va-puppet", "--out", "out", "--seconds", "0"), "--seconds"),
        (("data", "make", "va-puppet", "--out", "out", "--seconds", "0.5"), "ask for 1 s or more"),
        (("data", "make", "va-puppet:size=3", "--out", "out"), "size=3"),
        (("data", "make", "va-puppet", "--out", "data"), "is not empty; take another folder"),
        (("data", "make", "va-puppet", "--out", "data/there.png"), "no folder one can write to"),
        (("data", "bank", "--older-than", "3"), "needs --prune"),
    ],
)
def test_wrong_calls(
    cltool: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "there.png").write_text("mine")
    monkeypatch.chdir(tmp_path)
    assert_told(cltool(*arguments), told)
    assert {path.name for path in tmp_path.iterdir()} <= {"cache", "data"}
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["there.png"]
    assert (tmp_path / "data" / "there.png").read_text() == "mine"


def test_broken_label_files_are_told_by_file_and_line(cltool: Callable, faces: Path, tmp_path: Path) -> None:
    train = faces / "VA_Estimation_Challenge" / "Train_Set"
    (train / "b_left.txt").write_text("valence,arousal\n0,0\n0.5;0.5\n")
    picture = tmp_path / "labels.png"
    call = (*CHECK, "--data-root", faces, "--picture", picture)
    assert_told(cltool(*call), f"{train / 'b_left.txt'}, line 3: '0.5;0.5' is not valence,arousal")
    (train / "a.txt").write_text("")
    assert_told(cltool(*call, "--json"), "a.txt is empty", "and 1 more label files that cannot be read")
    assert not picture.exists()


def test_nothing_to_draw(cltool: Callable, faces: Path, tmp_path: Path) -> None:
    for path in faces.rglob("*.txt"):
        path.write_text("valence,arousal\n-5,-5\n")
    picture = tmp_path / "labels.png"
    assert_told(cltool(*CHECK, "--data-root", faces, "--picture", picture), "nothing to draw")
    assert not picture.exists()
