"""report.html in a real browser, without a network: what can be seen, pointed at, pressed and typed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cltool.report.runs import FinishedRun
from cltool.report.styles import LEADING
from cltool.report.webpage.writing import save_page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NAME = "<script>alert(1)</script>"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: extra dev")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def address(nine_runs: list[FinishedRun], changed: Callable, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of three strategies, one of which keeps all data, and of two streams; a class has a hostile name."""

    def called(run: FinishedRun) -> FinishedRun:
        tasks = [
            task.model_copy(update={"outputs": [NAME if name == "3" else name for name in task.outputs]})
            for task in run.metrics.tasks
        ]
        by_class = {NAME if name == "3" else name: values for name, values in (run.metrics.by_class or {}).items()}
        (found,) = changed([run], tasks=tasks, by_class=by_class)
        assert isinstance(found, FinishedRun)
        return found

    runs = [called(run) for run in nine_runs[:6]]
    path = tmp_path_factory.mktemp("page") / "report.html"
    save_page([*runs, *changed(nine_runs[6:], keeps_all=True), *changed(nine_runs[:3], stream="other")], path)
    return path.as_uri()


@pytest.fixture(scope="module")
def tab(browser: Any) -> Iterator[Any]:
    """One tab for all tests, which costs less than one each: a script that is known is not compiled again."""
    context = browser.new_context(offline=True, permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()


@pytest.fixture
def page(tab: Any, address: str) -> Iterator[Any]:
    """The page, opened anew; in the end there must have been no error, no dialog and no request but for the file."""
    wrong: list[str] = []
    watched = {
        "console": lambda told: wrong.append(told.text) if told.type in ("error", "warning") else None,
        "pageerror": lambda error: wrong.append(str(error)),
        "dialog": lambda dialog: (wrong.append(dialog.message), dialog.dismiss()),
        "request": lambda asked: asked.url.startswith(("file:", "data:", "blob:")) or wrong.append(asked.url),
    }
    for event, heard in watched.items():
        tab.on(event, heard)
    tab.set_viewport_size({"width": 1280, "height": 900})
    tab.emulate_media(color_scheme="light")
    tab.goto(address)
    yield tab
    for event, heard in watched.items():
        tab.remove_listener(event, heard)
    assert wrong == []


def drawn(page: Any, what: str) -> Any:
    """A picture of the first stream, once it has been drawn."""
    plot = page.locator(f'[data-plot="{what}"][data-section="0"]')
    plot.scroll_into_view_if_needed()
    plot.locator(".main-svg").first.wait_for()
    return plot


def first_column(page: Any) -> list[str]:
    return (
        page.locator("#stream-0 table.sortable").first.locator("tbody").first.locator("th[scope=row]").all_inner_texts()
    )


def test_all_pictures_are_drawn_offline(page: Any) -> None:
    for what in ("curves", "bytes kept", "seconds", "published", "matrix"):
        drawn(page, what)
    page.locator('[data-plot="curves"][data-section="1"]').scroll_into_view_if_needed()
    page.locator('[data-plot="curves"][data-section="1"] .main-svg').first.wait_for()
    assert page.locator("header").inner_text().count("Use ") == 1  # the other stream has one strategy
    assert "qda (keeps all data)" in page.locator("tbody", has_text="Not ranked").first.inner_text()


def test_pointing_at_a_curve_tells_its_value(page: Any) -> None:
    plot = drawn(page, "curves")
    expected = plot.evaluate("p => { const t = p.data.at(-1); return [t.y[2].toFixed(3), t.name]; }")
    point = plot.locator(".scatterlayer .trace").last.locator(".points path").nth(2).bounding_box()
    page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    text = plot.locator(".hoverlayer .hovertext")
    text.first.wait_for()
    assert all(part in text.first.text_content() for part in expected)


def test_the_legend_hides_and_shows_a_curve_by_mouse_and_by_keyboard(page: Any) -> None:
    plot = drawn(page, "curves")
    button = page.locator('[data-legend="0"] button').first
    label = button.inner_text().split("\n")[-1]
    shown = "p => p.querySelectorAll('.scatterlayer .trace .lines path').length"
    before = plot.evaluate(shown)
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert label not in plot.evaluate("p => p.data.map(t => t.name)")
    assert plot.evaluate(shown) < before
    button.focus()
    page.keyboard.press("Space")
    assert button.get_attribute("aria-pressed") == "true"
    assert plot.evaluate(shown) == before


def test_of_many_strategies_the_leading_are_shown_and_a_button_shows_all(
    page: Any, nine_runs: list[FinishedRun], changed: Callable, tmp_path: Path
) -> None:
    names = [f"lda-{number}" for number in range(LEADING + 3)]
    many = [replace(one, path=tmp_path / name) for name in names for one in changed(nine_runs[:1], strategy=name)]
    save_page(many, tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri())
    plot = drawn(page, "curves")
    shown = "p => p.data.filter(t => t.mode === 'lines+markers').length"
    assert plot.evaluate(shown) == LEADING
    for name, left in (("Show all", len(names)), ("Hide all", 0)):
        page.locator('[data-legend="0"] button', has_text=name).click()
        assert plot.evaluate(shown) == left
    assert page.locator('[data-legend="0"] button[aria-pressed="true"]').count() == 0


def test_a_heading_sorts_within_its_part_by_mouse_and_by_keyboard(page: Any) -> None:
    table = page.locator("#stream-0 table.sortable").first
    ranked = first_column(page)
    assert set(ranked) == {"lda", "ncm"}
    heading = table.locator("thead th").nth(2)
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert first_column(page) == ranked  # as it came: the highest first
    heading.locator("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert first_column(page) == ranked[::-1]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert table.locator("thead th").first.get_attribute("aria-sort") == "ascending"
    assert heading.get_attribute("aria-sort") == "none"
    assert first_column(page) == sorted(ranked)


def test_a_telephone_shows_the_answer_first_and_never_scrolls_sideways(page: Any) -> None:
    page.set_viewport_size({"width": 375, "height": 740})
    page.reload()
    assert page.locator(".answer .lead").first.bounding_box()["y"] < 300
    assert page.locator(".answer").first.locator("p", has_text="It costs").bounding_box()["y"] < 740
    for what in ("curves", "bytes kept", "matrix"):
        drawn(page, what)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    page.evaluate("scrollTo(200, 0)")
    assert page.evaluate("scrollX") == 0


def test_a_dark_screen_gets_a_dark_page_and_pictures_follow(page: Any) -> None:
    plot = drawn(page, "curves")
    seen = "() => getComputedStyle(document.body).backgroundColor"
    light, ink = page.evaluate(seen), plot.evaluate("p => p.layout.font.color")
    page.emulate_media(color_scheme="dark")
    moments = "for (let i = 0; i < 300 && p.layout.font.color === ink; i++) await new Promise(requestAnimationFrame)"
    assert plot.evaluate(f"async (p, ink) => {{ {moments}; return p.layout.font.color; }}", ink) != ink
    dark = page.evaluate(seen)
    brightness = [sum(map(int, text[4:-1].split(","))) for text in (light, dark)]
    assert brightness[0] > 700
    assert brightness[1] < 120


def test_a_hostile_class_stays_text_wherever_it_stands(page: Any) -> None:
    assert page.locator("script").count() == 3
    assert NAME in page.locator('[data-table="classes"][data-section="0"]').inner_text()
    plot = drawn(page, "matrix")
    page.locator('[data-table="matrix"][data-section="0"]').evaluate("box => { box.closest('details').open = true; }")
    assert NAME in page.locator('[data-table="matrix"][data-section="0"]').inner_text()
    place = plot.evaluate("p => p.data[0].customdata[0].findIndex(t => t.includes('alert')) + 1")
    at = plot.evaluate(
        "(p, i) => { const b = p.querySelector('.nsewdrag').getBoundingClientRect(), f = p._fullLayout;"
        "return [b.x + f.xaxis.d2p(i), b.y + f.yaxis.d2p(5)]; }",
        place,
    )
    page.mouse.move(*at)
    text = plot.locator(".hoverlayer .hovertext").first
    text.wait_for()
    assert NAME in text.text_content()


def test_a_matrix_is_chosen_by_strategy_seed_and_what_competes(page: Any, nine_runs: list[FinishedRun]) -> None:
    plot = drawn(page, "matrix")
    choose = {what: page.locator(f'[data-choose="{what}"][data-section="0"]') for what in ("strategy", "seed", "kind")}
    choose["strategy"].select_option(label="ncm")
    choose["seed"].select_option(label="1")
    assert plot.evaluate("p => p.data[0].z") == nine_runs[4].metrics.matrix
    choose["kind"].select_option("aware")
    assert plot.evaluate("p => p.data[0].z") == nine_runs[4].metrics.matrix_task_aware
    classes = page.locator('[data-choose="classes"][data-section="0"]')
    classes.select_option(label="ncm")
    assert "under ncm" in page.locator('[data-table="classes"][data-section="0"] caption').inner_text()


def test_all_that_can_be_pressed_has_a_name_and_is_reached_by_keyboard(page: Any) -> None:
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, select, summary, a')].filter(e => !e.closest('.plot')).filter("
        "e => e.tabIndex < 0 || !(e.ariaLabel || e.textContent || e.closest('label').textContent).trim()).length"
    )
    assert unnamed == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Copy"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_copy_button_copies_the_command(page: Any) -> None:
    page.locator(".answer button.copy").first.click()
    page.locator("#said", has_text="Copied").wait_for(state="attached")
    assert page.evaluate("navigator.clipboard.readText()").startswith("cltool run --stream folder --data-root")


def test_values_old_runs_and_a_single_task_are_drawn_too(
    page: Any, nine_runs: list[FinishedRun], changed: Callable, tmp_path: Path
) -> None:
    values = {"score": "ccc", "stream": "va", "joint": None, "gap_to_joint": None, "unknown": None, "by_class": None}
    untold = {"cost": nine_runs[0].metrics.cost.model_copy(update={"bytes_kept": None, "parameters_per_task": None})}
    tasks, one = nine_runs[3].metrics.tasks[:1], [[0.9]]
    single = {"tasks": tasks, "matrix": one, "matrix_task_aware": one, "curve": [0.9], "joint": None, "by_class": None}
    save_page(
        [*changed(nine_runs[:2], **values, **untold), *changed(nine_runs[3:4], **single)], tmp_path / "report.html"
    )
    page.goto((tmp_path / "report.html").as_uri())
    assert page.locator('[data-plot="published"]').count() == 1  # of the stream that has accuracies
    for plot in page.locator("[data-plot]").all():
        plot.scroll_into_view_if_needed()
        plot.locator(".main-svg").first.wait_for()
    assert page.locator(".answer .lead").all_inner_texts()[0].startswith("lda ends at")
