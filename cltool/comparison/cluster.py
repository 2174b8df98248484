"""Jobs of a comparison on a Ray cluster.

Features of a stream are put into Ray's object store once. A worker needs neither the data nor the backbone's weights:
it is told the facts of both, runs the cell in a folder of its own, and sends the run directory's files back.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cltool.comparison.cells import CellJob, Job
from cltool.comparison.grounds import Ground
from cltool.comparison.processes import PATIENCE, cores
from cltool.comparison.recipes import ComparisonRecipe
from cltool.comparison.sending import Sent
from cltool.comparison.setups import Comparison
from cltool.comparison.work import Answer, Failure, Heard, do
from cltool.errors import CallError
from cltool.pictures import Block
from cltool.progress import Silent
from cltool.setups import Setup, prepare

Rows = dict[str, Any]  # by a block's digest: its features, or where Ray keeps them
UNSENT = "pictures and the backbone's network are not sent to the cluster; run this strategy without --engine ray"
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # workers take the environment as it is, whoever started this process
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # the way that Ray warns is to come
}


Call = tuple[ComparisonRecipe, Mapping[str, str]]  # the recipe, and what is in its plugin files


class Cluster:
    """A job for each of the cluster's cores; what was lost with its worker or node goes to another."""

    again = 3

    def __init__(self, comparison: Comparison, root: Path, address: str | None, jobs: int | None) -> None:
        """Connect; raises CallError where no cluster answers at `address` (default: RAY_ADDRESS, or one of its own)."""
        address = address or os.environ.get("RAY_ADDRESS", "local")
        _check_answers(address)
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        import ray

        self.comparison, self.root = comparison, root
        self._facts: dict[tuple[str, str], Any] = {}  # by stream and backbone
        self._rows: dict[tuple[str, str], Any] = {}  # by backbone and block
        self._busy: dict[Any, Job] = {}
        self._own = not ray.is_initialized()
        if self._own:
            _connect(address, jobs)
        self.slots = jobs or max(1, int(ray.cluster_resources().get("CPU", 1)))
        gpus = 1 if comparison.recipe.device == "cuda" else 0
        if gpus and not ray.cluster_resources().get("GPU"):
            self.close()
            raise CallError("--device cuda: the cluster has no GPU, and cells would wait for one; leave it out")
        self._remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=0)(_work)
        recipe = comparison.recipe
        call: Call = (recipe, {path: Path(path).read_text(encoding="utf-8") for path in recipe.plugins})
        self._call = ray.put(call)

    def start(self, job: Job, known: Sequence[dict[str, Any]], ground: Ground) -> None:
        """Hand a job to the cluster."""
        import ray

        key = (job.cell.stream, ground.backbone.fingerprint)
        if key not in self._facts:
            self._facts[key] = ray.put(Sent.of(ground, UNSENT))
        taken = self._remote.remote(self._call, self._facts[key], self._put(ground), job, list(known))
        self._busy[taken] = job

    def _put(self, ground: Ground) -> Rows:
        """Where a ground's features are; those of blocks that no earlier ground had are put there now."""
        import ray

        bank, backbone, found = ground.bank(Silent()), ground.backbone, {}
        for block in ground.blocks:
            key = (backbone.fingerprint, block.digest)
            if key not in self._rows:
                self._rows[key] = ray.put(bank.features([block], backbone).numpy())
            found[block.digest] = self._rows[key]
        return found

    def wait(self) -> tuple[Job, Answer | None]:
        """The answer of whichever job is done first; a cell's files are in their place by then."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        (done, *_), _ = ray.wait(list(self._busy), num_returns=1)
        job = self._busy.pop(done)
        try:
            answer: Answer = ray.get(done)
        except RayTaskError as error:  # it did not come as far as its own errors
            return job, Answer(Failure.of(error))
        except RayError:
            return job, None
        if isinstance(job, CellJob) and not answer.failure:
            place(answer.files, self.root / "cells" / job.cell.place)
        return job, answer

    def close(self) -> None:
        """Stop what was started here, and leave the cluster."""
        import ray

        if not ray.is_initialized():
            return
        for force in (False, True):  # one that is asked first takes its folder away
            for taken in self._busy:
                ray.cancel(taken, force=force)
            if self._busy and not force:
                done, _ = ray.wait(list(self._busy), num_returns=len(self._busy), timeout=PATIENCE)
                for taken in done:
                    del self._busy[taken]
        self._busy.clear()
        self._facts.clear()
        self._rows.clear()
        if self._own:
            ray.shutdown()


def _refused(address: str) -> CallError:
    return CallError(
        f"--address {address}: no Ray cluster answers there; start one with `ray start --head`, or leave it out"
    )


def _check_answers(address: str) -> None:
    """Raise CallError where nobody is at an address: Ray itself would try for more than a minute."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host:
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except (OSError, ValueError, OverflowError):
            raise _refused(address) from None
    elif address not in ("local", "auto"):
        raise CallError(f"--address {address}: give HOST:PORT of a Ray cluster's head node")


