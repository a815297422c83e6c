"""Play with rules on a function: drag their numbers, and all that follows moves at once.

from optimizers import explore
from optimizers.functions import rosenbrock

explore(rosenbrock)                                     # in a notebook
explore(rosenbrock).save("rosenbrock.html")             # a page to keep, or to send
explore(lambda w: np.sum(w**4 - w**2), start=[1, 2])    # any function of one or two weights
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.experiments import compare
from optimizers.experiments.comparison import Comparison
from optimizers.experiments.inputs import Rule, labelled
from optimizers.functions import FUNCTIONS
from optimizers.page.page import HEIGHT, PANELS, Page
from optimizers.page.written import (
    MOST_STEPS,
    Unwritten,
    Written,
    written_function,
    written_rule,
)
from optimizers.plotting import plot_contour, plot_convergence, plot_paths
from optimizers.plotting.frame import check_few, frame_of
from optimizers.plotting.layout import new_figure
from optimizers.plotting.style import LABELLED, Line, headline, looks
from optimizers.problem import Problem, as_problem, domain_of
from optimizers.rules import RULES, SGD, Adam, Momentum
from optimizers.trajectory import Trajectory

STEPS = 200
SHOWN = ("map", "loss", "rate", "state")
CORNER = (0.2, 0.8)  # of the domain: there starts who was given no start
DPI = 72


def explore(
    function: Any,
    rules: Any = (SGD, Momentum, Adam),
    *,
    start: Any = None,
    steps: int = STEPS,
    domain: Any = None,
    show: Sequence[str] = SHOWN,
    move: Sequence[str] | None = None,
    vary: Mapping[str, Any] | None = None,
    height: int = HEIGHT,
) -> Any:
    """Make a page to play with: drag rates, β, the start; step along; see inside a rule.

    The gradient and the rules are written as JavaScript, from the Python that is run everywhere
    else: the page needs no Python, and makes the same steps.

    Parameters
    ----------
    function
        A test function, or any function of one or two weights.
    rules
        Up to six that run at first: classes, or functools.partials of classes, whose numbers are
        where the sliders start; or a dict of them by label. A learning rate that is not given is
        chosen such that the path is smooth.
    start
        Where they start; left out, the function's own `start`, or a place in the domain.
    steps
        How many steps they make at first, up to 1000.
    domain
        Lowest and highest value of each weight, [(low, high), (low, high)], or (low, high) for a
        single one; left out, the function's own, or what the first paths take up.
    show
        Which panels: "map", "loss" (against steps), "rate" (the loss against the learning rate),
        "state" (inside the rule whose card is in front), "plane" (the loss over two of
        its hyper-parameters), "formula" (its lines, with the numbers of the step in them).
    move
        What can be moved: "lr" and other hyper-parameters, "start", "steps", names in `vary`. Left
        out, everything, and the page offers other functions, rules and panels as well.
    vary
        Knobs of the loss: numbers that it takes besides the weights, by name, and their range,
        (low, high) or (low, high, value at first).
    height
        In a notebook, in pixels.

    Returns
    -------
    Page, or array of Axes
        The page, which a notebook shows and `save` writes to a file. Where a loss or a rule cannot
        be written as JavaScript, the reason is printed, and a picture that does not move is drawn.

    Raises
    ------
    TypeError, ValueError
        For what is no function of one or two weights, neither a start nor a domain, no rules or
        too many, a start, steps, panels or knobs that make no sense.

    Examples
    --------
    >>> from optimizers.functions import rosenbrock
    >>> explore(rosenbrock, [Adam], steps=100)
    <page: Rosenbrock with Adam>
    >>> import autograd.numpy as np
    >>> def valley(w, slope):
    ...     return w[0] ** 2 + 25 * (w[1] - slope * w[0]) ** 2
    >>> explore(valley, [SGD], start=[2.0, 1.0], vary={"slope": (-1, 1)}, move=["slope"])
    <page: valley with SGD>
    """
    named = _few(rules)
    steps = checks.whole("steps", steps, 1)
    if steps > MOST_STEPS:
        raise ValueError(f"steps must be at most {MOST_STEPS} in explore, got {steps}")
    height = checks.whole("height", height, 100)
    show = _names("show", show, PANELS)
    knobs = _knobs(vary or {})
    problem = _looked_at(with_knobs(function, knobs, start), start, domain, named, steps)
    still = partial(_still, named, problem, steps)
    try:
        functions = [written_function(problem, knobs)]
        written = written_rules(named, problem, others=move is None)
        if "curvature" not in functions[0].code:
            for one in written:
                if one.data["curved"] and one.data["label"] in named:
                    raise Unwritten(
                        f"{one.data['label']} cannot run in a page: it needs second derivatives of "
                        f"{problem.name}, and they could not be written"
                    )
    except Unwritten as reason:
        print(f"explore: {reason}. Here is the still picture.")
        return still()
    if move is not None:
        sliders = [slider["name"] for one in written for slider in one.data["sliders"]]
        known = {"lr", "start", "steps", *sliders, *(knob["name"] for knob in knobs)}
        move = _names("move", move, sorted(known))
    if move is None and problem.theta.size == 2 and not knobs:
        functions += [_of_the_library(n) for n, f in FUNCTIONS.items() if f is not problem.given]
    return Page(
        problem.name,
        functions,
        written,
        chosen=list(named),
        steps=steps,
        still=lambda: picture_of(still),
        alt=_in_words(named, problem, steps),
        show=show,
        panels=PANELS if move is None else show,
        move=move,
        height=height,
    )


def written_rules(named: Mapping[str, Rule], problem: Problem, others: bool) -> list[Written]:
    """These rules, and the others of the library if that is wanted, each with its look."""
    every = dict(named)
    if others:
        classes = {_class_of(rule).__name__ for rule in named.values()}
        free = RULES.keys() - classes - named.keys()
        every |= {label: rule for label, rule in RULES.items() if label in free}
    names = {label: _class_of(rule).__name__ for label, rule in every.items()}
    look = {label: looks({label: name})[label] for label, name in names.items()}
    look |= looks({label: names[label] for label in named})
    found = []
    for label, rule in every.items():
        try:
            written = written_rule(label, rule, problem)
        except Exception:  # whatever it is: who did not ask for the rule need not know
            if label in named:
                raise
            continue
        written.data.update(color=look[label].color, dash=dash_of(look[label].line))
        found.append(written)
    return found


def dash_of(line: Line) -> list[float]:
    """A line of matplotlib's, as a canvas has it: in widths."""
    return [] if line == "-" else list(line[1])


