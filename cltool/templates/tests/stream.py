"""The stream's pictures, counted."""

from __future__ import annotations

from cltool.contract import check
from cltool.templates.stream import mine


def test_mine_keeps_the_contract() -> None:
    check(mine)


def test_mine_has_pictures_of_every_class() -> None:
    pictures = mine(classes=3)
    assert pictures.outputs == ("0", "1", "2")
    assert [len(block) for block in pictures.train.values()] == [142, 145, 141]
    assert [len(block) for block in pictures.test.values()] == [36, 37, 36]
    first_row = pictures.train["0"].picture(0)[0, 0]
    assert first_row.tolist() == [0, 0, 15, 143, 239, 175, 0, 0]  # 1, 9, 15 and 11 sixteenths of 255
