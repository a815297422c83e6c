"""suite: every rule on every problem, the same budget, in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.experiments.compare import compare
from optimizers.experiments.comparison import Comparison
from optimizers.experiments.inputs import Rule, folders, labelled
from optimizers.experiments.words import (
    aligned,
    as_html,
    target_of,
    without_matrices,
    write_csv,
)
from optimizers.problem import as_problem
from optimizers.progress import Progress


class Suite(Mapping[str, Comparison]):
    """The races of a suite by the problem's name, and what they say together.

    Attributes
    ----------
    races
        By name, the `Comparison` on that problem.
    labels
        The rules that raced, in the order that they were given in.
    """

    def __init__(self, races: dict[str, Comparison]) -> None:
        self.races = races
        self.labels = list(next(iter(races.values())))

    def __getitem__(self, name: str) -> Comparison:
        if name not in self.races:
            raise KeyError(f"no {name!r} in this suite.{checks.nearest(name, self.races)}")
        return self.races[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.races)

    def __len__(self) -> int:
        return len(self.races)

    @property
    def places(self) -> dict[str, dict[str, tuple[int, int]]]:
        """By problem and label, the best and the worst place that the seeds leave open."""
        return {
            name: {label: race.standing.place(label) for label in self.labels}
            for name, race in self.items()
        }

    @property
    def gradients_to_target(self) -> np.ndarray:
        """Gradients of the loss until the target is reached, (problems, rules).

        The median over the seeds; inf where half of them do not get there, nan for all on a problem
        without a target, since its minimum is not known.
        """
        found = np.full((len(self), len(self.labels)), np.nan)
        for i, race in enumerate(self.values()):
            if race.target is None and race.problem.known_minimum is None:
                continue
            reached = {row["rule"]: row["gradients_to_target"] for row in race.rows()}
            found[i] = [np.inf if reached[n] is None else max(reached[n], 1) for n in self.labels]
        return found

    def profiles(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Performance profiles: ratios τ ≥ 1, and by label the share of problems solved within τ.

        A rule solves a problem within τ if it takes no more than τ times the gradients that the
        quickest rule takes to the target. At τ = 1 stands how often it is the quickest; far to the
        right, how many problems it solves at all.

        Notes
        -----
        Dolan and Moré, "Benchmarking optimization software with performance profiles" (2002).
        Problems that have no target are left out.
        """
        costs = self.gradients_to_target
        costs = costs[~np.isnan(costs).any(axis=1)]
        if not np.isfinite(costs).any():
            return np.ones(1), {label: np.zeros(1) for label in self.labels}
        least = costs.min(axis=1, keepdims=True)
        ratios = costs / np.where(np.isfinite(least), least, 1.0)
        taus = np.unique(ratios[np.isfinite(ratios)])
        shares = (ratios[:, :, np.newaxis] <= taus).mean(axis=0)
        return taus, dict(zip(self.labels, shares, strict=True))

    def rows(self) -> list[dict[str, Any]]:
        """A dict per rule: most wins first, then most often among the leaders.

        Keys: rule, wins (problems on which it is separated from all others), shared (on which it
        is among several leaders), behind (on which it is separated from a leader, or it diverged),
        place (the median of the middles of its places), solved (problems whose target it reaches;
        of so many: `targets`).
        """
        costs = self.gradients_to_target
        targets = int((~np.isnan(costs).any(axis=1)).sum())
        ordered = [name for name, race in self.items() if race.has_order]
        found = []
        for i, label in enumerate(self.labels):
            wins = sum(race.winner == label for race in self.values())
            leads = sum(label in race.leaders for race in self.values())
            middles = [np.mean(self.places[name][label]) for name in ordered]
            found.append(
                {
                    "rule": label,
                    "wins": wins,
                    "shared": leads - wins,
                    "behind": len(ordered) - leads,
                    "place": float(np.median(middles)) if middles else float("nan"),
                    "solved": int(np.isfinite(costs[:, i]).sum()),
                    "targets": targets,
                }
            )
        return sorted(found, key=lambda row: (-row["wins"], -row["shared"], row["place"]))

    def to_csv(self, file: str | PathLike[str]) -> None:
        """Write a line for each rule on each problem."""
        write_csv(file, [{"problem": n, **row} for n, race in self.items() for row in race.rows()])

    def plot(self, axes: Any = None) -> Any:
        """Draw the places and the performance profiles. Returns the Axes."""
        from optimizers.plotting import plot_suite

        return plot_suite(self, axes)

    def _columns(self) -> list[list[str]]:
        rows = self.rows()
        columns = [["rule", *(row["rule"] for row in rows)]]
        for name in ("wins", "shared", "behind"):
            columns.append([name, *(str(row[name]) for row in rows)])
        columns.append(["median place", *(f"{row['place']:g}" for row in rows)])
        if rows[0]["targets"]:
            heading = f"solved of {rows[0]['targets']}"
            columns.append([heading, *(str(row["solved"]) for row in rows)])
        return columns

    def notes(self) -> list[str]:
        """How to read the table."""
        first = next(iter(self.values()))
        found = [
            f"{len(self)} problems, {first.steps} {first.budget} each. Wins: alone in the lead; "
            "shared: among several leaders; behind: separated from a leader by the test.",
        ]
        found += self._drawn_to_origin() + self.without_matrices()
        if self.rows()[0]["targets"]:
            found.append(f"Solved: half of the seeds reach {target_of(first)}.")
        return found

    def _drawn_to_origin(self) -> list[str]:
        """Which problems favour whom."""
        there, drawn = [], set()
        for name, race in self.items():
            minima = race.problem.minima
            if minima is not None and np.any(np.all(minima == 0, axis=1)):
                there.append(name)
                drawn |= {label for label, e in race.entries.items() if e.is_drawn_to_origin}
        if not drawn:
            return []
        favoured = ", ".join(label for label in self.labels if label in drawn)
        return [
            f"The minimum of {', '.join(there)} sits at the origin, to which weight decay or the "
            f"trust ratio draws {favoured}: shifted(function, by) is fair."
        ]

    def without_matrices(self) -> list[str]:
        """Where rules for matrices step as others do, since there are none."""
        falls_back: dict[str, str] = {}
        for race in self.values():
            falls_back |= {n: e.falls_back_to for n, e in race.entries.items() if e.falls_back_to}
        labels_on: dict[tuple[str, ...], list[str]] = {}  # by where they are themselves
        for label in filter(falls_back.get, self.labels):
            there = (n for n, race in self.items() if not race.entries[label].falls_back_to)
            labels_on.setdefault(tuple(there), []).append(label)
        return [
            self._elsewhere(there, without_matrices({n: falls_back[n] for n in labels}))
            for there, labels in labels_on.items()
        ]

    def _elsewhere(self, with_some: tuple[str, ...], instead: str) -> str:
        if not with_some:
            return f"No problem here has matrices; those in MATRICES do: {instead}."
        shapes = [self[name].problem.layout.shapes for name in with_some]
        are_matrices = all(any(len(shape) == 2 for shape in some) for some in shapes)
        what = "matrices" if are_matrices else "arrays of several axes"
        have = "have" if with_some[1:] else "has"
        return f"Only {', '.join(with_some)} {have} {what}; elsewhere {instead}."

    def __repr__(self) -> str:
        leads = [["problem", *self], ["who leads", *(_leaders(race) for race in self.values())]]
        return "\n".join([aligned(self._columns(), 1), *self.notes(), "", aligned(leads, 2)])

    def _repr_html_(self) -> str:
        leads = [["problem", *self], ["who leads", *(_leaders(race) for race in self.values())]]
        return as_html(self._columns(), self.notes()) + as_html(leads)


