"""Adam: momentum, and a learning rate for each weight, both corrected for starting at zero."""

from __future__ import annotations

import numpy as np

from optimizers.hyper_parameters import Fraction, NotNegative
from optimizers.optimizer import Optimizer
from optimizers.slots import Slots
from optimizers.spaces import Choice, Linear


class Adam(Optimizer):
    r"""Running means of the gradient and of its square, and the step m̂ / (√v̂ + ε).

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        \hat m_t &= m_t / (1 - \beta_1^t) \qquad \hat v_t = v_t / (1 - \beta_2^t) \\
        \theta_t &= \theta_{t-1} - \eta\, \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`.
    beta1, beta2
        β₁, β₂ in [0, 1): how much of the two means is kept at each step.
    epsilon
        ε ≥ 0, keeps the division finite.

    Examples
    --------
    The first step is −lr · sign(g), whatever the size of the gradient:

    >>> from optimizers import Adam
    >>> from optimizers.functions import sphere
    >>> adam = Adam(sphere, [3.0, -40.0], lr=0.5)
    >>> loss = adam.minimize_raw()
    >>> adam.theta
    array([  2.5, -39.5])
    >>> adam.m_hat, adam.v_hat
    (array([  6., -80.]), array([  36., 6400.]))

    Notes
    -----
    Source: Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1.
    ε stands outside the root and after the correction, as in the paper and in torch.optim.Adam,
    whose numbers these are. The form in the paper's section 2 (ε̂, used by TensorFlow) leaves out
    the correction beside ε and differs in the first steps.
    """

    lr = 0.001
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    epsilon: NotNegative = 1e-8

    state = ("m", "v")
    batched = True
    space = Optimizer.space | {"beta1": Linear(0.5, 0.95), "beta2": Choice(0.9, 0.99, 0.999)}
    slots = Slots(
        memory="means of g and g²",
        direction="momentum",
        magnitude="per weight: ÷ √v",
        decay="none",
    )

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v / (1 - self.beta2**self.t)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)
