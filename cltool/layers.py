"""Linear layers of anybody's checkpoint, as heads: which there are, what their rows are called, and back again.

A linear layer is a floating `X.weight` [R, D], or [R, D, 1, 1] (a 1×1 convolution), with `X.bias` [R] if it is there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cltool.checkpoints import Checkpoint
from cltool.errors import CallError, nearest
from cltool.heads import Head

SPACE = "checkpoint"  # the feature space of a layer that keeps no fingerprint of it
KEY = "cltool"  # the one key of a file's metadata that is ours
DTYPES = ("float16", "bfloat16", "float32", "float64")  # what can be operated on; eight bits are quantised


@dataclass(frozen=True)
class Layer:
    """A linear layer of a checkpoint: the keys of its weight [rows, width] and of its bias, if it has one.

    >>> Layer("fc", "fc.weight", None, 10, 512).keys
    ('fc.weight',)
    """

    name: str
    weight: str
    bias: str | None
    rows: int
    width: int

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of its tensors."""
        return (self.weight,) if self.bias is None else (self.weight, self.bias)


def linear_layers(checkpoint: Checkpoint) -> list[Layer]:
    """All layers with a weight [R, D], in the file's order; only where there is none, the 1×1 convolutions.

    >>> from safetensors.torch import save_file
    >>> from cltool.checkpoints import open_checkpoint
    >>> path = getfixture("tmp_path") / "model.safetensors"
    >>> fc = {"fc.weight": torch.ones(2, 4), "fc.bias": torch.ones(2)}
    >>> save_file({"conv.weight": torch.ones(4, 3, 1, 1), **fc}, path)
    >>> linear_layers(open_checkpoint(path))
    [Layer(name='fc', weight='fc.weight', bias='fc.bias', rows=2, width=4)]
    """
    return _layers(checkpoint, 2) or _layers(checkpoint, 4)


def _layers(checkpoint: Checkpoint, sides: int) -> list[Layer]:
    """Layers whose weight has so many dimensions: 2, or 4 for 1×1 convolutions."""
    found = []
    for key, about in checkpoint.tensors.items():
        if not (key == "weight" or key.endswith(".weight")) or about.dtype not in DTYPES:
            continue
        if len(about.shape) != sides or set(about.shape[2:]) - {1} or 0 in about.shape:
            continue
        rows, width = about.shape[:2]
        bias = checkpoint.tensors.get(bias_key := key.removesuffix("weight") + "bias")
        has_bias = bias is not None and bias.shape == (rows,) and bias.dtype in DTYPES
        found.append(Layer(key.removesuffix(".weight"), key, bias_key if has_bias else None, rows, width))
    return found


def choose_layers(checkpoint: Checkpoint, patterns: Sequence[str] = ()) -> list[Layer]:
    """The layers of these names, keys (`fc.weight`) or patterns (`layer4.*`), in the file's order.

    A pattern means the 1×1 convolutions only where no other layer matches it; by name they can always be had. Without
    patterns: the only linear layer. Raises CallError: none or several without a pattern, a name that is not there,
    a tensor that is no linear layer or a quantised one.
    """
    if not patterns:
        layers = linear_layers(checkpoint)
        if len(layers) != 1:
            names = [layer.name for layer in layers]
            there = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
            several = f"{len(layers)} linear layers; say which with --layer: {there}"
            raise CallError(f"{checkpoint.path} has {several if layers else 'no linear layer'}")
        return layers
    keys = {layer.weight for pattern in patterns for layer in _matching(checkpoint, pattern)}
    every = {layer.weight: layer for layer in (*_layers(checkpoint, 2), *_layers(checkpoint, 4))}
    return [every[key] for key in checkpoint.tensors if key in keys]


def _matching(checkpoint: Checkpoint, pattern: str) -> list[Layer]:
    plain, convolutions = _layers(checkpoint, 2), _layers(checkpoint, 4)
    for layer in (*plain, *convolutions):
        if pattern in (layer.name, layer.weight):
            return [layer]
    for key in (pattern, f"{pattern}.weight"):
        if about := checkpoint.tensors.get(key):
            what = f"{key!r} of {checkpoint.path} is {about.dtype} {list(about.shape)}, no linear layer"
            if len(about.shape) in (2, 4) and about.dtype not in DTYPES:
                what += "; take the model as it was before it was quantised"
            raise CallError(what)
    for layers in (plain, convolutions):
        if found := [layer for layer in layers if fnmatchcase(layer.name, pattern)]:
            return found
    names = [layer.name for layer in (*plain, *convolutions)]
    raise CallError(f"{checkpoint.path} has no linear layer {pattern!r}; {nearest(pattern, names)}")