def suite(
    rules: Iterable[Rule] | Mapping[str, Rule],
    problems: Iterable[Callable[..., Any]] | Mapping[str, Callable[..., Any]],
    *,
    store: str | PathLike[str] | None = None,
    progress: bool = True,
    **race: Any,
) -> Suite:
    """Race every rule on every problem, with the same budget.

    Parameters
    ----------
    rules
        As in `compare`.
    problems
        Test functions, losses that know their start, trainings; or a dict of them by name, such as
        `FUNCTIONS`, the test functions, `MATRICES`, the problems whose weights are matrices, or
        both, `FUNCTIONS | MATRICES`. On vectors, Muon, SOAP and Shampoo step like other rules.
    store
        A folder that keeps what is finished, a folder per problem: the same call resumes there.
    progress
        Whether to show a bar when it takes longer than a moment.
    **race
        What else `compare` takes, the same for all: steps, lr, trials, budget, seeds, n_jobs, …

    Returns
    -------
    Suite
        A mapping from names to races; it prints as a table of wins and ties.

    Raises
    ------
    TypeError, ValueError
        As `compare`; before anything is run for names that are there twice.

    Examples
    --------
    >>> from optimizers import SGD, Adam, suite
    >>> from optimizers.functions import booth, matyas
    >>> found = suite([SGD, Adam], [booth, matyas], steps=100)
    >>> found.rows()[0]["rule"], found.rows()[0]["wins"]
    ('SGD', 2)

    Rules for matrices, where there are some and where there are none:

    >>> from optimizers import AdamW, Muon
    >>> from optimizers.experiments import MATRICES
    >>> found = suite([AdamW, Muon], {"booth": booth} | MATRICES, steps=20, lr=[0.01, 0.1])
    >>> print(found.notes()[-2])
    Only teacher, linear_teacher have matrices; elsewhere Muon steps like AdamW with Nesterov's m̂.
    """
    racing, named = labelled(rules), _named(problems)
    bar = Progress(len(named), "suite") if progress else None
    races = {}
    try:
        for name, folder in folders(named).items():
            inside = None if store is None else Path(store) / folder
            races[name] = compare(racing, named[name], store=inside, progress=False, **race)
            if bar is not None:
                bar.update()
    finally:
        if bar is not None:
            bar.close()
    return Suite(races)


def _named(problems: Any) -> dict[str, Any]:
    """The problems by name; an error for what is none, or for two of one name."""
    if isinstance(problems, Mapping):
        pairs = [(str(name), problem) for name, problem in problems.items()]
    elif isinstance(problems, Iterable) and not isinstance(problems, str):
        pairs = [(as_problem(problem).name, problem) for problem in problems]
    else:
        raise TypeError(
            "problems must be a list of functions or trainings, such as [rosenbrock, beale], or a "
            f"dict of them by name; got {shown(problems)}"
        )
    if not pairs:
        raise ValueError("suite needs at least one problem, such as [rosenbrock, beale]")
    named: dict[str, Any] = {}
    for name, problem in pairs:
        if name in named:
            raise ValueError(f"two problems are called {name!r}: give a dict by name")
        _ = as_problem(problem).checked().theta  # says what is missing before anything runs
        named[name] = problem
    return named


def _leaders(race: Comparison) -> str:
    """Who leads a race, as its table has it."""
    if not race.problem.is_bounded:
        return "no winner: unbounded below"
    if not race.has_order:
        return "no winner: the loss itself is random"
    if not race.leaders:
        return "no winner: all diverged"
    return race.winner or f"no clear winner: {', '.join(race.leaders)}"
