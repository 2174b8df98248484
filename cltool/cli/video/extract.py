"""`cltool video extract`: films into a feature store."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cltool.cli.arguments import DATA, METHOD, OUTPUT, Debug, Device, Json, PluginFiles, names
from cltool.errors import CallError

if TYPE_CHECKING:
    from rich.table import Table

    from cltool.video.recipes import ExtractionRecipe
    from cltool.video.store import FeatureStore, FilmEntry

EXAMPLES = (
    "Examples: cltool video extract talk.mp4 --out talk-features. Without a large network, face mesh and sound alone: "
    "cltool video extract films/ --modality mesh --modality mel --out features. A data set with its labels: cltool "
    "video extract --corpus affwild2 --data-root D --out features. After an interruption: cltool video extract "
    "--resume features"
)


def extract(
    films: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="IN…", help="Films, folders of numbered pictures (00001.jpg …), or folders that hold either."
        ),
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:k=v,…]",
            help=f"Instead of IN: an annotated data set below --data-root: {names('corpus')}.",
            rich_help_panel=DATA,
        ),
    ] = None,
    data_root: Annotated[
        Path | None, typer.Option(help="Folder that holds the data set.", rich_help_panel=DATA)
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            metavar="FPS",
            help="Frames per second of numbered pictures. Default: the data set's, else 30.",
            rich_help_panel=DATA,
        ),
    ] = None,
    skip_broken: Annotated[
        bool,
        typer.Option("--skip-broken", help="Leave out what cannot be read instead of refusing.", rich_help_panel=DATA),
    ] = False,
    modality: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:k=v,…]",
            help=f"What to find in every frame; repeat it. There are: {names('modality')}. What one of them reads "
            "comes with it. Default: mesh, landmarks, mel, face.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:k=v,…]",
            help="Frozen network for pictures of faces, any that `cltool run` takes. Default: resnet50 with ImageNet's "
            "weights, downloaded once.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    face_model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="MediaPipe's face_landmarker.task. Default: $CLTOOL_FACE_MODEL, else fetched once.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    pose_model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="MediaPipe's pose_landmarker.task, for `body` where OpenPose's files are not there. Default: "
            "$CLTOOL_POSE_MODEL.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    device: Device = None,
    plugin: PluginFiles = None,
    out: Annotated[
        Path | None, typer.Option(metavar="STORE", help="The new store's folder.", rich_help_panel=OUTPUT)
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="STORE",
            help="Go on with a store that was broken off; films it has stay as they are.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Turn films into features: a row of numbers for every frame of what is seen and heard, in a store.

    Every frame is decoded once; memory does not grow with the film's length. A frame without a face keeps its place and
    is masked. The store is a folder with one .safetensors per film and an index (docs/video.md says how to read it).
    """
    asked = {
        "inputs": [str(path.absolute()) for path in films] if films else None,
        "corpus": corpus,
        "data_root": _absolute(data_root),
        "rate": rate,
        "skip_broken": skip_broken or None,
        "modalities": modality,
        "backbone": backbone,
        "face_model": _absolute(face_model),
        "pose_model": _absolute(pose_model),
        "device": device,
        "plugins": [str(file.absolute()) for file in plugin] if plugin else None,
    }
    given = {key: value for key, value in asked.items() if value is not None}
    recipe, store = _resumed(resume, given, out) if resume else _begun(given, out)
    found = _work(recipe, store, resume is not None)
    if json_:
        sys.stdout.write(json.dumps(facts(found), ensure_ascii=False) + "\n")
    else:
        _tell(found)


def _absolute(path: Path | None) -> str | None:
    return str(path.absolute()) if path else None


def _begun(given: Mapping[str, Any], out: Path | None) -> tuple[ExtractionRecipe, Path]:
    from cltool.files import check_free_folder
    from cltool.video.recipes import ExtractionRecipe

    if "inputs" not in given and "corpus" not in given:
        raise CallError("give films, or a data set by --corpus NAME --data-root FOLDER; --help tells more")
    if out is None:
        raise CallError("--out is missing; give the folder of the new store")
    recipe = ExtractionRecipe.of(dict(given), "this call")
    check_free_folder(out)
    return recipe, out


