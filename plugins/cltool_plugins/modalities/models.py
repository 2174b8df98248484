"""MediaPipe's models: given, named by an environment variable, or fetched once and checked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cltool import CallError
from cltool.cache import cache_folder
from cltool.files import sha256
from cltool.progress import Progress

ADDRESS = "https://storage.googleapis.com/mediapipe-models"


@dataclass(frozen=True)
class Model:
    """A model that MediaPipe's tasks read: how it is asked for, where it comes from, and what it must be."""

    option: str
    variable: str
    url: str
    sha256: str

    @property
    def file(self) -> str:
        """Its file's name."""
        return self.url.rpartition("/")[2]


FACE = Model(
    "--face-model",
    "CLTOOL_FACE_MODEL",
    f"{ADDRESS}/face_landmarker/face_landmarker/float16/1/face_landmarker.task",
    "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
)
POSE = Model(
    "--pose-model",
    "CLTOOL_POSE_MODEL",
    f"{ADDRESS}/pose_landmarker/pose_landmarker_lite/float16/1/pose_landmarker_lite.task",
    "59929e1d1ee95287735ddd833b19cf4ac46d29bc7afddbbf6753c459690d574a",
)


def model_file(model: Model, given: Path | None, progress: Progress) -> Path:
    """Where a model lies: `given`, else by its environment variable, else in the cache, fetched there if need be.

    A file in the cache that is not what its checksum says is fetched again. Raises CallError: no such file, a model
    that cannot be fetched.
    """
    named = os.environ.get(model.variable)
    if given is not None or named:
        path = given or Path(named or "").expanduser()
        where = model.option if given is not None else model.variable
        if not path.is_file():
            raise CallError(f"{where} {path}: there is no such file; give MediaPipe's {model.file}")
        return path
    return _fetched(model, progress)


def _fetched(model: Model, progress: Progress) -> Path:
    import pooch

    folder = cache_folder("models")
    path = folder / model.file
    if path.is_file() and sha256(path) == model.sha256:
        return path
    progress.say(f"fetching {model.url}, once")
    pooch.get_logger().setLevel("ERROR")
    try:
        return Path(pooch.retrieve(model.url, known_hash=f"sha256:{model.sha256}", fname=model.file, path=folder))
    except (OSError, ValueError) as error:  # no connection; another file than it must be
        cause: BaseException = error
        while cause.__context__ is not None:  # requests wraps what the system says several times
            cause = cause.__context__
        told = f"cannot fetch {model.url} ({' '.join(str(cause).split())[:120]})"
        raise CallError(f"{told}; connect once, or download it and give it: {model.option}") from None
