"""The site in a browser that has nothing installed, with every address but the site's cut off.

`make site-test` builds the site with a local Pyodide in it, tells its folder by SITE, and shows
seconds; the screenshots lie in build/screenshots.
"""

import json
import os
import re
import shutil
import threading
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from runpy import run_path
from time import perf_counter

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
SCREENSHOTS = ROOT / "build" / "screenshots"
SITE = os.environ.get("SITE")
CHROMIUM = shutil.which("chromium")
BELOW = "/some/where/"  # the path that the site is served under
PATIENCE = 180_000  # milliseconds, for a machine that has other things to do
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
DIGITS = "from optimizers.datasets import digits\n\nlen(digits().train[1])"
PROCESSES = """import warnings
from optimizers import Adam, sweep
from optimizers.functions import rosenbrock
with warnings.catch_warnings(record=True) as said:
    found = sweep(Adam, rosenbrock, lr=[0.01, 0.1], steps=50, n_jobs=2, store="kept")
print(said[0].message, found.rule)"""

# whether any canvas of the live page has a picture on it
DRAWN = """() => [...document.querySelectorAll("#page canvas")].some(canvas => canvas.width &&
  new Set(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data).size > 99)
"""
AT_ONCE = 1.0  # seconds from the click to the picture
BESIDE_OTHERS = "PYTEST_XDIST_WORKER" in os.environ  # then times say nothing

in_browser = pytest.mark.skipif(not SITE, reason="`make site-test` builds the site, and sets SITE")


@pytest.fixture(scope="module")
def parts():
    return run_path(str(ROOT / "notebooks" / "site" / "build.py"))


def test_the_contents_are_the_notebooks_and_what_they_read_and_link_to(parts, tmp_path):
    parts["copy_contents"](tmp_path)
    for folder in ("notebooks", "notebooks/deeper", "notebooks/exercises"):
        numbered = sorted(file.name for file in (ROOT / folder).glob("[0-9]*.ipynb"))
        assert sorted(file.name for file in (tmp_path / folder).glob("*.ipynb")) == numbered
    copied = sorted((tmp_path / "notebooks").glob("**/*.ipynb"))
    for file in copied:
        text = file.read_text("utf8")
        assert json.loads(text)["metadata"]["kernelspec"]["name"] == "python"
        nbformat.validate(json.loads(text))
        for link in parts["links_of"](file):
            assert (file.parent / link).exists(), f"{file.name} links to {link}"
    first = next(file for file in copied if file.name == parts["FIRST"])
    assert "Python runs in your browser" in first.read_text("utf8")
    assert list((tmp_path / "figures" / "claims").glob("*.json"))


def test_the_published_page_takes_pyodide_from_its_distribution_in_one_version(parts):
    config = json.dumps(parts["page_config"](["some.whl"]))
    assert f"https://cdn.jsdelivr.net/pyodide/v{parts['PYODIDE']}/full/pyodide.mjs" in config
    assert re.findall(r"https?://[^/]+", config) == ["https://cdn.jsdelivr.net"]


def test_the_version_of_pyodide_is_that_of_the_kernel(parts):
    kernel = pytest.importorskip("jupyterlite_pyodide_kernel.constants")
    assert parts["PYODIDE"] == kernel.PYODIDE_VERSION
    assert parts["SITE_PACKAGES"] == f"/lib/python{kernel.PYODIDE_PYTHON_VERSION}/site-packages"


