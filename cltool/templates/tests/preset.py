"""The preset's settings as a recipe takes them."""

from __future__ import annotations

from cltool.affect.recipes import AffectRecipe
from cltool.contract import check
from cltool.templates.preset import mine


def test_mine_keeps_the_contract() -> None:
    check(mine)


def test_mine_trains_with_adamw() -> None:
    recipe = AffectRecipe.of({"store": "features", "network": "audio", **mine()})
    assert (recipe.optimizer, recipe.epochs) == ("adamw", 30)
