"""Checkpoints: files of named tensors from anybody's model, read one tensor at a time and written anew.

Two formats: .safetensors and PyTorch state dicts (.pt, .pth, .bin, .ckpt), known by their content. A file is mapped
into memory and copied in pieces, so that 10 GB of weights need no 10 GB of memory. No file's code is ever run.
"""

from __future__ import annotations

import copy
import json
import mmap
import re
import warnings
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from cltool.errors import CallError, nearest
from cltool.files import replacing

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 8 << 20  # bytes that are in memory at a time while a tensor is copied or compared

_NAMES = {  # safetensors' name of a dtype → torch's
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32", "I32": "int32",
    "U64": "uint64", "I64": "int64", "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
    "C64": "complex64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz", "F8_E8M0": "float8_e8m0fnu",
}  # fmt: skip
_CODES = {name: code for code, name in _NAMES.items()}

_PLACES = ("state_dict", "model_state_dict", "model")  # where training checkpoints keep the state dict


@dataclass(frozen=True)
class TensorFacts:
    """What a checkpoint says of a tensor; `dtype` is torch's name, or the file's own where torch has none."""

    shape: tuple[int, ...]
    dtype: str
    nbytes: int


class Checkpoint(ABC):
    """A file of named tensors as it was when it was opened, even if another has taken its place since.

    `tensors`: what there is, in the file's order. `facts`: the texts that the file keeps about itself; only a format
    with `keeps_facts` has room for them, for others they are {} and not written.
    """

    path: Path
    tensors: Mapping[str, TensorFacts]
    facts: Mapping[str, str]
    keeps_facts: bool

    @abstractmethod
    def read(self, name: str) -> Tensor:
        """One tensor, a copy that is the caller's own; raises CallError if there is none of that name."""

    @abstractmethod
    def chunks(self, name: str) -> Iterator[bytes]:
        """A tensor's bytes in row-major order, `CHUNK` at a time; raises CallError if there is none of that name."""

    @abstractmethod
    def _write(self, file: BinaryIO, replaced: Mapping[str, Tensor], facts: Mapping[str, str] | None) -> None: ...

    def write(self, path: str | Path, replaced: Mapping[str, Tensor], facts: Mapping[str, str] | None = None) -> None:
        """Write all tensors in the same order, those in `replaced` with new values, of any shape and dtype.

        `facts`, if given, take the place of the file's own, where the format keeps any. `path` may be the file itself;
        it is whole or as before. Same content, same bytes. Raises CallError for names that are not there, for dtypes
        that the format lacks, and for one of two tensors that share their memory.
        """
        self._require(replaced)
        with replacing(path) as scratch, scratch.open("wb") as file:
            self._write(file, replaced, facts)

    def _require(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.tensors:
                raise CallError(f"{self.path} has no tensor {name!r}; {nearest(name, self.tensors)}")


class SafetensorsCheckpoint(Checkpoint):
    """A .safetensors file: the length of a JSON header, the header, and all tensors' bytes without a gap."""

    keeps_facts = True

    def __init__(self, path: Path) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(path), framework="np"):
                pass  # holds the header against the file: every tensor's bytes are there, none twice, none left over
        except (SafetensorError, OSError) as error:
            raise CallError(f"{path} is a damaged .safetensors file: {_line(error)}") from None
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._data = 8 + int.from_bytes(self._bytes[:8], "little")
        header = json.loads(self._bytes[8 : self._data])
        self.path = path
        self.facts = header.pop("__metadata__", None) or {}
        self._entries = dict(sorted(header.items(), key=lambda item: item[1]["data_offsets"]))
        self.tensors = {
            name: TensorFacts(tuple(entry["shape"]), _NAMES.get(entry["dtype"], entry["dtype"]), stop - start)
            for name, entry in self._entries.items()
            for start, stop in [entry["data_offsets"]]
        }

    def read(self, name: str) -> Tensor:
        import torch

        start, stop = self._span(name)
        about = self.tensors[name]
        dtype = getattr(torch, about.dtype, None)
        if dtype is None:
            raise CallError(f"tensor {name!r} of {self.path} is {about.dtype}, which torch has no type for")
        if start == stop:
            return torch.empty(about.shape, dtype=dtype)
        raw = bytearray(memoryview(self._bytes)[start:stop])
        return torch.frombuffer(raw, dtype=torch.uint8).view(dtype).reshape(about.shape)

    def chunks(self, name: str) -> Iterator[bytes]:
        start, stop = self._span(name)
        return (self._bytes[at : min(at + CHUNK, stop)] for at in range(start, stop, CHUNK))

    def _span(self, name: str) -> tuple[int, int]:
        self._require([name])
        start, stop = self._entries[name]["data_offsets"]
        return self._data + start, self._data + stop

    def _write(self, file: BinaryIO, replaced: Mapping[str, Tensor], facts: Mapping[str, str] | None) -> None:
        facts = self.facts if facts is None else dict(sorted(facts.items()))
        if not all(isinstance(text, str) for text in facts.values()):
            raise TypeError(f".safetensors keeps facts that are texts, not {facts}")
        header: dict[str, Any] = {"__metadata__": dict(facts)} if facts else {}
        end = 0
        for name, entry in self._entries.items():
            about = facts_of(replaced[name]) if name in replaced else self.tensors[name]
            code = _CODES.get(about.dtype) if name in replaced else entry["dtype"]
            if code is None:
                raise CallError(f"{name!r} cannot be written as {about.dtype}: .safetensors has no such type")
            start, end = end, end + about.nbytes
            header[name] = {"dtype": code, "shape": about.shape, "data_offsets": (start, end)}
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        file.write(len(text).to_bytes(8, "little") + text)
        for name in self._entries:
            file.writelines(_pieces(replaced[name]) if name in replaced else self.chunks(name))


