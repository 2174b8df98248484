"""Rows brought to one scale by statistics: the thesis' concatenation, each row a log-odds of its class."""

from __future__ import annotations

from dataclasses import replace

import torch

from cltool import Head, Statistics, merge, union
from cltool_plugins.merges.alpha import blended
from cltool_plugins.merges.class_rows import LAST, require_classes
from cltool_plugins.merges.ridge_path import CentredSums

FEWEST = 0.5  # samples a class or its rest counts for at least, so that no prior is infinite


@merge(source="one-dimensional LDA of each row's score (Fisher 1936), from sums alone; docs/merges.md")
def calibrate(old: Head, new: Head, statistics: Statistics) -> Head:
    """Keep the direction of every fitted row; scale and shift it so that its score is its class's log-odds.

    On samples of all tasks the score z = wᵀx + b of a row has a mean m₁ on its own class, m₀ on all others, and a
    variance v about the two, all known from the statistics. If z is Gaussian about both means, the log-odds of the
    class against the rest are (m₁ − m₀)/v · (z − (m₁ + m₀)/2) + log(n₁/n₀). No row is solved for again: a row moves
    along its own direction only, so the result does not depend on scales or biases that heads came with.

    `old` [R₁, D], `new` [R₂, D], `statistics` of both → [R, D]. The `unknown` row is zero: it scores highest where
    no class is likelier than not. A class that both heads know is blended by samples, as in `alpha`; one without
    samples never wins: w = 0, b = −1e9. Raises CallError for heads of two feature spaces, and for targets that are
    values, not classes.

    >>> x, y = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]]), torch.eye(2)[[0, 0, 1, 1]]
    >>> a = Head(("left",), torch.tensor([[-9.0]]), torch.zeros(1), torch.tensor([2.0]), "s")
    >>> b = Head(("right",), torch.tensor([[0.1]]), torch.zeros(1), torch.tensor([2.0]), "s")
    >>> calibrate(a, b, Statistics.of(x, y, ("left", "right"), "s")).weight.T
    tensor([[-12.,  12.]])
    """
    require_classes(statistics, "calibrate")
    sums = CentredSums.of(statistics)
    both = union(_calibrated(old, statistics, sums), _calibrated(new, statistics, sums), blended(old, new))
    return _calibrated(both, statistics, sums)


def _calibrated(head: Head, of: Statistics, sums: CentredSums) -> Head:
    """The head with every class row as log-odds under the statistics, and a zero row for `unknown`.

    `sums` are those of the statistics, about the mean.
    """
    at = torch.tensor([of.names.index(name) for name in head.classes])
    rows = torch.tensor([head.names.index(name) for name in head.classes])
    total, mean = sums.samples, sums.mean
    own = of.count[at].clamp(FEWEST, max(FEWEST, total - FEWEST))
    share = own / total

    w = head.weight[rows].cpu().double()
    apart = ((of.means[at] - mean) * w).sum(1) / (1 - share)  # m₁ − m₀: their weighted mean is that of all
    spread = ((w @ sums.scatter) * w).sum(1) / total  # the score's variance about its mean over all samples
    variance = spread - share * (1 - share) * apart.square()
    floor = 1e-6 * spread + torch.finfo(w.dtype).tiny
    slope = apart / torch.maximum(variance, floor)
    middle = (w @ mean) + (0.5 - share) * apart  # (m₁ + m₀)/2 without the row's bias, which cancels
    bias = (own / (total - own)).log() - slope * middle

    weight, shift = torch.zeros_like(head.weight), torch.zeros_like(head.bias)
    seen = of.count[at] > 0
    weight[rows] = torch.where(seen[:, None], slope[:, None] * w, 0.0).to(head.weight)
    lowest = max(LAST, torch.finfo(head.bias.dtype).min)
    shift[rows] = torch.where(seen, bias, -torch.inf).clamp_min(lowest).to(head.bias)
    return replace(head, weight=weight, bias=shift)
