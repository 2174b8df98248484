"""Broken plugins, each caught by the clause that names what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from cltool import Head, Statistics, TaskStream, head, lift, loss, merge, network, strategy, surgery, union, unknown
from cltool.contract import ContractBroken, check, check_file, examine
from cltool.errors import PluginError
from cltool.learner import Features


def newest(old: Head, new: Head) -> Head:
    return union(old, new, lambda name, before, after: after)


def narrow(old: Head, new: Head) -> Head:
    """Lose a feature."""
    found = newest(old, new)
    return replace(found, weight=found.weight[:, 1:])


def bare(old: Head, new: Head) -> Head:
    """Give a tensor, not a head."""
    return newest(old, new).weight  # type: ignore[return-value]


def loses_a_name(old: Head, new: Head) -> Head:
    """Forget the oldest class."""
    found = newest(old, new)
    return Head(found.names[1:], found.weight[1:], found.bias[1:], found.counts[1:], found.space)


def swaps_names(old: Head, new: Head) -> Head:
    """The new first."""
    return newest(new, old)


def mutates(old: Head, new: Head) -> Head:
    """Scale the old head where it stands."""
    old.weight.mul_(0.5)
    return newest(old, new)


def not_a_number(old: Head, new: Head) -> Head:
    """Normalise rows, those of length zero too."""
    found = newest(old, new)
    return replace(found, weight=found.weight / 0)


def too_precise(old: Head, new: Head) -> Head:
    """Compute in float64 and stay there."""
    found = newest(old, new)
    return replace(found, weight=found.weight.double())


def unseeded(old: Head, new: Head) -> Head:
    """Add noise of one's own."""
    found = newest(old, new)
    return replace(found, weight=found.weight + 0.01 * torch.randn(found.weight.shape).to(found.weight.dtype))


def raises(old: Head, new: Head) -> Head:
    """Work for disjoint classes only."""
    if set(old.classes) & set(new.classes):
        raise KeyError("shared")
    return newest(old, new)


def other_space(old: Head, new: Head) -> Head:
    """Name the space anew."""
    return replace(newest(old, new), space="mine")


def scrambled(old: Head, new: Head) -> Head:
    """Put the right names on the wrong rows."""
    found = newest(old, new)
    return replace(found, weight=found.weight.flip(0), bias=found.bias.flip(0))


def negative_counts(old: Head, new: Head) -> Head:
    """Count backwards."""
    found = newest(old, new)
    return replace(found, counts=-found.counts - 1)


@pytest.mark.parametrize(
    ("broken", "clause", "came"),
    [
        (narrow, "shape", "5 features instead of 6"),
        (bare, "shape", "a Tensor"),
        (loses_a_name, "names", "b, c, d, e, unknown instead of a, b, c, d, e, unknown"),
        (swaps_names, "names", "c, d, e, a, b, unknown instead of a, b, c, d, e, unknown"),
        (mutates, "inputs", "an input changed, for new classes"),
        (not_a_number, "finite", "row 'a' is not"),
        (too_precise, "dtype", "torch.float64 instead of torch.float32"),
        (unseeded, "deterministic", "draw from the input `rng: Generator`"),
        (raises, "runs", "KeyError: 'shared', for a class that both know"),
        (other_space, "space", "'mine'"),
        (negative_counts, "counts", "-"),
        (scrambled, "rows", "of the samples of a, b"),
    ],
)
def test_a_broken_merge_is_caught_by_the_clause_that_names_it(broken: Callable, clause: str, came: str) -> None:
    report = examine(merge(broken))
    assert [finding.clause for finding in report.broken] == [clause]
    assert came in report.broken[0].came
    with pytest.raises(ContractBroken, match=f"✗ {clause}: ") as told:
        check(broken)
    assert came in str(told.value)


@pytest.mark.parametrize("claim", ["by heads", "by statistics", "of nothing"])
def test_a_false_claim_to_be_exact_is_caught(claim: str) -> None:
    @merge(exact=True)
    def concatenated(old: Head, new: Head) -> Head:
        """Order and grouping do not matter, and it is not the joint solution."""
        return newest(old, new)

    @merge(exact=True)
    def latest(new_statistics: Statistics, statistics: Statistics) -> Head:
        """The sums of the newest task, under the names of all."""
        width = len(statistics.gram)
        rows = torch.zeros(len(statistics.names), width, dtype=torch.float64)
        known = torch.linalg.solve(new_statistics.gram + torch.eye(width), new_statistics.cross).T
        rows[[statistics.names.index(name) for name in new_statistics.names]] = known
        counts, space = statistics.count.float(), statistics.space
        return Head(statistics.names, rows[:, :-1].float(), rows[:, -1].float().contiguous(), counts, space)

    @merge(exact=True)
    def zeros(statistics: Statistics) -> Head:
        """The same whatever comes."""
        rows, width = len(statistics.names), len(statistics.gram) - 1
        return Head(
            statistics.names, torch.zeros(rows, width), torch.zeros(rows), statistics.count.float(), statistics.space
        )

    broken = {"by heads": concatenated, "by statistics": latest, "of nothing": zeros}[claim]
    (exact,) = [finding for finding in examine(broken).broken if finding.clause == "exact"]
    assert exact.came


def written(folder: Path, signature: str, first: str = "") -> Path:
    file = folder / "mine.py"
    body = f"@merge\n{signature}\n    'Mine.'\n    return new\n"
    file.write_text(f"from __future__ import annotations\n\n{first}from cltool import Head, merge\n\n\n{body}")
    return file


