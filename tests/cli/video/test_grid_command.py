"""`cltool video grid` and `cltool video repeat` as a user sees them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.affect.conftest import write_store

QUICK = ("--sequence", 20, "--epochs", 2, "--batch", 8, "--device", "cpu")
NETWORK = "audio:hidden=8"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return write_store(tmp_path / "store")


@pytest.mark.slow
def test_a_grid_leaves_numbers_tables_and_pictures(cltool: Callable, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "grid"
    networks = ("--network", NETWORK, "--network", "pose:hidden=8", "--sequence", 10)
    found = cltool("video", "grid", store, *networks, "--loss", "mse", "--loss", "ccc+0.5*mse", *QUICK, "--out", out)
    assert found.code == 0, found.err
    pictures = {"parameters.png", "sequences.png", "training.png"}
    assert {path.name for path in out.iterdir()} == pictures | {
        *("grid.yaml", "grid.json", "journal.jsonl", "table.md", "trainings"),
    }
    told = json.loads((out / "grid.json").read_text())
    assert (told["kind"], told["complete"], len(told["cells"])) == ("grid", True, 8)
    assert [group["sequence"] for group in told["groups"][:2]] == [10, 20]
    for words in ("4 films to train on, 2 to validate on, split given, synthetic", "ccc+0.5*mse", "8 trainings"):
        assert words in found.out
    table = (out / "table.md").read_text()
    assert "| network | training loss | sequence | MSE | CCC | Non-Inertial | CCC_V | CCC_A |" in table
    for cell in told["cells"]:
        line = f"| {cell['network']} | {cell['loss']} | {cell['sequence']} | {cell['validation']['mse']:.4f} |"
        assert line in table
        assert (out / cell["path"] / "best.safetensors").is_file()


@pytest.mark.slow
def test_repeats_have_the_stability_table_and_json_alone_on_standard_output(
    cltool: Callable, store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "repeats"
    call = ("--network", NETWORK, "--loss", "mse", "--repeats", 2, "--seed", 5, *QUICK)
    found = cltool("video", "repeat", store, *call, "--out", out, "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert told == json.loads((out / "repeat.json").read_text())
    assert (told["kind"], told["seeds"]) == ("repeat", [5, 6])
    (one,) = told["stability"]
    values = [cell["validation"]["mse"] for cell in told["cells"]]
    mean = sum(values) / 2
    assert (one["own"], one["columns"]["mse"]["values"]) == ("mse", values)
    assert one["columns"]["mse"]["sum"] == pytest.approx(sum((value - mean) ** 2 for value in values))
    assert f"{one['columns']['mse']['sum']:.7f} |" in (out / "table.md").read_text()
    assert {path.name for path in out.glob("*.png")} == {"repeats.png", "training.png"}
    again = cltool("video", "repeat", "--resume", out, "--json")
    assert json.loads(again.out) == told


@pytest.mark.slow
def test_every_network_keeps_its_own_preset_and_shares_what_is_asked_for(
    cltool: Callable, store: Path, tmp_path: Path
) -> None:
    import yaml

    call = ("--network", NETWORK, "--preset", "orgil-rnn", "--loss", "mse", "--early-stop", 0, *QUICK)
    assert cltool("video", "grid", store, *call, "--out", tmp_path / "grid").code == 0
    kept = yaml.safe_load(next((tmp_path / "grid" / "trainings").rglob("recipe.yaml")).read_text())
    settings = {key: kept[key] for key in ("preset", "scale", "optimizer", "early_stop", "epochs", "sequence", "loss")}
    assert settings == {
        **{"preset": "orgil-rnn", "scale": "unit", "optimizer": "sgd"},
        **{"early_stop": None, "epochs": 2, "sequence": 20, "loss": "mse"},
    }


@pytest.mark.slow
def test_a_killed_grid_is_taken_up(cltool: Callable, store: Path, tmp_path: Path) -> None:
    """SIGKILL in the midst of the second of two cells; what is taken up ends as one that was never killed."""
    out = tmp_path / "grid"
    call = ["video", "grid", store, "--network", NETWORK, "--loss", "mse", "--loss", "ccc", *QUICK]
    call = [*map(str, call), "--epochs", "20", "--early-stop", "0"]
    program = [sys.executable, "-c", "from cltool.cli import main; main()"]
    alike = {**os.environ, "OMP_NUM_THREADS": "1"}  # as many threads as the tests have: sums come out to the bit
    with subprocess.Popen([*program, *call, "--out", out], stderr=subprocess.DEVNULL, env=alike) as running:
        while not any((out / "trainings").glob("*/ccc/20/0/journal.jsonl")):
            assert running.poll() is None
            time.sleep(0.02)
        running.send_signal(signal.SIGKILL)
    assert not json.loads((out / "grid.json").read_text())["complete"]
    found = cltool("video", "grid", "--resume", out, "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert told["complete"]
    whole = json.loads(cltool(*call, "--out", tmp_path / "whole", "--json").out)
    assert [cell["validation"] for cell in told["cells"]] == [cell["validation"] for cell in whole["cells"]]


@pytest.mark.slow
def test_a_cell_that_fails_is_named_and_the_code_is_1(cltool: Callable, store: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from torch import Tensor\nfrom cltool import loss\n\n\n@loss\n"
        "def breaks(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:\n    'Break.'\n"
        "    raise ZeroDivisionError('on purpose')\n"
    )
    call = ("--network", NETWORK, "--loss", "breaks", "--loss", "mse", *QUICK, "--plugin", tmp_path / "mine.py")
    found = cltool("video", "grid", store, *call, "--out", tmp_path / "grid", "--json")
    assert found.code == 1
    assert "breaks/20/0 failed: ZeroDivisionError: on purpose" in " ".join(found.err.split())
    told = f"cltool: 1 of 2 trainings failed; cltool video grid --resume {tmp_path / 'grid'} tries them again"
    assert found.err.splitlines()[-1] == told
    assert [cell["loss"] for cell in json.loads(found.out)["failed"]] == ["breaks"]


@pytest.mark.parametrize("command", ["grid", "repeat"])
def test_help_teaches(cltool: Callable, command: str) -> None:
    told = " ".join(cltool("video", command, "--help").out.replace("│", " ").split())
    for words in ("--network", "--preset", "--split", "--repeats", "--resume", f"cltool video {command} features"):
        assert words in told
    assert "torchrun" not in told
