"""Grounds of a comparison as they are sent to other processes: facts of pictures and backbone, not these themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from cltool.backbones import Backbone
from cltool.comparison.grounds import Ground
from cltool.pictures import Block, PictureSet, Split, Unsent


@dataclass(frozen=True, eq=False)
class Sent:
    """What is known of pictures and backbone; whoever asks for more raises CallError, unless it is at home."""

    pictures: PictureSet
    backbone: Backbone

    @classmethod
    def of(cls, ground: Ground, why: str) -> Sent:
        """A ground's facts; `why` says why there is no more."""
        whole = Unsent(why) if ground.backbone.of_block else None
        backbone = replace(ground.backbone, build=Unsent(why), of_block=whole)
        return cls(ground.pictures.without_pictures(why), backbone)

    def at_home(self, pictures: Callable[[], PictureSet], backbone: Callable[[], Backbone]) -> Sent:
        """The same where the data are: loaded, and the network built, when somebody asks for them.

        Cells that read features from the bank never do.
        """
        train, test = self.pictures.train, self.pictures.test
        here = replace(
            self.pictures,
            train={name: _at_home(block, partial(_own, pictures, "train", name)) for name, block in train.items()},
            test={name: _at_home(block, partial(_own, pictures, "test", name)) for name, block in test.items()},
        )

        def whole(block: Block) -> Any:
            of_block = backbone().of_block
            assert of_block is not None  # as the facts say
            return of_block(block)

        known = self.backbone
        network = replace(
            known, build=lambda: backbone().build(), of_block=whole if known.of_block is not None else None
        )
        return Sent(here, network)


def _own(pictures: Callable[[], PictureSet], split: Split, name: str) -> Block:
    return (pictures().train if split == "train" else pictures().test)[name]


def _at_home(block: Block, own: Callable[[], Block]) -> Block:
    """A block that reads and decodes as the loaded one does."""

    def film(number: int) -> Callable[[], Block]:
        return lambda: own().films[number]

    films = tuple(_at_home(one, film(number)) for number, one in enumerate(block.films))
    return replace(block, read=lambda i: own().read(i), decode=lambda encoded: own().decode(encoded), films=films)
