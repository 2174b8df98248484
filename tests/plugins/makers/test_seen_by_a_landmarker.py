"""What MediaPipe's face landmarker sees in the films: a face in every frame, and valence and arousal in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cltool.progress import Silent
from cltool.video.decoding import read_frames
from cltool_plugins.makers.va_puppet import va_puppet
from cltool_plugins.modalities.face70 import FACE70
from cltool_plugins.modalities.mediapipe_tasks import Landmarker
from cltool_plugins.modalities.mesh import face_landmarker
from cltool_plugins.puppet.portrait import astronaut
from cltool_plugins.puppet.stage import Stage

pytestmark = pytest.mark.slow
SIZE = 360
STEPS = np.linspace(-1, 1, 9)


@pytest.fixture
def landmarker(face_model: Path) -> Iterator[Landmarker]:
    own = face_landmarker(face_model, blendshapes=True)
    yield own
    own.close()


def blendshapes(told: object) -> dict[str, float]:
    return {shape.category_name: shape.score for shape in told.face_blendshapes[0]}  # type: ignore[attr-defined]


def shown(landmarker: Landmarker, stage: Stage, time: float, valence: float, arousal: float) -> dict[str, float]:
    """Blendshapes of a still head; seen for a while, since the landmarker smooths over time."""
    bearing = np.zeros(8, np.float32)
    expression = stage.expressions(*(np.array([x]) for x in (valence, arousal, 0.0, 0.0)))[0]
    picture = stage.picture(
        bearing, expression, stage.pose(bearing, expression), np.ones((SIZE, SIZE, 3), np.float32), 0
    )
    return [blendshapes(landmarker(picture, time + n / 25)) for n in range(10)][-1]


def test_a_smile_rises_with_valence_and_brows_eyes_and_jaw_with_arousal(landmarker: Landmarker) -> None:
    stage = Stage(astronaut().framed(SIZE))
    by_valence = [shown(landmarker, stage, float(n), v, 0.0) for n, v in enumerate(STEPS)]
    smiles = [(own["mouthSmileLeft"] + own["mouthSmileRight"]) / 2 for own in by_valence]
    assert (np.diff(smiles) > 0).all(), smiles
    assert smiles[-1] - smiles[0] > 0.7
    by_arousal = [shown(landmarker, stage, 100.0 + n, 0.0, a) for n, a in enumerate(STEPS)]
    for name, least in (("browInnerUp", 0.25), ("browOuterUpLeft", 0.3), ("eyeWideLeft", 0.12), ("jawOpen", 0.06)):
        scores = [own[name] for own in by_arousal]
        assert scores[-1] - scores[0] > least, (name, scores)
        assert np.corrcoef(scores, STEPS)[0, 1] > 0.85, (name, scores)


def test_films_show_what_their_labels_say(face_model: Path, tmp_path: Path) -> None:
    va_puppet(tmp_path / "out", 4, 4.0, 0, Silent())
    films = json.loads((tmp_path / "out" / "synthetic.json").read_text())["films"]
    seen, told, errors = [], [], []
    for name, film in films.items():
        labels = np.loadtxt(next((tmp_path / "out").rglob(f"{name}.txt")), delimiter=",", skiprows=1)
        first, last = film["hidden"] or (0, -1)
        own = face_landmarker(face_model, blendshapes=True)
        for n, frame in enumerate(read_frames(tmp_path / "out" / "videos" / f"{name}.mp4")):
            found = own(frame.picture, frame.time)
            if first <= n <= last:
                continue
            assert found.face_landmarks, (name, n)
            mesh = np.array([(found.face_landmarks[0][i].x, found.face_landmarks[0][i].y) for i in FACE70]) * SIZE - 0.5
            errors.append(np.hypot(*(mesh - face_points(tmp_path / "out" / "openpose" / name, name, n)).T))
            if labels[n, 0] != -5:
                seen.append(blendshapes(found))
                told.append(labels[n])
        own.close()
    assert np.mean(errors) < 2.5  # pixels, of a face 105 wide
    valence, arousal = np.array(told).T
    assert correlation(seen, "mouthSmileLeft", valence) > 0.85
    assert correlation(seen, "browInnerUp", arousal) > 0.6
    assert correlation(seen, "eyeWideLeft", arousal) > 0.5
    assert correlation(seen, "jawOpen", arousal) > 0.5


def face_points(folder: Path, name: str, frame: int) -> np.ndarray:
    (person,) = json.loads((folder / f"{name}_{frame:012d}_keypoints.json").read_text())["people"]
    return np.array(person["face_keypoints_2d"]).reshape(70, 3)[:, :2]


def correlation(seen: list[dict[str, float]], name: str, with_: np.ndarray) -> float:
    return float(np.corrcoef([own[name] for own in seen], with_)[0, 1])


def test_the_pulse_outlives_the_encoder(tmp_path: Path) -> None:
    """In a film that hides no face, on the cheeks that its points tell of."""
    va_puppet(tmp_path / "out", 2, 12.0, 5, Silent())
    name = "synthetic-001"
    film = json.loads((tmp_path / "out" / "synthetic.json").read_text())["films"][name]
    greens = []
    for n, frame in enumerate(read_frames(tmp_path / "out" / "videos" / f"{name}.mp4")):
        assert frame.picture is not None
        points = face_points(tmp_path / "out" / "openpose" / name, name, n)
        x, y = points[[2, 31]].mean(0).astype(int)
        greens.append(frame.picture[y - 8 : y + 8, x - 8 : x + 8, 1].mean())
    slow = np.convolve(np.pad(greens, 15, mode="edge"), np.hanning(31) / np.hanning(31).sum(), "valid")
    power = abs(np.fft.rfft((np.array(greens) - slow) * np.hanning(len(greens)), 8192)) ** 2
    per_minute = 60 * np.fft.rfftfreq(8192, 1 / 25)
    heart = (per_minute > 48) & (per_minute < 180)
    assert per_minute[heart][power[heart].argmax()] == pytest.approx(film["heart_rate"], abs=4)
