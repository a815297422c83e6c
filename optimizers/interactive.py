"""The sliders: one function, some rules, and every number that they hang on under the hand.

    from optimizers import explore
    from optimizers.functions import rosenbrock

    explore(rosenbrock)                                     # in a notebook
    explore(lambda w: np.sum(w**4 - w**2), start=[1, 2])    # any function of one or two weights

The paths are made by the rules themselves; the page hands them what is dragged, and draws again.
"""

from __future__ import annotations

import base64
import contextlib
import html
import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.experiments import compare
from optimizers.experiments.inputs import LEARNING_RATES, Rule, check_rule, label_of
from optimizers.experiments.metrics import losses_along
from optimizers.functions import FUNCTIONS
from optimizers.hyper_parameters import HyperParameter
from optimizers.optimizer import Optimizer
from optimizers.plotting import plot_convergence, plot_paths
from optimizers.plotting.animation import until
from optimizers.plotting.contour import signs
from optimizers.plotting.convergence import Curves
from optimizers.plotting.frame import check_few, frame_of
from optimizers.plotting.layout import new_figure
from optimizers.plotting.live import LiveConvergence, LiveMap, LiveState
from optimizers.plotting.paths import closest, journey
from optimizers.plotting.show import in_notebook
from optimizers.plotting.style import LABELLED, looks, number
from optimizers.problem import Problem, as_problem, domain_of
from optimizers.rules import RULES, SGD, Adam, Momentum
from optimizers.trajectory import Trajectory

STEPS = 200
MOST_STEPS = 1000
FRAMES = 100  # in which a path of more steps is played
PACE = 100  # milliseconds a frame
CORNER = (0.2, 0.8)  # of the domain: there starts who was given no start
REACH = 3.0  # widths of the map: farther from its middle nothing starts
PANELS = 2  # of inner state; the effective step size may follow

# one digit in each power of ten, towards 1 and towards 0: 0.8, 0.9, 0.91, … and 0.2, 0.1, 0.09, …
DIGITS = [(digit, power) for power in (1, 2, 3, 4) for digit in range(10, 0, -1)]
FRACTIONS = [round(1 - digit / 10**power, power) for digit, power in DIGITS]
AMOUNTS = [0.0, *(round(digit / 10**power, power) for digit, power in DIGITS)]
SHARES = [k / 20 for k in range(21)]
GRIDS = {checks.FRACTION: FRACTIONS, checks.NOT_NEGATIVE: AMOUNTS, checks.SHARE: SHARES}
LEFT_OUT = ("epsilon",)  # there for the division only
SIGN = {"m_hat": "m̂", "v_hat": "v̂", "trust_ratio": "trust ratio"}

# a click writes the place into the field "start", where it can be typed as well
TAP = """<div role="img" aria-label="{about}" onclick="{write}" onpointermove="{drag}"
style="left:{left:.3%};top:{top:.3%};width:{width:.3%};height:{height:.3%}"></div>"""
WRITE = """const map = this.getBoundingClientRect();
const field = this.closest('.optimizers-explore').querySelector('.start input');
field.value = [{weights}].map(v => v.toPrecision(4)).join(', ');
field.dispatchEvent(new Event('change', {{bubbles: true}}));"""
ALONG = (
    "{low} + {width} * (event.clientX - map.left) / map.width",
    "{low} + {width} * (map.bottom - event.clientY) / map.height",
)
DRAG = "if (event.pointerType === 'mouse' && event.buttons === 1) {{ {write} }}"

