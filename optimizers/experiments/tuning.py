"""Tuning: so many trials of a rule on many seeds, the same number for every rule, and the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from optimizers.experiments.inputs import SEED, Rule, plain
from optimizers.experiments.metrics import expected_best, middle
from optimizers.experiments.runs import finish
from optimizers.experiments.sweep import columns_of, exact_ends, final_losses
from optimizers.problem import Problem
from optimizers.spaces import Space, quasi_random

LEARNING_RATES = np.geomspace(1e-5, 10, 60)
LEARNING_RATES.setflags(write=False)  # every race shares them
ROUNDS = 2  # of refining a grid around its best
FINER = 8  # in each, for so many values of the grid one more on either side of the best
FOLDS = 4  # parts of the seeds, each of which tunes once more; of at least so many seeds


@dataclass(frozen=True, eq=False)
class Tuning:
    """What was tried of a rule, and how it ended.

    Attributes
    ----------
    trials
        The hyper-parameters that were tried, by name, each (trials,), by rising learning rate.
    losses
        The final loss of each trial on each seed, (trials, seeds), inf where it diverged.
    is_first
        Which trials were there before the grid was refined, and so do not depend on a best one.
    refuted
        Whether a run ended below the known minimum inside the domain: then it is none.
    """

    trials: dict[str, np.ndarray]
    losses: np.ndarray
    is_first: np.ndarray
    refuted: bool = False

    @property
    def medians(self) -> np.ndarray:
        """The median of the final losses over the seeds: (trials,)."""
        return middle(self.losses)

    @property
    def best(self) -> dict[str, Any]:
        """The hyper-parameters with the lowest median."""
        at = int(np.argmin(self.medians))
        return {name: plain(values[at]) for name, values in self.trials.items()}

    @property
    def others(self) -> dict[str, np.ndarray]:
        """What parts of the seeds, each for itself, would have chosen: the luck of the tuning.

        By name, each (parts,); empty for few seeds.
        """
        parts = min(FOLDS, self.losses.shape[1] // FOLDS)
        if parts < 2:
            return {}
        best = [int(np.argmin(middle(self.losses[:, part::parts]))) for part in range(parts)]
        return {name: values[best] for name, values in self.trials.items()}

    def joined(self, more: Tuning) -> Tuning:
        """This and more trials."""
        trials = {name: np.concatenate([v, more.trials[name]]) for name, v in self.trials.items()}
        losses = np.concatenate([self.losses, more.losses])
        is_first = np.concatenate([self.is_first, more.is_first])
        return Tuning(trials, losses, is_first, self.refuted or more.refuted)

    def by_rate(self) -> Tuning:
        """The same trials, by rising learning rate."""
        first = self.trials.get("lr", np.arange(len(self.losses)))
        order = np.argsort(first, kind="stable")
        trials = {name: values[order] for name, values in self.trials.items()}
        return Tuning(trials, self.losses[order], self.is_first[order], self.refuted)

    def expected_best(self, counts: np.ndarray) -> np.ndarray:
        """What the best of k random trials reaches, (n, 3): see `metrics.expected_best`."""
        return expected_best(self.medians[self.is_first], counts)


@dataclass(frozen=True, eq=False)
class Tuner:
    """Tunes every rule in the same way.

    Attributes
    ----------
    problem, seeds, scatter
        What is tuned for. Without seeds, the problem as it is.
    grid, trials
        The learning rates that are tried, refined around the best; or how many points of each
        rule's own space are.
    how
        What `finish` takes beside: the schedule, processes, the progress bar.
    """

    problem: Problem
    seeds: tuple[int, ...] | None
    scatter: float
    grid: np.ndarray
    trials: int | None
    how: Mapping[str, Any]

    def __call__(self, rule: Rule, steps: int, store: Path | None = None) -> Tuning:
        """Try a rule; a folder keeps what is finished."""

        def tried(trials: dict[str, np.ndarray], part: str, is_first: bool) -> Tuning:
            folder = None if store is None else store / part
            losses, refuted = self.ends(rule, steps, trials, self.seeds, folder)
            return Tuning(trials, losses, np.full(len(losses), is_first), refuted)

        if self.trials is not None:
            return tried(quasi_random(free_space(rule), self.trials), "trials", True).by_rate()
        found = tried({"lr": self.grid}, "grid", True).by_rate()
        side = max(1, len(self.grid) // FINER)
        for number in range(1, ROUNDS + 1):
            best = int(np.argmin(found.medians))
            finer = {"lr": _around(found.trials["lr"], best, side)}
            if len(finer["lr"]):
                found = found.joined(tried(finer, f"finer-{number}", False)).by_rate()
        return found

    def ends(
        self,
        rule: Rule,
        steps: int,
        trials: Mapping[str, np.ndarray],
        seeds: tuple[int, ...] | None,
        store: Path | None = None,
    ) -> tuple[np.ndarray, bool]:
        """The final losses, (trials, seeds), and whether they refute the known minimum."""
        axes = {"trial": np.arange(len(next(iter(trials.values()))))}
        columns, shape = columns_of(axes | {SEED: np.array(seeds or (0,))})
        if seeds is None:
            del columns[SEED]
        which = columns.pop("trial")
        columns = {name: values[which] for name, values in trials.items()} | columns
        ends = finish(
            rule,
            self.problem,
            steps,
            columns,
            scatter=self.scatter,
            measure=exact_ends,
            store=store,
            **self.how,
        )
        losses, refuted = final_losses(ends, self.problem)
        return losses.reshape(shape), refuted


def _around(values: np.ndarray, best: int, side: int) -> np.ndarray:
    """Values between the best one and its neighbours: in equal ratios where there are any."""
    values, at = np.unique(values, return_inverse=True)
    best = int(at[best])
    low, high = max(best - 1, 0), min(best + 1, len(values) - 1)
    if low == high:
        return values[:0]
    if low == best or high == best:  # at the edge there is one side only
        side *= 2
    space: Any = np.geomspace if values[low] > 0 else np.linspace
    gaps = [(values[low], values[best]), (values[best], values[high])]
    return np.concatenate([space(a, b, side + 2)[1:-1] for a, b in gaps if a < b])


def free_space(rule: Rule) -> Space:
    """The search space of a rule, but for what a partial of it has set."""
    made: Any = rule
    set_here: dict[str, Any] = {}
    while isinstance(made, partial):
        set_here |= made.keywords
        made = made.func
    return {name: part for name, part in made.space.items() if name not in set_here}
