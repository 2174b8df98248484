from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cltool import PictureSet
from cltool.catalogue import discover
from cltool.plugin import Spec
from cltool_plugins.streams.ferplus import FOLDERS, ferplus
from cltool_plugins.streams.ferplus_votes import EMOTIONS, distribution

TOLD_OTHERWISE = "FER2013Train/fer0000001.png"  # contempt by its folder's label.csv

CONTEMPT = "0000000900"

slow = pytest.mark.slow


def counts(pictures: PictureSet) -> tuple[int, int]:
    """All pictures in training and in test."""
    return sum(map(len, pictures.train.values())), sum(map(len, pictures.test.values()))


def write_rows(path: Path, rows: Sequence[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture(scope="module")
def few_faces(
    vote_rows: list[list[str]], ferplus_archive: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Real faces in both layouts, png/ and kaggle/, and in both/ together.

    Of each usage the first faces, and two of each emotion with six votes or more. The fourth row of votes has
    no name; the last row doubles the first one's, with other votes and other pixels. The folders' label.csv
    says the same as fer2013new.csv, but for one face.
    """
    root = tmp_path_factory.mktemp("few_faces")
    rows: list[list[str]] = []
    for usage in FOLDERS:
        own = [row for row in vote_rows if row[0] == usage and row[1]]
        certain = [[row for row in own if int(row[2 + label]) >= 6][:2] for label in range(8)]
        chosen = {row[1]: row for row in [*own[:20], *(row for two in certain for row in two)]}
        rows += chosen.values()
    rows.insert(3, ["Training", "", *"0000000000"])
    rows.append([*rows[0][:2], *("0", "10", *"00000000")])
    pixels = []
    for usage, name, *_ in rows:
        encoded = ferplus_archive.read(f"{FOLDERS[usage]}/{name}") if name else b""
        shade = np.asarray(Image.open(io.BytesIO(encoded))) if name else np.zeros((48, 48), np.uint8)
        pixels.append(["0", " ".join(map(str, shade.flatten())), usage])
        for layout in ("png", "both") if name else ():
            path = root / layout / FOLDERS[usage] / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded)
    pixels[-1][1] = " ".join(["255"] * 48 * 48)
    header = ["Usage", "Image name", *EMOTIONS, "unknown", "NF"]
    for layout in ("png", "kaggle", "both"):
        write_rows(root / layout / "fer2013new.csv", [header, *rows])
    for layout in ("kaggle", "both"):
        write_rows(root / layout / "fer2013.csv", [["emotion", "pixels", "Usage"], *pixels])
    for usage, folder in FOLDERS.items():
        told = [
            [name, "(0, 0, 48, 48)", *(CONTEMPT if f"{folder}/{name}" == TOLD_OTHERWISE else votes)]
            for own, name, *votes in rows
            if own == usage and name
        ]
        for layout in ("png", "both"):
            write_rows(root / layout / folder / "label.csv", told)
    return root


def same(ours: PictureSet, theirs: PictureSet) -> bool:
    """Whether two sets have the same pictures, pixel by pixel, under the same names, with the same targets."""
    pairs = [(a[name], b[name]) for a, b in ((ours.train, theirs.train), (ours.test, theirs.test)) for name in a]
    return ours.outputs == theirs.outputs and all(
        list(a.names) == list(b.names)
        and all(torch.equal(a.picture(i), b.picture(i)) for i in range(len(a)))
        and (a.targets is b.targets is None or torch.equal(a.targets, b.targets))
        for a, b in pairs
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "labels", "test", "trained_on", "tested_on"),
    [
        ("majority", "new", "private", 25_057, 3_153),
        pytest.param("majority", "new", "public", 25_057, 3_199, marks=slow),
        pytest.param("probability", "new", "private", 27_953, 3_505, marks=slow),
        pytest.param("probability", "new", "public", 27_953, 3_505, marks=slow),
        pytest.param("crossentropy", "new", "private", 27_953, 3_505, marks=slow),
        pytest.param("crossentropy", "new", "public", 27_953, 3_505, marks=slow),
        pytest.param("multi_target", "new", "private", 27_668, 3_472, marks=slow),
        pytest.param("multi_target", "new", "public", 27_668, 3_472, marks=slow),
        pytest.param("majority", "folder", "private", 25_045, 3_137, marks=slow),
        pytest.param("majority", "folder", "public", 25_045, 3_191, marks=slow),
    ],
)
def test_as_many_pictures_as_the_data_set_is_known_for(
    ferplus_zip: Path, mode: Any, labels: Any, test: Any, trained_on: int, tested_on: int
) -> None:
    pictures = ferplus(ferplus_zip, mode=mode, labels=labels, test=test)
    assert pictures.outputs == EMOTIONS
    assert counts(pictures) == (trained_on, tested_on)
    if (mode, labels, test) == ("majority", "new", "private"):
        # this name stands in two rows: the votes of the first say neutral, those of the second no face
        assert "FER2013Test/fer0033120.png" in pictures.test["neutral"].names


@slow
def test_seven_emotions_have_the_test_faces_of_the_literature(ferplus_zip: Path) -> None:
    assert counts(ferplus(ferplus_zip, emotions=7))[1] == 3_137


def test_seven_emotions_leave_out_contempt_alone(few_faces: Path) -> None:
    seven, eight = (ferplus(few_faces / "png", emotions=n) for n in (7, 8))
    assert seven.outputs == EMOTIONS[:7]
    assert set(eight.outputs) - set(seven.train) == {"contempt"} == set(eight.outputs) - set(seven.test)
    assert all(list(seven.train[name].names) == list(eight.train[name].names) for name in seven.outputs)


def test_emotions_may_come_from_a_command_line(few_faces: Path) -> None:
    configured = discover().configure("stream", Spec.parse("ferplus:emotions=7,mode=crossentropy"))
    assert configured(data_root=few_faces / "png").outputs == EMOTIONS[:7]


@pytest.mark.parametrize("mode", ["majority", "crossentropy", "multi_target", "probability"])
def test_kaggles_csv_gives_the_same_pictures_as_the_folders(few_faces: Path, mode: Any) -> None:
    kaggle, png = ferplus(few_faces / "kaggle", mode=mode), ferplus(few_faces / "png", mode=mode)
    assert counts(kaggle) > (16, 16)
    assert same(kaggle, png)


def test_zip_and_wrapping_folder_give_the_same_pictures(few_faces: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "wrapped.zip", "w") as archive:
        for file in (few_faces / "png").rglob("*.*"):
            archive.write(file, Path("FERPlus", file.relative_to(few_faces / "png")))
    assert same(ferplus(tmp_path / "wrapped.zip"), ferplus(few_faces / "png"))


def test_doubled_name_counts_once_with_its_first_votes_and_pixels(few_faces: Path, vote_rows: list[list[str]]) -> None:
    first = f"FER2013Train/{vote_rows[0][1]}"
    for layout in ("png", "kaggle"):
        pictures = ferplus(few_faces / layout, mode="crossentropy")
        places = [(block, list(block.names).index(first)) for block in pictures.train.values() if first in block.names]
        [(block, at)] = places
        assert block.targets is not None
        expected = distribution([float(vote) for vote in vote_rows[0][2:]], "crossentropy")
        assert np.allclose(block.targets[at], expected)
        assert block.picture(at).float().mean() < 255


def test_results_say_which_labels_were_used(few_faces: Path) -> None:
    assert ferplus(few_faces / "png").note == "FERPlus labels from fer2013new.csv, mode majority, private test"
    by_folder = ferplus(few_faces / "png", labels="folder", mode="crossentropy", test="public").note
    assert by_folder == "FERPlus labels from the folders' label.csv, mode crossentropy, public test"


@pytest.mark.parametrize(("test", "place"), [("private", "FER2013Test"), ("public", "FER2013Valid")])
def test_either_part_may_be_tested_on(few_faces: Path, test: Any, place: str) -> None:
    pictures = ferplus(few_faces / "kaggle", test=test)
    assert {name.split("/")[0] for block in pictures.test.values() for name in block.names} == {place}
    assert {name.split("/")[0] for block in pictures.train.values() for name in block.names} == {"FER2013Train"}


@pytest.mark.parametrize("layout", ["png", "both"])
def test_folders_own_labels_are_used_when_asked_for(few_faces: Path, layout: str) -> None:
    new, own = ferplus(few_faces / layout), ferplus(few_faces / layout, labels="folder")
    assert TOLD_OTHERWISE in new.train["neutral"].names
    assert TOLD_OTHERWISE in own.train["contempt"].names
    at = list(own.train["contempt"].names).index(TOLD_OTHERWISE)
    with Image.open(few_faces / "png" / TOLD_OTHERWISE) as image:
        assert np.array_equal(own.train["contempt"].picture(at)[0], np.asarray(image))


def test_folders_own_labels_are_used_where_there_are_no_others(few_faces: Path, tmp_path: Path) -> None:
    for folder in FOLDERS.values():
        (tmp_path / folder).symlink_to(few_faces / "png" / folder, target_is_directory=True)
    alone = ferplus(tmp_path)
    assert "label.csv" in alone.note
    assert same(alone, ferplus(few_faces / "png", labels="folder"))


def test_majority_is_learnt_as_certain(few_faces: Path) -> None:
    pictures = ferplus(few_faces / "png")
    assert not pictures.soft
    assert all(block.targets is None for block in pictures.train.values())


@pytest.mark.parametrize("mode", ["crossentropy", "multi_target"])
def test_soft_targets_are_distributions_over_the_emotions(few_faces: Path, mode: Any) -> None:
    pictures = ferplus(few_faces / "png", mode=mode)
    assert pictures.soft
    for label, name in enumerate(EMOTIONS):
        targets = pictures.train[name].targets
        assert targets is not None
        assert targets.shape == (len(pictures.train[name]), 8)
        assert torch.allclose(targets.sum(1), torch.ones(len(targets)))
        assert (targets[:, label] == targets.max(1).values).all()


def test_labels_of_multi_target_are_taken_alike(few_faces: Path) -> None:
    pictures = ferplus(few_faces / "png", mode="multi_target")
    targets = torch.cat([block.targets for block in pictures.train.values() if block.targets is not None])
    labels = (targets > 0).sum(1, keepdim=True)
    assert torch.equal(targets, (targets > 0) / labels)
    assert labels.unique().tolist() == [1, 2]


def test_probability_draws_the_same_labels_every_time(few_faces: Path) -> None:
    first, again = (ferplus(few_faces / "png", mode="probability") for _ in range(2))
    assert not first.soft
    assert same(first, again)


@slow
def test_probability_draws_training_labels_alone_and_from_the_votes(
    ferplus_zip: Path, vote_rows: list[list[str]]
) -> None:
    votes = {row[1]: [float(vote) for vote in row[2:]] for row in reversed(vote_rows)}
    drawn, likeliest = ferplus(ferplus_zip, mode="probability"), ferplus(ferplus_zip, mode="crossentropy")
    otherwise, expected = 0, 0.0
    for label, name in enumerate(EMOTIONS):
        assert list(drawn.test[name].names) == list(likeliest.test[name].names)
        for path in drawn.train[name].names:
            shares = distribution(votes[Path(path).name], "probability")
            assert shares is not None
            assert shares[label] > 0
            otherwise += int(shares.argmax() != label)
            expected += 1 - shares.max()
    assert otherwise == pytest.approx(expected, rel=0.05)
