"""The stream of drawings that cltool makes itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import matplotlib
import pytest
import torch

from cltool import CallError
from cltool.progress import Silent
from cltool_plugins.streams.glyphs import glyphs

DEJAVU = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@pytest.fixture(scope="module")
def four_fonts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fonts")
    for name in ("Sans", "Sans-Bold", "Serif", "SansMono"):
        shutil.copy(DEJAVU / f"DejaVu{name}.ttf", folder)
    return folder


def test_characters_strokes_shapes_and_textures_are_classes(four_fonts: Path) -> None:
    pictures = glyphs(four_fonts, Silent(), characters=12, hands=5, drawings=10)
    assert len(pictures.outputs) == 12 + 5 + 108 + 75
    assert pictures.outputs[0].startswith("U+")
    assert "synthetic" in pictures.note
    assert pictures.train["strokes 0003"].picture(0).shape == (1, 32, 32)
    assert (len(pictures.train["strokes 0003"]), len(pictures.test["strokes 0003"])) == (8, 2)


def test_no_font_and_no_drawing_is_on_both_sides(four_fonts: Path) -> None:
    pictures = glyphs(four_fonts, Silent(), characters=12, hands=5)
    for name in pictures.outputs:
        assert not set(pictures.train[name].names) & set(pictures.test[name].names)
    one = pictures.outputs[0]
    assert not torch.equal(pictures.train[one].picture(0), pictures.test[one].picture(0))


def test_without_fonts_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"no \.ttf or \.otf font; install"):
        glyphs(tmp_path, Silent())


def test_strokes_alone_need_no_font(tmp_path: Path) -> None:
    assert len(glyphs(tmp_path, Silent(), characters=0, hands=4, shapes_and_textures=False).outputs) == 4


def test_nothing_to_draw_is_a_wrong_call(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="nothing to draw"):
        glyphs(tmp_path, Silent(), characters=0, hands=0, shapes_and_textures=False)
