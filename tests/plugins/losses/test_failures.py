"""All wrong calls of the losses together: each is answered by one line that says what to do."""

from __future__ import annotations

import pytest
import torch

from cltool import CallError
from cltool.plugin import Plugin
from cltool_plugins.losses.ccc import ccc
from cltool_plugins.losses.mse import mse
from cltool_plugins.losses.non_inertial import non_inertial

X, MASK = torch.zeros(2, 3, 2), torch.ones(2, 3, dtype=torch.bool)


@pytest.mark.parametrize("loss", [mse, ccc, non_inertial])
@pytest.mark.parametrize(
    ("target", "mask", "shown"),
    [
        (X[..., :1], MASK, r"\[2, 3, 2\], \[2, 3, 1\], \[2, 3\]"),
        (X[:1], MASK, r"\[1, 3, 2\]"),
        (X, MASK[:, :2], r"\[2, 2\]"),
        (X, MASK[..., None], r"\[2, 3, 1\]"),
        (X, MASK.float(), "torch.float32"),
    ],
)
def test_what_would_be_broadcast_is_refused(loss, target: torch.Tensor, mask: torch.Tensor, shown: str) -> None:
    with pytest.raises(CallError, match=shown):
        loss(X, target, mask)


def test_acceleration_belongs_to_one_variant() -> None:
    for variant in ("main", "appendix"):
        with pytest.raises(CallError, match=f"variant=reported, not to {variant}"):
            non_inertial(X, X, MASK, variant=variant, acceleration=True)


def test_a_misspelt_variant_is_answered_with_the_nearest() -> None:
    with pytest.raises(CallError, match="did you mean 'appendix'"):
        non_inertial(X, X, MASK, variant="apendix")


@pytest.mark.parametrize(
    ("loss", "options", "shown"),
    [
        (non_inertial, {"variant": "apendix"}, "'main', 'appendix' or 'reported'"),
        (non_inertial, {"dt": "0"}, "loss 'non-inertial', option dt=0"),
        (non_inertial, {"epsilon": "0"}, "option epsilon=0"),
        (ccc, {"ddof": "2"}, "option ddof=2"),
        (mse, {"per_sequence": "yes"}, "no option 'per_sequence'; its options: none"),
    ],
)
def test_options_are_checked_before_anything_runs(loss, options: dict[str, str], shown: str) -> None:
    plugin: Plugin = loss.__cltool_plugin__
    with pytest.raises(CallError, match=shown):
        plugin.configure(options)
