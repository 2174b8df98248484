"""The layout of Aff-Wild2 as its ABAW challenges hand it out; whatever is written in it is read alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from cltool import CallError
from cltool.video.decoding import has_numbered_pictures
from cltool.video.films import Corpus, Film, Split
from cltool.video.splits import without_side
from cltool_plugins.corpora.annotations import read_pairs
from cltool_plugins.corpora.places import Media, check_names, film_name, folders, told

ANNOTATIONS = "VA_Estimation_Challenge"
CROPPED = "cropped_aligned"  # and cropped_aligned_new_50_vids, as later videos came
SPLITS: dict[str, Split] = {"Train_Set": "train", "Validation_Set": "validation"}
VIDEOS = "videos"  # where they lie by custom; they are found anywhere
OPENPOSE = "openpose"  # a folder of keypoints by film, a file per frame
SYNTHETIC = "synthetic.json"  # lies beside films in this layout that a program has made
LAYOUT = (
    f"{ANNOTATIONS}/Train_Set/ and Validation_Set/ with VIDEO.txt, and {CROPPED}/VIDEO/00001.jpg or the videos, "
    "at any depth"
)

Pictures = Literal["cropped", "videos"]


class Annotation(NamedTuple):
    """A label file and the split that its folder stands for."""

    path: Path
    split: Split


@dataclass
class Parts:
    """What lies below a folder: label files and folders of faces by film, videos and sounds by video."""

    annotations: dict[str, Annotation] = field(default_factory=dict)
    cropped: dict[str, Path] = field(default_factory=dict)
    media: Media = field(default_factory=Media)

    def video(self, name: str) -> Path | None:
        """The video that a film is of: under its own name, or under that without the side."""
        return self.media.videos.get(name) or self.media.videos.get(without_side(name))

    def sound(self, name: str) -> Path | None:
        """A sound file under the video's name, or else the video."""
        sounds = self.media.sounds
        return sounds.get(name) or sounds.get(without_side(name)) or self.video(name)


def find_parts(root: Path) -> Parts:
    """Look through a folder once. Raises CallError where a film has two label files."""
    parts = Parts()
    for folder, inner, files in folders(root):
        if folder.name == ANNOTATIONS:
            _add_annotations(folder, parts)
            inner.clear()
        elif folder.name.startswith(CROPPED):
            for name in inner:
                if has_numbered_pictures(folder / name):
                    parts.cropped.setdefault(name, folder / name)
            inner.clear()
        else:
            parts.media.add(folder, files)
            inner[:] = [name for name in inner if name != OPENPOSE]  # many files, sought by name
    return parts


def _add_annotations(folder: Path, parts: Parts) -> None:
    for name, split in SPLITS.items():
        for path in sorted((folder / name).glob("*.txt")):
            if path.stem in parts.annotations:
                other = parts.annotations[path.stem].path
                raise CallError(
                    f"two label files tell of {path.stem}: {other} and {path}; give a folder with one of them"
                )
            parts.annotations[path.stem] = Annotation(path, split)


def read_layout(
    root: Path, pictures: Pictures | None, rate: float, unlabelled: bool, absent: str, licence: str
) -> Corpus:
    """The films of a folder in this layout, in the order of their splits and names.

    `pictures`: take faces or videos alone; None: a film's faces where they are there, else its video. `rate`: frames
    per second of faces whose video is not there to ask. `unlabelled`: whether films without labels are given too.
    Beside `synthetic.json` they are synthetic, and not under `licence`. Raises CallError, whose message ends in
    `absent`, where there are no annotations.
    """
    parts = find_parts(root)
    if not parts.annotations:
        raise CallError(f"{root} holds no {ANNOTATIONS}/Train_Set/VIDEO.txt; {absent}")
    order = sorted(parts.annotations, key=lambda name: (parts.annotations[name].split, name))
    annotated = [_found(name, parts, pictures) for name in order]
    others = [found for name in _without_labels(parts) if (found := _found(name, parts, pictures)).shown]
    kept = [found for found in (*annotated, *(others if unlabelled else ())) if found.shown]
    unseen = [found for found in annotated if not found.shown]
    check_names([found.name for found in (*kept, *unseen)])
    synthetic = (root / SYNTHETIC).is_file()
    return Corpus(
        films=tuple(found.film(rate, synthetic) for found in kept),
        missing=(*_missing(kept, rate), *_unseen(unseen, pictures), *_others(() if unlabelled else others)),
        licence="" if synthetic else licence,
        unseen=tuple(found.film(rate, synthetic) for found in unseen),
    )


