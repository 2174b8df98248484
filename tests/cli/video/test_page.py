"""docs/video.md, done as it says, with fewer and shorter films."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "video.md"


@pytest.mark.slow
def test_the_page_does_what_it_says(
    cltool: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, face_model: Path
) -> None:
    text = PAGE.read_text(encoding="utf-8").replace("\\\n", "")
    text = text.replace("--videos 4 --seconds 10", "--videos 2 --seconds 3")
    monkeypatch.chdir(tmp_path)
    found = re.findall(r"^cltool ((?:data make|video) .*)$", text, re.MULTILINE)
    calls = [call.split("   #")[0] for call in found if "affwild2" not in call]
    assert [call.split()[1] for call in calls] == ["make", "extract", "show", "magnify", "magnify"]
    for call in calls:
        done = cltool(*shlex.split(call))
        assert done.code == 0, done.err
    assert {path.name for path in tmp_path.glob("*.jpg")} == {"video-film.jpg", "video-pulse.jpg", "video-moves.jpg"}
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len([line for line in code.splitlines() if line]) == 3
    names: dict = {}
    exec(code, names)
    assert names["mesh"].shape == (75, 478, 3)
    assert 60 < names["seen"].sum() < 75  # a card hides the face for a moment
    assert names["times"][-1] == pytest.approx(74 / 25)
    assert names["labels"].shape == (75, 2)


def test_pictures_and_pages_that_it_points_to_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / target).is_file(), target
