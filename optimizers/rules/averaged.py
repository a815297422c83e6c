"""Averaged: any rule makes the steps, the mean of its iterates is handed out."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.hyper_parameters import Share
from optimizers.rules.wrapper import Wrapper
from optimizers.spaces import Choice


class Averaged(Wrapper):
    r"""Let an inner rule make the steps, and hand out the mean of where they led.

    .. math::

        \theta_t &= \theta_{t-1} - \eta\, d_t \quad \text{(the inner rule's step)} \\
        W_t &= \beta\, W_{t-1} + 1 \\
        \bar\theta_t &= \bar\theta_{t-1} + \frac{1}{W_t} (\theta_t - \bar\theta_{t-1})

    With β = 1 all iterates weigh the same (Polyak's average). With β < 1 it is an exponential
    moving average, corrected for its start: about the last 1/(1 − β) iterates count.

    Parameters
    ----------
    loss, weights
        See `Optimizer`.
    lr
        The inner rule's learning rate; left out, its default.
    inner
        The inner rule: a class, or a functools.partial of one that sets its hyper-parameters.
    beta
        β in [0, 1]: how much of the weight of former iterates is kept at each step.

    Attributes
    ----------
    mean
        θ̄, which is handed out: `theta`, `value` and the path show it. The gradient is taken at θ.

    Examples
    --------
    SGD jumps from one wall of a valley to the other; the mean lies between them:

    >>> from optimizers import SGD, Averaged
    >>> from optimizers.functions import sphere
    >>> SGD(sphere, [4.0], lr=1.0).minimize(4).theta[:, 0]
    array([ 4., -4.,  4., -4.,  4.])
    >>> Averaged(sphere, [4.0], lr=1.0, inner=SGD).minimize(4).theta[1:, 0].round(2)
    array([-4.  ,  0.  , -1.33,  0.  ])

    Notes
    -----
    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992),
    eq. 2; Ruppert (1988). The numbers are those of torch.optim.swa_utils.AveragedModel (β = 1) and
    of optax.ema with debias (β < 1), both of which start with θ₁. Setting the weights starts the
    mean anew.
    """

    beta: Share = 1.0

    state = ("mean", "W")
    space = Wrapper.space | {"beta": Choice(0.9, 0.99, 0.999, 1.0)}
    slots = Wrapper.slots | {
        "memory": "the inner rule's, mean of θ",
        "magnitude": "the inner rule's, averaged",
    }

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._placed()

    def update(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        after = self.inner_step(theta, g)
        self.W = self.beta * self.W + 1
        self.mean = self.mean + (after - self.mean) / self.W
        if self.project is not None:
            self.mean = self.project(self.mean)
        return after

    def handed_out(self, theta: np.ndarray) -> np.ndarray:
        return self.mean

    def _placed(self) -> None:
        super()._placed()
        self.mean, self.W = self._theta.copy(), np.zeros_like(self._theta[..., :1])
