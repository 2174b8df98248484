"""The comparisons that pages print: what they name is there, and so is what the pages point to."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from cltool.catalogue import discover
from cltool.comparison.recipes import ComparisonRecipe

DOCS = Path(__file__).parents[2] / "docs"


def calls(page: str) -> list[list[str]]:
    """The words of every `cltool compare` of a page; variables of the shell are put in."""
    text = (DOCS / page).read_text(encoding="utf-8").replace("\\\n", " ")
    assigned = re.findall(r"^([A-Z]+)=(?:\"([^$\"]*)\"|([^\"\s]+))$", text, re.MULTILINE)
    shell = {name: quoted or bare for name, quoted, bare in assigned}
    for names in re.findall(r"^for s in (.*); do$", text, re.MULTILINE):
        if "avalanche:$s" in text and "naive" in names:
            shell["THEIRS"] = " ".join(f"--strategy avalanche:{name}" for name in shlex.split(names))
    found = re.findall(r"^ *cltool compare ([^#\n]*)", text, re.MULTILINE)
    spelled = [re.sub(r"\$([A-Z]+)", lambda match: shell[match[1]], call) for call in found]
    return [shlex.split(call) for call in spelled if "--strategy" in call]


@pytest.mark.parametrize("page", ["compare.md", "results.md", "avalanche.md"])
def test_what_a_page_compares_is_there(page: str) -> None:
    catalogue, compared = discover(), calls(page)
    assert compared
    for words in compared:
        strategies = [value for flag, value in pairwise(words) if flag == "--strategy"]
        recipe = ComparisonRecipe.spelled(["digits"], strategies, seeds=[0])
        for cell in (recipe.cell("digits", strategy, 0) for strategy in strategies):
            chosen = cell.strategy or cell.merge
            catalogue.configure("strategy" if cell.strategy else "merge", chosen.spec)


@pytest.mark.parametrize("page", ["compare.md", "results.md"])
def test_what_a_page_points_to_is_there(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", (DOCS / page).read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        file, _, heading = target.partition("#")
        path = DOCS / file if file else DOCS / page
        assert path.exists(), target
        if heading:
            lines = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            known = {re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-") for line in lines}
            assert heading in known, target
