"""From a training's file to a frozen backbone: the same network, told apart, and true about what it saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from cltool.errors import CallError
from cltool.heads import Head
from cltool.pictures import Block, PictureSet, RawPixels
from cltool.report.curves import protocol as shown
from cltool.rundir import Metrics
from cltool.tasks import TaskStream, arrange
from cltool.universal.cards import Card
from cltool.universal.frozen import frozen, protocol, space
from cltool_plugins.backbones.random import random
from cltool_plugins.streams.digits import digits


def changed(folder: Path, weights: dict[str, torch.Tensor] | None = None, **card: Any) -> Path:
    """The training's file with other weights, or a card that says something else."""
    told, kept = Card.load(folder / "best.safetensors")
    replace(told, **card).save(folder / "best.safetensors", weights if weights is not None else dict(kept))
    return folder


def test_it_gives_the_features_of_the_network_that_was_kept(by_hand: Callable, digit_stream: TaskStream) -> None:
    folder = by_hand()
    weights = {"1.weight": torch.randn(256, 64), "1.bias": torch.randn(256)}
    changed(folder, weights)
    found = frozen(folder, digit_stream)
    pictures = digit_stream.pictures.test["4"].pictures(range(5))
    expected = torch.relu(found.transform(pictures).flatten(1) @ weights["1.weight"].T + weights["1.bias"])
    assert torch.allclose(found(pictures), expected, atol=1e-5)
    assert (found.width, found.parameters, found.name) == (256, 256 * 65, f"trained:weights={folder}")


def test_the_directory_and_its_file_are_one_backbone(by_hand: Callable, digit_stream: TaskStream) -> None:
    folder = by_hand()
    one, two = (frozen(path, digit_stream) for path in (folder, folder / "best.safetensors"))
    half = frozen(folder, digit_stream, dtype="bfloat16")
    assert one.fingerprint == two.fingerprint == space(folder) == Head.load(folder / "head.safetensors").space
    assert half.fingerprint != one.fingerprint
    assert half.name.endswith(",dtype=bfloat16")
    assert half(digit_stream.pictures.test["4"].pictures([0])).dtype == torch.bfloat16


def test_other_weights_are_another_backbone(by_hand: Callable, digit_stream: TaskStream) -> None:
    folder = by_hand()
    before = frozen(folder, digit_stream).fingerprint
    changed(folder, {"1.weight": torch.zeros(256, 64), "1.bias": torch.zeros(256)})
    assert frozen(folder, digit_stream).fingerprint != before


