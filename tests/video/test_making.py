"""A made data set is whole, or the folder is as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cltool import maker
from cltool.errors import PluginFailed
from cltool.plugin import Configured
from cltool.video.making import Made, make


@maker
def two(out: Path, videos: int, seconds: float, seed: int) -> None:
    """Write down what was asked for."""
    (out / "videos").mkdir()
    (out / "videos" / "a.txt").write_text(f"{videos} {seconds} {seed}")
    (out / "synthetic.json").write_text("{}")


@maker
def breaks_off(out: Path) -> None:
    """Be interrupted half-way."""
    (out / "a.txt").write_text("half")
    raise KeyboardInterrupt


@maker
def idle(out: Path) -> None:
    """Make an empty folder."""
    (out / "videos").mkdir()


def of(function: Callable) -> Configured:
    return function.__cltool_plugin__.configure()  # type: ignore[attr-defined]


@pytest.mark.parametrize("place", ["new", "new/within", "empty"])
def test_what_is_made_is_whole(place: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert make(of(two), tmp_path / place, 3, 1.5, 7) == Made(2, 9)
    assert (tmp_path / place / "videos" / "a.txt").read_text() == "3 1.5 7"
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("place", ["new", "new/within", "empty"])
@pytest.mark.parametrize(("plugin", "error"), [(breaks_off, KeyboardInterrupt), (idle, PluginFailed)])
def test_what_is_broken_off_leaves_the_folder_as_it_was(
    plugin: Callable, error: type[BaseException], place: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(error):
        make(of(plugin), tmp_path / place, 1, 1)
    assert list(tmp_path.rglob("*")) == [tmp_path / "empty"]
