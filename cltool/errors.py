"""What can go wrong, by who can mend it: a wrong call (exit code 2) or a failed run (exit code 1)."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class CallError(ValueError):
    """The call was wrong; the message is one line that says what is wrong and what to do."""


class Lacking(CallError):
    """A film has nothing of what a modality reads; among others that have, its rows are masked."""


class PluginError(CallError):
    """A plugin is missing, doubled, broken or wrongly declared."""


class AnnotationError(PluginError):
    """An argument of a plugin has no type, or one that cannot be validated."""


class PluginFailed(RuntimeError):
    """A plugin gave back, in the midst of work, what its kind does not allow; `cltool plugins check` says more."""


class DataGone(RuntimeError):
    """Somebody asked for an earlier task's training samples; continual learning has none."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint naming the known name most like `name`, or all of them where none is alike.

    Of a family `plugin:name` its members may be meant by their own names, and all of them by the family's.

    >>> nearest("alpah", ["alpha", "concat"])
    "did you mean 'alpha'?"
    >>> nearest("xyz", ["alpha", "concat"])
    'there are: alpha, concat'
    >>> nearest("slda", ["avalanche:slda", "lda"])
    "did you mean 'avalanche:slda'?"
    >>> nearest("avalanche", ["alpha", "avalanche:icarl", "avalanche:si"])
    'there are: avalanche:icarl, avalanche:si'
    """
    names = sorted(known)
    if family := [full for full in names if full.startswith(f"{name}:")]:
        names = family
    else:
        own = {full.rpartition(":")[2]: full for full in names}
        close = [name] if name in own else get_close_matches(name, [*names, *own], n=1, cutoff=0.6)
        if close:
            return f"did you mean {own.get(close[0], close[0])!r}?"
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"there are: {shown}" if names else "there are none"
