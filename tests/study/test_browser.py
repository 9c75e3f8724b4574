"""The whole study in a real browser."""

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from pipeline.images.picture import read_png
from pipeline.study.definition import Study, picture_path
from pipeline.study.store import open_answers
from tests.study.conftest import MakeStudy, ServerHere, StudyServer, answer_body

pytestmark = pytest.mark.browser

Serve = Callable[..., StudyServer]
ServeHere = Callable[..., ServerHere]

READY = "#grades button:enabled"
GREY = (128, 128, 128)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program)
        yield running
        running.close()


def open_page(browser: Browser, link: str, **options: object) -> tuple[Page, list[str]]:
    """A page in a browser profile of its own, and the mistakes of its scripts."""
    page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(20000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.goto(link)
    return page, problems


def press(page: Page, key: str) -> None:
    """Answer the item on the screen, and wait until it is gone."""
    page.wait_for_selector(READY)
    page.keyboard.press(key)
    page.wait_for_selector("#grades button:disabled", state="attached")


def answers_of(folder: Path, study: Study) -> list[int]:
    store = open_answers(study, None, folder)
    frame = store.frame()
    store.close()
    return frame.loc[frame["participant"] == 1, "value"].tolist()


def test_a_whole_study_by_keyboard_with_the_browser_closed_in_between(
    browser: Browser, make_study: MakeStudy, serve_here: ServeHere
):
    folder, study = make_study(repeats=2)
    server = serve_here(folder)
    link = server.links()[0]
    given = [1 + i % 5 for i in range(3 + 9 + 2)]
    page, problems = open_page(browser, link)
    page.wait_for_selector("#start:visible")
    assert page.inner_text("#start") == "Start"
    page.keyboard.press("Enter")
    page.wait_for_selector("#practice:visible")
    for value in given[:3]:
        press(page, str(value))
    page.wait_for_selector("#go:visible")
    page.keyboard.press("Enter")
    for value in given[3:6]:
        press(page, f"Numpad{value}")
    page.wait_for_selector(READY)
    assert page.inner_text("#progress") == "7 / 14"
    assert page.is_hidden("#practice")
    page.context.close()
    assert answers_of(folder, study) == given[:6]

    page, more = open_page(browser, link)
    page.wait_for_selector("#start:visible")
    assert page.inner_text("#start") == "Continue"
    page.keyboard.press("Enter")
    for value in given[6:]:
        press(page, str(value))
    page.wait_for_selector("#done:visible")
    page.context.close()
    assert answers_of(folder, study) == given
    page, _ = open_page(browser, link)
    page.wait_for_selector("#done:visible")
    page.context.close()
    assert problems == more == []


@contextmanager
def screen(browser: Browser, ratio: float, *, emulated: bool) -> Iterator[BrowserContext]:
    """A screen of so many device pixels a CSS pixel; emulation only exists in browsers' tests."""
    if emulated:
        size = {"width": 401, "height": 653}
        yield browser.new_context(viewport=size, device_scale_factor=ratio)  # type: ignore[arg-type]
        return
    arguments = [f"--force-device-scale-factor={ratio}", "--window-size=501,703"]
    program = browser.browser_type
    own = program.launch(executable_path=shutil.which("chromium"), args=arguments)
    yield own.new_context(no_viewport=True)
    own.close()


@pytest.mark.parametrize(
    ("ratio", "emulated"),
    [(1, False), (1.5, False), (2, False), (2.625, False), (3, False), (2, True)],
)
def test_a_pixel_of_the_file_is_a_pixel_of_the_screen(
    ratio: float, emulated: bool, browser: Browser, make_study: MakeStudy, serve_here: ServeHere
):
    folder, _ = make_study(training_pictures=0, crop=50)
    link = serve_here(folder).links()[0]
    with screen(browser, ratio, emulated=emulated) as context:
        page = context.new_page()
        page.goto(link)
        page.click("#start")
        page.wait_for_selector(READY)
        assert page.evaluate("devicePixelRatio") == ratio
        box = page.query_selector("#stage img").bounding_box()  # type: ignore[union-attr]
        pixels = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
        room = page.evaluate("document.getElementById('stage').clientHeight") * ratio
    state = requests.get(f"{link}/state").json()
    shown = read_png(picture_path(folder, state["pictures"][0]["url"].rpartition("/")[2]))
    assert shown.shape == (50, 50, 3)
    assert box is not None
    assert box["width"] == pytest.approx(50 / ratio, abs=1 / 64)
    different = (pixels[: int(room)] != GREY).any(axis=2)
    rows, columns = (np.flatnonzero(different.any(axis=axis)) for axis in (1, 0))
    top, left = rows[0], columns[0]
    assert (rows[-1] - top + 1, columns[-1] - left + 1) == (50, 50)  # grey all around
    assert np.array_equal(pixels[top : top + 50, left : left + 50], shown)
    assert abs(2 * left + 50 - pixels.shape[1]) <= 2 * ratio  # in the middle


def test_on_a_phone_by_touch(browser: Browser, make_study: MakeStudy, serve_here: ServeHere):
    folder, study = make_study(repeats=0, pictures=2)
    phone = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3}
    page, problems = open_page(
        browser, serve_here(folder).links()[0], is_mobile=True, has_touch=True, **phone
    )
    page.tap("#start")
    for position in range(6):
        if position == 3:
            page.tap("#go")
        page.wait_for_selector(READY)
        buttons = [box.bounding_box() for box in page.query_selector_all("#grades button")]
        for box in buttons:
            assert box is not None
            assert box["width"] >= 48
            assert box["height"] >= 48
            assert box["x"] + box["width"] <= 390
            assert box["y"] + box["height"] <= 844
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.tap(f"#grades button:nth-child({position % 5 + 1})")
        page.wait_for_selector("#grades button:disabled", state="attached")
    page.wait_for_selector("#done:visible")
    assert page.evaluate("window.visualViewport.scale") == 1
    page.context.close()
    assert problems == []
    assert answers_of(folder, study) == [1, 2, 3, 4, 5, 1]


