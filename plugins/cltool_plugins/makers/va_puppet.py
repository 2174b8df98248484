"""`va-puppet`: films of a portrait whose face, bearing and voice follow known valence and arousal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from cltool import CallError, maker
from cltool.progress import Progress
from cltool_plugins.puppet.cast import role
from cltool_plugins.puppet.performance import perform
from cltool_plugins.puppet.portrait import astronaut, measured
from cltool_plugins.puppet.stage import Stage
from cltool_plugins.puppet.traces import random_traces, recorded_traces
from cltool_plugins.puppet.writing import write_about, write_film

SHORTEST_S = 1.0

SoundRate = Literal[16000, 22050, 24000, 32000, 44100, 48000]

TRIED = {"size": 128, "rate": 10}  # by the contract, which need not wait for large pictures


@maker(name="va-puppet", source="NASA's portrait of Eileen Collins, public domain", example=TRIED)
def va_puppet(
    out: Path,
    videos: int,
    seconds: float,
    seed: int,
    progress: Progress,
    *,
    portrait: Annotated[
        Path | None, Field(description="a picture of one face from the front; else an astronaut")
    ] = None,
    face_model: Annotated[
        Path | None, Field(description="face_landmarker.task, for a portrait of one's own; else $CLTOOL_FACE_MODEL")
    ] = None,
    traces: Annotated[
        Path | None,
        Field(description="CSV with valence and arousal from 0.5 to 9.5, as CASE's; else smooth random paths"),
    ] = None,
    size: Annotated[int, Field(ge=128, le=1024, multiple_of=2, description="sides of the pictures in pixels")] = 360,
    rate: Annotated[float, Field(ge=5, le=120, description="frames a second")] = 25.0,
    sound_rate: Annotated[SoundRate, Field(description="samples of sound a second")] = 22050,
) -> Mapping[str, Any]:
    """Synthetic films in Aff-Wild2's layout: a portrait smiles, frowns, starts, moves its head and talks nonsense.

    Valence moves the corners of the mouth and the brows; arousal opens eyes and mouth, lifts brows and shoulders, makes
    movements larger and the voice higher, louder and quicker. The skin's colour beats with a heart. Films differ in
    trace, head path, light, voice, heart rate and side; of ten, two are for validation and have a subject of their own.
    A film depends on `seed`, its number and the options alone, not on how many there are.

    Writes into `out`: `videos/NAME.mp4`, `VA_Estimation_Challenge/{Train_Set,Validation_Set}/NAME.txt`,
    `cropped_aligned/NAME/00001.jpg`, …, OpenPose's JSON of the known points in `openpose/NAME/`, `synthetic.json` and
    `README.txt`. In every film some frames have no label, and in every other one a card hides the face for a moment.
    Gives back how many `films`, `frames` of all, `seconds` of each, and that they are `synthetic`.

    Raises CallError: an `out` that is not empty, no videos, less than a second, a portrait without a face or with
    several, traces that are no such file or too short; before anything is written.
    """
    from threadpoolctl import threadpool_limits

    _check_place(out)
    if videos < 1:
        raise CallError(f"{videos} videos: ask for at least one")
    if not SHORTEST_S <= seconds < math.inf:
        raise CallError(f"films of {seconds:g} s cannot be made; ask for {SHORTEST_S:g} s or more")
    frames = round(seconds * rate)
    source = recorded_traces(traces, videos, seconds, rate, seed) if traces else random_traces(frames, rate, seed)
    still = (measured(portrait, face_model, progress) if portrait else astronaut()).framed(size)
    roles = [role(number, frames, rate, seed) for number in range(videos)]
    settings = {"seed": seed, "seconds": seconds, "rate": rate, "size": size, "sound_rate": sound_rate}
    films = {own.name: {**own.told, "frames": frames, "trace": source(own.number).origin} for own in roles}
    write_about(out, still.name, settings, films)
    stages: dict[bool, Stage] = {}
    # the matrices of a frame are small: sharing them out among threads takes longer than the products
    with threadpool_limits(1), progress.track("rendering", videos * frames) as advance:
        for own in roles:
            side = own.subject.mirrored
            if side not in stages:
                stages[side] = Stage(still.mirrored() if side else still)
            trace = source(own.number).values
            moments = perform(own, trace, stages[side], rate, sound_rate, seed)
            write_film(out, own, trace, moments, size, rate, sound_rate, advance)
    return {"films": videos, "frames": videos * frames, "seconds": seconds, "synthetic": True}


def _check_place(out: Path) -> None:
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise CallError(f"{out} is there already and not an empty folder; give a new one")
