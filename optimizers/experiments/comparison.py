"""What a race found: trajectories by label, the table, and the words for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.experiments import kept
from optimizers.experiments.metrics import (
    TOLERANCE,
    below,
    distances,
    first_step,
    good_range,
    losses_along,
    marked,
    middle,
    outside,
    precision,
    quartiles,
)
from optimizers.experiments.standing import NO_ORDER, Standing, standing
from optimizers.experiments.sweep import without_minimum
from optimizers.experiments.tuning import Tuning
from optimizers.experiments.words import aligned, as_html, notes, table, write_csv
from optimizers.problem import Problem
from optimizers.trajectory import Trajectory


class Target(NamedTuple):
    """What is to be reached: a loss of at most this, or an accuracy of at least this."""

    what: str
    value: float

    @classmethod
    def of(cls, given: Any, problem: Problem) -> Target | None:
        """A target as it was asked for; an error for one that makes no sense."""
        if given is None:
            return None
        pairs = list(given.items()) if isinstance(given, Mapping) else [("loss", given)]
        expected = "target must be a loss, such as 0.1, or {'accuracy': 0.95}"
        if len(pairs) != 1 or pairs[0][0] not in ("loss", "accuracy"):
            raise ValueError(f"{expected}, got {shown(given)}")
        what, value = pairs[0]
        if what == "accuracy" and problem.accuracy is None:
            raise ValueError(f"{problem.name} has no accuracy: {expected}")
        allowed = checks.SHARE if what == "accuracy" else checks.FINITE
        return cls(what, checks.number(f"target {what}", value, allowed))

    def __str__(self) -> str:
        if self.what == "accuracy":
            return f"{100 * self.value:.4g}% right"
        return f"loss {self.value:.3g}"


@dataclass(frozen=True, eq=False)
class Entry:
    """One label of a race.

    Attributes
    ----------
    chosen
        The hyper-parameters that it raced with, beside its own defaults; lr is among them.
    path
        What is shown: one run per seed; a single one without seeds.
    once
        The run from the start itself; None if the seeds draw the start.
    tuning
        What was tried; None if the learning rate was given.
    luck
        The final losses with what parts of the tuning's seeds would have chosen, (parts, seeds).
    cost
        How many gradients of the loss a step takes; None if that varies.
    is_drawn_to_origin
        Whether the rule decays the weights, or scales its steps by their length.
    falls_back_to
        Whose steps a rule for matrices makes, since there are none; empty if it is itself.
    """

    chosen: dict[str, Any]
    path: Any
    once: Trajectory | None
    tuning: Tuning | None
    luck: np.ndarray | None
    cost: int | None
    is_drawn_to_origin: bool
    falls_back_to: str = ""


Curves = dict[str, np.ndarray]


class Comparison(Mapping[str, Trajectory]):
    """A race: each rule's trajectory by its label, how it was tuned, and the ranking.

    Attributes
    ----------
    problem, steps, budget
        What was raced, and for how many steps or gradients; `function` and `start` are there as
        well.
    trials
        Over how many points of its own space each rule was tuned; None if over learning rates.
    entries
        By label, all that is known of it: see `Entry`.
    seeds, race_seeds, scatter
        The seeds of the tuning, and those of what is shown; None for a single run from the start.
        They differ, since what was chosen on a seed looks better there than it is. `scatter` is
        how far they move the start.
    losses, accuracies
        By label, along the trajectory: the loss without noise or on held-out data, and for a
        training the share of held-out data classified correctly: (rows,), or (rows, seeds) as the
        trajectories.
    standing
        The ranking, as far as the seeds tell.
    target, hypothesis
        As they were given.
    made
        How to make it again: the call, and the versions of what was used.
    """

    def __init__(
        self,
        problem: Problem,
        entries: dict[str, Entry],
        *,
        steps: int,
        budget: str,
        trials: int | None,
        seeds: tuple[int, ...] | None,
        race_seeds: tuple[int, ...] | None,
        scatter: float,
        target: Target | None,
        hypothesis: str | None,
        made: dict[str, str],
        found: tuple[Curves, Curves, bool] | None = None,
    ) -> None:
        self.problem = problem
        self.entries = entries
        self.steps = steps
        self.budget = budget
        self.trials = trials
        self.seeds = seeds
        self.race_seeds = race_seeds
        self.scatter = scatter
        self.target = target
        self.hypothesis = hypothesis
        self.made = made
        self.losses, self.accuracies, known_refuted = found or _measured(problem, entries)
        # a better run than the known minimum, inside the domain: then it is none
        self.refuted = known_refuted or any(
            (entry.tuning is not None and entry.tuning.refuted)
            or np.any(self._fell(label) & ~self._is_outside(label))
            for label, entry in entries.items()
        )
        if self.refuted:
            self.problem = without_minimum(problem)

    # ------------------------------------------------------------------------------ looking at it

    @property
    def function(self) -> Any:
        """What was raced on, as it was given."""
        return self.problem.given

    @property
    def start(self) -> Any:
        """The weights that every rule started from, or near which the seeds did."""
        return self.problem.start

    @property
    def once(self) -> dict[str, Trajectory]:
        """By label, the single run from the start itself; none where the seeds draw the start."""
        return {label: e.once for label, e in self.entries.items() if e.once is not None}

    @property
    def chosen(self) -> dict[str, dict[str, Any]]:
        """By label, the hyper-parameters that were chosen, or given."""
        return {label: entry.chosen for label, entry in self.entries.items()}

    @property
    def lr(self) -> dict[str, Any]:
        """The learning rate of each rule, by label."""
        return {label: entry.chosen["lr"] for label, entry in self.entries.items()}

    @property
    def tunings(self) -> dict[str, Tuning]:
        """By label, what was tried of each rule; empty if the learning rates were given."""
        return {label: e.tuning for label, e in self.entries.items() if e.tuning is not None}

    @property
    def costs(self) -> dict[str, int | None]:
        """By label, how many gradients of the loss a step takes; None where that varies."""
        return {label: entry.cost for label, entry in self.entries.items()}

    @property
    def lr_grid(self) -> dict[str, np.ndarray]:
        """By label, the learning rates that were tried, rising; empty if they were given."""
        return {label: t.trials["lr"] for label, t in self.tunings.items() if "lr" in t.trials}

    @property
    def final_loss(self) -> dict[str, np.ndarray]:
        """By label, the loss after the last step of each trial: the median over the seeds.

        inf where half of the runs diverged (or left the domain and fell below the minimum, which is
        one in the domain only). For a training, the loss on held-out data.
        """
        return {label: tuning.medians for label, tuning in self.tunings.items()}

    @cached_property
    def ends(self) -> dict[str, np.ndarray]:
        """By label, the final loss of each seed that is shown: (seeds,), inf if it diverged."""
        found = {}
        for label, path in self.items():
            left = self._fell(label) & self._is_outside(label)
            found[label] = np.atleast_1d(marked(self.losses[label][-1], path.diverged | left))
        return found

    @cached_property
    def standing(self) -> Standing:
        """Who is before whom: by a test over the seeds, whichever part of them did the tuning."""
        return standing(self.ends_by_tuning, self.problem.known_minimum, self.floor)

    @property
    def ends_by_tuning(self) -> dict[str, np.ndarray]:
        """By label, the final losses with what each tuning chose, (tunings, seeds): ours first."""
        found = {label: ends[np.newaxis] for label, ends in self.ends.items()}
        for label, entry in self.entries.items():
            if entry.luck is not None:
                found[label] = np.vstack([found[label], entry.luck])
        return found

    @property
    def floor(self) -> float:
        """Gaps below this are rounding."""
        minimum = self.problem.known_minimum
        if minimum is None:
            return 0.0
        starts = np.concatenate([np.ravel(losses[0]) for losses in self.losses.values()])
        return precision(starts - minimum, minimum)

    def _fell(self, label: str) -> np.ndarray:
        return below(self.losses[label][-1], self.problem) & ~np.asarray(self[label].diverged)

    def left_domain(self, label: str) -> bool:
        """Whether a run left the domain and fell below its minimum."""
        return bool(np.any(self._fell(label) & self._is_outside(label)))

    def _is_outside(self, label: str) -> np.ndarray:
        return outside(self.problem, self[label].theta[-1])

    def __getitem__(self, label: str) -> Trajectory:
        if label not in self.entries:
            raise KeyError(f"no {label!r} in this race.{checks.nearest(label, self.entries)}")
        path: Trajectory = self.entries[label].path
        return path

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    # ------------------------------------------------------------------------------------ pictures

    def plot(self, axes: Any = None, **options: Any) -> Any:
        """Draw paths, convergence and learning-rate curves side by side. Returns the Axes.

        `optimizers.plotting.plot_race` lists the options: a title of your own, and the width.
        """
        from optimizers.plotting import plot_race

        return plot_race(self, axes, **options)

    def plot_budget(self, ax: Any = None) -> Any:
        """Draw what k random trials would have reached: which rule leads at which budget."""
        from optimizers.plotting import plot_budget

        return plot_budget(self, ax)

    def page(self, file: str | PathLike[str] | None = None, *, height: int = 640) -> Any:
        """Make a page of the runs that are shown, to scrub through, seed by seed.

        Of one or two weights it has a map. Long runs are thinned, the first 20 steps are all there.

        Parameters
        ----------
        file
            Where to write it, such as "race.html"; left out, nowhere.
        height
            In a notebook, in pixels.

        Returns
        -------
        Page
            A notebook shows it.

        Examples
        --------
        >>> from optimizers import SGD, Momentum, compare
        >>> from optimizers.functions import booth
        >>> compare([SGD, Momentum], booth, steps=20).page()
        <page: race on Booth with SGD, Momentum>
        """
        from optimizers.page.race import race_page

        page = race_page(self, height)
        if file is not None:
            page.save(file)
        return page

    def animate(self, **options: Any) -> Any:
        """Animate the paths of one or two weights: a `Film`, which a notebook plays.

        `optimizers.plotting.animate_paths` lists the options, `save_gif` writes it to a file.
        """
        from optimizers.plotting import animate_paths

        return animate_paths(self, self.problem, **options)

    def expected_best(self, k: int) -> dict[str, float]:
        """By label, the loss that the best of k random trials would have reached: the median.

        Over all choices of k of the trials that were made, as the tuning's seeds saw them; trials
        that a grid was refined by are left out, since they depend on its best.

        Raises
        ------
        ValueError
            If nothing was tuned, or for more trials than were made.
        """
        if not self.tunings:
            raise ValueError("expected_best: the learning rates were given, not tuned")
        most = min(int(tuning.is_first.sum()) for tuning in self.tunings.values())
        if checks.whole("k", k, 1) > most:
            raise ValueError(f"k must be at most {most}, the number of trials; got {k}")
        return {
            label: float(tuning.expected_best(np.array([k]))[0, 1])
            for label, tuning in self.tunings.items()
        }

    # ----------------------------------------------------------------------------------- the table

    def rows(self) -> list[dict[str, Any]]:
        """The table as a list of dicts, best first.

        Keys: place (the best and the worst that the seeds leave open, equal if it is not shared),
        rule, lr, chosen (all that was tuned), final_loss and gap (final loss − minimum; medians),
        quartiles (of the gap, or of the loss where no minimum is known), diverged (how many of the
        seeds), distance (to the nearest minimum; median), steps_to_target and gradients_to_target
        (medians over the seeds; None if fewer than half get there; of a rule that searches along a
        line, evaluations with a gradient or without), good_lr (lowest and highest
        learning rate around the tuned one that end within ten times the best gap in the race, or
        within 0.1% of the first gap, and within 10% of it), at_edge (whether the best of the grid
        is its first or last value, or lies nearer to one of these than to the next). For a
        training also accuracy and accuracy_quartiles. What is not known is None.
        """
        return [self._row(label) for label in self.standing.medians]

    def _row(self, label: str) -> dict[str, Any]:
        path, minimum, ends = self[label], self.problem.known_minimum, self.ends[label]
        final = self.standing.medians[label]
        low, _, high = quartiles(ends if minimum is None else np.maximum(ends - minimum, 0.0))
        steps = self._to_target(label, path.step)
        cost = self.costs[label]
        spent = path["evaluations"] if cost is None else path.step * cost
        row: dict[str, Any] = {
            "place": self.standing.place(label),
            "rule": label,
            "lr": self.lr[label],
            "chosen": self.chosen[label],
            "final_loss": final,
            "gap": None if minimum is None else max(final - minimum, 0.0),  # rounding aside
            "quartiles": None if self.race_seeds is None else (float(low), float(high)),
            "diverged": int(np.isinf(ends).sum()),
            "distance": None,
            "steps_to_target": steps,
            "gradients_to_target": self._to_target(label, spent),
            "accuracy": None,
            "accuracy_quartiles": None,
            "good_lr": None,
            "at_edge": False,
        }
        minima = self.problem.minima
        if minima is not None and len(minima):
            apart = np.where(path.diverged, np.inf, distances(path.theta[-1], minima))
            row["distance"] = float(middle(np.atleast_1d(apart)))
        if self.accuracies:
            low, half, high = quartiles(np.atleast_1d(self.accuracies[label][-1]))
            row["accuracy"] = float(half)
            if self.race_seeds is not None:
                row["accuracy_quartiles"] = (float(low), float(high))
        tuning = self.entries[label].tuning
        if tuning is not None and self.trials is None and len(tuning.medians) > 1:
            row["at_edge"] = tuning.at_edge
            if minimum is not None:
                gaps = {name: medians - minimum for name, medians in self.final_loss.items()}
                best = min(float(np.min(values)) for values in gaps.values())
                first = float(middle(np.ravel(self.losses[label][0]))) - minimum
                row["good_lr"] = good_range(tuning.trials["lr"], gaps[label], best, first)
        return row

    def _to_target(self, label: str, count: np.ndarray) -> int | None:
        """The median over the seeds of a count at the target, if half of them get there."""
        losses, minimum = self.losses[label], self.problem.known_minimum
        with np.errstate(invalid="ignore"):
            if self.target is not None and self.target.what == "accuracy":
                reached = self.accuracies[label] >= self.target.value
            elif self.target is not None:
                reached = losses <= self.target.value
            elif minimum is not None:
                reached = losses - minimum <= TOLERANCE * (losses[0] - minimum)
                reached &= np.isfinite(losses)
            else:
                return None
        gone = np.isinf(self.ends[label])  # who diverged, or left the domain, was never there
        reached = reached.reshape(len(reached), -1) & ~gone
        middle_count = first_step(reached, count)
        return int(middle_count) if np.isfinite(middle_count) else None

    @property
    def winner(self) -> str | None:
        """The rule separated from all others; None if there is none, or none can be."""
        return self.standing.winner if self.has_order else None

    @property
    def has_loss(self) -> bool:
        """Whether the loss is there: a race that was loaded may lack it, and the map with it."""
        return not isinstance(self.problem.loss, kept.LostLoss)

    @property
    def leaders(self) -> list[str]:
        """The lowest and all that cannot be separated from it; none if there is no order."""
        return self.standing.leaders if self.has_order else []

    @property
    def has_order(self) -> bool:
        """Whether lower means better: not without a bottom, nor where the noise differs by rule."""
        return self.problem.is_bounded and not self.problem.depends_on_chance

    def finding(self) -> str:
        """What came out, in a sentence."""
        if self.problem.depends_on_chance:
            return NO_ORDER
        return self.standing.finding(f"after {self.steps} {self.budget}")

    def notes(self) -> list[str]:
        """How the race was made, and what to keep in mind when reading it."""
        return notes(self)

    def save(self, file: str | PathLike[str]) -> None:
        """Write all of it but the loss to a file, without pickle; `load` reads it again."""
        kept.save(self, file)

    @staticmethod
    def load(file: str | PathLike[str], function: Any = None) -> Comparison:
        """Read what `save` wrote.

        Parameters
        ----------
        file
            Where it was written.
        function
            What was raced on. The library's own functions are found by name; of others, without
            this, all is there but the map that the paths lie on.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no such file, or it is damaged.
        """
        return kept.load(file, function)

    def report(self, file: str | PathLike[str]) -> None:
        """Write a page to keep: the table, the pictures, how it was made; one file of HTML."""
        from optimizers.plotting.report import write_report

        write_report(self, file)

    def to_csv(self, file: str | PathLike[str]) -> None:
        """Write the rows of the table, one line per rule."""
        write_csv(file, self.rows())

    def __repr__(self) -> str:
        return "\n".join([aligned(table(self), 2), *self.notes()])

    def _repr_html_(self) -> str:
        return as_html(table(self), self.notes())


def _measured(problem: Problem, entries: Mapping[str, Entry]) -> tuple[Curves, Curves, bool]:
    """The losses and the accuracies along the paths, by label; nothing is refuted yet."""
    losses = {label: losses_along(entry.path, problem) for label, entry in entries.items()}
    if problem.accuracy is None:
        return losses, {}, False
    shares = {label: _accuracies(problem, entry.path) for label, entry in entries.items()}
    return losses, shares, False


def _accuracies(problem: Problem, path: Trajectory) -> np.ndarray:
    """Along a path; 0 from the step on at which a run diverged."""
    at = np.asarray(np.where(path.diverged, path.diverged_at, np.inf), float)
    gone = path.step.reshape(-1, *[1] * at.ndim) >= at
    assert problem.accuracy is not None
    return np.where(gone, 0.0, problem.accuracy(path.theta))
