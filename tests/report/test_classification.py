"""Pictures of a classifier: what stands in them, for few classes and for many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from cltool.report import classification
from cltool.report.classification import draw_confusion, draw_counts, draw_mistakes


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that are saved, still open to questions."""
    figures: list[Any] = []
    save = classification.save_figure

    def keep(figure: Any, paths: list[Path]) -> None:
        figures.append(figure)
        save(figure, paths)

    monkeypatch.setattr(classification, "save_figure", keep)
    return figures


def test_cells_hold_counts_and_shares_of_their_row(drawn: list[Any], tmp_path: Path) -> None:
    draw_confusion(np.array([[3, 1], [0, 400]]), ["cat", "dog"], [tmp_path / "a.png"], "pets")
    axes = drawn[0].axes[0]
    texts = {tuple(map(int, t.get_position())): t.get_text() for t in axes.texts}
    assert texts == {(0, 0): "3\n75 %", (1, 0): "1\n25 %", (1, 1): "400\n100 %"}
    assert [t.get_text() for t in axes.get_yticklabels()] == ["cat (4)", "dog (400)"]
    assert (axes.get_xlabel(), axes.get_title()) == ("predicted", "pets")
    assert np.allclose(axes.images[0].get_array(), [[0.75, 0.25], [0, 1]])
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_a_share_that_rounds_to_nothing_is_not_shown_as_none(drawn: list[Any], tmp_path: Path) -> None:
    draw_confusion(np.array([[999, 1], [0, 0]]), ["cat", "dog"], [tmp_path / "a.png"])
    assert sorted(t.get_text() for t in drawn[0].axes[0].texts) == ["1\n<1 %", "999\n100 %"]


@pytest.mark.slow
def test_sixty_classes_stay_legible(drawn: list[Any], tmp_path: Path) -> None:
    """Every cell's text fits into its cell, every name beside its row, and nothing is cut off."""
    rng = np.random.default_rng(0)
    matrix = rng.poisson(0.3, (60, 60)) + np.diag(rng.integers(50, 90, 60))
    draw_confusion(matrix, [f"a class called {n}" for n in range(60)], [tmp_path / "a.png"])
    axes, renderer = drawn[0].axes[0], FigureCanvasAgg(drawn[0]).get_renderer()
    side = axes.get_window_extent(renderer).width / 60
    stamped = {(str(s.get_gid()), *cell) for s in axes.collections for cell in s.get_offsets().astype(int).tolist()}
    shares = 100 * matrix / matrix.sum(1)[:, None]
    assert stamped == {(f"{shares[i, j]:.0f}", j, i) for i, j in zip(*np.nonzero(matrix), strict=True)}
    inches = [s.get_paths()[0].get_extents().width / 72 for s in axes.collections]
    assert max(inches) <= side / drawn[0].dpi
    labels = [label.get_window_extent(renderer) for label in axes.get_yticklabels()]
    assert all(label.height <= side * 1.05 for label in labels)
    assert min(label.x0 for label in labels) > 0
    assert min(label.get_window_extent(renderer).y0 for label in axes.get_xticklabels()) > 0


@pytest.mark.slow
@pytest.mark.parametrize("classes", [61, 200])
def test_cells_without_text_still_stand_under_their_names(drawn: list[Any], tmp_path: Path, classes: int) -> None:
    draw_confusion(np.eye(classes, dtype=np.int64), [f"class {n} " * 9 for n in range(classes)], [tmp_path / "a.png"])
    axes, renderer = drawn[0].axes[0], FigureCanvasAgg(drawn[0]).get_renderer()
    assert (len(axes.texts), len(axes.collections), len(axes.get_yticklabels())) == (0, 0, classes)
    assert max(drawn[0].get_size_inches()) < 20
    labels = [label.get_window_extent(renderer) for label in axes.get_yticklabels()]
    assert min(label.x0 for label in labels) > 0
    assert all(label.height <= axes.get_window_extent(renderer).width / classes * 1.3 for label in labels)


