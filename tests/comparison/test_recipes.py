"""What a comparison is asked for, and how it is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cltool.comparison.setups import open_comparison, prepare_comparison
from cltool.recipe import Choice


def test_a_comparison_keeps_its_recipe_resolved(begun: Callable, tmp_path: Path) -> None:
    comparison = begun(tmp_path / "cmp", "qda:shrinkage=0.5", "concat:")
    again = open_comparison(tmp_path / "cmp")
    assert again == comparison.recipe
    assert list(again.strategies) == ["qda:shrinkage=0.5", "concat"]
    assert again.strategies["concat"]["head"]["options"]["epochs"] == 40
    assert list(again.strategies["qda:shrinkage=0.5"]) == ["strategy"]
    assert again.backbone is not None
    assert again.backbone.options == {"features": 12, "size": None, "seed": 0}
    assert prepare_comparison(again, resumed=True).recipe == again


def test_each_stream_keeps_the_backbone_that_is_its_own(asked: Callable) -> None:
    streams = {"digits": "random:features=12", "emnist": "random:features=7"}
    told = {name: Choice.model_validate(spelled) for name, spelled in streams.items()}
    recipe = asked("ncm", streams=tuple(streams)).resolved({}, {}, told)
    assert (recipe.backbone, recipe.backbones) == (None, told)
    alike = asked("ncm", streams=tuple(streams)).resolved({}, {}, {**told, "emnist": told["digits"]})
    assert (alike.backbone, alike.backbones) == (told["digits"], {})


def test_a_cell_has_its_stream_s_backbone(asked: Callable) -> None:
    recipe = asked("ncm", streams=("digits", "emnist"), backbone=None, backbones={"emnist": "random:features=7"})
    assert recipe.cell("digits", "ncm", 0).backbone is None
    assert recipe.cell("emnist", "ncm", 0).backbone.options == {"features": "7"}


def test_train_is_told_to_strategies_that_have_such_an_option_and_do_not_say_it(asked: Callable, plugin: str) -> None:
    given = ("whole", "whole:train=head", "qda", "concat")
    (by_short, by_itself, *others) = prepare_comparison(asked(*given, plugins=[plugin], train="all")).recipe.strategies
    assert [by_short, by_itself, *others] == ["whole:train=all", "whole", "qda", "concat"]
