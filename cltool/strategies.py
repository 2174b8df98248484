"""How a whole strategy is spelled: `MERGE[:k=v,…]` with parts joined by `+`, a strategy plugin, or a recipe file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cltool.catalogue import Catalogue
from cltool.errors import CallError, nearest
from cltool.plugin import Spec

PARTS = ("lift", "head", "unknown", "surgery")  # what may stand beside a merge, in the order of its spelling
METHOD = ("strategy", "merge", *PARTS)  # the keys of a recipe that say how is learned

_NEXT_PART = re.compile(rf"\+(?=(?:{'|'.join(PARTS)})=)")
_ANY_PART = re.compile(r"\+([A-Za-z_][\w-]*)=")


def spell(parts: Mapping[str, Any]) -> str:
    """A mapping of a recipe's keys as one text; keys that are left out, None or empty are not spelled.

    >>> spell({"merge": "ridge", "surgery": ["prune@task", "clahe"], "lift": "relu:dim=4000"})
    'ridge+lift=relu:dim=4000+surgery=prune@task+surgery=clahe'
    """
    beside = {part: parts.get(part) or () for part in PARTS}
    several = {part: given if isinstance(given, list | tuple) else [given] for part, given in beside.items()}
    chosen = [f"{part}={one}" for part, given in several.items() for one in given]
    return "+".join([str(parts.get("strategy") or parts["merge"]), *chosen])


def parse(text: str, catalogue: Catalogue) -> dict[str, Any]:
    """The keys of a recipe that a strategy's spelling stands for; the inverse of `spell`.

    `text` is `MERGE[:k=v,…]` and parts such as `+lift=relu:dim=4000`, of which only `surgery` may come again; or
    the name of a strategy plugin, with options; or the path of a recipe file, whose method is taken, and the plugin
    files that it may be in. An option's
    value may hold a `+`, as long as no `NAME=` follows it.

    Raises CallError: no such merge or strategy, a name that is both, parts that are unknown, empty, repeated or
    beside a strategy plugin, a recipe that cannot be read. Whether parts and options exist is `prepare`'s to say.

    >>> from cltool.catalogue import discover
    >>> parse("alpha:alpha=0.7+head=softmax:decay=1e+3", discover())
    {'merge': 'alpha:alpha=0.7', 'head': 'softmax:decay=1e+3'}
    """
    if text.endswith((".yaml", ".yml")):
        return _of_recipe(text)
    first, *rest = _NEXT_PART.split(text)
    kind = _kind(text, first, catalogue)
    found: dict[str, Any] = {kind: first}
    for part, _, spelled in (piece.partition("=") for piece in rest):
        _check(text, spelled, f"{part}=")
        if kind == "strategy":
            raise CallError(f"--strategy {text}: {Spec.parse(first).name!r} is a whole strategy; leave {part}= out")
        if part == "surgery":
            found.setdefault("surgery", []).append(spelled)
        elif part in found:
            raise CallError(f"--strategy {text}: {part} is given twice")
        else:
            found[part] = spelled
    return found


def _kind(text: str, first: str, catalogue: Catalogue) -> str:
    """Whether the first piece names a merge or a strategy plugin."""
    if first.partition("=")[0] in PARTS:
        raise CallError(f"--strategy {text}: a merge comes first: MERGE[:k=v,…]+{first}")
    _check(text, first, "")
    name = Spec.parse(first).name
    kinds = [kind for kind in ("merge", "strategy") if name in catalogue.names(kind)]
    bare = name.partition(":")[0]
    if not kinds and (kinds := [kind for kind in ("merge", "strategy") if bare in catalogue.names(kind)]):
        catalogue.find(kinds[0], name)  # raises unless what stands behind the name is its argument
    if len(kinds) > 1:
        raise CallError(
            f"--strategy {text}: {name!r} is the name of a merge and of a strategy; rename one of the plugins"
        )
    if not kinds:
        known = {*catalogue.names("merge"), *catalogue.names("strategy")}
        raise CallError(f"--strategy {text}: there is no merge or strategy {name!r}; {nearest(name, known)}")
    return kinds[0]


def _check(text: str, piece: str, of: str) -> None:
    """Raise CallError where a piece has no name, or holds what was meant as a part of its own."""
    if foreign := _ANY_PART.search(piece):
        raise CallError(f"--strategy {text}: there is no part {foreign[1]!r}; {nearest(foreign[1], PARTS)}")
    name = Spec.parse(piece).name
    if not name:
        raise CallError(f"--strategy {text}: there is no name in {of + piece!r}; spell it MERGE[:k=v,…][+PART=NAME…]")
    if "+" in name:
        lost = name.partition("+")[2]
        raise CallError(
            f"--strategy {text}: {lost!r} says no part; spell it +PART=NAME, PART one of {', '.join(PARTS)}"
        )


def _of_recipe(path: str) -> dict[str, Any]:
    from cltool.recipe import Recipe

    recipe = Recipe.load(path)
    keys = ("strategy",) if recipe.strategy else METHOD[1:]
    return {key: value for key in (*keys, "plugins") if (value := getattr(recipe, key))}