@cache
def _of_the_library(label: str) -> Written:
    return written_function(as_problem(FUNCTIONS[label]))


def with_knobs(function: Any, knobs: Sequence[Mapping[str, Any]], start: Any) -> Any:
    """A loss that takes numbers beside the weights, as a problem that is handed them."""
    if not knobs:
        return function
    problem = as_problem(function, start)
    names = [knob["name"] for knob in knobs]
    values = np.array([knob["value"] for knob in knobs])

    try:
        problem.loss(
            problem.layout.unflatten(problem.theta),
            **dict(zip(names, values.tolist(), strict=True)),
        )
    except TypeError as error:
        raise TypeError(
            f"vary: {problem.called} must take the weights, and by name {', '.join(names)}: {error}"
        ) from error

    def loss(weights: Any, batch: Any) -> Any:
        return function(weights, **{name: batch[i] for i, name in enumerate(names)})

    def at_first(weights: Any) -> Any:
        return function(weights, **dict(zip(names, values.tolist(), strict=True)))

    return replace(
        problem,
        given=loss,
        loss=loss,
        batch=lambda t, size: values,
        exact=as_problem(at_first, problem.start).values,
        formula=loss,
    )


def _looked_at(
    function: Any, start: Any, domain: Any, rules: Mapping[str, Rule], steps: int
) -> Problem:
    """The problem, with a start, and the domain to look at."""
    problem = function if isinstance(function, Problem) else as_problem(function, start)
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
    if frame is not None and len(frame) != problem.theta.size:
        raise ValueError(
            f"explore: domain must have a pair (low, high) for each of {problem.theta.size} "
            f"weights, got {len(frame)}"
        )
    if frame is None:
        frame = problem.domain
    if frame is None:  # what the tuned paths take up
        try:
            frame = frame_of(problem, dict(_tuned(rules, problem, steps)))
        except (ArithmeticError, ValueError):  # a loss may take no weights that are far off
            half = 2 * np.maximum(1.0, np.abs(problem.theta))
            frame = np.stack([problem.theta - half, problem.theta + half], axis=1)
    outside = np.abs(problem.theta - frame.mean(axis=1)) > np.ptp(frame, axis=1) / 2
    margin = np.where(outside, 0.05 * np.ptp(frame, axis=1), 0.0)  # the start is to be seen
    low = np.minimum(frame[:, 0], problem.theta - margin)
    high = np.maximum(frame[:, 1], problem.theta + margin)
    return replace(problem, domain=np.stack([low, high], axis=1))


