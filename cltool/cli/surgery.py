"""`cltool surgery`: look at, operate on and merge the linear layers of anybody's checkpoint."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cltool.catalogue import discover
from cltool.errors import CallError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from cltool.inspection import LayerFacts
    from cltool.model_surgery import Merged
    from cltool.surgeries import Effect

HELP = "Look at, operate on and merge the linear layers of any model: .safetensors or PyTorch state dicts."
BARS = "▁▂▃▄▅▆▇█"
WIDE = 120  # columns in which a table with histograms has room

app = typer.Typer(help=HELP, no_args_is_help=True, epilog="Start with: cltool surgery inspect model.safetensors")


@app.callback()
def _group() -> None:
    """Look at, operate on and merge the linear layers of any model: .safetensors or PyTorch state dicts.

    A linear layer is a weight of rows × width, or a 1×1 convolution. What is not operated on stays as it is, to the
    byte; a file's own code is never run.
    """


Layers = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="A layer such as fc, or a pattern such as 'layer4.*'. May be given again."),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="The file to write, in the format of FILE.")]
Plugins = Annotated[list[Path] | None, typer.Option(metavar="FILE", help="A Python file with plugins.")]
Picture = Annotated[
    Path | None, typer.Option(metavar="PNG", help="Where to draw the weights before and after. Default: OUT.png.")
]
NoPicture = Annotated[bool, typer.Option("--no-picture", help="Draw nothing.")]
Force = Annotated[bool, typer.Option("--force", help="Write over what is there; OUT may be FILE itself.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")]
Debug = Annotated[bool, typer.Option(help="Show the traceback of an error.")]


@app.command(epilog="Example: cltool surgery inspect resnet18.pth --layer fc --picture fc.png")
def inspect(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The checkpoint: .safetensors, or .pt, .pth, .bin, .ckpt.")
    ],
    layer: Layers = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Draw the histograms too, into this file.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Draw over a picture that is there.")] = False,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Show the linear layers of a file: size, norm, rank, zeros, dead rows and histogram.

    A dead row has zero weights only, so its output is the same whatever comes in. The histogram's counts are
    logarithmic. Without --layer all layers are shown; 1×1 convolutions only where there is no other or if named.
    """
    from cltool.cli.console import Screen
    from cltool.inspection import inspect as look
    from cltool.report.figures import check_picture

    if picture is not None:
        check_picture(picture, force)
        if picture.exists() and file.exists() and picture.samefile(file):
            raise CallError(f"{picture} cannot be two things at once")
    with Screen() as screen:
        facts = look(file, layer or (), screen)
        if picture is not None:
            from cltool.report.layers import draw_layers

            draw_layers(facts, picture, file.name)
    if json_:
        _print_json({"file": str(file), "picture": _text(picture), "layers": [asdict(entry) for entry in facts]})
    else:
        _show_layers(facts)
        _show_files(picture)


