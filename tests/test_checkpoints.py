"""Checkpoints: whatever is not replaced stays as it was, to the byte, in either format and without the memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torchvision.models import resnet18

from cltool import checkpoints
from cltool.checkpoints import Checkpoint, differing, open_checkpoint


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return resnet18(num_classes=20)


@pytest.fixture(params=["safetensors", "pt"])
def resnet(request: pytest.FixtureRequest, network: nn.Module, tmp_path: Path) -> Checkpoint:
    """The same network in each format."""
    path = tmp_path / f"resnet.{request.param}"
    if request.param == "pt":
        torch.save(network.state_dict(), path)
    else:
        save_file(network.state_dict(), path, {"format": "pt", "author": "Ärger"})
    return open_checkpoint(path)


def loaded(path: Path) -> dict[str, Tensor]:
    """The tensors as the format's own library reads them."""
    return load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)


def raw(path: Path, header: dict[str, object], data: bytes) -> Path:
    """A .safetensors file written by hand."""
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def test_what_is_read_is_the_model(resnet: Checkpoint, network: nn.Module) -> None:
    state = network.state_dict()
    assert set(resnet.tensors) == set(state)
    for name, tensor in state.items():
        about = resnet.tensors[name]
        assert (about.shape, f"torch.{about.dtype}") == (tuple(tensor.shape), str(tensor.dtype))
        assert about.nbytes == len(b"".join(resnet.chunks(name))) == tensor.numel() * tensor.element_size()
        assert torch.equal(resnet.read(name), tensor)
    network.load_state_dict({name: resnet.read(name) for name in resnet.tensors}, strict=True)


def test_only_what_is_replaced_changes(resnet: Checkpoint, tmp_path: Path) -> None:
    weight, bias = torch.randn(23, 512, dtype=torch.float64), torch.randn(23).half()
    path = tmp_path / f"new{resnet.path.suffix}"
    resnet.write(path, {"fc.weight": weight, "fc.bias": bias})
    new = open_checkpoint(path)
    assert list(new.tensors) == list(resnet.tensors)
    assert new.facts == resnet.facts
    assert differing(resnet, new) == [name for name in resnet.tensors if name in ("fc.weight", "fc.bias")]
    assert differing(resnet, new, but=("fc.weight", "fc.bias")) == []
    theirs = loaded(path)
    assert torch.equal(theirs["fc.weight"], weight)
    assert torch.equal(theirs["fc.bias"], bias)
    resnet18(num_classes=23).load_state_dict(theirs, strict=True)


@pytest.mark.slow
def test_nothing_replaced_gives_the_same_file(resnet: Checkpoint, tmp_path: Path) -> None:
    first, second = (tmp_path / f"{name}{resnet.path.suffix}" for name in ("first", "second"))
    resnet.write(first, {})
    resnet.write(second, {})
    assert differing(resnet, open_checkpoint(first)) == []
    assert first.read_bytes() == second.read_bytes()  # no scratch name, no order that changes from call to call
    if resnet.path.suffix == ".safetensors":
        assert first.read_bytes() == resnet.path.read_bytes()


def test_the_real_network_comes_out_as_the_library_wrote_it(squeezenet: Path, tmp_path: Path) -> None:
    open_checkpoint(squeezenet).write(tmp_path / "copy", {})
    assert (tmp_path / "copy").read_bytes() == squeezenet.read_bytes()


def test_written_in_place(resnet: Checkpoint, network: nn.Module) -> None:
    resnet.write(resnet.path, {"fc.weight": torch.zeros(20, 512)})
    assert not loaded(resnet.path)["fc.weight"].any()
    old = network.state_dict()["fc.weight"]
    assert torch.equal(resnet.read("fc.weight"), old)  # a checkpoint stays what was opened
    resnet.write(resnet.path, {})
    assert torch.equal(loaded(resnet.path)["fc.weight"], old)


