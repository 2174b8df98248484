"""All wrong calls of the streams together: each is answered by one line that says what to do."""

from __future__ import annotations

import csv
import pickle
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from torchvision.datasets import CIFAR100, EMNIST

from cltool import CallError, PictureSet
from cltool.catalogue import discover
from cltool.plugin import Spec
from cltool.progress import Silent
from cltool.video.store import Index
from cltool_plugins.streams.cifar100 import cifar100
from cltool_plugins.streams.emnist import emnist
from cltool_plugins.streams.ferplus import ferplus
from cltool_plugins.streams.folder import folder

NOWHERE = "http://127.0.0.1:1"  # a port where nobody listens


def one_line(*parts: str) -> str:
    """A pattern for a message of a single line that has these parts in this order."""
    return r"\A[^\n]*" + r"[^\n]*".join(map(re.escape, parts)) + r"[^\n]*\Z"


@pytest.fixture
def digit_files(tmp_path: Path) -> Path:
    """train/ and test/ of two digits, four JPEG files each."""
    data = load_digits()
    for label in (0, 1):
        for i, shades in enumerate(data.images[data.target == label][:8]):
            place = tmp_path / "digits" / ("train" if i < 4 else "test") / f"digit{label}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray((shades * 15).astype(np.uint8)).resize((32, 32)).save(place / f"{i}.jpg")
    return tmp_path / "digits"


@pytest.fixture
def cifar_files(tmp_path: Path) -> Path:
    """Sound files in CIFAR-100's format, of two classes."""
    sides = {"data": np.zeros((4, 3072), np.uint8), "fine_labels": [0, 1, 0, 1]}
    contents = {"train": sides, "test": sides, "meta": {"fine_label_names": ["apple", "bear"]}}
    (tmp_path / "cifar").mkdir()
    for name, content in contents.items():
        (tmp_path / "cifar" / name).write_bytes(pickle.dumps(content, protocol=2))
    assert len(cifar100(tmp_path / "cifar", verify=False).train["bear"]) == 2
    return tmp_path / "cifar"


@pytest.fixture
def damaged_letters(letters: Path, tmp_path: Path) -> Path:
    """The real letters, copied, so that files may be damaged; the folder of the files."""
    return shutil.copytree(letters / "EMNIST", tmp_path / "letters" / "EMNIST") / "raw"


def write_labels(root: Path, *rows: str) -> Path:
    """FER2013Train/label.csv, and a picture for every row."""
    place = root / "FER2013Train"
    place.mkdir(parents=True)
    (place / "label.csv").write_text("\n".join(rows))
    for row in csv.reader(rows):
        Image.new("L", (48, 48)).save(place / row[0])
    return root


def write_kaggle(root: Path, pixels: Sequence[str]) -> None:
    """fer2013.csv of these pixels, and sixteen rows of votes: each emotion once in training and in test."""
    rows = [
        [usage, f"fer{8 * test + label}.png", *(10 * (i == label) for i in range(10))]
        for test, usage in enumerate(("Training", "PrivateTest"))
        for label in range(8)
    ]
    files = {"fer2013new.csv": rows, "fer2013.csv": [["0", shades, ""] for shades in pixels]}
    for name, content in files.items():
        with (root / name).open("w", newline="") as file:
            csv.writer(file).writerows([["a", "line", "of", "headings"], *content])


@pytest.mark.parametrize("stream", [folder, ferplus])
def test_no_data_root(stream: Callable[..., PictureSet]) -> None:
    with pytest.raises(CallError, match=one_line(f"--stream {stream.__name__} needs --data-root", "zip")):
        stream(None)


@pytest.mark.parametrize("stream", [folder, ferplus])
def test_data_root_that_is_not_there(stream: Callable[..., PictureSet], tmp_path: Path) -> None:
    with pytest.raises(CallError, match=one_line("nowhere is neither a folder nor a zip file")):
        stream(tmp_path / "nowhere")


@pytest.mark.parametrize("stream", [folder, ferplus])
def test_file_that_is_not_a_zip(stream: Callable[..., PictureSet], tmp_path: Path) -> None:
    (tmp_path / "data.zip").write_text("not a zip")
    with pytest.raises(CallError, match=one_line("data.zip is neither a folder nor a zip file")):
        stream(tmp_path / "data.zip")


