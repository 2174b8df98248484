"""The picture of a checkpoint's layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from cltool.inspection import LayerFacts, inspect
from cltool.report.layers import MOST_LAYERS, draw_layers


def facts(folder: Path, layers: int, weight: torch.Tensor | None = None) -> list[LayerFacts]:
    weight = torch.randn(4, 8) if weight is None else weight
    save_file({f"l{i:02}.weight": weight.clone() for i in range(layers)}, folder / "m.safetensors")
    return inspect(folder / "m.safetensors")


@pytest.mark.slow
def test_each_layer_is_drawn_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    many = facts(tmp_path, MOST_LAYERS + 2)
    draw_layers(many, tmp_path / "many.svg", "a $b$ <c>.safetensors")
    text = (tmp_path / "many.svg").read_text()
    for words in ("l00", "l29", "4 × 8 float32, 0% zero", "the first 30 of 32 layers, 2 left out", "a $b$ &lt;c&gt;"):
        assert words in text
    assert "l30" not in text
    draw_layers(many[:2], tmp_path / "two.svg")
    assert "left out" not in (tmp_path / "two.svg").read_text()


@pytest.mark.slow
def test_the_same_numbers_give_the_same_picture(tmp_path: Path) -> None:
    found = facts(tmp_path, 3)
    for name in ("a.png", "b.png"):
        draw_layers(found, tmp_path / name, "m")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert Image.open(tmp_path / "a.png").size[0] > 1000


@pytest.mark.parametrize("number", [0.0, 1.0, float("nan"), float("inf"), 1e-30])
def test_odd_weights_can_be_drawn(tmp_path: Path, number: float) -> None:
    draw_layers(facts(tmp_path, 1, torch.full((2, 2), number)), tmp_path / "p.svg")
    broken = "4 not finite" in (tmp_path / "p.svg").read_text()
    assert broken is not bool(torch.isfinite(torch.tensor(number)))


def test_a_histogram_shows_where_the_weights_are(tmp_path: Path) -> None:
    weight = torch.cat([torch.linspace(0, 0.2, 4000), torch.ones(1)])[None]
    draw_layers(facts(tmp_path, 1, weight), tmp_path / "p.png")
    blue = np.argwhere((np.asarray(Image.open(tmp_path / "p.png").convert("RGB")) == (0, 114, 178)).all(2))[:, 1]
    quarter = blue.min() + 0.25 * (blue.max() - blue.min())
    assert (blue < quarter).mean() > 0.95
