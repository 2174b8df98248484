"""What a rival learns from: standardised features of the frozen backbone, or the pictures themselves."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from cltool import Block
from cltool.backbones import Backbone, PictureTransform
from cltool.learner import Features
from cltool.spaces import FeatureSpace
from cltool.standardization import Standardization

CHUNK = 256  # pictures decoded at once


class Samples(Protocol):
    """Blocks → samples [n, …], and the part of the model that turns samples into features [n, `width`]."""

    @property
    def width(self) -> int: ...

    @property
    def nbytes(self) -> int:
        """Bytes kept of the first task beside the model, to make samples of later ones."""

    def __call__(self, blocks: Sequence[Block]) -> Tensor: ...

    def extractor(self) -> nn.Module: ...


@dataclass
class FrozenFeatures:
    """Features of the frozen backbone, standardised by the moments of the task that is asked for first.

    `plain`: left as the backbone gives them.
    """

    features: Features
    width: int
    plain: bool = False
    space: FeatureSpace | None = None

    @property
    def nbytes(self) -> int:
        return self.space.standardization.nbytes if self.space else 0

    def __call__(self, blocks: Sequence[Block]) -> Tensor:
        x = self.features(blocks).float()
        if self.plain:
            return x.clone()
        if self.space is None:
            self.space = FeatureSpace.of(x, None)
        return self.space(x)

    def extractor(self) -> nn.Module:
        return nn.Identity()


@dataclass
class Pictures:
    """Pictures uint8 [n, C, size, size] at the backbone's size; the network is a copy, all of which learns.

    What it gives is standardised by the moments that features of the frozen one have on the task that is asked for
    first: classifiers start from the same as on frozen features, and one learning rate suits both.
    """

    backbone: Backbone
    features: Features
    space: FeatureSpace | None = None

    @property
    def width(self) -> int:
        return self.backbone.width

    @property
    def nbytes(self) -> int:
        return 0  # the moments are in the model

    def __call__(self, blocks: Sequence[Block]) -> Tensor:
        if self.space is None:
            self.space = FeatureSpace.of(self.features(blocks).float(), None)
        unscaled = replace(self.backbone.transform, mean=(0.0,), deviation=(1.0,))
        chunks = [
            (unscaled(block.pictures(range(start, min(start + CHUNK, len(block))))) * 255).round().to(torch.uint8)
            for block in blocks
            for start in range(0, len(block), CHUNK)
        ]
        return torch.cat(chunks)

    def extractor(self) -> nn.Module:
        assert self.space is not None  # samples of the first task were asked for
        body = deepcopy(self.backbone.body).float().requires_grad_(True)
        # the frozen one has another layout, in which A-GEM cannot flatten gradients
        body = body.to(memory_format=torch.contiguous_format)
        return PictureBody(body, self.backbone.transform, self.space.standardization)


class PictureBody(nn.Module):
    """A network behind its transform: pictures uint8 [n, C, size, size] → standardised features [n, width].

    A picture alone in its batch, as the last of a task may be, has no spread: batch norms then take their running one.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, body: nn.Module, transform: PictureTransform, standardization: Standardization) -> None:
        super().__init__()
        self.body = body
        self.transform = transform
        self.register_buffer("mean", standardization.mean.clone())
        self.register_buffer("deviation", standardization.deviation.clone())

    def forward(self, pictures: Tensor) -> Tensor:
        self.body.train(self.training and len(pictures) > 1)
        features: Tensor = self.body(self.transform.normalised(pictures.float() / 255).contiguous())
        return (features - self.mean) / self.deviation


class Network(nn.Module):
    """An extractor under a classifier: samples → a score for every class."""

    def __init__(self, feature_extractor: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.feature_extractor = feature_extractor
        self.classifier = classifier

    def forward(self, samples: Tensor) -> Tensor:
        scores: Tensor = self.classifier(self.feature_extractor(samples))
        return scores