@pytest.mark.parametrize(
    ("line", "clause", "came"),
    [
        ("share: Shares = 1", "annotations", "name 'Shares' is not defined"),
        ("share: object.missing = 1", "annotations", "missing"),
        ("share: complex | Head = 1", "annotations", "Head"),
        ("share=1", "annotations", "option 'share' has no annotation"),
        ("share: 'float[' = 1", "annotations", ""),
    ],
)
def test_an_annotation_that_cannot_be_validated_is_caught(tmp_path: Path, line: str, clause: str, came: str) -> None:
    (report,) = check_file(written(tmp_path, f"def mine(old: Head, new: Head, *, {line}) -> Head:"))
    assert [finding.clause for finding in report.broken] == [clause]
    assert came in report.broken[0].came


def test_an_import_error_is_caught(tmp_path: Path) -> None:
    line = "from nowhere_at_all import something\n"
    (report,) = check_file(written(tmp_path, "def mine(old: Head, new: Head) -> Head:", line))
    assert [finding.clause for finding in report.broken] == ["import"]
    assert "ModuleNotFoundError: No module named 'nowhere_at_all'" in report.broken[0].came


def test_what_was_never_decorated_is_no_plugin() -> None:
    with pytest.raises(PluginError, match="decorate it"):
        check(narrow_copy)


def narrow_copy(old: Head, new: Head) -> Head:
    return new


@surgery(on="nowhere")
def misplaced(head: Head) -> Head:
    """Know no place."""
    return head


@surgery
def renames(head: Head) -> Head:
    """Sort rows."""
    return replace(head, names=head.names[::-1])


@surgery
def divides(head: Head) -> Head:
    """Scale to the largest weight, zero or not."""
    return replace(head, weight=head.weight / head.weight.abs().max())


@surgery
def forgets_counts(head: Head) -> Head:
    """Lose the counts."""
    return replace(head, counts=head.counts + 1)


@head
def lazy(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Learn nothing."""
    return torch.zeros(targets.shape[1], features.shape[1]), torch.zeros(targets.shape[1])


@unknown
def flat(features: Tensor) -> Tensor:
    """One number per stranger."""
    return features.mean(1)


@lift
def batchwise(width: int) -> nn.Module:
    """Centre by the batch."""
    return nn.BatchNorm1d(width, affine=False, track_running_stats=False)


@loss
def blind(prediction: Tensor, target: Tensor) -> Tensor:
    """Look at masked frames too."""
    return (prediction - target).square().mean()


@loss
def rooted(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """A root whose gradient at zero is none."""
    apart = torch.where(mask[..., None], prediction - target, 0.0)
    return apart.square().sum().sqrt()


@loss
def upside_down(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Reward being apart."""
    return -torch.where(mask[..., None], prediction - target, 0.0).square().sum()


class Framewise(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.used, self.spare = nn.Linear(width, 2), nn.Linear(width, 2)

    def forward(self, features: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        return self.used(features["mel"])


@network
def idle(widths: Mapping[str, int]) -> nn.Module:
    """Hold a layer that nothing goes through."""
    return Framewise(widths["mel"])


class Seen:
    outputs: tuple[str, ...] = ()

    def scores(self, blocks: Any) -> Tensor:
        return torch.zeros(sum(map(len, blocks)), len(self.outputs))


@strategy
def looks_back(stream: TaskStream, features: Features) -> Iterator[Seen]:
    """Keep all blocks."""
    hoard: list = []
    for task in stream:
        hoard += task.train
        features(hoard)
        yield Seen()


@strategy
def knows_nothing(stream: TaskStream, rng: Generator) -> Iterator[Seen]:
    """Never name a class."""
    for _ in stream:
        yield Seen()


@pytest.mark.parametrize(
    ("broken", "clauses"),
    [
        (misplaced, ["place"]),
        (renames, ["names"]),
        (divides, ["finite"]),
        (forgets_counts, ["counts"]),
        (lazy, ["learns"]),
        (flat, ["shape"]),
        (batchwise, ["rows"]),
        (blind, ["shape", "gradient", "mask"]),
        (rooted, ["gradient"]),
        (upside_down, ["lower"]),
        (idle, ["trains"]),
        (looks_back, ["runs"]),
        (knows_nothing, ["outputs", "learns"]),
    ],
)
def test_other_kinds_have_contracts_that_can_be_broken(broken: Callable, clauses: list[str]) -> None:
    assert [finding.clause for finding in examine(broken).broken] == clauses


def test_no_docstring_no_default_and_an_invalid_default_are_caught() -> None:
    @merge
    def silent(old: Head, new: Head) -> Head:
        return newest(old, new)

    @merge
    def demanding(old: Head, new: Head, *, share: float) -> Head:
        """Want a number."""
        return newest(old, new)

    @merge
    def contradictory(old: Head, new: Head, *, share: int = "half") -> Head:  # type: ignore[assignment]
        """Say one thing and take another."""
        return newest(old, new)

    found = {f.__name__: [b.clause for b in examine(f).broken] for f in (silent, demanding, contradictory)}
    assert found["silent"] == ["documented"]
    assert "options" in found["demanding"]
    assert "options" in found["contradictory"]
    assert not examine(demanding, {"share": 0.5}).broken
