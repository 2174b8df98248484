"""Avalanche's benchmarks, read from files in the owners' layouts that are made of real pictures."""

from __future__ import annotations

import json
import pickle
import random
import zipfile
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from cltool import contract
from cltool.catalogue import discover
from cltool.plugin import Spec
from cltool_plugins.streams.avalanche import BENCHMARKS, avalanche, encoded

pytestmark = pytest.mark.slow  # Avalanche alone takes seconds to be imported
LEARNED = 1200  # of scikit-learn's 1,797 digits; the others are for the test


def enlarged() -> np.ndarray:
    """scikit-learn's digits as MNIST has them, uint8 [n, 28, 28]."""
    shades = [Image.fromarray((picture * 15).astype(np.uint8)).resize((28, 28)) for picture in load_digits().images]
    return np.stack([np.asarray(picture) for picture in shades])


def write_idx(path: Path, values: np.ndarray) -> None:
    """MNIST's own format: a magic number, the sides, the bytes."""
    sides = b"".join(side.to_bytes(4, "big") for side in values.shape)
    path.write_bytes(bytes([0, 0, 8, values.ndim]) + sides + values.tobytes())


@pytest.fixture(scope="session")
def mnist_format(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real digits in MNIST's folders and files."""
    root = tmp_path_factory.mktemp("mnist_format")
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    pixels, labels = enlarged(), load_digits().target.astype(np.uint8)
    for name, part in (("train", slice(LEARNED)), ("t10k", slice(LEARNED, None))):
        write_idx(raw / f"{name}-images-idx3-ubyte", pixels[part])
        write_idx(raw / f"{name}-labels-idx1-ubyte", labels[part])
    return root


@pytest.fixture(scope="session")
def tiny_imagenet_format(tiny_imagenet_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny ImageNet's own layout, on whose 200 classes Avalanche insists: 100 real ones, each cut in two."""
    root = tmp_path_factory.mktemp("tiny_imagenet_format")
    folder = root / "tiny-imagenet-200"
    (folder / "val" / "images").mkdir(parents=True)
    annotations, ids = [], []
    with zipfile.ZipFile(tiny_imagenet_zip) as archive:
        by_class = defaultdict(lambda: defaultdict(list))
        for name in archive.namelist():
            if name.endswith(".JPEG"):
                by_class[name.split("/")[1]][name.split("/")[0]].append(name)
        for called, splits in sorted(by_class.items()):
            for half in (0, 1):
                number = f"{called}{half}"
                ids.append(number)
                own = folder / "train" / number / "images"
                own.mkdir(parents=True)
                for name in splits["train"][2 * half : 2 * half + 2]:
                    (own / Path(name).name).write_bytes(archive.read(name))
                held = splits["val"][half]
                (folder / "val" / "images" / f"{number}.JPEG").write_bytes(archive.read(held))
                annotations.append(f"{number}.JPEG\t{number}\t0\t0\t63\t63\n")
    (folder / "wnids.txt").write_text("".join(f"{number}\n" for number in ids))
    (folder / "words.txt").write_text("".join(f"{number}\tthing {number}, another word\n" for number in ids))
    (folder / "val" / "val_annotations.txt").write_text("".join(annotations))
    return root


def test_classes_and_tasks_are_those_of_the_benchmark(mnist_format: Path) -> None:
    pictures = avalanche(mnist_format, name="SplitMNIST", n_experiences=2, seed=3)
    from avalanche.benchmarks.classic import SplitMNIST

    benchmark = SplitMNIST(2, seed=3, dataset_root=mnist_format)
    assert [int(name.split()[0]) for name in pictures.outputs] == benchmark.classes_order
    assert pictures.own_tasks == (5, 5)
    first = {int(name.split()[0]) for name in pictures.outputs[:5]}
    assert first == set(benchmark.train_stream[0].classes_in_this_experience)


def test_pictures_are_those_of_the_files(mnist_format: Path) -> None:
    pictures, labels = avalanche(mnist_format, name="SplitMNIST", mode="L"), load_digits().target
    pixels = enlarged()
    for blocks, part in ((pictures.train, slice(LEARNED)), (pictures.test, slice(LEARNED, None))):
        for name in pictures.outputs:
            own = pixels[part][labels[part] == int(name.split()[0])]
            found = torch.stack(blocks[name].pictures(range(len(blocks[name])))).squeeze(1)
            assert np.array_equal(found, own)


def test_the_chance_of_the_process_is_left_alone(mnist_format: Path) -> None:
    def drawn() -> tuple:
        return random.random(), np.random.random(), float(torch.rand(()))

    def seeded() -> None:
        random.seed(5)
        np.random.seed(5)
        torch.manual_seed(5)

    seeded()
    expected = drawn()
    seeded()
    avalanche(mnist_format, name="SplitMNIST")
    assert drawn() == expected


def test_stream_keeps_the_contract(mnist_format: Path) -> None:
    report = contract.check(discover().find("stream", "avalanche"), data_root=mnist_format)
    assert all(finding.kept for finding in report.findings), str(report)


def test_tiny_imagenet_is_read_from_its_files(tiny_imagenet_format: Path) -> None:
    pictures = avalanche(tiny_imagenet_format, name="SplitTinyImageNet")
    assert pictures.own_tasks == (20,) * 10
    assert set(pictures.outputs) == {f"thing {path.name}" for path in tiny_imagenet_format.glob("*/train/*")}
    name = pictures.outputs[0]
    files = sorted((tiny_imagenet_format / "tiny-imagenet-200" / "train" / name.split()[1] / "images").iterdir())
    wanted = {np.asarray(Image.open(file).convert("RGB")).tobytes() for file in files}
    block = pictures.train[name]
    assert {block.picture(i).permute(1, 2, 0).numpy().tobytes() for i in range(len(block))} == wanted


def test_a_run_has_the_tasks_of_the_benchmark(mnist_format: Path, cltool: Callable, tmp_path: Path) -> None:
    call = ("run", "--stream", "avalanche:SplitMNIST:mode=L", "--data-root", mnist_format, "--merge", "ridge")
    backbone = ("--backbone", "random:features=64,size=8", "--no-joint")
    found = cltool(*call, *backbone, "--out", tmp_path / "run", "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert told["stream"] == "avalanche:name=SplitMNIST,mode=L"
    assert [len(task["outputs"]) for task in told["tasks"]] == [2] * 5
    assert told["accuracy_final"] > 0.5
    assert told["tasks"][0]["outputs"] == [*avalanche(mnist_format, name="SplitMNIST").outputs[:2]]


def save_digit(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((load_digits_once()[number] * 15).astype(np.uint8)).convert("RGB").resize((32, 24)).save(path)


@cache
def load_digits_once() -> np.ndarray:
    return load_digits().images


def test_birds_are_cut_out_and_called_as_their_folders(tmp_path: Path) -> None:
    folder = tmp_path / "CUB_200_2011"
    lines: dict[str, list[str]] = defaultdict(list)
    for number in range(400):  # two of each class, one of them for the test
        kind = number // 2 + 1
        name = f"{kind:03d}.Bird_{kind}/{number}.png"
        save_digit(folder / "images" / name, number)
        facts = {"images": name, "image_class_labels": kind, "bounding_boxes": "4.0 3.0 20.0 10.0"}
        for file, fact in {**facts, "train_test_split": number % 2}.items():
            lines[file].append(f"{number + 1} {fact}\n")
    for file, told in lines.items():
        (folder / f"{file}.txt").write_text("".join(told))
    pictures = avalanche(tmp_path, name="SplitCUB200")
    assert pictures.outputs[:2] == ("001.Bird_1", "002.Bird_2")
    assert pictures.own_tasks == (100, *(10,) * 10)
    with Image.open(folder / "images" / "003.Bird_3" / "5.png") as whole:
        expected = np.asarray(whole)[3:13, 4:24]
    assert np.array_equal(pictures.train["003.Bird_3"].picture(0).permute(1, 2, 0), expected)


def test_core50_has_one_test_set_for_all_its_tasks(tmp_path: Path) -> None:
    lists = tmp_path / "batches_filelists" / "NC_inc" / "run3"
    lists.mkdir(parents=True)
    (tmp_path / "NIC_v2_79_cat").mkdir()
    order = {"ni": [[[]] * 9]}  # of another scenario, which Avalanche reads all the same
    for name, content in {"paths": [], "labels": order, "LUP": order, "labels2names": {}}.items():
        (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps(content))
    groups = [range(10), *(range(start, start + 5) for start in range(10, 50, 5))]
    for batch, labels in enumerate(groups):
        told = [f"s1/{label}.png {label}\n" for label in labels]
        (lists / f"train_batch_{batch:02d}_filelist.txt").write_text("".join(told))
    (lists / "test_filelist.txt").write_text("".join(f"s3/{label}.png {label}\n" for label in range(50)))
    for label in range(50):
        save_digit(tmp_path / "core50_32x32" / "s1" / f"{label}.png", label)
        save_digit(tmp_path / "core50_32x32" / "s3" / f"{label}.png", 50 + label)
    pictures = avalanche(tmp_path, name="CORe50", run=3, mini=True)
    assert pictures.own_tasks == (10, *(5,) * 8)
    assert pictures.outputs == tuple(map(str, range(50)))
    with Image.open(tmp_path / "core50_32x32" / "s3" / "41.png") as expected:
        assert np.array_equal(pictures.test["41"].picture(0).permute(1, 2, 0), np.asarray(expected))


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "RGBA"])
def test_encoding_loses_nothing(mode: str) -> None:
    from cltool.pictures import ImageFile

    picture = Image.fromarray(enlarged()[0]).convert(mode)
    grey = mode in ("1", "L")
    expected = np.atleast_3d(np.asarray(picture.convert("L" if grey else "RGB")))
    found = ImageFile("L" if grey else "RGB")(encoded(picture)).permute(1, 2, 0).numpy()
    assert np.array_equal(found, expected)


def test_every_benchmark_that_is_named_is_one_of_avalanches() -> None:
    from avalanche.benchmarks import classic

    assert all(callable(getattr(classic, name)) for name in BENCHMARKS)


def test_cut_is_the_benchmarks_unless_a_run_asks_for_another(mnist_format: Path) -> None:
    from cltool.recipe import Choice, Recipe
    from cltool.setups import prepare

    stream = Choice.of(Spec.parse("avalanche:name=SplitMNIST"))
    asked = {"stream": stream, "data_root": str(mnist_format), "backbone": Choice(name="random")}
    assert len(prepare(Recipe(**asked)).stream) == 5
    assert len(prepare(Recipe(**asked, tasks=10)).stream) == 10
