"""What `cltool universal train` has left, frozen: `trained:weights=FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from cltool import Backbone, TaskStream, backbone
from cltool.universal.frozen import frozen
from cltool_plugins.backbones.weights import Precision

OURS = Path(__file__).parent / "glyphs"  # what the contract tries


@backbone(source="cltool universal train", example={"weights": str(OURS)})
def trained(
    stream: TaskStream,
    *,
    weights: Annotated[Path, Field(description="a training directory, or its best.safetensors")],
    dtype: Annotated[Precision, Field(description="precision of the forward pass and of kept features")] = "float32",
) -> Backbone:
    """A network that `cltool universal train` trained, without its classifier; its file says how it is built.

    What it was trained on stands in every output of a run, and whether classes of later tasks were among it. Raises
    CallError: a file that is none, or whose weights do not fit what it says of itself.
    """
    return frozen(weights, stream, dtype=dtype)