# side by side where there is room; on a phone one below the other, the map always in view
STYLE = """<style>
.optimizers-explore {container-type: inline-size; max-width: 1200px}
.optimizers-explore .board {display: grid; gap: 4px 16px; align-items: start;
  grid-template-columns: repeat(2, minmax(0, 580px)); grid-template-rows: auto auto 1fr;
  grid-template-areas: "map curve" "play state" "cards state"}
.optimizers-explore, .optimizers-explore .board, .optimizers-explore .board > *
  {overflow: visible; margin: 0; min-width: 0}
.optimizers-explore .map {grid-area: map}
.optimizers-explore .curve {grid-area: curve}
.optimizers-explore .play {grid-area: play}
.optimizers-explore .cards {grid-area: cards}
.optimizers-explore .state {grid-area: state}
.optimizers-explore img
  {align-self: flex-start; max-width: 100%; height: auto; margin: 0}
.optimizers-explore .picture
  {position: relative; width: fit-content; margin: 0; overflow: hidden}
.optimizers-explore .tap, .optimizers-explore .tap .widget-html-content
  {position: absolute; inset: 0; width: 100%; height: 100%; margin: 0}
.optimizers-explore .tap [role=img] {position: absolute; cursor: crosshair; user-select: none}
.optimizers-explore .says {font-weight: bold; line-height: 1.3; min-height: 1.3em}
.optimizers-explore .card {padding: 0 0 2px 8px; margin: 0 0 10px; gap: 0 16px}
.optimizers-explore table {border-collapse: collapse; font-variant-numeric: tabular-nums}
.optimizers-explore td {padding: 0 10px 0 0; line-height: 1.35; min-width: 5em}
.optimizers-explore td:first-child {min-width: 0}
@container (max-width: 760px) {
  .optimizers-explore .board {grid-template-columns: minmax(0, 580px);
    grid-template-rows: none; grid-template-areas: "map" "play" "cards" "curve" "state"}
  .optimizers-explore .map {position: sticky; top: 0; z-index: 5;
    background: var(--jp-layout-color0, white);
    box-shadow: 0 -20px var(--jp-layout-color0, white)}
}
@media (max-width: 760px) {
  [class*=jp-OutputArea]:has(.optimizers-explore) {overflow: visible}
}
</style>"""


def explore(
    function: Any,
    rules: Iterable[Rule] = (SGD, Momentum, Adam),
    *,
    start: Any = None,
    steps: int = STEPS,
    domain: Any = None,
) -> Any:
    """Play with rules on a function: drag their numbers, click where they start, step along.

    Parameters
    ----------
    function
        A test function, or any function of one or two weights. The page offers the test functions
        of two as well.
    rules
        Up to six that run at first: classes, or functools.partials of classes, whose numbers are
        where the sliders start. A learning rate that is not given is the one that `compare` finds.
        The page offers the other rules of the library as well.
    start
        Where they start; left out, the function's own `start`, or a place in the domain.
    steps
        How many steps they make at first, up to 1000.
    domain
        Lowest and highest value of each weight, [(low, high), (low, high)], or (low, high) for a
        single one; left out, the function's own, or what the first paths take up.

    Returns
    -------
    Explorer, or array of Axes
        The page, which a notebook shows. Where there is nothing to show it, this is said, and the
        picture that does not move is drawn.

    Raises
    ------
    TypeError, ValueError
        For what is no function of one or two weights, neither a start nor a domain, no rules or
        too many, a start or steps that make no sense.

    Examples
    --------
    >>> from optimizers.functions import rosenbrock
    >>> axes = explore(rosenbrock, steps=100)
    explore needs a notebook with widgets, but this is plain Python: here is the still picture.
    """
    problem = _seen(function, start, domain)
    steps = checks.whole("steps", steps, 1)
    if steps > MOST_STEPS:
        raise ValueError(f"steps must be at most {MOST_STEPS} in explore, got {steps}")
    named = _named(rules)
    missing = _missing()
    if missing:
        print(f"explore needs a notebook with widgets, but {missing}: here is the still picture.")
        return _still(named, problem, steps)
    return Explorer(problem, named, problem.theta, steps)


def _seen(function: Any, start: Any, domain: Any) -> Problem:
    """The problem, with a start, and the domain to look at if it is known."""
    problem = as_problem(function, start)
    frame = None if domain is None else domain_of(problem, domain, "explore")
    if problem.start is None:
        if frame is None:
            raise ValueError(
                f"explore: {problem.name} has no start of its own: give start=weights, or "
                "domain=[(low, high), (low, high)]"
            )
        low, high = frame.T
        problem = as_problem(function, low + (high - low) * CORNER[: len(frame)])
    check_few(problem, problem.theta.size, "explore")
    if frame is None:
        return problem
    if len(frame) != problem.theta.size:
        raise ValueError(
            f"explore: domain must have a pair (low, high) for each of {problem.theta.size} "
            f"weights, got {len(frame)}"
        )
    return replace(problem, domain=frame)