def _resumed(store: Path, given: Mapping[str, Any], out: Path | None) -> tuple[ExtractionRecipe, Path]:
    from cltool.video.extraction import recipe_of

    spelled = {"inputs": "IN", "modalities": "--modality", "plugins": "--plugin"}
    beside = [spelled.get(key, f"--{key.replace('_', '-')}") for key in given] + (["--out"] if out else [])
    if beside:
        raise CallError(f"--resume {store} takes everything from there; leave out {beside[0]}")
    return recipe_of(store), store


def _work(recipe: ExtractionRecipe, store: Path, resumed: bool) -> FeatureStore:
    from cltool.cli.console import Screen
    from cltool.video import extraction
    from cltool.video.setups import prepare

    with Screen() as screen:
        done: dict[str, FilmEntry] = {}

        def watch(name: str, entry: FilmEntry) -> None:
            done[name] = entry
            screen.show(film_table(done))

        if not resumed:
            return extraction.extract(prepare(recipe, screen), store, watch)
        done.update(extraction.finished(store, screen))
        return extraction.resume(prepare(recipe, screen, dict(done)), store, watch)


def film_table(films: Mapping[str, FilmEntry], rows: int = 20) -> Table:
    """A row per finished film, the last so many."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("film", "frames", "face", "sound", "labels", "seconds", "× real time"):
        table.add_column(heading, justify="left" if heading == "film" else "right", overflow="fold")
    for name, entry in list(films.items())[-rows:]:
        spent, lasts = sum(entry.seconds.values()), entry.frames / entry.rate
        table.add_row(
            name,
            f"{entry.frames:,}",
            *(f"{entry.valid[tensor] / max(1, entry.frames):.0%}" if tensor in entry.valid else "" for tensor in SEEN),
            "" if entry.labelled is None else f"{entry.labelled:,}",
            f"{spent:.1f}",
            f"{lasts / spent:.1f}" if spent else "",
        )
    return table


SEEN = ("mesh", "mel")  # the share of whose frames is worth a column


def stage_table(films: Mapping[str, FilmEntry]) -> Table:
    """Where the time went: seconds by stage, milliseconds per frame, and how much faster than the films it was."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("stage", "seconds", "ms per frame", "× real time"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    frames = sum(entry.frames for entry in films.values())
    lasts = sum(entry.frames / entry.rate for entry in films.values())
    for stage, seconds in [*stages(films).items(), ("all", sum(stages(films).values()))]:
        faster = f"{lasts / seconds:.1f}" if seconds else ""
        table.add_row(stage, f"{seconds:.1f}", f"{1000 * seconds / max(1, frames):.2f}", faster)
    return table


def stages(films: Mapping[str, FilmEntry]) -> dict[str, float]:
    """Seconds by stage, of all films together."""
    found: dict[str, float] = {}
    for entry in films.values():
        for stage, seconds in entry.seconds.items():
            found[stage] = found.get(stage, 0.0) + seconds
    return found


def facts(store: FeatureStore) -> dict[str, Any]:
    """What --json prints: the index, where it lies, and seconds by stage of all films together."""
    index = store.index.model_dump(mode="json", by_alias=True)
    return {**index, "store": str(store.path), "synthetic": store.index.synthetic, "seconds": stages(store.index.films)}


def _tell(store: FeatureStore) -> None:
    from cltool.cli.console import results

    index = store.index
    results.print(film_table(index.films, rows=50))
    results.print()
    results.print(stage_table(index.films))
    lines = [f"{name}: {note}" for name, entry in index.films.items() for note in entry.notes]
    lines += [f"left out: {reason}" for reason in index.left_out.values()]
    tensors = ", ".join(f"{name} {facts.shape}" for name, facts in index.tensors.items())
    films = "1 film" if len(index.films) == 1 else f"{len(index.films)} films"
    lines += [f"{store.path}: {films}; a row holds {tensors}"]
    if index.synthetic:
        lines += ["synthetic: films made by a program are among them"]
    first = next(iter(index.films), "")
    lines += [f"look at it:  cltool video show {store.path} {first}"]
    for line in lines:
        results.print(line, highlight=False, soft_wrap=True, markup=False)
