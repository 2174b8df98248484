"""The thesis' recurrent networks: fully connected layers frame by frame, then an LSTM over the frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from cltool import network
from cltool_plugins.networks.frames import OUTPUTS, FrameNorm, widths_of

Hidden = Annotated[int, Field(ge=1, description="width of the fully connected layer and of the LSTM")]
First = Annotated[int, Field(ge=1, description="width of the layer that reads face and landmarks")]
Second = Annotated[int, Field(ge=1, description="width of the layer that body joins")]
Third = Annotated[int, Field(ge=1, description="width of the layer that mel joins")]
Memory = Annotated[int, Field(ge=1, description="width of the LSTM")]
Dropout = Annotated[float, Field(ge=0, lt=1, description="share of hidden units left out in training")]
Relu = Annotated[bool, Field(description="between normalisation and dropout; the thesis names no activation")]

State = tuple[Tensor, ...]


@network(source="Orgil 2022, §3.2.2", reads=("face", "landmarks", "body", "mel"), preset="recurrent")
def full(
    widths: Mapping[str, int],
    *,
    first: First = 1024,
    second: Second = 512,
    third: Third = 256,
    hidden: Memory = 256,
    dropout: Dropout = 0.5,
    relu: Relu = True,
) -> nn.Module:
    """Face, landmarks, body and sound, joined layer by layer → LSTM → valence and arousal.

    `widths`: features per frame by tensor, of which "face", "landmarks", "body" and "mel" are read (2048, 140, 36
    and 128 in the thesis). [face ‖ landmarks] → Linear 1024 → ‖ body → Linear 512 → ‖ mel → Linear 256 → LSTM
    256 → Linear 2. The module maps {tensor: [B, S, F]} and mask [B, S] to [B, S, 2], as `Recurrent` says. Raises
    CallError without one of the four.

    >>> network = full({"face": 2048, "landmarks": 140, "body": 36, "mel": 128})
    >>> sum(p.numel() for p in network.parameters())
    3479298
    """
    read = widths_of(("face", "landmarks", "body", "mel"), widths, "full")
    joined = [(("face", "landmarks"), first), (("body",), second), (("mel",), third)]
    return Recurrent(read, joined, hidden, dropout, relu)


@network(name="without-mel", source="Orgil 2022, §3.2.2", reads=("face", "landmarks", "body"), preset="recurrent")
def without_mel(
    widths: Mapping[str, int],
    *,
    first: First = 1024,
    second: Second = 512,
    hidden: Memory = 256,
    dropout: Dropout = 0.5,
    relu: Relu = True,
) -> nn.Module:
    """Face, landmarks and body, without sound, joined layer by layer → LSTM → valence and arousal.

    `widths`: features per frame by tensor, of which "face", "landmarks" and "body" are read (2048, 140 and 36 in
    the thesis). [face ‖ landmarks] → Linear 1024 → ‖ body → Linear 512 → LSTM 512 → 256 → Linear 2. The module
    maps {tensor: [B, S, F]} and mask [B, S] to [B, S, 2], as `Recurrent` says. Raises CallError without one of
    the three.

    >>> sum(p.numel() for p in without_mel({"face": 2048, "landmarks": 140, "body": 36}).parameters())
    3576834
    """
    read = widths_of(("face", "landmarks", "body"), widths, "without-mel")
    return Recurrent(read, [(("face", "landmarks"), first), (("body",), second)], hidden, dropout, relu)


@network(source="Orgil 2022, §3.2.2", reads=("mel",), preset="recurrent")
def audio(widths: Mapping[str, int], *, hidden: Hidden = 256, dropout: Dropout = 0.5, relu: Relu = True) -> nn.Module:
    """Sound alone: Mel spectrogram columns → fully connected → LSTM → valence and arousal.

    `widths`: features per frame by tensor, of which "mel" is read (128 in the thesis). mel → Linear 256 → LSTM
    256 → Linear 2. The module maps {"mel": [B, S, F]} and mask [B, S] to [B, S, 2], as `Recurrent` says. Raises
    CallError without "mel".

    >>> sum(p.numel() for p in audio({"mel": 128}).parameters())
    560386
    """
    return Recurrent(widths_of(("mel",), widths, "audio"), [(("mel",), hidden)], hidden, dropout, relu)


@network(source="Orgil 2022, §3.2.2", reads=("body",), preset="recurrent")
def pose(widths: Mapping[str, int], *, hidden: Hidden = 256, dropout: Dropout = 0.5, relu: Relu = True) -> nn.Module:
    """Posture alone: points of the body → fully connected → LSTM → valence and arousal.

    `widths`: features per frame by tensor, of which "body" is read (18 points, 36 in the thesis). body → Linear
    256 → LSTM 256 → Linear 2. The module maps {"body": [B, S, F]} and mask [B, S] to [B, S, 2], as `Recurrent`
    says. Raises CallError without "body".

    >>> sum(p.numel() for p in pose({"mel": 128, "body": 36}).parameters())
    536834
    """
    return Recurrent(widths_of(("body",), widths, "pose"), [(("body",), hidden)], hidden, dropout, relu)


class Recurrent(nn.Module):
    """Frames, each through fully connected layers that tensors join one after the other, then through an LSTM.

    `widths`: features per frame by tensor. `joined`: for each fully connected layer, which tensors join there, and
    how wide it is. Every such layer is Linear, BatchNorm1d over valid frames, ReLU, dropout. Behind them an LSTM
    last layer → hidden and `outputs`, Linear hidden → 2. The LSTM reads forwards only, so that a frame's output
    does not depend on what follows it.

    >>> network = Recurrent({"mel": 8, "body": 3}, [(("mel",), 6), (("body",), 5)], hidden=4).eval()
    >>> features = {"mel": torch.full((2, 5, 8), float("nan")), "body": torch.zeros(2, 5, 3)}
    >>> out = network(features, torch.zeros(2, 5, dtype=torch.bool))
    >>> out.shape, bool(out.isfinite().all())
    (torch.Size([2, 5, 2]), True)
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        joined: Sequence[tuple[tuple[str, ...], int]],
        hidden: int = 256,
        dropout: float = 0.5,
        relu: bool = True,
    ) -> None:
        super().__init__()
        self.joining = tuple(tensors for tensors, _ in joined)
        self.layers = nn.ModuleList()
        before = 0
        for tensors, width in joined:
            linear = nn.Linear(before + sum(widths[name] for name in tensors), width)
            self.layers.append(
                nn.Sequential(linear, FrameNorm(width), *([nn.ReLU()] if relu else []), nn.Dropout(dropout))
            )
            before = width
        self.memory = nn.LSTM(before, hidden, batch_first=True)
        self.outputs = nn.Linear(hidden, OUTPUTS)

    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        """Features {tensor: [B, S, F]}, mask [B, S], True = valid → [B, S, 2], from a film's start.

        What a masked frame holds, NaN included, touches nothing: only valid frames go through the layers and
        into the statistics, and the LSTM reads zeros in the places of the others. Outputs of masked frames
        are finite and mean nothing.
        """
        return self.continued(features, mask, None)[0]

    def continued(self, features: Mapping[str, Tensor], mask: Tensor, state: State | None) -> tuple[Tensor, State]:
        """The same from where `state` left off, and the state behind the last frame: two tensors [1, B, hidden].

        `state`: what the call for the frames before gave; None at a film's start.
        """
        seen: list[Tensor] = []  # what the layer before gave: [valid frames of the batch, its width]
        for tensors, layer in zip(self.joining, self.layers, strict=True):
            seen = [layer(torch.cat([*seen, *(features[name][mask] for name in tensors)], -1))]
        (frames,) = seen
        sequence = frames.new_zeros(*mask.shape, frames.shape[-1])
        sequence[mask] = frames
        remembered, after = self.memory(sequence, state)
        return self.outputs(remembered), after
