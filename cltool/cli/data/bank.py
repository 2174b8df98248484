"""`cltool data bank`: features kept on this machine."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from cltool.errors import CallError


def bank(
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove features instead of listing them; all, or see --older-than."),
    ] = False,
    older_than: Annotated[
        float | None, typer.Option(metavar="DAYS", help="With --prune: only those not read for so many days.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Show the feature bank by backbone, or prune it. What is pruned is computed again when next needed."""
    from cltool.features import FeatureBank

    if older_than is not None and (not prune or older_than < 0):
        raise CallError("--older-than needs --prune and a number of days, 0 or more")
    store = FeatureBank()
    if prune:
        files, size = store.prune(older_than or 0.0)
        _tell({"removed_files": files, "removed_bytes": size}, f"removed {files} files, {size:,} bytes", json_)
        return
    rows: dict[str, dict[str, float]] = {}
    for entry in store.entries():
        row = rows.setdefault(entry.backbone, {"blocks": 0, "samples": 0, "bytes": 0, "used": 0.0})
        row["blocks"] += 1
        row["samples"] += entry.samples
        row["bytes"] += entry.nbytes
        row["used"] = max(row["used"], entry.used)
    if json_:
        _tell({"folder": str(store.folder), "backbones": rows}, "", True)
    else:
        _table(str(store.folder), rows)


def _tell(facts: dict, line: str, as_json: bool) -> None:
    sys.stdout.write((json.dumps(facts) if as_json else line) + "\n")


def _table(folder: str, rows: dict[str, dict[str, float]]) -> None:
    from datetime import datetime

    from rich.table import Table

    from cltool.cli.console import results

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("backbone", "blocks", "pictures", "MB", "last read"):
        table.add_column(heading, justify="left" if heading == "backbone" else "right", overflow="fold")
    for name, row in sorted(rows.items()):
        read = datetime.fromtimestamp(row["used"]).strftime("%Y-%m-%d %H:%M")
        table.add_row(name, f"{row['blocks']:.0f}", f"{row['samples']:,.0f}", f"{row['bytes'] / 1e6:.1f}", read)
    results.print(table if rows else "the feature bank is empty")
    results.print(folder, style="dim", highlight=False, soft_wrap=True)
