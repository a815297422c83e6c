"""compare: every rule tuned in the same way, then raced.

Fair means: the same learning-rate grid and the same number of steps for every rule, tuned for the
number of steps that is shown, on the final loss, and nothing clipped. What diverged, and what sits
at the edge of the grid, is said.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.experiments.inputs import Rule, as_grid, check_rule, label_of, name_of, start_of
from optimizers.experiments.sweep import exact_losses, final_losses
from optimizers.trajectory import Trajectory

LEARNING_RATES = np.geomspace(1e-5, 10, 60)
GOOD = 10.0  # a good learning rate ends within this factor of the best gap to the minimum
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
        diverged. Empty if the learning rates were given.
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
    ) -> None:
        self.function = function
        self.start = start
        self.steps = steps
        self.lr = lr
        self.lr_grid = lr_grid
        self.final_loss = final_loss
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
        grid), good_lr (lowest and highest learning rate around the tuned one whose gap is within
        ten times the tuned one's, or within 0.1% of the first), at_edge (whether the tuned value is
        the grid's first or last). What is not known is None.
        """
        rows = [self._row(label) for label in self]
        return sorted(rows, key=lambda row: (np.isnan(row["final_loss"]), row["final_loss"]))

    def _row(self, label: str) -> dict[str, Any]:
        path, minimum = self[label], _minimum(self.function)
        losses = exact_losses(self.function, path)
        final = np.inf if path.diverged else float(losses[-1])
        row = {
            "rule": label,
            "lr": self.lr[label],
            "final_loss": final,
            "gap": None if minimum is None else final - minimum,
            "distance": _distance(self.function, path),
            "steps_to_tolerance": _steps_to_tolerance(path, losses, minimum),
            "diverged": None,
            "good_lr": None,
            "at_edge": False,
        }
        if self.lr_grid is not None:
            curve = self.final_loss[label]
            row["diverged"] = float(np.mean(np.isinf(curve)))
            row["good_lr"] = _good_range(
                self.lr_grid, curve, minimum, first_gap=losses[0] - (minimum or 0.0)
            )
            row["at_edge"] = self.lr[label] in (self.lr_grid.min(), self.lr_grid.max())
        return row

    def notes(self) -> list[str]:
        """How the race was made, and what to keep in mind when reading it."""
        start = np.array2string(np.asarray(self.start), precision=4, separator=", ")
        head = f"{name_of(self.function)} from {start}, {self.steps} steps. "
        if self.lr_grid is None:
            notes = [head + "The learning rates were given, not tuned."]
        else:
            notes = [
                head + f"Each rule tuned over the same {len(self.lr_grid)} learning rates from "
                f"{self.lr_grid.min():.3g} to {self.lr_grid.max():.3g}, on the loss after the last "
                "step. Nothing is clipped.",
                "Good lr: ends within ten times the tuned gap to the minimum, or with 0.1% of the "
                "first gap left.",
            ]
        edge = [row["rule"] for row in self.rows() if row["at_edge"]]
        if edge:
            notes.append(
                f"* {', '.join(edge)}: the tuned value sits at the edge of the grid, a wider one "
                "may do better."
            )
        drawn = ", ".join(label for label, path in self.items() if _is_drawn_to_origin(path))
        minima = getattr(self.function, "minima", ())
        if drawn and len(minima):
            if np.any(np.all(minima == 0, axis=1)):
                notes.append(
                    "The minimum sits at the origin, to which weight decay draws "
                    f"{drawn}: race on shifted(function, by) to be fair."
                )
            else:
                notes.append(f"Weight decay draws {drawn} to the origin, away from the minimum.")
        if getattr(self.function, "exact", self.function) is not self.function:
            notes.append("Losses are without the noise; every rule met the same noise.")
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

    Arguments
    ---------
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
            final_loss[label] = final_losses(rule, function, start, steps, {"lr": grid})
        tuned = {label: float(grid[np.argmin(curve)]) for label, curve in final_loss.items()}
    paths = {
        label: rule(function, start, lr=tuned[label]).minimize(steps, progress=True)
        for label, rule in named.items()
    }
    return Comparison(function, start, steps, tuned, grid, final_loss, paths)


def _minimum(function: Any) -> float | None:
    minimum = getattr(function, "minimum", None)
    return minimum if minimum is not None and np.isfinite(minimum) else None


def _distance(function: Any, path: Trajectory) -> float | None:
    minima = getattr(function, "minima", None)
    if minima is None or not len(minima):
        return None
    end = path.theta[-1]
    if np.shape(minima)[-1] != len(end):
        minima = function.in_dimension(len(end)).minima
    return float(np.linalg.norm(end - minima, axis=1).min())


def _steps_to_tolerance(path: Trajectory, losses: np.ndarray, minimum: float | None) -> int | None:
    if minimum is None:
        return None
    gap = losses - minimum
    reached = np.flatnonzero(gap <= TOLERANCE * gap[0])
    return int(path.step[reached[0]]) if len(reached) else None


def _good_range(
    grid: np.ndarray, curve: np.ndarray, minimum: float | None, first_gap: float
) -> tuple[float, float] | None:
    """The unbroken range of learning rates around the best one that end well."""
    order = np.argsort(grid)
    grid, curve = grid[order], curve[order]
    best = int(np.argmin(curve))
    if minimum is None or np.isinf(curve[best]):
        return None
    gap = curve - minimum
    bad = np.flatnonzero(gap > max(GOOD * gap[best], TOLERANCE * first_gap))
    low = bad[bad < best].max(initial=-1) + 1
    high = bad[bad > best].min(initial=len(grid)) - 1
    return float(grid[low]), float(grid[high])


def _is_drawn_to_origin(path: Trajectory) -> bool:
    """Whether the rule decays the weights."""
    return bool(path.hyper_parameters.get("weight_decay", 0))


def _table(race: Comparison) -> list[list[str]]:
    """The table's columns as text, each with its heading first."""
    rows = race.rows()
    known = _minimum(race.function)
    columns = [
        ["rule", *(row["rule"] for row in rows)],
        ["lr", *(f"{row['lr']:.3g}" + ("*" if row["at_edge"] else "") for row in rows)],
    ]
    if known:  # neither unknown nor 0
        columns.append(["final loss − minimum", *(_number(row["gap"]) for row in rows)])
    else:
        columns.append(["final loss", *(_number(row["final_loss"]) for row in rows)])
    columns.append(["distance", *(_number(row["distance"]) for row in rows)])
    if known is not None:
        steps = [row["steps_to_tolerance"] for row in rows]
        columns.append(["steps to 0.1%", *("–" if s is None else str(s) for s in steps)])
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
    return dict(lr)
