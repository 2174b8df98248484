"""Films through modalities into a store: every frame keeps its place, and what was broken off is taken up."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from cltool.errors import CallError, PluginFailed
from cltool.files import sha256
from cltool.video import extraction
from cltool.video.encoding import film_writer
from cltool.video.extraction import extract, finished, resume
from cltool.video.recipes import ExtractionRecipe
from cltool.video.setups import ExtractionSetup, prepare
from cltool.video.store import FeatureStore

Make = Callable[..., Path]

PLUGINS = '''
"""Modalities for tests."""

from pathlib import Path

import numpy as np

from cltool import corpus, modality
from cltool.errors import CallError, Lacking
from cltool.video.films import Corpus, Film, Labels
from cltool.video.modalities import Extractor, Frames, Rows


class Number(Extractor):
    """The number that a frame of these films tells, given `late` frames later, as many as `lacks` left out."""

    shapes = {"number": (1,)}
    columns = {"number": ["told"]}

    def __init__(self, late=0, lacks=0, version=1, wide=1):
        self.about = {"version": version}
        self.shapes = {"number": (wide,)}
        self.late, self.lacks, self.wide, self.held = late, lacks, wide, []

    def __call__(self, frames):
        self.held += frames.pictures
        cut = max(0, len(self.held) - self.late)
        ready, self.held = self.held[:cut], self.held[cut:]
        return {"number": self.rows(ready)}

    def finish(self):
        return {"number": self.rows(self.held[self.lacks :])} if self.late else {}

    def rows(self, pictures):
        rows = Rows.none(len(pictures), (self.wide,))
        for row, picture in enumerate(pictures):
            if picture is not None:
                rows.values[row], rows.valid[row] = round(float(picture[-20:, 4:30].mean()) / 8), True
        return rows


@modality
def number(*, late: int = 0, lacks: int = 0, version: int = 1, wide: int = 1) -> Extractor:
    """The number of a frame."""
    return Number(late, lacks, version, wide)


class Twice(Extractor):
    """Twice what `number` has found."""

    shapes = {"twice": (1,)}

    def __call__(self, frames):
        rows = frames.rows["number"]
        return {"twice": Rows(2 * rows.values, rows.valid)}


@modality(after=("number",))
def twice() -> Extractor:
    """Twice the number."""
    return Twice()


class Sizes(Extractor):
    """How many frames came together."""

    shapes = {"together": (1,)}

    def __call__(self, frames):
        return {"together": Rows(np.full((len(frames), 1), len(frames), np.float32), np.ones(len(frames), bool))}


@modality
def sizes() -> Extractor:
    """How many frames came together."""
    return Sizes()


class Odd(Extractor):
    shapes = {"odd": (1,)}

    def __init__(self, what):
        self.what = what

    def __call__(self, frames):
        rows = Rows.none(len(frames), (1,))
        if self.what == "shape":
            rows = Rows.none(len(frames), (2,))
        if self.what == "masked":
            rows.values[:] = 1
        if self.what == "nan":
            rows = Rows(np.full((len(frames), 1), np.nan, np.float32), np.ones(len(frames), bool))
        return {"even" if self.what == "name" else "odd": rows}


@modality
def odd(*, what: str) -> Extractor:
    """Breaks its word."""
    return Odd(what)


@modality
def only_a(film: Film) -> Extractor:
    """For a film called a alone."""
    if film.name != "a":
        raise Lacking(f"{film.name} is not called a")
    return Number()


@modality
def fails_at_b(film: Film) -> Extractor:
    """Finds a broken line when frames come."""

    class Fails(Number):
        def __call__(self, frames):
            if film.name == "b":
                raise CallError("a broken line")
            return super().__call__(frames)

    return Fails()


@corpus
def labelled(data_root: Path) -> Corpus:
    """Films of the folder, each with five labels, of which the second is missing."""
    values = np.array([(0.5, -0.5), (np.nan, np.nan), (0.25, 0), (0, 0), (1, -1)], np.float32)
    paths = sorted(p for p in data_root.iterdir() if p.is_dir() or p.suffix == ".mp4")
    labels = lambda: Labels(values, Path("labels.txt"))
    return Corpus(tuple(Film(p.stem, p, labels=labels, split="train", subject="s", synthetic=True) for p in paths))
'''


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    path = tmp_path / "plugins.py"
    path.write_text(PLUGINS)
    return path


@pytest.fixture
def setup(plugins: Path) -> Callable[..., ExtractionSetup]:
    """What extracting films, or what is asked for besides, by modalities takes."""

    def make(
        *films: Path, modalities: tuple[str, ...] = ("number",), done: Path | None = None, **more: object
    ) -> ExtractionSetup:
        inputs = [str(film) for film in films]
        asked = {"inputs": inputs, "modalities": list(modalities), "plugins": [str(plugins)], "backbone": "random"}
        return prepare(ExtractionRecipe.of({**asked, **more}), done=finished(done) if done else None)

    return make


def test_every_frame_has_a_row_in_order(tmp_path: Path, film: Make, setup: Callable) -> None:
    store = extract(setup(film("a.mp4", frames=70), film("b.mp4", frames=10)), tmp_path / "store")
    assert list(store) == ["a", "b"]
    a = store["a"]
    assert a["number"].dtype == np.float32
    assert a["number"][:, 0].tolist() == [min(number, 32) for number in range(70)]  # 255 is as bright as it gets
    assert a.valid("number").all()
    assert a.times == pytest.approx(np.arange(70) / 25)
    assert a.columns("number") == ["told"]
    entry = store.index.films["a"]
    assert (entry.frames, entry.rate, entry.valid, entry.labelled) == (70, 25, {"number": 70}, None)
    assert entry.sha256 == sha256(tmp_path / "store" / entry.file)
    assert {"decoding", "number", "writing"} <= entry.seconds.keys()
    assert store.index.about == {"number": {"version": 1}}
    assert store.index.tensors["number"].model_dump() == {"modality": "number", "shape": [1], "columns": ["told"]}
    assert not store.index.synthetic


def test_what_is_given_late_keeps_its_place(tmp_path: Path, film: Make, setup: Callable) -> None:
    for late in (1, 5, 40):
        store = extract(setup(film(frames=24), modalities=(f"number:late={late}",)), tmp_path / f"store{late}")
        assert store["film"]["number"][:, 0].tolist() == list(range(24))


def test_a_modality_brings_what_it_reads(tmp_path: Path, film: Make, setup: Callable) -> None:
    found = setup(film(frames=5), modalities=("twice",))
    assert list(found.modalities) == ["number", "twice"]
    store = extract(found, tmp_path / "store")
    assert store["film"]["twice"][:, 0].tolist() == [0, 2, 4, 6, 8]


def test_rows_that_come_late_cannot_be_read_by_others(tmp_path: Path, film: Make, setup: Callable) -> None:
    with pytest.raises(PluginFailed, match="'twice' reads rows of 'number', which come late"):
        extract(setup(film(), modalities=("number:late=2", "twice")), tmp_path / "store")


def test_large_frames_come_fewer_at_a_time(
    tmp_path: Path, film: Make, setup: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = film(frames=40)
    assert extract(setup(path, modalities=("sizes",)), tmp_path / "s1")["film"]["together"].max() == extraction.BATCH
    monkeypatch.setattr(extraction, "BATCH_BYTES", 3 * 96 * 64 * 3 + 5)
    assert extract(setup(path, modalities=("sizes",)), tmp_path / "s2")["film"]["together"].max() == 3
    monkeypatch.setattr(extraction, "BATCH_BYTES", 5)
    assert extract(setup(path, modalities=("sizes",)), tmp_path / "s3")["film"]["together"].max() == 1


def test_labels_are_matched_by_number(tmp_path: Path, film: Make, setup: Callable) -> None:
    (tmp_path / "data").mkdir()
    film("data/a.mp4", frames=7)
    film("data/b.mp4", frames=3)
    found = setup(corpus="labelled", data_root=str(tmp_path / "data"))
    store = extract(found, tmp_path / "store")
    expected = np.array([(0.5, -0.5), (np.nan, np.nan), (0.25, 0), (0, 0), (1, -1), (np.nan,) * 2, (np.nan,) * 2])
    np.testing.assert_array_equal(store["a"].labels, expected.astype(np.float32))
    np.testing.assert_array_equal(store["b"].labels, expected[:3].astype(np.float32))
    a, b = store.index.films["a"], store.index.films["b"]
    assert (a.labelled, b.labelled, a.split, a.subject, a.synthetic) == (4, 2, "train", "s", True)
    assert "5 labels for 3 frames; the last 2 labels are left out" in b.notes[0]
    assert store.index.synthetic


def test_frames_without_a_picture_are_masked_up_to_the_last_label(tmp_path: Path, setup: Callable) -> None:
    folder = tmp_path / "data" / "a"
    folder.mkdir(parents=True)
    for number in (1, 3):
        picture = np.full((64, 96, 3), 8 * number, np.uint8)
        cv2.imwrite(str(folder / f"{number:05}.png"), picture)
    store = extract(setup(corpus="labelled", data_root=str(tmp_path / "data"), rate=20), tmp_path / "store")
    a = store["a"]
    assert len(a) == 5
    assert a.valid("number").tolist() == [True, False, True, False, False]
    assert a["number"][:, 0].tolist() == [1, 0, 3, 0, 0]
    assert a.times == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])
    assert a.entry.labelled == 4


def test_a_film_that_breaks_off_is_kept_as_far_as_it_goes(tmp_path: Path, film: Make, setup: Callable) -> None:
    path = film(frames=30)
    path.write_bytes(path.read_bytes()[: int(0.7 * path.stat().st_size)])
    store = extract(setup(path), tmp_path / "store")
    entry = store.index.films["film"]
    assert 5 < entry.frames < 30
    assert any(f"breaks off: {entry.frames} of 30 frames" in note for note in entry.notes)
    assert len(store["film"]["number"]) == entry.frames


def test_what_one_film_lacks_is_masked_and_told(tmp_path: Path, film: Make, setup: Callable) -> None:
    b, a = film("b.mp4", frames=3), film("a.mp4", frames=3)
    store = extract(setup(b, a, modalities=("only_a",)), tmp_path / "store")
    assert store["a"].valid("number").all()
    assert not store["b"].valid("number").any()
    assert store.index.films["b"].notes == ["only_a: b is not called a; its rows are masked"]
    assert store.index.films["b"].origins == {"only_a": "missing"}


def test_the_file_can_be_read_without_cltool(tmp_path: Path, film: Make, setup: Callable) -> None:
    from safetensors import safe_open

    extract(setup(film(frames=3)), tmp_path / "store")
    with safe_open(tmp_path / "store" / "films" / "film.safetensors", "numpy") as file:
        assert set(file.keys()) == {"times", "number", "number.valid"}
        assert file.get_tensor("number")[:, 0].tolist() == [0, 1, 2]


def test_an_interrupted_store_is_taken_up_where_it_was(tmp_path: Path, film: Make, setup: Callable) -> None:
    films = [film(f"{name}.mp4", frames=3) for name in "abc"]
    store = tmp_path / "store"
    finished = list[str]()

    def interrupt(name: str, entry: object) -> None:
        finished.append(name)
        if len(finished) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(setup(*films), store, interrupt)
    before = {path: path.stat().st_mtime_ns for path in (store / "films").iterdir()}
    assert [path.stem for path in sorted(before)] == ["a", "b"]
    assert sorted(path.name for path in store.iterdir()) == ["films", "index.json", "recipe.yaml"]
    again = list[str]()
    found = resume(setup(*films, done=store), store, lambda name, entry: again.append(name))
    assert again == ["c"]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert list(found) == ["a", "b", "c"]
    assert resume(setup(*films, done=store), store, lambda name, entry: again.append(name))
    assert again == ["c"]


def test_a_damaged_film_is_extracted_again(tmp_path: Path, film: Make, setup: Callable) -> None:
    path, store = film(frames=3), tmp_path / "store"
    extract(setup(path), store)
    file = store / "films" / "film.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"\0")
    assert not FeatureStore(store)["film"].intact
    assert resume(setup(path, done=store), store)["film"].intact
    assert file.read_bytes() == whole


def test_a_film_that_has_changed_is_extracted_again(tmp_path: Path, film: Make, setup: Callable) -> None:
    path, store = film(frames=3), tmp_path / "store"
    extract(setup(path), store)
    film(frames=5)
    assert len(resume(setup(path, done=store), store)["film"]) == 5


def test_films_keep_their_names_whatever_comes_beside_them(tmp_path: Path, film: Make, setup: Callable) -> None:
    (tmp_path / "in").mkdir()
    film("in/talk.mp4", frames=3)
    extract(setup(tmp_path / "in"), tmp_path / "store")
    film("in/talk.avi", frames=4, codecs=("mpeg4", "mp3"), sound_rate=22_050)
    store = resume(setup(tmp_path / "in", done=tmp_path / "store"), tmp_path / "store")
    assert {name: len(one) for name, one in store.items()} == {"talk": 3, "in_talk": 4}


def test_a_finished_film_need_not_be_there_any_more(tmp_path: Path, film: Make, setup: Callable) -> None:
    a, b = film("a.mp4", frames=3), film("b.mp4", frames=4)
    extract(setup(a), tmp_path / "store")
    a.unlink()
    store = resume(setup(a, b, done=tmp_path / "store"), tmp_path / "store")
    assert {name: len(one) for name, one in store.items()} == {"a": 3, "b": 4}


def test_what_fails_in_the_midst_is_left_out_where_that_is_asked_for(
    tmp_path: Path, film: Make, setup: Callable
) -> None:
    films = [film(f"{name}.mp4", frames=3) for name in "ab"]
    found = setup(*films, modalities=("fails_at_b",), skip_broken=True)
    store = extract(found, tmp_path / "store")
    assert list(store) == ["a"]
    assert store.index.left_out == {"b": "a broken line"}
    with pytest.raises(CallError, match="a broken line"):
        extract(setup(*films, modalities=("fails_at_b",)), tmp_path / "other")
    assert list(FeatureStore(tmp_path / "other")) == ["a"]


def test_the_mean_rate_of_an_uneven_film_is_told(tmp_path: Path, film: Make, setup: Callable) -> None:
    path = film("uneven.mkv", times=[0, 40, 400, 800, 1200, 1240, 2000])
    entry = extract(setup(path), tmp_path / "store").index.films["uneven"]
    assert entry.rate == pytest.approx(3)
    assert "frames a second, and has 3 on the mean" in entry.notes[0]


def test_rows_of_another_making_are_not_mixed(tmp_path: Path, film: Make, setup: Callable) -> None:
    a, b = film("a.mp4", frames=3), film("b.mp4", frames=3)
    extract(setup(a), tmp_path / "store")
    with pytest.raises(
        CallError, match=r"'number' is not what it was for earlier films .*extract all films into a new"
    ):
        resume(
            setup(a, b, modalities=("number:version=2",), done=tmp_path / "store", skip_broken=True), tmp_path / "store"
        )
    assert list(FeatureStore(tmp_path / "store")) == ["a"]


def test_nothing_is_left_of_a_first_film_that_failed(tmp_path: Path, film: Make, setup: Callable) -> None:
    with pytest.raises(PluginFailed):
        extract(setup(film(), modalities=("odd:what=nan",)), tmp_path / "store")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("modality", "told"),
    [
        ("odd:what=nan", "gives numbers in 'odd' that are not"),
        ("odd:what=name", "gives rows of 'even' that it has not announced so"),
        ("odd:what=shape", "gives rows of 'odd' of another shape"),
        ("odd:what=masked", "or masked ones that are not zero"),
        ("number:late=3,lacks=1", "gives 23 rows of 'number' for 24 frames of film"),
    ],
)
def test_a_modality_that_breaks_its_word_is_named(
    tmp_path: Path, film: Make, setup: Callable, modality: str, told: str
) -> None:
    with pytest.raises(PluginFailed, match=told):
        extract(setup(film(), modalities=(modality,)), tmp_path / "store")


def test_a_film_that_calls_itself_synthetic_is_kept_as_such(tmp_path: Path, setup: Callable) -> None:
    with film_writer(tmp_path / "made.mp4", 96, 64, 25, told={"comment": "Synthetic: nobody was filmed"}) as writer:
        writer.write(np.zeros((64, 96, 3), np.uint8))
    store = extract(setup(tmp_path / "made.mp4"), tmp_path / "store")
    assert store.index.synthetic
    assert store.index.films["made"].synthetic


def test_two_extractions_leave_the_same_bytes(tmp_path: Path, film: Make, setup: Callable) -> None:
    found = setup(film(), modalities=("twice",))
    extract(found, tmp_path / "one")
    extract(found, tmp_path / "two")
    one, two = ((tmp_path / name / "films" / "film.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two


def test_the_index_is_plain_json(tmp_path: Path, film: Make, setup: Callable) -> None:
    extract(setup(film(frames=3)), tmp_path / "store")
    index = json.loads((tmp_path / "store" / "index.json").read_text())
    assert index["schema"] == 1
    assert index["films"]["film"]["file"] == "films/film.safetensors"


@pytest.mark.slow
def test_memory_does_not_grow_with_the_films_length(tmp_path: Path, film: Make, plugins: Path) -> None:
    code = textwrap.dedent(
        """
        import resource, sys
        from pathlib import Path
        from cltool.video.extraction import extract
        from cltool.video.recipes import ExtractionRecipe
        from cltool.video.setups import prepare

        plugins, store, film = sys.argv[1:]
        asked = {"inputs": [film], "modalities": ["number:wide=20000"], "plugins": [plugins], "backbone": "random"}
        extract(prepare(ExtractionRecipe.of(asked)), Path(store))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        """
    )

    def peak(frames: int) -> int:
        path = film(f"{frames}.mp4", frames=frames)
        call = [sys.executable, "-c", code, str(plugins), str(tmp_path / f"store{frames}"), str(path)]
        return int(subprocess.run(call, capture_output=True, text=True, check=True).stdout)

    short, long = peak(64), peak(3000)
    assert long - short < 60, (short, long)  # MB; the long film's rows alone are 240 MB


def test_rows_are_mapped_not_copied(tmp_path: Path, film: Make, setup: Callable) -> None:
    extract(setup(film(frames=3)), tmp_path / "store")
    rows = FeatureStore(tmp_path / "store")["film"]["number"]
    assert torch.from_numpy(rows).sum() == 3
    assert rows.base is not None
