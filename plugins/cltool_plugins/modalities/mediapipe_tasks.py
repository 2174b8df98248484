"""MediaPipe's landmarkers, opened the same way for all: in silence, from a model file, for a film's frames in order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from cltool import CallError
from cltool.files import sha256
from cltool.video.modalities import Picture


class Landmarker:
    """One of MediaPipe's landmarkers in video mode on one film; to be closed.

    `task` is its name there, such as "FaceLandmarker"; `options` are those of the task but model and mode. `about`
    tells version and model. Raises CallError for a file that is no model of the task.
    """

    def __init__(self, task: str, model: Path, options: Mapping[str, Any]) -> None:
        from mediapipe.tasks.python import vision
        from mediapipe.tasks.python.core.base_options import BaseOptions

        self.about = {"mediapipe": version("mediapipe"), "model": sha256(model)}
        asked = getattr(vision, f"{task}Options")(
            base_options=BaseOptions(model_asset_path=str(model)), running_mode=vision.RunningMode.VIDEO, **options
        )
        try:
            with _silence():
                self._task = getattr(vision, task).create_from_options(asked)
        except (OSError, RuntimeError, ValueError) as error:
            cause = " ".join(str(error).split())
            raise CallError(f"{model} is no model of MediaPipe's {task} ({cause[:120]}); give another") from None
        self._milliseconds = -1

    def __call__(self, picture: Picture, time: float) -> Any:
        """What MediaPipe finds in the next frame, `time` seconds after the film's beginning."""
        from mediapipe import Image, ImageFormat

        # every time must be later than the last, which a film's own need not be
        self._milliseconds = max(self._milliseconds + 1, round(1000 * time))
        # a picture's rows are read as if they were packed, whatever its strides say
        image = Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        return self._task.detect_for_video(image, self._milliseconds)

    def close(self) -> None:
        """Close it; a second time does nothing."""
        self._task.close()


@contextmanager
def _silence() -> Iterator[None]:
    """Keep MediaPipe's own log, which no option turns off, from standard error while a landmarker opens."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
