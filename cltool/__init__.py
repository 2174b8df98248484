"""cltool: continual learning and model surgery by plugins.

Names are handed out lazily (PEP 562), so that `import cltool` costs nothing and `cltool --help` does not
import torch. No module of this package is named as a decorator is (`merge`, `stream`, `head`, …): importing
`cltool.stream` would put the module in the decorator's place.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cltool.backbones import Backbone as Backbone
    from cltool.backbones import PictureTransform as PictureTransform
    from cltool.catalogue import discover as discover
    from cltool.errors import CallError as CallError
    from cltool.errors import DataGone as DataGone
    from cltool.errors import PluginError as PluginError
    from cltool.features import FeatureBank as FeatureBank
    from cltool.heads import UNKNOWN as UNKNOWN
    from cltool.heads import Head as Head
    from cltool.heads import union as union
    from cltool.learner import Learner as Learner
    from cltool.pictures import Block as Block
    from cltool.pictures import PictureSet as PictureSet
    from cltool.plugin import backbone as backbone
    from cltool.plugin import corpus as corpus
    from cltool.plugin import head as head
    from cltool.plugin import lift as lift
    from cltool.plugin import loss as loss
    from cltool.plugin import maker as maker
    from cltool.plugin import merge as merge
    from cltool.plugin import modality as modality
    from cltool.plugin import network as network
    from cltool.plugin import preset as preset
    from cltool.plugin import strategy as strategy
    from cltool.plugin import stream as stream
    from cltool.plugin import surgery as surgery
    from cltool.plugin import unknown as unknown
    from cltool.statistics import Statistics as Statistics
    from cltool.tasks import Task as Task
    from cltool.tasks import TaskStream as TaskStream

__version__ = "0.1.0"

_HOME = {
    "Backbone": "backbones",
    "PictureTransform": "backbones",
    "CallError": "errors",
    "DataGone": "errors",
    "PluginError": "errors",
    "FeatureBank": "features",
    "Head": "heads",
    "UNKNOWN": "heads",
    "union": "heads",
    "Learner": "learner",
    "Block": "pictures",
    "PictureSet": "pictures",
    "Statistics": "statistics",
    "Task": "tasks",
    "TaskStream": "tasks",
    "discover": "catalogue",
    **dict.fromkeys(
        (
            *("backbone", "corpus", "head", "lift", "loss", "maker", "merge", "modality", "network", "strategy"),
            *("preset", "stream", "surgery", "unknown"),
        ),
        "plugin",
    ),
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'cltool' has no attribute {name!r}")
    return getattr(import_module(f"cltool.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
