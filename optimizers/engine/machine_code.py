"""Steps as machine code, by llvmlite: whole runs, side by side in vector registers.

The numbers are NumPy's, bit for bit. What depends on t and on settings alone is computed
beforehand, by Python and NumPy, as the rule says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import islice, pairwise, repeat
from math import prod
from typing import Any, NamedTuple

import numpy as np

from optimizers.cores import cores
from optimizers.engine.assembly import (
    ABREAST,
    CALL,
    carried,
    compiled,
    run_text,
)
from optimizers.engine.numpy_loops import address_of
from optimizers.engine.scalars import STEP, Scalar, Untraceable, names_in, plain
from optimizers.engine.step import Step
from optimizers.trajectory import norm

STRETCH = 3e7  # operations between two looks at the keyboard: some hundredths of a second
TOGETHER = {"add", "subtract", "multiply", "divide", "negative"}  # where all round alike
FEW_STEPS = 16  # of fewer, an array costs more than it saves
MUCH = 8e6  # operations on a row of lanes, from which on they save what better code costs
LINES = 3_000  # of more, it takes LLVM seconds
ALONE = 1e6  # operations that are not worth a second thread
PIECES = 8  # of the work, for each thread
NOTHING = np.empty(0)

# ---------------------------------------------------------------- what is computed beforehand


def computed(roots: list[Scalar], given: Mapping[str, Any], steps: int) -> list[Any]:
    """The values of expressions of t and of settings: one each, or one a step, in a sequence.

    `given` has the inputs by name: numbers, or columns (runs, 1); of those that belong to a step,
    a sequence of arrays or numbers.
    """
    found: dict[Scalar, Any] = {}

    def value(x: Scalar) -> Any:
        if x not in found:
            found[x] = made(x)
        return found[x]

    def made(x: Scalar) -> Any:
        if x.op == "constant":
            return x.args[0]
        if x.op == "input":
            name, i = x.args
            if name == "t" or not x.depends & STEP:
                return given[name]
            return [row if np.ndim(row) != 1 else row[i] for row in given[name]]
        args = [value(a) for a in x.args]
        if not x.depends & STEP:
            return plain(x.op)(*args)
        if x.op in TOGETHER and all(map(_is_float, args)):
            if x.op == "divide" and not np.all(args[1]):
                raise ZeroDivisionError("division by zero")
            return plain(x.op)(*args)
        each = [
            (a.tolist() if isinstance(a, np.ndarray) else a) if of.depends & STEP else repeat(a)
            for a, of in zip(args, x.args, strict=True)
        ]
        return _together([plain(x.op)(*step) for step in islice(zip(*each, strict=False), steps)])

    try:
        with np.errstate(all="ignore"):
            return [value(root) for root in roots]
    except ArithmeticError as error:
        raise Untraceable(f"a number that depends on t: {error}") from error


def _is_float(value: Any) -> bool:
    """Whether it is floats, or becomes one beside a float."""
    return isinstance(value, (float, np.ndarray)) or (type(value) is int and abs(value) < 1 << 53)


def _together(values: list[Any]) -> Any:
    """Python's floats as an array, on which NumPy computes what Python would with each."""
    if len(values) < FEW_STEPS or any(type(value) is not float for value in values):
        return values
    return np.array(values)


# ------------------------------------------------------------------------------------ whole runs


@dataclass(frozen=True)
class Path:
    """Rows of a run, or of many.

    Attributes
    ----------
    theta, loss, gradient, step
        At each row that is kept: (rows, …, P), (rows, …), (rows, …, P), and the steps made (rows,).
    watched
        What else was asked for, by name, (rows, …).
    state
        The weights ("theta") and the state after the last step, by name.
    diverged_at
        The step at which a run stopped being finite, -1 if it did not: (…).
    """

    theta: np.ndarray
    loss: np.ndarray
    gradient: np.ndarray
    step: np.ndarray
    watched: dict[str, np.ndarray]
    state: dict[str, np.ndarray]
    diverged_at: np.ndarray

    @property
    def diverged(self) -> np.ndarray:
        """Which runs diverged."""
        return np.asarray(self.diverged_at >= 0)

    @property
    def grad_norm(self) -> np.ndarray:
        """The Euclidean norm of the gradient, added up as NumPy does."""
        with np.errstate(all="ignore"):
            return np.asarray(norm(self.gradient))


