"""`cltool plugins`: what can be had, what it takes, how to write one, and whether it keeps its contract."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cltool.catalogue import Catalogue, Entry, discover
from cltool.errors import CallError, PluginError, nearest
from cltool.plugin import KINDS, Plugin, Spec

if TYPE_CHECKING:
    from cltool.contract import Report

app = typer.Typer(help="List, show, write and check plugins.", no_args_is_help=True)
NARROW = ("kind", "name", "package", "option", "type", "range", "default")
MANY = 12  # plugins that come by the dozen, of one module or one family, take one line of the whole list

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Debug = Annotated[bool, typer.Option(help="Show the traceback of an error.")]
Files = Annotated[list[Path] | None, typer.Option("--plugin", metavar="FILE", help="A Python file with more plugins.")]
KindName = Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)}.")]


@app.callback()
def _group() -> None:
    """List, show, write and check plugins."""


def _checked_kind(kind: str) -> str:
    if kind not in KINDS:
        raise PluginError(f"there is no kind {kind!r}; {nearest(kind, KINDS)}")
    return kind


@app.command("list", epilog="Example: cltool plugins list merge")
def list_(
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help=f"Only one of {', '.join(KINDS)}; lists all of it.")
    ] = None,
    plugin: Files = None,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """List every plugin that is installed: kind, name, what it does, where the idea is from, its package."""
    catalogue = discover(plugin or [])
    kinds = [_checked_kind(kind)] if kind else list(KINDS)
    entries = [e for (k, _), found in sorted(catalogue.entries.items()) if k in kinds for e in found]
    folded = [] if kind or json_ else _crowds(entries)
    rows, broken = _loaded(catalogue, [e for e in entries if _crowd(e) not in folded])
    warnings = [*_strays(catalogue), *broken]
    for crowd in folded:
        rows.append(_crowd_row([e for e in entries if _crowd(e) == crowd]))
    rows.sort(key=lambda row: list(KINDS).index(row["kind"]))
    for warning in dict.fromkeys(warnings):
        print(f"cltool: warning: {warning}", file=sys.stderr)
    if json_:
        sys.stdout.write(json.dumps({"plugins": rows, "warnings": list(dict.fromkeys(warnings))}) + "\n")
    else:
        _table(rows, ("kind", "name", "says", "source", "package"))


def _loaded(catalogue: Catalogue, entries: Sequence[Entry]) -> tuple[list[dict[str, str]], list[str]]:
    """Rows of the plugins that can be imported, and what is wrong with the others."""
    from cltool.cli.console import Screen

    rows, broken = [], []
    with Screen() as screen, screen.track("importing plugins", len(entries)) as advance:
        for entry in entries:
            try:
                rows.append(_row(entry, catalogue.find(entry.kind, entry.name)))
            except PluginError as error:
                broken.append(str(error))
            advance(1)
    return rows, broken


def _row(entry: Entry, plugin: Plugin) -> dict[str, str]:
    where = {"kind": entry.kind, "name": entry.name, "package": entry.package}
    return {**where, "says": plugin.says, "source": plugin.source}


def _crowd(entry: Entry) -> str:
    """What a plugin is one of many of: its family, where it has one, or its module."""
    family, colon, _ = entry.name.partition(":")
    return family + colon if colon else entry.module


def _crowds(entries: Sequence[Entry]) -> list[str]:
    crowds = [_crowd(entry) for entry in entries]
    return [crowd for crowd in dict.fromkeys(crowds) if crowds.count(crowd) > MANY]


def _crowd_row(crowd: Sequence[Entry]) -> dict[str, str]:
    first, of = crowd[0], _crowd(crowd[0])
    what, name, source = ("family", f"{of}…", "") if of.endswith(":") else ("module", "…", of)
    says = f"{first.name} to {crowd[-1].name}: {len(crowd)} of one {what}; see cltool plugins list {first.kind}"
    return {"kind": first.kind, "name": name, "says": says, "source": source, "package": first.package}


def _strays(catalogue: Catalogue) -> list[str]:
    """Entry points of our group that announce no kind there is."""
    strays = [entry for (kind, _), found in catalogue.entries.items() if kind not in KINDS for entry in found]
    return [f"{e.package} announces {e.kind}.{e.name}; there is no such kind; {nearest(e.kind, KINDS)}" for e in strays]


@app.command(epilog="Example: cltool plugins show alpha")
def show(
    name: Annotated[str, typer.Argument(help="NAME, or KIND.NAME where several kinds have it.")],
    plugin: Files = None,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Show one plugin: what it does, its options with type, range and default, and its reference."""
    from cltool.options import options_of

    catalogue = discover(plugin or [])
    entry = catalogue.named(name)[0]
    found = catalogue.find(entry.kind, entry.name)
    options = options_of(found)
    if json_:
        facts: dict[str, Any] = {**_row(entry, found), "doc": _doc(found), "inputs": list(found.inputs)}
        facts["options"] = [vars(option) for option in options]
        sys.stdout.write(json.dumps(facts, default=str) + "\n")
        return
    from cltool.cli.console import results

    results.print(f"{entry.kind} {entry.name}", style="bold", highlight=False)
    results.print(_doc(found), highlight=False, markup=False, soft_wrap=True)
    results.print()
    rows = [
        {
            "option": option.name,
            "type": option.type,
            "range": option.range,
            "default": "(required)" if option.required else str(option.default),
            "what it is": option.says,
        }
        for option in options
    ]
    _table(rows, ("option", "type", "range", "default", "what it is"), "no options")
    for label, text in (("asks for", ", ".join(found.inputs)), ("reference", found.source), ("package", entry.package)):
        results.print(f"{label}: {text or '–'}", highlight=False, markup=False, soft_wrap=True)


