"""Two rules side by side on random problems: the first step and the first quantity that differ."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import autograd.numpy as anp
import numpy as np

import optimizers
from optimizers.optimizer import Optimizer

STEPS = 20
PROBLEMS = 5
TOLERANCE = 1e-9  # relative
RATES = 0.02, 0.1
PLACES = ("rules", "schedules.py", str(Path("classroom", "one_line.py")))
LIBRARY = tuple(str(Path(optimizers.__file__).parent / place) for place in PLACES)


@dataclass(frozen=True)
class Problem:
    """A loss, a start, a learning rate and the rule's other numbers."""

    loss: Callable[[Any], Any]
    start: np.ndarray
    lr: float
    settings: Mapping[str, float]

    def begin(self, rule: type[Optimizer]) -> Optimizer:
        """The rule before its first step."""
        return rule(self.loss, self.start.copy(), lr=self.lr, **self.settings)


@dataclass(frozen=True)
class Difference:
    """At step t, the quantity of this name is the first that differs."""

    t: int
    name: str
    finite: bool

    def __str__(self) -> str:
        before = {1: "", 2: "step 1 agrees, "}.get(self.t, f"steps 1 to {self.t - 1} agree, ")
        nan = "" if self.finite else " (it is not a finite number)"
        return f"{before}step {self.t} differs in {self.name}{nan}"


def bowl(rng: np.random.Generator, size: int) -> Callable[[Any], Any]:
    """A quadratic with curvatures between 0.5 and 4, turned and moved at random."""
    turned = np.linalg.qr(rng.standard_normal((size, size)))[0]
    hessian = turned @ np.diag(rng.uniform(0.5, 4, size)) @ turned.T
    lowest = rng.uniform(-1, 1, size)
    return lambda theta: 0.5 * anp.dot(theta - lowest, anp.dot(hessian, theta - lowest))


def smooth(rng: np.random.Generator, size: int) -> Callable[[Any], Any]:
    """Logistic losses of a few examples: bent, but nowhere steep."""
    examples = rng.uniform(-2, 2, (6, size))
    pull = rng.uniform(-0.5, 0.5, size)
    return lambda theta: (
        anp.sum(anp.logaddexp(0.0, anp.dot(examples, theta))) + anp.dot(pull, theta)
    )


def problems(
    rng: np.random.Generator,
    defaults: Mapping[str, float],
    ranges: Mapping[str, tuple[float, float]],
    layers: bool = False,
    rates: tuple[float, float] = RATES,
) -> list[Problem]:
    """Five problems; the first with the usual numbers, so that it shows a number written in.

    With `layers`, also what a trust ratio must get right: a start at 0, a long layer, no decay,
    and a loss without any slope. With large `rates`, the gradients change their signs.
    """
    found = []
    for i in range(PROBLEMS + 2 * layers):
        size = int(rng.integers(2, 5))
        loss = (bowl, smooth)[i % 2](rng, size)
        start = rng.uniform(0.5, 2, size) * rng.choice([-1, 1], size)
        settings = {name: float(rng.uniform(*ranges[name])) for name in defaults}
        if i == 0:
            settings = dict(defaults)
        if i == 2 and "weight_decay" in settings:
            settings["weight_decay"] = 0.0
        if layers and i == 3:
            start = np.zeros(size)
        if layers and i == 4:
            start = 30 * start
        if layers and i == 5:
            settings["weight_decay"] = 0.0
            loss = flat
        found.append(Problem(loss, start, float(rng.uniform(*rates)), settings))
    return found


def flat(theta: Any) -> Any:
    """A loss without any slope."""
    return 0.0 * anp.sum(theta)


def trace(rule: type[Optimizer], problem: Problem, names: Sequence[str]) -> list[dict[str, Any]]:
    """What can be seen after each step: the named quantities that are there, and the step."""
    running = problem.begin(rule)
    rows = []
    for _ in range(STEPS):
        before = _numbers(running.theta)
        running.minimize_raw()
        row = {name: _numbers(vars(running).get(name)) for name in names}
        after = _numbers(running.theta)
        row["the step"] = after - before if after is not None and before is not None else None
        row["_size"] = problem.start if before is None else before
        rows.append(row)
    return rows


def first_difference(
    ours: list[dict[str, Any]], theirs: list[dict[str, Any]], names: Sequence[str]
) -> Difference | None:
    """None if all steps agree: what students call their inner quantities is up to them."""
    if all(_close(a, b, "the step") for a, b in zip(ours, theirs, strict=True)):
        return None
    for t, (a, b) in enumerate(zip(ours, theirs, strict=True), 1):
        for name in (*names, "the step"):
            if name != "the step" and (b[name] is None or a[name] is None):
                continue
            if not _close(a, b, name):
                finite = b[name] is not None and bool(np.isfinite(b[name]).all())
                return Difference(t, name, finite)
    raise AssertionError("the steps differ, so there is a first one")


def same_steps(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    """Whether two runs made the same steps (nan is the same as nan)."""
    return all(_close(a, b, "the step", nan=True) for a, b in zip(one, other, strict=True))


def _close(a: dict[str, Any], b: dict[str, Any], name: str, nan: bool = False) -> bool:
    x, y = a[name], b[name]
    if x is None or y is None:
        return False
    if x.shape != y.shape and not (x.size == y.size == 1):
        return False
    x, y = x.reshape(y.shape), y
    finite = np.abs(x[np.isfinite(x)])
    slack = TOLERANCE * finite.max(initial=0.0)
    if name == "the step":  # a difference of two weights: rounded like them
        slack += 1e-14 * float(np.abs(a["_size"]).max())
    return bool(np.allclose(y, x, rtol=TOLERANCE, atol=slack, equal_nan=nan))


def _numbers(value: Any) -> np.ndarray | None:
    if value is None:  # numpy would make a nan of it
        return None
    try:
        return np.array(value, dtype=float)
    except (TypeError, ValueError):
        return None


@contextmanager
def watched() -> Iterator[list[str]]:
    """Note which of the library's own formulas are called meanwhile. Warnings are kept quiet."""
    called: list[str] = []

    def note(frame: Any, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(LIBRARY):
            called.append(code.co_qualname.partition(".")[0])

    before = sys.getprofile()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        sys.setprofile(note)
        try:
            yield called
        finally:
            sys.setprofile(before)
