"""Optimizer: the loop that every rule shares.

    θ ← θ − η_t · d_t          d_t = direction(θ, g)          g = ∂loss/∂θ, by autograd

A rule is a subclass with a `direction`; everything else is here.
"""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import repeat
from typing import Any, ClassVar, Literal

import numpy as np

from optimizers import checks
from optimizers.blocks import WORTHWHILE, update_in_blocks
from optimizers.checks import shown
from optimizers.gradients import Gradient, Recorded
from optimizers.progress import Progress
from optimizers.trajectory import Recorder, Trajectory
from optimizers.weights import flatten

Number = float | np.ndarray
Schedule = Callable[[int], Any]

RANGES: Mapping[str, checks.Range] = {
    "lr": checks.NOT_NEGATIVE,
    "momentum": checks.FRACTION,
    "rho": checks.FRACTION,
    "beta": checks.FRACTION,
    "beta1": checks.FRACTION,
    "beta2": checks.FRACTION,
    "adam_beta1": checks.FRACTION,
    "adam_beta2": checks.FRACTION,
    "epsilon": checks.NOT_NEGATIVE,
    "weight_decay": checks.NOT_NEGATIVE,
    "adam_weight_decay": checks.NOT_NEGATIVE,
    "damping": checks.NOT_NEGATIVE,
    "trust_coefficient": checks.NOT_NEGATIVE,
    "alpha": checks.SHARE,
}
NOT_HYPER_PARAMETERS = ("state", "batched", "elementwise")
OTHER_SPELLINGS = {"epislon": "epsilon", "eps": "epsilon", "lambda1": "weight_decay"}


class _OwnDefault:
    """Stands in a signature for the rule's own learning rate; None would be a mistake to catch."""

    def __repr__(self) -> str:
        return "<the rule's own>"


OWN_DEFAULT: Any = _OwnDefault()


class _Signature:
    """The signature that a rule's hyper-parameters make, for help() and editors."""

    def __get__(self, instance: Any, rule: type[Optimizer]) -> inspect.Signature:
        if _arguments(rule):
            own = inspect.signature(vars(rule)["__init__"])
            return own.replace(parameters=list(own.parameters.values())[1:])
        position, keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        parameters = [inspect.Parameter(name, position) for name in ("loss", "weights")]
        for name, default in defaults(rule).items():
            kind = position if name == "lr" else keyword
            parameters.append(inspect.Parameter(name, kind, default=default))
        return inspect.Signature(parameters)


