"""The thesis' Transformer networks: what is seen of a face goes in, a learned query for every moment gets an answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from cltool import CallError, network
from cltool_plugins.networks.frames import OUTPUTS, widths_of

Width = Annotated[int, Field(ge=2, multiple_of=2, description="numbers per frame inside; the base size of 2017 is 512")]
Heads = Annotated[int, Field(ge=1, description="heads of attention; they divide the width")]
Layers = Annotated[int, Field(ge=1, description="layers of the encoder, and as many of the decoder; 6 in 2017")]
Longest = Annotated[int, Field(ge=1, description="longest sequence, in frames; each has a learned query")]
Dropout = Annotated[float, Field(ge=0, lt=1, description="share of units left out in training")]

SOURCE = "Orgil 2022, §3.2.3; Vaswani et al. 2017"


@network(source=SOURCE, reads=("mesh",), preset="transformer")
def mesh(
    widths: Mapping[str, int],
    *,
    width: Width = 256,
    heads: Heads = 8,
    layers: Layers = 3,
    longest: Longest = 512,
    dropout: Dropout = 0.1,
) -> nn.Module:
    """The face mesh → Transformer → valence and arousal.

    `widths`: features per frame by tensor, of which "mesh" is read (478 points, 1434). mesh → Linear 256 →
    encoder and decoder of 3 layers → Linear 2. The module maps {"mesh": [B, S, F]} and mask [B, S] to [B, S, 2],
    as `Transformer` says. Raises CallError without "mesh", or for heads that do not divide the width.

    >>> sum(p.numel() for p in mesh({"mesh": 1434}).parameters())
    6029570
    """
    return Transformer(widths_of(("mesh",), widths, "mesh"), width, heads, layers, longest, dropout)


@network(source=SOURCE, reads=("face",), preset="transformer")
def feature(
    widths: Mapping[str, int],
    *,
    width: Width = 256,
    heads: Heads = 8,
    layers: Layers = 3,
    longest: Longest = 512,
    dropout: Dropout = 0.1,
) -> nn.Module:
    """A frozen network's features of the face → Transformer → valence and arousal.

    `widths`: features per frame by tensor, of which "face" is read (2048 of ResNet-50). face → Linear 256 →
    encoder and decoder of 3 layers → Linear 2. The module maps {"face": [B, S, F]} and mask [B, S] to [B, S, 2],
    as `Transformer` says. Raises CallError without "face", or for heads that do not divide the width.

    >>> sum(p.numel() for p in feature({"face": 2048}).parameters())
    6186754
    """
    return Transformer(widths_of(("face",), widths, "feature"), width, heads, layers, longest, dropout)


@network(source=SOURCE, reads=("evm",), preset="transformer")
def evm(
    widths: Mapping[str, int],
    *,
    width: Width = 256,
    heads: Heads = 8,
    layers: Layers = 3,
    longest: Longest = 512,
    dropout: Dropout = 0.1,
) -> nn.Module:
    """A frozen network's features of the face in magnified colours → Transformer → valence and arousal.

    `widths`: features per frame by tensor, of which "evm" is read (2048 of ResNet-50). evm → Linear 256 →
    encoder and decoder of 3 layers → Linear 2. The module maps {"evm": [B, S, F]} and mask [B, S] to [B, S, 2],
    as `Transformer` says. Raises CallError without "evm", or for heads that do not divide the width.

    >>> sum(p.numel() for p in evm({"evm": 2048}).parameters())
    6186754
    """
    return Transformer(widths_of(("evm",), widths, "evm"), width, heads, layers, longest, dropout)


@network(source=SOURCE, reads=("mesh", "face", "evm"), preset="transformer")
def multi(
    widths: Mapping[str, int],
    *,
    width: Width = 256,
    heads: Heads = 8,
    layers: Layers = 3,
    longest: Longest = 512,
    dropout: Dropout = 0.1,
) -> nn.Module:
    """Mesh, features and features in magnified colours, each projected and summed → Transformer → valence and arousal.

    `widths`: features per frame by tensor, of which "mesh", "face" and "evm" are read (1434, 2048 and 2048).
    Linear 256 of each, summed → encoder and decoder of 3 layers → Linear 2. The module maps {tensor: [B, S, F]}
    and mask [B, S] to [B, S, 2], as `Transformer` says. Raises CallError without one of the three, or for heads
    that do not divide the width.

    >>> sum(p.numel() for p in multi({"mesh": 1434, "face": 2048, "evm": 2048}).parameters())
    7078658
    """
    return Transformer(widths_of(("mesh", "face", "evm"), widths, "multi"), width, heads, layers, longest, dropout)


class Transformer(nn.Module):
    """An encoder of what was seen, and a decoder that asks it about every moment by a query learned for it.

    `widths`: features per frame by tensor; each has a Linear of its own to `width`, and the results are summed. To
    that sum, of frame s, sine and cosine of s are added (after Vaswani et al. 2017, §3.5), and the encoder reads it.
    The decoder's input is a learned row for every s, which starts as the same sines and cosines; annotations, which
    2017's decoder would read shifted, are what is sought. `outputs`, Linear width → 2, is the last layer. Layers
    normalise before they attend and have 4·width units within; every frame sees every valid one. `longest` is the
    longest sequence in frames. Raises CallError for heads that do not divide the width.

    >>> network = Transformer({"mesh": 6}, width=8, heads=2, layers=1, longest=5).eval()
    >>> out = network({"mesh": torch.full((2, 5, 6), float("nan"))}, torch.zeros(2, 5, dtype=torch.bool))
    >>> out.shape, bool(out.isfinite().all())
    (torch.Size([2, 5, 2]), True)
    """

    positions: Tensor

    def __init__(
        self,
        widths: Mapping[str, int],
        width: int = 256,
        heads: int = 8,
        layers: int = 3,
        longest: int = 512,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if width % heads:
            raise CallError(f"a Transformer's heads divide its width; {heads} do not divide {width}")
        self.longest = longest
        self.inputs = nn.ModuleDict({name: nn.Linear(number, width) for name, number in widths.items()})
        self.register_buffer("positions", sinusoids(longest, width), persistent=False)
        self.queries = nn.Parameter(sinusoids(longest, width))
        self.dropout = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout, norm_first=True)
        encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.attention = nn.Transformer(
            width, heads, layers, layers, 4 * width, dropout, custom_encoder=encoder, norm_first=True
        )
        self.outputs = nn.Linear(width, OUTPUTS)

    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        """Features {tensor: [B, S, F]}, mask [B, S], True = valid → [B, S, 2].

        What a masked frame holds, NaN included, touches nothing: no frame attends to it, nor to its query. Outputs
        of masked frames are finite and mean nothing. Raises CallError for a sequence longer than `longest`.
        """
        frames = mask.shape[1]
        if frames > self.longest:
            raise CallError(f"a sequence of {frames} frames; this network has longest={self.longest}")
        keep = mask[..., None]
        summed = sum(layer(torch.where(keep, features[name], 0)) for name, layer in self.inputs.items())
        # Where nothing is valid all is attended to: attention to nothing would be 0/0.
        hidden = ~mask & mask.any(1, keepdim=True)
        source = self.dropout(summed.transpose(0, 1) + self.positions[:frames, None])  # [S, B, width]
        queries = self.queries[:frames, None].expand_as(source)
        answered = self.attention(
            source,
            queries,
            src_key_padding_mask=hidden,
            tgt_key_padding_mask=hidden,
            memory_key_padding_mask=hidden,
        )
        return self.outputs(answered.transpose(0, 1))


def sinusoids(length: int, width: int) -> Tensor:
    """Sines and cosines of positions 0 … length − 1, wavelengths from 2π to `length`: [length, width], even width.

    Vaswani et al. 2017 go up to 10000·2π, for texts: over a window of film most of those hardly move, so that a query
    takes long to find its own moment.

    >>> sinusoids(64, 4)[:2]
    tensor([[0.0000, 1.0000, 0.0000, 1.0000],
            [0.8415, 0.5403, 0.3082, 0.9513]])
    """
    longest = max(length, 2 * math.pi)
    frequencies = torch.exp(-math.log(longest / (2 * math.pi)) * torch.arange(0, width, 2) / width)
    angles = torch.arange(length)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
