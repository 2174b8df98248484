"""What is counted of a corpus, on films whose frames and labels are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cltool import CallError
from cltool.video.films import Corpus, Film, Labels
from cltool.video.inventory import Totals, count, take

NONE = (np.nan, np.nan)


def told(*rows: tuple[float, float], rate: float | None = None, notes: tuple[str, ...] = ()) -> Callable[[], Labels]:
    labels = Labels(np.array(rows, np.float32).reshape(-1, 2), Path("a.txt"), rate, notes)
    return lambda: labels


@pytest.fixture
def faces(tmp_path: Path) -> Callable[..., Path]:
    """A folder of numbered pictures; they are counted by name, never opened."""

    def make(*numbers: int, suffix: str = "jpg") -> Path:
        folder = tmp_path / "faces"
        folder.mkdir(exist_ok=True)
        for number in numbers:
            (folder / f"{number:05d}.{suffix}").touch()
        return folder

    return make


def test_faces_labels_and_what_is_usable(faces: Callable) -> None:
    film = Film("a", faces(1, 2, 4), rate=2, labels=told((0, 0), NONE, (1, 1), (0.5, 0), (0, 0)))
    found = count(film)
    assert found.seen.tolist() == [True, True, False, True, False]
    assert found.totals == Totals(
        films=1, annotated=1, silent=1, seconds=2.5, frames=5, labelled=4, unlabelled=1, faceless=2, usable=2
    )
    assert found.notes == ()


def test_faces_beyond_the_last_label_do_not_fit(faces: Callable) -> None:
    found = count(Film("a", faces(1, 2, 5), rate=25, labels=told((0, 0), (0, 0))))
    assert found.notes == ("a.txt: 2 labels for 5 frames; the last 3 frames have none",)
    assert (found.totals.frames, found.totals.faceless, found.totals.usable) == (5, 2, 2)


def test_numbers_from_0_where_0_is_there(faces: Callable) -> None:
    assert list(count(Film("a", faces(1, 3), rate=25)).seen) == [True, False, True]
    assert list(count(Film("a", faces(0), rate=25)).seen) == [True, True, False, True]


def test_a_video_with_sound(film: Callable[..., Path]) -> None:
    path = film("a.mp4", frames=10)
    found = count(Film("a", path, path, labels=told(*[(0, 0)] * 10)))
    assert (found.totals.frames, found.totals.usable, found.totals.faceless) == (10, 10, 0)
    assert found.rate == 25
    assert found.sound
    assert found.notes == ()


@pytest.mark.parametrize(("rate", "notes"), [(None, 0), (25, 0), (24.9, 0), (24, 1), (50, 1)])
def test_labels_of_another_rate_are_told_of(film: Callable, faces: Callable, rate: float | None, notes: int) -> None:
    path, labels = film("a.mp4", frames=2), told((0, 0), (0, 0), rate=rate)
    wanted = (f"a.txt: {rate} labels a second, 25 frames; they are matched by number",) * notes
    assert count(Film("a", path, path, labels=labels)).notes == wanted
    assert count(Film("a", faces(1, 2), rate=25, labels=labels)).notes == wanted
    assert count(Film("a", path.with_name("nowhere.mp4"), labels=labels)).notes == ()  # no rate to compare it with


def test_a_silent_video_with_fewer_labels(film: Callable[..., Path]) -> None:
    path = film("a.mp4", frames=10, sound_rate=None)
    found = count(Film("a", path, path, labels=told(*[(0, 0)] * 8)))
    assert not found.sound
    assert found.notes == ("a.txt: 8 labels for 10 frames; the last 2 frames have none",)
    assert found.totals.usable == 8


def test_a_number_of_frames_that_is_only_reckoned_is_told_as_such(grid: list[Path]) -> None:
    """An MPEG film does not say how many frames it has; this one has 75."""
    assert count(Film("a", grid[0], grid[0], labels=told(*[(0, 0)] * 75))).notes == ()
    (note,) = count(Film("a", grid[0], grid[0], labels=told(*[(0, 0)] * 90))).notes
    assert note.startswith("a.txt: 90 labels for 7")
    assert note.endswith("(reckoned from its length)")


def test_faces_whose_video_has_another_number_of_frames(film: Callable[..., Path], faces: Callable) -> None:
    path = film("v.mp4", frames=10)
    found = count(Film("a", faces(1, 2), path, rate=25, labels=told(*[(0, 0)] * 12)))
    assert found.notes == (f"a.txt: 12 labels, and 10 frames in {path}",)
    assert found.sound


def test_what_cannot_be_read_is_a_note(tmp_path: Path, faces: Callable) -> None:
    (tmp_path / "b.mp4").write_text("no film")
    seen, heard = (
        count(Film("b", tmp_path / "b.mp4", tmp_path / "b.mp4", labels=told((0, 0)))),
        count(Film("b", faces(1), tmp_path / "b.mp4", rate=25, labels=told((0, 0)))),
    )
    assert seen.totals == Totals(films=1, annotated=1, unseen=1, silent=1, labelled=1)
    assert "b.mp4 cannot be read" in seen.notes[0]
    assert "b.mp4 cannot be read" in heard.notes[0]
    assert heard.totals.usable == 1


def test_a_corpus_by_splits(faces: Callable, tmp_path: Path) -> None:
    films = (
        Film("a", faces(1, 2), rate=25, labels=told((0, 0.5), NONE), split="train", subject="Ann", synthetic=True),
        Film("b", faces(1, 2), rate=25, labels=told((-1, 1), (1, 1)), split="validation", subject="Ann"),
        Film("c", faces(1, 2), rate=25),
    )
    unseen = (Film("d", tmp_path / "nowhere", labels=told((1, 0), notes=("odd",)), split="train"),)
    found = take(Corpus(films, ("a line",), "mine", unseen))
    assert found.splits == ("train", "validation", "none")
    assert [found.of(name).films for name in ("train", "validation", "none", None)] == [2, 1, 1, 4]
    assert [found.of(name).labelled for name in ("train", "validation", "none", None)] == [2, 2, 0, 4]
    assert (found.of("train").unseen, found.of().annotated) == (1, 3)
    assert found.people() == 1
    assert found.values("train").tolist() == [[0, 0.5], [1, 0]]
    assert found.values("none").shape == (0, 2)
    assert (found.notes, found.missing, found.licence, found.synthetic) == (["odd"], ("a line",), "mine", True)


def test_facts_are_plain_json(faces: Callable) -> None:
    film = Film("a", faces(1, 2), rate=25, labels=told((-0.5, 0.25), (0.5, 0.25)), split="train", subject="Ann")
    facts = take(Corpus((film,))).facts()
    assert facts["all"] == facts["splits"]["train"]
    assert facts["all"]["valence"] == {"mean": 0, "std": 0.5}
    assert facts["all"]["people"] == 1
    assert facts["films"] == [
        {
            **{"name": "a", "split": "train", "subject": "Ann", "rate": 25, "sound": False, "seconds": 0.08},
            **{"frames": 2, "labelled": 2, "unlabelled": 0, "faceless": 0, "usable": 2, "notes": []},
        }
    ]
    assert take(Corpus((Film("b", faces(1), rate=25),))).facts()["all"]["valence"] is None


def test_all_label_files_are_tried_before_a_broken_one_is_told(faces: Callable) -> None:
    asked = []

    def broken(name: str) -> Callable[[], Labels]:
        def read() -> Labels:
            asked.append(name)
            raise CallError(f"{name}, line 3: 'x' is no number")

        return read

    films = tuple(Film(name, faces(1), rate=25, labels=broken(name)) for name in "abc")
    with pytest.raises(
        CallError, match=r"^a, line 3: 'x' is no number \(and 2 more label files that cannot be read\)$"
    ):
        take(Corpus(films))
    assert asked == ["a", "b", "c"]
