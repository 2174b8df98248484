"""From predictors to numbers: the line of a finished step, and metrics.json from all lines."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np

from cltool import metrics as measures
from cltool.backbones import Backbone
from cltool.clock import Clock
from cltool.errors import PluginFailed
from cltool.evaluation import evaluate
from cltool.joint import JointPass
from cltool.learner import Knowledge, LinearPredictor, Predictor
from cltool.rundir import Cost, JointFacts, Metrics, SurgeryFacts, TaskFacts, UnknownFacts
from cltool.setups import Setup

Step = dict[str, Any]  # a line of the journal


def finished_step(setup: Setup, number: int, predictor: Predictor, joint: JointPass | None, clock: Clock) -> Step:
    """Task `number` (counted from 0) as the journal keeps it; the clock is read and set back.

    Raises PluginFailed, which names task and strategy, for a predictor without sound scores.
    """
    task = f"{number + 1:03d}"
    with clock.measure("evaluate_s"):
        try:
            scores = evaluate(predictor, setup.stream, number, setup.task_aware)
        except PluginFailed as error:
            raise PluginFailed(f"task {task}, {setup.strategy}: {error}") from error
    with clock.measure("joint_s"):
        reference = joint.step(number) if joint else None
    seconds = {name: round(spent, 4) for name, spent in clock.seconds.items()}
    clock.seconds.clear()
    return {
        "task": task,
        "outputs": list(setup.stream.groups[number]),
        "row": scores.row,
        "row_task_aware": scores.row_task_aware,
        "accuracy": scores.overall,
        "by_class": scores.by_class,
        "by_output": scores.by_output,
        "unknown": asdict(scores.unknown) if scores.unknown else None,
        "joint": reference,
        "surgery": [asdict(effect) for effect in predictor.effects] if isinstance(predictor, LinearPredictor) else [],
        "bytes_kept": getattr(predictor, "nbytes", None),
        "samples_kept": getattr(predictor, "samples_kept", None),
        "parameters": getattr(predictor, "parameters", None),
        "seconds": seconds,
    }


def all_metrics(setup: Setup, backbone: Backbone, steps: Sequence[Step], knowledge: Knowledge | None) -> Metrics:
    """All named metrics, from the journal's rows alone; `knowledge` is the last of a run that merges heads."""
    stream, counts = setup.stream, setup.stream.test_counts
    table, matrix = _square([step["row"] for step in steps])
    aware, _ = _square([step["row_task_aware"] for step in steps])
    curve = [step["accuracy"] for step in steps]
    joint = [step["joint"] for step in steps if step["joint"]]
    return Metrics(
        schema=1,
        score="ccc" if stream.values else "accuracy",
        stream=str(setup.source),
        strategy=setup.strategy,
        **_method(setup),
        surgery_effects=_surgery_facts(steps),
        backbone=backbone.name,
        universal=dict(backbone.protocol) if backbone.protocol else None,
        seed=setup.recipe.seed,
        note=stream.pictures.note,
        holdout=setup.recipe.holdout,
        task_aware=setup.task_aware,
        keeps_all=setup.keeps_all,
        tasks=[
            TaskFacts(
                name=step["task"],
                outputs=list(outputs),
                train=sum(len(stream.pictures.train[name]) for name in outputs),
                test=count,
            )
            for step, outputs, count in zip(steps, stream.groups, counts, strict=True)
        ],
        left_out=list(stream.left_out),
        matrix=table,
        matrix_task_aware=aware,
        curve=curve,
        by_class=_by_class(steps, stream.seen(len(stream) - 1)) if not stream.values else None,
        curve_by_output={n: [step["by_output"][n] for step in steps] for n in stream.values} or None,
        accuracy_final=curve[-1],
        accuracy_average_incremental=float(np.mean(curve)),
        forgetting_chaudhry=measures.forgetting_chaudhry(matrix),
        forgetting_avalanche=measures.forgetting_avalanche(matrix),
        bwt_gem=measures.bwt_gem(matrix),
        joint=JointFacts(curve=[j["accuracy"] for j in joint], decay=[j["decay"] for j in joint]) if joint else None,
        gap_to_joint=_gap(joint, curve) if joint and not setup.task_aware else None,
        unknown=_unknown_facts(steps),
        cost=_cost(steps, *_weights(setup, backbone, steps, knowledge)),
    )


