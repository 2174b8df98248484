"""docs/valence-arousal.md begins as it says, with fewer films; what it and docs/non-inertial.md point to is there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"
PAGE = DOCS / "valence-arousal.md"


@pytest.mark.slow
def test_the_page_begins_as_it_says(
    cltool: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, face_model: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    first = PAGE.read_text(encoding="utf-8").split("```sh\n")[1].split("```")[0]
    first = first.replace("--videos 30 --seconds 12", "--videos 3 --seconds 6")
    calls = [shlex.split(line.split("   #")[0])[1:] for line in first.splitlines()]
    assert [call[1] for call in calls] == ["make", "extract", "train", "evaluate", "train", "predict"]
    for call in calls:
        done = cltool(*call)
        assert done.code == 0, done.err
    assert Path("trainings/audio/evaluation/table.md").is_file()
    assert Path("synthetic-001-affect/overlay.mp4").stat().st_size > 10_000


def test_networks_have_as_many_parameters_as_the_page_says() -> None:
    """The page's snippet, run, and its table."""
    from cltool import discover

    text = PAGE.read_text(encoding="utf-8")
    (widths,) = re.findall(r"^widths = (.*)$", text, re.MULTILINE)
    told = dict(re.findall(r"^\| `([\w-]+)` \| .* → 2 \| ([\d,]+) \|$", text, re.MULTILINE))
    names: dict = {}
    exec(f"widths = {widths}", names)
    found = {}
    for name in discover().names("network"):
        module = discover().find("network", name).function(names["widths"])
        found[name] = f"{sum(p.numel() for p in module.parameters()):,}"
    assert told == found


@pytest.mark.parametrize("page", ["valence-arousal.md", "non-inertial.md"])
def test_pictures_and_pages_that_it_points_to_are_there(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (DOCS / page).read_text(encoding="utf-8")):
        assert (DOCS / target).is_file(), target
