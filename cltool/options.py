"""A plugin's options as a person reads them: name, type, range, default, and what it is."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import Any

from cltool.plugin import Plugin

BOUNDS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}", "multiple_of": "a multiple of {}"}


@dataclass(frozen=True)
class Option:
    """One option; `default` is None where there is none, and `required` then."""

    name: str
    type: str
    range: str
    default: Any
    required: bool
    says: str


def options_of(plugin: Plugin) -> list[Option]:
    """Every option of a plugin, in the order of its signature.

    >>> from cltool import discover
    >>> [(o.name, o.type, o.range) for o in options_of(discover().find("merge", "alpha"))]
    [('alpha', 'float | None', '≥ 0, ≤ 1')]
    """
    return [
        Option(
            name,
            _spelled(field.annotation),
            ", ".join(_bounds(field.metadata)),
            None if field.is_required() else field.default,
            field.is_required(),
            field.description or "",
        )
        for name, field in plugin.options.model_fields.items()
    ]


def _bounds(metadata: typing.Iterable[Any]) -> list[str]:
    """What annotated-types' constraints say, which pydantic's Field leaves behind."""
    return [
        text.format(getattr(constraint, key))
        for constraint in metadata
        for key, text in BOUNDS.items()
        if getattr(constraint, key, None) is not None
    ]


def _spelled(annotation: Any) -> str:
    """`float | None`, `8 | 16` for a Literal, a type's own name."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _spelled(typing.get_args(annotation)[0])
    if origin is typing.Literal:
        return " | ".join(str(value) for value in typing.get_args(annotation))
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_spelled(part) for part in typing.get_args(annotation))
    if annotation is type(None):
        return "None"
    return str(annotation) if origin else getattr(annotation, "__name__", str(annotation))
