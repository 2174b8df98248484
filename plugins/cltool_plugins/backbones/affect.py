"""What `cltool video train` has left, frozen, without its last layer: `affect:weights=TRAINING`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from cltool import Backbone, Block, CallError, PictureTransform, TaskStream, backbone
from cltool.affect.models import ModelCard, TrainedNetwork, weights_file
from cltool.backbones import count_parameters
from cltool.files import sha256
from cltool.video.blocks import film_blocks, last_seen, rows_of


@backbone(source="cltool video train", values=True, example=None)
def affect(
    stream: TaskStream,
    device: str,
    *,
    weights: Annotated[Path | None, Field(description="a training directory, or its best.safetensors")] = None,
) -> Backbone:
    """A valence–arousal network without its last layer, whose input in each frame is the frame's features.

    A film goes through as a whole, as it was in training. Where the network sees nothing, features are as they were
    last. What it was trained on stands in every output of a run, and whether films of the stream were among it. Raises
    CallError: a file that is none, features that are not those it was trained on, a film it sees nothing of.
    """
    if weights is None:
        raise CallError("backbone affect: give weights=DIR, a directory that cltool video train has left")
    file = weights_file(weights)
    network = TrainedNetwork.load(file, device)
    blocks = list(film_blocks(stream))
    layout = rows_of(blocks[0]).layout
    if (reason := network.card.misfit(layout.index)) is not None:
        raise CallError(f"backbone affect, {file}: {reason}")
    for film in (rows_of(block).film for block in blocks):
        if not any(film.entry.valid[name] for name in network.card.reads):
            raise CallError(
                f"backbone affect, {file}: it sees nothing in {film.name}; leave that film out of the store"
            )

    def represented(block: Block) -> Tensor:
        rows = rows_of(block)
        found = network.represent(rows.film)
        held = last_seen(np.asarray(np.isfinite(found).all(1)))
        return torch.from_numpy(found[held[rows.frames]])

    identity = hashlib.sha256(f"{sha256(file)} {layout.fingerprint(list(network.card.reads))}".encode()).hexdigest()
    module = network.module
    last = module.network.outputs
    if not isinstance(last, nn.Linear):
        raise CallError(f"backbone affect, {file}: its network has no last layer called `outputs`")
    return Backbone(
        f"affect:weights={weights}",
        lambda: module,
        identity,
        PictureTransform(1, layout.width),
        last.in_features,
        count_parameters(module),
        protocol=_protocol(network.card, stream),
        of_block=represented,
    )


def _protocol(card: ModelCard, stream: TaskStream) -> dict[str, Any]:
    """How many of the stream's films the network was trained on, or chosen by; `later`: that come after the first turn.

    Held-out films are among `later`. Of another store's films only the names are known.
    """
    known = {*card.train, *card.validation}
    films = {rows_of(block).film.name: rows_of(block).film for block in film_blocks(stream)}
    store = next(iter(films.values())).path.parent.parent
    same = Path(str(card.recipe["store"])).resolve() == store.resolve()
    first = {rows_of(piece).film.name for name in stream.groups[0] for piece in stream.pictures.train[name].pieces}
    seen = known & set(films)
    later = len(seen - first)
    leaks = bool(later) if same else (None if seen else False)
    return {"on": "films" if same else "names", "leaks": leaks, "classes": 0, "films": len(seen), "later": later}
