"""Newton: jump to the minimum of the local parabola."""

from __future__ import annotations

import numpy as np

from optimizers.hyper_parameters import NotNegative
from optimizers.optimizer import Optimizer
from optimizers.spaces import Log


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

    @property
    def gradients_per_step(self) -> int:
        """The Hessian takes a gradient for each weight, beside the one of the step."""
        return 1 + self.layout.size

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        H = self.gradient.hessian(theta, self.batch)
        H = H + np.expand_dims(self.damping, -1) * np.eye(theta.shape[-1])
        finite = np.isfinite(H).all(axis=(-2, -1))[..., np.newaxis]
        H = np.where(finite[..., np.newaxis], H, 0.0)  # nan would stop the runs beside it
        inverse = np.linalg.pinv(H, rtol=theta.shape[-1] * np.finfo(float).eps, hermitian=True)
        return np.where(finite, np.einsum("...ij,...j->...i", inverse, g), np.nan)
