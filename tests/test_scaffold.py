"""New plugins: what is written works at once, under any name, and nothing that is there is touched."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cltool import scaffold
from cltool.catalogue import discover
from cltool.errors import CallError
from cltool.plugin import KINDS
from cltool.scaffold import write_plugin

TEMPLATES = Path(scaffold.__file__).with_name("templates")
RUFF = Path(sys.executable).with_name("ruff")
# This repository's rules, in a folder that is none of its own
RULES = ("--extend-select", "E,F,W,I,B,UP,SIM,C4,PTH,RUF,PT,N", "--ignore", "RUF001,RUF002,RUF003")
NO_SETTINGS = ("--isolated", "--line-length", "120")


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    found = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run([str(c) for c in command], cwd=cwd, env=found, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["halves", "two-halves"])
def test_a_written_file_is_a_plugin_of_its_kind(kind: str, name: str, tmp_path: Path) -> None:
    function = name.replace("-", "_")
    written = write_plugin(kind, name, tmp_path)
    assert [path.name for path in written] == [f"{function}.py", f"test_{function}.py"]
    plugin = discover([written[0]]).find(kind, name)
    assert plugin.function.__name__ == function
    assert plugin.source
    assert not any("mine" in path.read_text(encoding="utf-8") for path in written)


def test_in_texts_a_plugin_is_called_as_it_is_on_a_command_line(tmp_path: Path) -> None:
    code, _ = write_plugin("backbone", "two-halves", tmp_path)
    assert discover([code]).find("backbone", "two-halves").function().name == "two-halves:grid=8,size=32"


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_is_short(kind: str) -> None:
    source = (TEMPLATES / f"{kind}.py").read_text(encoding="utf-8")
    without_docstrings = re.sub(r'""".*?"""', "", source, flags=re.DOTALL)
    code = [line for line in without_docstrings.splitlines() if line.strip() and not line.strip().startswith("#")]
    assert len(code) < 25


def test_every_kind_has_a_template_and_a_test() -> None:
    for folder in (TEMPLATES, TEMPLATES / "tests"):
        assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == set(KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["q", "an-idea-of-my-own", "a_rather_long_name_that_is_40_letters_00"])
def test_ruff_finds_nothing_in_what_is_written(name: str, tmp_path: Path) -> None:
    for kind in KINDS:
        code, _ = write_plugin(kind, name, tmp_path / "loose" / kind)
        pyproject, *_ = write_plugin(kind, name, tmp_path / "packages" / kind, package=True)
        for folder, settings in ((code.parent, NO_SETTINGS), (pyproject.parent, ())):
            checked = run(RUFF, "check", "--no-cache", *settings, *RULES, ".", cwd=folder)
            assert checked.returncode == 0, checked.stdout
            formatted = run(RUFF, "format", "--no-cache", "--check", *settings, ".", cwd=folder)
            assert formatted.returncode == 0, formatted.stdout


@pytest.mark.slow
def test_what_is_written_passes_its_own_tests(tmp_path: Path) -> None:
    for kind in KINDS:
        write_plugin(kind, f"my-{kind}", tmp_path)
    tests = run(sys.executable, "-m", "pytest", "--doctest-modules", "-p", "no:cacheprovider", cwd=tmp_path)
    assert f" {3 * len(KINDS)} passed" in tests.stdout, tests.stdout  # a doctest, the contract, a test of its own


@pytest.mark.slow
def test_a_written_test_notices_what_its_author_breaks(tmp_path: Path) -> None:
    code, _ = write_plugin("merge", "halves", tmp_path)
    code.write_text(code.read_text().replace("before.blended(after, share)", "after"))
    tests = run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", cwd=tmp_path)
    assert "FAILED test_halves.py::test_halves_blends_shared_rows_only" in tests.stdout
    assert " 1 passed" in tests.stdout  # it is a merge still


def test_a_package_announces_its_plugin(tmp_path: Path) -> None:
    written = write_plugin("loss", "two-halves", tmp_path, package=True)
    package = tmp_path / "cltool-two-halves"
    assert [path.relative_to(package).as_posix() for path in written] == [
        "pyproject.toml",
        "README.md",
        "cltool_two_halves/__init__.py",
        "tests/test_two_halves.py",
    ]
    project = tomllib.loads(written[0].read_text(encoding="utf-8"))
    assert project["project"]["name"] == package.name
    assert project["project"]["dependencies"] == ["cltool"]
    assert project["project"]["entry-points"] == {
        "cltool.plugins": {"loss.two-halves": "cltool_two_halves:two_halves"},
    }
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["cltool_two_halves"]
    assert "cltool plugins check loss.two-halves\n" in written[1].read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_package_is_found_by_its_entry_point(tmp_path: Path) -> None:
    """As installed: its folder on the path, beside the metadata that an installer makes of pyproject.toml."""
    (pyproject, *_) = write_plugin("surgery", "two-halves", tmp_path, package=True)
    points = tomllib.loads(pyproject.read_text())["project"]["entry-points"]["cltool.plugins"]
    about = pyproject.parent / "cltool_two_halves-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: cltool-two-halves\nVersion: 0.1.0\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (about / "entry_points.txt").write_text("\n".join(["[cltool.plugins]", *lines]))
    program = "from cltool import discover; print(discover().find('surgery', 'two-halves').function.__module__)"
    found = run(sys.executable, "-c", program, cwd=tmp_path, PYTHONPATH=str(pyproject.parent))
    assert found.stdout == "cltool_two_halves\n", found.stderr


@pytest.mark.slow
def test_a_package_passes_its_own_tests(tmp_path: Path) -> None:
    write_plugin("merge", "two-halves", tmp_path, package=True)
    tests = run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", cwd=tmp_path / "cltool-two-halves")
    assert " 2 passed" in tests.stdout, tests.stdout


def test_only_commands_that_there_are_stand_in_a_readme(tmp_path: Path) -> None:
    for kind in KINDS:
        (_, readme, *_) = write_plugin(kind, "halves", tmp_path, package=True)
        (ran,) = [line.split() for line in readme.read_text().splitlines() if line.startswith("cltool run")] or [[]]
        others = ("strategy", "loss", "network", "preset", "modality", "corpus", "maker")
        assert ran == [] if kind in others else ran[-2:] == [f"--{kind}", "halves"]
        readme.parent.rename(tmp_path / kind)


def test_writing_imports_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from cltool.scaffold import write_plugin\n"
        "write_plugin('strategy', 'halves', Path(), package=True)\n"
        "print({'torch', 'pydantic', 'cltool.templates.strategy'} & set(sys.modules))"
    )
    assert run(sys.executable, "-c", program, cwd=tmp_path).stdout == "set()\n"


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    for path in write_plugin("merge", "halves", tmp_path / "a" / "b"):
        assert path.parent == tmp_path / "a" / "b"
        assert path.is_file()


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), CallError("cannot write test_halves.py: No space left on device")],
)
def test_a_write_that_fails_half_way_leaves_no_file(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        if path.name.startswith("test_"):
            raise error
        path.write_text(text)

    monkeypatch.setattr(scaffold, "save_text", full)
    with pytest.raises(CallError, match=r"cannot write .*test_halves\.py: No space left on device; give"):
        write_plugin("merge", "halves", tmp_path)
    assert everything(tmp_path) == {}


# Wrong calls: one line that says what is wrong and what to do, and no file written.


@pytest.mark.parametrize(
    ("kind", "name", "package", "told"),
    [
        ("mrge", "halves", False, "no kind of plugin 'mrge'; did you mean 'merge'?"),
        ("merge", "", False, "no name for a plugin"),
        ("merge", "2halves", False, "no name for a plugin"),
        ("merge", "my halves", False, "no name for a plugin"),
        ("merge", "../halves", True, "no name for a plugin"),
        ("merge", "a/b", False, "no name for a plugin"),
        ("merge", "Head", False, "no name for a plugin"),
        ("merge", "hälfte", True, "no name for a plugin"),
        ("merge", "-halves", True, "no name for a plugin"),
        ("merge", "halves_", True, "no name for a plugin"),
        ("merge", "halves\n", False, "no name for a plugin"),
        ("merge", "h" * 41, False, "up to 40"),
        ("merge", "lambda", True, "a word of Python's own"),
        ("merge", "union", True, "uses 'union' for something else"),  # an import of the template
        ("merge", "merge", True, "uses 'merge' for something else"),  # its decorator
        ("merge", "check", True, "uses 'check' for something else"),  # an import of its test
        ("merge", "merged", True, "uses 'merged' for something else"),  # a variable of its test
        ("merge", "a", True, "uses 'a' for something else"),  # a variable of its doctest
        ("surgery", "torch", True, "uses 'torch' for something else"),
        ("stream", "np", True, "uses 'np' for something else"),
        ("unknown", "round", True, "uses 'round' for something else"),  # a builtin
        ("merge", "random", False, "would hide the module 'random'"),
        ("merge", "torchvision", False, "would hide the module 'torchvision'"),
        ("merge", "alpha", True, "merge 'alpha' comes from cltool already"),
        ("loss", "non-inertial", False, "loss 'non-inertial' comes from cltool already"),
    ],
)
def test_wrong_calls(kind: str, name: str, package: bool, told: str, tmp_path: Path) -> None:
    with pytest.raises(CallError) as caught:
        write_plugin(kind, name, tmp_path, package)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert everything(tmp_path) == {}


@pytest.mark.parametrize("package", [False, True])
def test_nothing_is_overwritten(package: bool, tmp_path: Path) -> None:
    for number, path in enumerate(write_plugin("merge", "halves", tmp_path / "where", package)):
        folder = tmp_path / str(number)
        there = folder / path.relative_to(tmp_path / "where")
        there.parent.mkdir(parents=True)
        there.write_text("years of work")
        with pytest.raises(CallError, match="exists already"):
            write_plugin("merge", "halves", folder, package)
        assert everything(folder) == {there: b"years of work"}


def test_a_link_to_nowhere_is_not_overwritten(tmp_path: Path) -> None:
    link = tmp_path / "halves.py"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(CallError, match="exists already"):
        write_plugin("merge", "halves", tmp_path)
    assert list(tmp_path.iterdir()) == [link]


@pytest.mark.parametrize("package", [False, True])
def test_a_folder_that_cannot_be_written_to(package: bool, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CallError, match=r"cannot write .*; give another folder") as caught:
        write_plugin("merge", "halves", tmp_path / "file" / "in it", package)
    assert "\n" not in str(caught.value)
    assert everything(tmp_path) == {tmp_path / "file": b"no folder"}
