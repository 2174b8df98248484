"""Surgery on anybody's checkpoint: operate on its linear layers, merge those of several files.

>>> from safetensors.torch import load_file, save_file
>>> from cltool.catalogue import discover
>>> from cltool.plugin import Spec
>>> folder = getfixture("tmp_path")
>>> save_file({"fc.weight": torch.tensor([[-1.0, -0.2], [0.1, 1.0]])}, folder / "model.safetensors")
>>> prune = discover().configure("surgery", Spec.parse("prune:margin=0.3"))
>>> ((name, (effect,)),) = apply(folder / "model.safetensors", [prune], ["fc"], folder / "pruned.safetensors")
>>> name, effect.surgery, effect.sparsity
('fc', 'prune', 0.5)
>>> load_file(folder / "pruned.safetensors")["fc.weight"]
tensor([[-1.,  0.],
        [ 0.,  1.]])
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cltool.catalogue import Catalogue
from cltool.checkpoints import Checkpoint, differing, open_checkpoint
from cltool.errors import CallError, PluginFailed
from cltool.files import check_free_file, save_text
from cltool.heads import Head
from cltool.layers import (
    Layer,
    Outputs,
    OutputsFile,
    choose_layers,
    facts_with,
    head_of,
    is_head,
    outputs_in,
    space_of,
    tensors_of,
)
from cltool.plugin import Configured, Spec
from cltool.progress import Progress, Silent
from cltool.report.figures import check_picture
from cltool.seeding import generator
from cltool.surgeries import Effect, Operation, operate

SUFFIXES = {True: (".safetensors",), False: (".pt", ".pth", ".bin", ".ckpt")}  # by whether the format keeps facts
MOST_DRAWN = 3  # layers or merged files that fit into one picture


def configure_surgeries(texts: Sequence[str], catalogue: Catalogue) -> list[Configured]:
    """Surgeries as a person spells them; raises CallError for a place (`@task`), which only a run has."""
    for text in texts:
        if "@" in text:
            name = text.partition("@")[0]
            raise CallError(f"{text}: a file has no tasks, so a surgery has no place; write {name}")
    return [catalogue.configure("surgery", Spec.parse(text)) for text in texts]


def apply(
    path: str | Path,
    surgeries: Sequence[Configured],
    layers: Sequence[str],
    out: str | Path,
    *,
    seed: int = 0,
    force: bool = False,
    picture: str | Path | None = None,
    progress: Progress | None = None,
) -> list[tuple[str, list[Effect]]]:
    """Write `path` to `out` with `surgeries`, in their order, done to each chosen layer; all else byte for byte.

    `layers`: as `choose_layers` takes them. `picture`: where to draw the weights before and after. Of each layer its
    name and what each surgery did. The operated layers are in memory together, the rest of the file is not. Raises
    CallError, before anything is written, where a file, a layer or a surgery does not allow it.
    """
    progress = progress or Silent()
    checkpoint = open_checkpoint(path)
    chosen = choose_layers(checkpoint, layers)
    if not surgeries:
        raise CallError("give at least one surgery")
    _check_free([checkpoint], Path(out), picture, [], force)
    operations = [Operation.of(surgery) for surgery in surgeries]
    replaced: dict[str, Tensor] = {}
    stages: list[tuple[str, Tensor]] = []
    done = []
    with progress.track("layers", len(chosen)) as advance:
        for layer in chosen:
            before = _finite(head_of(checkpoint, layer), layer, checkpoint.path)
            tried = [operate(guess, operations, generator(seed, layer.name)) for (guess,) in _guesses([before])]
            (after, effects), (other, _) = tried[0], tried[-1]
            if not (torch.equal(after.weight, other.weight) and torch.equal(after.bias, other.bias)):
                raise CallError(f"these surgeries need the samples behind each row of {layer.name}, which nobody says")
            # operations say where in a run they act; a file has no such places
            effects = [replace(effect, surgery=str(s)) for effect, s in zip(effects, surgeries, strict=True)]
            replaced.update(tensors_of(after, layer, checkpoint))
            done.append((layer.name, effects))
            if picture and len(done) <= MOST_DRAWN:
                did = " + ".join(labelled(effect) for effect in effects)
                stages += [(layer.name, before.weight), (did, after.weight)]
            advance(1)
    _write(checkpoint, Path(out), replaced, None, progress)
    if picture:
        _draw(stages, picture, f"{Path(path).name}: {_first(len(done), 'layers')}before and after")
    return done


def labelled(effect: Effect) -> str:
    """A surgery as it is shown: one that changed nothing says so."""
    return f"{effect.surgery} (no-op)" if effect.no_op else effect.surgery


@dataclass(frozen=True)
class Merged:
    """What a merge made: the layer, the row names of each file and of the result, and a file of them, if one had to be.

    `outputs_file`: where names and counts stand, for formats that have no place for them themselves.
    """

    layer: str
    inputs: tuple[tuple[str, ...], ...]
    outputs: Outputs
    outputs_file: Path | None


def merge(
    paths: Sequence[str | Path],
    by: Configured,
    layer: str | None,
    out: str | Path,
    *,
    outputs: Sequence[str | Path] = (),
    allow_different_backbones: bool = False,
    seed: int = 0,
    force: bool = False,
    picture: str | Path | None = None,
    progress: Progress | None = None,
) -> Merged:
    """Merge one layer of two or more files, from left to right; all else is the first file's, byte for byte.

    `layer`: its name in all files, None for the only one. `outputs`: text files with the rows' names, see
    `OutputsFile`: one for each file, one for each file that does not say itself, or one for all. Names and counts of
    the result stand in its metadata; heads of ours become a head of ours. Raises CallError, before anything is
    written, where the files do not fit each other, or their names or counts are not known and needed.
    """
    progress = progress or Silent()
    out = Path(out)
    if len(paths) < 2:
        raise CallError("a merge needs two files or more")
    _refuse_statistics(by)
    files = [open_checkpoint(path) for path in paths]
    layers = [_only(file, layer) for file in files]
    _check_fit(files, layers)
    rows = _outputs_of(files, layers, outputs)
    beside = [] if files[0].keeps_facts else [out.with_name(f"{out.name}.outputs.txt")]
    _check_free(files, out, picture, beside, force)
    heads = [
        _finite(head_of(file, place, names), place, file.path)
        for file, place, names in zip(files, layers, rows, strict=True)
    ]
    if not allow_different_backbones:
        _check_bodies(files, layers[0], progress)
    merged = _fold(by, heads, seed)
    names = Outputs(merged.names, tuple(merged.counts.tolist()))
    replaced = tensors_of(merged, layers[0], files[0])
    text = names.text if beside else ""  # before anything is written, as a name may be refused
    _write(files[0], out, replaced, facts_with(files[0], layers[0], names), progress)
    for path in beside:
        save_text(path, text)
    if picture:
        stages = [(file.path.name, head.weight) for file, head in zip(files, heads, strict=True)][:MOST_DRAWN]
        heading = f"{layers[0].name}: {_first(len(files), 'files')}merged by {by}"
        _draw([*stages, (f"merged: {out.name}", merged.weight)], picture, heading)
    return Merged(layers[0].name, tuple(head.names for head in heads), names, beside[0] if beside else None)


def _refuse_statistics(by: Configured) -> None:
    needs = [name for name in by.plugin.inputs if name.endswith("statistics")]
    if needs:
        raise CallError(
            f"merge {by.plugin.name!r} needs {' and '.join(needs)}, which files of weights do not hold; "
            f"a run has them: cltool run --merge {by.plugin.name}"
        )


def _only(checkpoint: Checkpoint, name: str | None) -> Layer:
    found = choose_layers(checkpoint, [name] if name else [])
    if len(found) > 1:
        raise CallError(f"--layer {name} means {len(found)} layers of {checkpoint.path}; one can be merged at a time")
    return found[0]


def _check_fit(files: Sequence[Checkpoint], layers: Sequence[Layer]) -> None:
    """Raise CallError for layers of different widths, biases or feature spaces."""
    first, a = files[0], layers[0]
    for file, b in zip(files[1:], layers[1:], strict=True):
        if a.name != b.name:
            raise CallError(f"the layer is {a.name} in {first.path} but {b.name} in {file.path}; name it by --layer")
        if a.width != b.width:
            raise CallError(f"{a.name} takes {a.width} features in {first.path} but {b.width} in {file.path}")
        if (a.bias is None) != (b.bias is None):
            has, lacks = (first, file) if a.bias else (file, first)
            raise CallError(f"{a.name} has a bias in {has.path} but none in {lacks.path}")
        if space_of(first, a) != space_of(file, b):
            spaces = f"{space_of(first, a)[:8]}…, {space_of(file, b)[:8]}…"
            raise CallError(
                f"{first.path} and {file.path} are of two feature spaces ({spaces}) and cannot be merged; "
                "fit both on the same backbone"
            )


def _outputs_of(files: Sequence[Checkpoint], layers: Sequence[Layer], texts: Sequence[str | Path]) -> list[Outputs]:
    """What each file's rows are called: as the text files say, else as the file does itself."""
    own = [outputs_in(file, layer) for file, layer in zip(files, layers, strict=True)]
    given = _given([layer.rows for layer in layers], [names is not None for names in own], texts)
    found = []
    for file, layer, told, known in zip(files, layers, given, own, strict=True):
        names = told or known
        if names is None:
            beside = file.path.with_name(f"{file.path.name}.outputs.txt")
            hint = f"; give --outputs {beside}" if beside.is_file() else "; give --outputs FILE, a line per row: "
            raise CallError(
                f"nobody says what the {layer.rows} rows of {layer.name} in {file.path} are called{hint}"
                + ("" if beside.is_file() else "NAME or NAME<TAB>COUNT")
            )
        if told and known and np.isnan(told.counts).all():
            names = Outputs(told.names, known.counts)  # rows were given other names; what is behind them stays
        found.append(names)
    return found


