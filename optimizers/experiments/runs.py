"""Many runs, of which the ends are kept: side by side in one array where rule and loss allow it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

import numpy as np

from optimizers.cores import cores
from optimizers.engine.scalars import Untraceable
from optimizers.engine.whole_runs import whole_run
from optimizers.experiments.inputs import SEED, Rule, label_of, plain
from optimizers.experiments.pieces import each_piece
from optimizers.optimizer import Optimizer
from optimizers.problem import SCATTER, Problem
from optimizers.progress import with_progress
from optimizers.state import is_library, parts
from optimizers.trajectory import Trajectory, as_runs
from optimizers.weights import Flat

IN_CACHE = 65_536  # weights of the runs in a piece: a formula's temporaries stay in the cache
STRETCH = 128  # steps after which a piece looks up: for an interrupt, for runs that diverged
WORTH_DROPPING = 2_048  # weights: in a smaller piece, runs that diverged cost next to nothing

CHECKED = 16  # about so many runs of a loss without a promise are looked at again

NOTHING = np.zeros(0, int)  # no step whose losses are kept as well
Measure = Callable[[Problem, np.ndarray], Mapping[str, np.ndarray]]


@dataclass
class Ends:
    """Where runs ended.

    Attributes
    ----------
    loss
        The loss after the last step, on the last batch if there are batches: (runs,).
    diverged
        Which runs diverged, (runs,); their weights or losses are not finite.
    curves
        The losses at the steps that were asked for, (runs, rows); inf once a run has diverged.
    measured
        What else was asked for, by name, each (runs, ...).
    """

    loss: np.ndarray
    diverged: np.ndarray
    curves: np.ndarray
    measured: dict[str, np.ndarray]

    @property
    def theta(self) -> np.ndarray:
        """The last weights, (runs, P), where they were kept."""
        return self.measured["theta"]


class MixedRuns(Exception):
    """Side by side, runs of a loss gave other numbers than one by one."""


def last_weights(problem: Problem, theta: np.ndarray) -> dict[str, np.ndarray]:
    """Keep the weights, (runs, P), themselves."""
    return {"theta": theta}


@dataclass(eq=False)
class Runs:
    """What all runs share, and what differs from run to run.

    Attributes
    ----------
    rule, problem, steps
        What is run.
    columns
        Hyper-parameters that differ from run to run, each (runs,). A column "seed" is no
        hyper-parameter but the seed of the problem's noise, batches and first weights.
    starts
        The weights that each run starts from, (runs, P); None for the problem's start.
    kept
        The steps whose losses are kept as well: multiples of the first that is not 0.
    schedule
        From a learning rate (or one per run) to a schedule; None if it stays.
    measure
        What to keep of the last weights: from the problem and (runs, P) to arrays by name.
    together
        Whether runs are made side by side, in the columns named by `numbers`.
    """

    rule: Rule
    problem: Problem
    steps: int
    columns: Mapping[str, np.ndarray]
    starts: np.ndarray | None
    kept: np.ndarray
    schedule: Callable[[Any], Any] | None
    measure: Measure
    together: bool = field(init=False, default=False)
    numbers: set[str] = field(init=False, default_factory=set)

    @property
    def count(self) -> int:
        """How many runs there are."""
        return len(self.starts if self.starts is not None else next(iter(self.columns.values())))

    def can_go_together(self) -> bool:
        """Whether rule and loss take many runs side by side."""
        return self.optimizer(np.array([0])).batched and self.problem.together is not None

    def seeded(self, runs: np.ndarray) -> Problem:
        """The problem, with the seed that these runs share."""
        if SEED not in self.columns:
            return self.problem
        return self.problem.seeded(int(self.columns[SEED][runs[0]]), scatter=0.0)

    def optimizer(self, runs: np.ndarray) -> Optimizer:
        """For these runs, which share all hyper-parameters but the numbers."""
        values: dict[str, Any] = {
            name: plain(column[runs[0]]) for name, column in self.columns.items() if name != SEED
        }
        values |= {name: self.columns[name][runs, np.newaxis] for name in self.numbers}
        function = self.seeded(runs)
        start = function.start
        if self.starts is not None:
            theta = self.starts[runs if self.together else runs[0]]
            start = Flat(theta, self.problem.layout)
        if self.schedule is not None:
            lr = values["lr"] if "lr" in values else self.rule(function, start, **values).lr
            values["lr"] = self.schedule(lr)
        return self.rule(function, start, **values)

    def __call__(self, runs: np.ndarray, stopped: Callable[[], bool]) -> dict[str, np.ndarray]:
        """Make these runs; return `Ends` as arrays by name."""
        optimizer = self.optimizer(runs)
        ends = {
            "theta": np.empty((len(runs), optimizer.layout.size)),
            "loss": np.empty(len(runs)),
            "diverged": np.empty(len(runs), dtype=bool),
            "curves": np.full((len(runs), len(self.kept)), np.inf),
        }
        self._run(optimizer, runs, ends, stopped)
        theta = ends.pop("theta")
        if self.together and not self.problem.batched:
            self.compare_with_single_runs(runs, theta, ends)
        with np.errstate(all="ignore"):
            measured = self.measure(self.seeded(runs), theta)
        return ends | {f"measured/{name}": np.asarray(value) for name, value in measured.items()}

    def compare_with_single_runs(
        self, runs: np.ndarray, theta: np.ndarray, ends: dict[str, np.ndarray]
    ) -> None:
        """A loss that never promised to take many runs was tried at the start; see the end too."""
        problem = self.seeded(runs)
        if problem.batch is not None:
            return  # the last batch is not known here
        some = np.flatnonzero(~ends["diverged"])[:: max(1, len(runs) // CHECKED)]
        alone = np.array([problem.values(theta[i]) for i in some])
        if not np.allclose(ends["loss"][some], alone, rtol=1e-6, atol=1e-12, equal_nan=True):
            raise MixedRuns

    def _run(
        self,
        optimizer: Optimizer,
        runs: np.ndarray,
        ends: dict[str, np.ndarray],
        stopped: Callable[[], bool],
    ) -> None:
        """Make the steps and note the ends; drop the runs that diverged once they are the half."""
        rows = np.arange(len(runs))  # of `ends`, for the runs that are left
        every = int(self.kept[1]) if len(self.kept) > 1 else None
        try:
            self._note(ends, rows, whole_run(optimizer, self.steps, every or self.steps))
            return
        except Untraceable:  # as it is with NumPy, then
            pass
        stretch = STRETCH if every is None else every * max(1, STRETCH // every)
        while not stopped():
            path = optimizer.minimize(
                min(stretch, self.steps - optimizer.t), every=every or stretch
            )
            self._note(ends, rows, path)
            if optimizer.t >= self.steps or np.all(path.diverged):
                return
            if np.mean(path.diverged) >= 0.5 and optimizer._theta.size > WORTH_DROPPING:
                rows = rows[~path.diverged]
                optimizer.select(~path.diverged)
                if self.schedule is not None and "lr" in self.numbers:
                    optimizer.lr = self.schedule(self.columns["lr"][runs[rows], np.newaxis])

    def _note(self, ends: dict[str, np.ndarray], rows: np.ndarray, path: Any) -> None:
        """Write down where these runs are, and the losses that are to be kept."""
        ends["theta"][rows], ends["loss"][rows] = path.theta[-1], path.loss[-1]
        ends["diverged"][rows] = path.diverged
        if len(self.kept) > 1:
            seen = np.isin(path.step, self.kept)
            losses = np.where(np.isfinite(path.loss[seen]), path.loss[seen], np.inf)
            columns = np.searchsorted(self.kept, path.step[seen])
            ends["curves"][np.ix_(rows, columns)] = losses.reshape(len(columns), -1).T

    def settings(self) -> dict[str, Any]:
        """What the results depend on."""
        from optimizers import __version__

        return {
            "rule": self.rule,
            "function": self.problem.given,
            "start": self.problem.start if self.starts is None else self.starts,
            "steps": self.steps,
            **{f"grid of {name}": column for name, column in self.columns.items()},
            "kept steps": self.kept,
            "schedule": self.schedule,
            "measure": self.measure,
            "version": __version__,
            "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
        }


def finish(
    rule: Rule,
    problem: Problem,
    steps: int,
    columns: Mapping[str, np.ndarray],
    starts: np.ndarray | None = None,
    kept: np.ndarray | None = None,
    *,
    scatter: float = SCATTER,
    schedule: Callable[[Any], Any] | None = None,
    measure: Measure = last_weights,
    n_jobs: int | None = None,
    store: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Ends:
    """Make all runs: side by side where rule and loss take many, else one after the other.

    The arguments are those of `Runs` and of `each_piece`; `scatter` says how far a column "seed"
    moves the start.
    """
    kept = NOTHING if kept is None else kept
    if SEED in columns and starts is None:
        columns, starts = _placed(problem, columns, scatter)
    work = Runs(rule, problem, steps, columns, starts, kept, schedule, measure)
    probe = work.optimizer(np.array([0]))
    size = max(1, IN_CACHE // _weight(probe))
    if size > 1 and work.can_go_together():
        work.together = True
        work.numbers = {n for n in columns if _varies_by_run(probe, n, columns[n])}
        _hold_to_its_promise(work)
    else:
        size = 1
    how = {"n_jobs": n_jobs, "store": store, "progress": progress}
    try:
        return _finished(work, size, how)
    except MixedRuns:
        work.together, work.numbers = False, set()
        return _finished(work, 1, how)


def _placed(
    problem: Problem, columns: Mapping[str, np.ndarray], scatter: float
) -> tuple[Mapping[str, np.ndarray], np.ndarray | None]:
    """The runs' starts, and the columns without a seed that decides no more than these."""
    if problem.draws_start:
        return columns, None
    seeds, of_run = np.unique(columns[SEED], return_inverse=True)
    starts = problem.starts(seeds.tolist(), scatter)[of_run]
    if problem.reseeded is None:
        columns = {name: column for name, column in columns.items() if name != SEED}
    return columns, starts