def _still(rules: Mapping[str, Rule], problem: Problem, steps: int) -> Any:
    """The paths that do not move."""
    try:
        paths = _tuned(rules, problem, steps)
    except (ArithmeticError, ValueError):  # a loss may take no weights that are far off
        return np.array([plot_contour(problem)])
    if isinstance(paths, Comparison):
        return paths.plot()
    axes = new_figure((13.0, 5.4), 1, 2)
    plot_paths(paths, problem, axes[0])
    plot_convergence(paths, problem, axes[1])
    headline(axes[1], f"{problem.noun.capitalize()} at each step")
    return np.array(axes)


def _in_words(rules: Mapping[str, Rule], problem: Problem, steps: int) -> str:
    """What is in the picture that does not move."""
    who = ", ".join(rules)
    where = "contour lines" if problem.theta.size == 2 else "the curve"
    return (
        f"{problem.name}: the path of {who} over {steps} steps on {where}, and the "
        f"{problem.noun} step by step."
    )


def _tuned(
    rules: Mapping[str, Rule], problem: Problem, steps: int
) -> Comparison | dict[str, Trajectory]:
    """The paths with tuned learning rates. A rule that was given its own keeps it."""
    free = {label: rule for label, rule in rules.items() if "lr" not in _keywords(rule)}
    race: Any = {}
    if free:
        race = compare(free, problem, steps=steps, seeds=None, progress=False)
    if len(free) == len(rules):
        return race
    made = {n: r(problem, problem.start).minimize(steps) for n, r in rules.items() if n not in free}
    return {**race, **made}


def picture_of(still: Any) -> bytes:
    """A still picture as PNG."""
    from matplotlib import pyplot

    figure = np.ravel(still())[0].get_figure(root=True)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI)
    pyplot.close(figure)
    return stream.getvalue()


def _few(rules: Any) -> dict[str, Rule]:
    """The rules by label, or an error that says what is wrong with them."""
    if isinstance(rules, Iterable) and not isinstance(rules, (str, type, Mapping)):
        rules = list(rules)
    if not isinstance(rules, (str, type, partial)) and not rules:
        raise ValueError(f"rules must be one to {LABELLED} different rules, got none")
    named = labelled(rules)
    if len(named) > LABELLED:
        raise ValueError(f"rules must be one to {LABELLED} different rules, got {', '.join(named)}")
    return named


def _names(argument: str, given: Any, known: Sequence[str]) -> list[str]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(
            f"{argument} must be a list of names, such as [{known[0]!r}], got {given!r}"
        )
    names = list(given)
    for name in names:
        if name not in known:
            raise ValueError(
                f"{argument} must be some of {', '.join(known)}, got {shown(name)}."
                f"{checks.nearest(str(name), known)}"
            )
    return names


def _knobs(vary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A slider for each number that the loss takes beside the weights."""
    if not isinstance(vary, Mapping):
        raise TypeError(f"vary must be a dict such as {{'angle': (0, 90)}}, got {shown(vary)}")
    found = []
    for name, given in vary.items():
        expected = "(low, high) or (low, high, value) with low < high"
        try:
            low, high, *more = map(float, given)
            [value] = more or [(low + high) / 2]
        except (TypeError, ValueError) as error:
            raise TypeError(f"vary[{name!r}] must be {expected}, got {shown(given)}") from error
        if not (isinstance(name, str) and name.isidentifier()):
            raise TypeError(f"vary: {name!r} is not the name of an argument")
        if not (np.isfinite([low, high]).all() and low < high and low <= value <= high):
            raise ValueError(f"vary[{name!r}] must be {expected}, got {shown(given)}")
        told = {"name": name, "sign": name.replace("_", " "), "words": name.replace("_", " ")}
        found.append({**told, "kind": "linear", "low": low, "high": high, "value": value})
    return found


def _class_of(rule: Any) -> Any:
    return rule.func if isinstance(rule, partial) else rule


def _keywords(rule: Any) -> dict[str, Any]:
    """What a partial sets; nothing for a class."""
    return dict(getattr(rule, "keywords", {}))