def test_a_file_that_was_checked_is_built_only_when_pictures_go_through(
    by_hand: Callable, digit_stream: TaskStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = by_hand()
    frozen(folder, digit_stream)
    monkeypatch.setattr("cltool.universal.frozen._built", lambda *_: pytest.fail("built"))
    assert frozen(folder, digit_stream).width == 256


def test_the_cards_transform_holds_not_the_architectures(by_hand: Callable, digit_stream: TaskStream) -> None:
    folder = by_hand()
    transform = replace(Card.load(folder / "best.safetensors")[0].transform, resize=12)
    changed(folder, transform=transform)
    assert frozen(folder, digit_stream).transform == transform
    assert space(folder) != Head.load(folder / "head.safetensors").space


@pytest.mark.slow
def test_a_convolutional_network_is_rebuilt_without_its_classifier(by_hand: Callable, digit_stream: TaskStream) -> None:
    from cltool_plugins.backbones.torchvision import torchvision_backbone

    folder = by_hand()
    raw = torchvision_backbone("resnet18", weights="none", size=32)
    weights = {key: value.clone() for key, value in raw.build().state_dict().items()}
    weights["conv1.weight"] *= 2
    about = {"architecture": "resnet18:weights=none,size=32", "transform": raw.transform}
    changed(folder, weights, **about, width=512, parameters=raw.parameters)
    found = frozen(folder, digit_stream)
    pictures = digit_stream.pictures.test["4"].pictures([0, 1])
    assert torch.equal(found.body.conv1.weight, weights["conv1.weight"])
    assert found(pictures).shape == (2, 512)


def in_colour(pictures: PictureSet) -> PictureSet:
    def coloured(blocks: Mapping[str, Block]) -> dict[str, Block]:
        return {n: replace(b, decode=RawPixels(3, 8, 8), read=lambda _: bytes(range(192))) for n, b in blocks.items()}

    return replace(pictures, train=coloured(pictures.train), test=coloured(pictures.test))


def test_what_was_trained_on_grey_pictures_takes_coloured_ones(by_hand: Callable) -> None:
    stream = arrange(in_colour(digits()), 5, 2)
    found = frozen(by_hand(), stream)
    assert found(stream.pictures.test["4"].pictures([0, 1])).shape == (2, 256)


# What it says of itself


def only(classes: int | list[str]) -> PictureSet:
    return digits().only(classes)


def test_what_was_trained_on_later_classes_leaks(by_hand: Callable, digit_stream: TaskStream) -> None:
    told = frozen(by_hand(), digit_stream).protocol
    assert told == {"on": "pictures", "leaks": True, "classes": 10, "later": 8, "data": "digits"}


def test_what_was_trained_on_the_first_task_does_not(by_hand: Callable, digit_stream: TaskStream) -> None:
    told = frozen(by_hand(pictures=only(2)), digit_stream).protocol
    assert told == {"on": "pictures", "leaks": False, "classes": 2, "later": 0, "data": "digits"}


def test_the_order_of_classes_decides_what_comes_later(by_hand: Callable) -> None:
    card = Card.load(by_hand(pictures=only(2)) / "best.safetensors")[0]
    turned = arrange(digits(), 5, 2, [str(n) for n in range(9, -1, -1)])
    told = protocol(card, turned)
    assert told is not None
    assert (told["leaks"], told["later"]) == (True, 2)


def test_pictures_learnt_under_other_names_leak_all_the_same(by_hand: Callable, digit_stream: TaskStream) -> None:
    for name, renamed in (("named", "digit {}"), ("halves", "{}")):
        pictures = digits().relabelled(
            {str(n): renamed.format(n if name == "named" else n // 5 + 20) for n in range(10)}
        )
        told = frozen(by_hand(name, pictures=pictures), digit_stream).protocol
        assert told is not None
        assert (told["on"], told["leaks"], told["classes"], told["later"]) == ("pictures", True, 10, 8)


def test_a_map_that_renames_some_classes_hides_none(by_hand: Callable) -> None:
    """The note vouches for those that kept their names, hashes for the others."""
    noted = replace(digits(), note="labels from a.csv")
    card = Card.load(by_hand(pictures=noted) / "best.safetensors")[0]
    classes = ("0", "1", *(f"digit {n}" for n in range(2, 10)))
    told = protocol(replace(card, data="digits; labels from a.csv", classes=classes), arrange(noted, 5, 2))
    assert told is not None
    assert (told["on"], told["leaks"], told["classes"], told["later"]) == ("pictures", True, 10, 8)


def test_held_out_pictures_are_those_that_were_trained_on(by_hand: Callable) -> None:
    pictures = digits().held_out(0.2).relabelled({str(n): f"digit {n}" for n in range(10)})
    told = frozen(by_hand(), arrange(pictures, 5, 2)).protocol
    assert told == {"on": "pictures", "leaks": True, "classes": 10, "later": 8, "data": "digits"}


def test_what_was_seen_before_the_last_training_counts_too(by_hand: Callable, digit_stream: TaskStream) -> None:
    first = Card.load(by_hand() / "best.safetensors")[0]
    last = replace(first, classes=("cat",), digests={"cat": "0"}, data="pets", before=first.trainings)
    told = protocol(last, digit_stream)
    assert told == {"on": "pictures", "leaks": True, "classes": 10, "later": 8, "data": "digits; then pets"}


def test_other_pictures_of_other_classes_are_nothing_it_saw(by_hand: Callable, digit_stream: TaskStream) -> None:
    card = replace(Card.load(by_hand() / "best.safetensors")[0], digests={"cat": "0"}, classes=("cat",))
    assert protocol(card, digit_stream) is None


def test_classes_of_the_same_names_may_be_other_pictures(by_hand: Callable, digit_stream: TaskStream) -> None:
    """Names alone are no proof, and are told as what they are; pictures of a class are read for no other reason."""
    card = replace(Card.load(by_hand() / "best.safetensors")[0], digests={})
    told = protocol(card, digit_stream)
    assert told is not None
    assert (told["on"], told["leaks"], told["later"]) == ("names", None, 8)
    beginning = protocol(replace(card, classes=("0", "1")), digit_stream)
    assert beginning is not None
    assert (beginning["on"], beginning["leaks"], beginning["later"]) == ("names", False, 0)


def test_the_same_note_on_the_data_is_proof_enough(by_hand: Callable) -> None:
    noted = arrange(replace(digits(), note="labels from a.csv"), 5, 2)
    card = replace(Card.load(by_hand() / "best.safetensors")[0], digests={}, data="faces; labels from a.csv")
    told = protocol(card, noted)
    assert told is not None
    assert (told["on"], told["leaks"]) == ("pictures", True)


def test_test_pictures_that_were_trained_on_leak_too(by_hand: Callable, digit_stream: TaskStream) -> None:
    """Somebody may train on what another stream tests on."""
    digests = {"9": digit_stream.pictures.test["9"].digest}
    card = replace(Card.load(by_hand() / "best.safetensors")[0], digests=digests)
    told = protocol(card, digit_stream)
    assert told is not None
    assert (told["leaks"], told["classes"], told["later"]) == (True, 1, 1)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"on": "pictures", "leaks": True, "classes": 10, "later": 8}, "trained on 10 of these classes (leaks: 8 come"),
        ({"on": "pictures", "leaks": False, "classes": 2, "later": 0}, "trained on 2 of the first task's classes"),
        (
            {"on": "names", "leaks": None, "classes": 10, "later": 8},
            "10 classes of these names (leaks if on these pict",
        ),
    ],
)
def test_titles_say_so(told: dict[str, Any], words: str) -> None:
    assert words in shown(Metrics.model_construct(universal=told, holdout=None))


