"""`cltool data check`: what is there of a corpus, and what is missing."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cltool.catalogue import discover
from cltool.cli.arguments import names
from cltool.errors import CallError

if TYPE_CHECKING:
    from rich.table import Table

    from cltool.video.inventory import Inventory

EXAMPLES = (
    "Examples: cltool data check affwild2 --data-root Aff-Wild2 --picture labels.png; cltool data check "
    "affwild2:pictures=videos --data-root Aff-Wild2; what options a corpus has: cltool plugins show affwild2"
)
MOST = 10  # lines of one sort that are shown


def check(
    corpus: Annotated[
        str, typer.Argument(metavar="NAME[:k=v,…]", help=f"The data set: {names('corpus')}.", show_default=False)
    ],
    data_root: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where it lies, as its owner ships it.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Draw where valence and arousal lie, into this file.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Draw over a picture that is there.")] = False,
    plugin: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A Python file with plugins, for this call.")
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, every film in it, and nothing else.")
    ] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Look through a data set of annotated films before working with it. Nothing is changed or decoded.

    A column per split: films, frames, and labels, some of which annotators mark as missing (−5). Of cropped faces, a
    frame without a file is one in which there was no face. Below the table stands what is missing or does not fit:
    films without pictures, sound or labels, labels out of range (file and line), counts that differ.
    """
    from cltool.cli.console import Screen
    from cltool.plugin import Spec
    from cltool.video.inventory import take

    configured = discover(plugin or []).configure("corpus", Spec.parse(corpus))
    if data_root is None:
        raise CallError(f"--data-root is missing: the folder with {configured.plugin.name}")
    if picture is not None:
        from cltool.report.figures import check_picture

        check_picture(picture, force)
    with Screen() as screen:
        with screen.track("looking for films", 1) as advance:
            found = configured(data_root=data_root)
            advance(1)
        inventory = take(found, screen)
    if picture is not None:
        _draw(inventory, str(configured), picture)
    if json_:
        about = {"corpus": str(configured), "data_root": str(data_root), "picture": str(picture) if picture else None}
        sys.stdout.write(json.dumps({**about, **inventory.facts()}, ensure_ascii=False) + "\n")
    else:
        _show(inventory, str(configured), picture)


def _draw(inventory: Inventory, name: str, picture: Path) -> None:
    from cltool.report.labels import draw_labels

    values = {split: inventory.values(split) for split in inventory.splits}
    own = {split: found for split, found in values.items() if len(found)}
    marked = ", synthetic" if inventory.synthetic else ""
    if not own:
        raise CallError(f"{name} has no labels here, so that there is nothing to draw into {picture}")
    draw_labels(own if len(own) > 1 else {"all": inventory.values()}, f"labels of {name}{marked}", [picture])


def _show(inventory: Inventory, name: str, picture: Path | None) -> None:
    """The table, and lines of what is odd."""
    from cltool.cli.console import results

    marked = ": synthetic, made by a program" if inventory.synthetic else ""
    results.print(f"{name}{marked}", style="bold", highlight=False, markup=False)
    results.print(_table(inventory))
    for heading, lines in (("missing", inventory.missing), ("does not fit", inventory.notes)):
        for line in _first(lines):
            results.print(f"{heading}: {line}", style="yellow", highlight=False, markup=False, soft_wrap=True)
    for line in (f"licence: {inventory.licence}" if inventory.licence else "", str(picture) if picture else ""):
        if line:
            results.print(line, style="dim", highlight=False, markup=False, soft_wrap=True)


def _first(lines: Sequence[str]) -> Sequence[str]:
    """The first of many lines, and how many more there are."""
    if len(lines) <= MOST:
        return lines
    return (*lines[: MOST - 1], f"and {len(lines) - MOST + 1} more (--json has them all)")


def _table(inventory: Inventory) -> Table:
    """Numbers by split and of all films, which are not shown twice where there is one split."""
    from rich.table import Table

    from cltool.video.inventory import NO_SPLIT

    splits = () if inventory.splits == (NO_SPLIT,) else inventory.splits
    shown: dict[str, str | None] = {split: split for split in splits}
    if len(splits) != 1:
        shown["all"] = None
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    columns = [(inventory.of(split), inventory.people(split)) for split in shown.values()]
    for heading in shown:
        table.add_column(heading, justify="right")
    rows = {
        "films": [own.films for own, _ in columns],
        "  with labels": [own.annotated for own, _ in columns],
        "  without pictures": [own.unseen for own, _ in columns],
        "  without sound": [own.silent for own, _ in columns],
        "people, where known": [people for _, people in columns],
        "frames": [own.frames for own, _ in columns],
        "  without a picture": [own.faceless for own, _ in columns],
        "  with picture and label": [own.usable for own, _ in columns],
        "labels": [own.labelled for own, _ in columns],
        "  marked as missing": [own.unlabelled for own, _ in columns],
    }
    table.add_row("minutes", *(f"{own.seconds / 60:.1f}" for own, _ in columns))
    for name, numbers in rows.items():
        table.add_row(name, *(f"{number:,}" for number in numbers))
    return table