def _connect(address: str, jobs: int | None) -> None:
    """Connect to a cluster, or start one of this machine; without telemetry, dashboard and logs."""
    import ray

    start = partial(ray.init, address=address, log_to_driver=False, logging_level=logging.ERROR)
    try:
        if address == "local":
            start(num_cpus=jobs or cores(), include_dashboard=False)
        else:
            start()
    except (ConnectionError, RuntimeError, ValueError) as error:
        if address == "local":
            raise CallError(f"--engine ray: Ray does not start: {error}") from None
        raise _refused(address) from None


def place(files: Mapping[str, bytes], folder: Path) -> None:
    """Write a run directory's files, in the place of what is there.

    recipe.yaml goes first and comes last but for metrics.json: a run that has the one can be taken up, a run that has
    the other is whole.
    """
    (folder / "recipe.yaml").unlink(missing_ok=True)
    if folder.exists():
        shutil.rmtree(folder)
    last = ("recipe.yaml", "metrics.json")
    for name in sorted(files, key=lambda name: (last.index(name) + 1 if name in last else 0, name)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])


def _work(call: Call, sent: Sent, rows: Rows, job: Job, known: Sequence[dict[str, Any]]) -> Answer:
    """Do a job on the cluster, in a folder that is gone afterwards."""
    import ray

    heard = Heard()
    with tempfile.TemporaryDirectory(prefix="cltool-cell-") as folder:
        out = Path(folder, "run")
        try:
            setup = _setup(call, sent, job, Path(folder))
            here = dict(zip(rows, ray.get(list(rows.values())), strict=True))
            answer = do(job, setup, sent.backbone, out, known, heard, _features(here, sent.backbone.width))
        except Exception as error:
            answer = Answer(Failure.of(error))
        if not answer.failure:
            files = (path for path in out.rglob("*") if path.is_file())
            answer.files = {path.relative_to(out).as_posix(): path.read_bytes() for path in files}
    answer.said = heard.lines
    return answer


def _setup(call: Call, sent: Sent, job: Job, folder: Path) -> Setup:
    """A cell ready to run, its plugin files written here; its recipe names them where they came from."""
    (comparison, plugins), cell = call, job.cell
    recipe = comparison.cell(cell.stream, cell.strategy, cell.seed)
    written = []
    for number, (path, text) in enumerate(plugins.items()):
        file = folder / str(number) / Path(path).name
        file.parent.mkdir()
        file.write_text(text, encoding="utf-8")
        written.append(str(file))
    setup = prepare(recipe.model_copy(update={"plugins": written}), pictures=sent.pictures)
    return replace(setup, recipe=setup.recipe.model_copy(update={"plugins": recipe.plugins}))


def _features(rows: Rows, width: int) -> Any:
    """Features of blocks, of which the digests are known; raises CallError for blocks that were not sent."""

    def features(blocks: Sequence[Block]) -> Tensor:
        pieces = [piece for block in blocks for piece in block.pieces]
        if strange := [piece.output for piece in pieces if piece.digest not in rows]:
            raise CallError(f"features of {strange[0]!r} were not sent to the cluster")
        parts = [rows[piece.digest] for piece in pieces]
        return torch.from_numpy(np.concatenate(parts)) if parts else torch.zeros(0, width)

    return features
