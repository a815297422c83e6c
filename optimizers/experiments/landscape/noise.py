"""gradient_noise: the gradients of mini-batches around that of all data, and the noise scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.checks import shown
from optimizers.datasets import minibatches
from optimizers.experiments.landscape.objective import Objective
from optimizers.experiments.training import Training
from optimizers.gradients import Gradient
from optimizers.problem import Problem
from optimizers.progress import Progress

SINGLE = 4096  # examples, of which each one's gradient is taken


@dataclass(frozen=True, eq=False)
class GradientNoise:
    """The gradients of batches at a point, and how far they lie from the whole gradient.

    Attributes
    ----------
    problem
        The loss whose gradient is the whole one.
    gradient
        It, at the point: (P,).
    batch_size
        How many examples a batch of the cloud has; None for noise that is not that of batches.
    cloud
        Gradients of batches: (count, P).
    examples
        How many examples there are; None without.
    batch_sizes, power, error
        For batches of these sizes, (k,), the mean of ‖g_B − G‖², and its standard error. Empty
        where there are no examples.
    """

    problem: Problem
    gradient: np.ndarray
    batch_size: int | None
    cloud: np.ndarray
    examples: int | None
    batch_sizes: np.ndarray
    power: np.ndarray
    error: np.ndarray

    @property
    def trace(self) -> float | None:
        """tr Σ, the variance of the gradient from example to example; None without examples.

        Measured on the smallest batches: ‖g_B − G‖² is (tr Σ / B)·(N − B)/(N − 1) in the mean.
        """
        if not len(self.batch_sizes):
            return None
        return float(self.power[0] / self._expected(self.batch_sizes[:1])[0])

    @property
    def noise_scale(self) -> float | None:
        """tr Σ / ‖G‖², in examples: batches of this size have as much noise as gradient.

        None without examples; inf where the gradient is 0.
        """
        if self.trace is None:
            return None
        squared = float(self.gradient @ self.gradient)
        return self.trace / squared if squared > 0 else np.inf

    @property
    def noise_scale_error(self) -> float | None:
        """The standard error of the noise scale: 0 where each example's gradient was taken."""
        if self.noise_scale is None:
            return None
        return float(self.noise_scale * self.error[0] / self.power[0]) if self.power[0] else 0.0

    def expected(self, sizes: Any) -> np.ndarray:
        """‖g_B − G‖² in the mean, by the trace: one number for each batch size."""
        if self.trace is None:
            raise ValueError("without examples there is no batch size to expect anything of")
        return self.trace * self._expected(np.asarray(sizes, float))

    def _expected(self, sizes: np.ndarray) -> np.ndarray:
        """The share of tr Σ that is left in batches, which are drawn without repetition."""
        assert self.examples is not None
        return (self.examples - sizes) / ((self.examples - 1) * sizes)

    @property
    def downhill(self) -> float:
        """The share of the cloud whose steps lead down the loss, if they are short enough."""
        return float(np.mean(self.cloud @ self.gradient > 0))

    def plot(self, ax: Any = None) -> Any:
        """Draw the cloud around the whole gradient. Returns the Axes."""
        from optimizers.plotting import plot_gradient_noise

        return plot_gradient_noise(self, ax=ax)

    def plot_scale(self, ax: Any = None) -> Any:
        """Draw the noise against the batch size. Returns the Axes."""
        from optimizers.plotting import plot_noise_scale

        return plot_noise_scale(self, ax=ax)

    def __repr__(self) -> str:
        scale = "" if self.noise_scale is None else f", noise scale {self.noise_scale:.3g} examples"
        batch = "" if self.batch_size is None else f", batches of {self.batch_size}"
        return f"<GradientNoise of {self.problem.name}{batch}: {len(self.cloud)} gradients{scale}>"


