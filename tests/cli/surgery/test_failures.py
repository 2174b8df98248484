"""Wrong calls of `cltool surgery`: one line, exit code 2, nothing written and no file touched."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cltool import Head


def layer(rows: int, width: int = 4, bias: bool = True) -> dict[str, torch.Tensor]:
    torch.manual_seed(rows)
    found = {"body.weight": torch.ones(3), "fc.weight": torch.randn(rows, width)}
    return {**found, "fc.bias": torch.randn(rows)} if bias else found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models and texts, in which the calls are made."""
    monkeypatch.chdir(tmp_path)
    models = {
        "a": layer(3),
        "b": layer(2),
        "two": {**layer(3), "aux.weight": torch.ones(2, 4)},
        "wide": layer(2, 5),
        "bare": layer(2, bias=False),
        "other": {**layer(2), "body.weight": torch.zeros(3), "extra": torch.zeros(1)},
        "nan": {**layer(3), "fc.weight": torch.tensor([[0.0], [torch.nan], [1.0]])},
        "ints": {"fc.weight": torch.ones(3, 4, dtype=torch.int8)},
        "fd": {"fd.weight": torch.ones(3, 4)},
        "half": {"fc.weight": torch.ones(2, 2).half()},
    }
    for name, tensors in models.items():
        save_file(tensors, f"{name}.safetensors")
    stale = {"cltool": json.dumps({"outputs": {"fc": {"names": ["x"]}}})}
    save_file(layer(3), "stale.safetensors", stale)
    torch.save(layer(3), "a.pth")
    torch.save(layer(3, bias=False), "there.pth")
    for name in ("s", "t"):
        Head(("x",), torch.ones(1, 4), torch.ones(1), torch.ones(1), name * 9).save(f"head_{name}.safetensors")
    Path("damaged.safetensors").write_bytes(Path("a.safetensors").read_bytes()[:-9])
    Path("text.safetensors").write_text("no tensors at all")
    texts = {
        "abcde": "abcde",
        "abc": "abc",
        "xy": "xy",
        "abx": ["a", "b", "x", "a", "y"],
        "four": "abcd",
        "aa": "abcxx",
    }
    for name, names in texts.items():
        Path(f"{name}.txt").write_text("".join(f"{line}\n" for line in names))
    Path("blank.txt").write_text("a\n\nb\nx\ny\n")
    Path("count.txt").write_text("a\t1\nb\tten\nc\nx\ny\n")
    Path("mine.py").write_text(
        "from cltool import CallError, Head, Statistics, merge\n\n\n"
        '@merge\ndef moments(old_statistics: Statistics, new_statistics: Statistics) -> Head:\n    """Sums."""\n'
    )
    return tmp_path


def contents(folder: Path) -> dict[str, bytes | None]:
    found = (path for path in folder.rglob("*") if "__pycache__" not in path.parts)  # importing a plugin may leave it
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in found}


