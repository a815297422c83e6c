"""What the helpers take, trajectories by label and what they went down; and what they found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from optimizers.checks import shown
from optimizers.experiments.comparison import Comparison
from optimizers.experiments.metrics import distances, losses_along, marked, middle
from optimizers.experiments.standing import NO_ORDER
from optimizers.plotting.finding import ahead, by_chance, order_of
from optimizers.plotting.style import number, place
from optimizers.plotting.words import brief
from optimizers.problem import Problem, as_problem
from optimizers.trajectory import Trajectory

Paths = Trajectory | Mapping[str, Trajectory]
ARRIVED = 1e-6  # widths of the map: nearer to a minimum than this, a path has reached it


def mapping(paths: Any, caller: str) -> dict[str, Trajectory]:
    """Trajectories by label; a single one is labelled with its rule."""
    if isinstance(paths, Trajectory):
        return {paths.rule: paths}
    if not isinstance(paths, Mapping):
        raise TypeError(
            f"{caller}: paths must be a Trajectory (minimize returns one), a mapping of labels to "
            f"them, or a comparison; got {shown(paths)}"
        )
    if not paths:
        raise ValueError(f"{caller}: paths is empty, there is nothing to draw")
    for label, path in paths.items():
        if not isinstance(path, Trajectory):
            raise TypeError(f"{caller}: paths[{label!r}] must be a Trajectory, got {shown(path)}")
    return {str(label): path for label, path in paths.items()}


def with_others(paths: Any, caller: str) -> tuple[dict[str, Trajectory], dict[str, Trajectory]]:
    """The paths to draw, and those to draw thinly behind them: of a race, the other seeds' ones."""
    named = mapping(paths, caller)
    if isinstance(paths, Comparison) and paths.race_seeds is not None and paths.once:
        return dict(paths.once), named
    return named, {}


def can_be_drawn(paths: Mapping[str, Trajectory]) -> bool:
    """Whether the paths lie on one line, or in one plane."""
    return {path.theta.shape[-1] for path in paths.values()} in ({1}, {2})


def check_drawable(paths: Mapping[str, Trajectory], caller: str) -> None:
    """Raise a ValueError unless all paths have one weight, or all have two."""
    if can_be_drawn(paths):
        return
    sizes = {label: path.theta.shape[-1] for label, path in paths.items()}
    label = max(sizes, key=lambda label: sizes[label])
    if sizes[label] > 2:
        raise ValueError(
            f"{caller} draws paths of one or two weights, but {label!r} has {sizes[label]}; "
            "plot_convergence shows paths of any size"
        )
    raise ValueError(f"{caller}: paths of one weight and of two do not fit into one picture")


def problem_of(function: Any, paths: Mapping[str, Trajectory], caller: str) -> Problem:
    """What the paths went down, its weights in the nesting of the paths."""
    if isinstance(function, Problem) and function.start is not None:
        return function
    if not callable(function):
        raise TypeError(
            f"{caller}: function must be a loss or a test function such as "
            f"optimizers.functions.rosenbrock; got {shown(function)}"
        )
    first = next(iter(paths.values()))
    start = first.theta[0].reshape(-1, first.theta.shape[-1])[0]
    return as_problem(function, first.layout.unflatten(start))


def points_of(path: Trajectory, problem: Problem) -> np.ndarray:
    """Where a path lies in the picture, (rows, runs, 2): of one weight, on the curve."""
    theta = path.theta.reshape(len(path.theta), -1, path.theta.shape[-1])
    if theta.shape[-1] == 2:
        return theta
    return np.stack([theta[..., 0], problem.values(theta)], axis=-1)


def label_with_end(label: str, path: Trajectory) -> str:
    """The label, and what happened if it went wrong: "SGD, diverged at step 12"."""
    if np.ndim(path.diverged) == 0:
        return f"{label}, diverged at step {path.diverged_at}" if path.diverged else label
    count = int(np.sum(path.diverged))
    return f"{label}, {count} of {np.size(path.diverged)} diverged" if count else label


def last_step(paths: Mapping[str, Trajectory]) -> int:
    """The step that the longest path ends at."""
    return max(int(path.step[-1]) for path in paths.values())


