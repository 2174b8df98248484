"""`cltool plugins` as a user sees it, other people's packages among ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cltool import catalogue
from cltool.plugin import KINDS

GOOD = (
    "from cltool import Head, merge, union\n\n\n"
    "@merge(source='a paper')\n"
    "def {name}(old: Head, new: Head, *, share: float = 0.5) -> Head:\n"
    '    """Blend what both own."""\n'
    "    return union(old, new, lambda n, before, after: before.blended(after, share))\n"
)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Put a package with entry points on the path, as pip leaves one."""

    def put(package: str, entry: str, code: str, module: str = "") -> None:
        file = package.replace("-", "_")
        module = module or file
        site = tmp_path / "site"
        info = site / f"{file}-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"{file}.py").write_text(code)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[cltool.plugins]\n{entry} = {module}:mine\n")
        monkeypatch.syspath_prepend(site)
        catalogue._installed.cache_clear()

    yield put
    monkeypatch.undo()
    catalogue._installed.cache_clear()


def test_the_list_has_every_kind_and_says_what_each_plugin_does(cltool: Callable) -> None:
    found = cltool("plugins", "list")
    assert found.code == 0
    for words in ("alpha", "Orgil 2022, eq.", *KINDS):
        assert words in found.out
    assert "wide_resnet50_2: 80" in found.out  # torchvision's take one line
    assert "avalanche:…" in found.out  # and so do those of a family
    assert "avalanche:icarl" not in found.out
    assert "avalanche:icarl" in cltool("plugins", "list", "strategy").out
    assert "wide_resnet101_2" in cltool("plugins", "list", "backbone").out


def test_the_list_as_json_leaves_nothing_out(cltool: Callable) -> None:
    listed = json.loads(cltool("plugins", "list", "--json").out)
    assert listed["warnings"] == []
    rows = {(row["kind"], row["name"]): row for row in listed["plugins"]}
    assert set(rows) == set(catalogue.discover().entries)
    assert rows["merge", "alpha"]["source"] == "Orgil 2022, eq. 3.10-3.11"
    assert rows["merge", "alpha"]["package"] == "cltool"
    assert all(row["says"] for row in rows.values())


@pytest.mark.slow
def test_another_package_is_listed_shown_checked_and_run(cltool: Callable, install: Callable, tmp_path: Path) -> None:
    install("their-merges", "merge.mine", GOOD.format(name="mine"))
    (row,) = [r for r in json.loads(cltool("plugins", "list", "merge", "--json").out)["plugins"] if r["name"] == "mine"]
    assert row["package"] == "their-merges"
    shown = cltool("plugins", "show", "mine").out
    for words in ("Blend what both own.", "share", "float", "0.5", "a paper", "their-merges"):
        assert words in shown
    checked = cltool("plugins", "check", "mine")
    assert checked.code == 0, checked.out
    assert "✓ names: every row of both heads" in checked.out
    quick = ("run", "--stream", "digits", "--backbone", "random:features=16", "--head", "ridge", "--no-joint")
    found = cltool(*quick, "--merge", "mine:share=0.2", "--out", tmp_path / "run", "--json")
    assert json.loads(found.out)["merge"] == "mine:share=0.2"


def test_a_broken_package_costs_a_warning_with_its_name_and_cause(cltool: Callable, install: Callable) -> None:
    install("half-done", "merge.mine", "import nowhere_at_all\n")
    listed = cltool("plugins", "list", "merge")
    assert listed.code == 0
    assert "alpha" in listed.out
    cause = "ModuleNotFoundError: No module named 'nowhere_at_all'"
    assert listed.err.strip() == f"cltool: warning: merge 'mine' of half-done cannot be imported: {cause}"
    assert cltool("run", "--stream", "digits", "--merge", "alpha", "--help").code == 0
    broken = cltool("plugins", "check", "mine")
    assert broken.code == 1
    assert "✗ import: importing it gives a plugin; came: merge 'mine' of half-done cannot be imported" in broken.out


def test_a_malformed_entry_point_costs_a_warning(cltool: Callable, install: Callable) -> None:
    install("mal-formed", "merge.mine", GOOD.format(name="mine"), module="mal-formed.mod")
    listed = cltool("plugins", "list", "merge")
    assert listed.code == 0
    assert "merge 'mine' of mal-formed cannot be imported" in listed.err


def test_a_plugin_that_exits_costs_a_warning(cltool: Callable, install: Callable) -> None:
    install("quitter", "merge.mine", "import sys\nsys.exit('needs a GPU')\n")
    listed = cltool("plugins", "list", "merge")
    assert listed.code == 0
    assert "merge 'mine' of quitter cannot be imported: SystemExit: needs a GPU" in listed.err


