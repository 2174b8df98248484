"""Streams of values: rows valence and arousal, scored by CCC, merged exactly, without old films."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cltool.features import FeatureBank
from cltool.heads import Head
from cltool.joint import JointReference, kin_folds
from cltool.metrics import forgetting_chaudhry
from cltool.recipe import Recipe
from cltool.ridge import ridge_regression
from cltool.run import prepare, run
from cltool.rundir import Metrics, RunDirectory
from cltool.setups import Setup
from cltool.standardization import Standardization
from cltool.statistics import Statistics

RIDGE = 100.0


def setup_of(store: Path, **keys: object) -> Setup:
    asked = {"stream": "va-puppet:groups=3", "data_root": str(store), "backbone": "frames:of=mel+body", **keys}
    return prepare(Recipe.of(asked))


def done(setup: Setup, out: Path) -> tuple[Metrics, RunDirectory]:
    directory = RunDirectory(out)
    return run(setup, directory, pictures=False), directory


def everything(setup: Setup, out: Path, split: str = "train") -> tuple[torch.Tensor, torch.Tensor]:
    """Standardised features and values of all tasks' frames, of one side, read past the learner."""
    pictures, backbone = setup.stream.pictures, setup.build()
    sets = pictures.train if split == "train" else pictures.test
    blocks = [sets[name] for group in setup.stream.groups for name in group]
    standard = Standardization.load(out / "standardization.safetensors")
    return standard(FeatureBank().features(blocks, backbone)), torch.cat([block.targets for block in blocks])


def ccc(x: np.ndarray, y: np.ndarray) -> float:
    """Lin's coefficient once more, by way of Pearson's."""
    r = np.corrcoef(x, y)[0, 1]
    return float(2 * r * x.std() * y.std() / (x.var() + y.var() + (x.mean() - y.mean()) ** 2))


@pytest.mark.parametrize("merge", [f"ridge:strength={RIDGE}", f"gram:strength={RIDGE}"])
@pytest.mark.parametrize("order", ["given", "random"])
def test_exact_merges_give_the_joint_ridge_solution(puppet_store: Path, tmp_path: Path, merge: str, order: str) -> None:
    out = tmp_path / "run"
    setup = setup_of(puppet_store, merge=merge, class_order=order, seed=3, joint=False)
    done(setup, out)
    weight, bias = ridge_regression(*everything(setup, out), RIDGE)
    head = Head.load(out / "head.safetensors")
    assert head.names == ("valence", "arousal")
    assert torch.allclose(head.weight, weight, atol=1e-4 * float(weight.abs().max()))
    assert torch.allclose(head.bias, bias, atol=1e-4)


