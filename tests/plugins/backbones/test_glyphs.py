"""The network that comes trained on drawings: what it has seen, and what it is good for."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cltool import CallError
from cltool.pictures import Block, PictureSet
from cltool.progress import Silent
from cltool.recipe import Recipe
from cltool.run import prepare, run
from cltool.rundir import Metrics, RunDirectory
from cltool.tasks import TaskStream, arrange
from cltool.universal.cards import Card
from cltool.universal.recipes import TrainingRecipe
from cltool_plugins.backbones.glyphnet import Ink, glyphnet
from cltool_plugins.backbones.universal import GLYPHS, universal
from cltool_plugins.drawings.fonts import of_streams

FOLDER = GLYPHS.parent


def test_the_file_is_small_and_its_network_narrow() -> None:
    card, weights = Card.load(GLYPHS)
    assert GLYPHS.stat().st_size <= 4_000_000
    assert card.width <= 256
    assert sum(w.numel() for name, w in weights.items() if "running" not in name and "num" not in name) == (
        card.parameters
    )


def test_it_has_seen_drawings_and_no_character_of_a_stream() -> None:
    card = Card.load(GLYPHS)[0]
    assert "synthetic" in card.data
    codes = [int(name[2:].split()[0], 16) for name in card.classes if name.startswith("U+")]
    assert len(codes) > 1000
    assert not any(of_streams(code) for code in codes)


def test_recipe_and_log_of_its_training_lie_beside_it_and_tell_of_no_machine() -> None:
    card = Card.load(GLYPHS)[0]
    told = dict(TrainingRecipe.load(FOLDER / "recipe.yaml"))
    for key in ("batch", "epochs", "learning_rate", "schedule", "augment", "seed", "label_smoothing"):
        assert card.recipe[key] == told[key]
    lines = (FOLDER / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == told["epochs"] == card.metrics["epochs"]
    for text in (str(card), (FOLDER / "card.md").read_text(encoding="utf-8"), *lines):
        assert not re.search(r"/(tmp|home|root|work|usr)/", text)


def test_it_needs_no_training_and_says_that_it_leaks_nothing(digit_stream: TaskStream, cache: Path) -> None:
    backbone = universal(digit_stream, "cpu", Silent(), on="glyphs")
    assert backbone.name == "universal:on=glyphs"
    assert backbone.protocol == {"on": "glyphs", "leaks": False, "classes": 0}
    assert backbone([digit_stream.pictures.test["3"].picture(0)]).shape == (1, 256)
    assert not (cache / "universal").exists()


def test_on_drawings_like_those_it_learned_it_says_so(digit_stream: TaskStream) -> None:
    names = Card.load(GLYPHS)[0].classes[:2]
    train, test = (
        {name: replace(blocks[n], output=name) for name, n in zip(names, "01", strict=True)}
        for blocks in (digit_stream.pictures.train, digit_stream.pictures.test)
    )
    drawings = PictureSet(names, train, test, note="synthetic: drawn by cltool")
    told = universal(arrange(drawings, 2, 1), "cpu", Silent(), on="glyphs").protocol
    assert told is not None
    assert (told["on"], told["leaks"], told["classes"], told["later"]) == ("pictures", True, 2, 1)


def test_no_picture_of_other_streams_is_hashed_for_it(
    digit_stream: TaskStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Block, "_read", lambda *_: pytest.fail("read"))
    assert universal(digit_stream, "cpu", Silent(), on="glyphs").width == 256


def test_options_of_a_training_are_not_its(digit_stream: TaskStream) -> None:
    with pytest.raises(CallError, match="comes trained; leave out layer, epochs and seed"):
        universal(digit_stream, "cpu", Silent(), on="glyphs", epochs=3)


def test_polarity_and_contrast_do_not_matter(digit_stream: TaskStream) -> None:
    backbone = universal(digit_stream, "cpu", Silent(), on="glyphs")
    digit = digit_stream.pictures.test["5"].picture(1)
    turned, faint = 255 - digit, (digit.float() * 0.5 + 40).round().to(torch.uint8)
    plain, inverse, pale = backbone([digit, turned, faint])
    assert torch.allclose(plain, inverse, atol=0.01)  # of features whose deviation is about 1
    assert torch.allclose(plain, pale, atol=0.1)
    assert torch.isfinite(backbone([torch.zeros_like(digit)])).all()  # an empty picture, too


def test_ink_is_what_differs_from_the_paper() -> None:
    picture = torch.full((1, 1, 8, 8), 0.8)
    picture[..., 2, 2:6] = 0.1
    ink = Ink()(picture)
    assert ink[0, 0, 2, 3] > 1
    assert ink[0, 0, 0, 0] == 0


@pytest.mark.slow
def test_it_knows_letters_it_never_saw_better_than_untrained_or_random(shared_data: Path, tmp_path: Path) -> None:
    data = {"stream": "emnist", "data_root": _unzipped(shared_data, tmp_path), "tasks": 3, "classes_per_task": 5}
    letters = {**data, "merge": "lda", "joint": False}

    def learn(name: str, backbone: str | None) -> Metrics:
        chosen = {"backbone": backbone} if backbone else {}
        return run(prepare(Recipe.of({**letters, **chosen})), RunDirectory(tmp_path / name))

    ours = learn("ours", None)
    assert ours.backbone == "universal:on=glyphs"  # the default of its stream
    assert ours.accuracy_final >= 0.85
    for name in ("glyphnet", "random"):
        assert ours.accuracy_final > learn(name, name).accuracy_final + 0.05


def _unzipped(shared_data: Path, tmp_path: Path) -> str:
    import zipfile

    with zipfile.ZipFile(shared_data / "emnist_format_letters.zip") as archive:
        archive.extractall(tmp_path / "letters")
    return str(tmp_path / "letters")


def test_an_untrained_network_follows_its_seed() -> None:
    assert glyphnet(seed=1).identity == glyphnet(seed=1).identity != glyphnet(seed=2).identity
