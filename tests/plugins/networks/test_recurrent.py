"""The recurrent networks: what reaches them, what must not, and that they learn."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from cltool_plugins.networks.recurrent import Recurrent, audio, full, pose, without_mel

THESIS = {"face": 2048, "landmarks": 140, "body": 36, "mel": 128}


def make_network(width: int = 5, hidden: int = 8, dropout: float = 0.0) -> Recurrent:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Recurrent({"mel": width}, [(("mel",), hidden)], hidden, dropout)


def make_features(batch: int = 3, length: int = 6, width: int = 5) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(1)
    mask = torch.rand(batch, length, generator=rng) < 0.7
    return torch.rand(batch, length, width, generator=rng), mask


@pytest.mark.parametrize(
    ("network", "shapes"),
    [
        (audio, [(256, 128), (1024, 256), (1024, 256), (2, 256)]),  # an LSTM has four gates
        (pose, [(256, 36), (1024, 256), (1024, 256), (2, 256)]),
        (full, [(1024, 2188), (512, 1060), (256, 640), (1024, 256), (1024, 256), (2, 256)]),
        (without_mel, [(1024, 2188), (512, 1060), (1024, 512), (1024, 256), (2, 256)]),
    ],
)
def test_layers_are_as_wide_as_the_thesis_has_them(network, shapes: list[tuple[int, int]]) -> None:
    module = network(THESIS)
    assert [tuple(p.shape) for p in module.parameters() if p.ndim == 2] == shapes
    for layer in module.layers:
        kinds = [type(m).__mro__[1] if isinstance(m, nn.BatchNorm1d) else type(m) for m in layer]
        assert kinds == [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout]
        assert layer[-1].p == 0.5
    features = {name: torch.rand(2, 7, width) for name, width in THESIS.items()}
    assert module(features, torch.ones(2, 7, dtype=torch.bool)).shape == (2, 7, 2)


def test_first_layers_follow_the_widths_and_the_others_the_options() -> None:
    module = full({**THESIS, "face": 512}, first=40, second=30, third=20, hidden=10)
    shapes = [tuple(p.shape) for p in module.parameters() if p.ndim == 2]
    assert shapes == [(40, 652), (30, 76), (20, 158), (40, 20), (40, 10), (2, 10)]


@pytest.mark.parametrize("network", [full, without_mel, audio, pose])
def test_a_network_reads_what_it_says_and_nothing_else(network) -> None:
    reads = network.__cltool_plugin__.facts["reads"]
    module = network(dict.fromkeys(reads, 4)).eval()
    x = {name: torch.rand(2, 5, 4).requires_grad_() for name in reads}
    module(x, torch.ones(2, 5, dtype=torch.bool)).sum().backward()
    for name in reads:
        assert x[name].grad is not None
        assert (x[name].grad != 0).any(), name  # type: ignore[union-attr]


def test_a_frame_counts_where_only_one_of_its_tensors_is_there() -> None:
    module = full(dict.fromkeys(THESIS, 4)).eval()
    x = {name: torch.zeros(1, 5, 4) for name in THESIS}
    mask = torch.ones(1, 5, dtype=torch.bool)
    silent = module(x, mask)
    x["mel"][0, 3] = 1.0
    assert (module(x, mask) != silent).any(-1)[0].tolist() == [False, False, False, True, True]


def test_the_literal_reading_has_no_activation() -> None:
    assert not any(isinstance(m, nn.ReLU) for m in full(THESIS, relu=False).modules())


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
    mean = network.layers[0][0](x[mask]).mean(0)
    assert torch.allclose(network.layers[0][1].running_mean, 0.1 * mean, atol=1e-6)


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


@pytest.mark.parametrize("cuts", [(3,), (1, 2, 4), (6,)])
def test_windows_with_the_state_handed_on_give_what_the_whole_gives(cuts: tuple[int, ...]) -> None:
    x, mask = make_features()
    network = make_network().eval()
    parts, state = [], None
    for start, end in zip((0, *cuts), (*cuts, 6), strict=True):
        if start < end:
            out, state = network.continued({"mel": x[:, start:end]}, mask[:, start:end], state)
            parts.append(out)
    assert torch.allclose(torch.cat(parts, 1), network({"mel": x}, mask), atol=1e-6)
    assert state is not None
    assert [tuple(part.shape) for part in state] == [(1, 3, 8), (1, 3, 8)]


@pytest.mark.parametrize("valid", [0, 1])
def test_a_batch_with_one_valid_frame_or_none_can_be_trained_on(valid: int) -> None:
    network = make_network()
    before = network.layers[0][1].running_var.clone()
    mask = torch.arange(4)[None] < valid
    out = network({"mel": torch.rand(1, 4, 5)}, mask)
    out.sum().backward()
    assert out.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert torch.equal(network.layers[0][1].running_var, before)


def test_the_gradient_reaches_every_parameter() -> None:
    x, mask = make_features()
    network = make_network()
    network({"mel": x}, mask)[mask].square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        # a shift of a layer before normalisation is taken out again: its gradient is 0 but for rounding
        assert name == "layers.0.0.bias" or parameter.grad.abs().max() > 1e-6, name


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
