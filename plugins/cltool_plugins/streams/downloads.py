"""Downloads: lazily, through torchvision with its checksums and bar, and a way out for those offline."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, redirect_stdout
from pathlib import Path

from cltool.cache import cache_folder
from cltool.errors import CallError


def data_folder(name: str, data_root: Path | None) -> Path:
    """Where a data set is looked for and downloaded to: `--data-root`, or a folder in the cache."""
    return data_root if data_root is not None else cache_folder("data", name)


def quietly() -> AbstractContextManager[object]:
    """Send what a library prints to standard error, where bars go; standard output is for results."""
    return redirect_stdout(sys.stderr)


def offline(error: Exception, url: str, layout: str, root: Path) -> CallError:
    """The message for a download that failed: why, from where, and what to put where by hand."""
    cause = getattr(error, "reason", None) or error
    return CallError(
        f"cannot download {url} ({cause}); connect once, or put {layout} into {root} and give --data-root {root}"
    )
