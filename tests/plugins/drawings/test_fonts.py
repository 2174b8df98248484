"""Characters of fonts: chosen from many scripts, none of the streams', drawn in the middle."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pytest

from cltool.progress import Silent
from cltool_plugins.drawings import fonts

DEJAVU = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@pytest.fixture(scope="module")
def faces() -> list[fonts.Face]:
    names = ("Sans", "Sans-Bold", "Serif", "SansMono")
    return fonts.faces([DEJAVU / f"DejaVu{name}.ttf" for name in names], Silent())


def test_fonts_tell_their_letters(faces: list[fonts.Face]) -> None:
    sans = next(face for face in faces if face.path.name == "DejaVuSans.ttf")
    assert ord("ж") in sans.characters
    assert ord("7") not in sans.characters  # a digit is no letter
    assert sans.family == "DejaVu Sans"


def test_what_is_no_font_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "not.ttf").write_bytes(b"no font")
    (tmp_path / "cut.ttf").write_bytes((DEJAVU / "DejaVuSans.ttf").read_bytes()[:5000])
    assert fonts.faces(sorted(tmp_path.iterdir()), Silent()) == []


def test_a_drawing_is_centred_and_24_pixels_long() -> None:
    ink = np.argwhere(fonts.draw(ord("Ж"), DEJAVU / "DejaVuSans.ttf") > 0)
    low, high = ink.min(0), ink.max(0)
    assert (high - low + 1).max() == fonts.INK
    assert np.abs((low + high) / 2 - (fonts.SIDE - 1) / 2).max() <= 0.5


def test_a_character_without_ink_is_black() -> None:
    assert not fonts.draw(ord(" "), DEJAVU / "DejaVuSans.ttf").any()


def test_no_character_of_a_stream_nor_one_that_looks_like_it(faces: list[fonts.Face]) -> None:
    taken = fonts.characters(faces, 10_000, 20, 2, Silent())
    assert not any(fonts.of_streams(character) for character in taken)
    assert ord("Ж") in taken
    assert ord("А") not in taken  # Cyrillic, the same outline as Latin A
    assert ord("Ա") in taken


def test_scripts_come_in_turn_and_families_before_styles(faces: list[fonts.Face]) -> None:
    taken = fonts.characters(faces, 6, 2, 2, Silent())
    assert len(taken) == 6
    assert len({fonts.script(character) for character in taken}) >= 4
    of = {face.path: face.family for face in faces}
    many = fonts.characters(faces, 10_000, 2, 2, Silent())[ord("Ж")]
    assert of[many[0]] != of[many[1]]


@pytest.mark.slow
def test_the_choice_does_not_follow_the_order_of_files(faces: list[fonts.Face]) -> None:
    assert fonts.characters(faces, 50, 5, 2, Silent()) == fonts.characters(faces[::-1], 50, 5, 2, Silent())
