"""Data sets that `datasets` itself wrote of real pictures: scikit-learn's digits. Nothing asks a network."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from cltool import contract
from cltool.catalogue import discover
from cltool.plugin import Spec
from cltool_plugins.streams.hf import hf

pytestmark = pytest.mark.slow  # `datasets` alone takes seconds to be imported


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """`datasets` must not ask the Hub."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def png(shades: np.ndarray) -> dict:
    file = io.BytesIO()
    Image.fromarray((shades * 15).astype(np.uint8)).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": None}


def digits(split: str, labels: Any = None) -> Any:
    """About a dozen pictures of every digit, others for each split, in the file's mixed order."""
    import datasets

    data = load_digits()
    at = range(0, 120) if split == "train" else range(120, 240)
    labels = labels or datasets.ClassLabel(names=[f"digit {n}" for n in range(10)])
    features = datasets.Features({"scan": datasets.Image(), "page": datasets.Value("int32"), "number": labels})
    columns = {"scan": [png(data.images[i]) for i in at], "page": list(at), "number": data.target[at].tolist()}
    return datasets.Dataset.from_dict(columns, features)


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "digits"
    folder.mkdir(parents=True)
    for split in ("train", "test"):
        digits(split).to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return folder


@pytest.mark.parametrize("written", ["parquet", "save_to_disk"])
def test_pictures_and_classes_are_those_that_were_written(written: str, parquet: Path, tmp_path: Path) -> None:
    import datasets

    folder = parquet
    if written == "save_to_disk":
        folder = tmp_path / "saved"
        datasets.DatasetDict({split: digits(split) for split in ("train", "test")}).save_to_disk(folder)
    pictures = hf(None, name=str(folder), mode="L")
    assert pictures.outputs == tuple(f"digit {n}" for n in range(10))
    data = load_digits()
    for blocks, at in ((pictures.train, np.arange(120)), (pictures.test, np.arange(120, 240))):
        for label, name in enumerate(pictures.outputs):
            own = at[data.target[at] == label]
            expected = (data.images[own] * 15).astype(np.uint8)
            found = torch.stack(blocks[name].pictures(range(len(blocks[name])))).squeeze(1)
            assert np.array_equal(found, expected)


def test_bytes_are_those_of_the_data_and_read_when_wanted(parquet: Path) -> None:
    block = hf(None, name=str(parquet)).train["digit 3"]
    (first, *_) = np.flatnonzero(load_digits().target[:120] == 3)
    assert block.read(0) == png(load_digits().images[first])["bytes"]
    assert block.names[0] == f"train picture {first} (digit 3)"
    assert block.picture(0).shape == (3, 8, 8)  # colour unless mode=L


def test_name_is_looked_up_below_the_data_root_and_the_contract_is_kept(parquet: Path) -> None:
    stream = discover().configure("stream", Spec.parse("hf:./digits"))
    assert str(stream) == "hf:name=./digits"
    report = contract.check(stream.plugin, data_root=parquet.parent)
    assert all(finding.kept for finding in report.findings), str(report)


def test_without_a_split_to_score_on_a_share_of_each_class_is_held_out(tmp_path: Path) -> None:
    digits("train").save_to_disk(tmp_path / "single")
    pictures = hf(None, name=str(tmp_path / "single"), test_share=0.25)
    whole = np.bincount(load_digits().target[:120], minlength=10)
    held = [len(pictures.test[name]) for name in pictures.outputs]
    assert held == [round(0.25 * n) for n in whole]
    assert [len(pictures.train[name]) for name in pictures.outputs] == list(whole - held)
    assert pictures.note == "0.25 of 'train' held out to score on"
    assert not {*pictures.train["digit 0"].names} & {*pictures.test["digit 0"].names}


def test_a_test_split_without_labels_is_passed_over(tmp_path: Path) -> None:
    import datasets

    blind = digits("test").map(lambda row: {"number": -1})
    splits = {"train": digits("train"), "test": blind, "validation": digits("test")}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "contest")
    block = hf(None, name=str(tmp_path / "contest")).test["digit 1"]
    assert block.names[0].startswith("validation picture")


def test_a_named_column_of_words_gives_its_values_as_classes(tmp_path: Path) -> None:
    import datasets

    words = datasets.Value("string")
    folder = tmp_path / "words"
    both = {split: digits(split, words) for split in ("train", "test")}
    datasets.DatasetDict(both).save_to_disk(folder)
    assert hf(None, name=str(folder), label="number").outputs == tuple("0123456789")


def test_class_folders_are_read_too(tmp_path: Path) -> None:
    data = load_digits()
    for i in range(100):
        place = tmp_path / "folders" / ("train" if i < 60 else "test") / f"digit{data.target[i]}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((data.images[i] * 15).astype(np.uint8)).save(place / f"{i}.png")
    pictures = hf(None, name=str(tmp_path / "folders"), mode="L")
    assert pictures.outputs == tuple(f"digit{n}" for n in range(10))
    assert np.array_equal(pictures.train["digit0"].picture(0)[0], (data.images[0] * 15).astype(np.uint8))


def test_a_run_on_it_says_what_it_ran_on(parquet: Path, cltool: Callable, tmp_path: Path) -> None:
    call = ("run", "--stream", f"hf:{parquet}:mode=L", "--tasks", 5, "--backbone", "random:features=64,size=8")
    found = cltool(*call, "--merge", "ridge", "--no-joint", "--out", tmp_path / "run", "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert told["stream"] == f"hf:name={parquet},mode=L"
    assert told["accuracy_final"] > 0.5