class Machine:
    """A step, compiled for one run or for many.

    Parameters
    ----------
    step
        What is compiled.
    runs
        How many runs; None for one alone, whose arrays have no axis of runs.
    columns
        The settings that differ from run to run, and "eta" if the learning rate of each step does.
    steps
        How many are to come first: many are worth better code.

    Raises
    ------
    Untraceable
        If it cannot be compiled, or an operation would not give NumPy's numbers.
    """

    def __init__(
        self,
        step: Step,
        runs: int | None = None,
        columns: frozenset[str] = frozenset(),
        steps: int = 1,
    ) -> None:
        self.step, self.runs, self.columns = step, runs, columns
        self.lanes = 1 if runs is None else ABREAST
        self.text = run_text(step, self.lanes, columns, alone=runs is None)
        self.ld = -(-(runs or 1) // self.lanes) * self.lanes
        size = step.g.size
        self.carried = _places(0, {n: x.shape for n, x in carried(step).items()})
        self.recorded = _places(0, {"theta": (size,), "loss": (), "gradient": (size,)})
        self.recorded |= _places(1 + 2 * size, {n: self.carried[n].shape for n in step.watched})
        self.width = sum(place.size for place in self.recorded.values())
        numbers = self.text.cost + CALL * len(self.text.fed["grid"]) + 8
        threads = min(cores(), self.ld // self.lanes)
        self.stretch = max(1, int(STRETCH * threads / (self.ld * numbers)))
        self.table_names = set().union(*map(names_in, self.text.fed["table"]))
        self._kept: dict[Any, np.ndarray] = {}
        self._made, self._is_well_made = 0, False
        self.call: Any = None
        self._compile(steps)

    def _compile(self, steps: int) -> None:
        """Have code for what was made and so many steps more."""
        well = (self._made + steps) * self.text.cost * self.ld > MUCH * self.lanes
        well &= len(self.text.lines) < LINES
        if self.call is None or well > self._is_well_made:
            self.call, self._is_well_made = compiled(self.text, well), well

    def run(
        self,
        start: Mapping[str, np.ndarray],
        t: int,
        steps: int,
        settings: Mapping[str, Any],
        *,
        etas: list[Any] | None = None,
        batches: list[Any] | None = None,
        every: int = 1,
        tol: float | None = None,
        diverged_at: Any = -1,
    ) -> Path:
        """Make steps, as `Optimizer.minimize` does, bit for bit.

        Parameters
        ----------
        start
            "theta" and the state by name, each (runs, …), or (…) alone; and what else is watched,
            if it has a value yet.
        t, steps
            How many steps were made before, and how many are to be made.
        settings
            The hyper-parameters of the step: numbers, or columns (runs, 1).
        etas, batches
            Of each step, if the learning rate is scheduled, and if there are batches.
        every, tol
            As in `minimize`.
        diverged_at
            The marks of the runs that diverged before.
        """
        if tol is not None:
            steps = self._within(tol, start, t, steps, settings, etas, batches, diverged_at)
        runs, ld, last = self.runs or 1, self.ld, t + steps
        x = np.empty((sum(place.size for place in self.carried.values()), ld))
        for name, place in self.carried.items():
            given = np.nan if start.get(name) is None else start[name]
            if np.size(given) == runs * place.size:
                x[place.rows, :runs] = np.reshape(given, (runs, place.size)).T
            else:  # the same for all runs, or unknown yet
                x[place.rows, :runs] = np.reshape(given, (-1, 1))
        if runs < ld:
            x[:, runs:] = x[:, runs - 1 : runs]
        marks = np.empty(ld)
        marks[:runs] = diverged_at
        marks[runs:] = marks[runs - 1]  # lanes that are left over follow the last run
        kept = steps // every + 1 + (steps % every > 0)
        record = np.empty((kept, self.width, ld))
        begin = t
        while begin <= last:
            end = min(begin + self.stretch, last + 1)  # the last iterate is looked at, not moved
            fed = self._fed(settings, t, begin, end, etas, batches)
            first = record[-(-(begin - t) // every) :]
            counts = (ld, begin, last, end, every, -(begin - t) % every)
            self._advance([*fed, first, marks], counts, x)
            if (marks[:runs] >= 0).all():  # nothing is left to go on with
                stop = max(int(marks[:runs].max()), t)
                if stop < last:
                    again = {"etas": etas, "batches": batches, "diverged_at": diverged_at}
                    return self.run(start, t, stop - t, settings, every=every, **again)
            begin = end
        parts = {name: self._part(record, place) for name, place in self.recorded.items()}
        return Path(
            parts["theta"],
            parts["loss"],
            parts["gradient"],
            t + np.minimum(np.arange(kept) * every, steps),
            {name: parts[name] for name in self.step.watched},
            {name: self._part(x, place) for name, place in self.carried.items()},
            marks[:runs].astype(int).reshape(self._lead),
        )

    @property
    def _lead(self) -> tuple[int, ...]:
        return () if self.runs is None else (self.runs,)

    def _part(self, values: np.ndarray, place: Place) -> np.ndarray:
        """Some rows of (…, rows, ld) as (…, runs, *shape)."""
        if self.runs is None:
            some = values[..., place.rows, 0]
        else:
            some = values[..., place.rows, : self.runs].swapaxes(-1, -2)
        return some if len(place.shape) == 1 else some.reshape((*some.shape[:-1], *place.shape))

    def _within(self, tol: float, start: Any, t: int, steps: int, *more: Any) -> int:
        """How many steps there are until the gradient's norm is at most `tol` in every run."""
        settings, etas, batches, marks = more
        done, window = 0, 128
        while True:
            window = min(window, steps - done)
            rest = {"etas": etas and etas[done:], "batches": batches and batches[done:]}
            path = self.run(start, t + done, window, settings, diverged_at=marks, **rest)
            row = path.step.reshape(-1, *[1] * len(self._lead))
            lost = (path.diverged_at >= 0) & (path.diverged_at <= row)
            near = ((path.grad_norm <= tol) | lost).reshape(len(row), -1).all(axis=1)
            if near.any() or done + window == steps:
                return done + int(np.argmax(near) if near.any() else window)
            start, marks, done, window = path.state, path.diverged_at, done + window, 2 * window

    def _fed(
        self, settings: Mapping[str, Any], t: int, begin: int, end: int, etas: Any, batches: Any
    ) -> list[np.ndarray]:
        """What is computed beforehand for the steps from begin to end: an array of each kind."""
        given = {**settings, "t": range(begin + 1, end + 1)}
        for name, values in (("eta", etas), ("batch", batches)):
            if values is not None:
                given[name] = [values[min(i - t, len(values) - 1)] for i in range(begin, end)]
        fed, steps = self.text.fed, end - begin
        fixed = np.array(computed(fed["fixed"], given, steps), float)
        table = self._table(given, begin, end)
        if self.runs is None:
            return [fixed, NOTHING, table, NOTHING]
        columns = [self._by_run(v) for v in computed(fed["column"], given, steps)]
        grid = zip(*computed(fed["grid"], given, steps), strict=True)
        grids = [[self._by_run(v) for v in each] for each in grid]
        return [fixed, np.array(columns, float), table, np.array(grids, float)]

    def _table(self, given: Mapping[str, Any], begin: int, end: int) -> np.ndarray:
        """What each step has for all runs; of the same settings, it is kept."""
        named = self.table_names
        key = (begin, end, *(given[name] for name in sorted(named - {"t"})))
        is_kept = not named & {"eta", "batch"}
        table = self._kept.get(key) if is_kept else None
        if table is None:
            rows = computed(self.text.fed["table"], given, end - begin)
            table = np.array(rows, float).T.copy()
            if is_kept and len(self._kept) > 8:
                self._kept.clear()
            if is_kept:
                self._kept[key] = table
        return table

    def _by_run(self, value: Any) -> np.ndarray:
        """A number for each run, (runs, 1) or one, as (ld,)."""
        row = np.broadcast_to(np.ravel(value), self.runs or 1)
        return np.concatenate([row, np.full(self.ld - row.size, row[-1])])

    def _advance(self, arrays: list[np.ndarray], counts: tuple[int, ...], x: np.ndarray) -> None:
        steps = counts[3] - counts[1]
        self._compile(steps)
        self._made += steps
        base, down = address_of(x), x.strides[0]
        rows = range(base, base + len(x) * down, down)
        a = np.array([*map(address_of, arrays), *counts, *rows])
        work = self.text.cost * self.ld * steps
        in_threads(self.call, a, self.ld // self.lanes, work > ALONE)


class Place(NamedTuple):
    """Where an array stands in the rows."""

    rows: slice
    size: int
    shape: tuple[int, ...]


def _places(row: int, shapes: dict[str, tuple[int, ...]]) -> dict[str, Place]:
    found = {}
    for name, shape in shapes.items():
        size = prod(shape)
        found[name] = Place(slice(row, row + size), size, shape)
        row += size
    return found


def in_threads(call: Any, a: np.ndarray, count: int, several: bool) -> None:
    """Call f(arguments, from, to), by several threads if asked: ctypes lets go of Python.

    They take pieces until none is left; a thread that comes too late is not waited for.
    """
    threads = min(cores(), count) if several else 1
    pieces = min(PIECES * threads, count) if several else 1
    edges = [count * i // pieces for i in range(pieces + 1)]
    left = iter([(address_of(a), low, high) for low, high in pairwise(edges)])

    def work() -> None:
        for piece in left:
            call(*piece)

    others = [_workers().submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        for other in others:  # they write into arrays that are about to go
            if not other.cancel():
                other.result()


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores() - 1, "machine code")
