"""docs/surgery.md: its Python runs, its pictures are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from cltool import Head

PAGE = Path(__file__).parents[2] / "docs" / "surgery.md"


def test_the_python_on_the_page_draws_before_and_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    head = Head(("a", "b"), torch.randn(2, 30), torch.zeros(2), torch.ones(2), "s")
    head.save("run/head.safetensors")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict = {}
    exec(code, names)
    assert Path("before-and-after.png").stat().st_size > 10_000
    assert 0.6 < float((names["pruned"].weight == 0).double().mean()) < 0.9


def test_its_pictures_are_there() -> None:
    targets = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", PAGE.read_text(encoding="utf-8"))
    assert len(targets) == 3
    for target in targets:
        assert (PAGE.parent / target).is_file(), target