@app.command(
    epilog="Example: cltool surgery apply prune:margin=0.01 --layer fc model.safetensors -o pruned.safetensors"
)
def apply(
    surgery: Annotated[
        list[str],
        typer.Argument(
            metavar="SURGERY",
            help=f"NAME[:k=v,…] of {', '.join(discover().names('surgery'))}; several act in the given order.",
            show_default=False,
        ),
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The checkpoint, .safetensors or a state dict.")],
    out: Out,
    layer: Layers = None,
    seed: Annotated[int, typer.Option(help="Seed of surgeries that draw.")] = 0,
    plugin: Plugins = None,
    picture: Picture = None,
    no_picture: NoPicture = False,
    force: Force = False,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Operate on the weights of linear layers; everything else in the file stays as it is, to the byte.

    --layer may be left out where there is only one linear layer. Each surgery has options for what it reaches, such
    as prune:bias=true for the bias too, and unknown=true for the row called 'unknown', where the file names its rows.
    """
    from cltool.cli.console import Screen
    from cltool.model_surgery import apply as operate
    from cltool.model_surgery import configure_surgeries

    drawn = _picture(picture, no_picture, out)
    chosen = configure_surgeries(surgery, discover(plugin or ()))
    with Screen() as screen:
        done = operate(file, chosen, layer or (), out, seed=seed, force=force, picture=drawn, progress=screen)
    if json_:
        layers = [{"layer": name, "effects": [asdict(effect) for effect in effects]} for name, effects in done]
        _print_json({"file": str(file), "out": str(out), "picture": _text(drawn), "seed": seed, "layers": layers})
    else:
        _show_effects(done)
        _show_files(out, drawn)


@app.command(
    epilog="Example: cltool surgery merge alpha a.pth b.pth -o ab.pth --layer fc --outputs a.txt --outputs b.txt"
)
def merge(
    merge: Annotated[
        str,
        typer.Argument(metavar="MERGE", help=f"NAME[:k=v,…] of {', '.join(discover().names('merge'))}."),
    ],
    file: Annotated[list[Path], typer.Argument(metavar="FILE", help="Two checkpoints or more, in their order.")],
    out: Out,
    layer: Annotated[
        str | None, typer.Option(metavar="NAME", help="The layer to merge; may be left out where there is only one.")
    ] = None,
    outputs: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="TXT",
            help="What the rows are called: a line per row, NAME or NAME<TAB>COUNT, COUNT the samples behind it. "
            "Once for each FILE in their order, or one for all. Files written by this command know their own.",
        ),
    ] = None,
    different_backbones: Annotated[
        bool,
        typer.Option("--different-backbones", help="Merge although other tensors differ; they are the first FILE's."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of merges that draw.")] = 0,
    plugin: Plugins = None,
    picture: Picture = None,
    no_picture: NoPicture = False,
    force: Force = False,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Merge one linear layer of several models that share a body, from left to right.

    Rows are aligned by their names: the merge decides what becomes of a row that both files have. Names and counts
    of the result are kept in its metadata; a PyTorch file has no place for them, so OUT.outputs.txt is written too.
    """
    from cltool.cli.console import Screen
    from cltool.model_surgery import merge as merge_files
    from cltool.plugin import Spec

    drawn = _picture(picture, no_picture, out)
    by = discover(plugin or ()).configure("merge", Spec.parse(merge))
    with Screen() as screen:
        merged = merge_files(
            file,
            by,
            layer,
            out,
            outputs=outputs or (),
            allow_different_backbones=different_backbones,
            seed=seed,
            force=force,
            picture=drawn,
            progress=screen,
        )
    if json_:
        _print_json(_merged_facts(merged, str(by), file, out, drawn))
    else:
        _show_merged(merged, file, out)
        _show_files(out, merged.outputs_file, drawn)


def _picture(picture: Path | None, none: bool, out: Path) -> Path | None:
    if none and picture is not None:
        raise CallError("--picture and --no-picture: give one of the two")
    return None if none else picture or out.with_name(f"{out.name}.png")


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _merged_facts(merged: Merged, by: str, files: list[Path], out: Path, picture: Path | None) -> dict[str, Any]:
    counts = [None if math.isnan(count) else count for count in merged.outputs.counts]
    return {
        "merge": by,
        "layer": merged.layer,
        "files": [{"file": str(f), "outputs": names} for f, names in zip(files, merged.inputs, strict=True)],
        "out": str(out),
        "rows": len(merged.outputs.names),
        "outputs": merged.outputs.names,
        "counts": counts,
        "outputs_file": _text(merged.outputs_file),
        "picture": _text(picture),
    }


def _print_json(facts: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts, ensure_ascii=False, allow_nan=False) + "\n")


def _show_files(*paths: Path | None) -> None:
    from cltool.cli.console import results

    if written := [str(path) for path in paths if path is not None]:
        results.print(", ".join(written), style="dim", highlight=False, markup=False, soft_wrap=True)


def _screen() -> Console:
    """Where results go; a file or a pipe, which has no edge, is taken to be wide."""
    from rich.console import Console

    from cltool.cli.console import results

    return results if results.is_terminal else Console(width=max(results.width, WIDE))


def _table(**columns: str) -> Table:
    """An empty table; `columns`: heading → how it is justified. The first is the last to be folded."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, (heading, justify) in enumerate(columns.items()):
        least = 14 if number == 0 else None
        table.add_column(heading, justify=justify, overflow="fold", min_width=least)  # type: ignore[arg-type]
    return table


def _show_layers(facts: list[LayerFacts]) -> None:
    from rich.text import Text

    screen = _screen()
    wide = screen.width >= WIDE
    headings = ("rows × width", *(("dtype", "dead rows") if wide else ()), "norm", "rank", "zeros", "range")
    table = _table(layer="left", **dict.fromkeys(headings, "right"))
    cells = 24 if wide else 10
    table.add_column("histogram", no_wrap=True, min_width=cells)
    for entry in facts:
        nothing = entry.least is None or entry.largest is None
        table.add_row(
            Text(entry.layer),
            f"{entry.rows} × {entry.width}",
            *((entry.dtype, str(len(entry.dead_rows))) if wide else ()),
            f"{entry.norm:.4g}",
            "–" if entry.rank is None else str(entry.rank),
            f"{entry.zeros:.1%}",
            "–" if nothing else f"{entry.least:.3g} … {entry.largest:.3g}",
            sparkline(entry.counts, cells),
        )
    screen.print(table)
    for entry in facts:
        if entry.dead_rows:
            dead = entry.dead_names or [str(row) for row in entry.dead_rows]
            screen.print(Text(f"{entry.layer}: {len(dead)} dead row(s): {_some(dead)}", "yellow"))
        if entry.not_finite:
            rows = _some([str(row) for row in entry.not_finite_rows])
            screen.print(Text(f"{entry.layer}: {entry.not_finite:,} number(s) not finite, in row(s) {rows}", "yellow"))


def _some(names: Sequence[str], most: int = 10) -> str:
    """The first of many, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def sparkline(counts: tuple[int, ...], cells: int) -> str:
    """Counts as a line of bars, logarithmic; a blank where there is nothing.

    >>> sparkline((1, 0, 10, 100), 4)
    '▁ ▅█'
    """
    edges = [round(cell * len(counts) / cells) for cell in range(cells + 1)]
    sums = [sum(counts[a:b]) for a, b in pairwise(edges)]
    top = math.log(max(*sums, 2))
    return "".join(BARS[round(math.log(count) / top * (len(BARS) - 1))] if count else " " for count in sums)


def _show_effects(done: list[tuple[str, list[Effect]]]) -> None:
    from rich.text import Text

    from cltool.model_surgery import labelled

    numbers = dict.fromkeys(("zero weights", "cosine distance", "range before", "range after"), "right")
    table = _table(layer="left", surgery="left", **numbers)
    for name, effects in done:
        for effect in effects:
            table.add_row(
                Text(name),
                Text(labelled(effect)),
                f"{effect.sparsity:.1%}",
                f"{effect.cosine_distance:.3f}",
                *(f"{low:.3f} … {high:.3f}" for low, high in (effect.range_before, effect.range_after)),
            )
    _screen().print(table)


def _show_merged(merged: Merged, files: list[Path], out: Path) -> None:
    from rich.text import Text

    table = _table(file="left", rows="right", new="right", shared="right", names="left")
    seen: set[str] = set()
    for path, names in zip(files, merged.inputs, strict=True):
        new = [name for name in names if name not in seen]
        table.add_row(
            Text(str(path)), str(len(names)), str(len(new)), str(len(names) - len(new)), Text(_some(names, 3))
        )
        seen.update(names)
    rows = len(merged.outputs.names)
    table.add_row(Text(str(out)), str(rows), "", "", Text(_some(merged.outputs.names, 3)), style="bold")
    _screen().print(table)
    says = f"layer {merged.layer} has {rows} outputs now: build the model with {rows} to load it"
    _screen().print(Text(says))
