"""Plugins: what kinds there are, how a function becomes one, and how an installed one is found.

A plugin is an ordinary typed function under a decorator named after its kind. Arguments that the kind
hands out (`old: Head`, `rng: Generator`, …) are its *inputs*; every other argument is an *option*, whose
annotation is its type, range and documentation. Nothing here imports torch, so that names can be listed
and misspelt ones answered at once.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from cltool.errors import CallError, PluginError, nearest

GROUP = "cltool.plugins"
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Kind:
    """A kind of plugin: what it is, what it may ask for, and which facts its decorator takes."""

    name: str
    says: str
    inputs: Mapping[str, str]  # name of an argument → name of its type
    facts: frozenset[str] = frozenset()


_STATISTICS = dict.fromkeys(("old_statistics", "new_statistics", "statistics"), "Statistics")
KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "stream",
            "pictures with named outputs, to be cut into tasks",
            {"data_root": "Path | None", "progress": "Progress"},
            frozenset({"tasks", "classes_per_task", "backbone"}),
        ),
        Kind(
            "backbone",
            "a frozen network, pictures → features",
            {"stream": "TaskStream", "device": "str", "progress": "Progress"},
        ),
        Kind("lift", "a fixed map of the features, under the heads", {"width": "int", "rng": "Generator"}),
        Kind(
            "head",
            "how a task's head is fitted to its features",
            {"features": "Tensor", "targets": "Tensor", "rng": "Generator"},
        ),
        Kind(
            "unknown",
            "what the unknown row learns from",
            {
                "features": "Tensor",
                "targets": "Tensor",
                "old_statistics": "Statistics | None",
                "rng": "Generator",
            },
        ),
        Kind(
            "merge",
            "two heads, or their statistics, → one head",
            {"old": "Head", "new": "Head", **_STATISTICS, "rng": "Generator"},
            frozenset({"exact"}),
        ),
        Kind("surgery", "an operation on one head's weights", {"head": "Head", "rng": "Generator"}),
        Kind(
            "strategy",
            "a way to learn a whole stream",
            {"stream": "TaskStream", "backbone": "Backbone", "rng": "Generator"},
        ),
        Kind(
            "loss",
            "prediction, target, mask → a number to lower",
            {"prediction": "Tensor", "target": "Tensor", "mask": "Tensor"},
        ),
        Kind("network", "a video network, features → valence and arousal", {"widths": "Mapping"}),
    )
}


@dataclass(frozen=True)
class Plugin:
    """A registered function: its inputs, its options as a pydantic model, and where it comes from."""

    kind: str
    name: str
    function: Callable[..., Any]
    source: str
    inputs: tuple[str, ...]
    options: type[Any]  # a pydantic model; Any, so that importing this file does not import pydantic
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def says(self) -> str:
        """The first line of the function's docstring."""
        return (inspect.getdoc(self.function) or "").split("\n")[0]

    def configure(self, options: Mapping[str, Any] | None = None) -> Configured:
        """Validate `options` (strings from a command line are converted) and bind them.

        Raises CallError: an option that is not there, of the wrong type, or out of its range.
        """
        from pydantic import ValidationError

        given = dict(options or {})
        for name in given:
            if name not in self.options.model_fields:
                known = ", ".join(self.options.model_fields) or "none"
                raise CallError(f"{self.kind} {self.name!r} has no option {name!r}; its options: {known}")
        try:
            checked = self.options(**given)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"][:1])
            what = f"={first['input']}" if name in given else ""
            raise CallError(f"{self.kind} {self.name!r}, option {name}{what}: {first['msg']}") from None
        return Configured(self, {n: getattr(checked, n) for n in self.options.model_fields})


@dataclass(frozen=True)
class Configured:
    """A plugin with its options bound; called with everything at hand, it takes what it asked for."""

    plugin: Plugin
    options: Mapping[str, Any]

    def __call__(self, **inputs: Any) -> Any:
        """Call the function with those of `inputs` that it names."""
        return self.plugin.function(**{n: inputs[n] for n in self.plugin.inputs}, **self.options)

    def asks(self, *names: str) -> bool:
        """Whether the function asks for any of these inputs."""
        return any(name in self.plugin.inputs for name in names)

    @property
    def spec(self) -> Spec:
        """Name and options, every default written out."""
        return Spec(self.plugin.name, self.options)

    def __str__(self) -> str:
        """The shortest spelling that gives this plugin with these options."""
        defaults = self.plugin.options.model_fields
        return str(Spec(self.plugin.name, {n: v for n, v in self.options.items() if v != defaults[n].default}))


