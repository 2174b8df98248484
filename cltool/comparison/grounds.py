"""What all cells of a stream and seed stand on, made once and before them: backbone, sound pictures, features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cltool.backbones import Backbone
from cltool.comparison.cells import Cell
from cltool.comparison.setups import Comparison
from cltool.features import FeatureBank
from cltool.pictures import Block, PictureSet
from cltool.progress import Progress
from cltool.run import check_pictures, needed_blocks
from cltool.setups import Setup


@dataclass(frozen=True, eq=False)
class Ground:
    """Stream, seed and backbone of cells; features of all their pictures are in the bank."""

    setup: Setup  # of any of the cells
    backbone: Backbone

    @property
    def pictures(self) -> PictureSet:
        """The stream's pictures."""
        return self.setup.stream.pictures

    @property
    def blocks(self) -> list[Block]:
        """The blocks that a run may read features of, films where there are any."""
        return [piece for block in needed_blocks(self.setup.stream) for piece in block.pieces]

    def bank(self, progress: Progress) -> FeatureBank:
        """Where the features are."""
        return FeatureBank(device=self.setup.device, progress=progress)


def lay_grounds(comparison: Comparison, cells: Sequence[Cell], progress: Progress) -> dict[tuple[str, int], Ground]:
    """The grounds of some cells, by stream and seed.

    Backbones are trained where they have to be, pictures are checked and go through them, if any cell reads features.
    Raises CallError for what cannot be read.
    """
    grounds: dict[tuple[str, int], Ground] = {}
    alike: dict[str, Backbone] = {}  # a network is built once, however many seeds share it
    for cell in cells:
        if cell.ground in grounds:
            continue
        setup = comparison.setup(cell, progress)
        backbone = setup.build(progress)
        ground = Ground(setup, alike.setdefault(backbone.fingerprint, backbone))
        check_pictures(setup, ground.backbone, progress)
        if comparison.reads_features:
            _extract(ground, progress)
        grounds[cell.ground] = ground
    return grounds


def _extract(ground: Ground, progress: Progress) -> None:
    """Put into the bank what is not there; task by task, since all at once may be more than memory holds."""
    bank, stream = ground.bank(progress), ground.setup.stream
    for outputs in (*stream.groups, stream.left_out):
        blocks = [block for block in needed_blocks(stream) if block.output in outputs]
        if missing := [block for block in blocks if not bank.has(block, ground.backbone)]:
            bank.features(missing, ground.backbone)
