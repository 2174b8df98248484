"""The page as one file: a template, its style and script, plotly's script, and the numbers."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from markupsafe import Markup

from cltool import __version__
from cltool.files import save_text
from cltool.heads import Head
from cltool.report.pairs import Pair, paired
from cltool.report.published import PROTOCOL
from cltool.report.runs import FinishedRun, Group, by_setting, grouped, in_order
from cltool.report.styles import LEADING
from cltool.report.tables import Row, caption, rows, texts, told
from cltool.report.webpage.advice import Advice, commands
from cltool.report.webpage.facts import facts
from cltool.report.weights import draw_weights

COLOURS = 64  # of a picture of weights; more cannot be seen


def save_page(runs: Sequence[FinishedRun], path: Path) -> None:
    """Write report.html, whole or not at all."""
    save_text(path, page(runs))


def page(runs: Sequence[FinishedRun]) -> str:
    """Finished runs as one HTML file that asks nothing of a network; at least one run."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    loader = PackageLoader("cltool.report.webpage", "")
    templates = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters.update(breakable=breakable, signed=signed)
    sections = [_section(number, members) for number, members in enumerate(by_setting(runs).values())]
    scripts = [get_plotlyjs(), _own("page.js")]
    return templates.get_template("page.html").render(
        title=_title(sections),
        sections=sections,
        protocol=PROTOCOL,
        leading=LEADING,
        version=__version__,
        style=_own("page.css"),
        scripts=scripts,
        allowed=Markup(" ").join(map(_digest, scripts)),
    )


def breakable(name: str) -> Markup:
    """A strategy's name as HTML, which a narrow column breaks before its parts.

    >>> breakable("ridge+lift=<b>")
    Markup('ridge<wbr>+lift=&lt;b&gt;')
    """
    return Markup("<wbr>").join(part if not place else f"+{part}" for place, part in enumerate(name.split("+")))


def signed(difference: float) -> str:
    """A difference of scores in as little room as will do.

    >>> signed(0.0314), signed(-1.25), signed(0)
    ('+.031', '−1.250', '.000')
    """
    text = f"{abs(difference):.3f}"
    sign = "" if not float(text) else "+" if difference > 0 else "−"
    return sign + text.removeprefix("0")


def _digest(script: str) -> Markup:
    """A script as a content security policy allows it: no other is run, whatever a name may smuggle in."""
    return Markup("'sha256-{}'").format(base64.b64encode(hashlib.sha256(script.encode()).digest()).decode())


def _own(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _title(sections: Sequence[dict[str, Any]]) -> str:
    groups = [group for section in sections for group in section["groups"]]
    if len(groups) == 1:
        return "What this strategy reaches, and what it costs"
    return "Which strategy to use, and what it costs"


def _section(number: int, runs: Sequence[FinishedRun]) -> dict[str, Any]:
    """What the template says of one setting."""
    groups = in_order(grouped(runs))
    pairs = paired(runs)
    advice = Advice.of(groups, pairs)
    return {
        "id": f"stream-{number}",
        "groups": groups,
        "facts": facts(groups),
        "setting": _setting(groups[0]),
        "about": caption(groups),
        "note": groups[0].runs[0].metrics.note,
        "runs": len(runs),
        "advice": advice,
        "choices": advice.choices(),
        "table": _table(rows(groups)),
        "curves": _curves_told(groups),
        "pairs": pairs,
        "matrix": _matrix(pairs),
        "weights": [picture for group in groups if (picture := _weights(group))],
        "recipes": [
            {"title": g.title, "commands": commands(g.runs[0]), "recipe": g.runs[0].recipe.text, "runs": len(g.runs)}
            for g in groups
        ],
    }


def _setting(group: Group) -> str:
    """The stream, how it was cut, and the backbone, as a person says it.

    Lists of sizes are told as such only where they differ.
    """
    metrics = group.runs[0].metrics
    sizes = [len(task.outputs) for task in metrics.tasks]
    each = str(sizes[0]) if len(set(sizes)) == 1 else " + ".join(map(str, sizes))
    cut = f"{len(sizes)} task{'s' if len(sizes) > 1 else ''} of {each} {group.units}"
    return f"{metrics.stream}: {cut}, on {metrics.backbone}"


def _table(table: Sequence[Row]) -> dict[str, Any]:
    """The rows as texts, with the numbers to sort them by: ranked ones, others, and joint references apart."""
    headings, cells = texts(table, short=True)
    keys = ["strategy", "runs", "final", "low", *told(table)]
    lines = [
        (row, [(text, row[key]) for text, key in zip(line, keys, strict=True)])
        for row, line in zip(table, cells, strict=True)
    ]
    parts = {
        "": [line for row, line in lines if row["ranked"]],
        "Not ranked: told the task, or keeping all data": [
            line for row, line in lines if not row["ranked"] and not row["reference"]
        ],
        "Reference: one head trained on all data at once": [line for row, line in lines if row["reference"]],
    }
    return {"headings": headings, "parts": {name: part for name, part in parts.items() if part}}


def _curves_told(groups: Sequence[Group]) -> str:
    """The curves as a sentence, for those who do not see them."""
    told = []
    for group in groups:
        curve = group.curve(lambda m: m.curve)["mean"] or []
        told.append(f"{group.title} from {curve[0]:.2f} to {curve[-1]:.2f}")
    return f"{groups[0].score} on all {groups[0].units} seen, after the first and the last task: {'; '.join(told)}."


def _matrix(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Differences of all pairs as a square: row less column."""
    labels = list(dict.fromkeys(group.title for pair in pairs for group in (pair.a, pair.b)))
    cells: dict[tuple[str, str], tuple[float, Pair]] = {}
    for pair in pairs:
        cells[pair.a.title, pair.b.title] = (pair.difference, pair)
        cells[pair.b.title, pair.a.title] = (-pair.difference, pair)
    return {"labels": labels, "rows": [[cells.get((a, b)) for b in labels] for a in labels]}


def _weights(group: Group) -> dict[str, str] | None:
    """The picture of a head of the first seed that has one, as a data URI in few colours."""
    from PIL import Image

    run = next((run for run in group.runs if (run.path / "head.safetensors").is_file()), None)
    if run is None:
        return None
    metrics = run.metrics
    values = tuple(metrics.curve_by_output or ())
    head = Head.load(run.path / "head.safetensors")
    small = BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        picture = run.path / "weights.png"
        if not picture.is_file():  # a comparison's cells have none
            picture = Path(folder) / "weights.png"
            draw_weights(head, [values] if values else [task.outputs for task in metrics.tasks], picture)
        with Image.open(picture) as image:
            image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    rows_, width = head.weight.shape
    return {
        "title": f"{group.title}, seed {metrics.seed}",
        "told": f"Weights of {group.title} as a picture: {rows_} rows of {width} features; lines are task borders.",
        "source": f"data:image/png;base64,{base64.b64encode(small.getvalue()).decode()}",
    }
