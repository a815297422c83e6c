"""The page with the sliders in a real browser: it moves, fast enough, on a screen and on a phone.

`make browser` runs this and shows the milliseconds; the screenshots lie in build/screenshots.
"""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from optimizers.functions import rosenbrock

ROOT = Path(__file__).parent.parent
SCREENSHOTS = ROOT / "build" / "screenshots"
CHROMIUM = shutil.which("chromium")
BESIDE_OTHERS = "PYTEST_XDIST_WORKER" in os.environ  # then times say nothing
PATIENCE = 90  # seconds until the page is up, on a machine that has other things to do
MOVES = 25
LIMIT = 100.0  # milliseconds
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
PAGE = ".optimizers-explore"
# when a key is pressed, and when the frame after the new picture has been painted
STOPWATCH = """([page, pictures]) => {
  window.times = Object.fromEntries(pictures.map(name => [name, []]));
  let pressed = 0;
  document.addEventListener("keydown", () => { pressed = performance.now(); }, true);
  for (const name of pictures)
    document.querySelector(`${page} .${name} img`).addEventListener("load", () => {
      const since = pressed;
      requestAnimationFrame(() => requestAnimationFrame(
        () => window.times[name].push(performance.now() - since)));
    });
}"""


def missing():
    """What keeps this machine from running these tests."""
    for name in ("voila", "playwright"):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed (`make browser` installs it)"
    return None if CHROMIUM else "no chromium on this machine (apt install chromium)"


pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where `make app` serves the page."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    notebook = ROOT / "notebooks" / "app.ipynb"
    log = tmp_path_factory.mktemp("voila") / "log.txt"
    command = [sys.executable, "-m", "voila", str(notebook), "--no-browser"]
    url = f"http://127.0.0.1:{port}/"
    with log.open("w") as stream:
        server = subprocess.Popen(
            [*command, "--Voila.ip=127.0.0.1", f"--port={port}"],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},  # the library beside these tests
        )
        try:
            _wait(url + "voila/static/voila.js", server, log)
            yield url
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait(url, server, log):
    for _ in range(10 * PATIENCE):
        try:
            with urllib.request.urlopen(url):
                return
        except OSError:
            assert server.poll() is None, log.read_text()
            time.sleep(0.1)
    raise TimeoutError(log.read_text())


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, address):
    """Open the page in a window of its own, and wait until it stands."""
    contexts = []
    errors = []

    def opened(**device):
        context = browser.new_context(**device)
        context.set_default_timeout(1000 * PATIENCE)
        contexts.append(context)
        window = context.new_page()
        window.on("pageerror", lambda error: errors.append(str(error)))
        window.goto(address)
        for name in ("map", "curve", "state"):
            window.wait_for_function(
                "selector => document.querySelector(selector)?.naturalWidth > 0",
                arg=f"{PAGE} .{name} img",
            )
        window.wait_for_timeout(500)
        return window

    yield opened
    for context in contexts:
        context.close()
    assert not errors


def card(window, rule):
    return window.locator(f"{PAGE} .card", has=window.locator(f"b:text-is('{rule}')"))


def slider(window, rule, name):
    label = window.locator(f"label:text-is('{name}')")
    return card(window, rule).locator(".widget-inline-hbox", has=label).locator(".noUi-handle")


def pixels(window, name):
    shot = window.locator(f"{PAGE} .{name} img").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


def settled(window, name, before, timeout=20):
    """The picture once it is another one, and stays so."""
    since = time.monotonic()
    while time.monotonic() - since < timeout:
        now = pixels(window, name)
        if now.shape != before.shape or (now != before).any():
            window.wait_for_timeout(300)
            return pixels(window, name)
        window.wait_for_timeout(50)
    raise TimeoutError(f"the {name} does not move")


def keep(window, name, **options):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    window.screenshot(path=SCREENSHOTS / f"{name}.png", **options)


