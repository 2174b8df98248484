"""What is asked for, found and looked at before any work: films under names of their own, modalities in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from cltool.catalogue import discover
from cltool.errors import CallError
from cltool.recipe import Choice
from cltool.video.recipes import ExtractionRecipe
from cltool.video.setups import ordered, pictures_of, prepare

Make = Callable[..., Path]

PLUGINS = '''
from cltool import modality
from cltool.video.modalities import Extractor, Frames, Rows


class Nothing(Extractor):
    shapes = {"nothing": (1,)}

    def __call__(self, frames):
        return {"nothing": Rows.none(len(frames), (1,))}


@modality
def nothing() -> Extractor:
    """Masked rows."""
    return Nothing()


@modality(after=("pong",))
def ping() -> Extractor:
    """Reads pong."""
    return Nothing()


@modality(after=("ping",))
def pong() -> Extractor:
    """Reads ping."""
    return Nothing()


@modality(after=("nothing", "ping2"))
def last() -> Extractor:
    """Reads both."""
    return Nothing()


@modality(after=("nothing",))
def ping2() -> Extractor:
    """Reads nothing."""
    return Nothing()
'''


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    path = tmp_path / "plugins.py"
    path.write_text(PLUGINS)
    return path


def wanted(plugins: Path, *inputs: Path, **more: object) -> ExtractionRecipe:
    asked = {"inputs": [str(path) for path in inputs], "modalities": ["nothing"], "backbone": "random"}
    return ExtractionRecipe.of({**asked, "plugins": [str(plugins)], **more})


def numbered(folder: Path) -> Path:
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "00001.jpg"), np.zeros((16, 16, 3), np.uint8))
    return folder


def test_films_are_found_in_folders_and_named_apart(tmp_path: Path, film: Make, plugins: Path) -> None:
    for place in ("one", "two", "one/deeper"):
        (tmp_path / place).mkdir()
    film("one/talk.mp4", frames=2)
    film("one/walk.mkv", frames=2)
    film("one/deeper/hidden.mp4", frames=2)
    film("two/talk.mp4", frames=2)
    numbered(tmp_path / "one" / "crops")
    (tmp_path / "one" / "notes.txt").write_text("not a film")
    found = prepare(wanted(plugins, tmp_path / "one", tmp_path / "two" / "talk.mp4"))
    assert [one.name for one in found.films] == ["crops", "talk", "walk", "two_talk"]
    assert [one.sound is None for one in found.films] == [True, False, False, False]
    assert found.facts["talk"].frames == 2


def test_a_folder_of_numbered_pictures_is_one_film(tmp_path: Path, plugins: Path) -> None:
    found = prepare(wanted(plugins, numbered(tmp_path / "crops"), rate=12.5))
    assert [one.name for one in found.films] == ["crops"]
    assert found.facts["crops"].rate == 12.5


def test_names_are_fit_for_files(tmp_path: Path, film: Make, plugins: Path) -> None:
    assert prepare(wanted(plugins, film("a b:ü?.mp4", frames=2))).films[0].name == "a_b_ü_"
    assert len(prepare(wanted(plugins, film("字" * 80 + ".mp4", frames=2))).films[0].name.encode()) <= 200


def test_modalities_come_behind_what_they_read_and_once(plugins: Path) -> None:
    catalogue = discover([plugins])
    assert list(ordered([Choice(name="last")], catalogue)) == ["nothing", "ping2", "last"]
    assert list(ordered([Choice(name="ping2"), Choice(name="nothing")], catalogue)) == ["nothing", "ping2"]


def test_the_recipe_that_is_kept_names_all_modalities_and_options(tmp_path: Path, film: Make) -> None:
    recipe = ExtractionRecipe.of({"inputs": [str(film(frames=2))], "modalities": ["mel"], "backbone": "random"})
    (mel,) = prepare(recipe).recipe.modalities
    assert mel.options == {"htk": True, "decibel": True, "scaled": True, "floor": -60.0, "ceiling": 40.0}


def test_what_cannot_be_read_is_left_out_where_that_is_asked_for(tmp_path: Path, film: Make, plugins: Path) -> None:
    (tmp_path / "bad.mp4").write_text("text")
    found = prepare(wanted(plugins, tmp_path / "bad.mp4", film("good.mp4", frames=2), skip_broken=True))
    assert [one.name for one in found.films] == ["good"]
    assert "bad.mp4 cannot be read as a film" in found.left_out["bad"]


def test_a_backbone_that_asks_for_a_stream_sees_pictures_of_the_film(film: Make, plugins: Path) -> None:
    setup = prepare(wanted(plugins, film(frames=2), backbone="random:features=7"))
    assert setup.backbone.width == 7
    assert pictures_of(setup.films[0]).pictures.test["film"].picture(0).shape == (3, 64, 96)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"modalities": ["nothing", "nothing"]}, "--modality nothing is given twice"),
        ({"modalities": ["nohting"]}, "did you mean 'nothing'"),
        ({"modalities": ["nothing:x=1"]}, "no option 'x'"),
        ({"modalities": ["ping"]}, "read one another in a circle: ping → pong → ping"),
        ({"modalities": []}, "modalities"),
        ({"backbone": "resnet81"}, "did you mean 'resnet18'"),
        ({"rate": 0}, "rate"),
        ({"rate": 10}, "--rate 10 is for folders of numbered pictures"),
        ({"corpus": "affwild2", "data_root": "."}, "one of the two"),
        ({"inputs": []}, "give films, or --corpus"),
        ({"inputs": [], "corpus": "affwild2"}, "--corpus affwild2 lies below --data-root"),
        ({"inputs": [], "corpus": "affwlid2", "data_root": "."}, "did you mean 'affwild2'"),
        ({"inputs": [], "corpus": "affwild2", "data_root": "nowhere"}, "--data-root nowhere: there is no such folder"),
        ({"device": "gpu"}, "device"),
        ({"inputs": ["nowhere.mp4"]}, "nowhere.mp4: there is no such film or folder"),
    ],
)
def test_wrong_calls(film: Make, plugins: Path, more: dict[str, object], told: str) -> None:
    with pytest.raises(CallError, match=told):
        prepare(wanted(plugins, film(frames=2), **more))


def test_wrong_films(tmp_path: Path, film: Make, plugins: Path) -> None:
    good = film(frames=2)
    (tmp_path / "bad.mp4").write_text("text")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CallError, match=r"film\.mp4 is given twice"):
        prepare(wanted(plugins, good, good))
    with pytest.raises(CallError, match=r"flim\.mp4: there is no such film or folder; did you mean 'film\.mp4'"):
        prepare(wanted(plugins, tmp_path / "flim.mp4"))
    with pytest.raises(CallError, match="empty holds neither films nor numbered pictures"):
        prepare(wanted(plugins, tmp_path / "empty"))
    mixed = numbered(tmp_path / "mixed")
    (mixed / "talk.mp4").touch()
    with pytest.raises(CallError, match=r"mixed holds numbered pictures and films \(talk\.mp4\)"):
        prepare(wanted(plugins, mixed))
    cv2.imwrite(str(numbered(tmp_path / "twice") / "1.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(CallError, match=r"00001\.jpg and 1\.png|1\.png and 00001\.jpg"):
        prepare(wanted(plugins, tmp_path / "twice"))
    with pytest.raises(CallError, match=r"bad\.mp4 cannot be read as a film .* --skip-broken leaves out"):
        prepare(wanted(plugins, good, tmp_path / "bad.mp4"))
    with pytest.raises(CallError, match="none of the films can be read"):
        prepare(wanted(plugins, tmp_path / "bad.mp4", skip_broken=True))
