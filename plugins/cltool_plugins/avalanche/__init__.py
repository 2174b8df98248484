"""Both ways between cltool and Avalanche: a stream as its benchmark, a merge as a plugin of its strategies.

Names are handed out lazily (PEP 562): nothing imports Avalanche, or torch, before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cltool_plugins.avalanche.benchmarks import benchmark as benchmark
    from cltool_plugins.avalanche.merging import MergeHeads as MergeHeads

_HOME = {"benchmark": "benchmarks", "MergeHeads": "merging"}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'cltool_plugins.avalanche' has no attribute {name!r}")
    return getattr(import_module(f"cltool_plugins.avalanche.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
