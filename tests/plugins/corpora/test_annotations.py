"""Label files that are odd and can be read all the same."""

from __future__ import annotations

from typing import Any

from cltool_plugins.corpora.annotations import read_columns, read_pairs


def test_out_of_range_is_told_by_file_and_line_and_not_learnt_from(shelf: Any) -> None:
    path = shelf.pairs("a.txt", [(0, 0), (0.5, 1.25), (-5, 0), (-2, 0), (1, -1)])
    labels = read_pairs(path)
    assert labels.given.tolist() == [True, False, False, False, True]
    assert labels.notes == (
        f"{path}, line 3: arousal 1.25 is not in [-1, 1]; the frame is taken for unlabelled, and 1 more like it",
    )


def test_out_of_range_in_files_without_a_header(shelf: Any) -> None:
    valence, arousal = shelf.text("v.txt", "0\n3\n"), shelf.text("a.txt", "0\n0\n")
    (note,) = read_columns(valence, arousal).notes
    assert note.startswith(f"{arousal}, line 2: valence 3 is not in [-1, 1]")


def test_what_editors_leave_in_a_file_does_no_harm(shelf: Any) -> None:
    path = shelf.text("a.txt", "\ufeffValence, Arousal\r\n0.5, -0.5\r\n-5,-5\r\n\r\n\r\n")
    assert read_pairs(path).given.tolist() == [True, False]