def follow(
    rule: Rule,
    problem: Problem,
    steps: int,
    seeds: Sequence[int],
    scatter: float = SCATTER,
    *,
    every: int = 1,
    watch: Iterable[str] = (),
    progress: bool = True,
) -> Trajectory:
    """The paths of a rule, one run per seed: (rows, seeds, P)."""
    columns, starts = _placed(problem, {SEED: np.array(seeds)}, scatter)
    if starts is not None and not columns:
        work = Runs(rule, problem, steps, columns, starts, NOTHING, None, last_weights)
        path = _side_by_side(work, every, watch)
        if path is not None:
            return replace(path, hyper_parameters=rule(problem, problem.start).hyper_parameters)
    work = Runs(rule, problem, steps, {SEED: np.array(seeds)}, starts, NOTHING, None, last_weights)
    each = with_progress(range(len(seeds)), len(seeds), label_of(rule), progress)
    kept: Any = {"every": every, "watch": watch}
    return as_runs([work.optimizer(np.array([i])).minimize(steps, **kept) for i in each])


def _side_by_side(work: Runs, every: int, watch: Iterable[str]) -> Trajectory | None:
    """The paths of all runs in one array, if rule and loss take many."""
    if not work.can_go_together():
        return None
    work.together = True
    # numbers as columns, as the tuning has them: what was compiled for it serves here
    probe, given = work.optimizer(np.array([0])), getattr(work.rule, "keywords", {})
    columns = {
        name: np.full(work.count, value)
        for name, value in given.items()
        if isinstance(value, float)
    }
    work.numbers = {name for name in columns if _varies_by_run(probe, name, columns[name])}
    work.columns = {name: columns[name] for name in work.numbers}
    _hold_to_its_promise(work)
    path = work.optimizer(np.arange(work.count)).minimize(work.steps, every=every, watch=watch)
    if not work.problem.batched:
        ends = {"loss": path.loss[-1], "diverged": path.diverged}
        try:
            work.compare_with_single_runs(np.arange(work.count), path.theta[-1], ends)
        except MixedRuns:
            return None
    return path


