"""What all tests share: the real data, a cache of their own, and a small stream of real pictures."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
import torch

from cltool.backbones import Backbone
from cltool.heads import Head
from cltool.pictures import PictureSet
from cltool.tasks import TaskStream, arrange

ROOT = Path(__file__).parents[1]

torch.set_num_threads(1)  # the problems are small, and whoever tests may do so in parallel
hypothesis.settings.register_profile("cltool", deadline=None, max_examples=50, derandomize=True)
hypothesis.settings.load_profile("cltool")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, or a skip that says where it is looked for."""
    folder = Path(os.environ.get("CLTOOL_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("real data not found; set CLTOOL_TEST_DATA, or put it into ../shared/data")
    return folder


@pytest.fixture(scope="session")
def squeezenet(shared_data: Path) -> Path:
    """ImageNet weights of SqueezeNet 1.0."""
    path = shared_data.parent / "weights" / "squeezenet1_0-imagenet.fp16.safetensors"
    if not path.is_file():
        pytest.skip("SqueezeNet weights not found beside the data folder, in ../weights")
    return path


@pytest.fixture
def face_model(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """MediaPipe's face landmarker, which the environment names for the test's time."""
    path = shared_data.parent / "models" / "face_landmarker.task"
    if not path.is_file():
        pytest.skip("MediaPipe's face landmarker not found beside the data folder, in ../models")
    monkeypatch.setenv("CLTOOL_FACE_MODEL", str(path))
    return path


@pytest.fixture(scope="session")
def grid(shared_data: Path) -> list[Path]:
    """Four clips of a talking face: 75 frames, 25 a second, 360 × 288, with speech."""
    return sorted((shared_data / "grid").glob("*.mpg"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for every test, so that none reads what another left."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("CLTOOL_CACHE", str(folder))
    return folder


@pytest.fixture
def digit_stream() -> TaskStream:
    """Handwritten digits, five tasks of two."""
    from cltool_plugins.streams.digits import digits

    return arrange(digits(), 5, 2)


@dataclass(frozen=True)
class Called:
    code: int
    out: str
    err: str


@pytest.fixture
def cltool(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Called]:
    """Call `cltool ARGUMENTS…`; gives exit code, standard output and standard error."""
    from cltool.cli import main

    def call(*arguments: object) -> Called:
        monkeypatch.setattr(sys, "argv", ["cltool", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        told = capsys.readouterr()
        return Called(int(stopped.value.code or 0), told.out, told.err)

    return call


@pytest.fixture
def by_hand(tmp_path: Path) -> Callable[..., Path]:
    """Makes a training directory in a moment: a random body, its head solved on real digits, three told epochs.

    `pictures`: what to learn, all digits unless given; `recipe`: keys beside stream, backbone and size.
    """
    from cltool.catalogue import discover
    from cltool.plugin import Spec
    from cltool.progress import Silent
    from cltool.universal.cards import Card
    from cltool.universal.frozen import space
    from cltool.universal.recipes import TrainingRecipe
    from cltool_plugins.streams.digits import digits

    architecture = "random:features=256,size=8"

    def make(name: str = "hand", pictures: PictureSet | None = None, **recipe: object) -> Path:
        pictures = pictures or digits()
        folder = tmp_path / name
        folder.mkdir()
        source = discover().configure("backbone", Spec.parse(architecture))
        backbone = source(stream=arrange(pictures, 1), device="cpu", progress=Silent())
        Card(
            architecture=architecture,
            transform=backbone.transform,
            width=backbone.width,
            parameters=backbone.parameters,
            classes=pictures.outputs,
            counts={output: len(pictures.train[output]) for output in pictures.outputs},
            data="digits",
            licence=pictures.licence,
            digests={own.output: own.digest for b in pictures.train.values() for own in b.made_of or (b,)},
            started_from=architecture,
        ).save(folder / "best.safetensors", backbone.build().state_dict())
        _solved_head(pictures, backbone, space(folder)).save(folder / "head.safetensors")
        TrainingRecipe(stream="digits", backbone=architecture, size=8, **recipe).save(folder / "recipe.yaml")
        (folder / "journal.jsonl").write_text(
            "".join(f"{json.dumps(line)}\n" for line in _told_epochs(pictures.outputs))
        )
        return folder

    return make


def _solved_head(pictures: PictureSet, backbone: Backbone, space: str) -> Head:
    """Least squares with a little ridge, its scores steep enough for probabilities."""
    blocks = [pictures.train[output] for output in pictures.outputs]
    x = torch.cat([backbone(block.pictures(range(len(block)))) for block in blocks])
    counts = torch.tensor([len(block) for block in blocks])
    y = torch.eye(len(blocks)).repeat_interleave(counts, 0)
    x = torch.cat([x, torch.ones(len(x), 1)], 1)
    solved = torch.linalg.solve(x.T @ x + 0.1 * torch.eye(x.shape[1]), x.T @ y).T * 8
    return Head(pictures.outputs, solved[:, :-1].contiguous(), solved[:, -1].contiguous(), counts.float(), space)


def _told_epochs(outputs: Sequence[str]) -> list[dict[str, object]]:
    """Three epochs, of which the second is the best."""
    return [
        {
            "epoch": number,
            "learning_rate": 0.1,
            "train": {"loss": 1 / number, "accuracy": 0.4 + number / 10},
            "validation": {"loss": loss, "accuracy": 1 - loss},
            "drawn": dict.fromkeys(outputs, 100 + number),
            "seconds": 2.5,
            "data_wait": 0.01,
            "best": number < 3,
        }
        for number, loss in ((1, 0.5), (2, 0.3), (3, 0.4))
    ]


@pytest.fixture
def trained_on(tmp_path: Path) -> Callable[..., Path]:
    """Makes a training's directory in a moment: a valence–arousal network, its weights by lot, for films like one.

    `network`, `modalities` and `backbone`, spelled; `card`: what it says otherwise.
    """

    def make(
        film: Path,
        network: str = "audio:hidden=8",
        modalities: Sequence[str] = ("mel",),
        backbone: str | None = None,
        name: str = "model",
        **card: object,
    ) -> Path:
        from cltool.affect.frames import read_by
        from cltool.affect.models import BEST, ModelCard, save
        from cltool.affect.scaling import ScaledNetwork, Scaling
        from cltool.catalogue import discover
        from cltool.plugin import Spec
        from cltool.video.extraction import extract
        from cltool.video.recipes import ExtractionRecipe
        from cltool.video.setups import prepare

        seen_by = {"backbone": backbone} if backbone else {}
        recipe = ExtractionRecipe.of({"inputs": [str(film)], "modalities": list(modalities), **seen_by})
        store = extract(prepare(recipe), tmp_path / f"{name}-features")
        configured = discover().configure("network", Spec.parse(network))
        reads = read_by(configured.plugin.facts, store, configured.plugin.name)
        unscaled = Scaling({n: torch.zeros(w) for n, w in reads.items()}, {n: torch.ones(w) for n, w in reads.items()})
        with torch.random.fork_rng([]):
            torch.manual_seed(3)
            module = ScaledNetwork(configured(widths=reads), unscaled)
        (entry,) = store.index.films.values()
        told: dict[str, object] = {
            "network": network,
            "reads": reads,
            "shapes": {tensor: store.index.tensors[tensor].shape for tensor in reads},
            "modalities": sorted({store.index.tensors[tensor].modality for tensor in reads}),
            "about": store.index.about,
            "backbone": backbone,
            "sequence": 8,
            "context": "none",
            "rate": entry.rate,
            "parameters": sum(weight.numel() for weight in module.parameters()),
            "data": "by hand",
            "synthetic": False,
            "train": [],
            "validation": [],
            "metrics": {},
            "recipe": {},
        }
        save(tmp_path / name / BEST, ModelCard.model_validate({**told, **card}), module.state_dict())
        return tmp_path / name

    return make


@pytest.fixture(scope="session")
def puppet_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Features of twelve synthetic films of two seconds: landmarks, body, mel; five people are in two films each."""
    from cltool.progress import Silent
    from cltool_plugins.streams.va_puppet import made

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CLTOOL_CACHE", str(tmp_path_factory.mktemp("puppets")))
        return made(films=12, seconds=2.0, seed=0, progress=Silent())


@pytest.fixture
def puppets(puppet_store: Path) -> TaskStream:
    """Three tasks of the synthetic films: groups of videos, one person of each held out."""
    from cltool.progress import Silent
    from cltool_plugins.streams.va_puppet import va_puppet

    return arrange(va_puppet(puppet_store, Silent(), groups=3), per_task=1)