def test_interrupted_writing_leaves_the_old_file(resnet: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    before = resnet.path.read_bytes()

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", broken)
    monkeypatch.setattr(checkpoints, "_pieces", broken)
    with pytest.raises(KeyboardInterrupt):
        resnet.write(resnet.path, {"fc.weight": torch.zeros(1)})
    assert resnet.path.read_bytes() == before
    assert [path.name for path in resnet.path.parent.iterdir() if path.is_file()] == [resnet.path.name]


def test_what_was_read_is_the_callers_own(resnet: Checkpoint, network: nn.Module) -> None:
    resnet.read("fc.weight").zero_()
    before = network.state_dict()["fc.weight"]
    assert torch.equal(resnet.read("fc.weight"), before)
    assert b"".join(resnet.chunks("fc.weight")) == before.numpy().tobytes()
    assert torch.equal(loaded(resnet.path)["fc.weight"], before)


def test_a_view_brings_only_its_own_values(resnet: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "new"
    resnet.write(path, {"fc.weight": torch.randn(100_000, 20).T[:, :512], "fc.bias": torch.randn(1_000_000)[:20]})
    assert path.stat().st_size < resnet.path.stat().st_size + 100_000


def test_two_formats_can_be_compared(network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "CHUNK", 1000)
    state = dict(network.state_dict())
    save_file(state, tmp_path / "a")
    state["layer1.0.conv1.weight"] = state["layer1.0.conv1.weight"].to(memory_format=torch.channels_last)
    state["bn1.bias"] = -state["bn1.bias"]  # zeros: the same numbers in other bytes
    state["more"] = state.pop("bn1.weight")
    torch.save(state, tmp_path / "b")
    a, b = open_checkpoint(tmp_path / "a"), open_checkpoint(tmp_path / "b")
    assert differing(a, b) == ["bn1.bias", "bn1.weight", "more"]
    assert max(map(len, b.chunks("layer1.0.conv1.weight"))) == 1000


def test_facts_are_kept_or_replaced(tmp_path: Path) -> None:
    path = tmp_path / "model"
    save_file({"a": torch.ones(1)}, path, {"author": "Ärger", "format": "pt"})
    for facts, expected in [
        (None, {"author": "Ärger", "format": "pt"}),
        ({"b": "2", "a": "1"}, {"a": "1", "b": "2"}),
        ({}, {}),
    ]:
        open_checkpoint(path).write(tmp_path / "new", {}, facts)
        assert open_checkpoint(tmp_path / "new").facts == expected
    with pytest.raises(TypeError, match="texts"):
        open_checkpoint(path).write(path, {}, {"epoch": 3})  # type: ignore[dict-item]  # the library would refuse it


def test_formats_say_whether_they_keep_facts(resnet: Checkpoint, tmp_path: Path) -> None:
    resnet.write(tmp_path / "new", {}, {"made": "by hand"})
    assert (open_checkpoint(tmp_path / "new").facts == {"made": "by hand"}) == resnet.keeps_facts


def test_the_order_is_that_of_the_data(tmp_path: Path) -> None:
    header = {
        "z": {"dtype": "F32", "shape": [1], "data_offsets": [3, 7]},
        "empty": {"dtype": "I64", "shape": [0, 2], "data_offsets": [3, 3]},
        "a": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]},  # the library knows it, torch does not
    }
    old = open_checkpoint(raw(tmp_path / "old", header, b"abcdefg"))
    assert list(old.tensors) == ["a", "empty", "z"]
    assert old.tensors["a"].dtype == "F6_E2M3"
    assert old.read("empty").shape == (0, 2)
    old.write(tmp_path / "new", {"z": torch.tensor(2.0)})
    new = open_checkpoint(tmp_path / "new")
    assert list(new.tensors) == ["a", "empty", "z"]
    assert b"".join(new.chunks("a")) == b"abc"
    assert new.read("z") == 2
    assert differing(old, new) == ["z"]


DTYPES = [torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.complex64, torch.float8_e4m3fn, torch.uint16]
TENSORS = st.builds(
    lambda dtype, shape, seed: torch.randint(0, 2, shape, generator=torch.Generator().manual_seed(seed)).to(dtype),
    st.sampled_from(DTYPES),
    st.lists(st.integers(0, 3), max_size=3),
    st.integers(0, 9),
)


@pytest.mark.slow
@given(st.dictionaries(st.text('aä.0 "\n', min_size=1, max_size=3), TENSORS, min_size=1, max_size=5), st.booleans())
def test_any_tensors_survive(
    tmp_path_factory: pytest.TempPathFactory, tensors: dict[str, Tensor], zipped: bool
) -> None:
    folder = tmp_path_factory.mktemp("any")
    if zipped:
        torch.save(tensors, folder / "old")
    else:
        save_file(tensors, folder / "old")
    old = open_checkpoint(folder / "old")
    name = min(tensors)
    old.write(folder / "same", {})
    old.write(folder / "new", {name: torch.tensor([7.5])})
    assert differing(old, open_checkpoint(folder / "same")) == []
    assert differing(old, open_checkpoint(folder / "new"), but={name}) == []
    theirs = torch.load(folder / "new", weights_only=True) if zipped else load_file(folder / "new")
    assert theirs.pop(name) == 7.5
    for other, tensor in theirs.items():
        assert tensor.dtype == tensors[other].dtype
        assert tensor.tolist() == tensors[other].tolist() == old.read(other).tolist()


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
@pytest.mark.parametrize("place", [None, "state_dict", "model_state_dict", "model"])
def test_everything_around_the_tensors_is_kept(place: str | None, network: nn.Module, tmp_path: Path) -> None:
    state = network.state_dict()
    state["layer4._extra_state"] = {"step": 3, "scale": torch.ones(2)}
    state["version"] = 7
    state["mask"] = torch.eye(2).to_sparse()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    optimizer.state[network.fc.weight]["momentum_buffer"] = torch.full((20, 512), 0.5)
    around = {"epoch": 12, "best": torch.tensor(0.75), "optimizer": optimizer.state_dict()}
    path = tmp_path / "last.ckpt"
    torch.save({**around, place: state} if place else state, path)

    old = open_checkpoint(path)
    assert set(old.tensors) == set(network.state_dict())
    old.write(path, {"fc.weight": torch.zeros(20, 512)})
    content = torch.load(path, weights_only=True)
    new = content.pop(place) if place else content
    if place:
        assert torch.equal(content["optimizer"]["state"][60]["momentum_buffer"], torch.full((20, 512), 0.5))
        assert {**content, "optimizer": None} == {**around, "optimizer": None}
        assert content["optimizer"]["param_groups"] == around["optimizer"]["param_groups"]
    assert type(new) is OrderedDict
    assert new._metadata == state._metadata
    assert list(new) == list(state)
    assert (new["version"], new["layer4._extra_state"]["step"], new["mask"].layout) == (7, 3, torch.sparse_coo)
    assert not new["fc.weight"].any()