def _given(rows: Sequence[int], named: Sequence[bool], texts: Sequence[str | Path]) -> list[Outputs | None]:
    """What text files say of each file; None where they say nothing of it."""
    if not texts:
        return [None] * len(rows)
    wanting = [i for i, has in enumerate(named) if not has] or list(range(len(rows)))
    if len(texts) == 1:
        return _spread(OutputsFile.load(texts[0]), rows, wanting)
    if len(texts) not in (len(rows), len(wanting)):
        raise CallError(f"--outputs is given {len(texts)} times for {len(rows)} files; give it once for each, or once")
    files = range(len(rows)) if len(texts) == len(rows) else wanting
    told = {i: Outputs.load(text, rows[i]) for i, text in zip(files, texts, strict=True)}
    return [told.get(i) for i in range(len(rows))]


def _spread(text: OutputsFile, rows: Sequence[int], wanting: Sequence[int]) -> list[Outputs | None]:
    """One text file for several: file after file if it names all their rows, else the same names for each."""
    lines = len(text.names)
    told: list[Outputs | None] = [None] * len(rows)
    if all(rows[i] == lines for i in wanting):
        for i in wanting:
            told[i] = text.part(0, lines)
        return told
    for files in (range(len(rows)), wanting):
        if sum(rows[i] for i in files) == lines:
            start = 0
            for i in files:
                told[i] = text.part(start, rows[i])
                start += rows[i]
            return told
    each = " + ".join(map(str, rows))
    raise CallError(f"{text.path} has {lines} lines, the files have {each} rows; name them all, or those of each alike")


