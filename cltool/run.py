"""One run from recipe to run directory: resolve, check, learn task by task, score, write down."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cltool import metrics as measures
from cltool.backbones import Backbone
from cltool.catalogue import discover
from cltool.clock import Clock
from cltool.errors import CallError
from cltool.evaluation import evaluate
from cltool.features import FeatureBank
from cltool.heads import Head
from cltool.joint import JointReference
from cltool.learner import Features, Knowledge, Learner, LinearPredictor
from cltool.pictures import Block
from cltool.places import PLACES
from cltool.plugin import Configured, Spec
from cltool.progress import Progress, Silent
from cltool.recipe import Choice, PlacedChoice, Recipe
from cltool.rundir import Cost, JointFacts, Metrics, RunDirectory, SurgeryFacts, TaskFacts, UnknownFacts
from cltool.surgeries import Operation
from cltool.tasks import TaskStream, arrange

Step = dict[str, Any]  # a line of the journal
Watch = Callable[[Step], None]  # is shown every finished step


@dataclass(frozen=True)
class Setup:
    """A resolved recipe with everything it names found, validated and loaded, and no work done yet."""

    recipe: Recipe
    source: Configured
    stream: TaskStream
    backbone: Configured
    learner: Learner
    device: str


def prepare(recipe: Recipe, progress: Progress | None = None) -> Setup:
    """Find and check all that a recipe names; the setup's recipe has every default written out.

    Raises CallError (and its PluginError) for anything that is wrong with the call.
    """
    progress = progress or Silent()
    catalogue = discover([Path(p) for p in recipe.plugins])
    parts = {
        kind: catalogue.configure(kind, getattr(recipe, kind).spec)
        for kind in ("stream", "merge", "head", "unknown", "lift")
        if getattr(recipe, kind)
    }
    surgeries = tuple(Operation.of(catalogue.configure("surgery", s.spec), s.on) for s in recipe.surgery)
    source = parts["stream"]
    facts = source.plugin.facts
    backbone_spec = recipe.backbone.spec if recipe.backbone else Spec.parse(facts.get("backbone", "resnet18"))
    backbone = catalogue.configure("backbone", backbone_spec)
    device = _device(recipe.device)
    for operation in surgeries:
        if operation.on == "task" and not parts["merge"].asks("old", "new"):
            raise CallError(f"--surgery {operation}: merge {recipe.merge.name!r} looks at no task's head; take @merged")
    stream = _stream(source, recipe, progress)
    resolved = recipe.model_copy(
        update={
            **{kind: Choice.of(part.spec) for kind, part in parts.items()},
            "backbone": Choice.of(backbone.spec),
            "surgery": [PlacedChoice(**dict(Choice.of(o.surgery.spec)), on=o.on) for o in surgeries],
            "tasks": len(stream),
            "classes_per_task": [len(group) for group in stream.groups],
        }
    )
    learner = Learner(parts["head"], parts["unknown"], parts["merge"], recipe.seed, parts.get("lift"), surgeries)
    return Setup(resolved, source, stream, backbone, learner, device)


def _stream(source: Configured, recipe: Recipe, progress: Progress) -> TaskStream:
    data_root = Path(recipe.data_root) if recipe.data_root else None
    if data_root is not None and not data_root.exists():
        raise CallError(f"--data-root {data_root}: there is nothing; give the folder that holds the data")
    pictures = source(data_root=data_root, progress=progress)
    tasks, per_task = recipe.tasks, recipe.classes_per_task
    if tasks is None and per_task is None:
        tasks, per_task = source.plugin.facts.get("tasks"), source.plugin.facts.get("classes_per_task")
    return arrange(pictures, tasks, per_task, recipe.class_order, recipe.seed)


def _device(wanted: str) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise CallError("--device cuda: torch sees no GPU here; take --device auto or cpu")
    return wanted


def run(
    setup: Setup,
    out: RunDirectory,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    watch: Watch = lambda step: None,
) -> Metrics:
    """Learn and score the whole stream, leaving a run directory; `watch` sees each finished step.

    Raises CallError before anything is written where pictures cannot be read.
    """
    progress = progress or Silent()
    clock = Clock()
    learner = replace(setup.learner, clock=clock)
    if not resume:
        out.check_free()
    with clock.measure("backbone_s"):
        backbone: Backbone = setup.backbone(stream=setup.stream, device=setup.device, progress=progress)
    bank = FeatureBank(device=setup.device, progress=progress)
    bank.check(_all_blocks(setup.stream), backbone)
    if not resume:
        out = RunDirectory.create(out.path, setup.recipe)

    def features(blocks: Sequence[Block]) -> Tensor:
        with clock.measure("extract_s"):
            return bank.features(blocks, backbone)

    steps = out.journal()
    knowledge = out.knowledge(len(steps), learner.lift, learner.operates_on_merged)
    _check_unchanged(setup.stream, backbone, steps, knowledge)
    for step in steps:
        watch(step)
    joint = _Joint(setup, features, steps) if setup.recipe.joint else None
    for predictor in learner(setup.stream, features=features, backbone=backbone.fingerprint, start=knowledge):
        knowledge = predictor.knowledge
        step = _score(setup, predictor, joint, clock, learner)
        out.finish_step(predictor, step, learner.operates_on_merged)
        steps.append(step)
        watch(step)
    assert knowledge is not None
    metrics = _metrics(setup, backbone, steps, knowledge)
    _draw(out, metrics, learner)
    out.write_metrics(metrics)  # last: a run that has it is whole
    return metrics


def _all_blocks(stream: TaskStream) -> list[Block]:
    names = [name for group in stream.groups for name in group]
    tests = [*names, *stream.left_out]
    return [*(stream.pictures.train[n] for n in names), *(stream.pictures.test[n] for n in tests)]


def _check_unchanged(
    stream: TaskStream, backbone: Backbone, steps: Sequence[Step], knowledge: Knowledge | None
) -> None:
    """Raise CallError where a resumed run would go on with other data or another network than it began with."""
    for step, outputs in zip(steps, stream.groups, strict=False):
        if step["outputs"] != list(outputs):
            raise CallError(f"task {step['task']} had other classes when this run began; the data have changed")
    if knowledge and knowledge.head.space != knowledge.space.fingerprint(backbone.fingerprint):
        raise CallError(f"the weights of {backbone.name} are not those this run began with; start a new run")


class _Joint:
    """The joint reference, solved step by step in a pass of its own over the stream."""

    def __init__(self, setup: Setup, features: Features, steps: Sequence[Step]) -> None:
        last: Step = steps[-1]["joint"] if steps else {"decay": None, "chosen_at": 0}
        self._reference = JointReference(
            features, setup.recipe.seed, last["decay"], last["chosen_at"], setup.learner.lift
        )
        self._stream = setup.stream
        self._pass = setup.stream.tasks()
        for _ in steps:
            self._reference.add(next(self._pass))

    def step(self, number: int) -> Step:
        """Accuracy on all tasks up to `number` of one head trained on all of them."""
        self._reference.add(next(self._pass))
        solved = self._reference.solve()
        row = evaluate(solved, self._stream, number).row
        accuracy = measures.pooled(row, self._stream.test_counts)
        return {"accuracy": accuracy, "decay": solved.decay, "chosen_at": self._reference.chosen_at}


def _score(setup: Setup, predictor: LinearPredictor, joint: _Joint | None, clock: Clock, learner: Learner) -> Step:
    """A finished step as the journal keeps it."""
    number = predictor.knowledge.tasks - 1
    with clock.measure("evaluate_s"):
        scores = evaluate(predictor, setup.stream, number)
    with clock.measure("joint_s"):
        reference = joint.step(number) if joint else None
    seconds = {name: round(spent, 4) for name, spent in clock.seconds.items()}
    clock.seconds.clear()
    return {
        "task": f"{number + 1:03d}",
        "outputs": list(setup.stream.groups[number]),
        "row": scores.row,
        "row_task_aware": scores.row_task_aware,
        "accuracy": measures.pooled(scores.row, setup.stream.test_counts),
        "unknown": asdict(scores.unknown) if scores.unknown else None,
        "joint": reference,
        "surgery": [asdict(effect) for effect in predictor.effects],
        "bytes_kept": learner.bytes_kept(predictor.knowledge),
        "seconds": seconds,
    }


def _strategy(learner: Learner) -> str:
    """The strategy as a person spells it: the merge, and beside it what is not a recipe's default."""
    parts = {"head": learner.fit, "unknown": learner.unknown}
    chosen = [f"{k}={v}" for k, v in parts.items() if str(v) != Recipe.model_fields[k].default.name]
    lift = [f"lift={learner.lift}"] if learner.lift else []
    return "+".join([str(learner.merge), *lift, *chosen, *(f"surgery={operation}" for operation in learner.surgeries)])


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


