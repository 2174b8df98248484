"""Plugins to begin with: a kind's template and its test, copied under the author's name.

Templates are read as text and never imported, so that writing one imports neither torch nor a plugin.
"""

from __future__ import annotations

import ast
import doctest
import importlib.util
import keyword
import os
import re
import sys
from importlib import resources
from pathlib import Path

from cltool.catalogue import GROUP, discover
from cltool.errors import CallError, nearest
from cltool.files import save_text
from cltool.plugin import KINDS

LONGEST = 40  # what the templates' lines have room for


def write_plugin(kind: str, name: str, folder: Path, package: bool = False) -> list[Path]:
    """Write a working plugin and its test into `folder`, or with `package` a package that can be installed.

    `NAME.py` and `test_NAME.py`; or `cltool-NAME/` with pyproject.toml, README.md, the module and tests/. Hyphens
    of the name are underscores in Python. Gives the paths written.

    Raises CallError, and leaves no file behind: an unknown kind, a name that Python, the template, an installed
    package or a plugin of that kind has already, a file that exists, a folder that cannot be written to.
    """
    if kind not in KINDS:
        raise CallError(f"there is no kind of plugin {kind!r}; {nearest(kind, KINDS)}")
    _check_name(kind, name, package)
    contents = _package(kind, name) if package else _files(kind, name)
    paths = {Path(folder) / place: text for place, text in contents.items()}
    _write(paths)
    return list(paths)


