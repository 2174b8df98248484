"""The contract of every kind of plugin, run on any plugin: ours, yours, in your own tests.

    from cltool.contract import check

    def test_mine_keeps_the_contract():
        check(mine)

`cltool plugins check` prints the same findings. A kind's clauses stand in the module of its name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from cltool.catalogue import Catalogue, Entry, discover
from cltool.contract.clauses import Clause, ContractBroken, Finding, Report, look, told
from cltool.errors import AnnotationError, PluginError
from cltool.plugin import Plugin, Spec
from cltool.recipe import Choice

__all__ = ["ContractBroken", "Finding", "Report", "check", "check_entry", "check_file", "examine"]


def check(plugin: Any, options: Mapping[str, Any] | None = None, data_root: Path | None = None) -> Report:
    """Raise ContractBroken, which lists every broken clause, unless `plugin` keeps the contract of its kind.

    `plugin`: a decorated function, or what `cltool.discover().find(kind, name)` gives. `options`: those to
    try it with; default: its fact `example`, else its defaults. `data_root`: where a stream or corpus finds its data.
    Gives the report of all clauses, those not checked among them.

    >>> from cltool import Head, merge, union
    >>> @merge
    ... def newest(old: Head, new: Head) -> Head:
    ...     '''Keep every row; of a shared one, the newer.'''
    ...     return union(old, new, lambda name, before, after: after)
    >>> check(newest).broken
    []
    """
    report = examine(plugin, options, data_root)
    if report.broken:
        lines = "\n".join(f"  {finding}" for finding in report.broken)
        raise ContractBroken(f"{report.kind} {report.name!r} breaks its contract:\n{lines}")
    return report


def examine(
    plugin: Any,
    options: Mapping[str, Any] | None = None,
    data_root: Path | None = None,
    package: str = "",
    unasked: bool = False,
) -> Report:
    """Look at every clause of a plugin's kind; broken ones are findings, not errors.

    `unasked`: whether it is one of all plugins rather than one that was named; those that are costly (fact
    `example=None`) are then not run. Raises PluginError for what is no plugin.
    """
    found = plugin if isinstance(plugin, Plugin) else getattr(plugin, "__cltool_plugin__", None)
    if not isinstance(found, Plugin):
        raise PluginError(f"{plugin!r} is no plugin; decorate it with the name of its kind, such as @merge")
    tried = options if options is not None else found.facts.get("example") or {}
    findings = look(DECLARATION, Declared(found, tried))
    if all(finding.kept for finding in findings):
        findings += _examine_kind(found, options, data_root, unasked)
    return Report(found.kind, found.name, package or found.function.__module__, tuple(findings))


def _examine_kind(
    plugin: Plugin, options: Mapping[str, Any] | None, data_root: Path | None, unasked: bool
) -> list[Finding]:
    contract = import_module(f"cltool.contract.{plugin.kind}")
    example = plugin.facts.get("example", {})
    if options is None and example is None and unasked:
        reason = "it is costly; name it to check it"
        return [Finding(c.name, c.expected, reason, None) for c in contract.CLAUSES]
    configured = plugin.configure(options if options is not None else example)
    given = {"data_root": data_root} if plugin.kind in ("stream", "corpus") else {}
    return look(contract.CLAUSES, contract.subject(configured, **given))


def check_entry(
    entry: Entry,
    catalogue: Catalogue,
    options: Mapping[str, Any] | None = None,
    data_root: Path | None = None,
    unasked: bool = False,
) -> Report:
    """The report of an entry of the catalogue, also where it cannot even be imported."""
    try:
        plugin = catalogue.find(entry.kind, entry.name)
    except PluginError as error:
        return Report(entry.kind, entry.name, entry.package, (_no_plugin(error),))
    return examine(plugin, options, data_root, entry.package, unasked)


def check_file(path: Path, data_root: Path | None = None) -> list[Report]:
    """The reports of all plugins of a Python file; a single one where the file cannot even be imported."""
    try:
        catalogue = discover([path])
    except PluginError as error:
        return [Report("file", path.name, str(path), (_no_plugin(error),))]
    own = [entry for found in catalogue.entries.values() for entry in found if entry.package == str(path)]
    return [check_entry(entry, catalogue, data_root=data_root) for entry in own]


def _no_plugin(error: PluginError) -> Finding:
    if isinstance(error, AnnotationError):
        return Finding("annotations", "a type that can be validated for every option", told(error), False)
    return Finding("import", "importing it gives a plugin", told(error), False)


@dataclass(frozen=True)
class Declared:
    """A plugin as it was registered, and the options to try it with."""

    plugin: Plugin
    options: Mapping[str, Any]


def _documented(declared: Declared) -> str | None:
    return None if declared.plugin.says else "no docstring"


def _options(declared: Declared) -> str | None:
    fields = declared.plugin.options.model_fields
    missing = [name for name, field in fields.items() if field.is_required() and name not in declared.options]
    if missing:
        return f"no default for {', '.join(missing)} and no example (the decorator's fact `example`)"
    declared.plugin.configure(declared.options)
    return None


def _recipe(declared: Declared) -> str | None:
    """What a run writes down must give the same plugin again."""
    first = declared.plugin.configure(declared.options)
    kept = json.loads(Choice.of(first.spec).model_dump_json())
    again = declared.plugin.configure(kept["options"])
    written = Spec(first.plugin.name, {name: value for name, value in first.options.items() if value is not None})
    third = declared.plugin.configure(Spec.parse(str(written)).options)
    same = dict(first.options) == dict(again.options) == dict(third.options)
    return None if same else f"{first.spec}, then {again.spec} and {third.spec}"


DECLARATION = (
    Clause("documented", "a docstring whose first line says what it does", _documented),
    Clause("options", "defaults, or an example, that are valid", _options),
    Clause("recipe", "options that survive a recipe and a command line", _recipe),
)