@pytest.mark.parametrize("files", [(), ("readme.txt",), ("cats/readme.txt",), ("1.jpg",)], ids=str)
def test_folder_without_pictures_in_class_folders(files: tuple[str, ...], tmp_path: Path) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(CallError, match=one_line(str(tmp_path), "holds no pictures; wanted: train/CLASS/*.jpg")):
        folder(tmp_path)


def test_folder_with_train_alone(digit_files: Path) -> None:
    shutil.rmtree(digit_files / "test")
    with pytest.raises(CallError, match=one_line("train/ but neither val/ nor test/ beside it")):
        folder(digit_files)


@pytest.mark.parametrize(("side", "named"), [("test", "test"), ("train", "training")])
def test_class_that_one_side_lacks(digit_files: Path, side: str, named: str) -> None:
    shutil.rmtree(digit_files / side / "digit1")
    with pytest.raises(CallError, match=one_line("class 'digit1'", f"no {named} pictures; add some, or remove")):
        folder(digit_files)


@pytest.mark.parametrize(("share", "named"), [(1e-9, "test"), (1 - 1e-9, "training")])
def test_class_of_which_the_split_leaves_one_side_empty(digit_files: Path, share: float, named: str) -> None:
    expected = one_line("class 'digit0'", f"no {named} pictures", "test_share or split_seed")
    with pytest.raises(CallError, match=expected):
        folder(digit_files / "train", test_share=share)


@pytest.mark.parametrize("option", ["mode=grey", "test_share=0", "test_share=1", "split_seed=x", "size=3"])
def test_folder_option_out_of_range(option: str) -> None:
    with pytest.raises(CallError, match=one_line("stream 'folder'", "option", option.split("=")[0])):
        discover().configure("stream", Spec.parse(f"folder:{option}"))


