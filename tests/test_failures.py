"""Wrong files and wrong calls below the command line: one line that says what is wrong, and nothing half done."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from cltool.checkpoints import open_checkpoint
from cltool.comparison.recipes import ComparisonRecipe
from cltool.comparison.setups import prepare_comparison
from cltool.errors import CallError
from cltool.files import replacing, save_text
from cltool.recipe import Recipe
from cltool.setups import prepare

STATE = {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}


class Hostile:
    """Whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


def refusal(path: Path) -> str:
    """What is told of a file that cannot be opened: one line that names it."""
    with pytest.raises(CallError) as caught:
        open_checkpoint(path)
    told = str(caught.value)
    assert str(path) in told
    assert "\n" not in told
    return told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "neither"),
        (b"\x80", "damaged or no PyTorch state dict"),
        (b"\x80\x04K\x07.", "damaged or no PyTorch state dict"),  # the pickled number 7
        (b"PK\x03\x04 and so on", "damaged or no PyTorch state dict"),
        (b'{"weight_map": {"fc.weight": "model-00001-of-00002.safetensors"}}', "neither"),
        ((1 << 40).to_bytes(8, "little") + b"{}", "damaged .safetensors"),
        ((2).to_bytes(8, "little") + b"{]", "damaged .safetensors"),
    ],
)
def test_files_of_another_kind(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    assert told in refusal(tmp_path / "model.safetensors")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "nowhere.pt")
    assert "directory" in refusal(tmp_path)


@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
def test_half_a_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "half"
    if kind == "safetensors":
        save_file(STATE, path)
    else:
        torch.save(STATE, path, _use_new_zipfile_serialization=kind == "zip")
    whole = path.read_bytes()
    for size in (*range(0, len(whole), 97), len(whole) - 1):
        path.write_bytes(whole[:size])
        assert refusal(path)


@pytest.mark.parametrize(
    "entries",
    [
        '"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}',  # bytes left over
        '"a": {"dtype": "U8", "shape": [12], "data_offsets": [0, 12]}',  # not all there
        '"a": {"dtype": "U8", "shape": [6], "data_offsets": [0, 6]}, '
        '"b": {"dtype": "U8", "shape": [6], "data_offsets": [2, 8]}',  # overlap
        '"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}, '
        '"b": {"dtype": "U8", "shape": [4], "data_offsets": [4, 8]}',  # a gap
        '"a": {"dtype": "U8", "shape": [9], "data_offsets": [0, 8]}',  # a shape that does not fit
        '"a": {"dtype": "U8", "shape": [-8], "data_offsets": [0, 8]}',
        '"a": {"dtype": "U9", "shape": [8], "data_offsets": [0, 8]}',  # no such type
        '"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}, '
        '"a": {"dtype": "U8", "shape": [4], "data_offsets": [4, 8]}',  # a name twice
        '"__metadata__": {"epoch": 3}, "a": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}',
    ],
)
def test_headers_that_do_not_fit_the_data(entries: str, tmp_path: Path) -> None:
    header = f"{{{entries}}}".encode()
    (tmp_path / "m").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    assert "damaged .safetensors" in refusal(tmp_path / "m")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("place", ["state_dict", "optimizer"])
def test_a_pickle_with_code_is_refused(zipped: bool, place: str, tmp_path: Path) -> None:
    path, trace = tmp_path / "hostile.pt", tmp_path / "trace"
    torch.save({"weight": torch.ones(1), place: Hostile(trace)}, path, _use_new_zipfile_serialization=zipped)
    assert "could run code" in refusal(path)
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists()  # the file would have done it


