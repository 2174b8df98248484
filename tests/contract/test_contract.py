"""The contract on plugins that keep it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from PIL import Image

from cltool import Head, Statistics, merge, union
from cltool.catalogue import discover
from cltool.contract import check, check_entry, examine
from cltool.contract.trials import digest, global_randomness
from cltool.heads import UNKNOWN
from cltool.plugin import KINDS

OURS = sorted((kind, name) for kind, name in discover().entries)
HEAVY = ("avalanche", "hf", "va-puppet")  # they import a library of their own, or make films
PLAIN = [
    pytest.param(kind, name, marks=pytest.mark.slow if name.partition(":")[0] in HEAVY else ())
    for kind, name in OURS
    if kind not in ("backbone", "modality")
]


def test_every_kind_has_a_plugin_and_a_contract() -> None:
    assert {kind for kind, _ in OURS} == set(KINDS)
    for kind in KINDS:
        assert (Path(__file__).parents[2] / "cltool" / "contract" / f"{kind}.py").is_file()


@pytest.mark.parametrize(("kind", "name"), PLAIN)
def test_our_plugins_keep_their_contract(kind: str, name: str) -> None:
    catalogue = discover()
    report = check_entry(catalogue.entries[kind, name][0], catalogue, unasked=True)
    assert not report.broken, str(report)
    assert sum(finding.kept is True for finding in report.findings) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mel", "mesh", "landmarks", "face", "evm"])
@pytest.mark.usefixtures("face_model")
def test_our_modalities_keep_their_contract(name: str) -> None:
    assert all(finding.kept for finding in check(discover().find("modality", name)).findings)


@pytest.mark.parametrize(("name", "told"), [("body", "--pose-model"), ("openface", "no CSV of OpenFace")])
def test_a_modality_is_not_checked_without_what_it_reads(name: str, told: str) -> None:
    (runs, *others) = check(discover().find("modality", name)).findings[3:]
    assert (runs.clause, runs.kept) == ("runs", None)
    assert told in runs.came
    assert all(finding.kept is None for finding in others)


@pytest.mark.parametrize("name", ["random", "universal", pytest.param("squeezenet1_1", marks=pytest.mark.slow)])
def test_our_backbones_keep_their_contract(name: str) -> None:
    assert all(finding.kept for finding in check(discover().find("backbone", name)).findings)


def test_a_stream_is_read_where_its_data_are(tmp_path: Path) -> None:
    for i, (split, name) in enumerate(itertools.product(("train", "test"), "abcdefghij")):
        path = tmp_path / split / name / "1.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (5, 4), (i, 0, 0)).save(path)
    report = check(discover().find("stream", "folder"), data_root=tmp_path)
    assert all(finding.kept for finding in report.findings), str(report)


def test_no_stream_is_downloaded_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr("socket.socket.connect", lambda *address: asked.append(address))
    report = examine(discover().find("stream", "cifar100"))
    assert {finding.clause: finding.kept for finding in report.findings}["offline"]
    assert not asked


def test_what_is_costly_is_run_only_when_it_is_named() -> None:
    plugin = discover().find("backbone", "mobilenet_v3_small")
    unasked = examine(plugin, unasked=True)
    assert not unasked.broken
    assert [finding.kept for finding in unasked.findings].count(None) == 7


def ridge_of(statistics: Statistics, strength: float) -> tuple[torch.Tensor, torch.Tensor]:
    penalty = torch.full((len(statistics.gram),), strength, dtype=torch.float64)
    penalty[-1] = 1e-9
    solution = torch.linalg.solve(statistics.gram + torch.diag(penalty), statistics.cross).T.float()
    return solution[:, :-1].contiguous(), solution[:, -1].contiguous()


def test_a_true_claim_to_be_exact_is_kept_by_statistics() -> None:
    @merge(exact=True)
    def closed_form(statistics: Statistics, *, strength: float = 1.0) -> Head:
        """The ridge solution of all tasks, from their sums."""
        weight, bias = ridge_of(statistics, strength)
        return Head(statistics.names, weight, bias, statistics.count.float(), statistics.space)

    (exact,) = [finding for finding in check(closed_form).findings if finding.clause == "exact"]
    assert exact.kept


def test_a_true_claim_to_be_exact_is_kept_by_heads_and_grams() -> None:
    @merge(exact=True, source="Jin et al. 2023, RegMean")
    def gram(old: Head, new: Head, old_statistics: Statistics, new_statistics: Statistics) -> Head:
        """Each head weighs as its own features do."""
        names = tuple(dict.fromkeys((*old.classes, *new.classes)))
        dtype, penalty = old.weight.dtype, torch.eye(len(old_statistics.gram), dtype=torch.float64)
        penalty[-1, -1] = 1e-9
        pull = torch.zeros(len(penalty), len(names), dtype=torch.float64)
        for head, sums in ((old, old_statistics), (new, new_statistics)):
            rows = torch.cat([head.weight, head.bias[:, None]], 1).double()
            for name in head.classes:
                pull[:, names.index(name)] += (sums.gram + penalty) @ rows[head.names.index(name)]
        rows = torch.linalg.solve(old_statistics.gram + new_statistics.gram + penalty, pull).T.to(dtype)
        counts = torch.ones(len(names), dtype=dtype)
        weight, bias = rows[:, :-1].contiguous(), rows[:, -1].contiguous()
        if UNKNOWN in old.names:
            row = old.row(UNKNOWN)
            weight, bias = torch.cat([weight, row.weight[None]]), torch.cat([bias, row.bias[None]])
            counts, names = torch.cat([counts, row.count[None]]), (*names, UNKNOWN)
        return Head(names, weight, bias, counts, old.space)

    (exact,) = [finding for finding in check(gram).findings if finding.clause == "exact"]
    assert exact.kept


def test_a_merge_that_draws_from_its_own_generator_is_deterministic() -> None:
    @merge
    def noisy(old: Head, new: Head, rng: torch.Generator) -> Head:
        """Newer rows; noise from the generator it was given."""
        torch.randn(3, generator=rng)
        return union(old, new, lambda name, before, after: after)

    check(noisy)


def test_checking_leaves_the_global_generators_where_they_were() -> None:
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    with global_randomness(1):
        torch.rand(5)
    check(discover().find("merge", "alpha"))
    assert torch.equal(torch.rand(3), wanted)


def test_a_digest_sees_every_number_whatever_the_strides() -> None:
    square = torch.arange(6.0).view(2, 3)
    assert digest(square.T) == digest(square.T.contiguous())
    assert digest(square[:, 2]) == digest(torch.tensor([2.0, 5.0]))
    assert digest(square) != digest(square + torch.eye(2, 3) * 1e-6)
    assert digest(square) != digest(square.double())