class TorchCheckpoint(Checkpoint):
    """A file of torch.save: a state dict, or a training checkpoint that holds one among other things.

    What lies around the tensors, within the state dict too, is kept. Files older than PyTorch 1.6, or compressed
    ones, cannot be mapped: they are read into memory whole, and written as torch.save writes today.
    """

    keeps_facts = False

    def __init__(self, path: Path) -> None:
        self.path, self.facts = path, {}
        self._content = _unpickled(path)
        around = self._content if isinstance(self._content, dict) else {}
        self._key = next((key for key in _PLACES if _named_tensors(around.get(key))), None)
        self._state = self._content if self._key is None else self._content[self._key]
        self._tensors = _named_tensors(self._state)
        if not self._tensors:
            raise CallError(f"{path} holds no state dict: no named tensors at its top or under {', '.join(_PLACES)}")
        self.tensors = {name: facts_of(tensor) for name, tensor in self._tensors.items()}

    def read(self, name: str) -> Tensor:
        self._require([name])
        return self._tensors[name].detach().clone()

    def chunks(self, name: str) -> Iterator[bytes]:
        self._require([name])
        return _pieces(self._tensors[name])

    def _write(self, file: BinaryIO, replaced: Mapping[str, Tensor], facts: Mapping[str, str] | None) -> None:
        import torch

        state = copy.copy(self._state)  # its type and attributes, such as _metadata, included
        for name, tensor in replaced.items():
            self._refuse_tied(name)
            # cloned, as a view would bring its whole base along
            new = tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
            if isinstance(old := state[name], torch.nn.Parameter):
                new = torch.nn.Parameter(new, old.requires_grad)
            state[name] = new
        content = state if self._key is None else copy.copy(self._content)
        if self._key is not None:
            content[self._key] = state
        torch.save(content, file)  # given a path, it would write the scratch file's name into every record

    def _refuse_tied(self, name: str) -> None:
        start, stop = _memory(self._tensors[name])
        for other, tensor in self._tensors.items():
            begin, end = _memory(tensor)
            if other != name and max(start, begin) < min(stop, end):
                raise CallError(f"{name!r} and {other!r} of {self.path} are tied; replacing one would untie them")


