"""Nonlinear conjugate gradients: each direction is bent so as not to undo the last one."""

from __future__ import annotations

import numpy as np

from optimizers.rules.line_search import Along, LineSearch, dot, lowest

REACH = 0.1, 10.0  # of the first trial, where the lowest point of its parabola is believed


class NonlinearCG(LineSearch):
    r"""Walk along conjugate directions, to the lowest point of each.

    .. math::

        \beta_t &= \max\left(0,\, \frac{g_t^\top (g_t - g_{t-1})}{\|g_{t-1}\|^2}\right) \\
        d_t &= g_t + \beta_t\, d_{t-1} \\
        \theta_t &= \theta_{t-1} - \alpha_t\, \eta\, d_t

    The first trial has the α of the last step (before there is one, min(1, 1 / ‖g‖₁)). Through it
    goes a parabola, at whose lowest point the backtracking begins (see `LineSearch`): on a
    quadratic, that is the minimum along d. Where d does not lead downhill, the gradient takes its
    place.

    Parameters
    ----------
    loss, weights, lr, decrease
        See `LineSearch`.

    Attributes
    ----------
    evaluations, alpha
        See `LineSearch`; one more evaluation per step, that of the first trial.

    Examples
    --------
    On a quadratic in two dimensions, the second direction leads to the minimum:

    >>> from optimizers import NonlinearCG
    >>> from optimizers.functions import quadratic
    >>> cg = NonlinearCG(quadratic(condition=10, rotation=30), [-2.0, 5.0])
    >>> path = cg.minimize(2)
    >>> path.theta[-1].round(6), cg.evaluations
    (array([1., 1.]), array([6]))

    Notes
    -----
    Source: Polak and Ribière, "Note sur la convergence de méthodes de directions conjuguées"
    (1969); Powell, "Nonconvex minimization calculations and the conjugate gradient method" (1984),
    for max(0, …); Nocedal and Wright, "Numerical optimization" (2006), eq. 5.44 and 5.45. β is that
    of scipy's fmin_cg, which searches by Wolfe's conditions, with gradients. On a quadratic, the
    steps are those of the linear method, scipy.sparse.linalg.cg.
    """

    state = (*LineSearch.state, "g_before", "d_before")
    batched = True
    slots = LineSearch.slots | {
        "memory": "last g and last direction",
        "direction": "g, bent by the last direction",
    }

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        squared = dot(self.g_before, self.g_before)
        beta = dot(g, g - self.g_before) / np.where(squared > 0, squared, 1.0)
        d = g + np.where(squared > 0, np.maximum(beta, 0.0), 0.0) * self.d_before
        d = np.where(dot(g, d) > 0, d, g)
        self.g_before, self.d_before = g, d
        return d

    def first(self, along: Along, slope: np.ndarray) -> tuple[np.ndarray, int]:
        size = np.sum(np.abs(self.g_before), axis=-1, keepdims=True)
        alpha = np.where(self.alpha > 0, self.alpha, 1 / np.maximum(size, 1.0))
        return alpha * lowest(*along(alpha), *REACH), 1
