"""AdaDelta: RMSProp whose steps have the unit of the weights."""

from __future__ import annotations

import numpy as np

from optimizers.hyper_parameters import Positive
from optimizers.rules.rmsprop import RMSProp


class AdaDelta(RMSProp):
    r"""RMSProp times the root of a running mean of its own squared steps.

    .. math::

        v_t &= \rho\, v_{t-1} + (1 - \rho)\, g_t^2 \\
        \Delta_t &= \frac{\sqrt{s_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}}\, g_t \\
        s_t &= \rho\, s_{t-1} + (1 - \rho)\, \Delta_t^2 \\
        \theta_t &= \theta_{t-1} - \eta\, \Delta_t

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`. The paper has no learning rate: it is 1.
    rho
        ρ in [0, 1): how much of the means is kept at each step.
    epsilon
        ε > 0. It also sets the size of the first steps, since s starts at 0.

    Examples
    --------
    >>> from optimizers import AdaDelta
    >>> from optimizers.functions import sphere
    >>> float(AdaDelta(sphere, [3.0, 4.0]).minimize(100).loss[-1]) < 25
    True

    Notes
    -----
    Source: Zeiler, "ADADELTA: an adaptive learning rate method" (2012), algorithm 1.
    ε stands inside both roots, as in the paper and in torch.optim.Adadelta, whose numbers these
    are.
    """

    lr = 1.0
    epsilon: Positive = 1e-6

    state = ("v", "s")
    batched = True
    slots = RMSProp.slots | {
        "memory": "means of g² and of steps²",
        "magnitude": "per weight: past steps ÷ √v",
    }

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        self.v = self.rho * self.v + (1 - self.rho) * g**2
        delta = np.sqrt(self.s + self.epsilon) / np.sqrt(self.v + self.epsilon) * g
        self.s = self.rho * self.s + (1 - self.rho) * delta**2
        return delta