@dataclass(frozen=True)
class Outputs:
    """What the R rows of a layer are called, and the training samples behind each, NaN where nobody knows.

    Raises ValueError for numbers of names and counts that differ, and for names that repeat.
    """

    names: tuple[str, ...]
    counts: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.counts) or len(set(self.names)) < len(self.names):
            raise ValueError(f"{len(self.names)} names and {len(self.counts)} counts, or a name that repeats")

    @classmethod
    def load(cls, path: str | Path, rows: int) -> Outputs:
        """Read a text file of `rows` lines `NAME` or `NAME<TAB>COUNT`; raises CallError as OutputsFile does.

        >>> path = getfixture("tmp_path") / "names.txt"
        >>> _ = path.write_text("cat\\t12\\ndog\\n")
        >>> Outputs.load(path, 2)
        Outputs(names=('cat', 'dog'), counts=(12.0, nan))
        """
        file = OutputsFile.load(path)
        if len(file.names) != rows:
            raise CallError(f"{path} has {len(file.names)} lines; there are {rows} rows, and each needs its name")
        return file.part(0, rows)

    @property
    def text(self) -> str:
        """The lines that `load` reads; raises CallError for a name that would not come back.

        >>> Outputs(("cat", "dog"), (12.0, math.nan)).text
        'cat\\t12\\ndog\\n'
        """
        for name in self.names:
            if not name or name != name.strip() or {"\n", "\r", "\t"} & set(name):
                raise CallError(f"row name {name!r} cannot stand in a line of text; merge .safetensors files instead")
        lines = (
            name if math.isnan(count) else f"{name}\t{_number(count)}"
            for name, count in zip(self.names, self.counts, strict=True)
        )
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class OutputsFile:
    """The lines of a text file `NAME` or `NAME<TAB>COUNT`, for one layer or for several in a row.

    `load` raises CallError for a file that cannot be read, a blank line or a count that is none.
    """

    path: Path
    names: tuple[str, ...]
    counts: tuple[float, ...]

    @classmethod
    def load(cls, path: str | Path) -> OutputsFile:
        """Read it."""
        path = Path(path)
        try:
            lines = path.read_text(encoding="utf-8-sig").split("\n")
        except OSError as error:
            raise CallError(f"--outputs {path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise CallError(f"--outputs {path} is no UTF-8 text") from None
        if lines[-1] == "":
            lines.pop()
        parts = [cls._line(path, number, line) for number, line in enumerate(lines, 1)]
        return cls(path, tuple(name for name, _ in parts), tuple(count for _, count in parts))

    @staticmethod
    def _line(path: Path, number: int, line: str) -> tuple[str, float]:
        name, _, text = (part.strip() for part in line.partition("\t"))
        if not name:
            raise CallError(f"line {number} of {path} has no name")
        if "\t" not in line:
            return name, math.nan
        try:
            count = float(text)
        except ValueError:
            count = math.nan
        if not 0 <= count < math.inf:
            raise CallError(f"line {number} of {path}: {text!r} is no number of samples; write NAME or NAME<TAB>COUNT")
        return name, count

    def part(self, start: int, rows: int) -> Outputs:
        """`rows` lines from line `start` (0: the first); raises CallError for a name that stands twice in them."""
        names = self.names[start : start + rows]
        seen: dict[str, int] = {}
        for number, name in enumerate(names, start + 1):
            if (first := seen.setdefault(name, number)) != number:
                raise CallError(f"line {number} of {self.path}: {name!r} stands in line {first} already")
        return Outputs(names, self.counts[start : start + rows])


def outputs_in(checkpoint: Checkpoint, layer: Layer) -> Outputs | None:
    """What a checkpoint itself says of a layer's rows: as a head of ours, or as a merge wrote it; None: nothing.

    Raises CallError for metadata that do not fit the layer.
    """
    about = _about(checkpoint)
    if is_head(checkpoint, layer):
        names, counts = about["names"], None
        if "counts" in checkpoint.tensors:
            counts = checkpoint.read("counts").tolist()
    else:
        entry = about.get("outputs", {})
        entry = entry.get(layer.name) if isinstance(entry, dict) else None
        if entry is None:
            return None
        names, counts = (entry.get("names"), entry.get("counts")) if isinstance(entry, dict) else (None, None)
    try:
        if len(names) != layer.rows or not all(isinstance(name, str) for name in names):
            raise ValueError(f"they name {len(names)} of {layer.rows} rows")
        known = counts or [None] * layer.rows
        return Outputs(tuple(names), tuple(math.nan if count is None else float(count) for count in known))
    except (TypeError, ValueError) as error:
        what = f"the metadata of {checkpoint.path} do not fit layer {layer.name}"
        raise CallError(f"{what}: {error}") from None


def is_head(checkpoint: Checkpoint, layer: Layer) -> bool:
    """Whether the layer is a whole head that `Head.save` wrote, with names, counts and space."""
    return layer.weight == "weight" and {"names", "space"} <= set(_about(checkpoint))


def facts_with(checkpoint: Checkpoint, layer: Layer, outputs: Outputs) -> dict[str, str]:
    """The checkpoint's metadata with other names and counts of a layer; all else in them is kept."""
    about = _about(checkpoint)
    if is_head(checkpoint, layer):
        about = {**about, "names": outputs.names}
    else:
        counts = [None if math.isnan(count) else _number(count) for count in outputs.counts]
        unknown = all(count is None for count in counts)
        entry = {"names": outputs.names, "counts": None if unknown else counts}
        others = about.get("outputs")
        about = {"schema": 1, **about, "outputs": {**(others if isinstance(others, dict) else {}), layer.name: entry}}
    return {**checkpoint.facts, KEY: json.dumps(about, ensure_ascii=False, sort_keys=True)}


def space_of(checkpoint: Checkpoint, layer: Layer) -> str:
    """The feature space of a layer: our heads' own fingerprint, one word for all others."""
    return str(_about(checkpoint)["space"]) if is_head(checkpoint, layer) else SPACE


def head_of(checkpoint: Checkpoint, layer: Layer, outputs: Outputs | None = None) -> Head:
    """A layer as a head: weights in float32, or in float64 where the file has these; no bias: zeros.

    `outputs`: what the rows are called; without, what the file says, else placeholders, which are for no one's eyes.
    """
    outputs = outputs or outputs_in(checkpoint, layer)
    weight = checkpoint.read(layer.weight).reshape(layer.rows, layer.width)
    bias = torch.zeros(layer.rows) if layer.bias is None else checkpoint.read(layer.bias)
    dtype = torch.promote_types(torch.promote_types(weight.dtype, bias.dtype), torch.float32)
    names = outputs.names if outputs else tuple(f"row {i}" for i in range(layer.rows))
    counts = torch.tensor(outputs.counts if outputs else [math.nan] * layer.rows, dtype=torch.float64)
    return Head(names, weight.to(dtype), bias.to(dtype), counts, space_of(checkpoint, layer))


def tensors_of(head: Head, layer: Layer, checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The tensors that put `head` into a layer's place, in the file's dtypes and shape; a head of ours: counts too.

    Raises CallError for numbers that the file's dtype cannot hold, and for a bias where the layer has no place for it.
    """
    sides = checkpoint.tensors[layer.weight].shape[2:]
    found = {layer.weight: head.weight.reshape(*head.weight.shape, *sides)}
    if layer.bias is not None:
        found[layer.bias] = head.bias
    elif head.bias.any():
        raise CallError(f"layer {layer.name} of {checkpoint.path} has no bias, so none can be written")
    fitted = {key: _as_in(checkpoint, key, tensor) for key, tensor in found.items()}
    for key, tensor in fitted.items():
        if not torch.isfinite(tensor).all():
            raise CallError(f"{key!r} has numbers too large for {checkpoint.tensors[key].dtype}, its type in the file")
    if is_head(checkpoint, layer) and "counts" in checkpoint.tensors:
        fitted["counts"] = _as_in(checkpoint, "counts", head.counts)
    return fitted


def _as_in(checkpoint: Checkpoint, key: str, tensor: Tensor) -> Tensor:
    return tensor.to(getattr(torch, checkpoint.tensors[key].dtype))


def _about(checkpoint: Checkpoint) -> Mapping[str, Any]:
    """What stands under our key of the metadata, {} if it is not there."""
    try:
        about = json.loads(checkpoint.facts.get(KEY, "{}"))
    except ValueError:
        about = None
    if not isinstance(about, dict):
        raise CallError(f"{checkpoint.path}: its metadata hold under {KEY!r} what cltool has not written")
    return about


def _number(count: float) -> int | float:
    """A count as one writes it: 12, not 12.0."""
    return int(count) if count.is_integer() else count
