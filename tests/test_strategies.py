"""The spelling of a whole strategy, both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cltool.catalogue import Catalogue, Entry, discover
from cltool.errors import CallError
from cltool.recipe import Recipe
from cltool.strategies import PARTS, parse, spell

CATALOGUE = discover()
names = some.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,9}", fullmatch=True)
values = some.from_regex(r"[A-Za-z0-9.+/-]{1,8}", fullmatch=True)
options = some.dictionaries(some.from_regex(r"[a-z_]{1,6}", fullmatch=True), values, max_size=3)
plugins = some.builds(
    lambda name, given: name + (":" + ",".join(f"{k}={v}" for k, v in given.items()) if given else ""), names, options
)
placed = some.builds(lambda plugin, place: plugin + place, plugins, some.sampled_from(["", "@task", "@merged"]))


@some.composite
def methods(draw: Any) -> dict[str, Any]:
    """The keys of a recipe as a person would spell each."""
    own = draw(options)
    first = "alpha" + (":" + ",".join(f"{k}={v}" for k, v in own.items()) if own else "")
    parts = draw(some.fixed_dictionaries({}, optional=dict.fromkeys(("lift", "head", "unknown"), plugins)))
    surgeries = draw(some.lists(placed, max_size=3))
    return {"merge": first, **parts, **({"surgery": surgeries} if surgeries else {})}


@pytest.mark.slow
@given(methods())
def test_what_is_spelled_is_read_again(method: dict[str, Any]) -> None:
    assert parse(spell(method), CATALOGUE) == method


def test_a_strategy_plugin_is_a_strategy() -> None:
    assert parse("qda:shrinkage=0.2", discover()) == {"strategy": "qda:shrinkage=0.2"}
    assert spell({"strategy": "qda:shrinkage=0.2", "merge": "alpha", "lift": None}) == "qda:shrinkage=0.2"


def test_a_plus_within_a_value_is_kept() -> None:
    found = parse("alpha+head=softmax:decay=1e+3+surgery=prune:margin=1e+0@task+surgery=clahe", discover())
    assert found == {"merge": "alpha", "head": "softmax:decay=1e+3", "surgery": ["prune:margin=1e+0@task", "clahe"]}


def test_a_recipe_file_lends_its_way_to_learn(tmp_path: Path) -> None:
    asked = {"stream": "digits", "merge": "concat", "head": "softmax", "lift": "relu:dim=9", "seed": 4}
    asked["surgery"] = ["prune@merged"]
    Recipe.of(asked).save(tmp_path / "merged.yaml")
    found = parse(str(tmp_path / "merged.yaml"), discover())
    again = Recipe.of({"stream": "emnist", **found})
    assert set(found) == {"merge", *PARTS}
    assert (again.merge.name, again.lift.name, again.surgery[0].on) == ("concat", "relu", "merged")
    Recipe.of({"stream": "digits", "strategy": "qda"}).save(tmp_path / "qda.yml")
    assert list(parse(str(tmp_path / "qda.yml"), discover())) == ["strategy"]
    Recipe.of({"stream": "digits", "merge": "mine", "plugins": ["mine.py"]}).save(tmp_path / "mine.yaml")
    assert parse(str(tmp_path / "mine.yaml"), discover())["plugins"] == ["mine.py"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "there is no name in ''"),
        ("alhpa", "there is no merge or strategy 'alhpa'; did you mean 'alpha'"),
        ("+lift=relu", "there is no name in ''"),
        ("lift=relu", r"a merge comes first: MERGE\[:k=v,…\]\+lift=relu"),
        ("alpha+lift=", "there is no name in 'lift='"),
        ("alpha+lfit=relu", "there is no part 'lfit'; did you mean 'lift'"),
        ("alpha:alpha=1+lfit=relu", "there is no part 'lfit'"),
        ("alpha+prune", "'prune' says no part"),
        ("alpha+surgery=prune+clahe", "'clahe' says no part"),
        ("alpha+lift=relu+lift=relu:dim=3", "lift is given twice"),
        ("qda+lift=relu", "'qda' is a whole strategy; leave lift= out"),
        ("alpha:0.3", "'0.3' is not key=value"),
        ("nowhere.yaml", "recipe nowhere.yaml: No such file"),
    ],
)
def test_wrong_spellings_say_what_is_wrong(text: str, told: str) -> None:
    with pytest.raises(CallError, match=told):
        parse(text, discover())


def test_a_name_of_both_kinds_is_refused() -> None:
    both = [Entry(kind, "twin", "p", "m", lambda: None) for kind in ("merge", "strategy")]
    catalogue = Catalogue({(entry.kind, entry.name): (entry,) for entry in both})
    with pytest.raises(CallError, match="'twin' is the name of a merge and of a strategy"):
        parse("twin", catalogue)
