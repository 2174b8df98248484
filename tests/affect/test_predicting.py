"""What a trained network says of a film: the same as of a store with that film, and how sure the input was."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cltool.affect.like_training import Places
from cltool.affect.models import TrainedNetwork
from cltool.affect.predicting import FilmPrediction, confidence, predict_film, prepare_prediction, unheld
from cltool.affect.prediction_files import folder_for, predict_into_files, write_predictions
from cltool.affect.smoothing import smoothed
from cltool.video.encoding import film_writer
from cltool.video.growing import growing_tensors
from cltool.video.store import FeatureStore, FilmEntry, StoredFilm


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """A grey film of 30 frames whose tone rises."""
    path = tmp_path / "tone.mp4"
    with film_writer(path, 64, 48, 25, 16_000) as film:
        for number in range(30):
            film.write(np.full((48, 64, 3), 60 + 5 * number, np.uint8))
            heard = np.arange(640 * number, 640 * (number + 1)) / 16_000
            film.hear((np.sin(2 * np.pi * (300 + 200 * heard) * heard) / 2).astype(np.float32))
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.mark.slow
def test_a_film_is_predicted_as_from_a_store(trained_on: Callable, tone: Path, tmp_path: Path, out: Path) -> None:
    model = trained_on(tone)
    setup = prepare_prediction(tone, model, out)
    found = predict_film(setup)
    stored = FeatureStore(tmp_path / "model-features")["tone"]
    np.testing.assert_array_equal(found.values, TrainedNetwork.load(model).predict(stored).values)
    np.testing.assert_array_equal(found.times, stored.times)
    assert found.values.std(0).min() > 0
    assert found.face_found is None
    assert found.annotated is None
    assert found.confidence == pytest.approx(1)
    assert not list(out.iterdir())


@pytest.mark.slow
def test_smoothed_on_request(trained_on: Callable, tone: Path, out: Path) -> None:
    model = trained_on(tone)
    raw, smooth = (predict_film(prepare_prediction(tone, model, out, smooth=s)) for s in (0.0, 0.08))
    np.testing.assert_array_equal(smooth.values, smoothed(raw.values, 25, 0.08))


@pytest.mark.slow
def test_labels_are_scored_by_frame(trained_on: Callable, tone: Path, tmp_path: Path, out: Path) -> None:
    model, labels = trained_on(tone), tmp_path / "labels.csv"
    found, files = predict_into_files(prepare_prediction(tone, model, tmp_path / "first"), overlay=False)
    assert found.concordance is None
    # what is predicted is what is annotated, but for the first frame
    rows = files["predictions"].read_text().splitlines()
    labels.write_text("\n".join([rows[0], "0,0,-5,-5,,1", *rows[2:]]))
    again = predict_film(prepare_prediction(tone, model, out, labels=labels))
    assert again.annotated is not None
    assert np.isnan(again.annotated[0]).all()
    assert again.concordance == pytest.approx({"ccc_valence": 1, "ccc_arousal": 1, "ccc_mean": 1}, abs=1e-4)


@pytest.fixture
def points(tmp_path: Path) -> StoredFilm:
    """A stored film of three frames: points surely seen, half seen, not seen; sound in the last two."""
    path = tmp_path / "points.safetensors"
    with growing_tensors(tmp_path) as growing:
        growing.declare("times", (), np.float64)
        growing.append("times", np.arange(3.0))
        for name, shape, valid in (
            ("body", (2, 2), (1, 1, 0)),
            ("body_confidence", (2,), (1, 1, 0)),
            ("mel", (3,), (0, 1, 1)),
        ):
            growing.declare(name, shape)
            growing.declare(f"{name}.valid", (), np.bool_)
            growing.append(f"{name}.valid", np.array(valid, bool))
            rows = np.array([[1, 1.25], [0.5, 0], [0, 0]]) if name == "body_confidence" else np.zeros((3, *shape))
            growing.append(name, rows)
        digest = growing.save(path, {"columns": {}})
    entry = FilmEntry(
        file=path.name, sha256=digest, source="", source_state="", frames=3, rate=1, width=8, height=8, valid={}
    )
    return StoredFilm("points", path, entry)


@pytest.mark.parametrize(
    ("reads", "wanted"),
    [(("mel",), (0, 1, 1)), (("body",), (1, 0.25, 0)), (("body", "mel"), (0.5, 0.625, 0.5))],
)
def test_confidence_is_the_share_that_was_there(points: StoredFilm, reads: tuple, wanted: tuple) -> None:
    assert confidence(points, reads) == pytest.approx(wanted)


def test_rows_of_a_long_film_are_not_held(trained_on: Callable, tone: Path, tmp_path: Path) -> None:
    trained_on(tone)
    store = FeatureStore(tmp_path / "model-features")
    held, passing = store["tone"], unheld(store, "tone")
    assert np.shares_memory(held["mel"], held["mel"])
    assert not np.shares_memory(passing["mel"], passing["mel"])
    np.testing.assert_array_equal(passing["mel"], held["mel"])


def test_a_row_per_frame_is_written_and_what_is_not_known_is_empty(tmp_path: Path) -> None:
    found = FilmPrediction(
        times=np.array([0, 0.04]),
        values=np.array([[0.5, -0.25], [np.nan, np.nan]], np.float32),
        face_found=np.array([True, False]),
        confidence=np.array([0.75, 0], np.float32),
        rate=25,
    )
    write_predictions(found, tmp_path / "found.csv")
    with (tmp_path / "found.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {
            "frame": "0",
            "time": "0.000000",
            "valence": "0.500000",
            "arousal": "-0.250000",
            "face_found": "1",
            "confidence": "0.7500",
        },
        {"frame": "1", "time": "0.040000", "valence": "", "arousal": "", "face_found": "0", "confidence": "0.0000"},
    ]


def test_a_folder_in_which_nothing_was_written_goes_away(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    with pytest.raises(ZeroDivisionError), folder_for(out):
        _ = 1 / 0
    assert not out.parent.exists()
    with pytest.raises(ZeroDivisionError), folder_for(out):
        _ = (out / "finished.csv").touch() or 1 / 0
    assert (out / "finished.csv").exists()


def test_openpose_files_of_a_film_are_where_they_are_said_to_be(
    trained_on: Callable, tone: Path, tmp_path: Path, out: Path
) -> None:
    from cltool.video.openpose import BODY

    for folder in ("training", "now"):
        (tmp_path / folder / "tone").mkdir(parents=True)
        for frame in range(30):
            person = [number for point in range(len(BODY)) for number in (0.02 * point, 0.01 * frame + 0.3, 0.5)]
            path = tmp_path / folder / "tone" / f"tone_{frame:012}_keypoints.json"
            path.write_text(f'{{"people": [{{"pose_keypoints_2d": {person}}}]}}')
    model = trained_on(tone, "pose:hidden=8", (f"body:files={tmp_path / 'training'},scale=unit",))
    places = Places(modalities=(f"body:files={tmp_path / 'now'}",))
    found = predict_film(prepare_prediction(tone, model, out, places=places))
    assert found.seen.all()
    assert found.confidence == pytest.approx(0.5)
