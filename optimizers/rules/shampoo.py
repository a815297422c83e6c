"""Shampoo: AdaGrad with a whole matrix for each axis of the weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.hyper_parameters import Positive
from optimizers.optimizer import Optimizer
from optimizers.rules.matrices import eigh, joined, split
from optimizers.slots import Slots

LARGEST = 10_000


def inverse_root(A: np.ndarray, order: int, least: Any) -> np.ndarray:
    """A to the power −1/order, of symmetric matrices (..., n, n) with no eigenvalue below `least`.

    What rounding has brought below is lifted, and what is no more than rounding.
    """
    n = A.shape[-1]
    none = n * np.finfo(float).eps  # of the largest eigenvalue
    if order == 2 and n <= 2:
        return _inverse_square_root(A, np.expand_dims(least, -1), none)
    eigenvalues, V = eigh(A)
    least = np.maximum(least, none * eigenvalues[..., -1:])
    powers = np.maximum(eigenvalues, least) ** (-1 / order)
    return (V * powers[..., np.newaxis, :]) @ V.mT


def _inverse_square_root(A: np.ndarray, least: np.ndarray, none: float) -> np.ndarray:
    """The same for up to two rows, by hand: without LAPACK it can be traced."""
    if A.shape[-1] == 1:
        return 1 / np.sqrt(np.maximum(A, least))
    size = np.max(np.abs(A), axis=(-2, -1), keepdims=True)
    size = np.where(size > 0, size, 1.0)
    A, least = A / size, least / size  # of entries up to 1, no product overflows
    a, b, c = (A[..., i, j][..., np.newaxis, np.newaxis] for i, j in ((0, 0), (1, 0), (1, 1)))
    largest = (a + c) / 2 + np.sqrt(((a - c) / 2) ** 2 + b * b)
    least = np.maximum(least, none * largest)
    root_of_det = np.sqrt(np.maximum(a * c - b * b, least * (a + c - least)))
    trace_of_root = np.sqrt(a + c + 2 * root_of_det)
    adjugate = (a + c) * np.eye(2) - A
    return (adjugate + root_of_det * np.eye(2)) / (root_of_det * trace_of_root) / np.sqrt(size)


def unfolded(G: np.ndarray, axis: int, axes: int) -> np.ndarray:
    """The rows along one of the last `axes` axes: (..., *shape) → (..., n, all others)."""
    moved = np.moveaxis(G, axis - axes, -axes)
    return moved.reshape(*moved.shape[: moved.ndim - axes + 1], -1)


def times(matrix: np.ndarray, G: np.ndarray, axis: int, axes: int) -> np.ndarray:
    """A matrix times an array along one of its last `axes` axes."""
    if axes == 1:
        return np.sum(matrix * G[..., np.newaxis, :], axis=-1)  # in the same order for many runs
    moved = np.moveaxis(G, axis - axes, -axes)
    product = (matrix @ unfolded(G, axis, axes)).reshape(moved.shape)
    return np.moveaxis(product, -axes, axis - axes)


class Shampoo(Optimizer):
    r"""Precondition a matrix from the left and from the right, by what its gradients were like.

    .. math::

        L_t &= L_{t-1} + G_t G_t^\top \qquad R_t = R_{t-1} + G_t^\top G_t, \qquad
            L_0 = R_0 = \epsilon I \\
        \theta_t &= \theta_{t-1} - \eta\, L_t^{-1/4}\, G_t\, R_t^{-1/4}

    An array with k axes has a matrix H for each, and each is taken to the power −1/2k:

    .. math::

        H_t^{(i)} = H_{t-1}^{(i)} + G_t^{(i)} G_t^{(i)\top}

    where the rows of G⁽ⁱ⁾ are those along axis i. So a vector has H^(−1/2) g, which is AdaGrad with
    the whole matrix, and not its diagonal alone.

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`. An axis of n takes a matrix of n × n.
    epsilon
        ε > 0, in every direction before the first gradient.

    Examples
    --------
    The first step goes equally far in all directions of the gradient, as Muon's does:

    >>> import autograd.numpy as np
    >>> from optimizers import Shampoo
    >>> slopes = np.array([[100.0, 0.0], [0.0, 1.0]])
    >>> shampoo = Shampoo(lambda w: np.sum(slopes * w), np.zeros((2, 2)), lr=1.0)
    >>> shampoo.minimize(1).weights(1).round(3) + 0.0
    array([[-1.,  0.],
           [ 0., -1.]])

    Notes
    -----
    Source: Gupta, Koren and Singer, "Shampoo: preconditioned stochastic tensor optimization"
    (2018), algorithms 1 and 2. The numbers are those of pytorch_optimizer's Shampoo. What is used
    at scale forgets old gradients, takes the length of its steps from another rule, and computes
    the roots now and then only; see `SOAP`.
    """

    lr = 0.1
    epsilon: Positive = 1e-6

    state = ("H",)
    batched = True
    slots = Slots(
        memory="sums of ggᵀ and gᵀg",
        direction="g",
        magnitude="per layer: ÷ fourth roots of both",
        decay="none",
    )

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.shapes = [shape or (1,) for shape in self.layout.shapes]  # one number is a vector
        self.sides = [(n, n) for shape in self.shapes for n in shape]
        longest = max(n for n, _ in self.sides)
        if longest > LARGEST:
            raise ValueError(
                f"Shampoo keeps a matrix of n × n for each axis of n: {longest:,} is too long, "
                f"at most {LARGEST:,} is allowed; SOAP leaves long axes as they are"
            )
        self.H = np.zeros((*self._theta.shape[:-1], sum(n * n for n, _ in self.sides)))

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        self.H = self.H + self._outer(g)
        return self._preconditioned(g)

    def _outer(self, g: np.ndarray) -> np.ndarray:
        """g gᵀ along each axis of each array."""
        rows = [
            unfolded(G, axis, len(shape))
            for G, shape in zip(split(g, self.shapes), self.shapes, strict=True)
            for axis in range(len(shape))
        ]
        return joined([G @ G.mT for G in rows], g.shape[:-1])

    def _preconditioned(self, g: np.ndarray) -> np.ndarray:
        """Each array, times its roots along all of its axes."""
        arrays, sides = split(g, self.shapes), iter(split(self.H, self.sides))
        for i, shape in enumerate(self.shapes):
            for axis in range(len(shape)):
                H = next(sides)
                H = H + np.expand_dims(self.epsilon, -1) * np.eye(shape[axis])
                root = inverse_root(H, 2 * len(shape), self.epsilon)
                arrays[i] = times(root, arrays[i], axis, len(shape))
        return joined(arrays, g.shape[:-1])