def test_parameters_stay_parameters(tmp_path: Path) -> None:
    torch.save(dict(nn.Linear(2, 3).named_parameters()), tmp_path / "p.pth")
    open_checkpoint(tmp_path / "p.pth").write(tmp_path / "p.pth", {"weight": torch.zeros(3, 2)})
    new = torch.load(tmp_path / "p.pth", weights_only=True)
    assert all(isinstance(tensor, nn.Parameter) and tensor.requires_grad for tensor in new.values())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["legacy", "compressed"])
def test_files_that_cannot_be_mapped(kind: str, network: nn.Module, tmp_path: Path) -> None:
    state, path = network.state_dict(), tmp_path / "old.bin"
    torch.save(state, path, _use_new_zipfile_serialization=kind != "legacy")
    if kind == "compressed":
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "c", "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
        (tmp_path / "c").rename(path)
    opened = open_checkpoint(path)
    opened.write(path, {"fc.bias": torch.ones(20)})
    assert differing(opened, open_checkpoint(path)) == ["fc.bias"]
    assert torch.equal(torch.load(path, weights_only=True)["conv1.weight"], state["conv1.weight"])


def test_neighbours_in_one_storage_are_not_tied(tmp_path: Path) -> None:
    """cuDNN keeps all weights of an LSTM in one piece of memory."""
    flat = torch.arange(6.0)
    torch.save({"a": flat[:2], "b": flat[2:]}, tmp_path / "lstm.pt")
    open_checkpoint(tmp_path / "lstm.pt").write(tmp_path / "lstm.pt", {"a": torch.zeros(2)})
    assert torch.load(tmp_path / "lstm.pt")["b"].tolist() == [2, 3, 4, 5]


def test_tied_weights_stay_tied(tmp_path: Path) -> None:
    weight = torch.randn(4, 2)
    torch.save({"embed": weight, "head": weight, "bias": torch.zeros(4)}, tmp_path / "tied.pt")
    open_checkpoint(tmp_path / "tied.pt").write(tmp_path / "new.pt", {"bias": torch.ones(4)})
    new = torch.load(tmp_path / "new.pt", weights_only=True)
    assert new["embed"].data_ptr() == new["head"].data_ptr()


def test_inspecting_safetensors_takes_no_torch(squeezenet: Path) -> None:
    code = (
        "import sys; from cltool.checkpoints import open_checkpoint\n"
        "open_checkpoint(sys.argv[1]); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, squeezenet], check=True)


REPLACE = """
import sys, torch
from cltool.checkpoints import differing, open_checkpoint
open_checkpoint(sys.argv[1]).tensors  # whatever has to be imported, is
print("ready", flush=True), sys.stdin.readline()
old = open_checkpoint(sys.argv[1])
old.write(sys.argv[2], {"bias": torch.ones(20)})
new = open_checkpoint(sys.argv[2])
assert differing(old, new) == ["bias"] and new.read("bias").sum() == 20
"""


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_a_large_file_takes_no_memory(suffix: str, tmp_path: Path) -> None:
    """Half a GB in one tensor. What is mapped is the kernel's to drop; what counts is anonymous memory."""
    old, new = tmp_path / f"old.{suffix}", tmp_path / f"new.{suffix}"
    if suffix == "pt":
        code = "import sys, torch; torch.save({'big': torch.zeros(1 << 27), 'bias': torch.zeros(20)}, sys.argv[1])"
        subprocess.run([sys.executable, "-c", code, old], check=True)
    else:
        big = {"dtype": "F32", "shape": [1 << 27], "data_offsets": [0, 1 << 29]}
        bias = {"dtype": "F32", "shape": [20], "data_offsets": [1 << 29, (1 << 29) + 80]}
        raw(old, {"big": big, "bias": bias}, b"")
        with old.open("r+b") as file:
            file.truncate(old.stat().st_size + (1 << 29) + 80)

    child = subprocess.Popen([sys.executable, "-c", REPLACE, old, new], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdout.readline()
    start = peak = anonymous_memory(child.pid)
    child.stdin.close()
    while child.poll() is None:
        peak = max(peak, anonymous_memory(child.pid))
        time.sleep(0.002)
    child.stdout.close()
    assert child.returncode == 0
    assert new.stat().st_size > 1 << 29
    print(f"{suffix}: {start >> 20} MB before, at most {(peak - start) >> 20} MB more")
    assert peak - start < 150 << 20
    new.unlink()
    old.unlink()


def anonymous_memory(process: int) -> int:
    """Bytes of a process that are backed by no file; 0 once it has ended."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) << 10
    return 0
