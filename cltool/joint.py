"""The joint reference: one head on the features of all tasks seen, which no learner may have.

Of classes it is a softmax head, of values ridge regression.

It is an evaluator with a pass of its own over the stream. At every step it answers: how far would a linear
head on these very features get if the old data were not gone?
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cltool.evaluation import evaluate
from cltool.heads import Head
from cltool.learner import Features
from cltool.pictures import Block
from cltool.plugin import Configured
from cltool.ridge import choose_penalty, ridge_regression
from cltool.seeding import generator
from cltool.spaces import FeatureSpace
from cltool.tasks import Task, TaskStream

DECAYS = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
HOLDOUT = 0.2
FOLDS = 5  # of films, for values


@dataclass(frozen=True)
class JointHead:
    """The joint head over all outputs seen, and the weight decay its hold-out chose."""

    head: Head
    space: FeatureSpace
    features: Features
    decay: float

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.head.names

    def scores(self, blocks: Sequence[Block]) -> Tensor:
        """Scores [n, C]."""
        return self.head(self.space(self.features(blocks)))


class JointReference:
    """Collects every task's features and solves one head for all of them.

    The decay is chosen on a fifth of the training samples held out, anew whenever the samples have doubled
    since it was last chosen: `chosen` and `chosen_at` are that choice and may be handed back on resuming. Of values the
    head is ridge regression, its decay λ/n chosen by five folds of films, of which those of one kin stay together.
    """

    def __init__(
        self,
        features: Features,
        seed: int,
        decay: float | None = None,
        chosen_at: int = 0,
        lift: Configured | None = None,
    ) -> None:
        self.features, self.seed, self.lift = features, seed, lift
        self.decay, self.chosen_at = decay, chosen_at
        self._x: list[Tensor] = []
        self._y: list[Tensor] = []
        self._kins: list[str] = []  # of every sample of values
        self._outputs: tuple[str, ...] = ()
        self._space: FeatureSpace | None = None

    def add(self, task: Task) -> None:
        """Take in a task's training features; to be called in the reference's own pass over the stream."""
        x, y = self.features(task.train), task.train_targets
        self._space = self._space or FeatureSpace.of(x, self.lift)
        outputs = tuple(dict.fromkeys((*self._outputs, *task.outputs)))
        self._y = [torch.nn.functional.pad(part, (0, len(outputs) - part.shape[1])) for part in self._y]
        wide = torch.zeros(len(y), len(outputs))
        wide[:, [outputs.index(name) for name in task.outputs]] = y
        self._x.append(self._space(x))
        self._y.append(wide)
        self._outputs = outputs
        if task.values:
            self._kins += [piece.kin for block in task.train for piece in block.pieces for _ in range(len(piece))]

    def solve(self) -> JointHead:
        """The head of all that was added, solved to convergence; needs at least one task."""
        if self._space is None:
            raise ValueError("add a task first")
        x, y = torch.cat(self._x), torch.cat(self._y)
        if self._kins:
            return self._solve_values(x, y, self._space)
        start = None
        if self.decay is None or len(x) >= 2 * self.chosen_at:
            self.decay, start = choose_decay(x, y, self.seed, strongest=self.decay)
            self.chosen_at = len(x)
        weight, bias = softmax_regression(x, y, self.decay, start)
        head = Head(self._outputs, weight, bias, y.sum(0), "joint")
        return JointHead(head, self._space, self.features, self.decay)

    def _solve_values(self, x: Tensor, y: Tensor, space: FeatureSpace) -> JointHead:
        if self.decay is None or len(x) >= 2 * self.chosen_at:
            self.decay = choose_penalty(x, y, kin_folds(self._kins, self.seed))
            self.chosen_at = len(x)
        weight, bias = ridge_regression(x, y, self.decay * len(x))
        head = Head(self._outputs, weight, bias, torch.full_like(bias, len(x)), "joint")
        return JointHead(head, space, self.features, self.decay)


class JointPass:
    """The reference's pass over a stream: a step per task, in the form in which journals keep it.

    `known`: steps of the same pass that were solved before, in another session or beside another strategy. They are
    given back as they are, and what comes after them is solved as it would have been in one go.
    """

    def __init__(
        self,
        stream: TaskStream,
        features: Features,
        seed: int,
        lift: Configured | None = None,
        known: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        last: Mapping[str, Any] = known[-1] if known else {"decay": None, "chosen_at": 0}
        self.steps = [dict(step) for step in known]
        self._reference = JointReference(features, seed, last["decay"], last["chosen_at"], lift)
        self._stream = stream
        self._pass = stream.tasks()
        self._taken = 0

    def step(self, number: int) -> dict[str, Any]:
        """Accuracy or CCC on all tasks up to `number` of one head trained on all of them; to be asked for in order."""
        if number == len(self.steps):
            for _ in range(self._taken, number + 1):
                self._reference.add(next(self._pass))
            self._taken = number + 1
            solved = self._reference.solve()
            score = evaluate(solved, self._stream, number).overall
            step = {"accuracy": score, "decay": solved.decay, "chosen_at": self._reference.chosen_at}
            self.steps.append(step)
        return self.steps[number]


def kin_folds(kins: Sequence[str], seed: int) -> Tensor:
    """int64 [n]: one of five folds for every sample, all of a kin in one, by lot; of a single kin, in five pieces.

    >>> kin_folds(["ann"] * 2 + ["bob"] * 3, seed=0).tolist() in ([0, 0, 1, 1, 1], [1, 1, 0, 0, 0])
    True
    >>> kin_folds(["ann"] * 5, seed=0).tolist()
    [0, 1, 2, 3, 4]
    """
    different = sorted(set(kins))
    if len(different) == 1:
        return torch.arange(len(kins)) * FOLDS // len(kins)
    order = torch.randperm(len(different), generator=generator(seed, len(different), "joint folds")).tolist()
    fold = {different[kin]: place % FOLDS for place, kin in enumerate(order)}
    return torch.tensor([fold[kin] for kin in kins])


def choose_decay(x: Tensor, y: Tensor, seed: int, strongest: float | None = None) -> tuple[float, Tensor]:
    """The decay of the least hold-out loss, walking down from `strongest`, and the solution there.

    x [n, D], y [n, C]. More samples want less decay, so that a later walk starts where an earlier one ended.
    Each problem starts from the solution of the one before; the walk ends once the loss has risen. The
    solution [C, D+1] only serves as a start, so that it need not be an exact one.
    """
    order = torch.randperm(len(x), generator=generator(seed, len(x), "joint hold-out"))
    held, kept = order[: int(len(x) * HOLDOUT)], order[int(len(x) * HOLDOUT) :]
    best: tuple[float, float, Tensor | None] = (math.inf, DECAYS[0], None)
    start = None
    for decay in DECAYS[DECAYS.index(strongest) if strongest else 0 :]:
        weight, bias = softmax_regression(x[kept], y[kept], decay, start, tolerance=3e-4)
        start = torch.cat([weight, bias[:, None]], 1)
        log_p = torch.log_softmax(torch.addmm(bias, x[held], weight.T), 1)
        loss = -float((log_p * y[held]).sum(1).double().mean())
        if loss >= best[0]:
            break
        best = (loss, decay, start)
    assert best[2] is not None
    return best[1], best[2]


def softmax_regression(
    x: Tensor, y: Tensor, decay: float, start: Tensor | None = None, tolerance: float = 1e-5
) -> tuple[Tensor, Tensor]:
    """Weight [C, D] and bias [C] that minimise mean cross-entropy + decay/2 · ‖W‖² (no decay on the bias).

    x [n, D], y [n, C] with rows summing to one; `start` [C, D+1] is a first guess; the search ends when a
    step lowers the loss by less than `tolerance` of it. L-BFGS runs in coordinates in which the largest
    possible curvature (Böhning 1992) is the identity: fewer steps on correlated features, for the same
    minimum.

    >>> x = torch.tensor([[-1.0], [1.0]])
    >>> weight, bias = softmax_regression(x, torch.eye(2), 0.1)
    >>> bool((weight @ x[1])[1] > (weight @ x[1])[0])
    True
    """
    import numpy as np
    from scipy.optimize import minimize
    from threadpoolctl import threadpool_limits

    n, width = x.shape
    classes = y.shape[1]
    ones = torch.cat([x, x.new_ones(n, 1)], 1)
    penalty = torch.full((width + 1,), decay, dtype=torch.float64)
    penalty[-1] = 1e-6  # all biases may shift together; this pins them without being felt
    curvature = (ones.T @ ones / n).double() / max(2, classes) + torch.diag(penalty)
    factor = torch.linalg.cholesky(curvature)
    to_weights = torch.linalg.solve_triangular(factor, torch.eye(width + 1, dtype=torch.float64), upper=False)
    z = ones @ to_weights.T.float()
    ridge = ((to_weights * penalty) @ to_weights.T).float()

    target = z.T @ y / n

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        v = torch.from_numpy(flat).float().view(width + 1, classes)
        scores = z @ v
        pull = ridge @ v
        total = torch.logsumexp(scores, 1, keepdim=True)
        loss = total.double().mean() - (v * target).double().sum() + 0.5 * (v * pull).double().sum()
        gradient = z.T @ scores.sub_(total).exp_() / n - target + pull
        return float(loss), gradient.double().numpy().ravel()

    guess = torch.zeros(width + 1, classes, dtype=torch.float64)
    if start is not None:
        guess = factor.T @ start.T.double()
    # scipy's BLAS threads spin beside torch's on the same cores: three times slower with them
    with threadpool_limits(1, user_api="blas"):
        found = minimize(
            objective,
            guess.numpy().ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"ftol": tolerance, "gtol": 1e-5, "maxiter": 2000, "maxfun": 4000},
        )
    solution = (to_weights.T @ torch.from_numpy(found.x).view(width + 1, classes)).T.float()
    return solution[:, :-1].contiguous(), solution[:, -1].contiguous()