def _check_bodies(files: Sequence[Checkpoint], layer: Layer, progress: Progress) -> None:
    """Raise CallError if anything outside the layer differs."""
    first = files[0]
    but = (*layer.keys, "counts") if is_head(first, layer) else layer.keys
    with progress.track("comparing backbones", len(files) - 1) as advance:
        for file in files[1:]:
            if names := differing(first, file, but):
                tensors = "one tensor" if len(names) == 1 else f"{len(names)} tensors"
                raise CallError(
                    f"{first.path} and {file.path} differ in {tensors} outside {layer.name}, first in {names[0]!r}; "
                    f"give --different-backbones to merge anyway: all else is then taken from {first.path}"
                )
            advance(1)


def _fold(by: Configured, heads: Sequence[Head], seed: int) -> Head:
    """All heads merged from left to right, in the widest of their dtypes.

    Where counts are unknown the merge must not ask for them: it is tried on two opposite guesses. Raises CallError
    where these give different rows.
    """
    dtype = heads[0].weight.dtype
    for head in heads[1:]:
        dtype = torch.promote_types(dtype, head.weight.dtype)
    alike = [replace(head, weight=head.weight.to(dtype), bias=head.bias.to(dtype)) for head in heads]
    tried = [_folded(by, guess, seed) for guess in _guesses(alike)]
    low, high = tried[0], tried[-1]
    if not (torch.equal(low.weight, high.weight) and torch.equal(low.bias, high.bias)):
        different = (low.weight != high.weight).any(1) | (low.bias != high.bias)
        row = low.names[int(different.nonzero()[0])]
        raise CallError(
            f"merge {by} needs the samples behind each row, for {row!r} at least; "
            "add them to the --outputs file as NAME<TAB>COUNT"
        )
    return replace(low, counts=torch.where(low.counts == high.counts, low.counts, math.nan))


