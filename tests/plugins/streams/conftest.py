"""Real data sets, unpacked once for all stream tests, and a web server to download from."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_imagenet_zip(shared_data: Path) -> Path:
    return shared_data / "tiny_imagenet_100.zip"


@pytest.fixture(scope="session")
def tiny_imagenet(tiny_imagenet_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 of the 100 classes, unzipped: 100 + 50 JPEG files each, in train/CLASS/ and val/CLASS/."""
    folder = tmp_path_factory.mktemp("tiny_imagenet")
    with zipfile.ZipFile(tiny_imagenet_zip) as archive:
        names = [name for name in archive.namelist() if name.endswith(".JPEG")]
        classes = sorted({name.split("/")[1] for name in names})[::5]
        archive.extractall(folder, [name for name in names if name.split("/")[1] in classes])
    return folder


@pytest.fixture(scope="session")
def letters(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """26 letters of 480 + 120 pictures, in EMNIST's own folders and format."""
    folder = tmp_path_factory.mktemp("letters")
    with zipfile.ZipFile(shared_data / "emnist_format_letters.zip") as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def whole_cifar100_format(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 classes of 100 + 50 pictures in CIFAR-100's own format; slow to make."""
    folder = tmp_path_factory.mktemp("whole_cifar100_format")
    subprocess.run([sys.executable, str(shared_data / "make_cifar100_format.py"), str(folder)], check=True)
    return folder


@pytest.fixture(scope="session")
def cifar100_format(tiny_imagenet_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 classes of 3 + 2 pictures by the same script, which reads the archive that lies beside it."""
    folder = tmp_path_factory.mktemp("cifar100_format")
    script = shutil.copy(tiny_imagenet_zip.with_name("make_cifar100_format.py"), folder)
    taken: Counter[Path] = Counter()
    with (
        zipfile.ZipFile(tiny_imagenet_zip) as whole,
        zipfile.ZipFile(folder / tiny_imagenet_zip.name, "w") as cut,
    ):
        for name in whole.namelist():
            place = Path(name).parent
            if name.endswith(".JPEG") and taken[place] < (3 if place.parts[0] == "train" else 2):
                taken[place] += 1
                cut.writestr(name, whole.read(name))
    subprocess.run([sys.executable, str(script), str(folder)], check=True)
    return folder


@pytest.fixture(scope="session")
def ferplus_zip(shared_data: Path) -> Path:
    return shared_data / "ferplus.zip"


@pytest.fixture(scope="session")
def ferplus_archive(ferplus_zip: Path) -> Iterator[zipfile.ZipFile]:
    """The archive of 35,710 faces, opened once."""
    with zipfile.ZipFile(ferplus_zip) as archive:
        yield archive


@pytest.fixture(scope="session")
def vote_rows(ferplus_archive: zipfile.ZipFile) -> list[list[str]]:
    """The rows of fer2013new.csv: usage, picture name, ten votes."""
    return list(csv.reader(io.StringIO(ferplus_archive.read("fer2013new.csv").decode())))[1:]


@pytest.fixture(autouse=True)
def only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloads from elsewhere fail at once, whatever a broken plugin asks for: nobody listens at that proxy."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def asked() -> list[str]:
    """The paths that were asked of the web site, in order."""
    return []


@pytest.fixture
def site_folder(tmp_path: Path) -> Path:
    """What lies here is on the web site."""
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def site_url(site_folder: Path, asked: list[str]) -> Iterator[str]:
    """A web site on this machine, for as long as the test takes."""

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            asked.append(self.path)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(site_folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
