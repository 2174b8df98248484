"""A film's annotation as a text file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cltool.affect.annotation import read_annotation


@pytest.mark.parametrize(
    "text",
    [
        "valence,arousal\n0.5,-1\n-5,-5\n0.25,-5\n1,0\n",
        "valence,arousal\r\n0.5,-1\r\n,\r\n0.25,\r\n1,0\r\n\r\n",
        "\ufeffframe, Arousal, Valence, face\n0,-1,0.5,x\n1,-5,-5,\n2,,0.25,\n3,0,1,\n",
    ],
    ids=["as Aff-Wild2's", "empty cells, Windows lines", "more columns in another order"],
)
def test_columns_are_found_by_name_and_missing_labels_are_nan(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(text.encode())
    labels = read_annotation(path)
    nan = np.nan
    np.testing.assert_array_equal(labels.values, np.float32([[0.5, -1], [nan, nan], [nan, nan], [1, 0]]))
    assert labels.path == path