@pytest.mark.slow
def test_of_a_thousand_classes_those_with_most_mistakes_are_drawn(drawn: list[Any], tmp_path: Path) -> None:
    """Every seventeenth class has a picture taken for the one before it, and one for the first."""
    matrix = np.diag(np.full(1000, 8))
    wrong = np.arange(17, 1000, 17)
    matrix[wrong, wrong - 1] = matrix[wrong, 0] = 1
    draw_confusion(matrix, [str(n) for n in range(1000)], [tmp_path / "a.png"], "many")
    axes = drawn[0].axes[0]
    assert axes.get_title() == "many\nthe 60 of 1,000 classes with most mistakes"
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert len(names) == 60
    assert set(map(str, wrong)) <= set(names)
    assert axes.get_yticklabels()[names.index("34")].get_text() == "34 (10)"
    assert axes.images[0].get_array()[names.index("34"), names.index("34")] == 0.8  # of all its pictures
    assert max(drawn[0].get_size_inches()) < 20


@pytest.mark.slow
@pytest.mark.parametrize("classes", [30, 31, 200, 201, 3000])
def test_counts_of_many_classes_fit_on_a_page(drawn: list[Any], tmp_path: Path, classes: int) -> None:
    counts = {f"class {n} " * 9: n for n in range(classes)}
    draw_counts(counts, counts, [tmp_path / "a.png"])
    assert max(drawn[0].get_size_inches()) < 20
    named = [label.get_text() for label in drawn[0].axes[0].get_xticklabels()]
    assert any("class" in name for name in named) == (classes <= 200)


def test_above_two_hundred_classes_the_largest_comes_first(drawn: list[Any], tmp_path: Path) -> None:
    draw_counts(
        {str(n): n for n in range(201)}, {str(n): 7 if n == 200 else 5 for n in range(201)}, [tmp_path / "a.png"]
    )
    before, after = (axes.patches[0].get_data().values for axes in drawn[0].axes)
    assert (before[0], before[-1], after[0], after[1]) == (200, 0, 7, 5)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8)])
def test_mistakes_stand_under_their_captions(drawn: list[Any], tmp_path: Path, shape: tuple[int, int, int]) -> None:
    pictures = [torch.full(shape, value, dtype=torch.uint8) for value in range(0, 210, 30)]
    captions = [f"{n} → {n + 1}" for n in range(7)]
    draw_mistakes(pictures, captions, [tmp_path / "a.png"], "worst")
    cells = [axes for axes in drawn[0].axes if axes.images]
    assert [axes.get_title() for axes in cells] == captions
    assert [int(np.asarray(axes.images[0].get_array()).max()) for axes in cells] == list(range(0, 210, 30))


def test_no_mistakes_are_said_to_be_none(drawn: list[Any], tmp_path: Path) -> None:
    draw_mistakes([], [], [tmp_path / "a.png"])
    assert drawn[0].get_suptitle() == "no mistakes"


def test_counts_before_and_after_the_sampler(drawn: list[Any], tmp_path: Path) -> None:
    draw_counts({"cat": 30, "dog": 10}, {"dog": 21, "cat": 19}, [tmp_path / "a.png"], "pets")
    before, after = drawn[0].axes
    assert [bar.get_height() for bar in before.patches] == [30, 10]
    assert [bar.get_height() for bar in after.patches] == [19, 21]
    assert before.get_title() == "training pictures: 40; the largest class has 3.0 × the smallest"
    assert after.get_title().startswith("drawn in an epoch: 40")


@pytest.mark.parametrize("classes", [3, 100])
def test_counts_without_a_sampler_are_one_panel(drawn: list[Any], tmp_path: Path, classes: int) -> None:
    draw_counts({str(n): n for n in range(classes)}, None, [tmp_path / "a.png"])
    assert len(drawn[0].axes) == 1
