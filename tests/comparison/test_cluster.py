"""Cells on a Ray cluster of two nodes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cltool.comparison.cluster import QUIET, Cluster, place
from cltool.comparison.running import run_comparison
from cltool.comparison.work import Heard
from cltool.errors import CallError
from cltool.files import slug


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster of two nodes with a core each."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install cltool[cluster]")
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)  # Ray looks as soon as it is imported
    import ray
    from ray.cluster_utils import Cluster as Nodes

    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    found = Nodes(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    found.add_node(**small)
    yield found
    ray.shutdown()
    found.shutdown()


def test_files_that_came_half_way_are_no_run_to_take_up(tmp_path: Path) -> None:
    class Broken(dict):
        def __getitem__(self, name: str) -> bytes:
            if name == "statistics.safetensors":
                raise KeyboardInterrupt
            return super().__getitem__(name)

    files = dict.fromkeys(("metrics.json", "recipe.yaml", "journal.jsonl", "statistics.safetensors"), b"new")
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "recipe.yaml").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        place(Broken(files), tmp_path / "0")
    assert [path.name for path in (tmp_path / "0").iterdir()] == ["journal.jsonl"]
    place(files, tmp_path / "0")
    assert {path.name: path.read_bytes() for path in (tmp_path / "0").iterdir()} == files


@pytest.mark.slow
def test_cells_that_a_node_takes_with_it_are_run_again(
    compare: Callable, begun: Callable, scores: Callable, plugin: str, tmp_path: Path, nodes: Any
) -> None:
    (other,) = nodes.worker_nodes
    at = tmp_path / "at"
    at.write_text(other.node_id)
    strategies = ("concat+lift=relu:dim=20", f"waits:at={at}")
    changes = {"joint": True, "plugins": [plugin]}
    compare(tmp_path / "here", *strategies, **changes)
    comparison = begun(tmp_path / "there", *strategies, "looks", **changes)

    def kill() -> None:
        while not Path(f"{at}.reached").exists():
            time.sleep(0.05)
        nodes.remove_node(other, allow_graceful=False)

    heard, killer = Heard(), Thread(target=kill, daemon=True)
    killer.start()
    graphic = replace(comparison, recipe=comparison.recipe.model_copy(update={"device": "cuda"}))
    with pytest.raises(CallError, match="the cluster has no GPU"):
        Cluster(graphic, tmp_path / "there", nodes.address, None)
    engine = Cluster(comparison, tmp_path / "there", nodes.address, None)
    assert engine.slots == 2
    outcome = run_comparison(comparison, tmp_path / "there", engine=engine, progress=heard)
    assert Path(f"{at}.reached").exists()
    assert any("died; it is started again" in line and slug(f"waits:at={at}") in line for line in heard.lines)
    assert {cell.strategy for cell in outcome.failed} == {"looks"}
    assert all("are not sent to the cluster" in message for message in outcome.failed.values())
    assert len(scores(tmp_path / "here")) == 4
    assert scores(tmp_path / "there") == scores(tmp_path / "here")
    for path in (tmp_path / "here" / "cells").rglob("recipe.yaml"):
        assert (tmp_path / "there" / path.relative_to(tmp_path / "here")).read_text() == path.read_text()
