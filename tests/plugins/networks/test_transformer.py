"""The Transformer networks: what reaches them, what must not, and that queries find their own moment."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from cltool_plugins.networks.transformer import Transformer, evm, feature, mesh, multi, sinusoids

THESIS = {"mesh": 1434, "face": 2048, "evm": 2048}
every_network = pytest.mark.parametrize("network", [mesh, feature, evm, multi])


def make_network(longest: int = 12, dropout: float = 0.0, layers: int = 1) -> Transformer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Transformer({"mesh": 5, "face": 3}, width=16, heads=2, layers=layers, longest=longest, dropout=dropout)


def make_features(batch: int = 3, length: int = 6) -> tuple[dict[str, Tensor], Tensor]:
    rng = torch.Generator().manual_seed(1)
    mask = torch.rand(batch, length, generator=rng) < 0.7
    return {name: torch.rand(batch, length, width, generator=rng) for name, width in (("mesh", 5), ("face", 3))}, mask


@every_network
def test_it_is_an_encoder_and_a_decoder_of_the_base_size_over_the_tensors_it_reads(network) -> None:
    reads = network.__cltool_plugin__.facts["reads"]
    module = network(THESIS)
    projections = {name: tuple(layer.weight.shape) for name, layer in module.inputs.items()}
    assert projections == {name: (256, THESIS[name]) for name in reads}
    attention = module.attention
    assert isinstance(attention, nn.Transformer)
    assert [len(attention.encoder.layers), len(attention.decoder.layers)] == [3, 3]
    assert {m.num_heads for m in module.modules() if isinstance(m, nn.MultiheadAttention)} == {8}
    assert attention.encoder.layers[0].linear1.out_features == 1024
    assert not attention.batch_first
    assert module.outputs.weight.shape == (2, 256)


def test_the_base_size_of_2017_is_an_option() -> None:
    module = mesh({"mesh": 6}, width=512, layers=6, longest=30)
    assert [len(module.attention.encoder.layers), len(module.attention.decoder.layers)] == [6, 6]
    assert module.queries.shape == (30, 512)
    assert module.attention.decoder.layers[5].linear1.out_features == 2048


@pytest.mark.parametrize("training", [True, False])
def test_what_a_masked_frame_holds_touches_nothing(training: bool) -> None:
    x, mask = make_features()
    seen = []
    for junk in (0.0, math.nan, 1e30):
        network = make_network().train(training)
        filled = {name: rows.masked_fill(~mask[..., None], junk).requires_grad_() for name, rows in x.items()}
        out = network(filled, mask)
        out[mask].sum().backward()
        for rows in filled.values():
            assert rows.grad is not None
            assert (rows.grad[~mask] == 0).all()
        seen.append([out, *(p.grad for p in network.parameters())])
    for others in seen[1:]:
        assert all(torch.equal(a, b) for a, b in zip(seen[0], others, strict=True))


def test_padding_behind_a_sequence_does_not_change_it() -> None:
    x, mask = make_features()
    network = make_network(layers=2).eval()
    padded = {name: torch.cat([rows, torch.full((3, 4, rows.shape[2]), math.nan)], 1) for name, rows in x.items()}
    longer = torch.cat([mask, torch.zeros(3, 4, dtype=torch.bool)], 1)
    assert torch.allclose(network(padded, longer)[:, :6][mask], network(x, mask)[mask], atol=1e-5)


def test_sequences_of_a_batch_do_not_see_each_other() -> None:
    x, mask = make_features()
    network = make_network().eval()
    alone = network({name: rows[1:2] for name, rows in x.items()}, mask[1:2])
    assert torch.allclose(network(x, mask)[1:2], alone, atol=1e-5)


def test_every_frame_sees_every_valid_one_and_knows_where_it_stands() -> None:
    x, _ = make_features(1)
    mask = torch.ones(1, 6, dtype=torch.bool)
    network = make_network().eval()
    before = network(x, mask)
    x["face"][0, 3] += 1
    assert (network(x, mask) != before).any(-1).all()
    still = {name: rows[:, :1].expand(-1, 6, -1) for name, rows in x.items()}
    assert network(still, mask)[0, :, 0].unique().numel() == 6


def test_a_frame_counts_where_only_one_of_its_tensors_is_there() -> None:
    x, mask = make_features(1)
    network, mask = make_network().eval(), torch.ones_like(mask)
    x["face"][:] = 0
    before = network(x, mask)
    x["mesh"][0, 2] = 0
    assert (network(x, mask) != before).any()


@pytest.mark.parametrize("batch", [1, 3])
def test_a_sequence_without_a_valid_frame_has_finite_values_and_gradients(batch: int) -> None:
    x, mask = make_features(batch)
    mask[0] = False
    network = make_network(dropout=0.3)
    out = network(x, mask)
    out.sum().backward()
    assert out.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_the_gradient_reaches_every_parameter_queries_included() -> None:
    x, mask = make_features()
    network = make_network(longest=6)
    network(x, mask)[mask].square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad != 0).any(), name


def test_queries_start_as_the_positions_and_are_learned() -> None:
    network = make_network()
    assert torch.equal(network.queries, network.positions)
    assert "queries" in network.state_dict()
    assert "positions" not in network.state_dict()  # nothing that is learned


def test_positions_are_the_papers_with_wavelengths_up_to_the_longest_sequence() -> None:
    found, base = sinusoids(40, 6), 40 / (2 * math.pi)
    for s, i in ((0, 0), (7, 1), (39, 2)):
        assert found[s, 2 * i].item() == pytest.approx(math.sin(s / base ** (2 * i / 6)), abs=1e-5)
        assert found[s, 2 * i + 1].item() == pytest.approx(math.cos(s / base ** (2 * i / 6)), abs=1e-5)


def test_dropout_acts_in_training_alone() -> None:
    x, mask = make_features()
    network = make_network(dropout=0.5)
    assert not torch.equal(network(x, mask), network(x, mask))
    network.eval()
    assert torch.equal(network(x, mask), network(x, mask))


@pytest.mark.slow
def test_it_learns_what_only_a_frame_itself_shows() -> None:
    rng = torch.Generator().manual_seed(2)
    x = torch.rand(16, 10, 5, generator=rng) * 2 - 1
    features, mask = {"mesh": x, "face": torch.zeros(16, 10, 3)}, torch.rand(16, 10, generator=rng) < 0.9
    network = make_network(longest=10)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(400):
        loss = (network(features, mask) - x[..., :2])[mask].square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.15 * losses[0]
