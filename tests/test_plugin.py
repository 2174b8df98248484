"""Plugins: registration from signatures, configuration, discovery."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import pytest
import torch
from pydantic import Field

import cltool
from cltool import CallError, Head, PluginError, Statistics
from cltool.catalogue import discover
from cltool.plugin import KINDS, Spec, merge, unknown

ROOT = Path(cltool.__file__).parents[1]


def test_a_decorated_function_stays_the_ordinary_function_it_was() -> None:
    def twice(old: Head, new: Head, *, times: int = 2) -> int:
        return times

    assert merge(twice) is twice
    assert twice(None, None, times=3) == 3  # type: ignore[arg-type]


def test_inputs_are_handed_over_by_name_and_options_come_from_the_signature() -> None:
    @merge(source="nowhere", exact=True)
    def picky(
        statistics: Statistics, rng: torch.Generator, *, share: Annotated[float, Field(ge=0, le=1)] = 0.5
    ) -> tuple:
        """Take what was asked for."""
        return statistics, rng, share

    plugin = picky.__cltool_plugin__
    assert (plugin.inputs, plugin.says) == (("statistics", "rng"), "Take what was asked for.")
    assert plugin.facts == {"exact": True}
    bound = plugin.configure({"share": "0.25"})
    assert bound(old=1, new=2, statistics="s", rng="r") == ("s", "r", 0.25)
    assert bound.asks("statistics")
    assert not bound.asks("old", "new")


def test_options_of_any_type_can_be_spelled_on_a_command_line() -> None:
    @merge
    def many(
        old: Head,
        new: Head,
        *,
        bits: Literal[8, 16] = 16,
        sizes: list[int] = [1],  # noqa: B006
        file: Path | None = None,
        share: float | None = 0.5,
        deep: bool = False,
        word: str = "8",
    ) -> Head:
        return new

    spec = Spec.parse("many:bits=8,sizes=[1, 2],file=a/b.txt,share=null,deep=true,word=8")
    found = many.__cltool_plugin__.configure(spec.options).options
    assert found == {"bits": 8, "sizes": [1, 2], "file": Path("a/b.txt"), "share": None, "deep": True, "word": "8"}
    with pytest.raises(CallError, match="option bits=9: Input should be 8 or 16"):
        many.__cltool_plugin__.configure({"bits": "9"})


def test_a_configured_plugin_spells_only_what_is_not_its_default() -> None:
    catalogue = discover()
    assert str(catalogue.configure("merge", Spec.parse("alpha"))) == "alpha"
    assert str(catalogue.configure("merge", Spec.parse("alpha:alpha=.7"))) == "alpha:alpha=0.7"


@pytest.mark.parametrize(
    "text", ["alpha", "alpha:alpha=0.7", "resnet18:weights=a,b.pth,size=64", "x:weights=C:/nets/a.pth"]
)
def test_a_spec_is_spelled_as_it_was_read(text: str) -> None:
    assert str(Spec.parse(text)) == text


def test_every_entry_point_loads_as_what_it_announces() -> None:
    catalogue = discover()
    for kind, name in catalogue.entries:
        assert kind in KINDS
        assert catalogue.find(kind, name).name == name


def test_every_torchvision_classifier_is_a_backbone() -> None:
    from torchvision import models

    ours = {
        point.name.removeprefix("backbone.")
        for point in importlib.metadata.entry_points(group="cltool.plugins")
        if point.value.startswith("cltool_plugins.backbones.torchvision")
    }
    assert ours == set(models.list_models(module=models))


def test_a_file_of_plugins_joins_the_installed_ones(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from cltool import Head, merge\n\n"
        "@merge\n"
        "def newest(old: Head, new: Head) -> Head:\n"
        '    """Forget it all."""\n'
        "    return new\n"
    )
    catalogue = discover([file])
    assert catalogue.find("merge", "newest").says == "Forget it all."
    assert "alpha" in catalogue.names("merge")


def test_the_core_imports_no_plugin_package() -> None:
    for path in (ROOT / "cltool").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.startswith("cltool_plugins") for name in names), path


def test_no_module_takes_the_place_of_a_decorator() -> None:
    modules = {path.stem for path in (ROOT / "cltool").iterdir()}
    assert not modules & set(KINDS)
    for name in cltool.__all__:
        assert getattr(cltool, name) is not None


@pytest.mark.parametrize("heavy", ["torch", "torchvision", "avalanche", "pydantic", "matplotlib", "sklearn"])
def test_help_imports_nothing_heavy(heavy: str) -> None:
    program = f"import sys; from cltool.cli import app; print({heavy!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_unknown_plugin_may_ask_for_statistics_that_are_not_there_yet() -> None:
    @unknown
    def first_task(features: torch.Tensor, old_statistics: Statistics | None) -> torch.Tensor:
        return features[:0]

    assert first_task.__cltool_plugin__.inputs == ("features", "old_statistics")


def test_a_plugin_may_belong_to_a_family(tmp_path: Path) -> None:
    file = tmp_path / "rivals.py"
    file.write_text(
        "from cltool import Head, merge\n\n\n"
        "@merge(name='rivals:old*')\n"
        "def old_one(old: Head, new: Head, *, keep: int = 1) -> Head:\n"
        '    """Keep the old."""\n'
        "    return old\n"
    )
    catalogue = discover([file])
    configured = catalogue.configure("merge", Spec.parse("rivals:old*:keep=3"))
    assert configured.options == {"keep": 3}
    assert str(configured) == "rivals:old*:keep=3"
    with pytest.raises(PluginError, match=r"there is no merge 'rivals:ol'; did you mean 'rivals:old\*'"):
        catalogue.find("merge", "rivals:ol")


def test_an_argument_is_an_option_given_by_its_value_alone(tmp_path: Path) -> None:
    file = tmp_path / "named.py"
    file.write_text(
        "from cltool import Head, merge\n\n\n"
        "@merge(argument='which')\n"
        "def named(old: Head, new: Head, *, which: str, keep: int = 1) -> Head:\n"
        '    """Keep the old."""\n'
        "    return old\n"
    )
    catalogue = discover([file])
    configured = catalogue.configure("merge", Spec.parse("named:a/b-c:keep=2"))
    assert configured.options == {"which": "a/b-c", "keep": 2}
    assert str(configured) == "named:which=a/b-c,keep=2"
    again = catalogue.configure("merge", Spec.parse(str(configured)))
    assert again.options == configured.options
    with pytest.raises(CallError, match="which is given twice"):
        catalogue.configure("merge", Spec.parse("named:a:which=b"))