def _without_labels(parts: Parts) -> list[str]:
    """Names of films nobody has annotated: folders of faces, and videos of which there are neither faces nor labels."""
    known = {without_side(name) for name in (*parts.annotations, *parts.cropped)} | set(parts.annotations)
    return sorted({*parts.cropped, *parts.media.videos} - set(parts.annotations) - (known - set(parts.cropped)))


@dataclass(frozen=True)
class Found:
    """What is there of one film; `shown`: the pictures to be read."""

    name: str
    annotation: Annotation | None
    shown: Path | None
    video: Path | None
    sound: Path | None
    rate: float | None  # of faces, as their video tells it
    belongs: Path  # where its pictures are looked for

    @property
    def cropped(self) -> bool:
        """Whether faces are shown rather than the video."""
        return self.shown is not None and self.shown != self.video

    @property
    def side(self) -> bool:
        """Whether its person is one of two in a video."""
        return without_side(self.name) != self.name

    def film(self, rate: float, synthetic: bool) -> Film:
        """The film, its faces at their video's rate, or else at this one."""
        return Film(
            name=film_name(self.name),
            pictures=self.shown or self.belongs,
            sound=self.sound,
            rate=(self.rate or rate) if self.cropped else None,
            labels=partial(read_pairs, self.annotation.path) if self.annotation else None,
            subject=film_name(self.name) if self.side else None,
            split=self.annotation.split if self.annotation else None,
            synthetic=synthetic,
        )


def _found(name: str, parts: Parts, pictures: Pictures | None) -> Found:
    cropped, video = parts.cropped.get(name), parts.video(name)
    shown = {"cropped": cropped, "videos": video, None: cropped or video}[pictures]
    annotation = parts.annotations.get(name)
    root = annotation.path.parents[2] if annotation else Path()
    belongs = root / VIDEOS / f"{name}.mp4" if pictures == "videos" else root / CROPPED / name
    rate = frame_rate(video) if cropped and shown == cropped else None
    return Found(name, annotation, shown, video, parts.sound(name), rate, belongs)


def frame_rate(video: Path | None) -> float | None:
    """Frames per second as a video's header has it, which takes a moment; None where there is no telling."""
    import av

    if video is None:
        return None
    try:
        with av.open(str(video)) as container:
            return float(container.streams.video[0].average_rate or 0) or None
    except (av.FFmpegError, OSError, IndexError):
        return None


def _missing(kept: Sequence[Found], rate: float) -> Iterator[str]:
    """What films lack that can be read all the same."""
    faces = [found for found in kept if found.cropped]
    soundless = [found.name for found in kept if not found.sound]
    yield from told("neither video nor sound of", soundless)
    untimed = [found.name for found in faces if not found.rate]
    yield from told("no video tells the frame rate of", untimed, f"; it is taken to be {rate:g} (option rate)")
    whole = [found.name for found in kept if not found.cropped]
    yield from told("no cropped faces of", whole if faces else (), "; their videos are read instead")
    sides = [found.name for found in kept if found.side and not found.cropped]
    yield from told("only a video, which shows both sides, of", sides)


def _unseen(unseen: Sequence[Found], pictures: Pictures | None) -> tuple[str, ...]:
    what = {"cropped": "no cropped faces", "videos": "no video", None: "neither cropped faces nor video"}[pictures]
    return told(f"{what} of annotated films", [found.name for found in unseen])


def _others(others: Sequence[Found]) -> tuple[str, ...]:
    return told("no annotation of films", [found.name for found in others], "; unlabelled=true reads them too")
