"""Paths of valence and arousal: by lot, and out of a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cltool_plugins.puppet.traces import Recording, random_traces, read_recording, recorded_traces


def write(path: Path, values: np.ndarray, columns: str = "jstime,valence,arousal,video") -> Path:
    rows = [f"{50 * n},{v},{a},1" for n, (v, a) in enumerate(values)]
    path.write_text("\n".join([columns, *rows]) + "\n")
    return path


@pytest.fixture
def restless(tmp_path: Path) -> Path:
    """A hundred seconds at 20 Hz that move from 40 s to 60 s only."""
    values = np.full((2000, 2), 5.0)
    n = np.arange(400)
    values[800:1200, 0] += 4 * np.sin(n / 20)
    values[800:1200, 1] += 4 * np.cos(n / 30)
    return write(tmp_path / "trace.csv", values)


def test_paths_by_lot_cover_the_square_smoothly() -> None:
    trace = random_traces(20_000, 25, 0)
    values, origin = trace(0)
    assert origin == {"from": "random"}
    assert values.shape == (20_000, 2)
    shares, _ = np.histogram(values, bins=4, range=(-1, 1))
    assert shares.min() / shares.max() > 0.6
    assert abs(values).max() <= 0.95
    assert abs(np.diff(values, axis=0)).max() < 0.15  # in 40 ms
    assert abs(np.corrcoef(values.T)[0, 1]) < 0.2
    assert not np.allclose(values, trace(1).values)
    np.testing.assert_array_equal(values, random_traces(20_000, 25, 0)(0).values)


def test_a_file_of_cases_scale_becomes_plus_and_minus_one(tmp_path: Path) -> None:
    path = write(tmp_path / "trace.csv", np.array([(0.5, 9.5), (5, 5), (9.5, 0.5)] * 20))
    recording = read_recording(path, films=1, seconds=2)
    np.testing.assert_allclose(recording.values[:3], [(-1, 1), (0, 0), (1, -1)])
    np.testing.assert_allclose(recording.seconds[:3], [0, 0.05, 0.1])


def test_other_columns_and_their_order_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "trace.csv").write_text("arousal,who,valence\n" + "9.5,x,5\n" * 41)
    recording = read_recording(tmp_path / "trace.csv", films=1, seconds=2)
    np.testing.assert_allclose(recording.values[0], [0, 1])
    assert recording.seconds[-1] == pytest.approx(2)  # 20 Hz, as nothing else is said


def test_frames_lie_between_annotations(tmp_path: Path) -> None:
    path = write(tmp_path / "trace.csv", np.column_stack([np.linspace(0.5, 9.5, 101), np.full(101, 5)]))
    values = read_recording(path, 1, 4).between(1.0, 100, 25)
    np.testing.assert_allclose(values[:, 0], -1 + 2 * (1 + np.arange(100) / 25) / 5, atol=1e-9)


def test_films_take_what_moves_first_and_no_two_the_same(restless: Path) -> None:
    firsts = []
    for seed in range(20):
        starts = read_recording(restless, 10, 10).starts(10, seed)
        assert len(starts) == 10
        assert (np.diff(np.sort(starts)) > 10 - 1e-6).all()
        firsts += [float(start) for start in starts[:2]]
    moving = [30 < start < 60 for start in firsts]
    assert np.mean(moving) > 0.9


def test_a_films_stretch_does_not_depend_on_how_many_there_are(restless: Path) -> None:
    few, many = recorded_traces(restless, 2, 10, 25, 3), recorded_traces(restless, 9, 10, 25, 3)
    np.testing.assert_array_equal(few(1).values, many(1).values)
    assert few(1).origin == many(1).origin
    assert few(0).origin["from"] == "trace.csv"
    assert few(0).origin["start_s"] != few(1).origin["start_s"]
    seeds = {recorded_traces(restless, 2, 10, 25, seed)(1).origin["start_s"] for seed in range(8)}
    assert len(seeds) > 1


def test_a_trace_as_long_as_its_films_is_enough() -> None:
    recording = Recording(3 + np.arange(400) / 20, np.zeros((400, 2)), "")
    assert recording.length == pytest.approx(20)
    np.testing.assert_allclose(np.sort(recording.starts(10, 0)), [3, 13])


def test_a_real_trace_gives_films_that_move(shared_data: Path) -> None:
    trace = recorded_traces(shared_data / "case_va" / "sub_1.csv", 20, 10, 25, 0)
    films = [trace(film).values for film in range(20)]
    assert all(values.shape == (250, 2) and abs(values).max() <= 1 for values in films)
    still = read_recording(shared_data / "case_va" / "sub_1.csv", 1, 10)
    usual = np.median([still.between(start, 250, 25).std(0).sum() for start in np.arange(0, 2440, 10)])
    assert np.median([values.std(0).sum() for values in films]) > 2 * usual
