"""Aff-Wild: the first films of faces from the web with valence and arousal in every frame."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field

from cltool import CallError, corpus
from cltool.video.films import Corpus, Film
from cltool_plugins.corpora.affwild2 import LICENCE
from cltool_plugins.corpora.annotations import read_columns
from cltool_plugins.corpora.places import Media, check_folder, check_names, film_name, told

LAYOUT = "annotations/train/valence/ID.txt, annotations/train/arousal/ID.txt and videos/train/ID.mp4"
ASK = (
    "Aff-Wild is never downloaded: its owners give it on request "
    f"(https://ibug.doc.ic.ac.uk/resources/first-affect-wild-challenge/); wanted: {LAYOUT}"
)


@corpus(source="Kollias et al. 2019; Zafeiriou et al. 2017")
def affwild(
    data_root: Path,
    *,
    unlabelled: Annotated[
        bool, Field(description="also videos that have no annotation, those of videos/test/ too")
    ] = False,
) -> Corpus:
    """Aff-Wild: a file of valence and one of arousal beside each video, a number per frame.

    Its owners hold the labels of videos/test/ back, so that all annotated films are of one split. Raises CallError: no
    such folder, no annotations in it.
    """
    check_folder(data_root, ASK)
    columns = [_stems(data_root / "annotations" / "train" / name) for name in ("valence", "arousal")]
    both = sorted(columns[0] & columns[1])
    if not both:
        raise CallError(f"{data_root} holds no annotations/train/valence/ID.txt with its arousal; {ASK}")
    train, test = _media(data_root / "videos" / "train"), _media(data_root / "videos" / "test")
    others = {name: train.videos[name] for name in sorted(train.videos) if name not in both}
    films = [_film(data_root, name, train) for name in both if name in train.videos]
    unseen = [_film(data_root, name, train) for name in both if name not in train.videos]
    if unlabelled:
        films += [Film(film_name(name), path, path) for name, path in others.items()]
        films += [Film(film_name(name), path, path, split="test") for name, path in sorted(test.videos.items())]
    check_names([film.name for film in (*films, *unseen)])
    return Corpus(
        films=tuple(films),
        missing=(
            *told("no video of annotated films", [film.name for film in unseen]),
            *told("valence or arousal alone of films", sorted(columns[0] ^ columns[1])),
            *told("no annotation of films", [] if unlabelled else list(others), "; unlabelled=true reads them too"),
        ),
        licence=LICENCE,
        unseen=tuple(unseen),
    )


def _stems(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.txt")}


def _media(folder: Path) -> Media:
    media = Media()
    if folder.is_dir():
        media.add(folder, [path.name for path in folder.iterdir()])
    return media


def _film(root: Path, name: str, media: Media) -> Film:
    labels = root / "annotations" / "train"
    video = media.videos.get(name)
    return Film(
        name=film_name(name),
        pictures=video or root / "videos" / "train" / f"{name}.mp4",
        sound=media.sounds.get(name, video),
        labels=partial(read_columns, labels / "valence" / f"{name}.txt", labels / "arousal" / f"{name}.txt"),
        split="train",
    )
