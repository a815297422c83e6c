"""Many runs, of which the ends are kept: side by side in one array where rule and loss allow it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizers.experiments.inputs import Rule, label_of, plain
from optimizers.optimizer import Optimizer
from optimizers.progress import with_progress

IN_CACHE = 65_536  # weights of the runs in a piece: a formula's temporaries stay in the cache
STRETCH = 128  # steps after which a piece looks up: for an interrupt, for runs that diverged
WORTH_DROPPING = 2_048  # weights: in a smaller piece, runs that diverged cost next to nothing


@dataclass
class Ends:
    """Where runs ended.

    Attributes
    ----------
    theta, loss
        The last weights, (runs, P), and the loss there, (runs,).
    diverged
        Which runs diverged, (runs,); their weights or losses are not finite.
    curves
        The losses at the steps that were asked for, (runs, rows); inf once a run has diverged.
    """

    theta: np.ndarray
    loss: np.ndarray
    diverged: np.ndarray
    curves: np.ndarray


def finish(
    rule: Rule,
    function: Any,
    start: Any,
    steps: int,
    columns: Mapping[str, np.ndarray],
    starts: np.ndarray | None = None,
    kept: np.ndarray | None = None,
) -> Ends:
    """Make all runs.

    Parameters
    ----------
    rule, function, steps
        What is run; one run after the other, unless rule and loss promise `batched`.
    start
        The weights that all runs start from.
    columns
        Hyper-parameters that differ from run to run, each (runs,).
    starts
        The weights that each run starts from, (runs, P), in the place of `start`.
    kept
        The steps whose losses are kept as well: multiples of the first that is not 0.
    """
    from concurrent.futures import ThreadPoolExecutor  # slow to import

    count = len(starts) if starts is not None else len(next(iter(columns.values())))

    def optimizer(runs: np.ndarray, numbers: set[str]) -> Optimizer:
        """For these runs, which share all hyper-parameters but these numbers."""
        values: dict[str, Any] = {k: plain(v[runs[0]]) for k, v in columns.items()}
        values |= {name: columns[name][runs, np.newaxis] for name in numbers}
        if starts is None:
            return rule(function, start, **values)
        return rule(function, starts[runs if together else runs[0]], **values)

    together, numbers = False, set[str]()
    probe = optimizer(np.array([0]), numbers)
    together = probe.batched and probe.gradient.batched
    if together:
        numbers = {name for name in columns if _varies_by_run(probe, name, columns[name])}
        _hold_to_its_promise(optimizer, count, numbers)
    size = max(1, IN_CACHE // probe.layout.size) if together else 1
    shared = {name: column for name, column in columns.items() if name not in numbers}
    cores = os.cpu_count() or 1
    pieces = [piece for group in _alike(shared, count) for piece in _even(group, size, cores)]
    kept = np.zeros(0, int) if kept is None else kept
    curves = np.full((count, len(kept)), np.inf)
    ends = Ends(
        np.empty((count, probe.layout.size)), np.empty(count), np.empty(count, dtype=bool), curves
    )

    interrupted: list[bool] = []

    def work(runs: np.ndarray) -> None:
        _run(optimizer(runs, numbers), steps, runs, ends, kept, lambda: bool(interrupted))

    # NumPy lets go of the lock on arrays of this size, so that threads share the work
    workers = cores if together and len(pieces) > 1 else 1
    with ThreadPoolExecutor(workers) as pool:
        done = pool.map(work, pieces) if workers > 1 else map(work, pieces)
        try:
            for _ in with_progress(done, len(pieces), label_of(rule)):
                pass
        except BaseException:  # Ctrl-C: nobody waits for the rest
            interrupted.append(True)
            pool.shutdown(cancel_futures=True)
            raise
    return ends


def _hold_to_its_promise(
    optimizer: Callable[[np.ndarray, set[str]], Optimizer], count: int, numbers: set[str]
) -> None:
    """Compare a few steps of the first and the last run side by side with the first alone.

    A formula that mixes the runs (a norm over all of them, say) would give wrong numbers silently.
    """
    both = optimizer(np.array([0, count - 1]), numbers)
    alone = optimizer(np.array([0]), numbers)
    if both._theta.ndim == 1:
        return  # all runs are the same one
    beside, by_itself = both.minimize(3).theta[-1, 0], alone.minimize(3).theta[-1].reshape(-1)
    diverged = not np.isfinite(by_itself).all()
    if not diverged and not np.allclose(beside, by_itself, rtol=1e-6):
        raise ValueError(
            f"{type(both).__name__} promises `batched = True`, but gives other numbers for two "
            "runs side by side than for one: take sums and norms with axis=-1, keepdims=True, or "
            "leave out the promise"
        )


def _varies_by_run(optimizer: Optimizer, name: str, values: np.ndarray) -> bool:
    """Whether a hyper-parameter may be one number a run: those whose default is a float may."""
    known = optimizer.known(optimizer.hyper_parameters)
    return isinstance(known.get(name), float) and values.dtype != object


def _alike(columns: Mapping[str, np.ndarray], count: int) -> list[np.ndarray]:
    """The indices of the runs, grouped by the values that they have in these columns."""
    if not columns:
        return [np.arange(count)]
    groups: dict[Any, list[int]] = {}
    for i in range(count):
        key = tuple(id(c[i]) if c.dtype == object else c[i] for c in columns.values())
        groups.setdefault(key, []).append(i)
    return [np.array(group) for group in groups.values()]


def _even(runs: np.ndarray, size: int, cores: int) -> list[np.ndarray]:
    """The runs in pieces of at most that size, as many for each core."""
    count = -(-len(runs) // size)
    if 1 < count < len(runs):
        count = min(cores * -(-count // cores), len(runs))
    return np.array_split(runs, count)


def _run(
    optimizer: Optimizer,
    steps: int,
    runs: np.ndarray,
    ends: Ends,
    kept: np.ndarray,
    stopped: Callable[[], bool],
) -> None:
    """Make the steps and note the ends; drop the runs that diverged once they are the half."""
    every = int(kept[1]) if len(kept) > 1 else None
    stretch = STRETCH if every is None else every * max(1, STRETCH // every)
    while not stopped():
        path = optimizer.minimize(min(stretch, steps - optimizer.t), every=every or stretch)
        ends.theta[runs], ends.loss[runs] = path.theta[-1], path.loss[-1]
        ends.diverged[runs] = path.diverged
        if every:
            rows = np.isin(path.step, kept)
            losses = np.where(np.isfinite(path.loss[rows]), path.loss[rows], np.inf)
            columns = np.searchsorted(kept, path.step[rows])
            ends.curves[np.ix_(runs, columns)] = losses.reshape(len(columns), -1).T
        if optimizer.t >= steps or np.all(path.diverged):
            return
        if np.mean(path.diverged) >= 0.5 and _worth_dropping(optimizer):
            runs = runs[~path.diverged]
            optimizer.select(~path.diverged)


def _worth_dropping(optimizer: Optimizer) -> bool:
    """Whether the piece is large, and all state is plain to divide: (runs, …) in two dimensions."""
    runs = optimizer._theta.shape[0]
    state = [v for k, v in vars(optimizer).items() if k != "_diverged_at"]
    plain = not any(isinstance(v, (list, tuple, dict)) for v in state) and all(
        v.ndim == 2 for v in state if isinstance(v, np.ndarray) and v.shape[:1] == (runs,)
    )
    return plain and optimizer._theta.size > WORTH_DROPPING
