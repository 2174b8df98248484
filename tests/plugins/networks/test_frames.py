"""Moments of valid frames: of one process, and of two that have to give what one gives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cltool_plugins.networks.frames import FrameNorm
from cltool_plugins.networks.recurrent import Recurrent

# Valid frames of three sequences; the first process has two of them, the second the last one.
MASKS = {
    "all valid": [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]],
    "some masked": [[1, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0]],
    "the second process has none": [[1, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]],
    "the first process has none": [[0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 0, 1]],
    "one in each": [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]],
    "one in all": [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]],
    "none in all": [[0, 0, 0, 0]] * 3,
}
PROGRAM = """
import importlib.util, sys
import torch
rank, folder, file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
spec = importlib.util.spec_from_file_location("frames_in_two_processes", file)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
torch.set_num_threads(1)
torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
part = slice(0, 2) if rank == 0 else slice(2, 3)
torch.save({case: module.one_step(case, part) for case in module.MASKS}, f"{folder}/{rank}.pt")
torch.distributed.destroy_process_group()
"""


def one_step(case: str, part: slice) -> dict[str, Tensor]:
    """Outputs, gradients and running statistics of one step on some of the sequences, in float64."""
    rng = torch.Generator().manual_seed(3)
    torch.manual_seed(0)
    network = Recurrent({"mel": 5, "body": 3}, [(("mel",), 6), (("body",), 4)], 4, dropout=0.0).double()
    features = {name: torch.rand(3, 4, w, generator=rng, dtype=torch.float64) for name, w in (("mel", 5), ("body", 3))}
    mask = torch.tensor(MASKS[case], dtype=torch.bool)[part]
    features = {name: rows[part].requires_grad_() for name, rows in features.items()}
    out = network(features, mask)
    torch.where(mask[..., None], out, 0).square().sum().backward()
    found = {"outputs": out.detach(), **dict(network.named_buffers())}
    found |= {f"gradient of {name}": p.grad for name, p in network.named_parameters() if p.grad is not None}
    return found | {f"gradient at {name}": rows.grad for name, rows in features.items() if rows.grad is not None}


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[dict[str, Tensor]]]:
    """What each of two processes found of a case; a process that hangs is ended."""
    folder = tmp_path_factory.mktemp("processes")
    call = [sys.executable, "-c", PROGRAM]
    started = [
        subprocess.Popen([*call, str(rank), str(folder), __file__], stderr=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    try:
        ends = [process.communicate(timeout=120)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    assert all((Path(folder) / f"{rank}.pt").is_file() for rank in range(2)), ends
    found = [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]
    return lambda case: [one[case] for one in found]


@pytest.mark.slow
@pytest.mark.parametrize("case", MASKS)
def test_two_processes_give_what_one_gives(case: str, two_processes: Callable) -> None:
    whole, parts = one_step(case, slice(None)), two_processes(case)
    assert whole.keys() == parts[0].keys() == parts[1].keys()
    for name, wanted in whole.items():
        first, second = (part[name] for part in parts)
        if name == "outputs" or name.startswith("gradient at"):
            got = torch.cat([first, second])
        elif name.startswith("gradient of"):  # of a sum over frames, which the processes share
            got = first + second
        else:
            got = first
            assert torch.equal(first, second), name
        assert torch.allclose(got, wanted, rtol=1e-6, atol=1e-9), name


def test_without_other_processes_it_is_batchnorm() -> None:
    frames = torch.rand(9, 3, generator=torch.Generator().manual_seed(0)) * 4
    ours, theirs = FrameNorm(3), nn.BatchNorm1d(3)
    for _ in range(3):
        assert torch.equal(ours(frames), theirs(frames))
    for mine, other in zip(ours.buffers(), theirs.buffers(), strict=True):
        assert torch.equal(mine, other)
    assert torch.equal(ours.eval()(frames[:1]), theirs.eval()(frames[:1]))


@pytest.mark.parametrize("valid", [0, 1])
def test_frames_without_a_variance_are_normalised_by_what_was_seen_before(valid: int) -> None:
    norm = FrameNorm(2)
    norm(torch.tensor([[0.0, 2.0], [4.0, 2.0]]))
    before = [kept.clone() for kept in norm.buffers()]
    frames = torch.full((valid, 2), 1.0)
    assert torch.equal(norm(frames), norm.eval()(frames))
    assert all(torch.equal(a, b) for a, b in zip(before, norm.buffers(), strict=True))