def _still(rules: dict[str, Rule], problem: Problem, steps: int) -> Any:
    """The paths that do not move. A rule that was given its learning rate keeps it."""
    free = {label: rule for label, rule in rules.items() if "lr" not in _keywords(rule)}
    paths: dict[str, Trajectory] = {}
    if free:
        race = compare(free, problem, steps=steps, seeds=None, progress=False)
        if len(free) == len(rules):
            return race.plot()
        paths.update(race)
    given = {label: rule for label, rule in rules.items() if label not in free}
    paths |= {label: rule(problem, problem.start).minimize(steps) for label, rule in given.items()}
    axes = new_figure((13.0, 5.4), 1, 2)
    plot_paths(paths, problem, axes[0])
    plot_convergence(paths, problem, axes[1])
    return np.array(axes)


class Explorer:
    """The page that `explore` makes: a map, curves, the inner state, and a card for each rule.

    Attributes
    ----------
    page
        The widgets.
    cards
        By label, the `Card` of each rule that has run so far.
    paths
        By label, the trajectories that are shown.

    Examples
    --------
    >>> from optimizers.functions import rosenbrock
    >>> explorer = Explorer(rosenbrock, {"Adam": Adam}, rosenbrock.start, steps=100)
    >>> explorer.cards["Adam"].sliders["lr"].value = 0.05
    >>> explorer.paths["Adam"].hyper_parameters["lr"]
    0.05
    """

    def __init__(
        self, function: Any, rules: Mapping[str, Rule], start: np.ndarray, steps: int
    ) -> None:
        self.problem = self.own = as_problem(function)
        self.start = start
        self.rules = dict(rules) | {name: RULES[name] for name in RULES if name not in rules}
        self.chosen = list(rules)
        self.cards: dict[str, Card] = {}
        self.paths: dict[str, Trajectory] = {}
        look = looks({label: _class_of(rule).__name__ for label, rule in self.rules.items()})
        self.colors = {label: look[label].color for label in self.rules}
        self._reacting = False
        self._build(steps)
        self._watch()
        with self._alone():
            self._set_steps(steps)
            self._deal(self.chosen)
            self._begin()

    def __repr__(self) -> str:
        return f"<explore {self.problem.name} with {', '.join(self.chosen)}>"

    @property
    def function(self) -> Any:
        """What is looked at, as it was given."""
        return self.problem.given

    def _repr_mimebundle_(self, **keywords: Any) -> dict[str, Any]:
        """The page, and the map for readers that show pictures only."""
        bundle = dict(self.page._repr_mimebundle_(**keywords))
        bundle["image/jpeg"] = base64.b64encode(self.map_image.value).decode()
        bundle["text/plain"] = repr(self)
        return bundle

    # ------------------------------------------------------------------------- how it is built

    def _build(self, steps: int) -> None:
        w = _widgets()
        wide, wrap = {"width": "auto"}, {"flex_flow": "row wrap"}
        known = [(known.name, known) for known in FUNCTIONS.values() if known.dimension == 2]
        if not any(self.function is function for function in FUNCTIONS.values()):
            known.insert(0, (self.problem.name, self.function))
        self.function_menu = w.Dropdown(options=known, value=self.function, description="function")
        self.start_field = w.Text(
            _written(self.start), description="start", continuous_update=False
        ).add_class("start")
        self.tune_button = w.Button(
            description="Tune",
            tooltip="Give each rule the best of 60 learning rates, for this start and these steps",
            layout=wide,
        )
        self.toggles = {
            label: w.ToggleButton(
                label in self.chosen,
                description=label,
                layout=wide | {"border_bottom": _bar(color)},
            )
            for label, color in self.colors.items()
        }
        self.status = w.HTML()
        self.map_says, self.curve_says = w.HTML().add_class("says"), w.HTML().add_class("says")
        self.map_image, self.curve_image, self.state_image = (
            w.Image(format="jpeg") for _ in range(3)
        )
        self.tap = w.HTML().add_class("tap")
        self.player = w.Play(interval=PACE, show_repeat=False)
        self.step = w.IntSlider(steps, 0, steps, description="step", layout={"flex": "1 1 200px"})
        self.steps = w.IntSlider(steps, 1, MOST_STEPS, description="steps", layout=wide)
        self.caption = w.HTML()
        self.card_box = w.VBox()
        self.state_menu = w.Dropdown(description="inner state")
        board = {
            "map": [self.map_says, w.Box([self.map_image, self.tap]).add_class("picture")],
            "curve": [self.curve_says, self.curve_image],
            "play": [w.HBox([self.player, self.step]), self.steps, self.caption],
            "cards": [self.card_box],
            "state": [self.state_menu, self.state_image],
        }
        parts = [w.VBox(children).add_class(area) for area, children in board.items()]
        self.page = w.VBox(
            [
                w.HTML(STYLE),
                w.Box([self.function_menu, self.start_field, self.tune_button], layout=wrap),
                w.Box(list(self.toggles.values()), layout=wrap),
                self.status,
                w.Box(parts).add_class("board"),
            ]
        ).add_class("optimizers-explore")

    def _watch(self) -> None:
        """Say what happens when something is touched."""
        for widget, reaction in (
            (self.function_menu, self._other_function),
            (self.start_field, self._other_start),
            (self.steps, self._other_steps),
            (self.step, self._stepped),
            (self.player, self._played),
            (self.state_menu, self._other_state),
            *((toggle, self._other_rules) for toggle in self.toggles.values()),
        ):
            widget.observe(self._when(reaction), "value")
        self.player.observe(self._when(self._paused), "playing")
        self.tune_button.on_click(self._when(self._tuned))

    def _when(self, reaction: Callable[[], None]) -> Callable[[Any], None]:
        """A reaction that is told if it fails; what the page itself sets calls for none."""

        def react(_: Any) -> None:
            if self._reacting:
                return
            problem = ""
            before = self.problem, self.start, self.chosen, self.step.max, self.paths
            try:
                with self._alone():
                    reaction()
            except Exception as error:  # also of a rule of one's own; nobody sees a traceback here
                with self._alone():
                    self._restore(*before)
                problem = f"⚠ {error or type(error).__name__}"
            self.status.value = html.escape(problem)

        return react

    def _restore(
        self,
        problem: Problem,
        start: np.ndarray,
        chosen: list[str],
        steps: int,
        paths: dict[str, Trajectory],
    ) -> None:
        """What the page says goes back to what it shows."""
        self.problem, self.start, self.chosen, self.paths = problem, start, chosen, paths
        self.function_menu.value = self.function
        self.start_field.value = _written(start)
        for label, toggle in self.toggles.items():
            toggle.value = label in chosen
        if self.step.max != steps:
            self.steps.value = steps
            self._set_steps(steps)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self._reacting = True
        try:
            yield
        finally:
            self._reacting = False

    # --------------------------------------------------------------------- what can be touched

    def _other_function(self) -> None:
        chosen = self.function_menu.value
        self.problem = self.own if chosen is self.own.given else as_problem(chosen)
        self.start = self.problem.theta
        self.start_field.value = _written(self.start)
        self._tune(list(self.cards))
        self._begin()

    @property
    def _domain(self) -> np.ndarray:
        assert self.problem.domain is not None
        return self.problem.domain

    def _other_start(self) -> None:
        self.start = _read(self.start_field.value, self._domain)
        self._run(self.chosen)
        self._draw()

    def _other_rules(self) -> None:
        chosen = [name for name, on in self.toggles.items() if on.value]
        if not 0 < len(chosen) <= LABELLED:
            raise ValueError(f"Between one and {LABELLED} rules can run side by side.")
        self._deal(chosen)
        self.chosen = chosen
        self._begin()

    def _dragged(self, label: str) -> None:
        self._run([label])
        self._draw([label])

    def _tuned(self) -> None:
        self._tune(self.chosen)
        self._run(self.chosen)
        self._draw()

    def _other_steps(self) -> None:
        self._set_steps(self.steps.value)
        self._run(self.chosen)
        self._draw()

    def _stepped(self) -> None:
        if not self.player.playing:
            self._rewind()
        self._draw()

    def _played(self) -> None:
        if self.player.playing:
            self.step.value = self.player.value
            self._draw()

    def _paused(self) -> None:
        if not self.player.playing:
            if self.player.value + self.player.step > self.player.max:
                self.step.value = self.step.max
                self._draw()
            self._rewind()

    def _rewind(self) -> None:
        """Let the player go on from the step that is shown, at the end from the beginning."""
        self.player.value = self.step.value if self.step.value < self.step.max else 0

    def _set_steps(self, steps: int) -> None:
        """Let so many steps be played. Who looks at the end goes on looking at the end."""
        at_end = self.step.value == self.step.max
        self.step.max = self.player.max = steps
        self.player.step = -(-steps // FRAMES)
        if at_end:
            self.step.value = steps

    def _other_state(self) -> None:
        self._begin_state()
        self._draw([self.state_menu.value])

    # ------------------------------------------------------------------------ what is computed

    def _deal(self, labels: Sequence[str]) -> None:
        """Give each rule its card, with the learning rate that was given, or a tuned one."""
        new = [label for label in labels if label not in self.cards]
        for label in new:
            moved = self._when(partial(self._dragged, label))
            self.cards[label] = Card(self.rules[label], label, moved)
        self._tune([label for label in new if "lr" not in _keywords(self.rules[label])])

    def _tune(self, labels: Sequence[str]) -> None:
        """Give these rules the learning rates that `compare` finds."""
        rules = {}
        for label in labels:
            keywords = _keywords(self.rules[label]) | self.cards[label].values()
            if "lr" in self.cards[label].sliders:  # not a schedule
                del keywords["lr"]
                rules[label] = partial(_class_of(self.rules[label]), **keywords)
        if not rules:
            return
        steps = self.steps.value
        race = compare(rules, self._from_here(), steps=steps, seeds=None, progress=False)
        for label, lr in race.lr.items():
            self.cards[label].sliders["lr"].value = lr

    def _run(self, labels: Sequence[str]) -> None:
        """Make the paths of these rules anew."""
        problem, steps = self._from_here(), self.steps.value
        made = {label: self.cards[label].run(problem, steps) for label in labels}
        self.paths = {label: made.get(label) or self.paths[label] for label in self.chosen}

    def _from_here(self) -> Problem:
        """The problem, to be run from the place that is chosen."""
        return replace(self.problem, start=self.problem.layout.unflatten(self.start))

    # ---------------------------------------------------------------------------- what is shown

    def _begin(self) -> None:
        """Run everything, and draw it on new pictures."""
        self._run(self.chosen)
        if self.problem.domain is None:  # the first paths say where to look from now on
            self.problem = self.own = replace(
                self.problem, domain=frame_of(self.problem, self.paths)
            )
        self._paint()
        self.card_box.children = [self.cards[label].box for label in self.chosen]
        self._begin_map()
        self.curve = LiveConvergence(self.problem, self._rule_names())
        shown = self.state_menu.value
        self.state_menu.options = self.chosen
        self.state_menu.value = shown if shown in self.chosen else self.chosen[-1]
        now = self.state_menu.value
        if now != shown or (self.state.size, self.state.color) != self._state_looks(now):
            self._begin_state()
        self._draw()

    def _begin_map(self) -> None:
        frame = frame_of(self.problem, self.paths)
        self.map = LiveMap(self.problem, self._rule_names(), frame)
        left, bottom, width, height = self.map.box
        along = zip(ALONG, frame.tolist(), strict=False)
        weights = [axis.format(low=low, width=high - low) for axis, (low, high) in along]
        write = WRITE.format(weights=",\n".join(weights))
        self.tap.value = TAP.format(
            about=html.escape(f"Map of {self.problem.name}: click to start there"),
            write=html.escape(write),
            drag=html.escape(DRAG.format(write=write)),
            left=left,
            top=1 - bottom - height,
            width=width,
            height=height,
        )

    def _begin_state(self) -> None:
        label = self.state_menu.value
        panels, (size, color) = self.cards[label].panels(), self._state_looks(label)
        self.state = LiveState(self.paths[label].rule, panels, size, color)

    def _state_looks(self, label: str) -> tuple[int, str]:
        """How many weights the picture of the inner state has, and in which colour."""
        return len(self.start), self.colors[label]

    def _paint(self) -> None:
        """Give each rule that runs the colour on its card and its button that its path has."""
        look = looks(self._rule_names())
        for label in self.chosen:
            self.colors[label] = look[label].color
            self.cards[label].paint(self.colors[label])
            self.toggles[label].layout.border_bottom = _bar(self.colors[label])

    def _rule_names(self) -> dict[str, str]:
        return {label: path.rule for label, path in self.paths.items()}

    def _draw(self, changed: Sequence[str] | None = None) -> None:
        """Show everything at the step that is chosen; `changed`: whose paths are others now."""
        changed = self.chosen if changed is None else changed
        step, state = self.step.value, self.state_menu.value
        if not np.array_equal(self.map.frame, frame_of(self.problem, self.paths)):
            self._begin_map()
        self.map_image.value = self.map.show(self.paths, step)
        self.curve_image.value = self.curve.show(self.paths, step)
        if state in changed:
            self.state_image.value = self.state.show(self.paths[state], step)
        for label in changed:
            self.cards[label].tell(self.paths[label], self.problem, step)
        found = f"Step {step} of {self.step.max}"
        if step == self.step.max:
            found = closest(self.paths, self.problem)
        self.map_says.value = html.escape(found)
        self.curve_says.value = html.escape(Curves(self.paths, self.problem).finding())
        words = f"{journey(self.paths, self.problem)} Click or drag on the map to start there."
        self.caption.value = f"{html.escape(words)}<br>{signs(self.problem, self.paths)}"


def _bar(color: str) -> str:
    """A border of that colour."""
    return f"4px solid {color}"


class Card:
    """One rule's sliders, and what it has in mind at the step that is shown."""

    def __init__(self, rule: Rule, label: str, moved: Callable[[Any], None]) -> None:
        w = _widgets()
        self.rule = rule
        self.label = label
        self.state: list[str] = []
        self.inner: dict[str, Rule] = {}  # by the name of the hyper-parameter that it is
        self.sliders: dict[str, Any] = {}
        for name, known in _numbers_of(rule).items():
            if _is_rule(known.default):
                self.inner[name] = known.default
                inside = _numbers_of(known.default).items()
                self._add({f"{name}.{k}": v for k, v in inside if k != "lr"}, moved)
            else:
                self._add({name: known}, moved)
        self.head = w.HTML()
        self.numbers = w.HTML(layout={"flex": "0 0 200px"})
        left = w.VBox([self.head, *self.sliders.values()], layout={"flex": "1 1 270px"})
        self.box = w.Box([left, self.numbers], layout={"flex_flow": "row wrap"}).add_class("card")

    def paint(self, color: str) -> None:
        """Give the card the colour of the rule's path."""
        self.head.value = f'<b style="color: {color}">{html.escape(self.label)}</b>'
        self.box.layout.border_left = _bar(color)

    def _add(self, known: Mapping[str, HyperParameter], moved: Callable[[Any], None]) -> None:
        """A slider for each hyper-parameter that can have one."""
        for name, one in known.items():
            slider = _slider(name, one)
            if slider is not None:
                slider.observe(moved, "value")
                self.sliders[name] = slider

    def values(self) -> dict[str, Any]:
        """What the sliders say; an inner rule goes in with its own."""
        said = {name: slider.value for name, slider in self.sliders.items() if "." not in name}
        for outer, rule in self.inner.items():
            names = [name for name in self.sliders if name.startswith(f"{outer}.")]
            own = {name.partition(".")[2]: self.sliders[name].value for name in names}
            said[outer] = partial(rule, **own)
        return said

    def run(self, problem: Problem, steps: int) -> Trajectory:
        """The path that the rule makes with them."""
        made = partial(self.rule, problem, problem.start, **self.values())
        if not self.state:
            self.state = _state_of(made())
        return made().minimize(steps, watch=("g", *self.state))

    def panels(self) -> list[str]:
        """Which parts of the state deserve a picture: m̂ rather than m; g if there is nothing."""
        known = sorted(self.state, key=lambda name: not name.endswith("_hat"))
        rather = [f"{name}_hat" in known or name == "trust_ratio" for name in known]
        kept = [name for name, hidden in zip(known, rather, strict=True) if not hidden]
        return kept[:PANELS] or ["g"]

    def tell(self, path: Trajectory, problem: Problem, step: int) -> None:
        """Write down the numbers at this step."""
        row = until(path, step)[0] - 1
        ended = path.diverged and row == len(path) - 1
        loss = f"loss {number(float(losses_along(path, problem)[row]))}"
        lines = {"θ": path.theta[row]}
        lines["Δθ"] = (
            path.theta[row] - path.theta[row - 1] if row else np.full_like(path.theta[0], np.nan)
        )
        lines |= {SIGN.get(name, name): path[name][row] for name in ("g", *self.state)}
        table = "".join(
            f"<tr><td>{html.escape(name)}</td>{''.join(map(_cell, values))}</tr>"
            for name, values in lines.items()
        )
        self.numbers.value = (
            f"step {path.step[row]}: {'diverged' if ended else loss}<table>{table}</table>"
        )


def _cell(value: float) -> str:
    return f"<td>{number(value) if np.isfinite(value) else '–'}</td>"


def _slider(name: str, known: HyperParameter) -> Any:
    """What a hyper-parameter is dragged with; None for what is not a number."""
    w = _widgets()
    default, kind = known
    common = {
        "description": name.replace("_", " ").replace(".", ": "),
        "style": {"description_width": "84px"},
        "layout": {"width": "auto"},
    }
    if isinstance(default, bool):
        return w.Checkbox(default, indent=False, **common)
    if not isinstance(default, (int, float)) or name.rpartition(".")[2] in LEFT_OUT:
        return None
    if name == "lr" and default > 0:
        low = np.log10(min(default, LEARNING_RATES.min()))
        high = np.log10(max(default, LEARNING_RATES.max()))
        return w.FloatLogSlider(
            default, min=low, max=high, step=0.02, readout_format=".3g", **common
        )
    if name != "lr" and kind.range in GRIDS:
        values = sorted({*GRIDS[kind.range], float(default)})
        options = [(f"{value:.4g}", value) for value in values]
        return w.SelectionSlider(options=options, value=float(default), **common)
    return (w.IntText if isinstance(default, int) else w.FloatText)(default, **common)


def _named(rules: Any) -> dict[str, Rule]:
    """The rules by label, or an error that says what is wrong with them."""
    if isinstance(rules, (type, partial)):
        rules = [rules]
    if isinstance(rules, str) or not isinstance(rules, Iterable):
        raise TypeError(f"rules must be a list of rules such as [SGD, Adam], got {shown(rules)}")
    rules = list(rules)
    for rule in rules:
        check_rule(rule)
    named = {label_of(rule): rule for rule in rules}
    if not len(named) == len(rules) <= LABELLED or not rules:
        names = ", ".join(map(label_of, rules)) or "none"
        raise ValueError(f"rules must be one to {LABELLED} different rules, got {names}")
    return named


def _numbers_of(rule: Any) -> dict[str, HyperParameter]:
    """The hyper-parameters of a rule, with what is given in the place of their defaults."""
    given = _keywords(rule)
    known = _class_of(rule).__hyper_parameters__
    return {name: p._replace(default=given.get(name, p.default)) for name, p in known.items()}


def _is_rule(value: Any) -> bool:
    made = _class_of(value)
    return isinstance(made, type) and issubclass(made, Optimizer)


def _class_of(rule: Any) -> type[Optimizer]:
    made: Any = rule.func if isinstance(rule, partial) else rule
    return made


def _keywords(rule: Any) -> dict[str, Any]:
    """What a partial sets; nothing for a class."""
    return dict(getattr(rule, "keywords", {}))


def _state_of(optimizer: Optimizer) -> list[str]:
    """What a rule, and one inside it, changes from step to step, by name."""
    parts: list[Any] = [optimizer]
    parts += [value for value in vars(optimizer).values() if isinstance(value, Optimizer)]

    def arrays() -> dict[str, np.ndarray]:
        found = {name: value for part in parts for name, value in vars(part).items()}
        return {
            name: value
            for name, value in found.items()
            if np.ndim(value) == 1 and isinstance(value, np.ndarray) and name[0] != "_"
        }

    before = arrays()
    optimizer.minimize(10)
    changed = [name for name, value in arrays().items() if value is not before.get(name)]
    named: list[str] = [name for part in parts for name in part.state]
    return [name for name in dict.fromkeys(named + changed) if name not in ("g", "d")]


def _written(start: np.ndarray) -> str:
    return ", ".join(f"{x:.4g}" for x in start)


def _read(text: str, domain: np.ndarray) -> np.ndarray:
    """The weights that were typed."""
    try:
        start = np.array([float(x) for x in text.replace("−", "-").replace(",", " ").split()])
    except ValueError:
        start = np.empty(0)
    if len(start) != len(domain):
        such = "two numbers such as -1.5, 2" if len(domain) == 2 else "one number such as -1.5"
        raise ValueError(f"start must be {such}, got {text!r}")
    if not (np.abs(start - domain.mean(axis=1)) <= REACH * np.ptp(domain, axis=1)).all():
        raise ValueError(f"start must lie nearer to the map, got {text!r}")
    return start


def _widgets() -> Any:
    """ipywidgets: a class has it, the rest of the library does not need it."""
    import ipywidgets  # type: ignore[import-untyped]

    return ipywidgets


def _missing() -> str:
    """Why there can be no page; nothing if there can."""
    if not in_notebook():
        return "this is plain Python"
    if importlib.util.find_spec("ipywidgets") is None:
        return "ipywidgets is not installed (pip install ipywidgets)"
    return ""
