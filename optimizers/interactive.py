"""The sliders: one function, some rules, and every number that they hang on under the hand.

    from optimizers import explore
    from optimizers.functions import rosenbrock

    explore(rosenbrock)          # in a notebook

The paths are made by the rules themselves; the page hands them what is dragged, and draws again.
"""

from __future__ import annotations

import base64
import contextlib
import html
import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.experiments import compare
from optimizers.experiments.compare import LEARNING_RATES
from optimizers.experiments.inputs import Rule, check_rule, label_of, start_of
from optimizers.functions import FUNCTIONS
from optimizers.optimizer import RANGES, Optimizer
from optimizers.plotting import plot_convergence, plot_paths
from optimizers.plotting.animation import until
from optimizers.plotting.contour import SIGNS, closest, frame_of, journey
from optimizers.plotting.convergence import Curves
from optimizers.plotting.layout import new_figure
from optimizers.plotting.live import LiveConvergence, LiveMap, LiveState
from optimizers.plotting.paths import losses, plane
from optimizers.plotting.show import in_notebook
from optimizers.plotting.style import LABELLED, looks, number
from optimizers.rules import RULES, SGD, Adam, Momentum
from optimizers.trajectory import Trajectory

STEPS = 200
MOST_STEPS = 1000
FRAMES = 100  # in which a path of more steps is played
PACE = 100  # milliseconds a frame
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
field.value = [{x0} + {x} * (event.clientX - map.left) / map.width,
{y0} + {y} * (map.bottom - event.clientY) / map.height].map(v => v.toPrecision(4)).join(', ');
field.dispatchEvent(new Event('change', {{bubbles: true}}));"""
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
) -> Any:
    """Play with rules on a function: drag their numbers, click where they start, step along.

    Parameters
    ----------
    function
        A test function of two variables. The page offers the others as well.
    rules
        Up to six that run at first: classes, or functools.partials of classes, whose numbers are
        where the sliders start. A learning rate that is not given is the one that `compare` finds.
        The page offers the other rules of the library as well.
    start
        Where they start, (2,); left out, the function's own `start`.
    steps
        How many steps they make at first, up to 1000.

    Returns
    -------
    Explorer, or array of Axes
        The page, which a notebook shows. Where there is nothing to show it, this is said, and the
        picture that does not move is drawn.

    Raises
    ------
    TypeError, ValueError
        For what is not a function of two variables, no rules or too many, a start or steps that
        make no sense.

    Examples
    --------
    >>> from optimizers.functions import rosenbrock
    >>> axes = explore(rosenbrock, steps=100)
    explore needs a notebook with widgets, but this is plain Python: here is the still picture.
    """
    plane(function, "explore")
    start = np.array(start_of(function, start), dtype=float)
    steps = checks.whole("steps", steps, 1)
    if steps > MOST_STEPS:
        raise ValueError(f"steps must be at most {MOST_STEPS} in explore, got {steps}")
    named = _named(rules)
    missing = _missing()
    if missing:
        print(f"explore needs a notebook with widgets, but {missing}: here is the still picture.")
        return _still(named, function, start, steps)
    return Explorer(function, named, start, steps)


def _still(rules: dict[str, Rule], function: Any, start: np.ndarray, steps: int) -> Any:
    """The paths that do not move. A rule that was given its learning rate keeps it."""
    free = {label: rule for label, rule in rules.items() if "lr" not in _keywords(rule)}
    paths: dict[str, Trajectory] = {}
    if free:
        race = compare(free, function, start=start, steps=steps, progress=False)
        if len(free) == len(rules):
            return race.plot()
        paths.update(race)
    given = {label: rule for label, rule in rules.items() if label not in free}
    paths |= {label: rule(function, start).minimize(steps) for label, rule in given.items()}
    axes = new_figure((13.0, 5.4), 1, 2)
    plot_paths(paths, function, axes[0])
    plot_convergence(paths, function, axes[1])
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
        self.function = function
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
        return f"<explore {self.function.name} with {', '.join(self.chosen)}>"

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
        if self.function not in FUNCTIONS.values():
            known.insert(0, (self.function.name, self.function))
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
                layout=wide | {"border_bottom": f"4px solid {color}"},
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
            before = self.function, self.start, self.chosen, self.step.max, self.paths
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
        function: Any,
        start: np.ndarray,
        chosen: list[str],
        steps: int,
        paths: dict[str, Trajectory],
    ) -> None:
        """What the page says goes back to what it shows."""
        self.function, self.start, self.chosen, self.paths = function, start, chosen, paths
        self.function_menu.value = function
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
        self.function = self.function_menu.value
        self.start = np.array(self.function.start)
        self.start_field.value = _written(self.start)
        self._tune(list(self.cards))
        self._begin()

    def _other_start(self) -> None:
        self.start = _read(self.start_field.value, self.function.domain)
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
            self.cards[label] = Card(self.rules[label], label, self.colors[label], moved)
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
        race = compare(rules, self.function, start=self.start, steps=steps, progress=False)
        for label, lr in race.lr.items():
            self.cards[label].sliders["lr"].value = lr

    def _run(self, labels: Sequence[str]) -> None:
        """Make the paths of these rules anew."""
        steps = self.steps.value
        made = {label: self.cards[label].run(self.function, self.start, steps) for label in labels}
        self.paths = {label: made.get(label) or self.paths[label] for label in self.chosen}

    # ---------------------------------------------------------------------------- what is shown

    def _begin(self) -> None:
        """Run everything, and draw it on new pictures."""
        self._run(self.chosen)
        self.card_box.children = [self.cards[label].box for label in self.chosen]
        self._begin_map()
        self.curve = LiveConvergence(self.function, self._rule_names())
        shown = self.state_menu.value
        self.state_menu.options = self.chosen
        self.state_menu.value = shown if shown in self.chosen else self.chosen[-1]
        if self.state_menu.value != shown:
            self._begin_state()
        self._draw()

    def _begin_map(self) -> None:
        frame = frame_of(self.function, self.paths)
        self.map = LiveMap(self.function, self._rule_names(), frame)
        left, bottom, width, height = self.map.box
        (x0, x1), (y0, y1) = frame.tolist()
        write = WRITE.format(x0=x0, x=x1 - x0, y0=y0, y=y1 - y0)
        self.tap.value = TAP.format(
            about=html.escape(f"Map of {self.function.name}: click to start there"),
            write=html.escape(write),
            drag=html.escape(DRAG.format(write=write)),
            left=left,
            top=1 - bottom - height,
            width=width,
            height=height,
        )

    def _begin_state(self) -> None:
        label = self.state_menu.value
        self.state = LiveState(self.paths[label].rule, self.cards[label].panels())

    def _rule_names(self) -> dict[str, str]:
        return {label: path.rule for label, path in self.paths.items()}

    def _draw(self, changed: Sequence[str] | None = None) -> None:
        """Show everything at the step that is chosen; `changed`: whose paths are others now."""
        changed = self.chosen if changed is None else changed
        step, state = self.step.value, self.state_menu.value
        if not np.array_equal(self.map.frame, frame_of(self.function, self.paths)):
            self._begin_map()
        self.map_image.value = self.map.show(self.paths, step)
        self.curve_image.value = self.curve.show(self.paths, step)
        if state in changed:
            self.state_image.value = self.state.show(self.paths[state], step)
        for label in changed:
            self.cards[label].tell(self.paths[label], self.function, step)
        found = f"Step {step} of {self.step.max}"
        if step == self.step.max:
            found = closest(self.paths, self.function)
        self.map_says.value = html.escape(found)
        self.curve_says.value = html.escape(Curves(self.paths, self.function).finding())
        words = f"{journey(self.paths, self.function)} Click or drag on the map to start there."
        self.caption.value = f"{html.escape(words)}<br>{SIGNS}"


class Card:
    """One rule's sliders, and what it has in mind at the step that is shown."""

    def __init__(self, rule: Rule, label: str, color: str, moved: Callable[[Any], None]) -> None:
        w = _widgets()
        self.rule = rule
        self.state: list[str] = []
        given = _keywords(rule)
        self.sliders: dict[str, Any] = {}
        for name, default in (_class_of(rule).known(given) | given).items():
            slider = _slider(name, default)
            if slider is not None:
                slider.observe(moved, "value")
                self.sliders[name] = slider
        head = w.HTML(f'<b style="color: {color}">{html.escape(label)}</b>')
        self.numbers = w.HTML(layout={"flex": "0 0 200px"})
        self.box = w.Box(
            [w.VBox([head, *self.sliders.values()], layout={"flex": "1 1 270px"}), self.numbers],
            layout={"flex_flow": "row wrap", "border_left": f"4px solid {color}"},
        ).add_class("card")

    def values(self) -> dict[str, Any]:
        """What the sliders say."""
        return {name: slider.value for name, slider in self.sliders.items()}

    def run(self, function: Any, start: np.ndarray, steps: int) -> Trajectory:
        """The path that the rule makes with them."""
        made = partial(self.rule, function, start, **self.values())
        if not self.state:
            self.state = _state_of(made())
        return made().minimize(steps, watch=("g", *self.state))

    def panels(self) -> list[str]:
        """Which parts of the state deserve a picture: m̂ rather than m; g if there is nothing."""
        known = sorted(self.state, key=lambda name: not name.endswith("_hat"))
        rather = [f"{name}_hat" in known or name == "trust_ratio" for name in known]
        kept = [name for name, hidden in zip(known, rather, strict=True) if not hidden]
        return kept[:PANELS] or ["g"]

    def tell(self, path: Trajectory, function: Any, step: int) -> None:
        """Write down the numbers at this step."""
        row = until(path, step)[0] - 1
        ended = path.diverged and row == len(path) - 1
        loss = f"loss {number(float(losses(path, function)[row]))}"
        lines = {"θ": path.theta[row]}
        lines["Δθ"] = path.theta[row] - path.theta[row - 1] if row else np.full(2, np.nan)
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


