"""compare: every rule tuned in the same way, then raced.

Fair means: the same learning-rate grid and the same number of steps for every rule, tuned for the
number of steps that is shown, on the final loss, and nothing clipped. What diverged, and what sits
at the edge of the grid, is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.experiments.inputs import (
    Rule,
    as_grid,
    check_rule,
    label_of,
    seeds_of,
    short,
)
from optimizers.experiments.runs import in_one_piece
from optimizers.experiments.sweep import (
    below,
    exact_losses,
    marked,
    outside,
    standard_error,
    sweep,
    without_minimum,
)
from optimizers.optimizer import Optimizer, Schedule
from optimizers.problem import Problem, as_problem
from optimizers.progress import with_progress
from optimizers.rules import LAMB, LARS
from optimizers.trajectory import Trajectory, as_runs, one_of, room, row_size
from optimizers.weights import flatten

LEARNING_RATES = np.geomspace(1e-5, 10, 60)
LEARNING_RATES.setflags(write=False)  # every race shares them
GOOD = 10.0  # a good learning rate ends within this factor of the best gap in the race
FAR = 0.1  # … and leaves no larger share of the first gap than this
ROWS = 100  # of a training, about so many are kept
TOLERANCE = 1e-3  # "steps to 0.1%": the share of the first gap to the minimum that may be left


class Comparison(Mapping[str, Trajectory]):
    """A race: each rule's trajectory by its label, and how it was tuned.

    Attributes
    ----------
    problem, steps
        What was raced; `function` and `start` are there as well.
    lr
        The learning rate of each rule, by label.
    lr_grid
        The learning rates that every rule was tuned over, or None if they were given.
    final_loss
        By label: the loss after the last step at each learning rate of the grid, inf where it
        diverged (or left the domain and fell below the minimum, which is one in the domain only).
        Empty if the learning rates were given. For a training, the loss on held-out data; with
        seeds, the mean over them.
    drawn_to_origin
        The labels of the rules that decay the weights or scale a step by their length.
    seeds, race_seeds
        The seeds of the tuning, and those of what is shown; None without seeds. They differ, since
        what was chosen on a seed looks better there than it is. The trajectories then hold a run
        for each seed.
    losses, accuracies
        By label, along the trajectory: the loss without noise or on held-out data, and for a
        training the share of held-out data told right: (rows,) or (rows, seeds).
    """

    def __init__(
        self,
        problem: Problem,
        steps: int,
        lr: dict[str, float],
        lr_grid: np.ndarray | None,
        final_loss: dict[str, np.ndarray],
        paths: dict[str, Trajectory],
        drawn_to_origin: list[str],
        seeds: tuple[int, ...] | None = None,
        race_seeds: tuple[int, ...] | None = None,
        refuted: bool = False,
    ) -> None:
        self.problem = problem
        self.steps = steps
        self.lr = lr
        self.lr_grid = lr_grid
        self.final_loss = final_loss
        self.drawn_to_origin = drawn_to_origin
        self.seeds = seeds
        self.race_seeds = race_seeds
        self._paths = paths
        self.losses = {label: exact_losses(problem, path) for label, path in paths.items()}
        self.accuracies = {
            label: _accuracies(problem, path)
            for label, path in (paths.items() if problem.accuracy is not None else ())
        }
        # a better run than the known minimum, inside the domain: then it is none
        self.refuted = refuted or any(
            np.any(self._fell(label) & ~self._is_outside(label)) for label in paths
        )
        if self.refuted:
            self.problem = without_minimum(problem)

    @property
    def function(self) -> Any:
        """What was raced on, as it was given."""
        return self.problem.given

    @property
    def start(self) -> Any:
        """The weights that every rule started from."""
        return self.problem.start

    def _fell(self, label: str) -> np.ndarray:
        return below(self.losses[label][-1], self.problem) & ~np.asarray(self[label].diverged)

    def _is_outside(self, label: str) -> np.ndarray:
        return outside(self.problem, self[label].theta[-1])

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
        """Animate the paths of one or two weights: a `Film`, which a notebook plays.

        `optimizers.plotting.animate_paths` tells the options, `save_gif` writes it to a file.
        """
        from optimizers.plotting import animate_paths

        return animate_paths(self, self.problem, **options)

    def rows(self) -> list[dict[str, Any]]:
        """The table as a list of dicts, best first.

        Keys: rule, lr, final_loss, gap (final loss − minimum), distance (to the nearest minimum),
        steps_to_tolerance (first step with 0.1% of the first gap left), diverged (share of the
        grid), good_lr (lowest and highest learning rate around the tuned one that end within ten
        times the best gap in the race, or within 0.1% of the first gap, and within 10% of it),
        at_edge (whether the tuned value is the grid's first or last). What is not known is None.
        With seeds, all but steps_to_tolerance (a median) are means, and error is the standard
        error of the final loss. For a training also accuracy and accuracy_error.
        """
        rows = [self._row(label) for label in self]
        return sorted(rows, key=lambda row: row["final_loss"] if row["gap"] is None else row["gap"])

    def _row(self, label: str) -> dict[str, Any]:
        path, minimum = self[label], self.problem.known_minimum
        losses = self.losses[label]
        left = self._fell(label) & self._is_outside(label)
        finals = marked(losses[-1], path.diverged | left)
        final = float(np.mean(finals))
        accuracy = self.accuracies[label][-1] if self.accuracies else None
        row = {
            "rule": label,
            "lr": self.lr[label],
            "final_loss": final,
            "error": None if self.seeds is None else standard_error(finals),
            "gap": None if minimum is None else max(final - minimum, 0.0),  # rounding aside
            "distance": _distance(self.problem, path),
            "steps_to_tolerance": _steps_to_tolerance(path, losses, minimum),
            "accuracy": None if accuracy is None else float(np.mean(accuracy)),
            "accuracy_error": (
                None if accuracy is None or self.seeds is None else standard_error(accuracy)
            ),
            "diverged": None,
            "good_lr": None,
            "at_edge": False,
        }
        if self.lr_grid is not None:
            curve = self.final_loss[label]
            row["diverged"] = float(np.mean(np.isinf(curve)))
            row["good_lr"] = self._good_range(curve, float(np.mean(losses[0])))
            between = (self.lr_grid > self.lr_grid.min()) & (self.lr_grid < self.lr_grid.max())
            row["at_edge"] = bool(curve.min() < curve[between].min(initial=np.inf))
        return row

    def _good_range(self, curve: np.ndarray, first: float) -> tuple[float, float] | None:
        """The unbroken range of learning rates around the best one that end well."""
        minimum = self.problem.known_minimum
        if minimum is None or self.lr_grid is None:
            return None
        order = np.argsort(self.lr_grid)
        grid, gap = self.lr_grid[order], curve[order] - minimum
        best_of_all = min(float(np.min(losses)) for losses in self.final_loss.values()) - minimum
        if not np.isfinite(best_of_all):
            return None
        limit = np.clip(GOOD * best_of_all, *np.multiply((TOLERANCE, FAR), first - minimum))
        bad = np.flatnonzero(~(np.isfinite(gap) & (gap <= limit)))
        best = int(np.argmin(gap))
        if best in bad:
            return None
        low = bad[bad < best].max(initial=-1) + 1
        high = bad[bad > best].min(initial=len(grid)) - 1
        return float(grid[low]), float(grid[high])

    def notes(self) -> list[str]:
        """How the race was made, and what to keep in mind when reading it."""
        start = "" if self.seeds else f" from {_start_text(self.start)}"
        head = f"{self.problem.name}{start}, {self.steps} steps. "
        if self.lr_grid is None:
            notes = [head + "The learning rates were given, not tuned."]
        else:
            notes = [
                head + f"Each rule tuned over the same {len(self.lr_grid)} learning rates from "
                f"{self.lr_grid.min():.3g} to {self.lr_grid.max():.3g}, on the loss after the last "
                "step. Nothing is clipped.",
            ]
            if self.problem.known_minimum is not None:
                notes.append(
                    "The gap is the loss above the minimum. Good lr: ends within ten times the "
                    "best gap of this race, or with 0.1% of the first one left, never with more "
                    "than 10%."
                )
        lost = [label for label, curve in self.final_loss.items() if np.isinf(curve).all()]
        if lost:
            notes.append(f"{', '.join(lost)} diverged at every learning rate of the grid.")
        edge = [row["rule"] for row in self.rows() if row["at_edge"]]
        if edge:
            notes.append(
                f"* {', '.join(edge)}: the tuned value sits at the edge of the grid, a wider one "
                "may do better."
            )
        drawn = ", ".join(self.drawn_to_origin)
        minima = self.problem.minima
        if drawn and minima is not None and len(minima):
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
        if self.accuracies:
            notes.append(
                "Loss and accuracy are those on the held-out data, on which every rule was tuned."
            )
        elif self.problem.exact is not None:
            notes.append("Losses are without the noise. Every rule met the same noise.")
        if self.seeds is not None and self.race_seeds is not None:
            tuned = f"tuned on {len(self.seeds)}, " if self.lr_grid is not None else ""
            notes.append(
                f"Seeds: {tuned}shown on {len(self.race_seeds)} others; "
                "means ± standard errors over these."
            )
        elif self.problem.seed is not None:
            tuned = ", the one that every rule was tuned on" if self.lr_grid is not None else ""
            notes.append(f"One seed{tuned}: another may rank the rules differently (seeds=5).")
        if self.problem.depends_on_chance:
            notes.append(
                "The loss gives two values for the same weights: the rules did not meet the same "
                "chance, and the order may be its doing. Let the step decide it: noisy(function, "
                "sigma), or a loss(weights, batch) whose batch is drawn from a seed and the step."
            )
        if self.refuted:
            notes.append(
                "A run ended inside the domain with less than the minimum that was given: it is "
                "none, so no gap to it is told. Give `minima` with all their digits, or leave them "
                "out."
            )
        if not self.problem.is_bounded:
            notes.append("Unbounded below: the order says who falls fastest, not who is best.")
        left = [label for label in self if self._left_domain(label)]
        if left:
            notes.append(
                f"{', '.join(left)} left the domain and fell below its minimum: counted as "
                "diverged."
            )
        return notes

    def _left_domain(self, label: str) -> bool:
        return bool(np.any(self._fell(label) & self._is_outside(label)))

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
    seeds: int | Iterable[int] | None = None,
    schedule: Callable[[Any], Schedule] | None = None,
    n_jobs: int | None = None,
    store: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Comparison:
    """Tune every rule in the same way, then race them.

    Parameters
    ----------
    rules
        Classes, functools.partials of classes, or a dict of them by label.
    function
        A test function, any loss, or a `Training`: a model on its data.
    start
        The weights to start from; left out, the function's own `start`.
    steps
        How many steps each rule makes: in the tuning, and in what is shown.
    lr
        Left out: tuned over 60 values from 1e-5 to 10. An array is another grid. A number, or a
        dict by label, is taken as it is, untuned.
    seeds
        Tune for the mean loss over these seeds (how many, or which), then race on as many others.
    schedule, n_jobs, progress
        As in `sweep`.
    store
        A folder that keeps what is finished of the tuning (see `sweep`), a folder a rule. Delete
        it yourself after a change in a file that is read, in compiled code, in an installed
        package or in what is reached through `getattr`: these are not noticed.

    Returns
    -------
    Comparison
        A mapping from labels to trajectories; it prints as a table.

    Raises
    ------
    TypeError, ValueError
        For no rules, what is no rule, an empty grid, labels that do not match.
    MemoryError
        If the paths would not fit into memory.

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
    problem = as_problem(function, start).checked()
    chosen = seeds_of(problem, seeds)
    others = None if chosen is None else tuple(max(chosen) + 1 + i for i in range(len(chosen)))
    grid = _learning_rate_grid(lr)
    every = max(1, steps // ROWS) if problem.accuracy else 1
    _check_room(problem, steps // every + 2, len(named) * len(others or (0,)))
    tunings = {}
    for label, folder in _folders(named).items() if grid is not None else ():
        if "lr" in getattr(named[label], "keywords", {}):
            raise ValueError(
                f"{label}: compare tunes lr, so leave it out of the partial, "
                "or give every rule's: compare(..., lr={label: number})"
            )
        tunings[label] = sweep(
            named[label],
            problem,
            steps=steps,
            seeds=chosen,
            schedule=schedule,
            n_jobs=n_jobs,
            store=None if store is None else Path(store) / folder,
            progress=progress,
            lr=grid,
        )
    final_loss = {label: tuning.final_loss for label, tuning in tunings.items()}
    if grid is None:
        tuned = _given(lr, named)
    else:
        tuned = {label: float(grid[np.argmin(curve)]) for label, curve in final_loss.items()}
    paths, drawn = {}, []
    for label, rule in named.items():
        race = partial(_racer, rule, schedule)
        racer = race(problem, tuned[label])
        how: dict[str, Any] = {"every": every}
        if others is not None:
            assert problem.seeded is not None
            seeded = map(problem.seeded, with_progress(others, len(others), label, progress))
            runs = [race(there, tuned[label]).minimize(steps, **how) for there in seeded]
            paths[label] = as_runs(runs)
        else:
            paths[label] = racer.minimize(steps, progress=progress, **how)
            if grid is not None:
                # some losses differ in the last digit between one run and many, and near the edge
                # of stability that digit decides: then the run that was tuned is shown
                best = int(np.argmin(final_loss[label]))
                same = _ends_at(paths[label], final_loss[label][best], problem)
                if not same and in_one_piece(problem, racer, grid, steps):
                    together = race(problem, grid[:, np.newaxis]).minimize(steps, **how)
                    paths[label] = one_of(together, best, racer.hyper_parameters)
        if _is_drawn_to_origin(racer):
            drawn.append(label)
    refuted = any(tuning.refuted for tuning in tunings.values())
    return Comparison(
        problem, steps, tuned, grid, final_loss, paths, drawn, chosen, others, refuted
    )


def _ends_at(path: Trajectory, loss: float, problem: Problem) -> bool:
    """Whether a path ends at this loss, to the bit; or both at none."""
    end = exact_losses(problem, path)[-1]
    return bool(end == loss or not (np.isfinite(end) or np.isfinite(loss)))


def _check_room(problem: Problem, rows: int, paths: int) -> None:
    """Refuse, before anything is tuned, a race whose paths will not fit into memory."""
    size, there = row_size(problem.theta) * rows * paths, room()
    if size > there:
        raise MemoryError(
            f"the paths of this race would take {size / 1e9:.3g} GB, and {there / 1e9:.3g} GB are "
            "there for them: race with fewer steps, rules or seeds, or `sweep`, which keeps none"
        )


def _racer(rule: Rule, schedule: Any, problem: Problem, lr: Any) -> Optimizer:
    return rule(problem, problem.start, lr=lr if schedule is None else schedule(lr))


def _folders(labels: Iterable[str]) -> dict[str, str]:
    """A folder for each label, no two the same, also where upper and lower case count as one."""
    folders: dict[str, str] = {}
    for label in labels:
        name = plain_name = re.sub(r'[<>:"/\\|?*\s]+', "_", label).rstrip(".") or "_"
        number = 2
        while name.lower() in {folder.lower() for folder in folders.values()}:
            name, number = f"{plain_name}-{number}", number + 1
        folders[label] = name
    return folders


def _accuracies(problem: Problem, path: Trajectory) -> np.ndarray:
    """Along a path; 0 from the step on at which a run diverged."""
    at = np.asarray(np.where(path.diverged, path.diverged_at, np.inf), float)
    gone = path.step.reshape(-1, *[1] * at.ndim) >= at
    assert problem.accuracy is not None
    return np.where(gone, 0.0, problem.accuracy(path.theta))


def _distance(problem: Problem, path: Trajectory) -> float | None:
    minima = problem.minima
    if minima is None or not len(minima) or np.any(path.diverged):
        return None
    ends = np.atleast_2d(path.theta[-1])[:, np.newaxis]
    return float(np.mean(np.linalg.norm(ends - minima, axis=-1).min(axis=-1)))


def _steps_to_tolerance(path: Trajectory, losses: np.ndarray, minimum: float | None) -> int | None:
    """The first step with so little left; of many runs the median, if half of them get there."""
    if minimum is None:
        return None
    gap = losses.reshape(len(losses), -1) - minimum
    inside = np.isfinite(gap) & np.isfinite(gap[0]) & (gap <= TOLERANCE * gap[0])
    first = np.where(inside.any(axis=0), path.step[inside.argmax(axis=0)], np.inf)
    middle = np.sort(first)[len(first) // 2]
    return int(middle) if np.isfinite(middle) else None


def _is_drawn_to_origin(optimizer: Optimizer) -> bool:
    """Whether the rule decays the weights, or scales its steps by their length."""
    decays = np.any(optimizer.hyper_parameters.get("weight_decay", 0) > 0)
    return bool(decays) or isinstance(optimizer, (LAMB, LARS))


def _start_text(start: Any) -> str:
    """The coordinates where there are few, otherwise what kind of weights it is."""
    flat, layout = flatten(start)
    if len(layout.names) == 1 and flat.size <= 6:
        return "(" + ", ".join(f"{x:.4g}" for x in flat) + ")"
    return f"{flat.size} weights in {', '.join(layout.names)}"


def _table(race: Comparison) -> list[list[str]]:
    """The table's columns as text, each with its heading first."""
    rows = race.rows()
    known = race.problem.known_minimum
    columns = [
        ["rule", *(row["rule"] for row in rows)],
        ["lr", *(short(row["lr"]) + ("*" if row["at_edge"] else "") for row in rows)],
    ]
    if known:  # neither unknown nor 0
        columns.append(["final loss − minimum", *(_number(r["gap"], r["error"]) for r in rows)])
    else:
        columns.append(["final loss", *(_number(r["final_loss"], r["error"]) for r in rows)])
    if race.accuracies:
        shares = (_number(row["accuracy"], row["accuracy_error"]) for row in rows)
        columns.append(["accuracy", *shares])
    elif race.problem.minima is not None:
        columns.append(["distance", *(_number(row["distance"]) for row in rows)])
    if known is not None:
        steps = [row["steps_to_tolerance"] for row in rows]
        columns.append(["steps to 0.1% of gap", *("–" if s is None else str(s) for s in steps)])
    if race.lr_grid is not None:
        columns.append(["diverged", *(f"{row['diverged']:.0%}" for row in rows)])
        if known is not None:
            columns.append(["good lr", *(_range(row["good_lr"]) for row in rows)])
    return columns


def _number(value: float | None, error: float | None = None) -> str:
    if value is None:
        return "–"
    if not np.isfinite(value):
        return "diverged"
    return f"{value:.3g}" + ("" if error is None else f" ± {error:.1g}")


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
    grid = as_grid("lr", lr)
    if grid.dtype == object:
        raise TypeError(
            "lr must be numbers to be tuned over; rates for each layer or schedules race if each "
            f"rule has its own, compare(..., lr={{label: rates}}), got {shown(lr)}"
        )
    return grid


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
