"""SGD: walk downhill."""

from __future__ import annotations

import numpy as np

from optimizers.optimizer import Optimizer
from optimizers.slots import Slots


class SGD(Optimizer):
    r"""Gradient descent; stochastic when the gradient comes from a batch.

    .. math::

        \theta_t = \theta_{t-1} - \eta\, g_t

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`.

    Examples
    --------
    >>> from optimizers import SGD
    >>> from optimizers.functions import sphere
    >>> sgd = SGD(sphere, [3.0, 4.0], lr=0.25)
    >>> float(sgd.minimize_raw())
    25.0
    >>> sgd.theta
    array([1.5, 2. ])

    Notes
    -----
    Source: Robbins and Monro, "A stochastic approximation method" (1951), eq. 8.
    The numbers are those of torch.optim.SGD.
    """

    lr = 0.01

    batched = True
    slots = Slots(memory="nothing", direction="g", magnitude="in proportion to g", decay="none")

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        return g
