"""The page on screens of all sizes, in notebooks, in frames, from a server: it fits, it is whole.

The screenshots lie in build/screenshots.
"""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import matplotlib
import numpy
import pytest
from browser import Window, chromium, missing, visits

matplotlib.use("Agg")

from optimizers import LAMB, RULES, SGD, Adam, Lookahead, Momentum, RMSProp, compare, explore, sweep
from optimizers.functions import FUNCTIONS, rosenbrock, sphere
from optimizers.page import pictures

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

WIDE = [(1920, 1080), (1366, 768), (1280, 720)]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
THUMB = 34  # pixels
EVERY = ("map", "loss", "rate", "state", "plane", "formula")


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser, tmp_path):
    with visits(browser, tmp_path) as visit:
        yield visit


@pytest.fixture(scope="module")
def page():
    return explore(rosenbrock, [SGD, Momentum, Adam])


# ---------------------------------------------------------------------------------- how it looks

# controls with something over them, or out of sight
HIDDEN_CONTROLS = """[...document.querySelectorAll("#page :is(button, input, select)")]
  .filter((one) => one.checkVisibility()).filter((one) => {
    const box = one.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    if (x < 0 || x > innerWidth) return true;
    if (y < 0 || y > innerHeight) return false;  // further down
    const top = document.elementFromPoint(x, y);
    return !(one.contains(top) || top?.contains(one));
  }).map((one) => one.getAttribute("aria-label") ?? one.textContent ?? one.name)"""
# what reaches beyond the right edge
OVER_THE_EDGE = """[...document.querySelectorAll("body *")]
  .filter((one) => one.checkVisibility() && !one.closest(".spoken, legend"))
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5
                || one.getBoundingClientRect().left < -0.5)
  .map((one) => one.tagName + "." + one.className)"""
SMALL_TARGETS = f"""[...document.querySelectorAll("#page :is(button, select, input)")]
  .filter((one) => one.checkVisibility()).filter((one) => {{
    const boxes = [one, one.closest("label")].filter(Boolean).map((b) => b.getBoundingClientRect());
    return Math.max(...boxes.map((box) => box.height)) < {THUMB};
  }}).map((one) => one.getAttribute("aria-label") ?? one.textContent ?? one.name)"""


# panels that are switched on, and that nobody can scroll to
UNSEEN_PANELS = """[...document.querySelectorAll("#page .panel")]
  .filter((one) => !one.hidden).filter((one) => {
    one.scrollIntoView({ block: "end" });
    const box = one.getBoundingClientRect();
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return !one.contains(top);
  }).map((one) => one.className)"""


def assert_nothing_sticks_out(window):
    frame = window.frame
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert frame.evaluate(OVER_THE_EDGE) == []
    assert frame.evaluate(HIDDEN_CONTROLS) == []
    assert frame.evaluate(UNSEEN_PANELS) == []
    frame.evaluate("scrollTo(0, 0)")


@pytest.mark.parametrize(("width", "height"), WIDE)
@pytest.mark.parametrize("count", [3, 6])
def test_map_and_controls_are_on_one_screen(count, width, height, visit):
    rules = [SGD, Momentum, Adam, RMSProp, LAMB, Lookahead][:count]
    window = visit(explore(rosenbrock, rules), width, height)
    window.keep(f"{width}x{height}-{count}-rules")
    assert_nothing_sticks_out(window)
    for selector in (".map", ".player", ".card:not([hidden]) .slider.log", ".panel.loss", "header"):
        assert window.find(selector).count() > 0
        for one in window.find(selector).all():
            box = one.bounding_box()
            assert box["y"] >= 0, selector
            assert box["y"] + box["height"] <= height, selector
    assert window.frame.evaluate("document.documentElement.scrollHeight") <= height
    assert window.box(".map")["height"] > 0.5 * height
    right = max(box["x"] + box["width"] for box in (window.box(".right"), window.box("header")))
    assert right > 0.97 * width  # the whole width is used


