"""What all networks share about frames: which are seen, which tensors are read, and moments over valid ones alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, distributed, nn

from cltool import CallError

OUTPUTS = 2  # valence, arousal


def widths_of(tensors: Sequence[str], widths: Mapping[str, int], reader: str) -> dict[str, int]:
    """The widths of the tensors that network `reader` reads, in its order; raises CallError where one is missing.

    >>> widths_of(("mel",), {"body": 36, "mel": 128}, "audio")
    {'mel': 128}
    """
    if missing := [name for name in tensors if name not in widths]:
        given = ", ".join(repr(name) for name in widths) or "nothing"
        lacks = " and ".join(repr(name) for name in missing)
        verb = "is" if len(missing) == 1 else "are"
        raise CallError(f"network {reader!r} reads {lacks}, which {verb} not among the features: {given}")
    return {name: widths[name] for name in tensors}


class FrameNorm(nn.BatchNorm1d):
    """BatchNorm1d of valid frames [n, H], of all processes together where a training runs in several.

    Takes batches with a single valid frame, or none, in training: those have no variance; they are normalised
    by the running statistics, which they leave as they were. A process may have no frame where others have some.
    nn.SyncBatchNorm would do for several GPUs; it does not run on CPUs.

    >>> FrameNorm(3)(torch.zeros(1, 3)).shape
    torch.Size([1, 3])
    """

    def forward(self, frames: Tensor) -> Tensor:
        """[n, H] → [n, H], in the numbers' own type."""
        if not self.training:
            return super().forward(frames)
        if distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1:
            return self._together(frames)
        return super().forward(frames) if len(frames) > 1 else self._as_before(frames)

    def _as_before(self, frames: Tensor) -> Tensor:
        return nn.functional.batch_norm(
            frames, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
        )

    def _together(self, frames: Tensor) -> Tensor:
        """Normalise by the moments of all processes' frames, through which gradients flow as well."""
        from torch.distributed.nn.functional import all_reduce

        wide = frames.to(torch.promote_types(frames.dtype, torch.float32))
        count_and_sum = all_reduce(torch.cat([wide.new_tensor([len(wide)]), wide.sum(0)]))
        count = int(count_and_sum[0])  # the same in every process, and so is what follows from it
        mean = count_and_sum[1:] / max(count, 1)
        off = wide - mean
        squares = all_reduce(off.square().sum(0))  # of centred numbers: Σx² − n·x̄² would cancel
        if count < 2:
            # The sums stay in the graph with weight zero: a process that left them out would not take part in
            # the exchange of their gradients, for which the others wait.
            return self._as_before(frames) + 0 * (mean + squares).to(frames.dtype)
        self._remember(mean.detach(), squares.detach() / (count - 1))
        normal = off * (squares / count + self.eps).rsqrt()
        return (normal * self.weight + self.bias).to(frames.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics as BatchNorm1d does."""
        assert self.momentum is not None
        for kept, new in ((self.running_mean, mean), (self.running_var, variance)):
            assert kept is not None
            kept.lerp_(new.to(kept.dtype), self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += 1
