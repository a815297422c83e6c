"""Chromium for the tests of pages: every address but this machine's is cut off."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

SCREENSHOTS = Path(__file__).parent.parent / "build" / "screenshots"
CHROMIUM = shutil.which("chromium")
BESIDE_OTHERS = "PYTEST_XDIST_WORKER" in os.environ  # then times say nothing
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
# how long after the navigation began the first picture was painted
WATCH = """(() => {
  const look = () => {
    if (document.querySelector("#page")?.page?.spent === undefined) requestAnimationFrame(look);
    else requestAnimationFrame(() => { window.firstPicture = performance.now(); });
  };
  requestAnimationFrame(look);
})();"""


def missing():
    """What keeps this machine from running these tests."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed (pip install -r requirements-browser.txt)"
    return None if CHROMIUM else "no chromium on this machine (apt install chromium)"


@contextmanager
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def visits(browser, folder):
    """A function that saves a page and opens it from the disk.

    In the end nothing may have gone wrong there, and no address asked for but the page's own.
    """
    file, windows = folder / "page.html", []

    def visit(page, width=1280, height=720, **device):
        page.save(file)
        device.setdefault("viewport", {"width": width, "height": height})
        windows.append(Window(browser, **device))
        return windows[-1].open(file.as_uri())

    try:
        yield visit
    finally:
        for window in windows:
            window.close()
    for window in windows:
        assert not window.errors, window.errors
        outside = {address.split("#")[0] for address in window.asked} - {file.as_uri(), "data:,"}
        assert not outside, outside


class Window:
    """A window with a page of ours in it, its frame if it is in one, and what goes wrong there."""

    def __init__(self, browser, **device):
        self.context = browser.new_context(**device)
        self.context.set_default_timeout(10_000)
        self.context.add_init_script(WATCH)
        self.tab = self.context.new_page()
        self.asked, self.errors = [], []
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("console", self._said)
        self.frame = self.tab.main_frame

    def _said(self, message):
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def open(self, address):
        """Go there, and wait for the first picture."""
        self.tab.goto(address)
        self.stands()
        return self

    def within(self, frame):
        """Look into a frame from now on."""
        self.frame = frame
        self.stands()
        return self

    def stands(self):
        """Wait until the first picture is there, and nothing is left to be drawn."""
        self.frame.wait_for_function("window.firstPicture !== undefined")
        self.rests()

    def rests(self):
        self.waits_for("page.frame === undefined")

    def waits_for(self, expression):
        """Wait until something of `page` holds."""
        self.frame.wait_for_function(
            f"(page => {expression})(document.querySelector('#page').page)"
        )

    def of(self, expression, given=None):
        """What an expression of `page`, and of `given`, says."""
        page = "document.querySelector('#page').page"
        return self.frame.evaluate(f"given => (page => {expression})({page})", given)

    def do(self, statements):
        """Carry these out, and wait for the picture."""
        self.of(f"{{ {statements} }}")
        self.rests()

    def find(self, selector, **options):
        return self.frame.locator(f"#page {selector}", **options)

    def named(self, name):
        """What a screen reader calls so."""
        return self.frame.get_by_label(name, exact=True)

    def look_at(self, label):
        """Bring the card of a rule to the front."""
        self.frame.get_by_role("button", name=label, exact=True).click()
        self.rests()

    def box(self, selector):
        return self.find(selector).first.bounding_box()

    def press(self, *keys):
        for key in keys:
            self.tab.keyboard.press(key)
        self.rests()

    def drag(self, start, end, moves=8):
        """By the mouse, from one point of the window to another."""
        self.tab.mouse.move(*start)
        self.tab.mouse.down()
        self.tab.mouse.move(*end, steps=moves)
        self.tab.mouse.up()
        self.rests()

    def slide(self, name, share, moves=8):
        """Take the knob of a slider, and drag it to a share of its length."""
        slider = self.named(name)
        now = slider.evaluate("s => (s.value - s.min) / (s.max - s.min)")
        box, knob = slider.bounding_box(), 8  # half of it stands off the ends
        y = box["y"] + box["height"] / 2

        def at(part):
            return box["x"] + knob + part * (box["width"] - 2 * knob), y

        self.drag(at(now), at(share), moves)

    def on_map(self, theta):
        """Where a point of the map is in the window."""
        corner = self.box(".map canvas")
        x, y = self.of("page.map.placeOf(given)", list(theta))
        return corner["x"] + x, corner["y"] + y

    def paths(self):
        """Weights and losses of the paths on the page, by label."""
        told = self.of(f"JSON.stringify([...page.paths].map(([label, path]) => [label, {PATH}]))")
        return {label: unpacked(path) for label, path in json.loads(told)}

    def keep(self, name, **options):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.tab.screenshot(path=SCREENSHOTS / f"{name}.png", **options)

    def close(self):
        self.context.close()


# a path as text that keeps every bit, nan and inf
PATH = """[path.diverged, path.theta.length / path.loss.length,
  [path.theta.subarray(0, path.size * (path.last + 1)), path.loss.subarray(0, path.last + 1)]
  .map((numbers) => Array.from(numbers, String).join(" "))]"""
PATH = " ".join(PATH.split())


def unpacked(told):
    """Weights (steps + 1, P), losses, and whether it diverged."""
    import numpy as np

    diverged, size, (theta, loss) = told
    numbers = [np.array(text.replace("Infinity", "inf").split(), float) for text in (theta, loss)]
    return numbers[0].reshape(-1, int(size)), numbers[1], diverged