INSPECT = ("surgery", "inspect")
APPLY = ("surgery", "apply")
PRUNE = (*APPLY, "prune")
MERGE = ("surgery", "merge", "alpha")
A, B = "a.safetensors", "b.safetensors"
AB = (*MERGE, A, B, "--layer", "fc")
OUT = ("-o", "out.safetensors")
NAMED = ("--outputs", "abcde.txt")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*INSPECT, "nowhere.pth"), "nowhere.pth cannot be read: No such file"),
        ((*INSPECT, "damaged.safetensors"), "damaged.safetensors is a damaged .safetensors file"),
        ((*INSPECT, "text.safetensors"), "neither a .safetensors file nor a PyTorch state dict"),
        ((*INSPECT, A, "--layer", "fd"), "no linear layer 'fd'; there are: fc"),
        ((*INSPECT, "ints.safetensors"), "ints.safetensors has no linear layer"),
        ((*INSPECT, "ints.safetensors", "--layer", "fc"), "is int8 [3, 4], no linear layer; take the model as it was"),
        ((*INSPECT, "stale.safetensors"), "do not fit layer fc: they name 1 of 3 rows"),
        ((*INSPECT, A, "--picture", "b.safetensors"), "a picture must end in .png"),
        ((*INSPECT, A, "--picture", "a.pth/p.png"), "no folder one can write to"),
        ((*INSPECT, A, "--picture"), "'--picture'"),
        ((*INSPECT,), "'FILE'"),
        ((*APPLY, "prun", A, *OUT), "did you mean 'prune'"),
        ((*APPLY, "prune:margin=-1", A, *OUT), "margin=-1"),
        ((*APPLY, "prune:relative=.1,quantile=.1", A, *OUT), "give one of relative, quantile"),
        ((*APPLY, "prune:margin=.1@task", A, *OUT), "a surgery has no place; write prune:margin=.1"),
        ((*APPLY, "prune@merged", A, *OUT), "a surgery has no place; write prune"),
        ((*APPLY, A, *OUT), "SURGERY"),
        ((*PRUNE, A), "'--out'"),
        ((*PRUNE, "two.safetensors", *OUT), "has 2 linear layers; say which with --layer: "),
        ((*PRUNE, A, "--layer", "body", *OUT), "'body.weight' of a.safetensors is float32 [3], no linear layer"),
        (
            (*PRUNE, "nan.safetensors", *OUT),
            "fc of nan.safetensors has 1 number(s) that are not finite, the first in row 1",
        ),
        ((*PRUNE, A, "-o", "out.pt"), "out.pt must end in .safetensors, the format of a.safetensors"),
        ((*PRUNE, "a.pth", *OUT), "must end in .pt or .pth or .bin or .ckpt, the format of a.pth"),
        ((*PRUNE, A, "-o", "out"), "out must end in .safetensors"),
        ((*PRUNE, A, "-o", A), "a.safetensors is there already; give --force"),
        ((*PRUNE, A, "-o", "folder.safetensors"), "folder.safetensors is a folder"),
        ((*PRUNE, A, "-o", "a.pth/out.safetensors"), "no folder one can write to"),
        ((*PRUNE, A, *OUT, "--picture", "there.png"), "there.png is there already; give --force"),
        ((*PRUNE, A, "-o", "drawn.safetensors"), "drawn.safetensors.png is there already; give --force"),
        ((*PRUNE, A, *OUT, "--picture", "p.txt"), "a picture must end in .png"),
        ((*PRUNE, A, *OUT, "--picture", "p.png", "--no-picture"), "give one of the two"),
        ((*PRUNE, A, *OUT, "--seed", "x"), "'--seed'"),
        ((*PRUNE, A, *OUT, "--plugin", "nowhere.py"), "no such Python file"),
        ((*APPLY, "equalize:bias=true", "bare.safetensors", *OUT), "fc of bare.safetensors has no bias"),
        (("surgery", "merge", "alpah", A, B, *OUT), "did you mean 'alpha'"),
        (
            ("surgery", "merge", "moments", A, B, *OUT, *NAMED, "--plugin", "mine.py"),
            "needs old_statistics and new_stat",
        ),
        (("surgery", "merge", "moments", A, B, *OUT, "--plugin", "mine.py"), "cltool run --merge moments"),
        ((*MERGE, A, *OUT), "a merge needs two files or more"),
        (
            (*AB, *OUT),
            "what the 3 rows of fc in a.safetensors are called; give --outputs FILE, a line per row: NAME or",
        ),
        ((*AB, *OUT, "--outputs", "abc.txt"), "abc.txt has 3 lines, the files have 3 + 2 rows"),
        ((*AB, *OUT, "--outputs", "four.txt", "--outputs", "xy.txt"), "four.txt has 4 lines; there are 3 rows"),
        ((*AB, *OUT, *NAMED, *NAMED, *NAMED), "--outputs is given 3 times for 2 files"),
        ((*AB, *OUT, "--outputs", "blank.txt"), "line 2 of blank.txt has no name"),
        ((*AB, *OUT, "--outputs", "count.txt"), "line 2 of count.txt: 'ten' is no number of samples"),
        ((*AB, *OUT, "--outputs", "aa.txt"), "line 5 of aa.txt: 'x' stands in line 4 already"),
        ((*AB, *OUT, "--outputs", "nowhere.txt"), "--outputs nowhere.txt cannot be read"),
        ((*AB, *OUT, "--outputs", "abx.txt"), "needs the samples behind each row, for 'a' at least; add them"),
        (
            (*MERGE, "fd.safetensors", B, "--layer", "fd", *OUT, *NAMED),
            "b.safetensors has no linear layer 'fd'; there are: fc",
        ),
        ((*MERGE, "two.safetensors", B, "--layer", "*", *OUT), "means 2 layers of two.safetensors"),
        ((*MERGE, A, "wide.safetensors", *OUT, *NAMED), "takes 4 features in a.safetensors but 5 in wide.safetensors"),
        ((*MERGE, "wide.safetensors", A, *OUT, "--different-backbones"), "takes 5 features in wide.safetensors but 4"),
        ((*MERGE, A, "bare.safetensors", *OUT, *NAMED), "has a bias in a.safetensors but none in bare.safetensors"),
        (
            (*MERGE, A, "other.safetensors", *OUT, *NAMED),
            "differ in 2 tensors outside fc, first in 'body.weight'; give",
        ),
        (
            (*MERGE, "nan.safetensors", "nan.safetensors", *OUT, "--outputs", "abc.txt"),
            "not finite, the first in row 1",
        ),
        ((*MERGE, "head_s.safetensors", "head_t.safetensors", *OUT), "two feature spaces (ssssssss…, tttttttt…)"),
        ((*AB, *NAMED, "-o", "out.pth"), "out.pth must end in .safetensors, the format of a.safetensors"),
        ((*AB, *NAMED, "-o", B), "b.safetensors is there already"),
        (
            (*MERGE, "a.pth", "a.pth", "--outputs", "abc.txt", "-o", "named.pth"),
            "named.pth.outputs.txt is there already",
        ),
        ((*AB, *NAMED, *OUT, "--picture", "there.png"), "there.png is there already"),
    ],
)
def test_wrong_calls(cltool: Callable, folder: Path, arguments: tuple[str, ...], told: str) -> None:
    (folder / "folder.safetensors").mkdir()
    for name in ("there.png", "drawn.safetensors.png", "named.pth.outputs.txt"):
        (folder / name).write_text("mine")
    before = contents(folder)
    for flag in ((), ("--json",)):
        found = cltool(*arguments, *flag) if arguments[-1] != "--picture" else cltool(*arguments)
        assert found.code == 2, found.err
        assert told in found.err
        assert len(found.err.splitlines()) == 1, found.err
        assert found.out == ""
        assert contents(folder) == before