def _check_name(kind: str, name: str, package: bool) -> None:
    function = _function(name)
    if not re.fullmatch(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", name) or len(name) > LONGEST:
        raise CallError(
            f"{name!r} is no name for a plugin: give up to {LONGEST} small letters, digits, and single hyphens "
            "or underscores between them, such as 'my-plugin'"
        )
    if keyword.iskeyword(function):
        raise CallError(f"{name!r} is a word of Python's own; choose another name")
    if function in _identifiers(kind):
        raise CallError(f"a plugin of kind {kind!r} uses {function!r} for something else; choose another name")
    if function.startswith("test_") or function == "conftest":
        raise CallError(f"pytest takes {function!r} for a test; choose another name")
    if package and importlib.util.find_spec(f"cltool_{function}"):
        raise CallError(f"there is a package cltool_{function} already; choose another name")
    if not package and (hidden := importlib.util.find_spec(function)) and hidden.origin:
        raise CallError(f"{function}.py would hide the module {function!r}; choose another name, or make it a package")
    if taken := discover().entries.get((kind, name)):
        raise CallError(f"{kind} {name!r} comes from {taken[0].package} already; choose another name")


def _function(name: str) -> str:
    return name.replace("-", "_")


def _template(kind: str, *folders: str) -> str:
    """The source of a kind's template."""
    return resources.files("cltool.templates").joinpath(*folders, f"{kind}.py").read_text(encoding="utf-8")


def _identifiers(kind: str) -> set[str]:
    """What a template and its test call something: their imports, classes, arguments and variables."""
    found = set()
    for source in (_template(kind), _template(kind, "tests")):
        examples = "".join(example.source for example in doctest.DocTestParser().get_examples(source))
        for node in (*ast.walk(ast.parse(source)), *ast.walk(ast.parse(examples))):
            match node:
                case ast.Name(name) | ast.arg(name) | ast.alias(name) | ast.FunctionDef(name) | ast.ClassDef(name):
                    found.add(name)
    return found - {"mine"}


def _files(kind: str, name: str) -> dict[str, str]:
    function = _function(name)
    return {
        f"{function}.py": _plugin(kind, name),
        f"test_{function}.py": _test(kind, name, module=function),
    }


def _package(kind: str, name: str) -> dict[str, str]:
    """The files of a package whose one module is the plugin."""
    function = _function(name)
    facts = {"kind": kind, "name": name, "function": function, "package": f"cltool-{function.replace('_', '-')}"}
    facts |= {"module": f"cltool_{function}", "group": GROUP, "use": USE.get(kind, "").format(name=name)}
    contents = {
        "pyproject.toml": PYPROJECT.format(**facts),
        "README.md": README.format(**facts),
        f"cltool_{function}/__init__.py": _plugin(kind, name),
        f"tests/test_{function}.py": _test(kind, name, module=f"cltool_{function}"),
    }
    return {f"{facts['package']}/{place}": text for place, text in contents.items()}


def _plugin(kind: str, name: str) -> str:
    source = _template(kind)
    if name != _function(name):
        source = source.replace(f"@{kind}(", f'@{kind}(name="{name}", ', 1)
    return _renamed(_as_a_guest(source), name)


def _test(kind: str, name: str, module: str) -> str:
    ours = f"from cltool.templates.{kind} import mine\n"

    def from_module(found: re.Match[str]) -> str:
        return f"{found[0].replace(ours, '')}\nfrom {module} import mine\n"

    source = re.sub(r"(?:^from cltool.*\n)+", from_module, _template(kind, "tests"), count=1, flags=re.MULTILINE)
    return _renamed(_as_a_guest(source), name)


def _renamed(source: str, name: str) -> str:
    """`mine` replaced: by the plugin's name where a text begins with it, by the function's elsewhere."""
    source = re.sub(r"""(?<=["'])mine\b""", name, source)
    return re.sub(r"(?<![a-zA-Z0-9])mine(?![a-zA-Z0-9])", _function(name), source)


def _as_a_guest(source: str) -> str:
    """cltool's imports sorted among those of other packages, which it is one of outside its own repository.

    >>> print(_as_a_guest("from torch import Tensor\\n\\nfrom cltool import loss\\n"), end="")
    from cltool import loss
    from torch import Tensor
    """

    def merged(found: re.Match[str]) -> str:
        if found[1].split()[1].partition(".")[0] in sys.stdlib_module_names:
            return found[0]  # there is no other package
        return "".join(sorted((found[1] + found[2]).splitlines(keepends=True), key=_place))

    return re.sub(r"((?:^(?:import|from) .*\n)+)\n((?:^from cltool.*\n)+)", merged, source, count=1, flags=re.MULTILINE)


def _place(line: str) -> tuple[bool, str]:
    """Where an import stands among others: `import …` first, then by module."""
    return line.startswith("from"), line.split()[1]


def _write(contents: dict[Path, str]) -> None:
    """Write all of them, or none."""
    if there := [path for path in contents if os.path.lexists(path)]:
        raise CallError(f"{there[0]} exists already; choose another name or folder, or move it away")
    written: list[Path] = []
    try:
        for path, text in contents.items():
            save_text(path, text)
            written.append(path)
    except (CallError, OSError) as error:
        for done in written:
            done.unlink(missing_ok=True)
        told = f"cannot write {path}: {error.strerror}" if isinstance(error, OSError) else str(error)
        raise CallError(f"{told}; give another folder") from None


PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "{package}"
version = "0.1.0"
description = "The {kind} {name} for cltool."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["cltool"]

[project.entry-points."{group}"]
"{kind}.{name}" = "{module}:{function}"

[tool.hatch.build.targets.wheel]
packages = ["{module}"]

[tool.ruff]
line-length = 120
"""

README = """\
# {package}

The {kind} `{name}` for cltool.

```sh
pip install -e . pytest              # cltool sees it from now on
cltool plugins list {kind}
cltool plugins check {kind}.{name}
{use}pytest
```
"""

# What runs a plugin of a kind; the others have no command of their own yet.
USE = {
    "stream": "cltool run --stream {name}\n",
    "corpus": "cltool data check {name} --data-root FOLDER\n",
    "maker": "cltool data make {name} --out FOLDER\n",
    "modality": "cltool video extract FILM --modality {name} --out STORE\n",
    "preset": "cltool video train STORE --network audio --preset {name}\n",
    "network": "cltool video train STORE --network {name}\n",
    "loss": "cltool video train STORE --network audio --loss {name}\n",
    **{
        kind: f"cltool run --stream digits --{kind} {{name}}\n"
        for kind in ("backbone", "lift", "head", "unknown", "merge", "surgery")
    },
}