def test_alpha_blends_both_rows_by_the_frames_behind_them(puppet_store: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    setup = setup_of(puppet_store, merge="alpha", joint=False)
    _, directory = done(setup, out)
    heads, merged = directory.task_heads(), Head.load(out / "head.safetensors")
    counts = [sum(len(block) for block in task.train) for task in setup.stream]
    assert len(set(counts)) > 1
    assert [head.counts.tolist() for head in heads] == [[n, n] for n in counts]
    shares = torch.tensor(counts, dtype=torch.float32) / sum(counts)
    wanted = sum(share * head.weight for share, head in zip(shares, heads, strict=True))
    assert torch.allclose(merged.weight, wanted, atol=1e-5)
    assert merged.counts.tolist() == [sum(counts)] * 2


def test_scores_are_cccs_of_concatenated_held_out_frames(puppet_store: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    setup = setup_of(puppet_store, merge="ridge")
    metrics, _ = done(setup, out)
    head = Head.load(out / "head.safetensors")
    x, y = everything(setup, out, "test")
    scores, y = head(x).double().numpy(), y.double().numpy()
    by_output = [ccc(scores[:, k], y[:, k]) for k in range(2)]
    assert metrics.score == "ccc"
    assert metrics.curve_by_output is not None
    assert [metrics.curve_by_output[n][-1] for n in ("valence", "arousal")] == pytest.approx(by_output, abs=1e-5)
    assert metrics.curve[-1] == metrics.accuracy_final == pytest.approx(np.mean(by_output), abs=1e-5)
    ends = np.cumsum(setup.stream.test_counts)
    parts = zip(np.split(scores, ends[:-1]), np.split(y, ends[:-1]), strict=True)
    row = [np.mean([ccc(own[:, k], wanted[:, k]) for k in range(2)]) for own, wanted in parts]
    assert metrics.matrix[-1] == pytest.approx(row, abs=1e-5)
    assert metrics.curve[-1] != pytest.approx(np.average(row, weights=setup.stream.test_counts), abs=1e-6)
    filled = np.array([[np.nan if v is None else v for v in line] for line in metrics.matrix])
    assert metrics.forgetting_chaudhry == forgetting_chaudhry(filled)
    assert metrics.matrix_task_aware == metrics.matrix


def test_heads_have_two_rows_statistics_count_frames_and_nothing_is_unknown(puppet_store: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    setup = setup_of(puppet_store, merge="gram")
    metrics, _ = done(setup, out)
    statistics = Statistics.load(out / "statistics.safetensors")
    frames = sum(task.train for task in metrics.tasks)
    assert statistics.names == ("valence", "arousal")
    assert statistics.count.tolist() == [frames, frames]
    assert (metrics.unknown, metrics.unknown_from, metrics.head) == (None, None, "ridge")
    assert metrics.cost.parameters_per_task == [2 * (128 + 36 + 1), 0, 0]
    assert [task.outputs for task in metrics.tasks] == [["videos 1"], ["videos 2"], ["videos 3"]]


@pytest.mark.parametrize("seed", [0, 1])
def test_labels_dealt_out_anew_are_not_learned(puppet_store: Path, tmp_path: Path, seed: int) -> None:
    """Dealt among all frames: within a group its mean would stay, and that follows from its mean features."""
    setup = setup_of(puppet_store, merge="ridge", backbone="frames:of=landmarks", joint=False)
    learned, _ = done(setup, tmp_path / "true")
    blocks = list(setup.stream.pictures.train.values())
    targets = torch.cat([block.targets for block in blocks if block.targets is not None])
    targets = targets[torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))]
    for block, dealt in zip(blocks, targets.split([len(block) for block in blocks]), strict=True):
        assert block.targets is not None
        block.targets.copy_(dealt)
    shuffled, _ = done(setup, tmp_path / "dealt")
    assert learned.accuracy_final > 0.9
    assert abs(shuffled.accuracy_final) < 0.1


def test_a_broken_run_is_taken_up_to_the_same_numbers(puppet_store: Path, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(step: dict) -> None:
        if step["task"] == "002":
            raise Stop

    whole, _ = done(setup_of(puppet_store, merge="gram"), tmp_path / "whole")
    half = RunDirectory(tmp_path / "half")
    with pytest.raises(Stop):
        run(setup_of(puppet_store, merge="gram"), half, watch=stop, pictures=False)
    assert len(half.journal()) == 2
    resumed = run(prepare(Recipe.load(half.path / "recipe.yaml")), half, resume=True, pictures=False)
    for key in ("curve", "matrix", "curve_by_output", "joint"):
        assert getattr(resumed, key) == getattr(whole, key)


def test_the_joint_reference_is_ridge_and_never_parts_people(puppet_store: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    setup = setup_of(puppet_store, merge="ridge")
    metrics, _ = done(setup, out)
    assert metrics.joint is not None
    backbone, bank = setup.build(), FeatureBank()
    reference = JointReference(lambda blocks: bank.features(blocks, backbone), 0)
    for task in setup.stream:
        reference.add(task)
    kins = [piece.kin for t in setup.stream for b in t.train for piece in b.films for _ in range(len(piece))]
    assert reference._kins == kins
    folds = kin_folds(kins, 0).tolist()
    assert len(set(folds)) > 1
    assert len({*zip(kins, folds, strict=True)}) == len(set(kins))
    decay = metrics.joint.decay[-1]
    weight, bias = ridge_regression(*everything(setup, out), decay * len(kins))
    x, y = everything(setup, out, "test")
    scores, y = (x @ weight.T + bias).double().numpy(), y.double().numpy()
    assert metrics.joint.curve[-1] == pytest.approx(np.mean([ccc(scores[:, k], y[:, k]) for k in range(2)]), abs=1e-4)


@pytest.mark.slow
def test_the_command_says_ccc_everywhere(puppet_store: Path, tmp_path: Path, cltool: object) -> None:
    out = tmp_path / "run"
    arguments = ("run", "--stream", "va-puppet:groups=3", "--data-root", puppet_store, "--merge", "alpha", "--out", out)
    told = cltool(*arguments)  # type: ignore[operator]
    assert told.code == 0, told.err
    for word in ("CCC", "valence", "arousal", "groups", "synthetic"):
        assert word in told.out
    assert "accuracy" not in told.out
    assert json.loads((out / "metrics.json").read_text())["score"] == "ccc"
    assert "CCC on all groups seen" in (out / "curves.svg").read_text()
    report = cltool("report", out)  # type: ignore[operator]
    assert "CCC" in report.out
    assert "accuracy" not in report.out
