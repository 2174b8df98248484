"""Aff-Wild2 as the ABAW challenges hand it out: which films there are, and where each one's parts lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cltool.contract import check
from cltool_plugins.corpora.affwild2 import affwild2

TRAIN, VALIDATION = "6th ABAW Annotations/VA_Estimation_Challenge/Train_Set", "VA_Estimation_Challenge/Validation_Set"
ROWS = ((0.5, -0.25), (-5, -5), (1, -1))


@pytest.fixture
def data(shelf: Any) -> Any:
    """Four annotated films: one with faces and video, two sides of one video, one of neither; and one that has none."""
    shelf.pairs(f"{TRAIN}/10-24-1280x720.txt", ROWS)
    shelf.pairs(f"{TRAIN}/video5_left.txt", ROWS)
    shelf.pairs(f"{TRAIN}/video5_right.txt", ROWS)
    shelf.pairs(f"{VALIDATION}/lost.txt", ROWS)
    shelf.pictures("cropped_aligned/10-24-1280x720", (1, 3))
    shelf.pictures("later/cropped_aligned_new_50_vids/video5_left", (1, 2))
    shelf.video("batch1/10-24-1280x720.avi", rate=24)
    shelf.video("videos/deep/video5.MP4", rate=29.97)
    shelf.video("videos/test3.mp4")
    return shelf


def test_every_film_has_its_own_parts(data: Any) -> None:
    films = {film.name: film for film in affwild2(data.root).films}
    assert list(films) == ["10-24-1280x720", "video5_left", "video5_right"]
    one, left, right = films.values()
    assert one.pictures == data.root / "cropped_aligned/10-24-1280x720"
    assert one.sound == data.root / "batch1/10-24-1280x720.avi"
    assert (one.split, one.subject, one.synthetic) == ("train", None, False)
    assert left.pictures == data.root / "later/cropped_aligned_new_50_vids/video5_left"
    assert right.pictures == left.sound == right.sound == data.root / "videos/deep/video5.MP4"
    assert (left.subject, right.subject) == ("video5_left", "video5_right")


def test_faces_have_the_rate_of_their_video(data: Any) -> None:
    one, left, right = affwild2(data.root).films
    assert one.rate == 24
    assert left.rate == pytest.approx(29.97, abs=1e-3)
    assert right.rate is None  # a video tells its own


def test_without_a_video_the_rate_is_the_option_and_it_is_told(shelf: Any) -> None:
    shelf.pairs(f"{TRAIN}/a.txt", ROWS)
    shelf.pictures("cropped_aligned/a", (1,))
    shelf.text("videos/b.mp4", "no film")
    shelf.pairs(f"{TRAIN}/b.txt", ROWS)
    shelf.pictures("cropped_aligned/b", (1,))
    found = affwild2(shelf.root, rate=7.5)
    assert [film.rate for film in found.films] == [7.5, 7.5]
    assert "no video tells the frame rate of: 2 (a, b); it is taken to be 7.5 (option rate)" in found.missing
    assert "neither video nor sound of: 1 (a)" in found.missing


def test_labels_are_as_in_the_file(data: Any) -> None:
    labels = affwild2(data.root).films[0].labels()
    assert labels.values.dtype == np.float32
    np.testing.assert_array_equal(labels.values, np.array([[0.5, -0.25], [np.nan, np.nan], [1, -1]], np.float32))
    assert labels.path == data.root / TRAIN / "10-24-1280x720.txt"
    assert labels.notes == ()


def test_what_is_missing_is_told(data: Any) -> None:
    found = affwild2(data.root)
    assert found.missing == (
        "no cropped faces of: 1 (video5_right); their videos are read instead",
        "only a video, which shows both sides, of: 1 (video5_right)",
        "neither cropped faces nor video of annotated films: 1 (lost)",
        "no annotation of films: 1 (test3); unlabelled=true reads them too",
    )
    (lost,) = found.unseen
    assert (lost.name, lost.split) == ("lost", "validation")
    assert len(lost.labels()) == 3
    assert "signed licence" in found.licence


def test_videos_instead_of_faces(data: Any) -> None:
    found = affwild2(data.root, pictures="videos")
    assert [film.pictures.name for film in found.films] == ["10-24-1280x720.avi", "video5.MP4", "video5.MP4"]
    assert [film.rate for film in found.films] == [None] * 3
    assert "no video of annotated films: 1 (lost)" in found.missing


def test_faces_alone(data: Any) -> None:
    found = affwild2(data.root, pictures="cropped")
    assert [film.name for film in found.films] == ["10-24-1280x720", "video5_left"]
    assert [film.name for film in found.unseen] == ["video5_right", "lost"]
    assert "no cropped faces of annotated films: 2 (video5_right, lost)" in found.missing


def test_films_without_annotation_if_asked_for(data: Any) -> None:
    found = affwild2(data.root, unlabelled=True)
    assert [film.name for film in found.films if film.labels is None] == ["test3"]
    assert found.films[-1].split is None
    assert not any("no annotation" in line for line in found.missing)


def test_a_side_that_nobody_annotated_is_a_film_and_its_video_none(shelf: Any) -> None:
    shelf.pairs(f"{TRAIN}/a_left.txt", ROWS)
    shelf.pictures("cropped_aligned/a_left", (1,))
    shelf.pictures("cropped_aligned/a_right", (1,))
    shelf.video("a.mp4")
    assert [film.name for film in affwild2(shelf.root, unlabelled=True).films] == ["a_left", "a_right"]


def test_a_sound_file_goes_before_the_video(data: Any) -> None:
    sound = data.text("sound/video5.wav", "")
    assert [film.sound for film in affwild2(data.root).films[1:]] == [sound, sound]


def test_a_folder_without_pictures_is_no_face(shelf: Any) -> None:
    shelf.pairs(f"{TRAIN}/a.txt", ROWS)
    shelf.text("cropped_aligned/a/readme.txt", "")
    assert [film.name for film in affwild2(shelf.root).unseen] == ["a"]


def test_any_folder_from_the_annotations_up_is_a_root(data: Any) -> None:
    found = affwild2(data.root / "6th ABAW Annotations" / "VA_Estimation_Challenge")
    assert [film.name for film in found.unseen] == ["10-24-1280x720", "video5_left", "video5_right"]


def test_hidden_folders_are_passed_over_and_links_followed_once(data: Any) -> None:
    data.pairs(f".trash/{TRAIN}/10-24-1280x720.txt", ROWS)
    (data.root / "videos" / "loop").symlink_to(data.root)
    assert len(affwild2(data.root).films) == 3


def test_the_contract_is_kept(data: Any) -> None:
    report = check(affwild2, data_root=data.root)
    assert all(finding.kept for finding in report.findings), str(report)