def _metrics(setup: Setup, backbone: Backbone, steps: Sequence[Step], knowledge: Knowledge) -> Metrics:
    """All named metrics, from the journal's rows alone."""
    stream, learner, counts = setup.stream, setup.learner, setup.stream.test_counts
    table, matrix = _square([step["row"] for step in steps])
    aware, _ = _square([step["row_task_aware"] for step in steps])
    curve = measures.curve(matrix, counts)
    joint = [step["joint"] for step in steps if step["joint"]]
    width, head = knowledge.head.weight.shape[1] + 1, knowledge.head
    return Metrics(
        schema=1,
        stream=str(setup.source),
        strategy=_strategy(learner),
        merge=str(learner.merge),
        surgery=[str(operation) for operation in learner.surgeries],
        surgery_effects=_surgery_facts(steps),
        lift=str(learner.lift) if learner.lift else None,
        head=str(learner.fit),
        unknown_from=str(learner.unknown),
        backbone=backbone.name,
        universal=dict(backbone.protocol) if backbone.protocol else None,
        seed=setup.recipe.seed,
        note=stream.pictures.note,
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
        accuracy_final=curve[-1],
        accuracy_average_incremental=measures.average_incremental(matrix, counts),
        forgetting_chaudhry=measures.forgetting_chaudhry(matrix),
        forgetting_avalanche=measures.forgetting_avalanche(matrix),
        bwt_gem=measures.bwt_gem(matrix),
        joint=JointFacts(curve=[j["accuracy"] for j in joint], decay=[j["decay"] for j in joint]) if joint else None,
        gap_to_joint=[j["accuracy"] - ours for j, ours in zip(joint, curve, strict=True)] if joint else None,
        unknown=_unknown_facts(steps),
        cost=_cost(
            steps,
            backbone.parameters + knowledge.space.lift_parameters + head.weight.numel() + head.bias.numel(),
            [len(outputs) * width for outputs in stream.groups],
        ),
    )


