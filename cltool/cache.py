"""Where things are kept between runs: `$CLTOOL_CACHE`, or the system's folder for caches."""

from __future__ import annotations

import os
from pathlib import Path

from cltool.errors import CallError


def cache_folder(*parts: str) -> Path:
    """A folder below the cache, made if need be; raises CallError where it cannot be written."""
    given = os.environ.get("CLTOOL_CACHE")
    if given:
        root = Path(given).expanduser()
    else:
        from platformdirs import user_cache_path

        root = user_cache_path("cltool", appauthor=False)
    folder = root.joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CallError(f"cannot write the cache {folder}: {error.strerror}; set CLTOOL_CACHE") from None
    return folder
