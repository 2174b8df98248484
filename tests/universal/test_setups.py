"""From a recipe to what it names, every default written out; classes renamed, joined and chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cltool.pictures import Block, PictureSet, RawPixels, targets_of
from cltool.universal.recipes import TrainingRecipe
from cltool.universal.setups import prepare
from cltool_plugins.streams.digits import digits

PARITY = {str(n): "even" if n % 2 == 0 else "odd" for n in range(10)}


def test_a_setups_recipe_says_everything_and_gives_the_same_setup() -> None:
    first = prepare(TrainingRecipe(stream="digits", backbone="resnet18:weights=none", size=32))
    assert (first.recipe.size, first.recipe.resize, first.recipe.device) == (32, 37, first.device)
    assert first.recipe.backbone.options == {"weights": "none", "size": 32, "dtype": "float32"}
    assert first.architecture == "resnet18:weights=none,size=32"
    transform = first.described().transform
    assert (transform.size, transform.resize, transform.channels) == (32, 37, 3)
    second = prepare(first.recipe)
    assert second.recipe == first.recipe
    assert second.described().transform == transform


def test_sides_are_the_backbones_where_nobody_says() -> None:
    found = prepare(TrainingRecipe(stream="digits", backbone="random"))
    assert (found.recipe.size, found.recipe.resize) == (8, 9)
    assert found.architecture == "random:size=8"
    assert found.stream.groups == (found.pictures.outputs,)


def test_files_are_found_from_any_folder(by_hand: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "none").touch()  # no weights of that name are meant
    found = prepare(TrainingRecipe(stream="digits", backbone="trained:weights=hand"))
    assert found.recipe.backbone.options["weights"] == str(tmp_path / "hand")
    monkeypatch.chdir("/")
    again = prepare(found.recipe)
    assert again.recipe == found.recipe
    assert again.architecture == "random:features=256,size=8"
    assert str(tmp_path) not in str(again.started_from)


def test_a_file_of_the_name_of_an_option_is_not_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "none").touch()
    found = prepare(TrainingRecipe(stream="digits", backbone="resnet18:weights=none", size=32))
    assert found.recipe.backbone.options["weights"] == "none"
    assert found.parent is None


@pytest.mark.parametrize("on", ["none", "glyphs"])
def test_what_is_not_trained_on_the_stream_may_be_trained_further(on: str) -> None:
    assert prepare(TrainingRecipe(stream="digits", backbone=f"universal:on={on}")).architecture == f"universal:on={on}"


def test_joined_classes_hold_their_pictures_in_order() -> None:
    whole = digits()
    found = whole.relabelled(PARITY)
    assert found.outputs == ("even", "odd")
    evens = [whole.train[str(n)] for n in range(0, 10, 2)]
    joined = found.train["even"]
    assert list(joined.names) == [name for block in evens for name in block.names]
    assert torch.equal(joined.picture(len(evens[0])), evens[1].picture(0))
    sha = hashlib.sha256(repr(joined.decode).encode())
    for block in evens:
        for i in range(len(block)):
            sha.update(len(block.read(i)).to_bytes(8, "little") + block.read(i))
    assert joined.digest == sha.hexdigest()
    assert sum(map(len, found.test.values())) == sum(map(len, whole.test.values()))


def test_a_renamed_class_keeps_its_digest_and_null_leaves_one_out() -> None:
    names = {str(n): f"digit {n}" for n in range(9)}
    found = digits().relabelled({**names, "9": None})
    assert found.outputs == tuple(names.values())
    assert found.train["digit 4"].digest == digits().train["4"].digest


def test_sources_are_the_datas_own_blocks_whatever_is_done_with_them() -> None:
    whole = digits()
    first_cut = whole.held_out(0.2).relabelled(PARITY)
    first_joined = whole.relabelled(PARITY).held_out(0.2)
    evens = tuple(whole.train[str(n)] for n in range(0, 10, 2))
    for found in (first_cut.train, first_cut.test, first_joined.train, first_joined.test):
        assert found["even"].sources == evens
    assert first_cut.train["even"].digest != first_cut.test["even"].digest


def soft() -> PictureSet:
    shares = torch.tensor([[0.5, 0.3, 0.2], [0.6, 0.0, 0.4]])
    block = Block("a", "train", ["1", "2"], lambda i: bytes([i]), RawPixels(1, 1, 1), shares)
    others = {
        name: Block(name, "train", ["3"], lambda i: bytes([9]), RawPixels(1, 1, 1), row[None])
        for name, row in (("b", torch.tensor([0.0, 1.0, 0.0])), ("c", torch.tensor([0.2, 0.0, 0.8])))
    }
    return PictureSet(("a", "b", "c"), {"a": block, **others}, {"a": block, **others}, soft=True)


def test_soft_targets_follow_their_classes() -> None:
    joined = soft().relabelled({"a": "x", "b": "y", "c": "y"})
    targets = targets_of([joined.train["x"], joined.train["y"]], ("x", "y"), joined.outputs)
    assert torch.allclose(targets, torch.tensor([[0.5, 0.5], [0.6, 0.4], [0.0, 1.0], [0.2, 0.8]]))
    chosen = soft().only(["c", "a"])
    targets = targets_of([chosen.train["a"]], ("c", "a"), chosen.outputs)
    assert torch.allclose(targets, torch.tensor([[2 / 7, 5 / 7], [0.4, 0.6]]))


@pytest.mark.parametrize(("classes", "found"), [(3, ("0", "1", "2")), (["7", "1"], ("7", "1"))])
def test_classes_are_chosen_after_they_are_renamed(classes: int | list[str], found: tuple[str, ...]) -> None:
    assert prepare(TrainingRecipe(stream="digits", backbone="random", classes=classes)).classes == found
    mapped = TrainingRecipe(stream="digits", backbone="random", label_map=PARITY, classes=["odd", "even"])
    assert prepare(mapped).classes == ("odd", "even")
