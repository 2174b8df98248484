"""`--backbone trained:weights=…`: a thin plugin over the file that a training left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cltool.errors import CallError
from cltool.features import FeatureBank
from cltool.heads import Head
from cltool.tasks import TaskStream, arrange
from cltool_plugins.backbones.trained import trained
from cltool_plugins.streams.digits import digits

PLUGIN = trained.__cltool_plugin__


def test_a_head_of_its_training_fits_it(by_hand: Callable) -> None:
    """The classifier that training kept, on features of the plugin: as good as training said."""
    folder = by_hand()
    head, stream = Head.load(folder / "head.safetensors"), arrange(digits(), 5, 2)
    found = trained(stream, weights=folder / "best.safetensors")
    blocks = list(stream.pictures.test.values())
    guessed = head(FeatureBank().features(blocks, found)).argmax(1)
    true = torch.cat([torch.full((len(block),), int(block.output)) for block in blocks])
    assert head.space == found.fingerprint
    assert (guessed == true).float().mean() > 0.9


def test_options_come_as_texts_too(by_hand: Callable, digit_stream: TaskStream) -> None:
    folder = by_hand()
    found = PLUGIN.configure({"weights": str(folder), "dtype": "bfloat16"})(stream=digit_stream)
    assert (found.name, found.dtype) == (f"trained:weights={folder},dtype=bfloat16", torch.bfloat16)
    assert found.protocol["leaks"]


def test_weights_must_be_given() -> None:
    with pytest.raises(CallError, match="'trained' wants an option weights; spell it trained:weights=…"):
        PLUGIN.configure({})


def test_what_is_no_training_is_refused(digit_stream: TaskStream, tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"there is no trained backbone in .*nowhere"):
        trained(digit_stream, weights=tmp_path / "nowhere")
    (tmp_path / "text.safetensors").write_text("no tensors")
    with pytest.raises(CallError, match=r"text\.safetensors is no trained backbone of cltool"):
        trained(digit_stream, weights=tmp_path / "text.safetensors")
