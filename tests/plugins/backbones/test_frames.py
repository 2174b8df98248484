"""Films' own features as a backbone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from cltool.contract import check
from cltool.errors import CallError
from cltool.tasks import TaskStream
from cltool.video.blocks import rows_of
from cltool_plugins.backbones.frames import frames


def test_it_keeps_its_contract() -> None:
    assert all(finding.kept for finding in check(frames).findings)


def test_the_tensors_asked_for_in_their_order(puppets: TaskStream) -> None:
    block = puppets.pictures.test[puppets.pictures.outputs[0]]
    rows = rows_of(block.films[0])
    found = frames(puppets, of="mel+body")(block.pictures(range(3)))
    film, at = rows.film, rows.frames[:3]
    wanted = torch.cat([torch.from_numpy(film[name][at].reshape(3, -1)) for name in ("mel", "body")], 1)
    assert torch.equal(found, wanted)
    assert frames(puppets).width == 304


def test_other_tensors_or_another_order_are_another_space(puppets: TaskStream) -> None:
    prints = {frames(puppets, of=of).fingerprint for of in (None, "mel", "body", "mel+body", "body+mel")}
    assert len(prints) == 5


def test_wrong_tensors_are_told(puppets: TaskStream, digit_stream: TaskStream) -> None:
    with pytest.raises(CallError, match="have no 'lips'"):
        frames(puppets, of="lips+mel")
    with pytest.raises(CallError, match="the stream has pictures"):
        frames(digit_stream)


def test_a_film_that_never_shows_what_is_read_is_named(puppets: TaskStream) -> None:
    film = rows_of(puppets.pictures.train[puppets.pictures.outputs[0]].films[0]).film
    kept = dict(film.entry.valid)
    film.entry.valid["mel"] = 0
    try:
        with pytest.raises(CallError, match=rf"no 'mel' in any frame of {film.name}; take of=landmarks\+body"):
            frames(puppets)
        assert frames(puppets, of="body").width == 36
    finally:
        film.entry.valid.update(kept)


def test_features_do_not_depend_on_what_else_the_backbone_is_shown(puppets: TaskStream) -> None:
    backbone = frames(puppets, of="body")
    block = puppets.pictures.test[puppets.pictures.outputs[1]]
    assert torch.equal(backbone(block.pictures(range(4)))[2:3], backbone(block.pictures([2])))
    assert replace(backbone).fingerprint == backbone.fingerprint