def _guesses(heads: Sequence[Head]) -> Iterator[list[Head]]:
    """The heads with numbers in place of unknown counts, growing from head to head and row to row; then falling.

    Whoever compares or weighs by them gets two answers. Where all counts are known, the heads alone, once.
    """
    if not any(torch.isnan(head.counts).any() for head in heads):
        yield list(heads)
        return
    for growing in (True, False):
        guessed = []
        for place, head in enumerate(heads):
            share = torch.arange(len(head.names)) / len(head.names)
            guess = 4.0**place * (1 + share) if growing else 4.0 ** (2 * len(heads) - place) * (2 - share)
            counts = torch.where(torch.isnan(head.counts), guess.to(head.counts), head.counts)
            guessed.append(replace(head, counts=counts))
        yield guessed


def _folded(by: Configured, heads: Sequence[Head], seed: int) -> Head:
    merged, *others = heads
    for number, new in enumerate(others, 1):
        old, merged = merged, by(old=merged, new=new, rng=generator(seed, number, "merge"))
        if not isinstance(merged, Head) or merged.weight.shape[1] != old.weight.shape[1]:
            raise PluginFailed(f"merge {by} gave back no head of the same width")
        finite = torch.isfinite(merged.weight).all(1) & torch.isfinite(merged.bias)
        if not finite.all():
            row = merged.names[int((~finite).nonzero()[0])]
            raise PluginFailed(f"merge {by} left row {row!r} with numbers that are not finite")
    return merged


def _finite(head: Head, layer: Layer, path: Path) -> Head:
    broken = (~torch.isfinite(head.weight)).sum(1) + ~torch.isfinite(head.bias)
    if broken.any():
        row = int(broken.nonzero()[0])
        count = int(broken.sum())
        raise CallError(f"{layer.name} of {path} has {count} number(s) that are not finite, the first in row {row}")
    return head


def _check_free(
    files: Sequence[Checkpoint], out: Path, picture: str | Path | None, beside: Sequence[Path], force: bool
) -> None:
    """Raise CallError unless `out`, its picture and what else goes beside it can be written."""
    suffixes = SUFFIXES[files[0].keeps_facts]
    if out.suffix not in suffixes:
        raise CallError(f"{out} must end in {' or '.join(suffixes)}, the format of {files[0].path}")
    drawn = [Path(picture)] if picture else []
    for path in drawn:
        check_picture(path, force)
    for path in (out, *drawn, *beside):
        check_free_file(path, force)
        if path != out and any(path.resolve() == other.resolve() for other in (out, *(file.path for file in files))):
            raise CallError(f"{path} cannot be two things at once")


def _write(
    checkpoint: Checkpoint, out: Path, replaced: dict[str, Tensor], facts: dict[str, str] | None, progress: Progress
) -> None:
    with progress.track(f"writing {out.name}", 1) as advance:
        checkpoint.write(out, replaced, facts)
        advance(1)


def _first(total: int, what: str) -> str:
    return f"the first {MOST_DRAWN} of {total} {what} " if total > MOST_DRAWN else ""


def _draw(stages: Sequence[tuple[str, Tensor]], path: str | Path, heading: str) -> None:
    from cltool.report.surgery import draw_surgery

    draw_surgery(stages, [Path(path)], heading)
