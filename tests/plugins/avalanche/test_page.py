"""docs/avalanche.md, done as it says; what would need a network is only spelled right."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from cltool.catalogue import discover
from cltool.plugin import Spec

PAGE = Path(__file__).parents[3] / "docs" / "avalanche.md"
TEXT = PAGE.read_text(encoding="utf-8")
SCRIPTS = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", TEXT, re.DOTALL))
CALLS = re.findall(r"^cltool (.*)$", TEXT, re.MULTILINE)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_scripts(*scripts: str) -> None:
    """Run the page's scripts, one after another as one."""
    names: dict[str, object] = {}
    for script in scripts:
        exec(SCRIPTS[script], names)


@pytest.mark.slow
@pytest.mark.usefixtures("here")
@pytest.mark.filterwarnings("ignore:No loggers specified")
def test_the_scripts_print_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    run_scripts("digits.py", "merged.py")
    printed = re.findall(r"^(\w+) (0\.\d{3})$", capsys.readouterr().out, re.MULTILINE)
    told = re.findall(r"^\| (\w+) \| (\.\d{3}) \|$", TEXT, re.MULTILINE)
    assert [name for name, _ in printed] == [name for name, _ in told] == ["naive", "alpha", "ridge", "lda"]
    for (_, found), (_, said) in zip(printed, told, strict=True):
        assert float(found) == pytest.approx(float(said), abs=0.02)


@pytest.mark.slow
def test_data_of_ones_own_are_written_and_read_back(cltool: Callable, here: Path) -> None:
    run_scripts("write.py")
    (call,) = [call for call in CALLS if "my-digits" in call]
    done = cltool(*shlex.split(call))
    assert done.code == 0, done.err
    told = json.loads((here / "my-run" / "metrics.json").read_text())
    assert told["note"] == "0.25 of 'train' held out to score on"
    assert told["accuracy_final"] > 0.8


@pytest.mark.slow
def test_rivals_are_compared_as_printed(cltool: Callable, here: Path) -> None:
    (call,) = [call for call in CALLS if call.startswith("compare")]
    few = re.sub(r"--strategy (?!ridge|avalanche:slda)\S+ ", "", call).replace("--seeds 3", "--seeds 1 --jobs 1")
    done = cltool(*shlex.split(few))
    assert done.code == 0, done.err
    told = json.loads((here / "digits-rivals" / "comparison.json").read_text())
    assert [entry["strategy"] for entry in told["strategies"]] == ["ridge", "avalanche:slda"]
    said = dict(re.findall(r"^\| `([^`]+)` \| (\.\d{3}) ±", TEXT, re.MULTILINE))
    for entry in told["strategies"]:
        assert entry["accuracy_final"]["mean"] == pytest.approx(float(said[entry["strategy"]]), abs=0.02)


def test_streams_and_rivals_of_the_page_are_there() -> None:
    catalogue = discover()
    for call in CALLS:
        words = shlex.split(call)
        for kind in ("stream", "strategy"):
            for spelled in [value for flag, value in pairwise(words) if flag == f"--{kind}"]:
                found = "merge" if kind == "strategy" and spelled in ("ridge", "lda", "alpha") else kind
                assert catalogue.configure(found, Spec.parse(spelled)).plugin.kind == found


def test_pictures_and_pages_that_it_points_to_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert target.startswith("https://") or (PAGE.parent / target).is_file(), target