def _doc(plugin: Plugin) -> str:
    import inspect

    return inspect.getdoc(plugin.function) or ""


@app.command(epilog="Example: cltool plugins new merge mine --package")
def new(
    kind: KindName,
    name: Annotated[str, typer.Argument(help="What it will be called, e.g. in --merge NAME.")],
    package: Annotated[
        bool, typer.Option("--package", help="An installable package with its entry point, not a single file.")
    ] = False,
    into: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write. Default: here.")] = Path(),
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Write a working plugin with its test, to be changed into yours. Overwrites nothing."""
    from cltool.scaffold import write_plugin

    files = write_plugin(_checked_kind(kind), name, into, package)
    if json_:
        sys.stdout.write(json.dumps({"files": [str(file) for file in files]}) + "\n")
        return
    for file in files:
        print(file)
    if package:
        project = next(file.parent for file in files if file.name == "pyproject.toml")
        print(f"next: pip install -e {project}, cltool plugins check {kind}.{name}, pytest {project}")
    else:
        print(f"next: cltool plugins check {files[0]}, pytest {files[-1]}")


@app.command(epilog="Example: cltool plugins check mine.py")
def check(
    target: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TARGET]…", help="NAME[:k=v,…], KIND.NAME, or a Python file with plugins."),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Every installed plugin; a kind without any is broken too.")
    ] = False,
    plugin: Files = None,
    data_root: Annotated[Path | None, typer.Option(help="Where a stream or corpus finds its data.")] = None,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Check that plugins keep the contract of their kind: a line per clause, what was expected and what came.

    Exit code 1 where a clause is broken. The same in your own tests: from cltool.contract import check.
    """
    if all_ == bool(target):
        raise CallError("name a plugin or a file, or give --all")
    catalogue = discover(plugin or [])
    reports = list(_reports(target or [], catalogue, data_root, json_))
    empty = [kind for kind in KINDS if not catalogue.names(kind)] if all_ else []
    broken = [report for report in reports if report.broken]
    if json_:
        facts = {"reports": [_facts(report) for report in reports], "empty_kinds": empty}
        sys.stdout.write(json.dumps({"ok": not broken and not empty, **facts}) + "\n")
    for kind in empty if not json_ else ():
        print(f"✗ kind {kind}: at least one plugin; came: none")
    if not json_:
        print(f"{len(reports)} checked, {len(broken)} broken" + (f", {len(empty)} kinds empty" if empty else ""))
    if broken or empty:
        raise typer.Exit(1)


def _reports(targets: Sequence[str], catalogue: Catalogue, data_root: Path | None, quiet: bool) -> Iterable[Report]:
    """Check one target after another, showing each report as it comes."""
    from cltool.contract import check_entry, check_file

    found: list[Callable[[], list[Report]]] = []
    for target in targets:
        if target.endswith(".py"):
            if not Path(target).is_file():
                raise CallError(f"{target}: no such Python file")
            found.append(partial(check_file, Path(target), data_root))
            continue
        spec = Spec.parse(target)
        entry, options = catalogue.named(spec.name)[0], dict(spec.options) or None
        if options:
            catalogue.find(entry.kind, entry.name).configure(options)  # a wrong call is not the plugin's fault
        found.append(lambda entry=entry, options=options: [check_entry(entry, catalogue, options, data_root)])  # type: ignore[misc]
    if not targets:
        entries = [e for (kind, _), several in sorted(catalogue.entries.items()) for e in several if kind in KINDS]
        found = [lambda e=e: [check_entry(e, catalogue, None, data_root, unasked=True)] for e in entries]  # type: ignore[misc]
    for look in found:
        for report in look():
            if not quiet:
                _tell(report, whole=bool(targets))
            yield report


def _tell(report: Report, whole: bool) -> None:
    """All findings of a report; of one of many that is sound, one line."""
    if whole or report.broken:
        print(report, flush=True)
        return
    kept = sum(finding.kept is True for finding in report.findings)
    aside = len(report.findings) - kept
    print(f"✓ {report.kind} {report.name}: {kept} clauses" + (f", {aside} not checked" if aside else ""), flush=True)


def _facts(report: Report) -> dict[str, Any]:
    head = {"kind": report.kind, "name": report.name, "package": report.package, "ok": not report.broken}
    return {**head, "findings": [vars(finding) for finding in report.findings]}


def _table(rows: Sequence[dict[str, str]], columns: Sequence[str], nothing: str = "none") -> None:
    from rich.table import Table
    from rich.text import Text

    from cltool.cli.console import results

    if not rows:
        results.print(nothing)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in NARROW)
    for row in rows:
        table.add_row(*(Text(row[column]) for column in columns))
    results.print(table)