class Below(SimpleHTTPRequestHandler):
    """Serves the folder under a path, and nothing above it."""

    def translate_path(self, path):
        below = path.startswith(BELOW)
        return super().translate_path(path.removeprefix(BELOW[:-1]) if below else "/nothing/here")

    def copyfile(self, source, outputfile):
        with suppress(ConnectionError):  # the window was closed
            super().copyfile(source, outputfile)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Below, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (apt install chromium)")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, address):
    """Open new windows of somebody who has never been here; none asks any other address."""
    others = []
    contexts = []

    def seen(request):
        if not request.url.startswith((f"{address}/", "blob:", "data:")):
            others.append(request.url)

    def opened(**device):
        context = browser.new_context(**device)
        context.set_default_timeout(PATIENCE)
        context.on("request", seen)
        contexts.append(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()
    assert not others


def menu(page, name, entry):
    page.click(f".lm-MenuBar-itemLabel:text-is('{name}')")
    page.click(f".lm-Menu-itemLabel:text-is('{entry}')")


def wait_until_idle(page):
    page.wait_for_function(
        """() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
            .every(prompt => !prompt.textContent.includes('*'))"""
    )


def open_and_run(page, url, name, looks_for="img"):
    """Forget the outputs that came along, run everything, and time what appears."""
    began = perf_counter()
    seconds = {}

    def appeared(what, selector):
        page.wait_for_selector(selector, state="attached")
        seconds[what] = round(perf_counter() - began, 1)

    page.goto(url)
    appeared("notebook", ".jp-Notebook h1")
    picture_of(page, f"site-{name}-opened")
    menu(page, "Edit", "Clear Outputs of All Cells")
    menu(page, "Run", "Run All Cells")
    appeared("result", ".jp-OutputArea-output")
    appeared("picture", f".jp-OutputArea-output {looks_for}")
    wait_until_idle(page)
    appeared("everything", ".jp-Notebook")
    print(f"\n{name}, seconds after opening: {seconds}", end=" ")
    page.wait_for_timeout(500)  # it goes to its last cell
    page.locator(f".jp-OutputArea-output {looks_for}").first.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    picture_of(page, f"site-{name}-run")


def complaints(page):
    kinds = [f"[data-mime-type='application/vnd.jupyter.{kind}']" for kind in ("error", "stderr")]
    return [found.text_content() for found in page.query_selector_all(", ".join(kinds))]


def answer(page, code):
    """What a new last cell with this code says."""
    page.click(".jp-Notebook .jp-Cell >> nth=-1")
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.insert_text(code)
    page.keyboard.press("Control+Enter")
    cell = page.locator(".jp-Notebook .jp-CodeCell").last
    cell.locator(".jp-OutputArea-output").first.wait_for()
    wait_until_idle(page)
    return cell.locator(".jp-OutputArea").inner_text().strip()


def picture_of(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def test_nothing_is_deleted_that_it_did_not_build(parts, tmp_path):
    (tmp_path / "index.php").touch()
    with pytest.raises(SystemExit, match="name an empty folder"):
        parts["build"](tmp_path)
    with pytest.raises(SystemExit, match="no pyodide.mjs"):
        parts["build"](tmp_path / "site", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["index.php"]


def the_live_page_is_there(page, url, name):
    """It shows a picture at once, below the line with the links, and fills the rest."""
    began = perf_counter()
    page.goto(url)
    page.wait_for_function(DRAWN)
    seconds = perf_counter() - began
    print(f"\n{name}, seconds from the click to the picture: {seconds:.2f}", end=" ")
    picture_of(page, name)
    assert seconds < AT_ONCE or BESIDE_OTHERS
    line, live = (page.locator(part).bounding_box() for part in ("#site", "#page"))
    assert live["y"] == line["y"] + line["height"] < 40
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return live["y"] + live["height"]


def test_the_front_page_opens_from_a_file(parts, browser, tmp_path):
    file = tmp_path / "index.html"
    file.write_text(parts["front_page"]("some.whl"), "utf8")
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    assert the_live_page_is_there(page, file.as_uri(), "site-front-file") == 720
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    links = page.locator("#site a").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    assert links == ["course.html", "pypi/some.whl"]


@in_browser
@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
def test_the_front_page_is_there_at_once_and_leads_to_the_course(visit, address, width, height):
    page = visit(viewport={"width": width, "height": height})
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    the_live_page_is_there(page, f"{address}{BELOW}", f"site-front-{width}")
    assert [url for url in asked if not url.startswith("data:")] == [f"{address}{BELOW}"]
    with page.expect_download() as library:
        page.click("text=The library")
    assert library.value.suggested_filename.endswith(".whl")
    page.click("text=The course")
    page.wait_for_selector(".jp-Notebook h1")


@in_browser
def test_the_course_opens_on_the_first_notebook_runs_it_and_keeps_what_is_changed(visit, address):
    page = visit(viewport={"width": 1280, "height": 900})
    open_and_run(page, f"{address}{BELOW}course.html", "00")
    assert page.text_content(".jp-Notebook h1").startswith("00 · Start here")
    assert not complaints(page)
    assert answer(page, DIGITS).endswith("1437")
    assert answer(page, PROCESSES).endswith("a browser has one process for n_jobs=2 Adam")
    answer(page, "from optimizers import explore\n\nexplore(rosenbrock)")
    assert not complaints(page)
    live = (
        page.frame_locator(".jp-OutputArea iframe[title=Rosenbrock]").locator("#page canvas").first
    )
    live.wait_for()
    live.scroll_into_view_if_needed()
    picture_of(page, "site-explore")

    page.click(".jp-CodeCell .cm-content >> nth=0")
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("  # changed by me")
    page.wait_for_selector(".lm-DockPanel-tabBar .lm-mod-current.jp-mod-dirty")
    page.wait_for_selector(".lm-DockPanel-tabBar .lm-mod-current:not(.jp-mod-dirty)")
    page.reload()
    page.wait_for_selector(".cm-content:has-text('changed by me')")


@in_browser
def test_a_phone_gets_it_without_side_bars(visit, address):
    page = visit(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page.goto(f"{address}{BELOW}course.html")
    page.wait_for_selector(".jp-Notebook h1")
    assert page.locator(".jp-Notebook").bounding_box()["width"] > 350
    picture_of(page, "site-phone")


@in_browser
@pytest.mark.parametrize("file", sorted(ROOT.glob("notebooks/04*.ipynb")), ids=lambda f: f.stem)
def test_a_notebook_runs(visit, address, file):
    page = visit(viewport={"width": 1280, "height": 900})
    open_and_run(page, f"{address}{BELOW}lab/index.html?path=notebooks/{file.name}", file.stem)
    assert not complaints(page)


@in_browser
def test_an_exercise_finds_what_it_needs(visit, address):
    exercises = sorted(ROOT.glob("notebooks/exercises/[0-9]*.ipynb"))
    page = visit(viewport={"width": 1280, "height": 900})
    url = f"{address}{BELOW}lab/index.html?path={exercises[0].relative_to(ROOT).as_posix()}"
    open_and_run(page, url, "exercise", looks_for="*")
    assert "ModuleNotFoundError" not in "".join(complaints(page))
