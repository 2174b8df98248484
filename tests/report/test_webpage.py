"""report.html as text: one file, names that stay names, and what it leaves out. The browser's part stands elsewhere."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from cltool.report.runs import FinishedRun, Group
from cltool.report.webpage.facts import classes
from cltool.report.webpage.writing import page

HOSTILE = ("<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", "a & b\u2028c", "{{ 7 * 7 }}")


class Page(HTMLParser):
    """Every element's name and attributes, and what stands in scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] == "script":
            self.scripts.append(data)

    def found(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def renamed(run: FinishedRun, changed: Callable, names: tuple[str, ...] = HOSTILE) -> FinishedRun:
    """The same run, its classes called otherwise."""
    new = {name: names[place % len(names)] + str(place) for place, name in enumerate(run.order)}
    tasks = [t.model_copy(update={"outputs": [new[name] for name in t.outputs]}) for t in run.metrics.tasks]
    by_class = {new[name]: values for name, values in (run.metrics.by_class or {}).items()}
    (found,) = changed([run], tasks=tasks, by_class=by_class, strategy=f"mine{names[0]}")
    assert isinstance(found, FinishedRun)
    return found


@pytest.mark.slow
def test_it_is_one_file_with_headings_in_order(nine_runs: list[FinishedRun], changed: Callable) -> None:
    found = Page(page([*nine_runs, *changed(nine_runs[:2], stream="other")]))
    for attributes in (attributes for _, attributes in found.elements):
        for key in ("src", "href"):
            assert (attributes.get(key) or "#").startswith(("#", "data:")), attributes
    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(attributes.get("alt") for attributes in found.found("img"))
    assert all(attributes.get("aria-label") for _, attributes in found.elements if attributes.get("role") == "img")
    assert all(attributes.get("scope") for attributes in found.found("th"))
    assert len(found.found("caption")) == len(found.found("table"))


@pytest.mark.slow
def test_no_script_is_allowed_but_the_two_of_the_page(nine_runs: list[FinishedRun]) -> None:
    text = page(nine_runs[:1])
    (policy,) = (meta["content"] or "" for meta in Page(text).found("meta") if "http-equiv" in meta)
    (allowed,) = (part.split()[1:] for part in policy.split(";") if part.split()[0] == "script-src")
    own = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    assert len(own) == 2
    assert allowed == [f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'" for script in own]


@pytest.mark.slow
def test_hostile_names_stay_names(nine_runs: list[FinishedRun], changed: Callable) -> None:
    before, after = (Page(page([run])) for run in (nine_runs[0], renamed(nine_runs[0], changed)))
    assert len(after.found("script")) == len(before.found("script")) == 3
    assert after.found("img") == [] or all((i["src"] or "").startswith("data:image/png") for i in after.found("img"))
    embedded = after.scripts[0]
    assert not set("<>&\u2028") & set(embedded)
    (told,) = json.loads(embedded)
    assert {name for name, *_ in told["strategies"][0]["classes"]} == set(renamed(nine_runs[0], changed).order)


@pytest.mark.slow
def test_classes_tell_how_they_were_learned_and_how_they_ended(nine_runs: list[FinishedRun]) -> None:
    runs = nine_runs[:3]
    told = {name: (after, end) for name, after, end in classes(Group("lda", runs))}
    name = runs[0].order[0]
    own = [[v for v in (run.metrics.by_class or {})[name] if v is not None] for run in runs]
    assert told[name] == pytest.approx((sum(v[0] for v in own) / 3, sum(v[-1] for v in own) / 3))
    changes = [end - after for _, after, end in classes(Group("lda", runs))]
    assert changes == sorted(changes)


@pytest.mark.slow
def test_old_runs_values_and_a_single_task_have_a_page(nine_runs: list[FinishedRun], changed: Callable) -> None:
    assert "do not tell single classes" in page(changed(nine_runs[:1], by_class=None))
    values = {"score": "ccc", "by_class": None, "joint": None, "gap_to_joint": None, "unknown": None}
    told = page(changed(nine_runs[:2], **values))
    assert "Another protocol" not in told  # published results are accuracies
    metrics = nine_runs[0].metrics
    one = {
        "tasks": metrics.tasks[:1],
        "matrix": [[0.9]],
        "matrix_task_aware": [[0.9]],
        "curve": [0.9],
        "joint": None,
        "gap_to_joint": None,
        "by_class": {name: [0.9] for name in metrics.tasks[0].outputs},
    }
    assert "1 task of 2 classes" in page(changed(nine_runs[:1], **one))
