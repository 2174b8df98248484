from __future__ import annotations

from pathlib import Path

import pytest

from cltool_plugins.streams.downloads import data_folder, quietly


def test_what_a_library_prints_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with quietly():
        print("100 %")
    print("result")
    assert tuple(capsys.readouterr()) == ("result\n", "100 %\n")


def test_data_lies_where_it_is_said_to_or_in_the_cache(tmp_path: Path, cache: Path) -> None:
    assert data_folder("cifar100", tmp_path) == tmp_path
    assert data_folder("cifar100", None) == cache / "data" / "cifar100"
