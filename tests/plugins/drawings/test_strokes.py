"""Characters made of pen strokes: the same one by name, never twice alike."""

from __future__ import annotations

import numpy as np

from cltool_plugins.drawings import shapes, strokes


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_drawings_of_one_character_are_more_alike_than_of_two() -> None:
    own = [correlation(strokes.draw(n, 0), strokes.draw(n, 1)) for n in range(40)]
    others = [correlation(strokes.draw(n, 0), strokes.draw(n + 1, 1)) for n in range(40)]
    assert 0.3 < np.median(own) < 0.99
    assert np.median(others) < np.median(own) - 0.2


def test_a_drawing_can_be_repeated() -> None:
    assert (strokes.draw(5, 2) == strokes.draw(5, 2)).all()


def test_some_characters_have_dots_and_all_have_ink() -> None:
    characters = [strokes.character(n) for n in range(100)]
    dotted = [any(len(stroke) == 1 for stroke in character) for character in characters]
    assert 20 < sum(dotted) < 60
    assert all(strokes.draw(n, 0).max() > 200 for n in range(100))


def test_every_shape_and_texture_is_drawn_and_none_twice_alike() -> None:
    for draw, classes in ((shapes.draw_shape, shapes.SHAPES), (shapes.draw_texture, shapes.TEXTURES)):
        for number in range(len(classes)):
            first, second = draw(number, 0), draw(number, 1)
            assert first.std() > 10, classes[number]
            assert (first != second).any(), classes[number]