@pytest.mark.parametrize(("width", "label"), [(1000, "Left"), (100, "Upper")])
def test_pairs_lie_side_by_side_where_there_is_room(
    width: int, label: str, browser: Browser, make_study: MakeStudy, serve_here: ServeHere
):
    folder, study = make_study(kind="pairs", training_pictures=0)
    size = {"width": width, "height": 700}
    page, problems = open_page(browser, serve_here(folder).links()[0], viewport=size)
    page.click("#start")
    page.wait_for_selector(READY)
    first, second = (box.bounding_box() for box in page.query_selector_all("#stage img"))
    assert first is not None
    assert second is not None
    if label == "Left":
        assert first["y"] == second["y"]
        assert second["x"] == first["x"] + 80 + 16
    else:
        assert first["x"] == second["x"]
        assert second["y"] == first["y"] + 60 + 16
    assert page.inner_text("#grades button:first-child span") == label
    press(page, "ArrowRight")
    press(page, "1")
    page.wait_for_selector(READY)
    page.context.close()
    assert answers_of(folder, study) == [2, 1]
    assert problems == []


def test_two_tabs_double_presses_and_the_back_button_give_one_answer_each(
    browser: Browser, make_study: MakeStudy, serve_here: ServeHere
):
    folder, study = make_study(training_pictures=0, repeats=0)
    server = serve_here(folder)
    link = server.links()[0]
    page, problems = open_page(browser, link)
    other = page.context.new_page()
    other.goto(link)
    for tab in (page, other):
        tab.bring_to_front()
        tab.click("#start")
        tab.wait_for_selector(READY)
    for _ in range(3):
        press(other, "5")
    other.wait_for_selector(READY)
    # The first tab still shows the first item; its answer is not taken, and it goes on.
    page.keyboard.press("1")
    page.keyboard.press("1")
    page.wait_for_selector("#stage[data-position='3']")
    page.wait_for_selector(READY)
    assert answers_of(folder, study) == [5, 5, 5]
    page.keyboard.press("2")
    page.keyboard.press("2")
    page.wait_for_selector("#stage[data-position='4']")
    page.goto("about:blank")
    page.go_back()
    page.wait_for_selector("#start:visible, #grades button:enabled")
    if page.is_visible("#start"):
        page.click("#start")
    press(page, "3")
    page.wait_for_selector(READY)
    page.context.close()
    assert answers_of(folder, study) == [5, 5, 5, 2, 3]
    assert problems == []


def test_an_answer_waits_for_a_server_that_is_away(
    browser: Browser, make_study: MakeStudy, serve: Serve
):
    folder, study = make_study(training_pictures=0, repeats=0)
    server = serve(folder)
    page, _ = open_page(browser, server.links()[0])
    page.click("#start")
    press(page, "4")
    page.wait_for_selector(READY)
    server.kill()
    page.keyboard.press("2")
    page.wait_for_selector("#notice:visible")
    assert answers_of(folder, study) == [4]
    server.start()
    page.wait_for_selector("#notice", state="hidden")
    page.wait_for_selector(READY)
    assert answers_of(folder, study) == [4, 2]
    page.context.close()


def test_the_next_pictures_are_fetched_before_they_are_shown(
    browser: Browser, make_study: MakeStudy, serve_here: ServeHere
):
    folder, _ = make_study(training_pictures=0, repeats=0)
    page = browser.new_context().new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    link = serve_here(folder).links()[0]
    page.goto(link)
    page.click("#start")
    page.wait_for_selector(READY)
    ahead = requests.get(f"{link}/state").json()["ahead"]
    page.wait_for_load_state("networkidle")
    assert len(ahead) == 3
    assert all(any(url.endswith(address) for url in asked) for address in ahead)
    pictures = [url for url in asked if "/pictures/" in url]
    assert len(pictures) == len(set(pictures)) == 4
    page.context.close()


def test_the_administrator_sees_progress_and_adds_links(
    browser: Browser, make_study: MakeStudy, serve_here: ServeHere
):
    folder, _ = make_study()
    server = serve_here(folder, participants=2)
    requests.post(f"{server.links()[1]}/answers/0", json=answer_body(3))
    page, _ = open_page(browser, f"{server.address}/admin")
    page.fill("input[name=password]", "not it")
    page.click("text=Log in")
    assert page.inner_text(".problem") == "Wrong password"
    page.fill("input[name=password]", server.password)
    page.click("text=Log in")
    page.wait_for_selector("tbody tr:nth-child(2)")
    assert "1 / 14" in page.inner_text("tbody tr:nth-child(2)")
    page.fill("input[name=count]", "3")
    page.click("text=Add")
    page.wait_for_selector("tbody tr:nth-child(5)")
    links = page.eval_on_selector_all("td.link a", "cells => cells.map(cell => cell.href)")
    assert len(set(links)) == 5
    page.click("text=Log out")
    page.wait_for_selector("input[name=password]")
    page.context.close()
