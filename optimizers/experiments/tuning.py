"""Tuning: so many trials of a rule on many seeds, the same number for every rule, and the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from optimizers.experiments.inputs import SEED, Rule, free_space, plain
from optimizers.experiments.metrics import at_edge, expected_best, middle
from optimizers.experiments.runs import finish
from optimizers.experiments.sweep import columns_of, exact_ends, final_losses
from optimizers.problem import Problem
from optimizers.spaces import quasi_random

ROUNDS = 2  # of refining a grid around its best
FINER = 8  # in each, for so many values of the grid one more on either side of the best
FOLDS = 4  # parts of the seeds, each of which tunes once more; of at least so many seeds
SHORT = 16  # learning rates: of fewer, the other tunings have all


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
    def at_edge(self) -> bool:
        """Whether the best rate lies at an end of the grid, or nearer to it than to the next."""
        best, first = int(np.argmin(self.medians)), np.flatnonzero(self.is_first)
        if len(first) < 3 or not np.isfinite(self.medians[best]):
            return at_edge(self.trials["lr"], self.medians)
        low, high = first[first <= best].max(), first[first >= best].min()
        near_end = high == len(self.medians) - 1 and high - best < best - low
        near_start = low == 0 and best - low < high - best
        return bool(near_end or near_start) or at_edge(self.trials["lr"], self.medians)

    def of(self, trials: slice, seeds: slice) -> Tuning:
        """Some of the trials, on some of the seeds."""
        some = {name: values[trials] for name, values in self.trials.items()}
        return Tuning(some, self.losses[trials, seeds], self.is_first[trials])

    def joined(self, more: Tuning) -> Tuning:
        """This and more trials."""
        trials = {name: np.concatenate([v, more.trials[name]]) for name, v in self.trials.items()}
        losses = np.concatenate([self.losses, more.losses])
        is_first = np.concatenate([self.is_first, more.is_first])
        return Tuning(trials, losses, is_first, self.refuted or more.refuted).by_rate()

    def by_rate(self) -> Tuning:
        """The same trials, by rising learning rate."""
        first = self.trials.get("lr", np.arange(len(self.losses)))
        order = np.argsort(first, kind="stable")
        trials = {name: values[order] for name, values in self.trials.items()}
        return Tuning(trials, self.losses[order], self.is_first[order], self.refuted)

    def expected_best(self, counts: np.ndarray) -> np.ndarray:
        """What the best of k random trials reaches, (n, 3): see `metrics.expected_best`."""
        return expected_best(self.medians[self.is_first], counts)


Trials = tuple[dict[str, np.ndarray], tuple[int, ...] | None]  # and the seeds they are made on


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

    def __call__(
        self, rule: Rule, steps: int, store: Path | None = None
    ) -> tuple[Tuning, dict[str, np.ndarray]]:
        """Try a rule; a folder keeps what is finished.

        Beside what was tried and how it ended, what other tunings would have chosen, by name, each
        (parts,); none of few seeds. Each has a part of the seeds and half of the trials: of a grid,
        every second value, moved by a share of a step, and refined around its own best. That is the
        luck of a tuning.
        """
        parts = min(FOLDS, len(self.seeds or ()) // FOLDS)
        parts = parts if parts > 1 else 0
        if self.trials is not None:
            tried = [(quasi_random(free_space(rule), self.trials), self.seeds)]
            (found,) = self._tried(rule, steps, tried, "trials", store)
            half = 2 if self.trials >= SHORT else 1
            others = [
                found.of(slice(k % half, None, half), slice(k, None, parts)) for k in range(parts)
            ]
            return found, _chosen(others)
        grids = [self.grid, *(_moved(self.grid, part, parts) for part in range(parts))]
        seeds = [self.seeds, *((self.seeds or ())[part::parts] for part in range(parts))]
        tried = [({"lr": grid}, of) for grid, of in zip(grids, seeds, strict=True)]
        all_found = self._tried(rule, steps, tried, "grid", store)
        for number in range(1, ROUNDS + 1):
            finer = [
                ({"lr": _around(f.trials["lr"], int(np.argmin(f.medians)), _side(grid))}, of)
                for f, grid, of in zip(all_found, grids, seeds, strict=True)
            ]
            more = self._tried(rule, steps, finer, f"finer-{number}", store, is_first=False)
            all_found = [f.joined(new) for f, new in zip(all_found, more, strict=True)]
        return all_found[0], _chosen(all_found[1:])

    def _tried(
        self,
        rule: Rule,
        steps: int,
        tried: Sequence[Trials],
        part: str,
        store: Path | None,
        is_first: bool = True,
    ) -> list[Tuning]:
        all_losses, refuted = self.ends(rule, steps, tried, None if store is None else store / part)
        return [
            Tuning(trials, losses, np.full(len(losses), is_first), refuted).by_rate()
            for (trials, _), losses in zip(tried, all_losses, strict=True)
        ]

    def ends(
        self, rule: Rule, steps: int, tried: Sequence[Trials], store: Path | None = None
    ) -> tuple[list[np.ndarray], bool]:
        """The final losses of trials on seeds, (trials, seeds) of each; do they refute the minimum?

        All runs are made together, whatever they belong to.
        """
        shapes, columns = [], []
        for trials, seeds in tried:
            axes = {"trial": np.arange(len(next(iter(trials.values()))))}
            product, shape = columns_of(axes | {SEED: np.array(seeds or (0,))})
            which = product.pop("trial")
            columns.append({name: values[which] for name, values in trials.items()} | product)
            shapes.append(shape)
        joined = {name: np.concatenate([c[name] for c in columns]) for name in columns[0]}
        if self.seeds is None:
            del joined[SEED]
        if not len(next(iter(joined.values()))):
            return [np.empty(shape) for shape in shapes], False
        ends = finish(
            rule,
            self.problem,
            steps,
            joined,
            scatter=self.scatter,
            measure=exact_ends,
            store=store,
            **self.how,
        )
        losses, refuted = final_losses(ends, self.problem)
        borders = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
        parts = np.split(losses, borders)
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)], refuted


def _chosen(tunings: Sequence[Tuning]) -> dict[str, np.ndarray]:
    """The best of each, by name."""
    if not tunings:
        return {}
    return {name: np.array([t.best[name] for t in tunings]) for name in tunings[0].trials}


def _side(grid: np.ndarray) -> int:
    """How many values are added on either side of the best one."""
    return max(1, len(grid) // FINER)


def _moved(grid: np.ndarray, part: int, parts: int) -> np.ndarray:
    """Every second value of a grid, moved on by a share of a step; of a short one, all of it."""
    if len(grid) < SHORT:
        return grid
    values = np.sort(grid)
    low, high = values[:-1], values[1:]
    share = (part // 2) * 2 / parts
    moved = low * (high / low) ** share if low[0] > 0 else low + share * (high - low)
    return np.asarray(moved[part % 2 :: 2])


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
