"""`cltool universal evaluate`: what trained networks have learnt."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cltool.cli.arguments import DATA, OUTPUT, DataRoot, Debug, Device, PluginFiles, names, parse_label_map
from cltool.errors import CallError

if TYPE_CHECKING:
    from rich.table import Table

    from cltool.report.trainings import Texts
    from cltool.universal.evaluation import Evaluation, OtherData

EXAMPLES = (
    "Example: cltool universal evaluate trainings/ferplus-resnet18. Several side by side, as the thesis' table 4.1: "
    "cltool universal evaluate trainings/* --out table. On other pictures: cltool universal evaluate DIR --stream "
    "folder --data-root FACES --label-map map.yaml"
)


def evaluate(
    directories: Annotated[
        list[Path], typer.Argument(metavar="DIR…", help="What `cltool universal train` has left; one or several.")
    ],
    stream: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:k=v,…]",
            help=f"Other pictures than the training's own stream: {names('stream')}.",
            rich_help_panel=DATA,
        ),
    ] = None,
    data_root: DataRoot = None,
    label_map: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="YAML: every class of these data → the class that was learnt; null leaves one out.",
            rich_help_panel=DATA,
        ),
    ] = None,
    device: Device = None,
    plugin: PluginFiles = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for tables and pictures; must be new or empty. Default: DIR/evaluation, or ./evaluation for "
            "several; made anew for the same trainings.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    json_: Annotated[
        bool,
        typer.Option(
            "--json", help="Print evaluation.json on standard output and nothing else.", rich_help_panel=OUTPUT
        ),
    ] = False,
    debug: Debug = False,
) -> None:
    """Try trained networks on test pictures: accuracy, scores of every class, what is confused with what.

    Each training's best epoch sees the test split of the stream that it was trained on, or other pictures. The folder
    holds evaluation.json, table.md, the confusion matrix, the surest mistakes, the class counts before and after the
    sampler, and the losses of all trainings together. Features are kept, so that a second call is fast.
    """
    from cltool.cli.console import Screen
    from cltool.features import FeatureBank
    from cltool.report.trainings import facts, write
    from cltool.setups import device_of
    from cltool.training.evaluations import evaluation_folder
    from cltool.universal import evaluation

    folder = evaluation_folder(directories, out)
    if device not in (None, "auto", "cpu", "cuda"):
        raise CallError(f"--device {device}: give auto, cpu or cuda")
    where = device_of(device or "auto")
    with Screen() as screen:
        candidates = evaluation.prepare(directories, _other(stream, data_root, label_map), plugin or (), screen)
        bank = FeatureBank(device=where, progress=screen)
        for candidate in candidates:
            bank.check(candidate.blocks, candidate.backbone)
        found = [evaluation.evaluate(candidate, bank) for candidate in candidates]
        write(found, {candidate.name: candidate.pictures for candidate in candidates}, folder)
    if json_:
        sys.stdout.write(json.dumps(facts(found), ensure_ascii=False) + "\n")
    else:
        _show(found, folder)


def _other(stream: str | None, data_root: Path | None, label_map: Path | None) -> OtherData:
    from cltool.plugin import Spec
    from cltool.recipe import Choice
    from cltool.universal.evaluation import OtherData

    chosen = Choice.of(Spec.parse(stream)) if stream is not None else None
    return OtherData(chosen, str(data_root.absolute()) if data_root else None, parse_label_map(label_map))


def _show(found: Sequence[Evaluation], folder: Path) -> None:
    """The tables, and what was written."""
    from cltool.cli.console import results
    from cltool.report.trainings import class_by_class, confused, heading, side_by_side

    if len(found) > 1:
        results.print(_table(side_by_side(found)))
    for one in found:
        results.print(f"\n{heading(one)}", style="bold", highlight=False, markup=False)
        results.print(_table(class_by_class(one)))
        if one.pairs:
            results.print(_table(confused(one)))
    files = ", ".join(sorted(path.name for path in folder.iterdir()))
    results.print(f"\n{folder}: {files}", highlight=False, soft_wrap=True, markup=False)


def _table(texts: Texts) -> Table:
    from rich.table import Table

    headings, lines = texts
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, heading in enumerate(headings):
        if number == 0 or heading in ("network", "and the other"):
            table.add_column(heading, overflow="fold", min_width=max(12 if heading == "network" else 8, len(heading)))
        else:
            table.add_column(heading, justify="right", no_wrap=len(heading.split()) == 1)
    for line in lines:
        table.add_row(*line)
    return table
