"""`cltool data check`: what it says of a data set that was counted by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cltool.cli.data import check


def test_the_numbers_by_split_and_in_all(cltool: Callable, faces: Path) -> None:
    found = cltool("data", "check", "affwild2", "--data-root", faces, "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    numbers = ("films", "annotated", "unseen", "silent", "frames", "faceless", "labelled", "unlabelled", "usable")
    rows = {split: [row[name] for name in numbers] for split, row in (*told["splits"].items(), ("all", told["all"]))}
    assert rows == {
        "train": [2, 2, 0, 2, 7, 1, 4, 2, 4],
        "validation": [2, 2, 1, 2, 3, 2, 4, 0, 1],
        "all": [4, 4, 1, 4, 10, 3, 8, 2, 5],
    }
    assert told["all"]["valence"]["mean"] == pytest.approx(0.25 / 8)
    assert [film["name"] for film in told["films"]] == ["a", "b_left", "c", "lost"]
    assert told["corpus"] == "affwild2"


def test_what_is_missing_and_does_not_fit_is_told(cltool: Callable, faces: Path) -> None:
    told = json.loads(cltool("data", "check", "affwild2:rate=10", "--data-root", faces, "--json").out)
    assert told["missing"] == [
        "neither video nor sound of: 3 (a, b_left, c)",
        "no video tells the frame rate of: 3 (a, b_left, c); it is taken to be 10 (option rate)",
        "neither cropped faces nor video of annotated films: 1 (lost)",
    ]
    train = faces / "VA_Estimation_Challenge" / "Train_Set"
    assert told["notes"] == [
        f"{train / 'a.txt'}, line 5: valence 1.5 is not in [-1, 1]; the frame is taken for unlabelled",
        f"{train / 'b_left.txt'}: 2 labels for 3 frames; the last frame has none",
    ]
    assert told["all"]["seconds"] == pytest.approx(1.0)


def test_people_read_the_same_in_a_table(cltool: Callable, faces: Path) -> None:
    shown = cltool("data", "check", "affwild2", "--data-root", faces).out
    rows = {line[:26].strip(): line.split()[-3:] for line in shown.splitlines()}
    assert rows["frames"] == ["7", "3", "10"]
    assert rows["with picture and label"] == ["4", "1", "5"]
    assert rows["marked as missing"] == ["2", "0", "2"]
    assert "does not fit: " in shown
    assert "missing: neither cropped faces nor video of annotated films: 1 (lost)" in shown
    assert "signed licence" in shown


@pytest.mark.parametrize(("split", "heading"), [("'train'", "train"), ("None", "all")])
def test_films_of_one_split_have_one_column(cltool: Callable, tmp_path: Path, split: str, heading: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from pathlib import Path\nfrom cltool import corpus\nfrom cltool.video.films import Corpus, Film\n"
        "@corpus\ndef mine(data_root: Path) -> Corpus:\n    'Mine.'\n"
        f"    return Corpus((Film('a', data_root / 'a.mp4', split={split}),))\n"
    )
    shown = cltool("data", "check", "mine", "--data-root", tmp_path, "--plugin", file).out.splitlines()
    assert shown[1].split() == [heading]
    assert [line.split() for line in shown if line.startswith("films")] == [["films", "1"]]


def test_many_lines_are_cut_short_for_people_alone(
    cltool: Callable, faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "MOST", 1)
    shown = cltool("data", "check", "affwild2", "--data-root", faces).out
    assert "does not fit: and 2 more (--json has them all)" in shown
    assert "line 5" not in shown
    assert len(json.loads(cltool("data", "check", "affwild2", "--data-root", faces, "--json").out)["notes"]) == 2


def test_synthetic_data_are_called_so(cltool: Callable, faces: Path) -> None:
    assert "made by a program" not in cltool("data", "check", "affwild2", "--data-root", faces).out
    (faces / "synthetic.json").write_text('{"synthetic": true, "films": {}}')
    assert "synthetic, made by a program" in cltool("data", "check", "affwild2", "--data-root", faces).out


def test_a_picture_of_the_labels(cltool: Callable, faces: Path, tmp_path: Path) -> None:
    from PIL import Image

    call = ("data", "check", "affwild2", "--data-root", faces, "--picture", tmp_path / "labels.png")
    found = cltool(*call)
    assert found.code == 0, found.err
    assert str(tmp_path / "labels.png") in found.out
    with Image.open(tmp_path / "labels.png") as picture:
        wide, high = picture.size
    assert wide > 1.8 * high  # a square for each of the two splits
    assert cltool(*call, "--force", "--json").code == 0


def test_a_corpus_of_ones_own(cltool: Callable, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from pathlib import Path\nfrom cltool import corpus\nfrom cltool.video.films import Corpus, Film\n"
        "@corpus\ndef mine(data_root: Path) -> Corpus:\n    'Mine.'\n    return Corpus((Film('a', data_root),))\n"
    )
    told = json.loads(cltool("data", "check", "mine", "--data-root", tmp_path, "--plugin", file, "--json").out)
    assert told["all"]["films"] == 1


def test_a_real_annotation(cltool: Callable, shared_data: Path) -> None:
    found = cltool("data", "check", "afew-va", "--data-root", shared_data / "afew_va", "--json")
    told = json.loads(found.out)
    assert told["all"]["labelled"] == 42
    assert told["missing"] == ["no pictures of annotated clips: 1 (001)"]
