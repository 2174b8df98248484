"""The thesis' recurrent networks that read a single modality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from cltool import CallError, network

OUTPUTS = 2  # valence, arousal

Hidden = Annotated[int, Field(ge=1, description="width of the fully connected layer and of the LSTM")]
Dropout = Annotated[float, Field(ge=0, lt=1, description="share of hidden units left out in training")]
Relu = Annotated[bool, Field(description="between normalisation and dropout; the thesis names no activation")]


@network(source="Orgil 2022, §3.2.2")
def audio(widths: Mapping[str, int], *, hidden: Hidden = 256, dropout: Dropout = 0.5, relu: Relu = True) -> nn.Module:
    """Sound alone: Mel spectrogram columns → fully connected → LSTM → valence and arousal.

    `widths`: features per frame by modality, of which "mel" is read (128 in the thesis). The module maps
    {"mel": [B, S, F]} and mask [B, S] to [B, S, 2], as `Recurrent` says. Raises CallError without "mel".

    >>> sum(p.numel() for p in audio({"mel": 128}).parameters())
    560386
    """
    return Recurrent("mel", _width_of("mel", widths, "audio"), hidden, dropout, relu)


@network(source="Orgil 2022, §3.2.2")
def pose(widths: Mapping[str, int], *, hidden: Hidden = 256, dropout: Dropout = 0.5, relu: Relu = True) -> nn.Module:
    """Posture alone: points of the body → fully connected → LSTM → valence and arousal.

    `widths`: features per frame by modality, of which "body" is read (18 points, 36 in the thesis). The module
    maps {"body": [B, S, F]} and mask [B, S] to [B, S, 2], as `Recurrent` says. Raises CallError without "body".

    >>> sum(p.numel() for p in pose({"mel": 128, "body": 36}).parameters())
    536834
    """
    return Recurrent("body", _width_of("body", widths, "pose"), hidden, dropout, relu)


def _width_of(modality: str, widths: Mapping[str, int], reader: str) -> int:
    if modality not in widths:
        given = ", ".join(repr(name) for name in widths) or "nothing"
        raise CallError(f"network {reader!r} reads {modality!r}, which is not among the features: {given}")
    return widths[modality]


class Recurrent(nn.Module):
    """One modality's frames, each through a fully connected layer, then in order through an LSTM.

    Linear width → hidden, BatchNorm1d, ReLU, dropout, LSTM hidden → hidden, Linear hidden → 2. The LSTM reads
    forwards only, so that a frame's output does not depend on what follows it.

    >>> import torch
    >>> network = Recurrent("mel", 8, hidden=4).eval()
    >>> features = {"mel": torch.full((2, 5, 8), float("nan"))}
    >>> out = network(features, torch.zeros(2, 5, dtype=torch.bool))
    >>> out.shape, bool(out.isfinite().all())
    (torch.Size([2, 5, 2]), True)
    """

    def __init__(self, modality: str, width: int, hidden: int = 256, dropout: float = 0.5, relu: bool = True) -> None:
        super().__init__()
        self.modality = modality
        layers = [nn.Linear(width, hidden), FrameNorm(hidden), *([nn.ReLU()] if relu else []), nn.Dropout(dropout)]
        self.frames = nn.Sequential(*layers)
        self.memory = nn.LSTM(hidden, hidden, batch_first=True)
        self.outputs = nn.Linear(hidden, OUTPUTS)

    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        """Features {modality: [B, S, F]}, mask [B, S], True = valid → [B, S, 2].

        What a masked frame holds, NaN included, touches nothing: only valid frames go through the layers and
        into the statistics, and the LSTM reads zeros in the places of the others. Outputs of masked frames
        are finite and mean nothing.
        """
        seen = self.frames(features[self.modality][mask])  # [valid frames of the batch, hidden]
        sequence = seen.new_zeros(*mask.shape, seen.shape[-1])
        sequence[mask] = seen
        return self.outputs(self.memory(sequence)[0])


class FrameNorm(nn.BatchNorm1d):
    """BatchNorm1d of frames [n, H] that also takes batches with a single valid frame, or none, in training.

    Those have no variance; they are normalised by the running statistics, which they leave as they were.

    >>> import torch
    >>> FrameNorm(3)(torch.zeros(1, 3)).shape
    torch.Size([1, 3])
    """

    def forward(self, frames: Tensor) -> Tensor:
        """[n, H] → [n, H]."""
        if len(frames) > 1 or not self.training:
            return super().forward(frames)
        return nn.functional.batch_norm(
            frames, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
        )
