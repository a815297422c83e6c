"""compare: every rule tuned in the same way, then raced.

Fair means: the same learning-rate grid and the same number of steps for every rule, tuned for the
number of steps that is shown, on the final loss, and nothing clipped. What diverged, and what sits
at the edge of the grid, is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.experiments.inputs import (
    Rule,
    as_grid,
    check_rule,
    fitted,
    label_of,
    name_of,
    short,
    start_of,
)
from optimizers.experiments.sweep import below, exact_losses, marked, minimum_of, sweep
from optimizers.optimizer import Optimizer
from optimizers.trajectory import Trajectory
from optimizers.weights import flatten

LEARNING_RATES = np.geomspace(1e-5, 10, 60)
LEARNING_RATES.setflags(write=False)  # every race shares them
GOOD = 10.0  # a good learning rate ends within this factor of the best gap in the race
FAR = 0.1  # … and leaves no larger share of the first gap than this
TOLERANCE = 1e-3  # "steps to 0.1%": the share of the first gap to the minimum that may be left


class Comparison(Mapping[str, Trajectory]):
    """A race: each rule's trajectory by its label, and how it was tuned.

    Attributes
    ----------
    function, start, steps
        What was raced.
    lr
        The learning rate of each rule, by label.
    lr_grid
        The learning rates that every rule was tuned over, or None if they were given.
    final_loss
        By label: the loss after the last step at each learning rate of the grid, inf where it
        diverged (or fell below the minimum, outside the part of the plane where there is one).
        Empty if the learning rates were given.
    drawn_to_origin
        The labels of the rules that decay the weights or scale a step by their length.
    """

    def __init__(
        self,
        function: Any,
        start: Any,
        steps: int,
        lr: dict[str, float],
        lr_grid: np.ndarray | None,
        final_loss: dict[str, np.ndarray],
        paths: dict[str, Trajectory],
        drawn_to_origin: list[str],
    ) -> None:
        self.function = function
        self.start = start
        self.steps = steps
        self.lr = lr
        self.lr_grid = lr_grid
        self.final_loss = final_loss
        self.drawn_to_origin = drawn_to_origin
        self._paths = paths

    def __getitem__(self, label: str) -> Trajectory:
        if label not in self._paths:
            raise KeyError(f"no {label!r} in this race.{checks.nearest(label, self._paths)}")
        return self._paths[label]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def plot(self, axes: Any = None) -> Any:
        """Draw paths, convergence and learning-rate curves side by side. Returns the Axes."""
        from optimizers.plotting import plot_race

        return plot_race(self, axes)

    def animate(self, **options: Any) -> Any:
        """Animate the paths; `optimizers.plotting.animate_paths` tells the options."""
        from optimizers.plotting import animate_paths

        return animate_paths(self, self.function, **options)

    def rows(self) -> list[dict[str, Any]]:
        """The table as a list of dicts, best first.

        Keys: rule, lr, final_loss, gap (final loss − minimum), distance (to the nearest minimum),
        steps_to_tolerance (first step with 0.1% of the first gap left), diverged (share of the
        grid), good_lr (lowest and highest learning rate around the tuned one that end within ten
        times the best gap in the race, or within 0.1% of the first gap, and within 10% of it),
        at_edge (whether the tuned value is the grid's first or last). What is not known is None.
        """
        rows = [self._row(label) for label in self]
        return sorted(rows, key=lambda row: row["final_loss"] if row["gap"] is None else row["gap"])

    def _row(self, label: str) -> dict[str, Any]:
        path, minimum = self[label], minimum_of(self.function)
        losses = exact_losses(self.function, path)
        final = float(marked(losses[-1], self.function, path.diverged))
        row = {
            "rule": label,
            "lr": self.lr[label],
            "final_loss": final,
            "gap": None if minimum is None else max(final - minimum, 0.0),  # rounding aside
            "distance": _distance(self.function, path),
            "steps_to_tolerance": _steps_to_tolerance(path, losses, minimum),
            "diverged": None,
            "good_lr": None,
            "at_edge": False,
        }
        if self.lr_grid is not None:
            curve = self.final_loss[label]
            row["diverged"] = float(np.mean(np.isinf(curve)))
            row["good_lr"] = self._good_range(curve, losses[0])
            row["at_edge"] = self.lr[label] in (self.lr_grid.min(), self.lr_grid.max())
        return row

    def _good_range(self, curve: np.ndarray, first: float) -> tuple[float, float] | None:
        """The unbroken range of learning rates around the best one that end well."""
        minimum = minimum_of(self.function)
        if minimum is None or self.lr_grid is None:
            return None
        order = np.argsort(self.lr_grid)
        grid, gap = self.lr_grid[order], curve[order] - minimum
        best_of_all = min(float(np.min(losses)) for losses in self.final_loss.values()) - minimum
        limit = np.clip(GOOD * best_of_all, *np.multiply((TOLERANCE, FAR), first - minimum))
        bad = np.flatnonzero(~(gap <= limit))
        best = int(np.argmin(gap))
        if best in bad:
            return None
        low = bad[bad < best].max(initial=-1) + 1
        high = bad[bad > best].min(initial=len(grid)) - 1
        return float(grid[low]), float(grid[high])

    def notes(self) -> list[str]:
        """How the race was made, and what to keep in mind when reading it."""
        head = f"{name_of(self.function)} from {_start_text(self.start)}, {self.steps} steps. "
        if self.lr_grid is None:
            notes = [head + "The learning rates were given, not tuned."]
        else:
            notes = [
                head + f"Each rule tuned over the same {len(self.lr_grid)} learning rates from "
                f"{self.lr_grid.min():.3g} to {self.lr_grid.max():.3g}, on the loss after the last "
                "step. Nothing is clipped.",
                "The gap is the loss above the minimum. Good lr: ends within ten times the best "
                "gap of this race, or with 0.1% of the first one left, never with more than 10%.",
            ]
        edge = [row["rule"] for row in self.rows() if row["at_edge"]]
        if edge:
            notes.append(
                f"* {', '.join(edge)}: the tuned value sits at the edge of the grid, a wider one "
                "may do better."
            )
        drawn = ", ".join(self.drawn_to_origin)
        minima = getattr(self.function, "minima", ())
        if drawn and len(minima):
            if np.any(np.all(minima == 0, axis=1)):
                notes.append(
                    "The minimum sits at the origin, to which weight decay or the trust ratio "
                    f"draws {drawn}: race on shifted(function, by) to be fair."
                )
            else:
                notes.append(
                    f"Weight decay or the trust ratio draws {drawn} to the origin, away from the "
                    "minimum."
                )
        if getattr(self.function, "exact", self.function) is not self.function:
            notes.append(
                "Losses are without the noise. Every rule met the same noise, and was tuned on it: "
                "another seed may rank them differently."
            )
        if getattr(self.function, "minimum", 0.0) == -np.inf:
            notes.append("Unbounded below: the order says who falls fastest, not who is best.")
        left = [label for label in self if _left_domain(self.function, self[label])]
        if left:
            notes.append(
                f"{', '.join(left)} left the domain and fell below its minimum: counted as "
                "diverged."
            )
        return notes

    def __repr__(self) -> str:
        columns = _table(self)
        widths = [max(map(len, column)) for column in columns]
        lines = [
            "  ".join(
                cell.ljust(w) if i == 0 else cell.rjust(w)
                for i, (cell, w) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in zip(*columns, strict=True)
        ]
        lines.insert(1, "─" * len(max(lines, key=len)))
        return "\n".join(lines + self.notes())

    def _repr_html_(self) -> str:
        import html

        head, *body = zip(*_table(self), strict=True)
        cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>"
            for line in body
        )
        notes = "".join(f"<p><small>{html.escape(note)}</small></p>" for note in self.notes())
        return f"<table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>{notes}"


def compare(
    rules: Iterable[Rule] | Mapping[str, Rule],
    function: Callable[..., Any],
    *,
    start: Any = None,
    steps: int = 500,
    lr: Any = None,
) -> Comparison:
    """Tune every rule in the same way, then race them.

    Parameters
    ----------
    rules
        Classes, functools.partials of classes, or a dict of them by label.
    function
        A test function, or any loss.
    start
        The weights to start from; left out, the function's own `start`.
    steps
        How many steps each rule makes: in the tuning, and in what is shown.
    lr
        Left out: tuned over 60 values from 1e-5 to 10. An array is another grid. A number, or a
        dict by label, is taken as it is, untuned.

    Returns
    -------
    Comparison
        A mapping from labels to trajectories; it prints as a table.

    Raises
    ------
    TypeError, ValueError
        For no rules, what is no rule, an empty grid, labels that do not match.

    Examples
    --------
    >>> from optimizers import SGD, Momentum, compare
    >>> from optimizers.functions import beale
    >>> race = compare([SGD, Momentum], beale, steps=200)
    >>> [row["rule"] for row in race.rows()]
    ['Momentum', 'SGD']
    """
    named = _labelled(rules)
    steps = checks.whole("steps", steps, 1)
    start = start_of(function, start)
    function = fitted(function, start)
    grid = _learning_rate_grid(lr)
    final_loss: dict[str, np.ndarray] = {}
    if grid is None:
        tuned = _given(lr, named)
    else:
        for label, rule in named.items():
            if "lr" in getattr(rule, "keywords", {}):
                raise ValueError(
                    f"{label}: compare tunes lr, so leave it out of the partial, "
                    "or give every rule's: compare(..., lr={label: number})"
                )
            tuning = sweep(rule, function, start=start, steps=steps, lr=grid)
            final_loss[label] = tuning.final_loss
        tuned = {label: float(grid[np.argmin(curve)]) for label, curve in final_loss.items()}
    racers = {label: rule(function, start, lr=tuned[label]) for label, rule in named.items()}
    paths = {label: racer.minimize(steps, progress=True) for label, racer in racers.items()}
    drawn = [label for label, racer in racers.items() if _is_drawn_to_origin(racer)]
    return Comparison(function, start, steps, tuned, grid, final_loss, paths, drawn)


def _distance(function: Any, path: Trajectory) -> float | None:
    minima = getattr(function, "minima", None)
    if minima is None or not len(minima):
        return None
    if path.diverged:
        return None
    return float(np.linalg.norm(path.theta[-1] - minima, axis=1).min())


def _steps_to_tolerance(path: Trajectory, losses: np.ndarray, minimum: float | None) -> int | None:
    if minimum is None:
        return None
    gap = losses - minimum
    reached = np.flatnonzero(gap <= TOLERANCE * gap[0])
    return int(path.step[reached[0]]) if len(reached) else None


def _left_domain(function: Any, path: Trajectory) -> bool:
    return not path.diverged and bool(below(exact_losses(function, path)[-1], function))


def _is_drawn_to_origin(optimizer: Optimizer) -> bool:
    """Whether the rule decays the weights, or scales its steps by their length."""
    decays = np.any(optimizer.hyper_parameters.get("weight_decay", 0) > 0)
    return bool(decays) or hasattr(optimizer, "trust_ratio")


def _start_text(start: Any) -> str:
    """The coordinates where there are few, otherwise what kind of weights it is."""
    flat, layout = flatten(start)
    if len(layout.names) == 1 and flat.size <= 6:
        return "(" + ", ".join(f"{x:.4g}" for x in flat) + ")"
    return f"{flat.size} weights in {', '.join(layout.names)}"


def _table(race: Comparison) -> list[list[str]]:
    """The table's columns as text, each with its heading first."""
    rows = race.rows()
    known = minimum_of(race.function)
    columns = [
        ["rule", *(row["rule"] for row in rows)],
        ["lr", *(short(row["lr"]) + ("*" if row["at_edge"] else "") for row in rows)],
    ]
    if known:  # neither unknown nor 0
        columns.append(["final loss − minimum", *(_number(row["gap"]) for row in rows)])
    else:
        columns.append(["final loss", *(_number(row["final_loss"]) for row in rows)])
    columns.append(["distance", *(_number(row["distance"]) for row in rows)])
    if known is not None:
        steps = [row["steps_to_tolerance"] for row in rows]
        columns.append(["steps to 0.1% of gap", *("–" if s is None else str(s) for s in steps)])
    if race.lr_grid is not None:
        columns.append(["diverged", *(f"{row['diverged']:.0%}" for row in rows)])
        columns.append(["good lr", *(_range(row["good_lr"]) for row in rows)])
    return columns


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return "diverged" if not np.isfinite(value) else f"{value:.3g}"


def _range(bounds: tuple[float, float] | None) -> str:
    if bounds is None:
        return "–"
    low, high = bounds
    return f"{low:.2g} … {high:.2g} (×{high / low:.3g})"


def _labelled(rules: Any) -> dict[str, Rule]:
    if isinstance(rules, (type, partial)):
        rules = [rules]
    if isinstance(rules, Mapping):
        pairs = list(rules.items())
    else:
        if isinstance(rules, str) or not isinstance(rules, Iterable):
            raise TypeError(
                f"rules must be a list of rules such as [SGD, Adam], got {shown(rules)}"
            )
        pairs = [(None, rule) for rule in rules]
    if not pairs:
        raise ValueError("compare needs at least one rule, such as [SGD, Adam]")
    named: dict[str, Rule] = {}
    for given, rule in pairs:
        check_rule(rule)
        label = str(given) if given is not None else label_of(rule)
        if label in named:
            raise ValueError(
                f"two rules are called {label!r}: give a dict by label, "
                "such as {'Adam, beta1 0.9': Adam, 'Adam, beta1 0.5': partial(Adam, beta1=0.5)}"
            )
        named[label] = rule
    return named


def _learning_rate_grid(lr: Any) -> np.ndarray | None:
    if lr is None:
        return LEARNING_RATES
    if isinstance(lr, Mapping) or callable(lr) or np.ndim(lr) == 0:
        return None
    return as_grid("lr", lr)


def _given(lr: Any, named: Mapping[str, Rule]) -> dict[str, Any]:
    """The learning rates that the caller chose, by label."""
    if not isinstance(lr, Mapping):
        return dict.fromkeys(named, lr)
    for label in lr:
        if label not in named:
            raise ValueError(
                f"lr names {label!r}, which does not race.{checks.nearest(str(label), named)}"
            )
    missing = [label for label in named if label not in lr]
    if missing:
        raise ValueError(f"lr must name every rule; missing: {', '.join(missing)}")
    several = [label for label, value in lr.items() if np.ndim(value) > 0]
    if several:
        raise ValueError(f"lr must be one number a rule; {several[0]} has {shown(lr[several[0]])}")
    return dict(lr)
