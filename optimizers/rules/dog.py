"""DoG: the learning rate is the distance travelled over the gradients met."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.hyper_parameters import NotNegative, Positive
from optimizers.learning_rate import moving
from optimizers.optimizer import Optimizer
from optimizers.slots import Slots
from optimizers.spaces import Log


class DoG(Optimizer):
    r"""SGD with a learning rate of its own: how far it has come, over the gradients it has met.

    .. math::

        \bar r_t &= \max\left(\bar r_{t-1},\, \|\theta_{t-1} - \theta_0\|\right), \qquad
            \bar r_0 = r_\epsilon\, (1 + \|\theta_0\|) \\
        G_t &= G_{t-1} + \|g_t\|^2 \\
        \theta_t &= \theta_{t-1} - \eta\, \frac{\bar r_t}{\sqrt{G_t + \epsilon}}\, g_t

    Norms are those of all weights together, but for those that are frozen.

    Parameters
    ----------
    loss, weights
        See `Optimizer`.
    lr
        η, a factor that is meant to stay at 1.
    r_epsilon
        r_ε > 0: how far the first step goes, as a share of 1 + ‖θ₀‖. Too small costs steps, too
        large may diverge.
    epsilon
        ε ≥ 0, keeps the division finite.

    Examples
    --------
    From a start a thousand times as far, it finds a rate a thousand times as large:

    >>> from optimizers import DoG
    >>> from optimizers.functions import sphere
    >>> [round(float(DoG(sphere, [x, 0.0]).minimize(100).theta[-1, 0] / x), 2) for x in (3, 3000)]
    [0.04, 0.06]

    Notes
    -----
    Source: Ivgi, Hinder and Carmon, "DoG is SGD's best friend: a parameter-free dynamic step size
    schedule" (2023), eq. DoG. The numbers are those of optax.contrib.dog. The authors hand out an
    average of the iterates; here, as in optax, it is the last one. Setting the weights starts all
    anew from there.
    """

    lr = 1.0
    r_epsilon: Positive = 1e-6
    epsilon: NotNegative = 1e-8

    state = ("r", "G", "theta0")
    batched = True
    space = {"lr": Log(0.1, 10.0), "r_epsilon": Log(1e-8, 1e-2)}  # noqa: RUF012
    slots = Slots(
        memory="distance, sum of ‖g‖²",
        direction="g",
        magnitude="overall: distance ÷ √(sum of ‖g‖²)",
        decay="none",
    )

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._placed()

    def _placed(self) -> None:
        self.r, self.G = np.zeros_like(self._theta[..., :1]), np.zeros_like(self._theta[..., :1])

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        self.theta0 = np.where(self.r > 0, self.theta0, theta)
        size = np.linalg.norm(moving(self.theta0, self.eta), axis=-1, keepdims=True)
        self.r = np.where(self.r > 0, self.r, self.r_epsilon * (1 + size))
        travelled = np.linalg.norm(theta - self.theta0, axis=-1, keepdims=True)
        self.r = np.maximum(self.r, travelled)
        self.G = self.G + np.sum(moving(g, self.eta) ** 2, axis=-1, keepdims=True)
        return self.r / np.sqrt(self.G + self.epsilon) * g