class Optimizer(ABC):
    """The base of every rule: holds the loss and the weights, makes the steps, keeps the record.

    A rule is a subclass with a `direction`. Its class attributes are its hyper-parameters and their
    defaults, which become keywords: with `gamma = 0.5` in the class, `Rule(loss, weights, gamma=1)`
    works, and `self.gamma` is there in the formula. Three attributes are promises, not
    hyper-parameters: `state`, `batched` and `elementwise`.

    Parameters
    ----------
    loss
        `loss(weights)` → one number, written with autograd.numpy (or `loss(weights, batch)`).
    weights
        An array of shape (P,), or any nesting of lists, tuples and dicts of arrays; it is copied.
        If the loss takes many runs (`loss.batched`), an array (..., P) is that many runs.
    lr
        The learning rate η: a number, one a run (shape (runs,) or (runs, 1)), or a schedule: a
        function of the step t = 1, 2, … that returns a number, or one a run.
    **hyper_parameters
        By name. A number may be one a run, as lr.

    Attributes
    ----------
    theta
        The weights now, in the nesting that was given (a copy).
    t, eta, g, d
        The number of steps made; the learning rate, the gradient and the direction of the last
        step (flat).
    path
        The `Trajectory` of the last `minimize`.

    Raises
    ------
    TypeError, ValueError
        For a keyword that the rule does not have (the nearest name is suggested), and for values
        that make no sense.

    Examples
    --------
    >>> import autograd.numpy as np
    >>> from optimizers import Optimizer
    >>> class SignDescent(Optimizer):
    ...     def direction(self, theta, g):
    ...         return np.sign(g)
    >>> SignDescent(lambda x: np.sum(x**2), [3.0, -2.0], lr=0.5).minimize(2).theta
    array([[ 3. , -2. ],
           [ 2.5, -1.5],
           [ 2. , -1. ]])
    """

    state: ClassVar[tuple[str, ...]] = ()  # arrays shaped like θ, zero before the first step
    batched: bool = False  # `direction` takes any leading run axes
    elementwise: bool = False  # each coordinate moves by its own numbers alone

    lr: Any = 0.01

    __signature__ = _Signature()

    def __init_subclass__(cls, **keywords: Any) -> None:
        """A new formula makes its own promises: it does not inherit those of another."""
        super().__init_subclass__(**keywords)
        if isinstance(cls.state, str):
            raise TypeError(f"state must be a tuple of names: state = ({cls.state!r},)")
        if {"direction", "update", "__init__"} & vars(cls).keys():
            for promise in ("batched", "elementwise"):
                if promise not in vars(cls):
                    setattr(cls, promise, False)

    def __new__(cls, *args: Any, **keywords: Any) -> Optimizer:
        """Refuse unknown keywords by name before any rule's own __init__ sees them."""
        known = cls.known(keywords)
        if len(args) > 3 and not any(map(_arguments, cls.__mro__)):
            by_name = ", ".join(f"{name}=…" for name in list(known)[1:])
            raise TypeError(
                f"{cls.__name__}: what comes after lr is given by name: "
                f"{cls.__name__}(loss, weights, lr, {by_name})"
            )
        for name in keywords:
            if name not in known and name not in ("loss", "weights"):
                ours = OTHER_SPELLINGS.get(name)
                hint = f" Here it is {ours!r}." if ours in known else checks.nearest(name, known)
                raise TypeError(
                    f"{cls.__name__} has no hyper-parameter {name!r}; "
                    f"it has {', '.join(known)}.{hint}"
                )
        return super().__new__(cls)

    def __init__(
        self,
        loss: Callable[..., Any],
        weights: Any,
        lr: Number | Schedule = OWN_DEFAULT,
        **hyper_parameters: Any,
    ) -> None:
        theta, self.layout = flatten(weights, runs=getattr(loss, "batched", False))
        self.loss: Any = loss
        self.gradient = Gradient(loss, self.layout)
        if lr is not OWN_DEFAULT:
            hyper_parameters["lr"] = lr
        varied = {}
        for name, default in defaults(type(self)).items():
            value = hyper_parameters.get(name, default)
            if _is_number(default) or name in RANGES:
                value = _checked(name, value)
                if isinstance(value, np.ndarray):
                    varied[name] = value.shape[:-1]
            elif isinstance(default, bool):
                value = checks.flag(name, value)
            setattr(self, name, value)
        if callable(self.lr) and np.ndim(first := self.lr(1)):
            eta = checks.number_or_runs("the schedule's lr at t = 1", first, RANGES["lr"])
            varied["lr"] = np.shape(eta)[:-1]
        if varied and not self.batched:
            raise ValueError(
                f"{type(self).__name__} does not promise `batched = True`, so it takes one value "
                f"of {' and '.join(varied)} at a time; `sweep` loops over them"
            )
        try:
            runs = np.broadcast_shapes(theta.shape[:-1], *varied.values())
        except ValueError as error:
            counts = ", ".join(f"{name} {shape}" for name, shape in varied.items())
            raise ValueError(
                f"the numbers of runs do not fit: weights {theta.shape[:-1]}, {counts}"
            ) from error
        self._theta = np.array(
            np.broadcast_to(theta, runs + theta.shape[-1:]), order=_order(runs, theta.shape[-1])
        )
        for name in self.state:
            setattr(self, name, np.zeros_like(self._theta))
        self.t = 0
        self.batch: Any = None
        self._is_noisy = hasattr(loss, "noise")
        self._diverged_at: Any = -1

    def __getattr__(self, name: str) -> Any:
        """Only called for what is not there: say what may be meant."""
        if name == "_theta":
            hint = "does its __init__ call super().__init__(loss, weights, lr)?"
        else:
            hint = f"an array that starts at zero is named in the class: state = ({name!r},)."
            hint += checks.nearest(name, [n for n in dir(self) if not n.startswith("_")])
        raise AttributeError(f"{type(self).__name__} has no {name!r}; {hint}")

    @abstractmethod
    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        """d, where the step is −η·d.

        Parameters
        ----------
        theta, g
            The weights and the gradient, flat: (..., P). `self.t` is 1 at the first step.
        """

    def update(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        """The one equation: θ − η·d."""
        self.d = self.direction(theta, g)
        if getattr(self.d, "shape", None) != theta.shape:
            raise ValueError(
                f"{type(self).__name__}.direction must return an array shaped like theta, "
                f"{theta.shape}; got {shown(self.d)}"
            )
        return theta - self.eta * self.d

    def minimize_raw(self, batch: Any = None) -> Any:
        """Make one step.

        Parameters
        ----------
        batch
            Handed to the loss as its second argument, if given.

        Returns
        -------
        loss
            The loss before the step: a float, or one a run.
        """
        with np.errstate(all="ignore"):
            loss, g = self._evaluate(batch)
            self._step(g)
        return loss

    def minimize(
        self,
        steps: int,
        *,
        batches: Iterable[Any] | None = None,
        tol: float | None = None,
        watch: Iterable[str] = (),
        every: int = 1,
        progress: bool = False,
        callback: Callable[[Optimizer], Any] | None = None,
    ) -> Trajectory:
        """Make `steps` steps; called again, go on from there.

        Parameters
        ----------
        steps
            How many steps, 0 or more.
        batches
            One batch a step, handed to the loss as its second argument. The loss of the last
            iterate is taken on the last batch.
        tol
            Stop as soon as the gradient's norm is at most this (in every run).
        watch
            Names of inner state to record as well, such as ("m_hat", "v_hat").
        every
            Keep every so many-th step; the first and the last are always kept.
        progress
            Whether to show a progress bar.
        callback
            Called with the optimizer after each step.

        Returns
        -------
        Trajectory
            steps + 1 rows (with every=1), the first the start, the last the last iterate. A run
            whose loss or weights stop being finite ends there, marked `diverged`.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong, or the batches run dry.

        Examples
        --------
        >>> from optimizers import Adam
        >>> from optimizers.functions import rosenbrock
        >>> path = Adam(rosenbrock, [-1.5, 2.0], lr=0.05).minimize(500, watch=("m_hat",))
        >>> path.theta.shape, path.loss.shape, path["m_hat"].shape
        ((501, 2), (501,), (501, 2))
        """
        steps = checks.whole("steps", steps, 0)
        every = checks.whole("every", every, 1)
        if tol is not None:
            tol = checks.number("tol", tol, checks.NOT_NEGATIVE)
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be a function of the optimizer, got {shown(callback)}")
        stream = self._batch_stream(batches)
        recorder = Recorder(self, steps, every, _names("watch", watch))
        moving = [self, *(v for v in vars(self).values() if isinstance(v, Optimizer))]
        bar = Progress(steps, type(self).__name__) if progress else None
        try:
            with np.errstate(all="ignore"):
                batch = self._next_batch(stream, 0, steps) if steps else None
                loss, g = self._evaluate(batch)
                recorder.add(self._theta, loss, g)
                for done in range(1, steps + 1):
                    if recorder.all_diverged or (tol is not None and recorder.within(tol)):
                        break
                    # rules assign new arrays, so a shallow copy is enough to undo half a step
                    before = [dict(vars(part)) for part in moving]
                    try:
                        self._step(g)
                        if done < steps:
                            batch = self._next_batch(stream, done, steps)
                        loss, g = self._evaluate(batch)
                        self._theta = recorder.add(self._theta, loss, g)
                    except BaseException:
                        for part, attributes in zip(moving, before, strict=True):
                            part.__dict__ = attributes
                        raise
                    if bar is not None:
                        bar.update()
                    if callback is not None:
                        callback(self)
        finally:
            self.path = recorder.trajectory()
            self._diverged_at = recorder.diverged_at
            if bar is not None:
                bar.close()
        return self.path

    def select(self, runs: np.ndarray) -> None:
        """Go on with some of the runs only.

        Parameters
        ----------
        runs
            Which: an array of bool, (runs,).
        """
        self._select(runs, self._theta.shape[:-1])
        self._diverged_at = np.broadcast_to(self._diverged_at, runs.shape)[runs]

    def _select(self, runs: np.ndarray, shape: tuple[int, ...]) -> None:
        for name, value in list(vars(self).items()):
            if isinstance(value, Optimizer):
                value._select(runs, shape)
            elif isinstance(value, np.ndarray) and value.ndim > 1 and value.shape[:-1] == shape:
                setattr(self, name, value[runs])

    def _evaluate(self, batch: Any) -> tuple[Any, np.ndarray]:
        if batch is None and self._is_noisy:
            # the noise belongs to the step, so that every rule meets the same
            batch = self.loss.noise(self.t + 1, self._theta.shape[-1])
        self.batch = batch
        return self.gradient(self._theta, batch)

    def _step(self, g: np.ndarray) -> None:
        self.t += 1
        self.eta = self._learning_rate()
        self.g = g
        self._theta = self._moved(self._theta, g)

    def _moved(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        if self.elementwise and theta.shape[-1] >= WORTHWHILE:
            return update_in_blocks(self, theta, g)
        return self.update(theta, g)

    def _learning_rate(self) -> Number:
        if not callable(self.lr):
            return self.lr
        name = f"the schedule's lr at t = {self.t}"
        eta = checks.number_or_runs(name, self.lr(self.t), RANGES["lr"])
        if isinstance(eta, np.ndarray) and eta.shape[:-1] != self._theta.shape[:-1]:
            raise ValueError(
                f"{name} must be a number, or one a run; got {len(eta)} for "
                f"{self._theta.shape[:-1] or 'a single run'}"
            )
        return eta

    def _batch_stream(self, batches: Iterable[Any] | None) -> Iterator[Any]:
        try:
            return repeat(None) if batches is None else iter(batches)
        except TypeError as error:
            raise TypeError(
                f"batches must be an iterable with one batch a step, got {shown(batches)}"
            ) from error

    def _next_batch(self, stream: Iterator[Any], done: int, steps: int) -> Any:
        for batch in stream:
            return batch
        raise ValueError(
            f"batches ran dry after {done} of {steps} steps: give at least as many batches as "
            "steps (itertools.cycle repeats a list)"
        )

    @property
    def theta(self) -> Any:
        """The weights now, in the nesting that was given (a copy)."""
        return self.layout.unflatten(self._theta.copy())

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        """The rule's hyper-parameters by name."""
        return {name: getattr(self, name) for name in defaults(type(self)) if hasattr(self, name)}

    @classmethod
    def known(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """The hyper-parameters that a call with these keywords may set, with their defaults."""
        return defaults(cls)

    @property
    def recorded(self) -> Recorded:
        """Whether the gradient is replayed from a recording (true or false), and why."""
        return self.gradient.recorded

    def __repr__(self) -> str:
        values = (f"{name}={_short(v)}" for name, v in self.hyper_parameters.items())
        return f"{type(self).__name__}({', '.join(values)})"

    def _repr_markdown_(self) -> str:
        lines = formula(type(self))
        return f"`{self!r}`\n\n$$\n\\begin{{aligned}}\n{lines}\n\\end{{aligned}}\n$$"


def _order(runs: tuple[int, ...], size: int) -> Literal["C", "F"]:
    """Many runs of few weights lie in memory weight by weight: long stretches are quick."""
    return "F" if size * 8 <= np.prod(runs) else "C"


def defaults(rule: type[Optimizer]) -> dict[str, Any]:
    """The hyper-parameters of a rule and their defaults, lr first.

    They are its class attributes, and the arguments of an __init__ of its own, if it has one.
    """
    found: dict[str, Any] = {}
    for ancestor in reversed(rule.__mro__[: rule.__mro__.index(Optimizer) + 1]):
        found.update(
            (name, value)
            for name, value in vars(ancestor).items()
            if not name.startswith("_")
            and name not in NOT_HYPER_PARAMETERS
            and not hasattr(value, "__get__")  # a method or a property
        )
        found.update(_arguments(ancestor))
    return found


def _arguments(rule: type) -> dict[str, Any]:
    """The hyper-parameters that an __init__ of the rule's own names, with their defaults."""
    if "__init__" not in vars(rule) or rule in (Optimizer, object):
        return {}
    return {
        name: p.default
        for name, p in inspect.signature(vars(rule)["__init__"]).parameters.items()
        if name not in ("self", "loss", "weights")
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        and p.default is not OWN_DEFAULT
    }


def formula(thing: Any) -> str:
    """The LaTeX of the `.. math::` block in a docstring; its text stands there and nowhere else."""
    block = re.search(r"\.\. math::\n\n((?:[ ]+.*\n|\n)+)", inspect.cleandoc(thing.__doc__ or ""))
    return inspect.cleandoc(block.group(1)) if block else r"\theta \leftarrow \theta - \eta\,d"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _checked(name: str, value: Any) -> Any:
    """A number in its range (a whole one stays whole), one a run, or a schedule as lr."""
    if name == "lr" and callable(value):
        return value
    number = checks.number_or_runs(name, value, RANGES.get(name, checks.FINITE))
    return value if isinstance(value, int) else number


def _names(argument: str, names: Iterable[str]) -> tuple[str, ...]:
    """One name or several as a tuple; a plain string is one name, not a list of letters."""
    if isinstance(names, str):
        return (names,)
    try:
        names = tuple(names)
    except TypeError as error:
        raise TypeError(f"{argument} must be names, got {shown(names)}") from error
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{argument} must be names, got {shown(name)}")
    return names


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"<{value.size} values, {value.min():.3g} to {value.max():.3g}>"
    if callable(value):
        return getattr(value, "__name__", repr(value))
    return repr(value)