def test_a_file_given_twice_and_a_second_name_for_a_plugin_are_no_doubles(cltool: Callable, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(GOOD.format(name="mine") + "\n\ndefault = mine\n")
    found = cltool("plugins", "show", "mine", "--plugin", file, "--plugin", tmp_path / "." / "mine.py")
    assert found.code == 0, found.err


def test_an_entry_point_of_no_kind_is_warned_of(cltool: Callable, install: Callable) -> None:
    install("misspelt", "mrege.mine", GOOD.format(name="mine"))
    listed = cltool("plugins", "list")
    assert listed.code == 0
    assert "misspelt announces mrege.mine; there is no such kind; did you mean 'merge'?" in listed.err


def test_two_plugins_of_one_name_are_an_error_that_names_both(cltool: Callable, install: Callable) -> None:
    install("package-a", "merge.mine", GOOD.format(name="mine"))
    install("package-b", "merge.mine", GOOD.format(name="mine"))
    told = "merge 'mine' comes from package-a and package-b; uninstall one of them"
    assert told in cltool("plugins", "list", "merge").err
    for call in (("run", "--stream", "digits", "--merge", "mine"), ("plugins", "show", "mine")):
        found = cltool(*call)
        assert (found.code, found.err.strip()) == (2, f"cltool: {told}")
    assert cltool("run", "--stream", "digits", "--merge", "concat", "--help").code == 0


def test_check_all_fails_where_a_kind_is_empty(cltool: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [entry for entry in catalogue._installed() if entry.kind in ("lift", "loss")]
    with monkeypatch.context() as patched:
        patched.setattr(catalogue, "_installed", lambda: tuple(ours))
        found = cltool("plugins", "check", "--all")
    assert found.code == 1
    assert "✗ kind merge: at least one plugin; came: none" in found.out
    assert f"4 checked, 0 broken, {len(KINDS) - 2} kinds empty" in found.out


@pytest.mark.slow
def test_check_all_passes_for_ours(cltool: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    some = [entry for entry in catalogue._installed() if entry.module != "cltool_plugins.backbones.torchvision"]
    monkeypatch.setattr(catalogue, "_installed", lambda: tuple(some))
    found = cltool("plugins", "check", "--all", "--json")
    told = json.loads(found.out)
    assert found.code == 0, [r for r in told["reports"] if not r["ok"]]
    assert told["ok"]
    assert told["empty_kinds"] == []
    assert len(told["reports"]) == len(some)


def test_a_file_is_checked_plugin_by_plugin(cltool: Callable, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    odd = GOOD.split("\n\n\n")[1].format(name="odd").replace("union(", "tuple(")
    file.write_text(GOOD.format(name="fine") + "\n\n" + odd)
    found = cltool("plugins", "check", file)
    assert found.code == 1
    assert "2 checked, 1 broken" in found.out
    assert "merge odd" in found.out
    assert "✗ runs: a result for every case; came: TypeError" in found.out


def test_options_can_be_given_to_the_check(cltool: Callable) -> None:
    found = cltool("plugins", "check", "relu:dim=7", "surgery.prune:quantile=.2")
    assert found.code == 0
    assert "2 checked, 0 broken" in found.out


def test_show_gives_type_range_and_default_of_every_option(cltool: Callable) -> None:
    facts = json.loads(cltool("plugins", "show", "prune", "--json").out)
    assert facts["inputs"] == ["head"]
    options = {option["name"]: option for option in facts["options"]}
    assert list(options) == ["margin", "relative", "quantile", "bias", "unknown"]
    margin = options["margin"]
    assert (margin["type"], margin["range"], margin["default"]) == ("float", "≥ 0", 0.3)
    assert (options["relative"]["type"], options["relative"]["range"]) == ("float | None", "≥ 0, ≤ 0.5")
    assert json.loads(cltool("plugins", "show", "clahe", "--json").out)["options"][2]["type"] == "8 | 16"


def test_a_new_plugin_is_written_and_keeps_its_contract(cltool: Callable, tmp_path: Path) -> None:
    found = cltool("plugins", "new", "merge", "mine", "--into", tmp_path, "--json")
    assert found.code == 0, found.err
    files = [Path(file) for file in json.loads(found.out)["files"]]
    assert [file.name for file in files] == ["mine.py", "test_mine.py"]
    assert cltool("plugins", "check", tmp_path / "mine.py").code == 0
    told = cltool("plugins", "new", "surgery", "mine-too", "--into", tmp_path, "--package").out
    assert "pip install -e" in told
    assert (tmp_path / "cltool-mine-too" / "pyproject.toml").is_file()


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_new_writes_of_every_kind_keeps_its_contract(cltool: Callable, tmp_path: Path, kind: str) -> None:
    assert cltool("plugins", "new", kind, "mine", "--into", tmp_path).code == 0
    found = cltool("plugins", "check", tmp_path / "mine.py")
    assert found.code == 0, found.out


def test_new_overwrites_nothing(cltool: Callable, tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("mine")
    found = cltool("plugins", "new", "merge", "mine", "--into", tmp_path)
    assert found.code == 2
    assert "test_mine.py" in found.err
    assert (tmp_path / "test_mine.py").read_text() == "mine"
    assert not (tmp_path / "mine.py").exists()