# What is refused


def test_no_file(by_hand: Callable, digit_stream: TaskStream, tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"there is no trained backbone in .*nowhere"):
        frozen(tmp_path / "nowhere", digit_stream)
    folder = by_hand()
    (folder / "best.safetensors").unlink()
    with pytest.raises(CallError, match="yet: no epoch has finished"):
        frozen(folder, digit_stream)


def test_a_file_without_a_card(digit_stream: TaskStream, tmp_path: Path) -> None:
    save_file({"fc.weight": torch.zeros(2, 2)}, tmp_path / "plain.safetensors")
    with pytest.raises(CallError, match=r"plain.safetensors is no trained backbone of cltool"):
        frozen(tmp_path / "plain.safetensors", digit_stream)


def test_an_architecture_that_is_not_installed(by_hand: Callable, digit_stream: TaskStream) -> None:
    folder = changed(by_hand(), architecture="resnet81:weights=none")
    with pytest.raises(CallError, match=r"trained as resnet81:weights=none, which cannot be built: .*'resnet18'"):
        frozen(folder, digit_stream)


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ({"1.weight": torch.zeros(256, 64)}, "lacks '1.bias'"),
        (
            {"1.weight": torch.zeros(256, 64), "1.bias": torch.zeros(256), "2.bias": torch.zeros(1)},
            "a foreign '2.bias'",
        ),
        ({"1.weight": torch.zeros(256, 65), "1.bias": torch.zeros(256)}, "another shape for '1.weight'"),
    ],
)
def test_weights_of_another_network(
    by_hand: Callable, digit_stream: TaskStream, weights: dict[str, torch.Tensor], told: str
) -> None:
    with pytest.raises(CallError, match="does not fit random:features=256,size=8: the file ") as found:
        frozen(changed(by_hand(), weights), digit_stream)
    assert told in str(found.value)


def test_a_card_that_tells_another_width(by_hand: Callable, digit_stream: TaskStream) -> None:
    with pytest.raises(CallError, match=r"its card tells of width 512, random:features=256,size=8 has 256"):
        frozen(changed(by_hand(), width=512), digit_stream)


def test_a_file_that_was_exchanged_after_its_description(by_hand: Callable, digit_stream: TaskStream) -> None:
    folder = by_hand()
    found = frozen(folder, digit_stream)
    changed(folder, random(digit_stream, features=256, size=8, seed=1).build().state_dict())
    with pytest.raises(CallError, match="was exchanged since it was described"):
        found(digit_stream.pictures.test["4"].pictures([0]))