@pytest.mark.parametrize("damage", [lambda whole: whole[: len(whole) // 2], lambda whole: b"no picture"])
def test_unreadable_picture_is_named(digit_files: Path, damage: Callable[[bytes], bytes]) -> None:
    path = digit_files / "train" / "digit1" / "2.jpg"
    path.write_bytes(damage(path.read_bytes()))
    block = folder(digit_files).train["digit1"]
    at = list(block.names).index(str(path))
    with pytest.raises(CallError, match=one_line("cannot read picture", str(path), "repair or remove it")):
        block.check(at)
    with pytest.raises(CallError, match=one_line("cannot read picture", str(path))):
        block.picture(at)
    assert block.picture(at - 1).shape == (3, 32, 32)


def test_picture_that_vanished_is_named(digit_files: Path) -> None:
    block = folder(digit_files).train["digit1"]
    (digit_files / "train" / "digit1" / "0.jpg").unlink()
    with pytest.raises(CallError, match=one_line("cannot read picture", "0.jpg")):
        block.picture(0)
    with pytest.raises(CallError, match=one_line("cannot read picture", "0.jpg")):
        _ = block.digest


def test_picture_damaged_within_a_zip_is_named(digit_files: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "digits.zip", "w") as archive:
        for file in sorted(digit_files.rglob("*.jpg")):
            archive.write(file, file.relative_to(digit_files))
    content = (digit_files / "train" / "digit0" / "3.jpg").read_bytes()
    whole = (tmp_path / "digits.zip").read_bytes()
    (tmp_path / "digits.zip").write_bytes(whole.replace(content, content[:-1] + b"?"))
    block = folder(tmp_path / "digits.zip").train["digit0"]
    for use in (block.picture, block.check, lambda at: block.digest):
        with pytest.raises(CallError, match=one_line("cannot read picture", "train/digit0/3.jpg", "CRC")):
            use(3)


def test_cifar100_with_foreign_checksums(cifar_files: Path) -> None:
    with pytest.raises(CallError, match=one_line(str(cifar_files / "train"), "checksum", "verify=false")):
        cifar100(cifar_files)


@pytest.mark.parametrize("name", ["test", "meta"])
def test_cifar100_with_a_file_missing(cifar_files: Path, name: str) -> None:
    (cifar_files / name).unlink()
    with pytest.raises(CallError, match=one_line(str(cifar_files), f"lacks {name!r}", "put it there, or remove")):
        cifar100(cifar_files, verify=False)


class Intruder:
    """What a pickle that means harm does when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["train", "test", "meta"])
def test_cifar100_file_that_wants_to_run_code(cifar_files: Path, name: str, tmp_path: Path) -> None:
    evil = pickle.dumps(Intruder(tmp_path / "mark"), protocol=2)
    (cifar_files / name).write_bytes(evil)
    with pytest.raises(CallError, match=one_line(str(cifar_files / name), "is no file of CIFAR-100", "to load")):
        cifar100(cifar_files, verify=False)
    assert not (tmp_path / "mark").exists()
    pickle.loads(evil)
    assert (tmp_path / "mark").exists()  # it would have


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        pickle.dumps(["a list"]),
        pickle.dumps({"labels": []}),
        pickle.dumps({"data": np.zeros((4, 3072), np.uint8), "fine_labels": [0, 1]}),
        pickle.dumps({"data": np.zeros((4, 784), np.uint8), "fine_labels": [0, 1, 0, 1]}),
    ],
    ids=["empty", "text", "list", "other keys", "too few labels", "other pictures"],
)
def test_cifar100_file_that_is_none(cifar_files: Path, content: bytes) -> None:
    (cifar_files / "train").write_bytes(content)
    with pytest.raises(CallError, match=one_line(str(cifar_files / "train"), "is no file of CIFAR-100")):
        cifar100(cifar_files, verify=False)


def test_cifar100_file_cut_short_anywhere(cifar_files: Path) -> None:
    whole = (cifar_files / "train").read_bytes()
    for length in (1, 2, 5, 20, 60, 120, 1000, len(whole) - 1):
        (cifar_files / "train").write_bytes(whole[:length])
        with pytest.raises(CallError, match=one_line(str(cifar_files / "train"), "is no file of CIFAR-100")):
            cifar100(cifar_files, verify=False)


@pytest.mark.parametrize(
    ("stream", "dataset", "layout"),
    [
        (cifar100, CIFAR100, "cifar-100-python/{train,test,meta}"),
        (emnist, EMNIST, "EMNIST/raw/emnist-letters-{train,test}"),
    ],
)
def test_download_without_a_network(
    stream: Callable[..., PictureSet],
    dataset: type,
    layout: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dataset, "url", f"{NOWHERE}/archive.zip")
    expected = one_line(f"cannot download {NOWHERE}/archive.zip", layout, f"give --data-root {tmp_path}")
    with pytest.raises(CallError, match=expected):
        stream(tmp_path)


@pytest.mark.parametrize(("stream", "dataset"), [(cifar100, CIFAR100), (emnist, EMNIST)])
def test_download_that_the_site_no_longer_has(
    stream: Callable[..., PictureSet], dataset: type, site_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "url", f"{site_url}/archive.zip")
    with pytest.raises(CallError, match=one_line("cannot download", "archive.zip (File not found)", "--data-root")):
        stream(None)


@pytest.mark.parametrize(("stream", "dataset"), [(cifar100, CIFAR100), (emnist, EMNIST)])
def test_download_with_a_wrong_checksum(
    stream: Callable[..., PictureSet],
    dataset: type,
    site_folder: Path,
    site_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with zipfile.ZipFile(site_folder / "archive.zip", "w") as archive:
        archive.writestr("readme.txt", "something else")
    monkeypatch.setattr(dataset, "url", f"{site_url}/archive.zip")
    with pytest.raises(CallError, match=one_line("cannot download", "archive.zip", "corrupted", "--data-root")):
        stream(None)


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("kind", ["images-idx3", "labels-idx1"])
@pytest.mark.parametrize("length", [0, 3, 10, 2000])
def test_emnist_file_cut_short(damaged_letters: Path, part: str, kind: str, length: int) -> None:
    path = damaged_letters / f"emnist-letters-{part}-{kind}-ubyte"
    path.write_bytes(path.read_bytes()[:length])
    expected = one_line(str(damaged_letters), f"emnist-letters-{part}-", "is damaged", "replace its two files")
    with pytest.raises(CallError, match=expected):
        emnist(damaged_letters.parents[1])


def test_emnist_labels_of_other_pictures(damaged_letters: Path) -> None:
    shutil.copy(
        damaged_letters / "emnist-letters-test-labels-idx1-ubyte",
        damaged_letters / "emnist-letters-train-labels-idx1-ubyte",
    )
    with pytest.raises(CallError, match=one_line("emnist-letters-train-", "do not fit together")):
        emnist(damaged_letters.parents[1])


def test_emnist_label_beyond_the_last_letter(damaged_letters: Path) -> None:
    path = damaged_letters / "emnist-letters-test-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\x1b")
    with pytest.raises(CallError, match=one_line("emnist-letters-test-", "do not fit together")):
        emnist(damaged_letters.parents[1])


def test_emnist_split_that_there_is_none_of() -> None:
    with pytest.raises(CallError, match=one_line("stream 'emnist', option split=kanji", "'letters'")):
        discover().configure("stream", Spec.parse("emnist:split=kanji"))


def test_ferplus_with_neither_layout(tmp_path: Path) -> None:
    (tmp_path / "faces.txt").touch()
    expected = one_line(str(tmp_path), "holds no FERPlus; wanted: fer2013.csv", "FER2013Train/")
    with pytest.raises(CallError, match=expected):
        ferplus(tmp_path)


def test_ferplus_without_the_votes(tmp_path: Path) -> None:
    (tmp_path / "fer2013.csv").write_text("emotion,pixels,Usage\n")
    with pytest.raises(CallError, match=one_line(str(tmp_path), "lacks fer2013new.csv", "github.com")):
        ferplus(tmp_path)


def test_ferplus_without_the_folders_own_labels(tmp_path: Path) -> None:
    for name in ("fer2013.csv", "fer2013new.csv"):
        (tmp_path / name).touch()
    with pytest.raises(CallError, match=one_line(str(tmp_path), "lacks label.csv", "FER2013Train/")):
        ferplus(tmp_path, labels="folder")


@pytest.mark.parametrize("votes", ["10,0,0", "10,0,0,0,0,0,0,0,0,0,0", "10,0,0,0,0,0,0,0,0,many", ""])
def test_ferplus_row_without_ten_votes(tmp_path: Path, votes: str) -> None:
    write_labels(tmp_path, f"fer1.png,box,{votes}")
    with pytest.raises(CallError, match=one_line(f"fer1.png,box,{votes}", "ten numbers", "repair it")):
        ferplus(tmp_path)


def test_ferplus_file_of_votes_that_is_no_text(tmp_path: Path) -> None:
    write_labels(tmp_path)
    (tmp_path / "FER2013Train" / "label.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CallError, match=one_line("cannot read", "label.csv", "put the data set's own there")):
        ferplus(tmp_path)


def test_ferplus_picture_missing_among_the_files(tmp_path: Path) -> None:
    write_labels(tmp_path, "fer1.png,box,10,0,0,0,0,0,0,0,0,0", "fer2.png,box,0,10,0,0,0,0,0,0,0,0")
    (tmp_path / "FER2013Train" / "fer2.png").unlink()
    expected = one_line("lacks FER2013Train/fer2.png, one of 1 train pictures", "put them there")
    with pytest.raises(CallError, match=expected):
        ferplus(tmp_path)


def test_ferplus_picture_missing_from_kaggles_csv(tmp_path: Path) -> None:
    write_kaggle(tmp_path, ["0 " * 48 * 48] * 15)
    expected = one_line("lacks FER2013Test/fer15.png, one of 1 test pictures", "put them there")
    with pytest.raises(CallError, match=expected):
        ferplus(tmp_path)


@pytest.mark.parametrize("pixels", ["0 0 0", "0 1 many", "256 " * 48 * 48], ids=["few", "word", "too bright"])
def test_ferplus_picture_damaged_in_kaggles_csv_is_named(tmp_path: Path, pixels: str) -> None:
    write_kaggle(tmp_path, [pixels, *["0 " * 48 * 48] * 15])
    block = ferplus(tmp_path).train["neutral"]
    with pytest.raises(CallError, match=one_line("cannot read picture FER2013Train/fer0.png")):
        block.picture(0)


def test_ferplus_without_any_picture_of_an_emotion(tmp_path: Path) -> None:
    write_labels(tmp_path, "fer1.png,box,10,0,0,0,0,0,0,0,0,0")
    expected = one_line(str(tmp_path), "no train picture of 'happiness' with mode=majority", "another mode")
    with pytest.raises(CallError, match=expected):
        ferplus(tmp_path)


@pytest.mark.parametrize("option", ["mode=best", "emotions=6", "labels=old", "test=both"])
def test_ferplus_option_that_there_is_none_of(option: str) -> None:
    with pytest.raises(CallError, match=one_line(f"stream 'ferplus', option {option}: Input should be")):
        discover().configure("stream", Spec.parse(f"ferplus:{option}"))


def test_digits_have_no_options() -> None:
    with pytest.raises(CallError, match=one_line("stream 'digits' has no option 'size'")):
        discover().configure("stream", Spec.parse("digits:size=8"))


@pytest.mark.parametrize("name", ["affwild2", "affwild", "afew-va"])
def test_films_are_read_from_a_store_and_the_command_that_makes_one_is_told(name: str, tmp_path: Path) -> None:
    stream = discover().configure("stream", Spec(name))
    wanted = one_line(f"cltool video extract --corpus {name} --data-root FILMS --out STORE")
    for root, what in ((None, "is missing"), (tmp_path, "is no feature store")):
        with pytest.raises(CallError, match=wanted) as told:
            stream(data_root=root, progress=Silent())
        assert what in str(told.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"groups": 4}, ("7 different videos or people make no 4 tasks", "take groups=3 or fewer")),
        ({"by": "subject", "groups": 2}, ("option groups is for by=video",)),
    ],
)
def test_films_that_cannot_be_cut_so(options: dict[str, Any], told: Sequence[str], puppet_store: Path) -> None:
    stream = discover().configure("stream", Spec("va-puppet", options))
    with pytest.raises(CallError, match=one_line(*told)):
        stream(data_root=puppet_store, progress=Silent())


def test_too_few_films_are_not_made(cache: Path) -> None:
    stream = discover().configure("stream", Spec("va-puppet", {"films": 4}))
    with pytest.raises(CallError, match=one_line("films of 4 different videos or people make no 5 tasks")):
        stream(data_root=None, progress=Silent())
    assert not (cache / "stores").exists()


@pytest.mark.slow
def test_features_of_another_data_set_are_refused(puppet_store: Path) -> None:
    with pytest.raises(CallError, match=one_line("holds features of va-puppet, not of affwild2")):
        discover().configure("stream", Spec("affwild2"))(data_root=puppet_store, progress=Silent())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "by", "told"),
    [
        ({"subject": None}, "subject", "does not tell who is in its films; take by=video"),
        ({"subject": "ann"}, "video", "films of 1 different videos or people make no 5 tasks"),
        ({"number": True}, "subject", "nobody is in two videos"),
    ],
)
def test_people_that_are_not_known_or_only_once(
    change: dict[str, Any], by: str, told: str, puppet_store: Path, tmp_path: Path
) -> None:
    index = Index.load(puppet_store)
    for number, entry in enumerate(index.films.values()):
        entry.subject = f"person {number}" if "number" in change else change["subject"]
    (tmp_path / "store").mkdir()
    index.save(tmp_path / "store")
    (tmp_path / "store" / "films").symlink_to(puppet_store / "films")
    with pytest.raises(CallError, match=one_line(told)):
        discover().configure("stream", Spec("va-puppet", {"by": by}))(data_root=tmp_path / "store", progress=Silent())


@pytest.fixture
def saved_digits(tmp_path: Path) -> Path:
    """Two columns of pictures, two of classes, one of numbers, as `datasets` keeps them."""
    import datasets

    picture, classes = datasets.Image(), datasets.ClassLabel(names=["even", "odd", "none"])
    kinds = {"scan": picture, "mask": picture, "parity": classes, "other": classes, "weight": datasets.Value("float32")}
    file = tmp_path / "digit.png"
    Image.fromarray((load_digits().images[0] * 15).astype(np.uint8)).save(file)
    row = {"scan": [str(file)] * 4, "mask": [str(file)] * 4, "other": [0] * 4, "weight": [0.5] * 4}
    data = datasets.Dataset.from_dict({**row, "parity": [0, 0, 0, 1]}, datasets.Features(kinds))
    datasets.DatasetDict({"train": data, "extra": data}).save_to_disk(tmp_path / "saved")
    return tmp_path / "saved"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("", ("several columns of pictures; choose with image=, one of scan, mask",)),
        ("image=weight", ("'weight' is no column of pictures", "scan")),
        ("image=scan", ("several columns of classes; choose with label=, one of other, parity",)),
        ("image=scan,label=parety", ("no column 'parety'; did you mean 'parity'?",)),
        ("image=scan,label=weight", ("column 'weight' holds no classes",)),
        ("split=trian", ("no split 'trian'; did you mean 'train'?",)),
        ("image=scan,label=parity,test=tset", ("no split 'tset'",)),
        ("image=scan,label=parity", ("class 'odd' has 1 pictures, too few to hold out 0.2", "test=SPLIT")),
    ],
)
def test_hf_columns_and_splits_that_cannot_be_meant(options: str, told: Sequence[str], saved_digits: Path) -> None:
    stream = discover().configure("stream", Spec.parse(f"hf:{saved_digits}:{options}".rstrip(":")))
    with pytest.raises(CallError, match=one_line("--stream hf:", *told)):
        stream(data_root=None)


@pytest.mark.slow
def test_hf_data_without_pictures_or_classes(tmp_path: Path) -> None:
    import datasets

    datasets.Dataset.from_dict({"text": ["a"], "size": [1.5]}).save_to_disk(tmp_path / "words")
    stream = discover().configure("stream", Spec("hf", {"name": "words"}))
    with pytest.raises(CallError, match=one_line("no column of pictures among text, size")):
        stream(data_root=tmp_path)


@pytest.mark.slow
def test_hf_name_that_is_nowhere_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    stream = discover().configure("stream", Spec("hf", {"name": "nobody/nothing"}))
    told = one_line("there is no folder", str(tmp_path), "the Hub cannot be reached", "connect once")
    with pytest.raises(CallError, match=told):
        stream(data_root=tmp_path)


@pytest.mark.slow
def test_hf_name_where_the_hub_does_not_answer_is_not_asked_for_again_and_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from huggingface_hub import constants
    from huggingface_hub.utils import _http

    asked = []
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.setattr(_http.time, "sleep", asked.append)
    stream = discover().configure("stream", Spec("hf", {"name": "nobody/nothing"}))
    with pytest.raises(CallError, match=one_line("the Hub cannot be reached", "connect once")):
        stream(data_root=tmp_path)
    assert not asked


@pytest.mark.slow
def test_hf_folder_without_data(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    stream = discover().configure("stream", Spec("hf", {"name": "empty"}))
    with pytest.raises(CallError, match=one_line("--stream hf:empty", "no such data set", "any data files")):
        stream(data_root=tmp_path)


def test_hf_folder_that_there_is_none_of(tmp_path: Path) -> None:
    stream = discover().configure("stream", Spec("hf", {"name": "./cifar10"}))
    with pytest.raises(
        CallError, match=one_line("there is no folder", "cifar10", "leave out the leading . for a name")
    ):
        stream(data_root=tmp_path)


def test_hf_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    stream = discover().configure("stream", Spec("hf", {"name": "cifar10"}))
    with pytest.raises(CallError, match=one_line("needs the library datasets; pip install cltool[hf]")):
        stream(data_root=None)


@pytest.mark.parametrize(
    ("spelled", "told"),
    [
        ("SplitMINST", ("no such benchmark; did you mean 'SplitMNIST'?",)),
        ("PermutedMNIST", ("all its experiences have the same classes",)),
        ("SplitOmniglot", ("of other characters than its training pictures", "--stream folder:depth=2")),
        pytest.param("SplitMNIST:mini=true", ("has no option 'mini'; it has n_experiences",), marks=pytest.mark.slow),
    ],
)
def test_avalanche_benchmarks_that_there_are_none_of(spelled: str, told: Sequence[str], tmp_path: Path) -> None:
    stream = discover().configure("stream", Spec.parse(f"avalanche:{spelled}"))
    with pytest.raises(CallError, match=one_line("--stream avalanche:", *told)):
        stream(data_root=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SplitMNIST", "SplitCIFAR100", "SplitTinyImageNet"])
def test_avalanche_data_that_are_missing_offline(name: str, cltool: Callable, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    call = ("--stream", f"avalanche:{name}", "--data-root", tmp_path / "data", "--backbone", "random")
    done = cltool("run", *call, "--out", tmp_path / "run")
    assert done.code == 2
    assert done.out == ""
    last = done.err.strip().splitlines()[-1]
    assert f"--stream avalanche:{name}: Avalanche cannot have its data" in done.err.replace("\n", " ")
    assert "connect once" in done.err, last
    assert not (tmp_path / "run").exists()


def test_avalanche_streams_need_avalanche(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cltool_plugins.avalanche.library.find_spec", lambda name: None)
    stream = discover().configure("stream", Spec.parse("avalanche:SplitMNIST"))
    with pytest.raises(CallError, match=one_line("pip install cltool[avalanche]")):
        stream(data_root=tmp_path)
