"""`cltool universal evaluate`: what it prints, what it writes, and where."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cltool.pictures import PictureSet
from cltool_plugins.streams.digits import digits

FILES = {"evaluation.json", "table.md", "confusion.png", "mistakes.png", "counts.png", "losses.png"}


@pytest.mark.slow
def test_one_training(cltool: Callable, by_hand: Callable) -> None:
    folder = by_hand()
    found = cltool("universal", "evaluate", folder)
    assert found.code == 0, found.err
    assert {path.name for path in (folder / "evaluation").iterdir()} == FILES
    told = json.loads((folder / "evaluation" / "evaluation.json").read_text())
    (training,) = told["trainings"]
    assert told["schema"] == 1
    assert f"hand: accuracy {training['accuracy']:.4f} on 355 test pictures of digits; 16,640 weights, epoch 2" in (
        " ".join(found.out.split())
    )
    for name in digits().outputs:
        assert any(line.split()[:1] == [name] for line in found.out.splitlines())
    page = (folder / "evaluation" / "table.md").read_text()
    assert f"| {training['accuracy']:.4f} |" in page
    for line in training["classes"]:
        assert f"| {line['name']} | {line['precision']:.3f} | {line['recall']:.3f} |" in page


@pytest.mark.slow
def test_several_side_by_side(
    cltool: Callable, by_hand: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    some = digits().only(3)
    first, second = by_hand("first"), by_hand("second", pictures=some, classes=3)
    found = cltool("universal", "evaluate", first, second)
    assert found.code == 0, found.err
    named = {f"{name}-{what}.png" for name in ("first", "second") for what in ("confusion", "mistakes", "counts")}
    assert {path.name for path in Path("evaluation").iterdir()} == named | {"evaluation.json", "table.md", "losses.png"}
    one, two = json.loads(Path("evaluation/evaluation.json").read_text())["trainings"]
    assert (len(one["classes"]), len(two["classes"])) == (10, 3)
    rows = [line.split() for line in found.out.splitlines()]
    assert any(row[:1] == ["first"] and f"{one['accuracy']:.4f}" in row for row in rows)
    assert any(row[:1] == ["second"] and f"{two['accuracy']:.4f}" in row for row in rows)


@pytest.mark.slow
def test_json_is_the_file_and_nothing_else(cltool: Callable, by_hand: Callable, tmp_path: Path) -> None:
    found = cltool("universal", "evaluate", by_hand(), "--out", tmp_path / "out", "--json")
    assert json.loads(found.out) == json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert len(found.out.splitlines()) == 1


@pytest.mark.slow
def test_its_own_folder_is_made_anew(cltool: Callable, by_hand: Callable) -> None:
    folder = by_hand()
    assert cltool("universal", "evaluate", folder).code == 0
    (folder / "evaluation" / "table.md").write_text("old")
    assert cltool("universal", "evaluate", folder).code == 0
    assert "accuracy" in (folder / "evaluation" / "table.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("which", [("one",), ("one", "two")])
def test_one_that_was_broken_off_is_made_anew(
    cltool: Callable, by_hand: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: tuple[str, ...]
) -> None:
    from cltool.report import trainings

    monkeypatch.chdir(tmp_path)
    for name in which:
        by_hand(name)

    def broken_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(trainings, "draw_mistakes", broken_off)
        assert cltool("universal", "evaluate", *which).code != 0
    assert cltool("universal", "evaluate", *which).code == 0
    folder = Path("one/evaluation" if len(which) == 1 else "evaluation")
    told = json.loads((folder / "evaluation.json").read_text())
    assert [training["directory"] for training in told["trainings"]] == list(which)  # as they were given


@pytest.mark.slow
def test_other_pictures_under_a_label_map(cltool: Callable, by_hand: Callable, tmp_path: Path) -> None:
    """The digits' own folder of pictures, its classes called by words."""
    words = ("null", "one", "two")
    data = pictures_in_folders(tmp_path / "data", digits().only(3), words)
    (tmp_path / "map.yaml").write_text('"null": 0\none: 1\ntwo: 2\n')
    arguments = ("--stream", "folder:mode=L", "--data-root", data, "--label-map", tmp_path / "map.yaml", "--json")
    found = cltool("universal", "evaluate", by_hand(), *arguments)
    assert found.code == 0, found.err
    (training,) = json.loads(found.out)["trainings"]
    assert training["evaluated_on"] == "folder:mode=L"
    assert training["accuracy"] > 0.8
    assert sum(line["pictures"] for line in training["classes"][:3]) == training["pictures"] > 50


def pictures_in_folders(root: Path, pictures: PictureSet, names: tuple[str, ...]) -> Path:
    """All pictures of a set as PNG files, train/ and test/."""
    from PIL import Image

    for split, blocks in (("train", pictures.train), ("test", pictures.test)):
        for name, block in zip(names, blocks.values(), strict=True):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(len(block)):
                Image.fromarray(block.picture(i)[0].numpy()).save(folder / f"{i}.png")
    return root