def _slider(name: str, default: Any) -> Any:
    """What a hyper-parameter is dragged with; None for what is not a number."""
    w = _widgets()
    common = {
        "description": name.replace("_", " "),
        "style": {"description_width": "84px"},
        "layout": {"width": "auto"},
    }
    if isinstance(default, bool):
        return w.Checkbox(default, indent=False, **common)
    if not isinstance(default, (int, float)) or name in LEFT_OUT:
        return None
    if name == "lr" and default > 0:
        low = np.log10(min(default, LEARNING_RATES.min()))
        high = np.log10(max(default, LEARNING_RATES.max()))
        return w.FloatLogSlider(
            default, min=low, max=high, step=0.02, readout_format=".3g", **common
        )
    if name in RANGES and name != "lr":
        values = sorted({*GRIDS[RANGES[name]], float(default)})
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


def _class_of(rule: Any) -> type[Optimizer]:
    made: Any = rule.func if isinstance(rule, partial) else rule
    return made


def _keywords(rule: Any) -> dict[str, Any]:
    """What a partial sets; nothing for a class."""
    return dict(getattr(rule, "keywords", {}))


def _state_of(optimizer: Optimizer) -> list[str]:
    """What a rule, and one inside it, changes from step to step, by name."""
    parts = [optimizer, *(v for v in vars(optimizer).values() if isinstance(v, Optimizer))]

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
    known = dict.fromkeys([*(name for part in parts for name in part.state), *changed])
    return [name for name in known if name not in ("g", "d")]


def _written(start: np.ndarray) -> str:
    return ", ".join(f"{x:.4g}" for x in start)


def _read(text: str, domain: np.ndarray) -> np.ndarray:
    """The point that was typed."""
    try:
        start = np.array([float(x) for x in text.replace("−", "-").replace(",", " ").split()])
    except ValueError:
        start = np.empty(0)
    if start.shape != (2,):
        raise ValueError(f"start must be two numbers such as -1.5, 2, got {text!r}")
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