def final_loss(path: Trajectory, problem: Problem | None) -> float:
    """The loss at the end: the median over runs, inf where the run diverged."""
    return float(middle(_ends(path, losses_along(path, problem)[-1])))


def _ends(path: Trajectory, values: np.ndarray) -> np.ndarray:
    """What was measured of the ends, (runs,): inf where the run diverged."""
    return np.ravel(marked(values, path.diverged))


# ------------------------------------------------------------------------------- what was found


def closest(paths: Mapping[str, Trajectory], problem: Problem) -> str:
    """The finding: who came nearest to a minimum, or, if nobody knows one, who is lowest."""
    steps = last_step(paths)
    if all(np.all(path.diverged) for path in paths.values()):
        return "Diverged" if len(paths) == 1 else "All diverged"
    if len(paths) > 1 and by_chance(problem):
        return NO_ORDER
    minima = problem.minima
    if minima is None or not len(minima):
        ends = {label: _ends(p, losses_along(p, problem)[-1]) for label, p in paths.items()}
        if len(paths) == 1:
            ((label, end),) = ends.items()
            return f"{brief(label)} is at {number(float(middle(end)))} after {steps} steps"
        return f"{ahead(order_of(ends))} after {steps} steps"
    away = {label: _ends(p, distances(p.theta[-1], minima)) for label, p in paths.items()}
    apart = {label: float(middle(values)) for label, values in away.items()}
    target = "the minimum" if len(minima) == 1 else "a minimum"
    near = ARRIVED * _width(paths, problem)
    there = [label for label, d in apart.items() if d <= near]
    if len(paths) == 1:
        ((label, gap),) = apart.items()
        if there:
            return f"{brief(label)} reaches {target} within {steps} steps"
        return f"{brief(label)} ends {number(gap)} from {target} after {steps} steps"
    if len(there) > 1:
        return f"{len(there)} of {len(paths)} reach {target} within {steps} steps"
    return f"{ahead(order_of(away), 'closest', 'close')} after {steps} steps"


def _width(paths: Mapping[str, Trajectory], problem: Problem) -> float:
    """Of the domain; without one, from the starts to the minima."""
    if problem.domain is not None:
        return float(np.ptp(problem.domain, axis=1).max())
    starts = np.concatenate([p.theta[0].reshape(-1, p.theta.shape[-1]) for p in paths.values()])
    assert problem.minima is not None
    return float(np.abs(starts[:, np.newaxis] - problem.minima).max())


def journey(paths: Mapping[str, Trajectory], problem: Problem) -> str:
    """Where the paths began, how long they are, and what part chance had."""
    size = next(iter(paths.values())).theta.shape[-1]
    starts = np.unique(
        np.concatenate([p.theta[0].reshape(-1, size) for p in paths.values()]), axis=0
    )
    start = f"from {spot(starts[0])}" if len(starts) == 1 else "from several starts"
    made = f"{titled(problem)} {start}, {last_step(paths)} steps."
    return f"{made} {problem.chance}".strip()


def chance_of(problem: Problem, runs: int) -> str:
    """What part chance has in so many runs; of several no seed is told: each may have its own."""
    return problem.chance if runs == 1 else problem.chance.replace(f", seed {problem.seed}", "")


def about(problem: Problem) -> str:
    """What is known of the landscape, as a title."""
    if not problem.is_bounded:
        return f"{problem.name}: unbounded below"
    minima = problem.minima
    if minima is None or not len(minima):
        return titled(problem)
    if len(minima) == 1:
        return f"{problem.name}: minimum at {spot(minima[0])}"
    return f"{problem.name}: {len(minima)} global minima"


def titled(problem: Problem) -> str:
    """The name at the beginning of a sentence: that of a lambda is just "Loss"."""
    return "Loss" if problem.name == "loss" else problem.name


def spot(point: np.ndarray) -> str:
    """A place on the map, "(−1.5, 2)", or on the line, "θ = −1.5"."""
    return f"θ = {number(float(point[0]))}" if len(point) == 1 else place(point)
