"""The catalogue: which plugins can be had, and from which package; finding one imports that one alone.

Names come from entry points and need no import, so that a misspelt one is answered at once.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

from cltool.errors import PluginError, nearest
from cltool.plugin import Configured, Plugin, Spec

GROUP = "cltool.plugins"


@dataclass(frozen=True)
class Entry:
    """A plugin that can be had, not yet imported."""

    kind: str
    name: str
    package: str
    load: Callable[[], Any]


@dataclass(frozen=True)
class Catalogue:
    """All plugins that can be had; finding one imports that one alone."""

    entries: Mapping[tuple[str, str], tuple[Entry, ...]]

    def names(self, kind: str) -> list[str]:
        """Names of all plugins of a kind, sorted."""
        return sorted(name for k, name in self.entries if k == kind)

    def find(self, kind: str, name: str) -> Plugin:
        """Import and return one plugin.

        Raises PluginError: no such name (the nearest is named), two packages that both have it, or an
        import that fails (its cause is named).
        """
        found = self.entries.get((kind, name), ())
        if not found:
            raise PluginError(f"there is no {kind} {name!r}; {nearest(name, self.names(kind))}")
        if len(found) > 1:
            packages = " and ".join(sorted(entry.package for entry in found))
            raise PluginError(f"{kind} {name!r} comes from {packages}; uninstall one of them")
        try:
            plugin = getattr(found[0].load(), "__cltool_plugin__", None)
        except PluginError:
            raise
        except Exception as error:
            cause = f"{type(error).__name__}: {error}".splitlines()[0]
            raise PluginError(f"{kind} {name!r} of {found[0].package} cannot be imported: {cause}") from error
        if plugin is None or plugin.kind != kind or plugin.name != name:
            raise PluginError(f"{found[0].package} announces {kind} {name!r}, but what is there is not one")
        return plugin

    def configure(self, kind: str, spec: Spec) -> Configured:
        """Find a plugin and validate its options; raises as `find` and `Plugin.configure` do."""
        return self.find(kind, spec.name).configure(spec.options)


def _same(value: Any) -> Any:
    return value


def _from_file(path: Path) -> list[Entry]:
    """The plugins of one file, named by `--plugin`."""
    spec = importlib.util.spec_from_file_location(f"cltool_plugin_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise PluginError(f"--plugin {path}: no such Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    try:
        spec.loader.exec_module(module)
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(f"--plugin {path}: {type(error).__name__}: {error}".splitlines()[0]) from error
    plugins = [
        (value.__cltool_plugin__, value)
        for value in vars(module).values()
        if hasattr(value, "__cltool_plugin__") and value.__module__ == module.__name__
    ]
    if not plugins:
        raise PluginError(f"--plugin {path}: there is no decorated plugin in it")
    return [Entry(p.kind, p.name, str(path), partial(_same, value)) for p, value in plugins]


@cache
def _installed() -> tuple[Entry, ...]:
    """The plugins of all installed packages; a package that is on the path twice counts once."""
    found = {}
    for point in metadata.entry_points(group=GROUP):
        kind, _, name = point.name.partition(".")
        package = point.dist.name if point.dist else "an unnamed package"
        found[package, point.name, point.value] = Entry(kind, name, package, point.load)
    return tuple(found.values())


def discover(files: Sequence[Path] = ()) -> Catalogue:
    """All plugins of the installed packages (entry points, group `cltool.plugins`) and of `files`.

    >>> discover().names("merge")
    ['alpha', 'concat']
    """
    entries: dict[tuple[str, str], tuple[Entry, ...]] = {}
    for entry in (*_installed(), *(entry for file in files for entry in _from_file(Path(file)))):
        entries[entry.kind, entry.name] = (*entries.get((entry.kind, entry.name), ()), entry)
    return Catalogue(entries)
