"""Films' own features as they are: the backbone that adds nothing."""

from __future__ import annotations

import hashlib
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from cltool import Backbone, CallError, PictureTransform, TaskStream, backbone
from cltool.video.blocks import film_blocks, rows_of


class Chosen(nn.Module):
    """Some of the numbers of rows [B, D, 1, 1] → [B, len(columns)]."""

    def __init__(self, columns: list[int]) -> None:
        super().__init__()
        self.columns = torch.tensor(columns)

    def forward(self, rows: Tensor) -> Tensor:
        return rows.flatten(1)[:, self.columns.to(rows.device)]


@backbone(source="what cltool video extract finds in a frame", values=True)
def frames(
    stream: TaskStream,
    *,
    of: Annotated[
        str | None, Field(description="tensors of the store, joined by +: landmarks+mel; default: all")
    ] = None,
) -> Backbone:
    """Each frame's numbers in a row, tensor after tensor, flattened; points' confidences are left out.

    What was not seen or heard in a frame is as it was last. Nothing is learned, and frames know nothing of one another.
    Raises CallError: a tensor that the films have not, one that is never there in a film, a stream of pictures.
    """
    blocks = list(film_blocks(stream))
    layout = rows_of(blocks[0]).layout
    tensors = [name.strip() for name in of.split("+")] if of else list(layout.widths)
    columns = layout.columns(tensors)
    for film in (rows_of(block).film for block in blocks):
        for name in tensors:
            if not film.entry.valid[name]:
                others = "+".join(other for other in tensors if other != name)
                advice = f"take of={others}" if others else "take another tensor"
                raise CallError(f"there is no {name!r} in any frame of {film.name}; {advice}, or leave that film out")
    name = f"frames:of={'+'.join(tensors)}"
    identity = hashlib.sha256(f"{name} {layout.fingerprint(tensors)} {list(layout.widths)}".encode()).hexdigest()
    return Backbone(name, lambda: Chosen(columns), identity, PictureTransform(1, layout.width), len(columns), 0)