def test_on_a_phone_the_map_stays_in_view_and_all_is_large_enough_for_a_thumb(page, visit):
    window = visit(page, **PHONE)
    window.keep("phone")
    assert_nothing_sticks_out(window)
    assert window.frame.evaluate(SMALL_TARGETS) == []
    window.frame.get_by_role("button", name="Adam", exact=True).tap()
    window.rests()
    slider = window.named("Adam, beta2")
    slider.evaluate("one => one.scrollIntoView({ block: 'center' })")
    window.rests()
    box, land = slider.bounding_box(), window.box(".map canvas")
    assert 0 <= land["y"] < land["y"] + land["height"] <= box["y"] < 844
    window.keep("phone-slider")
    before = window.of("page.rules.get('Adam').hyper.beta2")
    window.tab.touchscreen.tap(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2)
    window.rests()
    assert window.of("page.rules.get('Adam').hyper.beta2") != before
    window.tab.touchscreen.tap(*window.on_map([0.0, 1.0]))
    window.rests()
    assert window.of("Array.from(page.start)") == pytest.approx([0, 1], abs=0.05)
    window.keep("phone-whole", full_page=True)


@pytest.mark.parametrize("show", [("map",), ("map", "loss"), ("loss", "rate"), EVERY])
def test_any_choice_of_panels_fits_at_any_width(show, visit):
    window = visit(explore(rosenbrock, [SGD, Adam], show=show, move=["lr", "start"]), 640, 400)
    for width, height in ((320, 600), (640, 400), (1000, 500)):
        window.tab.set_viewport_size({"width": width, "height": height})
        window.rests()
        assert_nothing_sticks_out(window)
        for name in show:
            assert window.find(f".panel.{name}").is_visible(), name
    window.keep(f"shows-{'-'.join(show)}")


def test_all_that_can_be_used_has_a_name_of_its_own(page, visit):
    window = visit(explore(rosenbrock, [SGD, Momentum, Adam, Lookahead], show=EVERY))
    for button in window.find(".name").all():
        if button.is_visible():
            button.click()
    window.rests()
    session = window.context.new_cdp_session(window.tab)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    names = {}
    for node in nodes:
        role = node.get("role", {}).get("value")
        if role in {"slider", "checkbox", "button", "combobox", "textbox", "image", "img"}:
            names.setdefault(role, []).append(node.get("name", {}).get("value", ""))
    told = [(role, name) for role, given in names.items() for name in given]
    assert all(name.strip() for _, name in told), told
    assert len(set(told)) == len(told), told
    assert len(names["slider"]) > 6
    assert {"combobox", "textbox", "button", "checkbox"} <= set(names)
    assert window.find("[role=status]").count() == 1
    window.frame.wait_for_function("document.querySelector('[role=status]').textContent !== ''")
    assert "Step 200: SGD" in window.find("[role=status]").text_content()


def test_the_tab_key_reaches_the_map_and_shows_where_it_is(page, visit):
    window = visit(page)
    reached = []
    for _ in range(14):
        window.tab.keyboard.press("Tab")
        reached.append(
            window.frame.evaluate(
                "(at => [at.tagName, getComputedStyle(at).outlineStyle])(document.activeElement)"
            )
        )
    assert ["CANVAS", "solid"] in reached
    assert all(style == "solid" for _, style in reached)


@pytest.mark.parametrize("make", [getattr(pictures, name) for name in pictures.ALL])
@pytest.mark.parametrize("width", [390, 760])
def test_a_picture_for_a_lesson_fits_and_moves(make, width, visit):
    picture = make()
    window = visit(picture, width, picture.height)
    window.keep(f"{make.__name__}-{width}")
    assert_nothing_sticks_out(window)
    assert window.box(".map canvas")["height"] > 150
    before = window.paths()
    first = window.find(".cards input[type=range]").first
    first.focus()
    window.press(*["ArrowRight"] * 3)
    after = window.paths()
    assert any(not numpy.array_equal(after[label][0], before[label][0]) for label in before)


def test_a_step_of_lamb_is_the_same_share_of_both_layers_and_one_of_adam_the_same_length(visit):
    window = visit(pictures.layers(), 760, 440)
    moved = {label: numpy.diff(path[0], axis=0) for label, path in window.paths().items()}
    begun = {label: path[0][:-1] for label, path in window.paths().items()}
    numpy.testing.assert_allclose(moved["LAMB"] / begun["LAMB"], 0.05, rtol=1e-4)
    numpy.testing.assert_allclose(moved["Adam"][:2], 0.1, rtol=0.02)
    assert "LAMB 5% and 5%, Adam" in window.of("page.scene.says")