def _cost(steps: Sequence[Step], parameters: int, growth: list[int]) -> Cost:
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
        parameters_total=parameters,
        parameters_per_task=growth,
    )


def _draw(out: RunDirectory, metrics: Metrics, learner: Learner) -> None:
    """The pictures of a run: its curves, its head and, where there was surgery, weights before and after."""
    from cltool.report.curves import draw_curves, title
    from cltool.report.surgery import draw_surgery
    from cltool.report.weights import draw_weights

    draw_curves(metrics, [out.path / "curves.png", out.path / "curves.svg"])
    borders = [task.outputs for task in metrics.tasks]
    draw_weights(Head.load(out.path / "head.safetensors"), borders, out.path / "weights.png")
    if learner.surgeries:
        draw_surgery(_stages(out, metrics, learner), [out.path / "surgery.png"], title(metrics))


def _stages(out: RunDirectory, metrics: Metrics, learner: Learner) -> list[tuple[str, Tensor]]:
    """Weights before and after each place's surgeries: those of all tasks' own heads, and of the merged one.

    A task's surgery is done again, on the head that was kept: a pure function of it.
    """
    stages: list[tuple[str, Tensor]] = []
    for place in PLACES:
        names = [str(operation.surgery) for operation in learner.surgeries if operation.on == place]
        if not names:
            continue
        after = f"after {', '.join(names)}"
        if place == "task":
            heads = out.task_heads()
            operated = [learner.operate("task", t.name, h)[0] for t, h in zip(metrics.tasks, heads, strict=True)]
            stages += [("tasks' own heads, fitted", _stacked(heads)), (after, _stacked(operated))]
        else:
            final = Head.load(out.path / "head.safetensors")
            stages += [("merged head", out.merged_head(operated=True).weight), (after, final.weight)]
    return stages


def _stacked(heads: Sequence[Head]) -> Tensor:
    """The class rows of several heads [R, D], one under the other."""
    return torch.cat([head.weight[[name in head.classes for name in head.names]] for head in heads])
