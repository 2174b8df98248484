"""MediaPipe's models: given, named, or fetched once and checked, here from a server of the test's own."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cltool.errors import CallError
from cltool.progress import Silent
from cltool_plugins.modalities.mesh import face_landmarker
from cltool_plugins.modalities.models import FACE, Model, model_file

CONTENT = b"a model"


class Counting(SimpleHTTPRequestHandler):
    """Serves a folder and counts what was asked for."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Model]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "small.task").write_bytes(CONTENT)
    Counting.asked = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Counting, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/small.task"
        yield Model("--small-model", "CLTOOL_SMALL_MODEL", url, hashlib.sha256(CONTENT).hexdigest())
        server.shutdown()


def test_a_model_is_fetched_once(served: Model, cache: Path) -> None:
    path = model_file(served, None, Silent())
    assert path.is_relative_to(cache)
    assert path.read_bytes() == CONTENT
    assert model_file(served, None, Silent()) == path
    assert Counting.asked == 1


def test_a_damaged_model_is_fetched_again(served: Model) -> None:
    path = model_file(served, None, Silent())
    path.write_bytes(b"damaged")
    assert model_file(served, None, Silent()).read_bytes() == CONTENT
    assert Counting.asked == 2


def test_what_is_given_or_named_is_not_fetched(served: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, named = tmp_path / "given.task", tmp_path / "named.task"
    given.touch()
    named.touch()
    monkeypatch.setenv("CLTOOL_SMALL_MODEL", str(named))
    assert model_file(served, given, Silent()) == given
    assert model_file(served, None, Silent()) == named
    assert Counting.asked == 0


def test_another_file_than_was_promised_is_refused(served: Model, cache: Path) -> None:
    wrong = Model(served.option, served.variable, served.url, "0" * 64)
    with pytest.raises(CallError, match=r"cannot fetch .*small\.task"):
        model_file(wrong, None, Silent())
    assert not list((cache / "models").glob("small.task"))


def test_a_model_that_is_not_there(served: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CallError, match=r"--small-model .*nowhere: there is no such file; give MediaPipe's small.task"):
        model_file(served, tmp_path / "nowhere", Silent())
    gone = Model(served.option, served.variable, served.url.replace("small", "gone"), served.sha256)
    with pytest.raises(CallError, match=r"cannot fetch .*gone.task .*404.*connect once, or download it and give it"):
        model_file(gone, None, Silent())
    closed = Model(served.option, served.variable, "http://127.0.0.1:9/small.task", served.sha256)
    with pytest.raises(CallError, match="refused"):
        model_file(closed, None, Silent())
    monkeypatch.setenv("CLTOOL_SMALL_MODEL", "nowhere.task")
    with pytest.raises(CallError, match=r"CLTOOL_SMALL_MODEL nowhere.task: there is no such file"):
        model_file(served, None, Silent())


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "text.task").write_text("no model")
    with pytest.raises(CallError, match=r"text.task is no model of MediaPipe's FaceLandmarker"):
        face_landmarker(tmp_path / "text.task")


def test_the_real_model_is_the_one_that_is_promised(face_model: Path) -> None:
    assert hashlib.sha256(face_model.read_bytes()).hexdigest() == FACE.sha256