def test_a_model_instead_of_its_state_dict_is_refused(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")
    assert "torch.nn.modules.linear.Linear" in refusal(tmp_path / "model.pt")
    torch.save({"state_dict": STATE, "best": np.float64(0.9)}, tmp_path / "model.pt")
    assert "numpy" in refusal(tmp_path / "model.pt")


@pytest.mark.parametrize("content", [[torch.ones(1)], {"epoch": 3}, {"net": STATE}, {0: torch.ones(1)}, torch.ones(2)])
def test_tensors_without_names_are_no_state_dict(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "m.pt")
    assert "holds no state dict" in refusal(tmp_path / "m.pt")


def test_another_zip_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as archive:
        archive.writestr("data.txt", json.dumps({}))
    assert "no PyTorch state dict" in refusal(tmp_path / "m.pt")


@pytest.mark.parametrize("zipped", [True, False])
def test_names_that_a_checkpoint_lacks(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "m"
    if zipped:
        torch.save(STATE, path)
    else:
        save_file(STATE, path)
    before, opened = path.read_bytes(), open_checkpoint(path)
    calls: list[Callable[[], object]] = [
        lambda: opened.read("weigth"),
        lambda: opened.chunks("weigth"),
        lambda: opened.write(path, {"bias": torch.ones(3), "weigth": torch.ones(1)}),
    ]
    for call in calls:
        with pytest.raises(CallError, match="has no tensor 'weigth'; did you mean 'weight'"):
            call()
    assert path.read_bytes() == before


def test_one_of_two_tied_tensors_is_not_replaced(tmp_path: Path) -> None:
    path, weight = tmp_path / "tied.pt", torch.randn(4, 2)
    torch.save({"embed": weight, "head": weight[1:], "bias": torch.zeros(4)}, path)
    before = path.read_bytes()
    for name in ("embed", "head"):
        with pytest.raises(CallError, match=f"'{name}' and .* are tied"):
            open_checkpoint(path).write(path, {"bias": torch.ones(4), name: torch.zeros(4, 2)})
    assert path.read_bytes() == before


def test_types_that_a_format_or_torch_lacks(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    header = json.dumps({"a": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"abc")
    before = path.read_bytes()
    with pytest.raises(CallError, match="F6_E2M3, which torch has no type for"):
        open_checkpoint(path).read("a")
    with pytest.raises(CallError, match=r"cannot be written as complex128: \.safetensors has no such type"):
        open_checkpoint(path).write(path, {"a": torch.ones(1, dtype=torch.complex128)})
    assert path.read_bytes() == before


@pytest.mark.parametrize("place", ["file/text.txt", "file/folder/text.txt", "x" * 300])
def test_a_place_that_cannot_be_written_to(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CallError) as caught:
        save_text(tmp_path / place, "text")
    told, _, reason = str(caught.value).partition(f"cannot write {tmp_path / place}: ")
    assert told == ""
    assert reason in ("File exists", "Not a directory", "File name too long")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_errors_of_whoever_writes_stay_theirs(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"), replacing(tmp_path / "text.txt"):
        raise OSError(28, "No space left on device")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        *(
            (
                {"merge": name},
                f"--merge {name} is for classes, and stream 'va-puppet' has values; take alpha, concat, gram",
            )
            for name in ("align", "calibrate", "cwr", "lda", "margin", "ncm", "resample")
        ),
        ({"head": "softmax"}, "--head softmax fits classes"),
        ({"unknown": "noise"}, "--unknown noise: stream 'va-puppet' has values"),
        ({"strategy": "qda"}, "--strategy qda learns classes"),
        ({"backbone": "random"}, "--backbone random reads pictures"),
        ({"stream": "digits", "backbone": "frames"}, "--backbone frames reads features of films"),
    ],
)
def test_what_is_made_for_classes_is_refused_for_values_before_films_are_made(
    keys: dict[str, str], told: str, cache: Path
) -> None:
    with pytest.raises(CallError) as caught:
        prepare(Recipe.of({"stream": "va-puppet", **keys}))
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)
    assert not (cache / "stores").exists()


def test_what_cannot_be_cut_into_tasks_is_called_groups_where_there_are_values(puppet_store: Path) -> None:
    asked = {"stream": "va-puppet:groups=3", "data_root": str(puppet_store)}
    for keys, told in (({"tasks": 2}, "3 groups cannot be cut"), ({"classes_per_task": [2, 2]}, "4 groups asked for")):
        with pytest.raises(CallError, match=told):
            prepare(Recipe.of({**asked, **keys}))


def test_classes_and_values_are_not_compared(cache: Path) -> None:
    asked = ComparisonRecipe.spelled(["va-puppet:films=4,seconds=1.0,groups=2", "digits"], ["ridge"], seeds=[0])
    with pytest.raises(CallError, match="no score in common"):
        prepare_comparison(asked)
    assert not (cache / "stores").exists()  # before films are made


def test_a_network_is_not_trained_on_films_as_on_classes() -> None:
    from cltool.universal.recipes import TrainingRecipe
    from cltool.universal.setups import prepare as prepare_training

    with pytest.raises(CallError, match="take cltool video train"):
        prepare_training(TrainingRecipe(stream="va-puppet", backbone="random"))
