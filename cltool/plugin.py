"""Plugins: what kinds there are, and how a function becomes one; catalogue.py finds them.

A plugin is an ordinary typed function under a decorator named after its kind. Arguments that the kind
hands out (`old: Head`, `rng: Generator`, …) are its *inputs*; every other argument is an *option*, whose
annotation is its type, range and documentation. Nothing here imports torch, so that names can be listed
and misspelt ones answered at once.
"""

from __future__ import annotations

import inspect
import json
import re
import typing
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from cltool.errors import AnnotationError, CallError, PluginError

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Kind:
    """A kind of plugin: what it is, what it may ask for and in which order, and which facts its decorator takes."""

    name: str
    says: str
    inputs: Mapping[str, str]  # name of an argument → name of its type
    facts: frozenset[str] = frozenset()


COMMON_FACTS = frozenset({"name", "source", "one_of", "example", "argument"})
NAME = re.compile(r"[A-Za-z_][\w-]*(:[A-Za-z_][\w-]*\*?)?")  # of a plugin; one of a family is called FAMILY:NAME


_STATISTICS = dict.fromkeys(("old_statistics", "new_statistics", "statistics"), "Statistics")
KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "stream",
            "pictures with named outputs, to be cut into tasks",
            {"data_root": "Path | None", "progress": "Progress"},
            frozenset({"tasks", "classes_per_task", "backbone", "head", "values"}),
        ),
        Kind(
            "backbone",
            "a frozen network, pictures → features",
            {"stream": "TaskStream", "device": "str", "progress": "Progress"},
            frozenset({"values"}),
        ),
        Kind("lift", "a fixed map of the features, under the heads", {"width": "int"}),
        Kind(
            "head",
            "how a task's head is fitted to its features",
            {"features": "Tensor", "targets": "Tensor", "rng": "Generator"},
            frozenset({"values"}),
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
            frozenset({"exact", "class_grams", "values"}),
        ),
        Kind("surgery", "an operation on one head's weights", {"head": "Head", "rng": "Generator"}, frozenset({"on"})),
        Kind(
            "strategy",
            "a way to learn a whole stream",
            {
                "stream": "TaskStream",
                "features": "Callable",
                "backbone": "Backbone",
                "device": "str",
                "rng": "Generator",
            },
            frozenset({"exact", "values", "task_aware", "keeps_all"}),
        ),
        Kind(
            "loss",
            "prediction, target, mask → a number to lower",
            {"prediction": "Tensor", "target": "Tensor", "mask": "Tensor"},
        ),
        Kind(
            "network",
            "a video network, features → valence and arousal",
            {"widths": "Mapping"},
            frozenset({"reads", "preset"}),
        ),
        Kind("preset", "settings of a video training, under a name", {}),
        Kind(
            "modality",
            "what a film's frames become: a row of numbers each",
            {
                "film": "Film",
                "backbone": "Backbone",
                "device": "str",
                "face_model": "Path | None",
                "pose_model": "Path | None",
                "progress": "Progress",
            },
            frozenset({"after"}),
        ),
        Kind("corpus", "annotated films as their owner ships them", {"data_root": "Path"}),
        Kind(
            "maker",
            "a data set that anyone can make, marked as synthetic",
            {"out": "Path", "videos": "int", "seconds": "float", "seed": "int", "progress": "Progress"},
        ),
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

        Raises CallError: an option that is not there, of the wrong type, out of its range, or beside another
        of which only one may be given (the plugin's fact `one_of`).
        """
        given = dict(options or {})
        for name in given:
            if name not in self.options.model_fields:
                known = ", ".join(self.options.model_fields) or "none"
                raise CallError(f"{self.kind} {self.name!r} has no option {name!r}; its options: {known}")
        return Configured(self, self._validated(given))

    def _validated(self, given: Mapping[str, Any]) -> dict[str, Any]:
        from pydantic import ValidationError

        try:
            checked = self.options(**given)
        except ValidationError as error:
            wrong = {first["loc"][0] for first in error.errors()}
            try:  # a text that is no value of its type may be the spelling of one, such as 8 or [1, 2]
                checked = self.options(**{n: _spelled_out(v) if n in wrong else v for n, v in given.items()})
            except ValidationError:
                first = error.errors()[0]
                name = ".".join(str(part) for part in first["loc"][:1])
                if first["type"] == "missing":
                    spelled = f"{self.name}:{name.upper() if name == self.facts.get('argument') else f'{name}=…'}"
                    raise CallError(f"{self.kind} {self.name!r} wants an option {name}; spell it {spelled}") from None
                what = f"={first['input']}" if name in given else ""
                raise CallError(f"{self.kind} {self.name!r}, option {name}{what}: {first['msg']}") from None
        values = {n: getattr(checked, n) for n in self.options.model_fields}
        moved = [n for n in self.facts.get("one_of", ()) if values[n] != self.options.model_fields[n].default]
        if len(moved) > 1:
            raise CallError(f"{self.kind} {self.name!r}: give one of {', '.join(moved)}, not {len(moved)}")
        return values


def _spelled_out(value: Any) -> Any:
    """What a text means in JSON; the text itself where it means nothing.

    >>> _spelled_out("8"), _spelled_out("null"), _spelled_out("half")
    (8, None, 'half')
    """
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


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
    >>> Spec.parse("avalanche:icarl:memory=200")
    Spec(name='avalanche:icarl', options={'memory': '200'})
    >>> str(Spec("alpha", {"alpha": 0.7}))
    'alpha:alpha=0.7'
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Spec:
        """Read `NAME[:key=value,…]`; a comma inside a value is kept unless `key=` follows it.

        What stands before the options belongs to the name, colons included; what it means is the catalogue's to say.
        Raises CallError where a part is not `key=value`.
        """
        name, _, rest = text.partition(":")
        while rest and "=" not in (further := rest.partition(":"))[0]:
            name, rest = f"{name}:{further[0]}", further[2]
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
    if not NAME.fullmatch(called):
        raise PluginError(f"{where}: a name is made of letters, digits, hyphens and underscores, or is FAMILY:NAME")
    if unknown := set(facts) - kind.facts - COMMON_FACTS:
        known = ", ".join(sorted(COMMON_FACTS | kind.facts))
        raise PluginError(f"{where}: @{kind.name} takes {known}; not {', '.join(sorted(unknown))}")
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise AnnotationError(f"{where}: unknown annotation: {error}") from None
    inputs, options = _arguments(function, kind, hints, where)
    try:
        config = ConfigDict(extra="forbid", protected_namespaces=(), validate_default=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an option may well be called as an attribute of pydantic's is
            model = create_model(f"{called}_options", __config__=config, **options)
    except PydanticSchemaGenerationError:
        bad = next(n for n, (annotation, _) in options.items() if not _can_be_validated(annotation))
        raise AnnotationError(
            f"{where}: unknown annotation: option {bad!r} is {options[bad][0]}; take int, float, bool, str, Path, "
            "a Literal, or a union or list of them"
        ) from None
    for fact, named in {
        "one_of": facts.get("one_of", ()),
        "argument": [facts["argument"]] if "argument" in facts else (),
    }.items():
        if foreign := set(named) - set(options):
            raise PluginError(f"{where}: {fact} names {', '.join(sorted(foreign))}, which is no option of it")
    return Plugin(kind.name, called, function, source, inputs, model, facts)


def _can_be_validated(annotation: Any) -> bool:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError

    try:
        TypeAdapter(annotation)
    except PydanticSchemaGenerationError:
        return False
    return True


def _arguments(
    function: Callable[..., Any], kind: Kind, hints: Mapping[str, Any], where: str
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The function's inputs, in order, and its options with type and default."""
    inputs: list[str] = []
    options: dict[str, Any] = {}
    for argument, parameter in inspect.signature(function).parameters.items():
        if argument in kind.inputs:
            wanted = kind.inputs[argument]
            if _type_name(hints.get(argument)) != wanted:
                raise AnnotationError(f"{where}: input {argument!r} must be annotated {wanted}")
            inputs.append(argument)
        elif parameter.kind is not parameter.KEYWORD_ONLY:
            raise PluginError(
                f"{where}: {argument!r} is no input of a {kind.name} ({', '.join(kind.inputs)}); "
                f"an option stands behind * as a keyword"
            )
        elif argument not in hints:
            raise AnnotationError(f"{where}: option {argument!r} has no annotation")
        else:
            default = ... if parameter.default is parameter.empty else parameter.default
            options[argument] = (hints[argument], default)
    ordered = [argument for argument in kind.inputs if argument in inputs]
    if inputs != ordered:  # whoever calls it as a function reads arguments in the order of their kind
        raise PluginError(f"{where}: inputs stand in the order {', '.join(ordered)}, not {', '.join(inputs)}")
    return tuple(inputs), options


def _decorate(
    function: Function | None = None, /, *, kind: str, name: str | None = None, source: str = "", **facts: Any
) -> Any:
    """Register a function as a plugin; it stays the ordinary function it was.

    Bare (`@merge`) or with facts: `name` (default: the function's), `source` (paper, equation or
    address), `one_of` (options of which at most one may leave its default), `example` (options under which
    the contract runs it; None: too costly to be run unasked), `argument` (the option that may be given by its value
    alone, right behind the name: `hf:cifar10`), and those of the kind, e.g. `exact=True` for a merge.

    Raises PluginError: an argument that is neither an input of the kind nor a keyword option, inputs out of
    order, an annotation that cannot be validated, an unknown fact.
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
preset = partial(_decorate, kind="preset")
modality = partial(_decorate, kind="modality")
corpus = partial(_decorate, kind="corpus")
maker = partial(_decorate, kind="maker")
