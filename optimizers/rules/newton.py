"""Newton: jump to the minimum of the local parabola."""

from __future__ import annotations

import numpy as np

from optimizers.hyper_parameters import NotNegative
from optimizers.learning_rate import moving
from optimizers.optimizer import Optimizer
from optimizers.slots import Slots
from optimizers.spaces import Log


def pseudo_inverse(H: np.ndarray) -> np.ndarray:
    """The inverse of symmetric matrices (..., P, P), and 0 in directions without curvature."""
    P = H.shape[-1]
    none = P * np.finfo(float).eps  # of the largest curvature: what is no more than rounding
    if P > 2:
        return np.linalg.pinv(H, rtol=none, hermitian=True)
    size = np.max(np.abs(H), axis=(-2, -1), keepdims=True)
    size = np.where(size > 0, size, 1.0)
    H = H / size  # of entries up to 1, no product overflows
    if P == 1:
        return H / size  # 1 / H: what is left of H is its sign
    a, b, c = H[..., 0, 0], H[..., 1, 0], H[..., 1, 1]
    largest = np.abs(a + c) / 2 + np.sqrt(((a - c) / 2) ** 2 + b * b)
    square = np.maximum(largest * largest, 1.0)[..., np.newaxis, np.newaxis]  # less only of H = 0
    det = (a * c - b * b)[..., np.newaxis, np.newaxis]  # the product of both curvatures
    is_regular = np.abs(det) > none * square
    adjugate = np.stack([np.stack([c, -b], axis=-1), np.stack([-b, a], axis=-1)], axis=-2)
    return np.where(is_regular, adjugate / np.where(is_regular, det, 1.0), H / square) / size


class Newton(Optimizer):
    r"""Divide the gradient by the curvature in every direction.

    .. math::

        \theta_t = \theta_{t-1} - \eta\, (H_t + \delta I)^{-1} g_t, \qquad
        H_t = \frac{\partial^2 \text{loss}}{\partial \theta^2}

    Parameters
    ----------
    loss, weights
        See `Optimizer`. The Hessian has P × P entries: for small P.
    lr
        η; 1 jumps to the minimum of a convex quadratic.
    damping
        δ ≥ 0, added to every curvature.

    Examples
    --------
    >>> from optimizers import Newton
    >>> from optimizers.functions import quadratic
    >>> path = Newton(quadratic(condition=1000, rotation=30), [-2.0, 5.0]).minimize(1)
    >>> path.theta[-1].round(9)
    array([1., 1.])

    Notes
    -----
    Source: Nocedal and Wright, "Numerical optimization" (2006), eq. 2.15. Directions without
    curvature are left alone (the pseudo-inverse). Where the curvature is negative, the step goes
    uphill, to a saddle or a maximum: that is Newton's method, and part of the lesson.
    """

    lr = 1.0
    damping: NotNegative = 0.0

    batched = True
    space = Optimizer.space | {"damping": Log(1e-6, 10.0)}
    slots = Slots(
        memory="nothing",
        direction="g",
        magnitude="overall: each direction ÷ curvature",
        decay="none",
    )

    @property
    def gradients_per_step(self) -> int:
        """The Hessian takes a gradient for each weight, beside the one of the step."""
        return 1 + self.layout.size

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        H = self.gradient.hessian(theta, self.batch)
        H = H + np.expand_dims(self.damping, -1) * np.eye(theta.shape[-1])
        H = moving(moving(H, self.eta).mT, self.eta)  # symmetric; of those that are not frozen
        finite = np.isfinite(H).all(axis=(-2, -1))[..., np.newaxis]
        H = np.where(finite[..., np.newaxis], H, 0.0)  # nan would stop the runs beside it
        d = np.sum(pseudo_inverse(H) * g[..., np.newaxis, :], axis=-1)
        return np.where(finite, d, np.nan)