def open_checkpoint(path: str | Path) -> Checkpoint:
    """Open a file of tensors, whatever its suffix.

    Raises CallError for files that are not there, damaged, of another kind, or that would run code.

    >>> import torch
    >>> from safetensors.torch import save_file
    >>> path = getfixture("tmp_path") / "head.safetensors"
    >>> save_file({"weight": torch.eye(2)}, path)
    >>> open_checkpoint(path).tensors
    {'weight': TensorFacts(shape=(2, 2), dtype='float32', nbytes=16)}
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise CallError(f"{path} cannot be read: {error.strerror}") from None
    if start[8:] == b"{":
        return SafetensorsCheckpoint(path)
    if start.startswith((b"PK\x03\x04", b"\x80")):
        return TorchCheckpoint(path)
    raise CallError(f"{path} is neither a .safetensors file nor a PyTorch state dict")


def differing(a: Checkpoint, b: Checkpoint, but: Collection[str] = ()) -> list[str]:
    """Names, except those in `but`, of tensors that one of two lacks or whose shape, dtype or bytes differ."""

    def differs(name: str) -> bool:
        if a.tensors.get(name) != b.tensors.get(name):
            return True
        return any(x != y for x, y in zip(a.chunks(name), b.chunks(name), strict=True))

    outside = set(but)
    return [name for name in dict.fromkeys((*a.tensors, *b.tensors)) if name not in outside and differs(name)]


def facts_of(tensor: Tensor) -> TensorFacts:
    """What a checkpoint would say of a tensor.

    >>> import torch
    >>> facts_of(torch.zeros(2, 3, dtype=torch.bfloat16))
    TensorFacts(shape=(2, 3), dtype='bfloat16', nbytes=12)
    """
    nbytes = tensor.numel() * tensor.element_size()
    return TensorFacts(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), nbytes)


def _pieces(tensor: Tensor) -> Iterator[bytes]:
    """A tensor's bytes in row-major order, `CHUNK` at a time; only one that is not contiguous is copied whole."""
    import torch

    plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    flat = plain.reshape(-1).view(torch.uint8)
    return (flat[at : at + CHUNK].numpy().tobytes() for at in range(0, len(flat), CHUNK))


def _memory(tensor: Tensor) -> tuple[int, int]:
    """Where a tensor's elements lie: the address of the first, and the one after the last."""
    if tensor.numel() == 0:
        return 0, 0
    last = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor.data_ptr(), tensor.data_ptr() + (last + 1) * tensor.element_size()


def _named_tensors(state: object) -> dict[str, Tensor]:
    """Entries of a state dict that are dense tensors; sparse, quantised and meta ones have no bytes to hand out."""
    import torch

    return {
        name: value
        for name, value in (state.items() if isinstance(state, dict) else ())
        if isinstance(name, str) and isinstance(value, torch.Tensor) and value.layout == torch.strided
        if value.device.type == "cpu" and not value.is_quantized
    }


def _unpickled(path: Path) -> Any:
    """What torch.save wrote, its tensors mapped where the file allows it; nothing but data is ever made of it."""
    import torch

    try:
        mapped = False
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:  # torch.save never compresses; mapped, compressed bytes are noise
                mapped = all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
        with warnings.catch_warnings(action="ignore"):  # of what the lines below say better
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # a damaged pickle can raise any
        asked = re.search(r"GLOBAL (\S+)", str(error))
        if asked:
            raise CallError(
                f"{path} is refused: it asks for {asked[1]}, and loading that could run code; "
                "save the model's state_dict() alone and take that file"
            ) from None
        raise CallError(f"{path} is damaged or no PyTorch state dict: {_line(error)}") from None


def _line(error: Exception) -> str:
    """An error's first sentence, in one line."""
    return " ".join(re.split(r"\.\s", str(error) or type(error).__name__)[0].split())
