"""README's example of a merge, done as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_merge_in_readme_runs_with_its_option(cltool: Callable, tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n# mine\.py\n(.*?)```", text, re.DOTALL)
    (tmp_path / "mine.py").write_text(code)
    (spec,) = re.findall(r"--plugin mine\.py --merge (\S+)", text)
    quick = ("--backbone", "random:features=32", "--head", "ridge", "--no-joint")
    call = ("run", "--stream", "digits", *quick, "--plugin", tmp_path / "mine.py", "--merge", spec)
    found = cltool(*call, "--out", tmp_path / "run", "--json")
    assert found.code == 0, found.err
    assert json.loads(found.out)["merge"] == spec


def test_pictures_and_pages_that_readme_points_to_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).is_file(), target
