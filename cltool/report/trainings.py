"""Evaluated trainings: side by side as a table, class by class, and as the files that an evaluation leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cltool.files import save_text
from cltool.pictures import PictureSet
from cltool.plugin import Spec
from cltool.report.classification import draw_confusion, draw_counts, draw_mistakes
from cltool.report.losses import draw_losses
from cltool.universal.evaluation import Evaluation

SCHEMA = 1

Texts = tuple[list[str], list[list[str]]]  # headings and lines of a table


def side_by_side(evaluations: Sequence[Evaluation]) -> Texts:
    """A line per training (thesis table 4.1); time: all its epochs, h:mm:ss."""
    headings = ["training", "network", "pixels", "weights", "accuracy", "macro F1", "epoch", "time"]
    return headings, [
        [
            one.name,
            _network(one.card.architecture),
            str(one.card.transform.size),
            f"{one.card.parameters:,}",
            f"{one.accuracy:.4f}",
            f"{one.macro_f1:.4f}",
            f"{one.kept['epoch']} of {len(one.journal)}" if one.kept else "",
            _time(one.training_seconds) if one.journal else "",
        ]
        for one in evaluations
    ]


def class_by_class(evaluation: Evaluation) -> Texts:
    """A line per class: precision, recall, F1, and how many pictures of it there were."""
    lines = [
        [scores.name, *map(_share, (scores.precision, scores.recall, scores.f1)), f"{scores.pictures:,}"]
        for scores in evaluation.per_class
    ]
    return ["class", "precision", "recall", "F1", "pictures"], lines


def confused(evaluation: Evaluation) -> Texts:
    """A line per pair of classes that are taken for each other, the most frequent first."""
    lines = [[*pair.classes, f"{pair.pictures:,}", f"{pair.share:.1%}"] for pair in evaluation.pairs]
    return ["one class", "and the other", "taken for each other", "of both"], lines


def heading(evaluation: Evaluation) -> str:
    """A training's result in a line."""
    one = evaluation
    epoch = f", epoch {one.kept['epoch']}" if one.kept else ""
    return (
        f"{one.name}: accuracy {one.accuracy:.4f} on {one.pictures:,} test pictures of {one.data}; "
        f"{one.card.parameters:,} weights{epoch}"
    )


def page(evaluations: Sequence[Evaluation]) -> str:
    """All tables as Markdown."""
    parts = ["# Trainings evaluated", _markdown(side_by_side(evaluations))]
    for one in evaluations:
        parts += [f"## {one.name}", heading(one) + ".", f"Trained on {one.card.data}."]
        parts += [_markdown(class_by_class(one)), _markdown(confused(one)) if one.pairs else "No mistakes."]
    return "\n\n".join(parts) + "\n"


def _markdown(table: Texts) -> str:
    headings, lines = table
    rule = "|" + "|".join("---" if i == 0 else "---:" for i in range(len(headings))) + "|"
    return "\n".join([f"| {' | '.join(headings)} |", rule, *(f"| {' | '.join(line)} |" for line in lines)])


def facts(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """evaluation.json, schema 1."""
    return {"schema": SCHEMA, "trainings": [one.facts() for one in evaluations]}


def write(evaluations: Sequence[Evaluation], pictures: Mapping[str, PictureSet], out: Path) -> None:
    """Write evaluation.json, table.md and all pictures into a folder, a training's own under its name if several.

    `pictures`: by training, what it was tried on, from which its mistakes are shown.
    """
    # first, so that the folder of a call that is broken off can be told from others
    save_text(out / "evaluation.json", _lines(facts(evaluations)) + "\n")
    for one in evaluations:
        prefix = f"{one.name}-" if len(evaluations) > 1 else ""
        draw(one, pictures[one.name], out, prefix)
    journals = {one.name: one.journal for one in evaluations if one.journal}
    if journals:
        draw_losses(journals, [out / "losses.png"])
    save_text(out / "table.md", page(evaluations))


def _lines(value: Any, indent: str = "") -> str:
    """JSON with a line for each member, but for mappings and lists of nothing but plain values: a matrix' row is one.

    >>> print(_lines({"confusion": [[5, 1], [0, 7]], "pictures": 13}))
    {
      "confusion": [
        [5, 1],
        [0, 7]
      ],
      "pictures": 13
    }
    """
    members = list(value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ())
    if not any(isinstance(member, dict | list | tuple) for member in members):
        return json.dumps(value, ensure_ascii=False)
    texts = [_lines(member, indent + "  ") for member in members]
    if isinstance(value, dict):
        texts = [f"{json.dumps(key, ensure_ascii=False)}: {text}" for key, text in zip(value, texts, strict=True)]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n" + ",\n".join(f"{indent}  {text}" for text in texts) + f"\n{indent}{closing}"


def draw(evaluation: Evaluation, pictures: PictureSet, out: Path, prefix: str = "") -> None:
    """Draw a training's confusion matrix, its surest mistakes and the counts that it learnt from."""
    one = evaluation
    title = f"{one.name}: accuracy {one.accuracy:.4f}"
    draw_confusion(one.confusion, one.classes, [out / f"{prefix}confusion.png"], title)
    shown = [pictures.test[mistake.true].picture(mistake.index) for mistake in one.mistakes]
    captions = [f"{m.true} → {m.predicted}\n{m.probability:.1%}" for m in one.mistakes]
    draw_mistakes(
        shown, captions, [out / f"{prefix}mistakes.png"], f"{one.name}: true → predicted, the surest mistakes"
    )
    draw_counts(one.counts, one.drawn, [out / f"{prefix}counts.png"], one.name)


def _network(architecture: str) -> str:
    """A network's name and what else decides its shape.

    >>> _network("timm:model=seresnext50_32x4d,weights=none,size=64,width=0.25"), _network("resnet18:weights=none")
    ('seresnext50_32x4d, width=0.25', 'resnet18')
    """
    spec = Spec.parse(architecture)
    shape = {key: value for key, value in spec.options.items() if key not in ("model", "weights", "size")}
    return ", ".join([spec.options.get("model", spec.name), *(f"{key}={value}" for key, value in shape.items())])


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _time(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> _time(3725.4)
    '1:02:05'
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
