"""The streams are found as any third party's would be."""

from __future__ import annotations

import pytest

from cltool.catalogue import discover


def test_every_stream_is_announced() -> None:
    assert {"cifar100", "digits", "emnist", "ferplus", "folder"} <= set(discover().names("stream"))


@pytest.mark.parametrize("name", discover().names("stream"))
def test_stream_loads_and_says_what_it_is(name: str) -> None:
    plugin = discover().find("stream", name)
    assert (plugin.kind, plugin.name) == ("stream", name)
    assert plugin.says
    assert plugin.source
    assert plugin.facts.get("tasks") or plugin.facts["classes_per_task"]


@pytest.mark.parametrize(
    ("name", "tasks", "per_task"),
    [("digits", 5, 2), ("emnist", 5, 5), ("cifar100", 10, 10), ("ferplus", 4, 2), ("folder", 10, None)],
)
def test_default_cut_is_the_decided_one(name: str, tasks: int, per_task: int | None) -> None:
    facts = discover().find("stream", name).facts
    assert (facts["tasks"], facts.get("classes_per_task")) == (tasks, per_task)
