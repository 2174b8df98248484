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

from cltool.errors import CallError, PluginError, nearest
from cltool.plugin import KINDS, Configured, Plugin, Spec

GROUP = "cltool.plugins"


@dataclass(frozen=True)
class Entry:
    """A plugin that can be had, not yet imported; `module` says where it is defined."""

    kind: str
    name: str
    package: str
    module: str
    load: Callable[[], Any]


@dataclass(frozen=True)
class Catalogue:
    """All plugins that can be had; finding one imports that one alone."""

    entries: Mapping[tuple[str, str], tuple[Entry, ...]]

    def names(self, kind: str) -> list[str]:
        """Names of all plugins of a kind, sorted."""
        return sorted(name for k, name in self.entries if k == kind)

    def find(self, kind: str, name: str) -> Plugin:
        """Import and return one plugin; `name` may have its argument behind it, as in `hf:cifar10`.

        Raises PluginError: no such name (the nearest is named), two packages that both have it, or an
        import that fails (its cause is named); CallError: something behind the name of one that has no argument.
        """
        bare, _, argument = name.partition(":")
        if argument and (kind, name) not in self.entries and (kind, bare) in self.entries:
            takes = self.find(kind, bare)
            if "argument" not in takes.facts:
                raise CallError(f"{name!r}: {argument!r} is not key=value; spell it {bare}:key=value,…")
            return takes
        self._known(kind, name)
        found = self.entries[kind, name]
        if len(found) > 1:
            packages = " and ".join(sorted(entry.package for entry in found))
            raise PluginError(f"{kind} {name!r} comes from {packages}; uninstall one of them")
        try:
            plugin = getattr(found[0].load(), "__cltool_plugin__", None)
        except PluginError:
            raise
        except (Exception, SystemExit) as error:
            cause = f"{type(error).__name__}: {error}".splitlines()[0]
            raise PluginError(f"{kind} {name!r} of {found[0].package} cannot be imported: {cause}") from error
        if plugin is None or plugin.kind != kind or plugin.name != name:
            raise PluginError(f"{found[0].package} announces {kind} {name!r}, but what is there is not one")
        return plugin

    def named(self, text: str) -> tuple[Entry, ...]:
        """The entries of a plugin spelled `NAME` or `KIND.NAME`; more than one where packages claim it both.

        Raises PluginError: nothing of that name, or several kinds that have it.
        """
        kind, dot, name = text.partition(".")
        if dot and kind in KINDS:
            self._known(kind, name)
            return self.entries[kind, name]
        kinds = [k for k, n in self.entries if n == text]
        if not kinds:
            raise PluginError(f"there is no plugin {text!r}; {nearest(text, {n for _, n in self.entries})}")
        if len(kinds) > 1:
            spelled = " or ".join(f"{kind}.{text}" for kind in sorted(kinds))
            raise PluginError(f"{text!r} is the name of {len(kinds)} plugins; say {spelled}")
        return self.entries[kinds[0], text]

    def _known(self, kind: str, name: str) -> None:
        if (kind, name) not in self.entries:
            raise PluginError(f"there is no {kind} {name!r}; {nearest(name, self.names(kind))}")

    def configure(self, kind: str, spec: Spec) -> Configured:
        """Find a plugin and validate its options; raises as `find` and `Plugin.configure` do."""
        plugin, options = self.find(kind, spec.name), dict(spec.options)
        if spec.name != plugin.name:
            option = plugin.facts["argument"]
            if option in options:
                raise CallError(f"{spec}: {option} is given twice")
            options[option] = spec.name.partition(":")[2]
        return plugin.configure(options)


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
    except (Exception, SystemExit) as error:
        raise PluginError(f"--plugin {path}: {type(error).__name__}: {error}".splitlines()[0]) from error
    own = {id(value): value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__}
    plugins = [(value.__cltool_plugin__, value) for value in own.values() if hasattr(value, "__cltool_plugin__")]
    if not plugins:
        raise PluginError(f"--plugin {path}: there is no decorated plugin in it")
    return [Entry(p.kind, p.name, str(path), module.__name__, partial(_same, value)) for p, value in plugins]


@cache
def _installed() -> tuple[Entry, ...]:
    """The plugins of all installed packages; a package that is on the path twice counts once."""
    found = {}
    for point in metadata.entry_points(group=GROUP):
        kind, _, name = point.name.partition(".")
        package = point.dist.name if point.dist else "an unnamed package"
        module = point.value.partition(":")[0].strip()  # point.module raises where the value is malformed
        found[package, point.name, point.value] = Entry(kind, name, package, module, point.load)
    return tuple(found.values())


def discover(files: Sequence[Path] = ()) -> Catalogue:
    """All plugins of the installed packages (entry points, group `cltool.plugins`) and of `files`.

    >>> {"alpha", "concat"} <= set(discover().names("merge"))
    True
    """
    entries: dict[tuple[str, str], tuple[Entry, ...]] = {}
    once = {Path(file).resolve(): Path(file) for file in files}.values()
    for entry in (*_installed(), *(entry for file in once for entry in _from_file(file))):
        entries[entry.kind, entry.name] = (*entries.get((entry.kind, entry.name), ()), entry)
    return Catalogue(entries)