@dataclass(frozen=True)
class Spec:
    """A plugin's name and options as a person spells them: `alpha:alpha=0.7`.

    >>> Spec.parse("resnet18:weights=none,size=64")
    Spec(name='resnet18', options={'weights': 'none', 'size': '64'})
    >>> str(Spec("alpha", {"alpha": 0.7}))
    'alpha:alpha=0.7'
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Spec:
        """Read `NAME[:key=value,…]`; a comma inside a value is kept unless `key=` follows it.

        Raises CallError where a part is not `key=value`.
        """
        name, _, rest = text.partition(":")
        options: dict[str, Any] = {}
        for part in re.split(r",(?=\s*[A-Za-z_]\w*=)", rest) if rest else ():
            key, equals, value = part.strip().partition("=")
            if not equals or not key:
                raise CallError(f"{text!r}: {part!r} is not key=value; spell it {name}:key=value,…")
            if key in options:
                raise CallError(f"{text!r}: option {key!r} is given twice")
            options[key] = value
        return cls(name.strip(), options)

    def __str__(self) -> str:
        shown = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}:{shown}" if shown else self.name


def _type_name(annotation: Any) -> str:
    """`torch.Tensor` → 'Tensor', `Statistics | None` → 'Statistics | None'."""
    members = [a for a in typing.get_args(annotation) if isinstance(a, type)]
    if members and type(None) in members:
        return " | ".join([*(m.__name__ for m in members if m is not type(None)), "None"])
    origin = typing.get_origin(annotation) or annotation
    return getattr(origin, "__name__", str(annotation))


def _register(function: Callable[..., Any], kind: Kind, name: str | None, source: str, facts: dict) -> Plugin:
    from pydantic import ConfigDict, create_model
    from pydantic.errors import PydanticSchemaGenerationError

    called = name or function.__name__
    where = f"{kind.name} {called!r}"
    if unknown := set(facts) - kind.facts:
        known = ", ".join(sorted({"name", "source"} | kind.facts))
        raise PluginError(f"{where}: @{kind.name} takes {known}; not {', '.join(sorted(unknown))}")
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise PluginError(f"{where}: unknown annotation: {error}") from None
    inputs, options = [], {}
    for argument, parameter in inspect.signature(function).parameters.items():
        if argument in kind.inputs:
            wanted = kind.inputs[argument]
            if _type_name(hints.get(argument)) != wanted:
                raise PluginError(f"{where}: input {argument!r} must be annotated {wanted}")
            inputs.append(argument)
        elif parameter.kind is not parameter.KEYWORD_ONLY:
            raise PluginError(
                f"{where}: {argument!r} is no input of a {kind.name} ({', '.join(kind.inputs)}); "
                f"an option stands behind * as a keyword"
            )
        elif argument not in hints:
            raise PluginError(f"{where}: option {argument!r} has no annotation")
        else:
            default = ... if parameter.default is parameter.empty else parameter.default
            options[argument] = (hints[argument], default)
    try:
        config = ConfigDict(extra="forbid", protected_namespaces=())
        model = create_model(f"{called}_options", __config__=config, **options)  # type: ignore[call-overload]
    except PydanticSchemaGenerationError as error:
        raise PluginError(f"{where}: unknown annotation: {str(error).splitlines()[0]}") from None
    return Plugin(kind.name, called, function, source, tuple(inputs), model, facts)


def _decorate(
    function: Function | None = None, /, *, kind: str, name: str | None = None, source: str = "", **facts: Any
) -> Any:
    """Register a function as a plugin; it stays the ordinary function it was.

    Bare (`@merge`) or with facts: `name` (default: the function's), `source` (paper, equation or
    address), and those of the kind, e.g. `exact=True` for a merge.

    Raises PluginError: an argument that is neither an input of the kind nor a keyword option, an
    annotation that cannot be validated, an unknown fact.
    """
    if function is None:
        return partial(_decorate, kind=kind, name=name, source=source, **facts)
    function.__cltool_plugin__ = _register(function, KINDS[kind], name, source, facts)  # type: ignore[attr-defined]
    return function


stream = partial(_decorate, kind="stream")
backbone = partial(_decorate, kind="backbone")
lift = partial(_decorate, kind="lift")
head = partial(_decorate, kind="head")
unknown = partial(_decorate, kind="unknown")
merge = partial(_decorate, kind="merge")
surgery = partial(_decorate, kind="surgery")
strategy = partial(_decorate, kind="strategy")
loss = partial(_decorate, kind="loss")
network = partial(_decorate, kind="network")


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
