"""Momentum: a heavy ball that keeps rolling."""

from __future__ import annotations

import numpy as np

from optimizers.hyper_parameters import Fraction
from optimizers.rules.sgd import SGD
from optimizers.spaces import Choice, Linear


class Momentum(SGD):
    r"""Heavy-ball momentum, or Nesterov's.

    .. math::

        p_t &= \mu\, p_{t-1} + g_t \\
        \theta_t &= \theta_{t-1} - \eta\, p_t \\
        \text{Nesterov:}\quad \theta_t &= \theta_{t-1} - \eta\, (g_t + \mu\, p_t)

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`.
    momentum
        μ in [0, 1): how much of the last velocity is kept.
    nesterov
        Whether to look ahead along the velocity.

    Examples
    --------
    >>> from optimizers import Momentum
    >>> from optimizers.functions import sphere
    >>> Momentum(sphere, [4.0, 0.0], lr=0.25, momentum=0.5).minimize(3).theta[:, 0]
    array([ 4.,  2.,  0., -1.])

    Notes
    -----
    Sources: Polyak, "Some methods of speeding up the convergence of iteration methods" (1964),
    eq. 9; Nesterov (1983) in the form of Sutskever et al., "On the importance of initialization
    and momentum in deep learning" (2013), eqs. 3 and 4, with θ the point looked ahead to.
    The gradient enters whole, as in torch.optim.SGD (dampening 0), whose numbers these are. Where
    it enters as (1 − μ)·g, as in Adam's m, the same path needs the learning rate lr / (1 − μ).
    """

    momentum: Fraction = 0.9
    nesterov = False

    state = ("p",)
    batched = True
    space = SGD.space | {"momentum": Linear(0.5, 0.99), "nesterov": Choice(False, True)}
    slots = SGD.slots | {"memory": "fading sum of g", "direction": "momentum"}

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        self.p = self.momentum * self.p + g
        if self.nesterov:
            return g + self.momentum * self.p
        return self.p
