"""What a loss costs beside the mean squared error: forward and backward, as it stands and through torch.compile.

All losses take turns in one process, on the same predictions, annotations and mask, after turns that do not count (in
which torch.compile compiles). Told are the median seconds of a forward and backward pass, and the median over rounds
of the ratio to MSE's turn in the same round, eager to eager and compiled to compiled. Aims: compiled, no more than
twice MSE's on a CPU, one and a half times on a GPU.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from types import FunctionType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from cltool.plugin import Configured

AIMS = {"cpu": 2.0, "cuda": 1.5}
LOSSES = (
    "mse",
    "ccc",
    "ccc:per_sequence=true",
    "non-inertial",
    "non-inertial:acceleration=true",
    "non-inertial:variant=main",
    "non-inertial:variant=appendix",
)


def measure(
    shape: Annotated[str, typer.Option(metavar="B×S×K", help="Sequences, frames and dimensions.")] = "64x512x2",
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    rounds: Annotated[int, typer.Option(min=1, help="How often every loss has its turn.")] = 60,
    calls: Annotated[int, typer.Option(min=1, help="Forward and backward passes of a turn.")] = 20,
    loss: Annotated[
        list[str] | None, typer.Option(help="A loss to measure beside mse; repeat it. Default: all of ours.")
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="Of the CPU; 0: as many as torch takes.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Forward and backward of every loss beside MSE's, eager and compiled.

    As it stands it takes some minutes on two cores, most of which torch.compile takes.
    """
    import torch

    from cltool.errors import CallError

    if device not in AIMS or (device == "cuda" and not torch.cuda.is_available()):
        raise typer.BadParameter(f"--device {device}: give cpu, or cuda where there is a GPU")
    if threads:
        torch.set_num_threads(threads)
    losses = ["mse", *(spelled for spelled in loss or LOSSES if spelled != "mse")]
    try:
        steps = prepared(losses, _shape(shape), device)
    except CallError as error:
        raise typer.BadParameter(str(error)) from None
    result = {"about": about(shape, device), "rows": timed(steps, rounds, calls, device)}
    if as_json:
        print(json.dumps({"schema": 1, **result}))
    else:
        _show(result)


def _shape(text: str) -> tuple[int, int, int]:
    """Sequences, frames and dimensions.

    >>> _shape("64x512x2")
    (64, 512, 2)
    """
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) != 3 or not all(side.isdecimal() and int(side) for side in sides):
        raise typer.BadParameter(f"--shape {text}: give sequences, frames and dimensions, such as 64x512x2")
    batch, frames, dimensions = map(int, sides)
    return batch, frames, dimensions


def about(shape: str, device: str) -> dict[str, Any]:
    """What was measured, and on what."""
    import torch

    cpu = f"{_processor()}, {torch.get_num_threads()} threads"
    name = torch.cuda.get_device_name() if device == "cuda" else cpu
    return {"device": name, "aim": AIMS[device], "torch": torch.__version__, "shape": shape, "numbers": "synthetic"}


def _processor() -> str:
    """The CPU's name, which platform.processor() does not tell everywhere."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def prepared(
    losses: Sequence[str], shape: tuple[int, int, int], device: str
) -> dict[tuple[str, str], Callable[[], None]]:
    """A forward and backward pass of every loss, by spelling and way (eager, compiled)."""
    import torch

    from cltool.catalogue import discover
    from cltool.plugin import Spec
    from cltool.seeding import generator

    rng, catalogue = generator("benchmark", "losses"), discover()
    x, y = (torch.rand(shape, generator=rng).to(device) * 2 - 1 for _ in range(2))
    mask = (torch.rand(shape[:2], generator=rng) < 0.9).to(device)
    x.requires_grad_()
    steps = {}
    for text in losses:
        called = _function(catalogue.configure("loss", Spec.parse(text)))
        for way, loss in (("eager", called), ("compiled", torch.compile(called, fullgraph=True))):
            steps[text, way] = _step(loss, x, y, mask)
    return steps


def _function(loss: Configured) -> Callable[..., Any]:
    """The loss under a code object of its own: torch.compile looks through all that it made of one at every call."""

    def called(x: Any, y: Any, mask: Any) -> Any:
        return loss.plugin.function(x, y, mask, **loss.options)

    return FunctionType(called.__code__.replace(co_name=str(loss)), called.__globals__, closure=called.__closure__)


def _step(loss: Callable[..., Any], x: Any, y: Any, mask: Any) -> Callable[[], None]:
    def step() -> None:
        x.grad = None
        loss(x, y, mask).backward()

    return step


def timed(
    steps: Mapping[tuple[str, str], Callable[[], None]], rounds: int, calls: int, device: str
) -> list[dict[str, Any]]:
    """Medians over rounds in which all take turns; the ratios are to `mse` in the same round and way."""
    took: dict[tuple[str, str], list[float]] = {key: [] for key in steps}
    for number in range(rounds + 2):
        for key, step in steps.items():
            seconds = _turn(step, calls, device)
            if number > 1:
                took[key].append(seconds / calls)
    rows = []
    for text in dict.fromkeys(loss for loss, _ in steps):
        row: dict[str, Any] = {"loss": text}
        for way in ("eager", "compiled"):
            own, base = took[text, way], took["mse", way]
            row[way] = {"us": 1e6 * median(own), "ratio": median(a / b for a, b in zip(own, base, strict=True))}
        rows.append(row)
    return rows


def _turn(step: Callable[[], None], calls: int, device: str) -> float:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(calls):
        step()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _show(result: Mapping[str, Any]) -> None:
    told = result["about"]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("loss", "eager, µs", "× MSE", "compiled, µs", "× MSE"):
        table.add_column(heading, justify="left" if heading == "loss" else "right", no_wrap=heading == "loss")
    for row in result["rows"]:
        cells = [(f"{row[way]['us']:.0f}", f"{row[way]['ratio']:.2f}") for way in ("eager", "compiled")]
        table.add_row(row["loss"], *cells[0], *cells[1])
    console = Console()
    line = f"forward and backward at [{told['shape']}], {told['device']}, torch {told['torch']}; aim {told['aim']:g} ×"
    console.print(line, highlight=False, soft_wrap=True, markup=False)
    console.print(table)