def _finished(work: Runs, size: int, how: Mapping[str, Any]) -> Ends:
    """The ends of all runs, made in pieces of at most that size."""
    columns, store = work.columns, how["store"]
    shared = {name: column for name, column in columns.items() if name not in work.numbers}
    # the pieces of a store must not depend on the machine
    threads = cores() if work.together and store is None else 1
    pieces = [
        piece for group in _alike(shared, work.count) for piece in _even(group, size, threads)
    ]
    done = each_piece(
        work,
        pieces,
        threads=cores() if work.together else 1,
        settings=work.settings() | {"pieces": pieces} if store is not None else None,
        label=label_of(work.rule),
        **how,
    )
    all_runs: dict[str, np.ndarray] = {}
    with closing(done):
        for i, ends in done:
            for name, values in ends.items():
                if name not in all_runs:
                    all_runs[name] = np.empty((work.count, *values.shape[1:]), values.dtype)
                all_runs[name][pieces[i]] = values
    return Ends(
        **{name: all_runs.pop(name) for name in ("loss", "diverged", "curves")},
        measured={name.removeprefix("measured/"): values for name, values in all_runs.items()},
    )


def _weight(optimizer: Optimizer) -> int:
    """How many numbers a run needs at the least: its weights, or its share of the batch."""
    size = optimizer.layout.size
    batches = optimizer.gradient.problem.first_batch(size)
    parts = batches[0] if batches and isinstance(batches[0], tuple) else batches
    return max(size, sum(map(np.size, parts)))


