"""AdaGrad: a learning rate for each weight."""

from __future__ import annotations

import numpy as np

from optimizers.hyper_parameters import NotNegative
from optimizers.optimizer import Optimizer
from optimizers.slots import Slots


class AdaGrad(Optimizer):
    r"""Divide by the root of the sum of all squared gradients so far.

    .. math::

        G_t &= G_{t-1} + g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta\, \frac{g_t}{\sqrt{G_t} + \epsilon}

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`.
    epsilon
        ε ≥ 0, keeps the division finite.

    Examples
    --------
    >>> from optimizers import AdaGrad
    >>> from optimizers.functions import sphere
    >>> AdaGrad(sphere, [3.0, 4.0], lr=0.5).minimize(1).theta[-1]
    array([2.5, 3.5])

    Notes
    -----
    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and
    stochastic optimization" (2011), section 1.1 with diagonal matrices (eq. 1).
    ε stands outside the root, as in torch.optim.Adagrad, whose numbers these are; G starts at 0
    (optax starts it at 0.1, TensorFlow too).
    """

    epsilon: NotNegative = 1e-10

    state = ("G",)
    batched = True
    slots = Slots(memory="sum of g²", direction="g", magnitude="per weight: ÷ √v", decay="none")

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        self.G = self.G + g**2
        return g / (np.sqrt(self.G) + self.epsilon)
