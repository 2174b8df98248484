"""`cltool video extract` and `show`: from films to a store, and what it holds as a picture."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cltool.video.store import FeatureStore

QUICK = ("--modality", "mel")


@pytest.mark.slow
def test_a_film_becomes_a_store(cltool: Callable, talk: Callable, tmp_path: Path) -> None:
    found = cltool("video", "extract", talk(), *QUICK, "--out", tmp_path / "store")
    assert found.code == 0, found.err
    assert "talk" in found.out
    assert "ms per frame" in found.out
    assert "cltool video show" in found.out
    film = FeatureStore(tmp_path / "store")["talk"]
    assert film["mel"].shape == (12, 128)
    assert film.valid("mel").all()


def test_json_is_one_object_and_nothing_else(cltool: Callable, talk: Callable, tmp_path: Path) -> None:
    found = cltool("video", "extract", talk(), *QUICK, "--out", tmp_path / "store", "--json")
    told = json.loads(found.out)
    assert told["store"] == str(tmp_path / "store")
    assert told["films"]["talk"]["frames"] == 12
    assert told["tensors"]["mel"]["shape"] == [128]
    assert set(told["seconds"]) == {"preparing", "decoding", "mel", "writing"}
    assert told["synthetic"] is False


def test_what_is_odd_about_a_film_is_told(cltool: Callable, talk: Callable, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("text")
    path = talk(frames=40)
    path.write_bytes(path.read_bytes()[: int(0.7 * path.stat().st_size)])
    call = ("video", "extract", path, tmp_path / "text.mp4", "--skip-broken", *QUICK, "--out", tmp_path / "store")
    found = cltool(*call)
    assert found.code == 0, found.err
    assert f"talk: {path} breaks off" in found.out
    assert f"left out: {tmp_path / 'text.mp4'} cannot be read as a film" in found.out


@pytest.mark.slow
def test_a_silent_film_and_one_without_a_face_keep_masked_rows(
    cltool: Callable, talk: Callable, tmp_path: Path, face_model: Path
) -> None:
    silent, blank = talk("silent.mp4", sound=False), talk("blank.mp4", shown=False)
    modalities = ("--modality", "mesh", "--modality", "landmarks", "--modality", "mel")
    found = cltool("video", "extract", silent, blank, *modalities, "--out", tmp_path / "store", "--json")
    assert found.code == 0, found.err
    films = json.loads(found.out)["films"]
    assert films["silent"]["valid"] == {"mesh": 12, "landmarks": 12, "landmarks_confidence": 12, "mel": 0}
    assert films["blank"]["valid"] == {"mesh": 0, "landmarks": 0, "landmarks_confidence": 0, "mel": 12}
    assert FeatureStore(tmp_path / "store")["blank"]["mesh"].shape == (12, 478, 3)


@pytest.mark.slow
def test_frames_of_4k_are_read(cltool: Callable, talk: Callable, tmp_path: Path, face_model: Path) -> None:
    path = talk(frames=4, size=2160)
    found = cltool("video", "extract", path, "--modality", "mesh", "--out", tmp_path / "store", "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)["films"]["talk"]
    assert (told["width"], told["valid"]["mesh"]) == (2160, 4)


@pytest.mark.slow
def test_real_films_through_everything(
    cltool: Callable, grid: list[Path], tmp_path: Path, face_model: Path, squeezenet: Path
) -> None:
    modalities = ("mesh:blendshapes=true", "landmarks", "mel", "face", "evm")
    asked = [part for modality in modalities for part in ("--modality", modality)]
    backbone = f"squeezenet1_0:weights={squeezenet}"
    call = ("video", "extract", grid[0].parent, *asked, "--backbone", backbone, "--out", tmp_path / "store")
    found = cltool(*call)
    assert found.code == 0, found.err
    store = FeatureStore(tmp_path / "store")
    assert len(store) == 4
    for film in store.values():
        names = ("mesh", "blendshapes", "action_units", "landmarks", "mel", "face", "evm")
        assert {name: int(film.valid(name).sum()) for name in names} == dict.fromkeys(names, 75)
        assert film["face"].shape == film["evm"].shape == (75, 512)
        assert not np.array_equal(film["face"], film["evm"])
        assert film.intact
    shown = cltool("video", "show", tmp_path / "store", "brbk7n", "-o", tmp_path / "talk.png")
    assert shown.code == 0, shown.err
    with Image.open(tmp_path / "talk.png") as picture:
        pixels = np.array(picture.convert("RGB"))
    assert pixels.shape[1] > 1000
    blue = (pixels[: pixels.shape[0] // 4] - [40, 150, 220.0]).__abs__().max(2) < 60  # the wall behind the speaker
    assert blue.mean() > 0.02


@pytest.mark.slow
def test_the_picture_of_a_film_that_is_gone(cltool: Callable, talk: Callable, tmp_path: Path) -> None:
    path = talk()
    cltool("video", "extract", path, *QUICK, "--out", tmp_path / "store")
    path.unlink()
    shown = cltool("video", "show", tmp_path / "store")
    assert shown.code == 0, shown.err
    assert "drawn without pictures" in shown.err
    assert (tmp_path / "store" / "talk.png").stat().st_size > 5000


@pytest.mark.slow
def test_a_kill_costs_one_film_at_most(cltool: Callable, talk: Callable, tmp_path: Path) -> None:
    films = [talk(f"{name}.mp4") for name in "abcd"]
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import time\n"
        "from cltool import modality\n"
        "from cltool.video.modalities import Extractor, Rows\n"
        "class Slow(Extractor):\n"
        "    shapes = {'slow': (1,)}\n"
        "    def __call__(self, frames):\n"
        "        time.sleep(0.5)\n"
        "        return {'slow': Rows.none(len(frames), (1,))}\n"
        "@modality\n"
        "def slow() -> Extractor:\n"
        "    '''Take half a second.'''\n"
        "    return Slow()\n"
    )
    store = tmp_path / "store"
    call = ["video", "extract", *map(str, films), "--plugin", str(slow), "--modality", "slow", "--out", str(store)]
    running = subprocess.Popen([sys.executable, "-c", "from cltool.cli import main; main()", *call])
    while not (store / "index.json").exists():
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()
    before = set(FeatureStore(store))
    assert 0 < len(before) < 4
    written = {name: (store / "films" / f"{name}.safetensors").stat().st_mtime_ns for name in before}
    found = cltool("video", "extract", "--resume", store)
    assert found.code == 0, found.err
    assert set(FeatureStore(store)) == set("abcd")
    assert {name: (store / "films" / f"{name}.safetensors").stat().st_mtime_ns for name in before} == written
    assert sorted(path.name for path in store.iterdir()) == ["films", "index.json", "recipe.yaml"]
