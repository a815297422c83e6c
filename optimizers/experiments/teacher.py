"""teacher: a problem made of matrices, whose minimum is known, without any data files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.datasets import Batch, Dataset
from optimizers.experiments.training import Training
from optimizers.models import Weights, products, regression
from optimizers.problem import Problem
from optimizers.recipe import by_recipe
from optimizers.weights import flatten

INPUTS, WEIGHTS = 1, 2  # streams of the teacher's seed, apart from the one of a student's start
AT_LEAST_1 = checks.Range("a finite number >= 1", lambda v: v >= 1)


@dataclass(frozen=True, eq=False, repr=False)
class Teacher(Training):
    """A student network that fits a fixed random one; `teacher` makes it.

    A `Training` whose loss is that on all examples: without noise if a step sees them all, else
    each step has a mini-batch. Its seed draws the student's first weights and the order of the
    examples; teacher and inputs stay.

    Attributes
    ----------
    solution
        Weights of the student with which it is the teacher; None where it may not be able to.
    """

    title: str = "teacher"
    solution: Weights | None = None

    @property
    def name(self) -> str:
        """Teacher, student if it is another, and batch: "teacher 16-32-4, condition 100"."""
        return self.title if self._sees_all else f"{self.title}, batch {self.batch_size}"

    @property
    def _sees_all(self) -> bool:
        """Whether a step sees all examples."""
        return self.batch_size == len(self.data.train[0])

    def as_problem(self, start: Any) -> Problem:
        """What the experiments and the pictures ask of it."""
        return replace(
            super().as_problem(start),
            batch=None if self._sees_all else self.noise,
            exact=None if self._sees_all else self.on_all,
            minima=self._minima,
            minimum=None if self.solution is None else 0.0,
            pure=True,
            batched=True,
            formula=self.model.loss,
            noun="loss",
            chance="" if self._sees_all else "Losses are those on all examples.",
        )

    def on_all(self, theta: np.ndarray) -> Any:
        """The loss on all examples that are learnt from, at flat weights: (..., P) → (...)."""
        return self.model.loss(self._layout.unflatten(theta), self.data.train)

    @property
    def _minima(self) -> np.ndarray | None:
        """The one minimum of a linear student; those of a network are many and not all known."""
        if self.solution is None or len(self.solution) > 1:
            return None
        return flatten(self.solution)[0][np.newaxis]

    def __repr__(self) -> str:
        return f"<{self.name}, seed {self.seed}>"


def teacher(
    sizes: Iterable[int],
    seed: int = 0,
    *,
    activation: str = "tanh",
    condition: float = 1.0,
    student: Iterable[int] | None = None,
    n: int = 500,
    batch_size: int | None = None,
) -> Teacher:
    r"""A student network that fits a fixed random one: all weights are matrices, the minimum is 0.

    .. math::

        f_W(x) &= \phi(\cdots \phi(x\, W_1) \cdots)\, W_L \\
        \text{loss} &= \frac{1}{2n} \sum_i \|f_W(x_i) - f_{W^*}(x_i)\|^2

    With two sizes there is one matrix and no φ: linear regression, a quadratic whose Hessian has
    the given condition number and whose one minimum is W*.

    Parameters
    ----------
    sizes
        Of the input, of each hidden layer, and of the output: [16, 32, 4], or [16, 4].
    seed
        0, 1, 2, …: which teacher W*, and which inputs.
    activation
        φ: "tanh" or "relu".
    condition
        κ ≥ 1, of the inputs' second moments (1/n) Σ xᵢᵀxᵢ: the largest eigenvalue over the
        smallest. They lie evenly on a log axis, their mean is 1, and their
        directions are random.
    student
        The student's sizes; left out, those of the teacher.
    n
        How many examples there are to learn from, as many as inputs or more; as many are held out.
    batch_size
        How many of them a step sees; left out, all.

    Returns
    -------
    Teacher
        Rules, `sweep`, `compare` and `suite` take it; its `start` is the student's first weights.

    Raises
    ------
    TypeError, ValueError
        For sizes, a condition number or an activation that make no sense, for a student of other
        inputs or outputs, and for too few examples.

    Examples
    --------
    >>> from optimizers import Muon
    >>> problem = teacher([8, 16, 4], condition=100)
    >>> problem
    <teacher 8-16-4, condition 100, seed 0>
    >>> path = Muon(problem, problem.start, lr=0.02).minimize(300)
    >>> bool(path.loss[-1] < 0.1 * path.loss[0])
    True
    >>> float(problem(problem.solution))
    0.0

    Notes
    -----
    After Saad and Solla, "On-line learning in soft committee machines" (1995). A student can be the
    teacher where it has as many layers, each as wide or wider; of others no minimum is claimed.
    """
    model = regression(sizes, activation)
    widths = _widths(model.init())
    seed, n = checks.whole("seed", seed, 0), checks.whole("n", n, 1)
    condition = checks.number("condition", condition, AT_LEAST_1)
    if n < widths[0]:
        raise ValueError(f"n must be the number of inputs, {widths[0]}, or more; got {n}")
    data = taught(widths, seed, activation, condition, n)
    learner, title = model, data.name
    if student is not None:
        learner = regression(student, activation)
        theirs = _widths(learner.init())
        if (theirs[0], theirs[-1]) != (widths[0], widths[-1]):
            raise ValueError(
                f"student must have the teacher's {widths[0]} inputs and {widths[-1]} outputs, "
                f"such as {[widths[0], 2 * widths[0], widths[-1]]}; got {list(theirs)}"
            )
        title = f"student {'-'.join(map(str, theirs))} of {title}"
    return Teacher(
        learner,
        data,
        n if batch_size is None else batch_size,
        title=title,
        solution=_widened(_weights(widths, seed), learner.init()),
    )


@by_recipe
def taught(sizes: tuple[int, ...], seed: int, activation: str, condition: float, n: int) -> Dataset:
    """Random inputs of that condition number, (n, in), and what the teacher says of them."""
    weights = _weights(sizes, seed)
    rng = np.random.default_rng((seed, INPUTS))
    moments = np.geomspace(1.0, 1 / condition, sizes[0])
    moments /= moments.mean()
    rotation, _ = np.linalg.qr(rng.standard_normal((sizes[0], sizes[0])))
    train, held_out = rng.standard_normal((2, n, sizes[0]))
    left, _, right = np.linalg.svd(train, full_matrices=False)
    train = np.sqrt(n) * left @ right  # second moments 1, not only nearly

    def lesson(white: np.ndarray) -> Batch:
        x = white * np.sqrt(moments) @ rotation.T
        return x, products(weights, x, activation)

    name = f"teacher {'-'.join(map(str, sizes))}, condition {condition:g}"
    return Dataset(name, lesson(train), lesson(held_out))


def _widths(weights: Weights) -> tuple[int, ...]:
    """The sizes of a network, from its weights."""
    kernels = [layer["kernel"] for layer in weights.values()]
    return (len(kernels[0]), *(kernel.shape[1] for kernel in kernels))


def _weights(sizes: tuple[int, ...], seed: int) -> Weights:
    """The teacher's: drawn as a student's are, by other numbers."""
    stream = np.random.default_rng((seed, WEIGHTS))
    return regression(sizes).init(int(stream.integers(2**32)))


def _widened(weights: Weights, like: Weights) -> Weights | None:
    """The weights with zeros where the other network has more; None where it has less."""
    if len(weights) != len(like):
        return None
    wide = {layer: {"kernel": np.zeros_like(like[layer]["kernel"])} for layer in like}
    for layer, kernel in ((name, part["kernel"]) for name, part in weights.items()):
        rows, columns = kernel.shape
        place = wide[layer]["kernel"][:rows, :columns]
        if place.shape != kernel.shape:
            return None
        place[:] = kernel
    return wide


# by label, as FUNCTIONS has the test functions: small, so that a suite of them fits into a lesson
MATRICES = {
    "teacher": teacher([8, 8, 4], condition=100, n=64),
    "linear_teacher": teacher([8, 4], condition=100, n=64),
}
