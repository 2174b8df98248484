"""Arguments that several commands take: how they are read, and what their help says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cltool.catalogue import discover
from cltool.errors import CallError

DATA, METHOD, OUTPUT = "Data", "Method", "Output"  # panels of a help page

DataRoot = Annotated[Path | None, typer.Option(help="Folder (or zip) with the stream's data.", rich_help_panel=DATA)]
Tasks = Annotated[
    int | None, typer.Option(help="Number of tasks; alone, it must divide the classes.", rich_help_panel=DATA)
]
ClassesPerTask = Annotated[
    str | None,
    typer.Option(
        metavar="K | K,K,…",
        help="Classes per task, a number or a list; classes beyond the last task are left out.",
        rich_help_panel=DATA,
    ),
]
Holdout = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Score on this share of the training pictures, which is not trained on, instead of the test split: "
        "for choosing settings.",
        rich_help_panel=DATA,
    ),
]
Network = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[:k=v,…]",
        help="Frozen network: random, universal, any torchvision classification model, e.g. "
        "resnet18:weights=FILE,size=128, timm:model=NAME, or trained:weights=DIR of your own training. Default: the "
        "stream's.",
        rich_help_panel=METHOD,
    ),
]
Universal = Annotated[
    str | None,
    typer.Option(
        metavar="glyphs|first|all|none",
        help="Short for --backbone universal:on=…; trained on drawings of cltool's own (it comes with them), on the "
        "first task, on all classes (leaks, and every output says so), or not at all.",
        rich_help_panel=METHOD,
    ),
]
Joint = Annotated[
    bool | None,
    typer.Option(
        "--joint/--no-joint",
        help="Compare with one head trained on everything at once. Default: yes.",
        show_default=False,
        rich_help_panel=METHOD,
    ),
]
Device = Annotated[
    str | None,
    typer.Option(metavar="auto|cpu|cuda", help="Where the backbone runs. Default: auto.", rich_help_panel=METHOD),
]
PluginFiles = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="A Python file with plugins, for this call.", rich_help_panel=METHOD),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on standard output and nothing else.", rich_help_panel=OUTPUT),
]
Debug = Annotated[bool, typer.Option(help="Show the traceback of an error.", rich_help_panel=OUTPUT)]


def paragraphs(text: str | None) -> str:
    """A docstring as a help page wants it: typer keeps the lines of all paragraphs but the first.

    >>> paragraphs("Do it.\\n\\n    All of\\n    it.")
    'Do it.\\n\\nAll of it.'
    """
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in (text or "").split("\n\n"))


def names(kind: str) -> str:
    """The names of a kind for a help text, without importing any."""
    found = discover().names(kind)
    return ", ".join(found) if len(found) <= 16 else f"{', '.join(found[:6])}, … ({len(found)} in all)"


def parse_classes(text: str | None) -> int | list[int] | None:
    """`--classes-per-task`: a number or a list of them."""
    if text is None:
        return None
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise CallError(f"--classes-per-task {text}: give a number, or a list such as 3,2,2") from None
    return numbers if len(numbers) > 1 else numbers[0]


def parse_order(text: str | None) -> str | list[str] | None:
    """`--class-order`: a word, or the names that a file lists."""
    if text is None or text in ("given", "random"):
        return text
    try:
        lines = Path(text).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise CallError(f"--class-order {text}: give 'given', 'random' or a file ({error.strerror})") from None
    return [line.strip() for line in lines if line.strip()]


def parse_backbone(backbone: str | None, universal: str | None) -> str | None:
    """`--backbone`, for which `--universal` may stand."""
    if backbone is not None and universal is not None:
        raise CallError("--universal is short for --backbone universal:on=…; give one of the two")
    return f"universal:on={universal}" if universal is not None else backbone


def parse_seeds(text: str) -> list[int]:
    """`--seeds`: how many, from 0 on, or a list of them.

    >>> parse_seeds("3"), parse_seeds("0,3,7")
    ([0, 1, 2], [0, 3, 7])
    """
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        raise CallError(f"--seeds {text}: give a number, or a list such as 0,3,7") from None
    if len(found) == 1 and found[0] < 1:
        raise CallError(f"--seeds {text}: there must be at least one")
    seeds = list(range(found[0])) if len(found) == 1 else found
    if twice := [seed for place, seed in enumerate(seeds) if seed in seeds[:place]]:
        raise CallError(f"--seeds {text}: {twice[0]} stands twice")
    return seeds


def parse_label_map(path: Path | None) -> dict[str, str | None] | None:
    """`--label-map`: a YAML mapping of names, `010`, `yes` and `1.50` among them; a plain null or ~ leaves out."""
    import yaml

    if path is None:
        return None
    try:
        content = yaml.compose(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    except OSError as error:
        raise CallError(f"--label-map {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CallError(f"--label-map {path} is no YAML: {' '.join(str(error).split())}") from None
    lines = content.value if isinstance(content, yaml.MappingNode) else [(None, None)]
    found: dict[str, str | None] = {}
    for name, to in lines:
        if not (isinstance(name, yaml.ScalarNode) and isinstance(to, yaml.ScalarNode)):
            raise CallError(f"--label-map {path} must be lines of `class of the data: class to be learnt` (or null)")
        if name.value in found:
            raise CallError(f"--label-map {path}: {name.value!r} stands twice, last in line {name.start_mark.line + 1}")
        left_out = to.value == "" or (to.style is None and to.value in ("~", "null"))
        found[name.value] = None if left_out else to.value
    return found
