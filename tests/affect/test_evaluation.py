"""Trained networks on films: the protocol, which films, and features that do not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray

from cltool.affect.evaluation import evaluate, prepare
from cltool.affect.recipes import AffectRecipe
from cltool.affect.setups import prepare as prepare_training
from cltool.affect.training import train
from cltool.errors import CallError
from cltool.report import affect_evaluations
from cltool.report.affect_evaluations import draw_evaluation, facts, page, write
from cltool.video.store import VALID
from tests.affect.conftest import write_store

KEYS = {"network": "audio:hidden=16", "loss": "ccc", "sequence": 20, "epochs": 3, "batch": 8, "device": "cpu"}


def gaps(name: str, tensors: dict[str, NDArray[Any]]) -> None:
    """A frame without a label, and one without sound."""
    tensors["labels"][3] = np.nan
    tensors["mel" + VALID][7] = False


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A network trained for three short epochs."""
    recipe = AffectRecipe.of({"store": str(write_store(tmp_path / "store", change=gaps)), **KEYS})
    train(prepare_training(recipe), tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.slow
def test_all_valid_frames_of_all_films_stand_in_one_row(model: Path) -> None:
    """Lin's coefficient written out in numpy, population variances, over the films together; and film by film."""
    (candidate,) = prepare([model])
    found = evaluate(candidate)
    assert (candidate.which, [video.film for video in found.videos]) == ("validation", ["film-2", "film-5"])
    pairs = [(values, labels) for _, values, labels in found.curves.values()]

    def lin(pairs: list, k: int) -> float:
        x, y = (np.concatenate([pair[i][:, k] for pair in pairs]).astype(np.float64) for i in (0, 1))
        there = np.isfinite(x) & np.isfinite(y)
        x, y = x[there], y[there]
        return 2 * np.cov(x, y, bias=True)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)

    for k, name in enumerate(("ccc_valence", "ccc_arousal")):
        assert found.scores[name] == pytest.approx(lin(pairs, k), abs=1e-6)
        for video, pair in zip(found.videos, pairs, strict=True):
            assert video.scores[name] == pytest.approx(lin([pair], k), abs=1e-6)
    assert found.scores["ccc_mean"] != pytest.approx(np.mean([v.scores["ccc_mean"] for v in found.videos]), abs=1e-4)
    assert [video.frames for video in found.videos] == [58, 58]  # of 60, one without label and one without sound
    assert found.scores["mse"] == pytest.approx(
        np.nanmean(np.concatenate([(values - labels) ** 2 for values, labels in pairs])), abs=1e-6
    )


@pytest.mark.slow
def test_which_films(model: Path, tmp_path: Path) -> None:
    for films, names in (
        ("train", ["film-0", "film-1", "film-3", "film-4"]),
        ("all", [f"film-{n}" for n in range(6)]),
        ("film-5, film-0", ["film-5", "film-0"]),
    ):
        (candidate,) = prepare([model], films=films)
        assert [film.film.name for film in candidate.films] == names
    assert [candidate.part(name) for name in ("film-0", "film-5")] == ["train", "validation"]
    told = "store: film-5, film-0, 2 films, 1 of them trained on, 116 frames, synthetic"
    assert evaluate(candidate).data == told


@pytest.mark.slow
def test_other_films_than_its_own(model: Path, tmp_path: Path) -> None:
    other = write_store(tmp_path / "other", films=4, frames=50)
    (elsewhere,) = prepare([model], other)
    assert [film.film.name for film in elsewhere.films] == ["film-0", "film-1", "film-2", "film-3"]
    assert elsewhere.part("film-2") is None  # the same name, another film
    assert evaluate(elsewhere).learnt == 0
    (held,) = prepare([model], other, "validation")
    assert [film.film.name for film in held.films] == ["film-2"]
    (model / "best.safetensors").rename(tmp_path / "alone.safetensors")
    (alone,) = prepare([tmp_path / "alone.safetensors"], other)
    assert evaluate(alone).scores == evaluate(elsewhere).scores


@pytest.mark.slow
def test_a_file_of_weights_is_called_by_its_training(model: Path, tmp_path: Path) -> None:
    (candidate,) = prepare([model / "best.safetensors"])
    assert candidate.name == "model"
    with pytest.raises(CallError, match="is given twice"):
        prepare([model, model / "best.safetensors"])


@pytest.mark.slow
def test_titles_are_taken_as_they_are_and_not_drawn_over(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(affect_evaluations, "save_figure", lambda figure, paths: figures.append(figure))
    (candidate,) = prepare([model.rename(tmp_path / r"a$\q$b")])
    draw_evaluation(evaluate(candidate), tmp_path / "picture.png")
    (figure,) = figures
    figure.draw_without_rendering()
    for axes in figure.axes[:2]:
        (title,) = [text for text in axes.findobj(Text) if "CCC" in text.get_text()]
        assert not axes.get_legend().get_window_extent().overlaps(title.get_window_extent())


@pytest.mark.slow
def test_files_tell_the_same_as_the_evaluation(model: Path, tmp_path: Path) -> None:
    found = [evaluate(candidate) for candidate in prepare([model], films="all")]
    write(found, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"evaluation.json", "table.md", "curves.png"}
    told = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert told == facts(found)
    (training,) = told["trainings"]
    assert (training["network"], training["loss"], training["frames"]) == ("audio:hidden=16", "ccc", 6 * 58)
    assert [video["part"] for video in training["videos"]].count("train") == 4
    text = page(found)
    assert "4 of them trained on" in text
    assert f"| {training['ccc_valence']:.3f} | {training['ccc_arousal']:.3f} |" in text
