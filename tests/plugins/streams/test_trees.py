from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from cltool_plugins.streams.trees import Tree

FILES = {"b/2.png": b"two", "a/1.png": b"one", "a/deep/3.png": b"three", "top.txt": b"top"}
HIDDEN = ("a/._1.png", ".git/config", "__MACOSX/a/._1.png", "a/.thumbs/1.png")


@pytest.fixture(params=["folder", "zip"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The same files as a folder and as a zip file, with hidden ones among them."""
    files = FILES | dict.fromkeys(HIDDEN, b"hidden")
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "files.zip", "w") as archive:
            archive.mkdir("empty")
            for name, content in files.items():
                archive.writestr(name, content)
        return tmp_path / "files.zip"
    for name, content in files.items():
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "files" / "empty").mkdir()
    return tmp_path / "files"


def test_names_are_sorted_and_hidden_ones_left_out(root: Path) -> None:
    assert Tree.of(root).names == tuple(sorted(FILES))


def test_files_are_read_by_name(root: Path) -> None:
    tree = Tree.of(root)
    assert {name: tree.read(name) for name in tree.names} == FILES


def test_folders_are_those_at_the_top_that_hold_files(root: Path) -> None:
    assert Tree.of(root).folders == ("a", "b")


def test_below_sees_the_same_files_from_inside(root: Path) -> None:
    inner = Tree.of(root).below("a")
    assert inner.names == ("1.png", "deep/3.png")
    assert inner.read("1.png") == b"one"
    assert inner.below("deep").read("3.png") == b"three"
    assert inner.root == root / "a"


def test_below_takes_no_folder_whose_name_only_begins_alike(tmp_path: Path) -> None:
    for name in ("cat/1.png", "cats/2.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"")
    assert Tree.of(tmp_path).below("cat").names == ("1.png",)


def test_missing_file_is_an_os_error_in_a_folder_and_in_a_zip(root: Path) -> None:
    with pytest.raises(OSError, match=r"a/4\.png"):
        Tree.of(root).read("a/4.png")


def test_damaged_member_of_a_zip_is_an_os_error(tmp_path: Path) -> None:
    path = tmp_path / "files.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/1.png", b"as it was written")
    path.write_bytes(path.read_bytes().replace(b"as it was", b"as it had"))
    with pytest.raises(OSError, match="CRC"):
        Tree.of(path).read("a/1.png")


def test_linked_folders_are_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.png").write_bytes(b"one")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert Tree.of(tmp_path / "root").names == ("a/1.png",)
