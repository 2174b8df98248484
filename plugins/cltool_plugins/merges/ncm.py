"""The nearest class mean as a linear head."""

from __future__ import annotations

from cltool import Head, Statistics, merge
from cltool_plugins.merges.class_rows import class_head, require_classes


@merge(source="Mensink et al. 2013, Distance-based image classification, doi:10.1109/TPAMI.2013.83", exact=True)
def ncm(statistics: Statistics) -> Head:
    """Each class is its mean: w_c = μ_c, b_c = −‖μ_c‖²/2, so that the nearest mean scores highest.

    ‖x − μ_c‖² = ‖x‖² − 2 (w_c·x + b_c). A class without samples never wins: w = 0, b = −1e9. Sums in float64
    → weight [C, D], bias [C], float32. Raises CallError for targets that are values, not classes.

    >>> import torch
    >>> x = torch.tensor([[0.0], [2.0], [9.0]])
    >>> head = ncm(Statistics.of(x, torch.eye(2)[[0, 0, 1]], ("a", "b"), "space"))
    >>> head.weight.T, head.bias
    (tensor([[1., 9.]]), tensor([ -0.5000, -40.5000]))
    """
    require_classes(statistics, "ncm")
    means = statistics.means
    return class_head(means, -means.square().sum(1) / 2, statistics)
