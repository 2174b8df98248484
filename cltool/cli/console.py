"""What the user sees while work goes on: bars and the growing table, on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

errors = Console(stderr=True)
results = Console()


class Screen:
    """Bars for what is being done under a table of what is finished; gone when it closes.

    It is the core's Progress, and its `step` is the run loop's watch.
    """

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self._table: RenderableType | None = None
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=errors,
            transient=True,
        )
        self._live = Live(
            self._picture(),
            console=errors,
            transient=True,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,  # a library's own download bar is drawn as it comes
        )

    def __enter__(self) -> Screen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    @contextmanager
    def track(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar that is there while the block runs."""
        bar = self._bars.add_task(what, total=total)
        shown, done = time.monotonic(), 0

        def advance(count: int) -> None:
            nonlocal shown, done
            self._bars.advance(bar, count)
            done += count
            if not errors.is_terminal and time.monotonic() - shown > 30:  # a log wants a sign of life
                shown = time.monotonic()
                errors.print(f"{what}: {done} of {total}")

        try:
            yield advance
        finally:
            self._bars.remove_task(bar)

    def say(self, message: str) -> None:
        """A line above the table."""
        errors.print(Text(message, style="yellow"))

    def step(self, step: dict[str, Any]) -> None:
        """Show a finished step."""
        self.steps.append(step)
        self.show(step_table(self.steps))

    def show(self, table: RenderableType) -> None:
        """Show a table of what is finished, in the place of the one before it."""
        self._table = table
        self._live.update(self._picture(), refresh=True)

    def _picture(self) -> Group:
        return Group(self._table, self._bars) if self._table else Group(self._bars)


def growing(
    show: Callable[[RenderableType], None],
    table: Callable[[Sequence[dict[str, Any]]], RenderableType],
    earlier: Sequence[dict[str, Any]],
) -> Callable[[dict[str, Any]], None]:
    """A training's watch: shows the table of finished epochs, earlier ones first, a row longer every time."""
    epochs = list(earlier)

    def watch(facts: dict[str, Any]) -> None:
        del epochs[facts["epoch"] - 1 :]
        epochs.append(facts)
        show(table(epochs))

    return watch


def step_table(steps: list[dict[str, Any]]) -> Table:
    """A row per finished task."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    values = tuple(steps[0].get("by_output") or ()) if steps else ()
    told = ("groups", "CCC", *values) if values else ("classes", "accuracy", "task-aware")
    for heading in ("task", *told, "joint", "gap", *(() if values else ("unknown AUROC",)), "seconds"):
        table.add_column(heading, justify="right")
    classes = 0
    for step in steps:
        classes += len(step["outputs"])
        joint, unknown = step["joint"], step["unknown"]
        aware = step["row_task_aware"]
        beside = [step["by_output"][name] for name in values] if values else [sum(aware) / len(aware)]
        auroc = f"{unknown['auroc']:.3f}" if unknown and unknown["auroc"] is not None else ""
        table.add_row(
            step["task"],
            str(classes),
            f"{step['accuracy']:.3f}",
            *(f"{number:.3f}" for number in beside),
            f"{joint['accuracy']:.3f}" if joint else "",
            f"{joint['accuracy'] - step['accuracy']:+.3f}" if joint else "",
            *(() if values else (auroc,)),
            f"{sum(step['seconds'].values()):.1f}",
        )
    return table


def curve_lines(
    classes: list[int], curve: list[float], joint: list[float] | None, units: str = "classes", width: int = 40
) -> Text:
    """The curve as bars, with a mark where the joint reference stands."""
    text = Text()
    for i, (count, value) in enumerate(zip(classes, curve, strict=True)):
        cells = ["█" if (cell + 0.5) / width <= value else " " for cell in range(width)]
        if joint:
            cells[max(0, min(width - 1, int(joint[i] * width)))] = "│"
        text.append(f"{count:>5} {units:<7} ").append("".join(cells), style="blue").append(f" {value:.3f}\n")
    if joint:
        text.append(f"{'│ joint reference':>31}\n", style="dim")
    return text
