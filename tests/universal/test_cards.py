"""Cards: what a file of weights says of all that it has learnt from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file

from cltool.universal.card_page import card_page
from cltool.universal.cards import Card


def test_a_card_remembers_the_trainings_before_its_own(by_hand: Callable, tmp_path: Path) -> None:
    first, weights = Card.load(by_hand() / "best.safetensors")
    second = replace(first, data="pets", licence="for research only", before=first.trainings)
    third = replace(first, data="faces", licence="ask first", before=second.trainings)
    third.save(tmp_path / "third.safetensors", weights)
    loaded = Card.load(tmp_path / "third.safetensors")[0]
    assert loaded == third
    assert [training["data"] for training in loaded.trainings] == ["digits", "pets", "faces"]
    assert loaded.before[0]["digests"] == first.digests


def test_a_card_of_a_time_that_knew_no_earlier_trainings_still_loads(by_hand: Callable, tmp_path: Path) -> None:
    path = by_hand() / "best.safetensors"
    with safe_open(path, "pt") as opened:
        metadata = opened.metadata()
    for key, text in metadata.items():
        told = json.loads(text)
        if isinstance(told, dict) and "card" in told:
            del told["card"]["before"]
        elif key == "card":
            del told["before"]
        metadata[key] = json.dumps(told)
    assert "before" not in str(metadata)
    save_file(load_file(path), tmp_path / "old.safetensors", metadata)
    assert Card.load(tmp_path / "old.safetensors")[0] == Card.load(path)[0]


def test_the_page_tells_every_licence(by_hand: Callable) -> None:
    first = replace(Card.load(by_hand() / "best.safetensors")[0], licence="free")
    assert "\n## Licence\n\nfree\n" in card_page(first)
    page = card_page(replace(first, data="pets", licence="for research only", before=first.trainings))
    assert "\n## Licence\n\n- pets: for research only\n- digits: free\n" in page
    assert "Before that it was trained on\n\n- digits: 10 classes\n" in page
