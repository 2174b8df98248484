"""All wrong calls of the networks together: each is answered by one line that says what to do."""

from __future__ import annotations

import pytest
import torch

from cltool import CallError
from cltool.plugin import Plugin
from cltool_plugins.networks.recurrent import audio, full, pose, without_mel
from cltool_plugins.networks.transformer import Transformer, mesh, multi


@pytest.mark.parametrize(
    ("network", "widths", "shown"),
    [
        (audio, {"body": 36, "face": 2048}, "'audio' reads 'mel', which is not among the features: 'body', 'face'"),
        (pose, {}, "'pose' reads 'body', which is not among the features: nothing"),
        (full, {"mel": 1, "face": 1}, "'full' reads 'landmarks' and 'body', which are not among the features: 'mel'"),
        (without_mel, {"face": 1, "body": 1}, "'without-mel' reads 'landmarks', which is not among"),
        (mesh, {"face": 2048}, "'mesh' reads 'mesh', which is not among the features: 'face'"),
        (multi, {"mesh": 6}, "'multi' reads 'face' and 'evm', which are not among the features: 'mesh'"),
    ],
)
def test_a_missing_tensor_is_named(network, widths: dict[str, int], shown: str) -> None:
    with pytest.raises(CallError, match=shown):
        network(widths)


def test_a_sequence_longer_than_there_are_queries_is_refused() -> None:
    network = Transformer({"mesh": 5}, width=4, heads=2, layers=1, longest=6)
    with pytest.raises(CallError, match="a sequence of 7 frames; this network has longest=6"):
        network({"mesh": torch.zeros(1, 7, 5)}, torch.ones(1, 7, dtype=torch.bool))


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(CallError, match="heads divide its width; 3 do not divide 256"):
        mesh({"mesh": 6}, heads=3)


@pytest.mark.parametrize(
    ("network", "options"),
    [
        (pose, {"hidden": "0"}),
        (audio, {"dropout": "1"}),
        (full, {"first": "0"}),
        (mesh, {"width": "7"}),
        (mesh, {"layers": "0"}),
        (mesh, {"longest": "0"}),
        (multi, {"dropout": "-1"}),
    ],
)
def test_options_are_checked_before_anything_is_built(network, options: dict[str, str]) -> None:
    plugin: Plugin = network.__cltool_plugin__
    (name,) = options
    with pytest.raises(CallError, match=f"network '{plugin.name}', option {name}"):
        plugin.configure(options)