def test_one_rate_more_turns_the_race_round_as_it_does_in_python(visit):
    window = visit(pictures.sixty_rates(), 760, 480)
    for count in (60, 61):
        ends = {}
        for rule in pictures.RACERS:
            rates = numpy.geomspace(1e-5, 10, count)
            found = sweep(rule, rosenbrock, steps=500, lr=rates, progress=False)
            ends[rule.__name__] = found.best["loss"]
        window.do(f"page.setRates({count})")
        told = {label: losses[-1] for label, (_, losses, _) in window.paths().items()}
        assert told == pytest.approx(ends, rel=1e-3)
        first = min(ends, key=ends.get)
        assert window.of("page.scene.says").startswith(f"The best of {count} rates: {first} ")
    assert first == "Momentum"
    window.named("how many learning rates each has").focus()
    window.press("ArrowLeft")
    assert window.of("page.rates") == 60
    window.tab.mouse.move(*window.on_map([0.0, 1.0]))
    window.do("page.setStart([-1.4, 1.9])")
    assert window.of("page.paths.get('Adam').at(0)[0]") == -1.4


def test_a_race_is_scrubbed_and_its_seeds_are_gone_through(visit):
    race = compare([SGD, Adam], rosenbrock, steps=60, seeds=5, progress=False)
    window = visit(race.page())
    window.keep("race")
    assert_nothing_sticks_out(window)
    window.slide("Step", 0.5)
    assert window.of("page.step") == pytest.approx(30, abs=1)
    first = window.of("Array.from(page.paths.get('Adam').at(0))")
    window.find("select[name=seed]").select_option(index=3)
    window.rests()
    shown = window.of("Array.from(page.paths.get('Adam').at(page.step))")
    assert window.of("Array.from(page.paths.get('Adam').at(0))") != first
    row = window.of("page.step")
    assert shown == pytest.approx(race["Adam"].theta[row, 3].tolist(), rel=1e-6)


# ------------------------------------------------------------------------------- where it is shown


def test_two_pages_in_a_notebook_do_not_disturb_each_other(browser, tmp_path):
    pages = (explore(rosenbrock, [SGD, Adam]), explore(sphere, [Momentum], height=420))
    shown = [page._repr_mimebundle_()["text/html"] for page in pages]
    file = tmp_path / "notebook.html"
    file.write_text(
        f"<!DOCTYPE html><meta charset=utf-8><p>above{'<p>between'.join(shown)}", "utf8"
    )
    window = Window(browser, viewport={"width": 900, "height": 1250})
    window.tab.goto(file.as_uri())
    first, second = window.tab.frames[1:]
    window.within(second)
    before = window.paths()["Momentum"][0]
    window.within(first)
    window.keep("notebook")
    assert_nothing_sticks_out(window)
    rate = window.of("page.rules.get('SGD').hyper.lr")
    window.slide("SGD, learning rate", 0.1)
    assert window.of("page.rules.get('SGD').hyper.lr") < rate
    window.within(second)
    assert_nothing_sticks_out(window)
    assert numpy.array_equal(window.paths()["Momentum"][0], before)
    window.tab.mouse.move(*window.on_map([0.0, 0.0]))
    frame = window.of("page.map.frame")
    window.tab.mouse.wheel(0, 100)  # who scrolls past does not zoom
    window.tab.wait_for_timeout(100)
    assert window.of("page.map.frame") == frame
    picture = window.tab.locator("img").first.bounding_box()
    assert window.tab.locator("iframe").first.bounding_box()["height"] >= picture["height"]
    assert window.errors == []
    assert set(window.asked) <= {file.as_uri(), "about:srcdoc"} | {
        address for address in window.asked if address.startswith("data:")
    }
    window.close()


def test_it_works_in_a_sandbox(browser, page, tmp_path):
    page.save(tmp_path / "page.html")
    (tmp_path / "frame.html").write_text(
        "<!DOCTYPE html><iframe sandbox='allow-scripts' src='page.html' width=800 height=600>"
    )
    window = Window(browser, viewport={"width": 820, "height": 640})
    window.tab.goto((tmp_path / "frame.html").as_uri())
    window.within(window.tab.frames[1])
    window.slide("SGD, learning rate", 0.1)
    assert_nothing_sticks_out(window)
    window.find("button", has_text="Copy Python").click()
    window.frame.wait_for_function("document.querySelector('.note').childNodes.length > 0")
    window.keep("sandbox")
    assert not [said for said in window.errors if "Clipboard API has been blocked" not in said]
    window.close()