def _by_class(steps: Sequence[Step], names: Sequence[str]) -> dict[str, list[float | None]]:
    """Each class's accuracy after every task; None before its own."""
    return {name: [(step.get("by_class") or {}).get(name) for step in steps] for name in names}


def _gap(joint: Sequence[Mapping[str, Any]], curve: Sequence[float]) -> list[float]:
    """How far the joint reference is above; nobody tells it the task, so that it is none for those who are told."""
    return [step["accuracy"] - ours for step, ours in zip(joint, curve, strict=True)]


def _method(setup: Setup) -> dict[str, Any]:
    """How was learned, as spelled; nothing but the strategy's name where a plugin learned by itself."""
    learner = setup.learner
    if learner is None:
        return {"merge": None, "head": None, "unknown_from": None}
    return {
        "merge": str(learner.merge),
        "surgery": [str(operation) for operation in learner.surgeries],
        "lift": str(learner.lift) if learner.lift else None,
        "head": str(learner.fit) if learner.fits_heads else None,
        "unknown_from": str(learner.unknown) if learner.fits_heads and not setup.stream.values else None,
    }


def _square(rows: Sequence[Sequence[float]]) -> tuple[list[list[float | None]], measures.Matrix]:
    """Rows of growing length as a T×T table, null above the diagonal, and as an array, NaN there."""
    total = len(rows)
    table = [[*row, *[None] * (total - len(row))] for row in rows]
    return table, np.array([[np.nan if v is None else v for v in row] for row in table], dtype=float)


def _surgery_facts(steps: Sequence[Step]) -> list[SurgeryFacts]:
    """What each surgery did over the tasks, in the order in which they acted."""
    facts = []
    for effects in zip(*(step.get("surgery", ()) for step in steps), strict=True):
        lists = {key: [effect[key] for effect in effects] for key in effects[0] if key not in ("surgery", "no_op")}
        no_op = all(effect["no_op"] for effect in effects)
        facts.append(SurgeryFacts(surgery=effects[0]["surgery"], **lists, no_op=no_op))
    return facts


def _unknown_facts(steps: Sequence[Step]) -> UnknownFacts | None:
    """What `unknown` did after each task; None where no head had that row."""
    if not any(step["unknown"] for step in steps):
        return None
    return UnknownFacts(**{k: [(step["unknown"] or {}).get(k) for step in steps] for k in UnknownFacts.model_fields})


def _weights(
    setup: Setup, backbone: Backbone, steps: Sequence[Step], knowledge: Knowledge | None
) -> tuple[int | None, list[int] | None]:
    """How many weights there are in all, and by how many each task's classes made them more.

    None of a strategy whose predictors do not tell.
    """
    if knowledge:
        width, stream = knowledge.head.weight.shape[1] + 1, setup.stream
        rows = [0, *(len(stream.learned(number)) for number in range(len(stream)))]
        growth = [(after - before) * width for before, after in pairwise(rows)]
        return backbone.parameters + knowledge.parameters, growth
    own = [step["parameters"] for step in steps]
    if None in own:
        return None, None
    return backbone.parameters + own[-1], [after - before for before, after in pairwise([0, *own])]


def _cost(steps: Sequence[Step], parameters: int | None, growth: list[int] | None) -> Cost:
    """What all steps cost together, those before a kill included."""
    seconds: dict[str, float] = {}
    for step in steps:
        for name, spent in step["seconds"].items():
            seconds[name] = round(seconds.get(name, 0.0) + spent, 4)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Cost(
        **seconds,
        peak_rss_mb=round(peak, 1),
        bytes_kept=steps[-1]["bytes_kept"],
        samples_kept=steps[-1].get("samples_kept"),
        parameters_total=parameters,
        parameters_per_task=growth,
    )
