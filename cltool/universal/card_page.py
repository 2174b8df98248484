"""A trained backbone's card, as a page for people."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from itertools import islice
from typing import Any

import yaml

from cltool.universal.cards import Card

SHOWN = 100  # classes that the page lists; the card in the weights' file has them all
NOT_ASKED = ("schema", "cltool")  # keys of a recipe that are no options of the command


def card_page(card: Card, path: str = "DIR/best.safetensors") -> str:
    """The card as Markdown; `path`: where the weights lie, as a command names it; DIR, since directories move."""
    recipe = yaml.safe_dump(dict(card.recipe), sort_keys=False, allow_unicode=True)
    parts = {
        "Data": f"{card.data}\n\nTraining started from `{card.started_from}`." + _earlier(card),
        "Classes and counts": _counts(card)
        + "\n\nThe part held out for choosing the best epoch is not counted, and the test split was never read.",
        "Transform": _transform(card),
        "Metrics": _table(("", "of the kept epoch"), card.metrics),
        "Recipe": f"```sh\n{command(card.recipe)}\n```\n\n```yaml\n{recipe}```\n\n"
        + "Made with "
        + ", ".join(f"{name} {version}" for name, version in card.versions.items())
        + ".",
        "Licence": _licences(card),
        "Use it": f"```sh\ncltool run --stream NAME --backbone trained:weights={path}\n```",
    }
    head = f"# {card.architecture.partition(':')[0]}, trained on {card.data.partition(';')[0]}\n\n"
    about = f"`{card.architecture}`: {card.parameters:,} weights, {card.width} features.\n"
    return head + about + "".join(f"\n## {title}\n\n{text}\n" for title, text in parts.items())


def command(recipe: Mapping[str, Any]) -> str:
    """The call that repeats a training; a label map is in the recipe alone.

    >>> command({"stream": {"name": "digits", "options": {}}, "flip": False, "epochs": 2, "classes": None})
    'cltool universal train --stream digits --no-flip --epochs 2'
    """
    words = ["cltool", "universal", "train"]
    for key, value in recipe.items():
        option = f"--{key.replace('_', '-')}"
        if key == "plugins":
            words += [word for file in value for word in ("--plugin", file)]
        elif key == "early_stop":
            words += [option, str(value or 0)]
        elif value is None or key in NOT_ASKED:
            continue
        elif key == "label_map":
            words += [option, "FILE"]
        elif isinstance(value, bool):
            words.append(option if value else f"--no-{key.replace('_', '-')}")
        else:
            words += [option, _spelled(value)]
    return shlex.join(words)


def _spelled(value: Any) -> str:
    if isinstance(value, Mapping):
        options = ",".join(f"{k}={v}" for k, v in value["options"].items() if v is not None)
        return f"{value['name']}:{options}" if options else str(value["name"])
    return ",".join(value) if isinstance(value, list) else str(value)


def _earlier(card: Card) -> str:
    listed = (f"- {training['data']}: {len(training['classes'])} classes" for training in card.before)
    return "\n\nBefore that it was trained on\n\n" + "\n".join(listed) if card.before else ""


def _licences(card: Card) -> str:
    """What the owners of all pictures that it has learnt from allow."""
    if not card.before:
        return card.licence
    return "\n".join(f"- {training['data']}: {training['licence']}" for training in reversed(card.trainings))


def _counts(card: Card) -> str:
    listed = dict(islice(card.counts.items(), SHOWN))
    more = len(card.counts) - len(listed)
    told = f"\n\nAnd {more:,} more classes: {sum(card.counts.values()):,} pictures in all." if more else ""
    return _table(("class", "training pictures"), listed) + told


def _transform(card: Card) -> str:
    transform = card.transform
    return (
        f"Any picture: the shorter side resized to {transform.resize or transform.size} px (bilinear, antialiased), "
        f"the centre of {transform.size} px cut out, {transform.channels} channel(s), values in [0, 1] less "
        f"{list(transform.mean)} and divided by {list(transform.deviation)}."
    )


def _table(headings: tuple[str, str], rows: Mapping[str, Any]) -> str:
    def shown(value: Any) -> str:
        return f"{value:.4f}" if isinstance(value, float) else str(value)

    lines = [f"| {name} | {shown(value)} |" for name, value in rows.items()]
    return "\n".join([f"| {headings[0]} | {headings[1]} |", "|---|---:|", *lines])
