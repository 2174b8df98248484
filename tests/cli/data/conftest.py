"""A data set in Aff-Wild2's layout, cropped faces only, small enough to be counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

ROWS = {
    ("Train_Set", "a"): "0.5,0.25\n-5,-5\n-0.5,0.75\n1.5,0\n",
    ("Train_Set", "b_left"): "0,0\n0.25,0.25\n",
    ("Validation_Set", "c"): "-1,1\n1,-1\n0,0\n",
    ("Validation_Set", "lost"): "0,0\n",
}
FACES = {"a": (1, 3, 4), "b_left": (1, 2, 3), "c": (2,)}


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Four annotated films, the last without pictures; no videos, so no sound."""
    root = tmp_path / "data"
    for (split, name), rows in ROWS.items():
        folder = root / "VA_Estimation_Challenge" / split
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.txt").write_text(f"valence,arousal\n{rows}")
    for name, numbers in FACES.items():
        folder = root / "cropped_aligned" / name
        folder.mkdir(parents=True)
        for number in numbers:
            Image.new("RGB", (4, 4)).save(folder / f"{number:05d}.jpg")
    return root
