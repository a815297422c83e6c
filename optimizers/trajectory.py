"""The record of one run, or of many runs side by side; save and load."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from os import PathLike
from typing import Any

import numpy as np

from optimizers.checks import nearest, shown
from optimizers.gradients import Gradient
from optimizers.problem import as_problem
from optimizers.weights import Layout, flatten

FORMAT = "optimizers trajectory 1"
FIRST_ROWS = 1024  # room for so many rows is made at first, and doubled when it is full,
MEMORY = 1 << 24  # but not for more numbers than this
THREADED = 10_000  # numbers: to add up more, BLAS starts threads, and waits for them
ROOM = 0.5  # the share of the machine's memory that a record may take


@dataclass(eq=False)
class Trajectory:
    """What an optimizer did: the weights, the loss and the gradient's norm at every kept step.

    Attributes
    ----------
    theta
        The weights, flat: (rows, ..., P). The axes in the middle are runs. Row 0 is the start, the
        last row the last iterate.
    loss, grad_norm
        The loss and the Euclidean norm of its gradient at `theta`: (rows, ...). For a rule that
        hands out weights other than those of its gradients, `theta` and `loss` are of the former.
    step
        The number of steps made at each row: (rows,), counted from the optimizer's first.
    watched
        Inner state that was asked for, by name, each (rows, ..., P); nan before it exists.
    rule, hyper_parameters
        The name of the rule and what it ran with.
    layout
        The nesting of the weights.
    diverged, diverged_at
        Whether the loss or a weight stopped being finite, and at which step (None if it did not).
        With runs: arrays of bool and of int, with -1 for "did not". A single run ends at the row
        where that happened; among many, the later rows of such a run are nan.

    Examples
    --------
    >>> from optimizers import SGD
    >>> from optimizers.functions import sphere
    >>> path = SGD(sphere, [3.0, 4.0], lr=0.25).minimize(2)
    >>> path.theta
    array([[3.  , 4.  ],
           [1.5 , 2.  ],
           [0.75, 1.  ]])
    >>> path.loss
    array([25.    ,  6.25  ,  1.5625])
    """

    theta: np.ndarray
    loss: np.ndarray
    grad_norm: np.ndarray
    step: np.ndarray
    rule: str
    hyper_parameters: dict[str, Any]
    layout: Layout
    watched: dict[str, np.ndarray] = field(default_factory=dict)
    diverged: Any = False
    diverged_at: Any = None
    box: np.ndarray | None = None

    @classmethod
    def of(
        cls, points: Any, function: Callable[..., Any], rule: str, step: Any = None
    ) -> Trajectory:
        """A path that was made elsewhere, by scipy or torch, to be drawn beside ours.

        Parameters
        ----------
        points
            The weights at each row: an array (rows, P), or any iterable of weights in their
            nesting. If they or their losses are not finite from some row to the end, the path ends
            there, diverged.
        function
            What was minimised; the losses and gradients are taken of it here, without noise or on
            held-out data. Where autograd cannot follow it, the gradients' norms are nan.
        rule
            What to call it, such as "BFGS".
        step
            The number of steps made at each row, (rows,); left out, 0, 1, 2, …

        Raises
        ------
        TypeError, ValueError
            For what are no weights, and a `step` of another length.

        Examples
        --------
        >>> from optimizers.functions import sphere
        >>> path = Trajectory.of([[3.0, 4.0], [1.0, 1.0], [0.0, 0.0]], sphere, "by hand")
        >>> path, path.loss.tolist()
        (<by hand: 2 steps, loss 0>, [25.0, 2.0, 0.0])
        """
        try:
            points = list(points)
        except TypeError as error:
            raise TypeError(
                "points must be the weights at each row, such as [[3.0, 4.0], [1.0, 1.0]]; "
                f"got {shown(points)}"
            ) from error
        if not points:
            raise ValueError("points must have at least one row, got none")
        layout = flatten(points[0], name="points[0]")[1]
        theta = np.array([layout.ravel(p, f"points[{i}]") for i, p in enumerate(points)])
        steps = np.arange(len(theta)) if step is None else np.array(step)
        if steps.shape != (len(theta),):
            raise ValueError(f"step must have {len(theta)} entries, one a row, got {shown(step)}")
        problem = as_problem(function, layout.unflatten(theta[0]))
        loss = problem.values(theta)
        fine = np.flatnonzero(np.isfinite(theta).all(axis=1) & np.isfinite(loss))
        rows = min(fine.max(initial=-1) + 2, len(theta))  # what comes after the first that is not
        diverged_at = -1 if fine.size and fine[-1] == len(theta) - 1 else steps[rows - 1]
        norms = np.full(rows, np.nan)
        exact = problem.without_chance
        gradient = Gradient(exact, exact.layout)
        with np.errstate(all="ignore"):
            for i, row in enumerate(theta[:rows]):
                with suppress(TypeError, ValueError):  # autograd cannot follow it
                    norms[i] = norm(gradient.by_autograd(row)[1])
        ended = _divergence(np.array(diverged_at))
        return cls(theta[:rows], loss[:rows], norms, steps[:rows], rule, {}, layout, **ended)

    def __len__(self) -> int:
        return len(self.step)

    def __repr__(self) -> str:
        runs = "" if self.loss.ndim == 1 else f", {self.loss[0].size} runs"
        ended = "diverged at step" if np.any(self.diverged) else "loss"
        if self.loss.ndim > 1:
            end = f"{int(np.sum(self.diverged))} diverged"
        else:
            end = f"{ended} {self.diverged_at if self.diverged else f'{self.loss[-1]:.4g}'}"
        return f"<{self.rule}: {self.step[-1] - self.step[0]} steps{runs}, {end}>"

    def __getitem__(self, name: str) -> np.ndarray:
        """The watched state of that name: (rows, ..., P)."""
        if name not in self.watched:
            raise KeyError(
                f"{name!r} was not watched; watched: {sorted(self.watched)}."
                f"{nearest(str(name), self.watched)} Ask for it: minimize(steps, watch=({name!r},))"
            )
        return self.watched[name]

    def weights(self, i: int = -1) -> Any:
        """The weights at row i in the nesting that the caller gave, as copies."""
        return self.layout.unflatten(self.theta[i].copy())

    def save(self, file: str | PathLike[str]) -> None:
        """Write everything to `file` (.npz, NumPy's own format, without pickle).

        Hyper-parameters that are functions (a schedule, phi) are kept as their text.
        """
        import json

        kept = {} if self.box is None else {"box": self.box}
        arrays: dict[str, Any] = kept | {
            f"watched/{name}": value for name, value in self.watched.items()
        }
        about = {
            "format": FORMAT,
            "rule": self.rule,
            "hyper_parameters": {k: to_json(v) for k, v in self.hyper_parameters.items()},
            "layout": [self.layout.tree, self.layout.names, self.layout.shapes],
        }
        at = -1 if self.diverged_at is None else self.diverged_at
        with open(file, "wb") as stream:
            np.savez_compressed(
                stream,
                about=np.array(json.dumps(about)),
                theta=self.theta,
                loss=self.loss,
                grad_norm=self.grad_norm,
                step=self.step,
                diverged_at=np.asarray(at),
                **arrays,
            )

    @classmethod
    def load(cls, file: str | PathLike[str]) -> Trajectory:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged or is not a trajectory.
        """
        import json
        import zipfile
        import zlib

        # what NumPy, zipfile and json raise for files that are cut short, altered, something else
        damaged = (LookupError, TypeError, AttributeError, ValueError, OSError, EOFError)
        not_zipped = (zipfile.BadZipFile, zlib.error)
        try:
            with open(file, "rb") as stream, np.load(stream, allow_pickle=False) as data:
                arrays = {name: data[name] for name in data.files}
            about = json.loads(str(arrays.pop("about")))
            if about["format"] != FORMAT:
                raise ValueError(f"its format is {shown(about['format'])}, expected {FORMAT!r}")
            tree, names, shapes = about["layout"]
            at, box = arrays.pop("diverged_at"), arrays.pop("box", None)
            return cls(
                **{key: arrays.pop(key) for key in ("theta", "loss", "grad_norm", "step")},
                rule=about["rule"],
                hyper_parameters={k: from_json(v) for k, v in about["hyper_parameters"].items()},
                layout=Layout(_as_tree(tree), tuple(names), tuple(tuple(s) for s in shapes)),
                watched={name.removeprefix("watched/"): value for name, value in arrays.items()},
                **_divergence(at),
                box=box,
            )
        except FileNotFoundError:
            raise FileNotFoundError(f"there is no file {str(file)!r}") from None
        except (*damaged, *not_zipped) as error:
            raise ValueError(f"{str(file)!r} is damaged or not a trajectory: {error}") from error


def as_runs(paths: Sequence[Trajectory]) -> Trajectory:
    """Single runs of one rule as one trajectory of many; one that ended early is nan from there on.

    Parameters
    ----------
    paths
        Recorded at the same steps, as far as they go.

    Returns
    -------
    Trajectory
        With one axis of runs.

    Examples
    --------
    >>> from optimizers import SGD
    >>> from optimizers.functions import sphere
    >>> paths = [SGD(sphere, [x, 0.0], lr=0.25).minimize(2) for x in (4.0, 8.0)]
    >>> as_runs(paths).theta[:, :, 0]
    array([[4., 8.],
           [2., 4.],
           [1., 2.]])
    """
    longest = max(paths, key=lambda path: path.step[-1])
    rows = len(longest)

    def together(columns: Iterable[np.ndarray]) -> np.ndarray:
        return np.stack([_longer(column, rows) for column in columns], axis=1)

    return replace(
        longest,
        theta=together(path.theta for path in paths),
        loss=together(path.loss for path in paths),
        grad_norm=together(path.grad_norm for path in paths),
        watched={name: together(path.watched[name] for path in paths) for name in longest.watched},
        **_divergence(
            np.array([-1 if path.diverged_at is None else path.diverged_at for path in paths])
        ),
    )


class Recorder:
    """Keeps the rows of a run while it is made; `trajectory` gives them back.

    Parameters
    ----------
    optimizer
        Whose steps are recorded.
    steps, every
        The most steps that will come, and which of them are kept.
    watch
        Names of the optimizer's attributes to keep as well.
    may_stop
        Whether something may end the run before all steps are made.

    Raises
    ------
    MemoryError
        If the record will not fit; with `may_stop`, only once it does not.
    """

    def __init__(
        self,
        optimizer: Any,
        steps: int,
        every: int,
        watch: tuple[str, ...],
        may_stop: bool = False,
    ) -> None:
        self.optimizer = optimizer
        self.every = every
        theta = optimizer._theta
        self.most = 1 + -(-steps // every)  # the start, every so many-th step, the last
        self.may_stop = may_stop
        # a state that is not made yet may turn out to be another size than the weights
        self.expected = {name: _size(getattr(optimizer, name, None), theta.size) for name in watch}
        self.row = row_size(theta) + 8 * sum(self.expected.values())
        if not may_stop:
            self._check_room(self.most)
        rows, runs = self._first_rows(), theta.shape[:-1]
        self.theta = np.empty((rows, *theta.shape))
        self.loss = np.empty((rows, *runs))
        self.grad_norm = np.empty((rows, *runs))
        self.step = np.empty(rows, int)
        self.watch = watch
        self.watched: dict[str, np.ndarray] = {}
        self.kept = 0  # rows that are filled
        self.added = 0
        self.newest: tuple[Any, ...] = ()  # what of the newest iterate is not in a row yet
        self.gradient = np.full_like(theta, np.nan)
        self.diverged_at = optimizer._diverged_at

    def add(self, theta: np.ndarray, loss: Any, g: np.ndarray) -> np.ndarray:
        """Take in an iterate. Returns theta; among many, runs that diverged are nan from now on."""
        following = self._mark(theta, loss)
        newest: tuple[Any, ...] = (self.optimizer.handed_out(theta), loss, g, self.optimizer.t)
        if self.watch:
            newest += tuple([self._watched(name) for name in self.watch])
        if self.added % self.every == 0:
            self._keep(*newest)
            newest = ()
        self.newest, self.gradient = newest, g  # last, so that an interrupt leaves whole rows
        self.added += 1
        return following

    def take(self, path: Any) -> None:
        """Take in the first rows of the run, made elsewhere."""
        made = int(path.step[-1] - path.step[0])
        self.kept = rows = len(path.step) - (made % self.every > 0)
        room = max(rows + 1, min(self.most, rows + FIRST_ROWS))
        for name in ("theta", "loss", "grad_norm", "step"):
            setattr(self, name, _longer(getattr(path, name)[:rows], room))
        self.watched = {name: _longer(path.watched[name][:rows], room) for name in self.watch}
        self.added, self.gradient = made + 1, path.gradient[-1]
        at = path.diverged_at
        self.diverged_at = int(at) if at.ndim == 0 else at
        if made % self.every:
            last = (path.watched[name][-1] for name in self.watch)
            self.newest = (path.theta[-1], path.loss[-1], path.gradient[-1], path.step[-1], *last)

    def amend(self, theta: np.ndarray, loss: Any, g: np.ndarray) -> None:
        """Take the newest iterate in anew: a callback has set the weights."""
        if theta.shape != self.gradient.shape:
            raise ValueError(
                "a callback cannot drop runs: use `select` between two calls of minimize"
            )
        self.added -= 1
        if self.added % self.every == 0:
            self.kept -= 1
        self.diverged_at = self.optimizer._diverged_at
        self.add(theta, loss, g)

    def _keep(self, theta: np.ndarray, loss: Any, g: np.ndarray, t: int, *watched: Any) -> None:
        row = self.kept
        if row == len(self.step):
            self._resize(min(2 * len(self.step), self.most))
        self.theta[row] = theta
        self.loss[row] = loss
        self.grad_norm[row] = norm(g)
        self.step[row] = t
        self.kept = row + 1
        if not watched:
            return
        for name, value in zip(self.watch, watched, strict=True):
            if value is not None:
                if name not in self.watched:
                    self.watched[name] = np.full((len(self.step), *np.shape(value)), np.nan)
                self.watched[name][row] = value

    def _check_room(self, rows: int) -> None:
        """Refuse a record that will not fit into memory."""
        size, there = self.row * rows, room()
        if size > there:
            enough = _round_up(int(self.every * size / there) + 1)
            raise MemoryError(
                f"the record would take {size / 1e9:.3g} GB, and {there / 1e9:.3g} GB are free: "
                f"keep only every {enough}th step, every={enough}"
            )

    def _first_rows(self) -> int:
        return min(self.most, FIRST_ROWS, 2 + 8 * MEMORY // self.row)

    def _resize(self, rows: int) -> None:
        self._check_room(rows)
        for name in ("theta", "loss", "grad_norm", "step"):
            setattr(self, name, _longer(getattr(self, name), rows))
        self.watched = {name: _longer(column, rows) for name, column in self.watched.items()}

    def _watched(self, name: str) -> Any:
        """The optimizer's attribute of that name; None while it may yet come into being."""
        value: Any = getattr(self.optimizer, name, None)
        if value is None and self.added == 0:
            return value
        if _watchable(name, value):
            more = np.size(value) - self.expected.pop(name, np.size(value))
            if more:
                self.row += 8 * more
                if not self.may_stop:
                    self._check_room(self.most)
                self._resize(max(self.kept + 1, min(len(self.step), self._first_rows())))
            return value
        self.optimizer._bring_back()
        seen = [k for k, v in vars(self.optimizer).items() if _watchable(k, v)]
        what = type(self.optimizer).__name__
        lacks = (
            f"has no {name!r}"
            if value is None
            else f"cannot record {name!r}, which is not an array"
        )
        raise ValueError(f"watch: {what} {lacks}; it has {', '.join(seen)}.{nearest(name, seen)}")

    def _mark(self, theta: np.ndarray, loss: Any) -> np.ndarray:
        if theta.ndim == 1:
            # the sum of squares is cheap, and finite unless a weight is not or is beyond 1e154
            is_cheap = theta.size < THREADED
            fine = math.isfinite(loss) and (
                (is_cheap and math.isfinite(theta.dot(theta))) or bool(np.isfinite(theta).all())
            )
            if not fine and self.diverged_at == -1:
                self.diverged_at = self.optimizer.t
            return theta
        if np.isfinite(theta).all() and np.isfinite(loss).all():
            return theta
        finite = np.isfinite(loss) & np.isfinite(theta).all(axis=-1)
        newly = ~finite & (self.diverged_at == -1)
        self.diverged_at = np.where(newly, self.optimizer.t, self.diverged_at)
        return np.where(finite[..., np.newaxis], theta, np.nan)

    @property
    def all_diverged(self) -> bool:
        """Whether no run is left to go on with."""
        if isinstance(self.diverged_at, int):
            return self.diverged_at != -1
        return bool(np.all(self.diverged_at != -1))

    def within(self, tol: float) -> bool:
        """Whether the gradient's norm is at most tol in every run that has not diverged."""
        return bool(np.all((norm(self.gradient) <= tol) | (self.diverged_at != -1)))

    def trajectory(self) -> Trajectory:
        """The rows so far."""
        optimizer = self.optimizer
        if self.newest:
            with np.errstate(all="ignore"):
                self._keep(*self.newest)
            self.newest = ()
        elif not self.added:  # stopped before the start was evaluated
            unknown = np.full(optimizer._theta.shape[:-1], np.nan)
            theta = optimizer.handed_out(optimizer._theta)
            self._keep(theta, unknown, self.gradient, optimizer.t, *[None] * len(self.watch))
        rows = self.kept
        at = np.broadcast_to(self.diverged_at, optimizer._theta.shape[:-1]).copy()
        return Trajectory(
            theta=_longer(self.theta, rows),
            loss=_longer(self.loss, rows),
            grad_norm=_longer(self.grad_norm, rows),
            step=_longer(self.step, rows),
            rule=type(optimizer).__name__,
            hyper_parameters=optimizer.hyper_parameters,
            layout=optimizer.layout,
            watched={name: _longer(column, rows) for name, column in self.watched.items()},
            **_divergence(at),
            box=None if optimizer.project is None else optimizer.project.box,
        )


def row_size(theta: np.ndarray) -> int:
    """The bytes of a row: weights (..., P), and the loss and the gradient's norm of each run."""
    return 8 * (theta.size + 2 * theta.size // theta.shape[-1])


def room() -> float:
    """The bytes that records may take."""
    return ROOM * memory()


@cache
def memory() -> float:
    """The bytes of memory that the machine has; where it does not say, what a small one has."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):  # Windows, a browser
        return 4e9


def _round_up(number: int) -> int:
    """To one digit: 1234 is 2000."""
    power = 10 ** (len(str(number)) - 1)
    return -(-number // power) * power


def _divergence(at: np.ndarray) -> dict[str, Any]:
    """`diverged` and `diverged_at` of a trajectory, from the steps (-1 for none)."""
    if at.ndim:
        return {"diverged": at >= 0, "diverged_at": at}
    return {"diverged": bool(at >= 0), "diverged_at": int(at) if at >= 0 else None}


def _longer(column: np.ndarray, rows: int) -> np.ndarray:
    """A column with so many rows: a copy, unless it has just them."""
    if len(column) >= rows:
        return column if len(column) == rows else column[:rows].copy()
    longer = np.empty((rows, *column.shape[1:]), column.dtype)
    longer[: len(column)] = column
    longer[len(column) :] = np.nan if column.dtype == float else 0
    return longer


def norm(g: np.ndarray) -> Any:
    """The Euclidean norm of each run's gradient: (..., P) → (...).

    The order in which NumPy adds depends on how g lies in memory: here, as that of one run does.
    """
    if g.ndim == 1:
        return math.sqrt(g.dot(g))
    together = g if g.strides[-1] == g.itemsize else np.ascontiguousarray(g)
    return np.sqrt(np.vecdot(together, together))


def _size(value: Any, otherwise: int) -> int:
    return otherwise if value is None else np.size(value)


def _watchable(name: str, value: Any) -> bool:
    return not name.startswith("_") and isinstance(value, (np.ndarray, float, int))


def to_json(value: Any) -> Any:
    """A value as JSON has it; what is no number, text or array of numbers, as its text."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {"dict": {str(k): to_json(v) for k, v in value.items()}}
    if isinstance(value, np.ndarray):
        return {"array": value.tolist()}
    if isinstance(value, (list, tuple)):
        return [to_json(v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return getattr(value, "__name__", repr(value))


def from_json(value: Any) -> Any:
    """What `to_json` made JSON of."""
    if isinstance(value, dict) and "dict" in value:
        return {key: from_json(child) for key, child in value["dict"].items()}
    return np.array(value["array"]) if isinstance(value, dict) else value


def _as_tree(node: Any) -> Any:
    """JSON makes lists of the tuples in a tree; make them tuples again."""
    if isinstance(node, int):
        return node
    kind, items = node
    return (kind, [[key, _as_tree(child)] for key, child in items])
