"""ADOPT: Adam whose v does not know the gradient that it divides."""

from __future__ import annotations

import numpy as np

from optimizers.hyper_parameters import Fraction, NotNegative
from optimizers.optimizer import Optimizer
from optimizers.rules.adam import Adam
from optimizers.spaces import Choice


class ADOPT(Adam):
    r"""Divide the gradient by the v of the step before, then take the mean.

    .. math::

        v_1 &= g_1^2 \qquad \theta_1 = \theta_0 \quad \text{(the first step only looks)} \\
        c_t &= (t - 1)^{1/4} \\
        m_t &= \beta_1 m_{t-1} + (1 - \beta_1)\, \operatorname{clip}\left(
            \frac{g_t}{\max(\sqrt{v_{t-1}},\, \epsilon)},\, -c_t,\, c_t \right) \\
        \theta_t &= \theta_{t-1} - \eta\, m_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2)\, g_t^2

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`.
    beta1, beta2
        As in `Adam`. It converges for every β₂, also near 0.
    epsilon
        ε ≥ 0, the least that a gradient is divided by.

    Examples
    --------
    >>> from optimizers import ADOPT
    >>> from optimizers.functions import sphere
    >>> path = ADOPT(sphere, [3.0, -40.0], lr=0.5, beta1=0.0).minimize(2)
    >>> path.theta
    array([[  3. , -40. ],
           [  3. , -40. ],
           [  2.5, -39.5]])

    Notes
    -----
    Source: Taniguchi et al., "ADOPT: modified Adam can converge with any β₂ with the optimal rate"
    (2024), algorithm 2. Nothing is corrected for starting at zero: v starts at g₁², m at 0. The
    numbers are those of the authors' code, in which the first step that moves is clipped at 1.
    """

    beta2: Fraction = 0.9999
    epsilon: NotNegative = 1e-6

    batched = True
    space = Optimizer.space | {
        "beta1": Adam.space["beta1"],
        "beta2": Choice(0.9, 0.99, 0.999, 0.9999),
    }
    slots = Adam.slots | {
        "memory": "means of g ÷ √v and g²",
        "magnitude": "per weight: ÷ the last √v",
    }

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        if self.t == 1:
            self.v = g**2
            return np.zeros_like(g)
        bound = (self.t - 1) ** 0.25
        normed = g / np.maximum(np.sqrt(self.v), self.epsilon)
        self.m = self.beta1 * self.m + (1 - self.beta1) * np.clip(normed, -bound, bound)
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        return self.m