def gradient_noise(
    function: Any,
    weights: Any = None,
    *,
    batch_sizes: Sequence[int] | None = None,
    count: int = 256,
    seed: int = 0,
    progress: bool = True,
) -> GradientNoise:
    r"""The gradients of mini-batches around the whole gradient G, and the noise scale.

    .. math::

        \mathcal{B} = \frac{\operatorname{tr} \Sigma}{\|G\|^2} \qquad
        \mathrm{E}\,\|g_B - G\|^2 = \frac{\operatorname{tr} \Sigma}{B} \cdot \frac{N - B}{N - 1}

    with Σ the covariance of the N examples' gradients. A batch far larger than the noise scale
    has hardly any noise left to average; a far smaller one is mostly noise.

    Parameters
    ----------
    function
        A `Training`, whose cloud has batches of its batch size; or a noisy function.
    weights
        Where, in their nesting or flat; left out, the function's start.
    batch_sizes
        At which the noise is measured; left out, 1, 2, 4, … Of a training only.
    count
        How many batches of each size; of single examples, all there are, up to 4096 or this.
    seed
        Which batches of a training: 0, 1, 2, …
    progress
        Whether to show a bar when it takes longer than a moment.

    Returns
    -------
    GradientNoise

    Raises
    ------
    TypeError, ValueError
        For a loss without batches and without noise, and for batch sizes that cannot be.

    Examples
    --------
    >>> from optimizers import Training
    >>> from optimizers.datasets import two_moons
    >>> from optimizers.models import mlp
    >>> moons = Training(mlp([2, 8, 2]), two_moons(), batch_size=16)
    >>> found = gradient_noise(moons, count=64)
    >>> found.cloud.shape
    (64, 42)
    >>> found.batch_sizes.tolist()
    [1, 2, 4, 8, 16, 32, 64, 128, 256]

    Notes
    -----
    McCandlish et al., "An empirical model of large-batch training" (2018), section 2.2, whose noise
    scale is the simple one, B_simple. The second factor of the formula is 1 where the examples are
    drawn from infinitely many.
    """
    objective = Objective.of(function, weights)
    theta = objective.at(weights, "weights")
    given, batch = objective.problem.given, objective.problem.batch
    count = checks.whole("count", count, 2)
    size: int | None
    examples: int | None
    if isinstance(given, Training):
        size, examples = given.batch_size, len(given.data.train[0])
        if size == examples:
            raise ValueError(
                f"gradient_noise: a step of {objective.problem.name} sees all {examples} examples, "
                "and there is no noise: give a smaller batch_size"
            )
        sizes = _sizes(batch_sizes, examples)
        cloud, power = _of_training(objective, theta, sizes, size, count, seed, progress)
    elif batch is None:
        raise ValueError(
            f"gradient_noise: {objective.problem.name} has neither batches nor noise; give a "
            "Training(model, data, batch_size=…), or noisy(function, sigma)"
        )
    elif batch_sizes is not None:
        raise ValueError(
            f"gradient_noise: {objective.problem.name} has no examples to make batches of: leave "
            "out batch_sizes"
        )
    else:
        gradient = Gradient(objective.problem, objective.layout)
        draws = [batch(t, theta.size) for t in range(1, count + 1)]
        cloud = np.array([gradient(theta, draw)[1] for draw in draws])
        sizes, size, power, examples = np.empty(0, int), None, np.empty((0, 2)), None
    return GradientNoise(
        objective.whole,
        objective.gradient(theta)[1],
        size,
        cloud,
        examples,
        sizes,
        power[:, 0],
        power[:, 1],
    )


def _sizes(batch_sizes: Any, examples: int) -> np.ndarray:
    """The batch sizes to measure at: below the number of examples, in rising order."""
    if batch_sizes is None:
        return 2 ** np.arange(max(1, int(np.ceil(np.log2(examples)))))
    if isinstance(batch_sizes, str) or not np.iterable(batch_sizes):
        raise TypeError(
            f"batch_sizes must be whole numbers such as [1, 8, 64], got {shown(batch_sizes)}"
        )
    sizes = np.unique([checks.whole("batch_sizes", size, 1) for size in batch_sizes])
    if not len(sizes) or sizes[-1] >= examples:
        raise ValueError(
            "batch_sizes must be one or more whole numbers below the number of examples, "
            f"{examples}; got {shown(batch_sizes)}"
        )
    return sizes


def _of_training(
    objective: Objective,
    theta: np.ndarray,
    sizes: np.ndarray,
    size: int,
    count: int,
    seed: int,
    progress: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """The cloud, (count, P), and of each size the mean of ‖g_B − G‖² with its error: (k, 2)."""
    data = objective.problem.given.data
    gradient = Gradient(objective.problem, objective.layout)
    whole = objective.gradient(theta)[1]
    bar = Progress(len(sizes) + 1, "gradient_noise") if progress else None

    def drawn(size: int) -> np.ndarray:
        batches = minibatches(data, size, seed)
        # single examples are cheap, and each of them says all once
        number = min(max(count, SINGLE), batches.steps_per_epoch) if size == 1 else count
        rows = []
        for t in range(1, number + 1):
            rows.append(gradient(theta, batches.at(t))[1])
        if bar is not None:
            bar.update()
        return np.array(rows)

    try:
        cloud = drawn(size)
        squares = [((drawn(int(size)) - whole) ** 2).sum(axis=1) for size in sizes]
    finally:
        if bar is not None:
            bar.close()
    errors = [s.std(ddof=1) / np.sqrt(len(s)) for s in squares]
    if sizes[0] == 1:  # drawn without repetition: of all there are, the mean is exact
        examples = len(data.train[0])
        errors[0] *= np.sqrt((examples - len(squares[0])) / (examples - 1))
    return cloud, np.array([(s.mean(), error) for s, error in zip(squares, errors, strict=True)])
