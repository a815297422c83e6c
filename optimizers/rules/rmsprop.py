"""RMSProp: AdaGrad that forgets."""

from __future__ import annotations

import numpy as np

from optimizers.hyper_parameters import Fraction, NotNegative
from optimizers.rules.adagrad import AdaGrad
from optimizers.spaces import Choice


class RMSProp(AdaGrad):
    r"""Divide by the root of a running mean of squared gradients.

    .. math::

        v_t &= \rho\, v_{t-1} + (1 - \rho)\, g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta\, \frac{g_t}{\sqrt{v_t} + \epsilon}

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`.
    rho
        ρ in [0, 1): how much of the mean is kept at each step.
    epsilon
        ε ≥ 0, keeps the division finite.

    Examples
    --------
    >>> from optimizers import RMSProp
    >>> from optimizers.functions import sphere
    >>> RMSProp(sphere, [3.0, 4.0], lr=0.1, rho=0.75).minimize(1).theta[-1]
    array([2.8, 3.8])

    Notes
    -----
    Source: Tieleman and Hinton, "Lecture 6.5: RMSProp", Neural Networks for Machine Learning
    (2012), slide 29. ε stands outside the root, as in torch.optim.RMSprop (its alpha is rho),
    whose numbers these are; TensorFlow puts it inside. There is no bias correction.
    """

    rho: Fraction = 0.9
    epsilon: NotNegative = 1e-8

    state = ("v",)
    batched = True
    space = AdaGrad.space | {"rho": Choice(0.9, 0.99, 0.999)}
    slots = AdaGrad.slots | {"memory": "mean of g²"}

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        self.v = self.rho * self.v + (1 - self.rho) * g**2
        return g / (np.sqrt(self.v) + self.epsilon)
