"""Prodigy: Adam that estimates how far the minimum is, and takes that for its learning rate."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.hyper_parameters import Positive
from optimizers.rules.adam import Adam
from optimizers.spaces import Log


class Prodigy(Adam):
    r"""Adam times a distance d, which grows as the gradients show that the start was far off.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1)\, d_{t-1}\, g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2)\, (d_{t-1}\, g_t)^2 \\
        r_t &= \sqrt{\beta_2}\, r_{t-1} + (1 - \sqrt{\beta_2})\, \eta\, d_{t-1}^2\,
            \langle g_t,\, \theta_0 - \theta_{t-1} \rangle \\
        s_t &= \sqrt{\beta_2}\, s_{t-1} + (1 - \sqrt{\beta_2})\, \eta\, d_{t-1}^2\, g_t \\
        d_t &= \max\left(d_{t-1},\, r_t / \|s_t\|_1\right) \\
        \theta_t &= \theta_{t-1} - \eta\, d_{t-1} \frac{m_t}{\sqrt{v_t} + d_t\, \epsilon}

    Parameters
    ----------
    loss, weights
        See `Optimizer`.
    lr
        η, a factor that is meant to stay at 1; a schedule of it, down to 0, helps.
    beta1, beta2, epsilon
        As in `Adam`.
    d0
        d₀ > 0, the distance to begin with; any that is too small will do.
    bias_correction
        Whether η is corrected in the step and in r and s, times √(1 − β₂ᵗ) / (1 − β₁ᵗ).

    Attributes
    ----------
    distance
        d, one per run.

    Examples
    --------
    On a convex problem, the estimate comes near the distance of the minimum, from below:

    >>> from optimizers import Prodigy
    >>> from optimizers.functions import sphere
    >>> prodigy = Prodigy(sphere, [30.0])
    >>> path = prodigy.minimize(300)
    >>> prodigy.distance.round(1), abs(path.theta[-1].round(4))
    (array([17.]), array([0.]))

    Notes
    -----
    Source: Mishchenko and Defazio, "Prodigy: an expeditiously adaptive parameter-free learner"
    (2023), algorithm 4. As there, nothing is corrected for starting at zero; with
    bias_correction=True the numbers are those of optax.contrib.prodigy, which always corrects. ε is
    multiplied by the new d, as in the authors' code and in optax; in the paper, by the former one.
    Setting the weights starts all anew from there.
    """

    lr = 1.0
    d0: Positive = 1e-6
    bias_correction = False

    state = ("m", "v", "s", "r", "distance", "theta0")
    batched = True
    space = Adam.space | {"lr": Log(0.1, 10.0), "d0": Log(1e-8, 1e-2)}
    slots = Adam.slots | {
        "memory": "means of g and g², distance",
        "magnitude": "overall: distance; per weight: ÷ √v",
    }

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._placed()

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        self.theta0 = np.where(self.distance > 0, self.theta0, theta)
        self.distance = np.where(self.distance > 0, self.distance, self.d0)
        t = self.t if self.bias_correction else np.inf  # β^∞ = 0: nothing is corrected
        rate = self.distance * np.sqrt(1 - self.beta2**t) / (1 - self.beta1**t)
        dg = self.distance * g
        beta3 = np.sqrt(self.beta2)
        self.m = self.beta1 * self.m + (1 - self.beta1) * dg
        self.v = self.beta2 * self.v + (1 - self.beta2) * dg**2
        ahead = np.sum(self.eta * rate * dg * (self.theta0 - theta), axis=-1, keepdims=True)
        self.r = beta3 * self.r + (1 - beta3) * ahead
        self.s = beta3 * self.s + (1 - beta3) * self.eta * rate * dg
        length = np.sum(np.abs(self.s), axis=-1, keepdims=True)
        estimate = np.where(length > 0, self.r / np.where(length > 0, length, 1.0), 0.0)
        self.distance = np.maximum(self.distance, estimate)
        return rate * self.m / (np.sqrt(self.v) + self.distance * self.epsilon)

    def _placed(self) -> None:
        one = np.zeros_like(self._theta[..., :1])  # one a run
        self.r, self.distance = one, one.copy()
        self.m, self.v, self.s = (np.zeros_like(self._theta) for _ in range(3))  # in units of d
