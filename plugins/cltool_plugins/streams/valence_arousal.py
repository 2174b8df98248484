"""Valence and arousal of annotated films, read from a feature store: Aff-Wild, Aff-Wild2 and AFEW-VA."""

from __future__ import annotations

from pathlib import Path

from cltool import PictureSet, stream
from cltool.progress import Progress
from cltool_plugins.corpora import afew_va as afew
from cltool_plugins.corpora import affwild2 as wild
from cltool_plugins.streams.stores import By, Cut, Groups, HeldOut, films_of


@stream(
    source="Kollias & Zafeiriou 2019; Kollias et al. 2022 (ABAW)",
    classes_per_task=1,
    backbone="frames",
    head="ridge",
    values=True,
)
def affwild2(
    data_root: Path | None,
    progress: Progress,
    *,
    by: By = "video",
    groups: Groups = None,
    held_out: HeldOut = 0.2,
) -> PictureSet:
    """Valence and arousal of Aff-Wild2's films; `data_root` is a feature store of them.

    Outputs are groups of videos, or people, each with films held out by lot. Raises CallError: no store, a store of
    another corpus, too few films.
    """
    return films_of("affwild2", data_root, Cut(by, groups, held_out), wild.LICENCE, progress)


@stream(
    source="Kollias et al. 2019; Zafeiriou et al. 2017",
    classes_per_task=1,
    backbone="frames",
    head="ridge",
    values=True,
)
def affwild(
    data_root: Path | None,
    progress: Progress,
    *,
    by: By = "video",
    groups: Groups = None,
    held_out: HeldOut = 0.2,
) -> PictureSet:
    """Valence and arousal of Aff-Wild's films; `data_root` is a feature store of them.

    As `affwild2`, whose predecessor it is.
    """
    return films_of("affwild", data_root, Cut(by, groups, held_out), wild.LICENCE, progress)


@stream(
    name="afew-va",
    source="Kossaifi et al. 2017, doi:10.1016/j.imavis.2017.02.001",
    classes_per_task=1,
    backbone="frames",
    head="ridge",
    values=True,
)
def afew_va(
    data_root: Path | None,
    progress: Progress,
    *,
    by: By = "video",
    groups: Groups = None,
    held_out: HeldOut = 0.2,
) -> PictureSet:
    """Valence and arousal of AFEW-VA's clips; `data_root` is a feature store of them.

    Actors are known: by=subject makes a task of each who is in several clips. Else as `affwild2`.
    """
    return films_of("afew-va", data_root, Cut(by, groups, held_out), afew.LICENCE, progress)
