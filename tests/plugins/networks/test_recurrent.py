"""The recurrent networks: what reaches them, what must not, and that they learn."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from cltool import CallError
from cltool_plugins.networks.recurrent import Recurrent, audio, pose


def make_network(width: int = 5, hidden: int = 8, dropout: float = 0.0) -> Recurrent:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Recurrent("mel", width, hidden, dropout)


def make_features(batch: int = 3, length: int = 6, width: int = 5) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(1)
    mask = torch.rand(batch, length, generator=rng) < 0.7
    return torch.rand(batch, length, width, generator=rng), mask


@pytest.mark.parametrize(("network", "modality", "width"), [(audio, "mel", 128), (pose, "body", 36)])
def test_layers_are_as_wide_as_the_thesis_has_them(network, modality: str, width: int) -> None:
    module = network({"mel": 128, "body": 36, "face": 2048})
    shapes = [tuple(p.shape) for p in module.parameters() if p.ndim == 2]
    assert shapes == [(256, width), (1024, 256), (1024, 256), (2, 256)]  # an LSTM has four gates
    kinds = [type(m).__mro__[1] if isinstance(m, nn.BatchNorm1d) else type(m) for m in module.frames]
    assert kinds == [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout]
    assert module.frames[-1].p == 0.5
    features = {modality: torch.rand(2, 7, width), "face": torch.rand(2, 7, 2048)}
    assert module(features, torch.ones(2, 7, dtype=torch.bool)).shape == (2, 7, 2)


def test_the_literal_reading_has_no_activation() -> None:
    assert [type(m) for m in audio({"mel": 4}, relu=False).frames if isinstance(m, nn.ReLU)] == []


@pytest.mark.parametrize("training", [True, False])
def test_what_a_masked_frame_holds_touches_nothing(training: bool) -> None:
    x, mask = make_features()
    seen = []
    for junk in (0.0, math.nan, 1e30):
        network = make_network().train(training)
        filled = x.masked_fill(~mask[..., None], junk).requires_grad_()
        out = network({"mel": filled}, mask)
        out[mask].sum().backward()
        assert filled.grad is not None
        assert (filled.grad[~mask] == 0).all()
        seen.append([out, *network.buffers(), *(p.grad for p in network.parameters())])
    for others in seen[1:]:
        assert all(torch.equal(a, b) for a, b in zip(seen[0], others, strict=True))


def test_statistics_are_those_of_valid_frames() -> None:
    x, mask = make_features()
    network = make_network()
    network({"mel": x}, mask)
    mean = network.frames[0](x[mask]).mean(0)
    assert torch.allclose(network.frames[1].running_mean, 0.1 * mean, atol=1e-6)


def test_padding_behind_a_sequence_does_not_change_it() -> None:
    x, mask = make_features()
    network = make_network().eval()
    padded = torch.cat([x, torch.full((3, 4, 5), math.nan)], 1)
    longer = torch.cat([mask, torch.zeros(3, 4, dtype=torch.bool)], 1)
    assert torch.allclose(network({"mel": padded}, longer)[:, :6], network({"mel": x}, mask), atol=1e-6)


def test_a_frame_remembers_those_before_it_and_no_later_one() -> None:
    x, _ = make_features()
    mask = torch.ones(3, 6, dtype=torch.bool)
    network = make_network().eval()
    before = network({"mel": x}, mask)
    x[:, 3] += 1
    same = (network({"mel": x}, mask) == before).all(-1).all(0)
    assert same.tolist() == [True, True, True, False, False, False]


@pytest.mark.parametrize("valid", [0, 1])
def test_a_batch_with_one_valid_frame_or_none_can_be_trained_on(valid: int) -> None:
    network = make_network()
    before = network.frames[1].running_var.clone()
    mask = torch.arange(4)[None] < valid
    out = network({"mel": torch.rand(1, 4, 5)}, mask)
    out.sum().backward()
    assert out.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert torch.equal(network.frames[1].running_var, before)


def test_the_gradient_reaches_every_parameter() -> None:
    x, mask = make_features()
    network = make_network()
    network({"mel": x}, mask)[mask].square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        # a shift of a layer before normalisation is taken out again: its gradient is 0 but for rounding
        assert name == "frames.0.bias" or parameter.grad.abs().max() > 1e-6, name


def test_dropout_acts_in_training_alone() -> None:
    x, mask = make_features()
    network = make_network(dropout=0.5)
    first, second = (network({"mel": x}, mask) for _ in range(2))
    assert not torch.equal(first, second)
    network.eval()
    first, second = (network({"mel": x}, mask) for _ in range(2))
    assert torch.equal(first, second)


def test_it_learns_what_needs_memory() -> None:
    rng = torch.Generator().manual_seed(2)
    x = torch.rand(16, 10, 2, generator=rng) * 2 - 1
    mask = torch.rand(16, 10, generator=rng) < 0.9
    target = torch.cat([torch.zeros(16, 1, 2), x[:, :-1]], 1)  # the frame before, which no frame shows itself
    keep = mask & torch.cat([mask[:, :1], mask[:, :-1]], 1)
    network = make_network(width=2, hidden=16)
    speeds = [torch.zeros_like(p) for p in network.parameters()]
    losses = []
    for _ in range(200):
        loss = (network({"mel": x}, mask) - target)[keep].square().mean()
        gradients = torch.autograd.grad(loss, list(network.parameters()))
        with torch.no_grad():
            for parameter, speed, gradient in zip(network.parameters(), speeds, gradients, strict=True):
                parameter.sub_(speed.mul_(0.9).add_(gradient), alpha=0.2)
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize(
    ("network", "widths", "shown"),
    [
        (audio, {"body": 36, "face": 2048}, "'audio' reads 'mel', which is not among the features: 'body', 'face'"),
        (pose, {}, "'pose' reads 'body', which is not among the features: nothing"),
    ],
)
def test_a_missing_modality_is_named(network, widths: dict[str, int], shown: str) -> None:
    with pytest.raises(CallError, match=shown):
        network(widths)


def test_options_are_checked_before_anything_is_built() -> None:
    for options in ({"hidden": "0"}, {"dropout": "1"}):
        with pytest.raises(CallError, match="network 'pose', option"):
            pose.__cltool_plugin__.configure(options)  # type: ignore[attr-defined]