def test_a_key_on_a_slider_moves_the_pictures_in_time(visit, capsys):
    window = visit(viewport={"width": 1300, "height": 1100})
    keep(window, "app-wide", full_page=True)
    pictures = ["map", "curve", "state"]
    before = [pixels(window, name) for name in pictures]
    window.evaluate(STOPWATCH, [PAGE, pictures])
    slider(window, "Adam", "lr").focus()
    for key in ("ArrowLeft", "ArrowRight", "ArrowLeft"):  # again, if something else was going on
        window.evaluate("for (const name in window.times) window.times[name] = []")
        for _ in range(MOVES):
            window.keyboard.press(key)
            window.wait_for_timeout(300)
        window.wait_for_timeout(500)
        times = window.evaluate("window.times")
        with capsys.disabled():
            print()
            for name, taken in times.items():
                print(
                    f"key to pixels, {name}: median {statistics.median(taken):.0f} ms, "
                    f"{min(taken):.0f} to {max(taken):.0f}, {len(taken)} moves"
                )
        slowest = max(map(statistics.median, times.values()))
        if slowest < LIMIT:
            break
    for name, picture in zip(pictures, before, strict=True):
        assert len(times[name]) >= MOVES - 3
        assert (pixels(window, name) != picture).any()
    assert slowest < LIMIT or BESIDE_OTHERS


def test_a_slider_can_be_dragged(visit):
    window = visit(viewport={"width": 1300, "height": 1100})
    before = pixels(window, "map")
    readout = card(window, "SGD").locator(".widget-readout")
    rate = float(readout.inner_text())
    handle = slider(window, "SGD", "lr").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    window.mouse.move(x, y)
    window.mouse.down()
    window.mouse.move(x - 25, y, steps=10)
    window.mouse.up()
    assert (settled(window, "map", before) != before).any()
    assert float(readout.inner_text()) < rate / 3


def test_a_click_on_the_map_starts_there(visit):
    window = visit(viewport={"width": 1300, "height": 1100})
    before = pixels(window, "map")
    place = window.locator(f"{PAGE} .tap [role=img]")
    box = place.bounding_box()
    place.click(position={"x": 0.75 * box["width"], "y": 0.25 * box["height"]})
    after = settled(window, "map", before)
    (x0, x1), (y0, y1) = rosenbrock.domain
    expected = [x0 + 0.75 * (x1 - x0), y1 - 0.25 * (y1 - y0)]
    typed = window.locator(f"{PAGE} .start input").input_value()
    np.testing.assert_allclose([float(x) for x in typed.split(",")], expected, atol=0.02)
    at = [int(box["y"] + 0.25 * box["height"]), int(box["x"] + 0.75 * box["width"])]
    corner = window.locator(f"{PAGE} .map img").bounding_box()
    row, column = at[0] - int(corner["y"]), at[1] - int(corner["x"])
    ring = after[row - 7 : row + 8, column - 7 : column + 8]
    assert (ring < 60).any()  # ○ stands where the click was
    assert (ring > 240).any()
    keep(window, "app-clicked", full_page=True)


def test_the_path_is_played_to_its_end_and_again(visit):
    window = visit(viewport={"width": 1300, "height": 1100})
    end = pixels(window, "map")
    says = window.locator(f"{PAGE} .map .says")
    play = window.locator(f"{PAGE} .play button").first
    for _ in range(2):
        play.click()
        window.wait_for_function(
            "selector => /^Step [1-9]\\d? of/.test(document.querySelector(selector).innerText)",
            arg=f"{PAGE} .map .says",
        )
        assert (pixels(window, "map") != end).any()
        window.wait_for_function(
            "selector => !/^Step/.test(document.querySelector(selector).innerText)",
            arg=f"{PAGE} .map .says",
        )
        window.wait_for_timeout(500)
        assert "after 200 steps" in says.inner_text()
        np.testing.assert_array_equal(pixels(window, "map"), end)


def test_another_function_and_another_rule_are_one_touch_away(visit):
    window = visit(viewport={"width": 1300, "height": 1100})
    before = pixels(window, "map")
    window.locator(f"{PAGE} select").first.select_option("Himmelblau")
    before = settled(window, "map", before)
    window.locator(f"{PAGE} button", has_text="AdamW").click()
    settled(window, "map", before)
    assert card(window, "AdamW").count() == 1
    keep(window, "app-himmelblau", full_page=True)


def test_on_a_phone_the_map_stays_in_view_while_a_slider_is_dragged(visit):
    window = visit(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    assert window.evaluate("document.documentElement.scrollWidth") <= 390
    keep(window, "app-phone")
    slider(window, "Adam", "beta2").scroll_into_view_if_needed()
    handle = slider(window, "Adam", "beta2").bounding_box()
    picture = window.locator(f"{PAGE} .map img").bounding_box()
    assert 0 <= picture["y"] < picture["y"] + picture["height"] <= handle["y"] < 844
    keep(window, "app-phone-slider")
    before = pixels(window, "map")
    box = window.locator(f"{PAGE} .tap [role=img]").bounding_box()
    window.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    settled(window, "map", before)
