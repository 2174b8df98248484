"""All wrong calls of the corpora together: each is answered by one line that says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cltool import CallError
from cltool_plugins.corpora.afew_va import afew_va
from cltool_plugins.corpora.affwild import affwild
from cltool_plugins.corpora.affwild2 import affwild2
from cltool_plugins.corpora.annotations import read_columns, read_pairs
from cltool_plugins.corpora.va_puppet import va_puppet

TRAIN = "VA_Estimation_Challenge/Train_Set"


def told(error: pytest.ExceptionInfo[CallError]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("corpus", "words"),
    [
        (affwild2, ("signed licence", "ibug.doc.ic.ac.uk/resources/aff-wild2", "VA_Estimation_Challenge/Train_Set/")),
        (affwild, ("on request", "ibug.doc.ic.ac.uk", "annotations/train/valence/ID.txt")),
        (afew_va, ("ibug.doc.ic.ac.uk/resources/afew-va-database", "NN/NNN/NNN.json")),
        (va_puppet, ("cltool data make va-puppet",)),
    ],
)
def test_data_that_are_not_there_are_asked_for_by_name_and_layout(
    corpus, words: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for root in (tmp_path, tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(CallError) as error:
            corpus(root)
        assert str(root) in told(error)
        assert all(word in told(error) for word in words)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("valence,arousal\n", "holds no labels"),
        ("0.5,0.5\n0.5,0.5\n", "the first line must be 'valence,arousal', not '0.5,0.5'"),
        ("arousal,valence\n0.5,0.5\n", "the first line must be 'valence,arousal'"),
        ("valence,arousal\n0,0\n0.5,high\n", "line 3: 'high' is no number"),
        ("valence,arousal\n0,nan\n", "line 2: 'nan' is no number"),
        ("valence,arousal\n0,inf\n", "line 2: 'inf' is no number"),
        ("valence,arousal\n0,0\n\n0,0\n", "line 3: '' is not valence,arousal"),
        ("valence,arousal\n0,0,0\n", "line 2: '0,0,0' is not valence,arousal"),
        ("valence,arousal\n0\n", "line 2: '0' is not valence,arousal"),
    ],
)
def test_a_broken_file_of_pairs_is_told_by_line(content: str, says: str, shelf: Any) -> None:
    path = shelf.text("a.txt", content)
    with pytest.raises(CallError) as error:
        read_pairs(path)
    assert str(path) in told(error)
    assert says in told(error)


@pytest.mark.parametrize(
    ("valence", "arousal", "says"),
    [
        ("", "0\n", "v.txt is empty"),
        ("0\n0\n", "0\n", "v.txt has 2 lines and"),
        ("0\n", "valence\n", "a.txt, line 1: 'valence' is no number"),
        ("0\n\n0\n", "0\n0\n0\n", "v.txt, line 2: '' is no number"),
        ("0\nNaN\n", "0\n0\n", "v.txt, line 2: 'NaN' is no number"),
    ],
)
def test_broken_files_of_one_number_are_told_by_line(valence: str, arousal: str, says: str, shelf: Any) -> None:
    paths = shelf.text("v.txt", valence), shelf.text("a.txt", arousal)
    with pytest.raises(CallError, match=says) as error:
        read_columns(*paths)
    told(error)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is no JSON"),
        ("[]", "holds no frames"),
        ('{"frames": {}}', "holds no frames"),
        (json.dumps({"frames": {"one": {"valence": 0, "arousal": 0}}}), "frame 'one': a frame is named by its number"),
        (json.dumps({"frames": {"00000": {"valence": 0}}}), "frame 00000: arousal None is no number"),
        (json.dumps({"frames": {"00007": {"valence": "1", "arousal": 0}}}), "frame 00007: valence '1' is no number"),
        ('{"frames": {"00000": {"valence": NaN, "arousal": 0}}}', "frame 00000: valence nan is no number"),
        ('{"frames": {"00000": []}}', "frame 00000: valence None is no number"),
    ],
)
def test_a_broken_annotation_is_told_by_frame(content: str, says: str, shelf: Any) -> None:
    path = shelf.text("01/001/001.json", content)
    shelf.pictures("01/001", (0,), "png")
    with pytest.raises(CallError) as error:
        afew_va(shelf.root).films[0].labels()
    assert str(path) in told(error)
    assert says in told(error)


def test_no_text_at_all(shelf: Any) -> None:
    path = shelf.root / "a.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CallError, match=r"a\.txt is no text"):
        read_pairs(path)
    with pytest.raises(CallError, match=r"cannot read .*b\.txt: No such file"):
        read_pairs(shelf.root / "b.txt")


def test_two_annotations_of_one_film(shelf: Any) -> None:
    for folder in ("5th", "6th"):
        shelf.pairs(f"{folder}/{TRAIN}/a.txt", [(0, 0)])
    with pytest.raises(CallError, match=r"two label files tell of a: .*5th.*6th") as error:
        affwild2(shelf.root)
    told(error)


def test_names_that_would_be_one(shelf: Any) -> None:
    for name in ("a b", "a_b"):
        shelf.pairs(f"{TRAIN}/{name}.txt", [(0, 0)])
    with pytest.raises(CallError, match="2 films are called a_b"):
        affwild2(shelf.root)


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"synthetic": true}', '{"synthetic": false, "films": {}}', '{"synthetic": true, "films": []}'],
)
def test_what_is_not_the_puppets_own_is_refused(content: str, shelf: Any) -> None:
    shelf.pairs(f"{TRAIN}/a.txt", [(0, 0)])
    shelf.text("synthetic.json", content)
    with pytest.raises(CallError, match=r"synthetic\.json is not as va-puppet's maker writes it") as error:
        va_puppet(shelf.root)
    assert "cltool data make va-puppet" in told(error)


@pytest.mark.parametrize(
    ("corpus", "options", "says"),
    [
        (affwild2, {"pictures": "faces"}, "'cropped' or 'videos'"),
        (affwild2, {"rate": "0"}, "greater than 0"),
        (afew_va, {"rate": "-25"}, "greater than 0"),
        (affwild, {"pictures": "videos"}, "no option 'pictures'; its options: unlabelled"),
        (va_puppet, {"pictures": "none"}, "'cropped' or 'videos'"),
    ],
)
def test_options_are_checked_before_anything_is_read(corpus, options: dict[str, str], says: str) -> None:
    with pytest.raises(CallError, match=says):
        corpus.__cltool_plugin__.configure(options)