@pytest.fixture
def served(tmp_path):
    """A plain static server, and the folder whose pages lie under a path of it."""
    folder = tmp_path / "served"
    (folder / "course" / "pages").mkdir(parents=True)
    handler = partial(Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield folder / "course" / "pages", f"http://127.0.0.1:{server.server_port}/course/pages/"
    server.shutdown()
    server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Say nothing."""


def changed_in_many_ways(window):
    """Everything that a link is to keep; what the page shows then."""
    window.find("select[name=function]").select_option(label="Beale")
    window.rests()
    window.find(".chips").get_by_text("LAMB", exact=True).click()
    window.slide("Adam, learning rate", 0.55)
    window.slide("Adam, beta1", 0.3)
    window.find(".tabs button", has_text="plane").click()
    window.find(".tabs button", has_text="loss").click()
    window.tab.mouse.click(*window.on_map([1.0, 1.0]))
    window.rests()
    window.named("Zoom in").click()
    window.named("One step back").click()
    window.rests()
    return state_of(window)


def state_of(window):
    told = window.of(
        """({
          function: page.fn.name, start: Array.from(page.start), steps: page.steps,
          step: page.step, focus: page.focus, shown: [...page.shown].sort(),
          chosen: page.chosen, frame: page.map.frame,
          hyper: page.chosen.map((label) => page.rules.get(label).hyper),
        })"""
    )
    tabs = window.find(".tabs button[aria-pressed=true]").all_inner_texts()
    return told | {"tabs": tabs, "menu": window.find("select").input_value()}


def test_a_link_shows_the_same_again_from_a_plain_server(browser, page, served):
    folder, address = served
    page.save(folder / "rosenbrock.html")
    window = Window(browser, viewport={"width": 1280, "height": 720})
    window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    window.open(address + "rosenbrock.html")
    before, paths = changed_in_many_ways(window), window.paths()
    window.find("button", has_text="Copy link").click()
    window.find(".note", has_text="Link copied.").wait_for()
    link = window.tab.evaluate("navigator.clipboard.readText()")
    assert link.startswith(address + "rosenbrock.html#")
    assert window.asked == [address + "rosenbrock.html"]
    assert window.errors == []
    window.close()
    other = Window(browser, viewport={"width": 1280, "height": 720}).open(link)
    assert state_of(other) == before
    for label, (theta, *_) in other.paths().items():
        assert numpy.array_equal(theta, paths[label][0], equal_nan=True), label
    assert other.errors == []
    other.close()
    cut_off = Window(browser).open(link[: len(link) // 2])
    assert cut_off.of("page.fn.name") == "Rosenbrock"
    assert cut_off.errors == []
    cut_off.close()


def test_a_page_on_a_disk_hands_out_its_link_too(page, visit):
    window = visit(page)
    window.slide("SGD, learning rate", 0.3)
    rate = window.of("page.rules.get('SGD').hyper.lr")
    window.find("button", has_text="Copy link").click()
    told = window.find(".note")
    window.waits_for("page.root.querySelector('.note').childNodes.length > 0")
    if told.locator("textarea").count() == 0:  # then it lies where one pastes from
        window.context.grant_permissions(["clipboard-read"])
        link = window.tab.evaluate("navigator.clipboard.readText()")
    else:
        link = told.locator("textarea").input_value()
    assert window.open(link).of("page.rules.get('SGD').hyper.lr") == rate


def test_the_python_that_it_copies_makes_the_same_page(browser, page, served):
    folder, address = served
    page.save(folder / "page.html")
    window = Window(browser, viewport={"width": 1280, "height": 720})
    window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    window.open(address + "page.html")
    changed_in_many_ways(window)
    window.find("button", has_text="Copy Python").click()
    window.find(".note", has_text="Python copied.").wait_for()
    code = window.tab.evaluate("navigator.clipboard.readText()")
    names = {**FUNCTIONS, **RULES, "explore": explore}
    head, call = code.rsplit("\n", 1)
    exec(head, names)
    again = eval(call, names)
    again.save(folder / "again.html")
    paths = window.paths()
    window.open(address + "again.html")
    for label, (theta, *_) in window.paths().items():
        name = label.split("(")[0]
        assert numpy.array_equal(theta, paths[name][0], equal_nan=True), label
    assert window.errors == []
    window.close()


def test_without_scripts_a_page_says_what_it_needs(browser, page, tmp_path):
    page.save(tmp_path / "page.html")
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto((tmp_path / "page.html").as_uri())
    assert "needs JavaScript" in tab.locator("body").inner_text()
    context.close()