def _hold_to_its_promise(work: Runs) -> None:
    """Compare a few steps of the first and the last run side by side with the first alone.

    A rule that mixes the runs (a norm over all of them, say) would give wrong numbers silently. The
    library's rules are held to it by tests; where rounding has the say, as in SOAP's choice among
    directions without a gradient, their numbers may differ.
    """
    both = work.optimizer(np.array([0, work.count - 1]))
    alone = work.optimizer(np.array([0]))
    if both._theta.ndim == 1:
        return  # all runs are the same one
    if all(is_library(type(part)) for part in parts(both)):
        return
    beside, by_itself = both.minimize(3).theta[-1, 0], alone.minimize(3).theta[-1].reshape(-1)
    diverged = not np.isfinite(by_itself).all()
    if not diverged and not np.allclose(beside, by_itself, rtol=1e-6):
        raise ValueError(
            f"{type(both).__name__} promises `batched = True`, but gives different numbers for two "
            "runs side by side than for one: take sums and norms with axis=-1, keepdims=True, or "
            "leave out the promise"
        )


def _varies_by_run(optimizer: Optimizer, name: str, values: np.ndarray) -> bool:
    """Whether a hyper-parameter may be one number a run.

    A number may, unless default and values are whole: such a number may count something.
    """
    known = type(optimizer).__hyper_parameters__.get(name)
    if known is None or known.kind.range is None or values.dtype == object:
        return False
    return isinstance(known.default, float) or values.dtype.kind == "f"


def _alike(columns: Mapping[str, np.ndarray], count: int) -> list[np.ndarray]:
    """The indices of the runs, grouped by the values that they have in these columns."""
    if not columns:
        return [np.arange(count)]
    groups: dict[Any, list[int]] = {}
    for i in range(count):
        key = tuple(id(c[i]) if c.dtype == object else c[i] for c in columns.values())
        groups.setdefault(key, []).append(i)
    return [np.array(group) for group in groups.values()]


def _even(runs: np.ndarray, size: int, threads: int) -> list[np.ndarray]:
    """The runs in pieces of at most that size, as many for each thread."""
    count = -(-len(runs) // size)
    if 1 < count < len(runs):
        count = min(threads * -(-count // threads), len(runs))
    return np.array_split(runs, count)