def test_force_never_takes_an_input_for_a_picture_or_a_text(cltool: Callable, folder: Path) -> None:
    Path("m.png").write_bytes(Path("a.safetensors").read_bytes())  # files are known by their content
    before = contents(folder)
    for call in (
        (*PRUNE, "m.png", *OUT, "--picture", "m.png", "--force"),
        (*MERGE, B, "m.png", *NAMED, *OUT, "--picture", "m.png", "--force"),
    ):
        found = cltool(*call)
        assert (found.code, contents(folder)) == (2, before)
        assert "m.png cannot be two things at once" in found.err


def test_tensors_that_are_tied_are_left_tied(cltool: Callable, folder: Path) -> None:
    weight = torch.nn.Parameter(torch.randn(3, 4))
    torch.save({"embed.weight": weight, "fc.weight": weight}, "tied.pt")
    before = contents(folder)
    for call in (
        (*PRUNE, "tied.pt", "--layer", "fc", "-o", "out.pt"),
        (
            *MERGE,
            "tied.pt",
            "tied.pt",
            "--layer",
            "fc",
            "-o",
            "out.pt",
            "--outputs",
            "abc.txt",
            "--different-backbones",
        ),
    ):
        found = cltool(*call) if call[1] == "apply" else cltool(*call[:2], "concat", *call[3:])
        assert found.code == 2
        assert "are tied" in found.err
        assert contents(folder) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_locked_folder_cannot_be_written(cltool: Callable, folder: Path) -> None:
    Path("locked").mkdir(mode=0o500)
    found = cltool(*PRUNE, A, "-o", "locked/out.safetensors")
    assert found.code == 2
    assert "no folder one can write to" in found.err


def test_no_files_code_is_run(cltool: Callable, folder: Path) -> None:
    class Bad:
        def __reduce__(self) -> tuple:
            return subprocess.run, (["touch", "ran"],)

    torch.save({"fc.weight": torch.ones(2, 2), "x": Bad()}, "bad.pt")
    found = cltool(*PRUNE, "bad.pt", "-o", "out.pt")
    assert found.code == 2
    assert "bad.pt is refused" in found.err
    assert not Path("ran").exists()


def test_numbers_too_large_for_the_files_type_are_refused(cltool: Callable, folder: Path) -> None:
    Path("big.py").write_text(
        "from dataclasses import replace\nfrom cltool import Head, surgery\n\n\n"
        '@surgery\ndef big(head: Head) -> Head:\n    """A million times."""\n'
        "    return replace(head, weight=head.weight * 1e6)\n"
    )
    found = cltool(*APPLY, "big", "half.safetensors", *OUT, "--plugin", "big.py")
    assert found.code == 2
    assert "'fc.weight' has numbers too large for float16" in found.err
    assert not Path("out.safetensors").exists()
