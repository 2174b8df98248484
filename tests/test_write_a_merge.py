"""docs/write-a-merge.md, done exactly as it says, in a new virtual environment, outside the tree."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "write-a-merge.md"


def blocks() -> Iterator[tuple[str, str]]:
    """The page's code blocks in order: their language, and what stands in them."""
    yield from re.findall(r"```(sh|python)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_author_writes_under_ten_lines() -> None:
    plugin = next(code for kind, code in blocks() if kind == "python")
    lines = [line for line in plugin.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) < 10


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A new virtual environment with cltool and pytest, of the versions that are installed here."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not there to make a virtual environment with")
    folder = tmp_path_factory.mktemp("environment")
    pins = folder / "constraints.txt"
    # compiled modules are kept, as they are for any user
    outside = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    here = {d.metadata["Name"]: d.version for d in metadata.distributions() if d.metadata["Name"] != "cltool"}
    pins.write_text("\n".join(f"{name}=={version}" for name, version in here.items()))
    place = {**outside, "VIRTUAL_ENV": str(folder / "venv"), "UV_CONSTRAINT": str(pins), "PIP_CONSTRAINT": str(pins)}
    for call in (["venv", "--seed", str(folder / "venv")], ["pip", "install", "-q", str(ROOT), "pytest"]):
        done = subprocess.run([uv, *call], env=place, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return {**place, "PATH": f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}"}


@pytest.mark.slow
def test_the_page_does_what_it_says(tmp_path: Path, cache: Path, environment: dict[str, str]) -> None:
    place = {**environment, "CLTOOL_CACHE": str(cache), "COLUMNS": "150"}
    said = {}
    for kind, code in blocks():
        if kind == "python":
            name = code.splitlines()[0].removeprefix("# ")
            assert (tmp_path / name).is_file(), f"the page fills in a file that `new` has not written: {name}"
            (tmp_path / name).write_text(code)
            continue
        for line in code.splitlines():
            began = time.monotonic()
            done = subprocess.run(["bash", "-c", line], cwd=tmp_path, env=place, capture_output=True, text=True)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            said[line] = done.stdout
            print(f"{time.monotonic() - began:.1f} s: {line}")
    assert "cltool-level" in said["cltool plugins list merge"]
    assert "1 checked, 0 broken" in said["cltool plugins check level"]
    assert "2 passed" in said["pytest -q cltool-level"]
    table = said["cltool report runs/* --against strength --out comparison"]
    assert all(word in table for word in ("concat", "level", "level:strength=0.5", "strength.png"))
    finals = {p.parent.name: json.loads(p.read_text())["accuracy_final"] for p in tmp_path.glob("runs/*/metrics.json")}
    assert len(finals) == 6
    assert finals["level-0"] != finals["concat-0"]
    assert (tmp_path / "comparison" / "curves.png").stat().st_size > 10_000
