"""LARS: LAMB's trust ratio on momentum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optimizers.hyper_parameters import NotNegative, Patterns
from optimizers.rules.momentum import Momentum
from optimizers.spaces import Log
from optimizers.weights import Layout


def trust_ratio(
    layout: Layout,
    theta: np.ndarray,
    update: np.ndarray,
    scale: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """scale(‖θ‖) / ‖update‖ for each layer, 1 where either norm is 0: (..., P) → (..., layers)."""
    norm, step = layout.layer_norms(theta), layout.layer_norms(update)
    usable = (norm > 0) & (step > 0)
    return np.where(usable, scale(norm) / np.where(usable, step, 1.0), 1.0)


class LARS(Momentum):
    r"""Momentum over gradients that are scaled, layer by layer, to the size of the weights.

    .. math::

        u_t &= g_t + \lambda\, \theta_{t-1} \\
        p_t^{(i)} &= \mu\, p_{t-1}^{(i)} +
            \tau\, \frac{\|\theta_{t-1}^{(i)}\|}{\|u_t^{(i)}\|}\, u_t^{(i)} \\
        \theta_t &= \theta_{t-1} - \eta\, p_t

    for each layer i (each named array).

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`.
    momentum, nesterov
        As in `Momentum`.
    weight_decay
        λ ≥ 0, added to the gradient.
    trust_coefficient
        τ ≥ 0: how far a layer may move in one step, as a share of its length.
    exclude_from_weight_decay
        Regular expressions; a weight whose name contains a match does not decay.

    Examples
    --------
    >>> from optimizers import LARS
    >>> from optimizers.functions import sphere
    >>> LARS(sphere, [3.0, 4.0], lr=1.0, trust_coefficient=0.1).minimize(1).theta[-1]
    array([2.7, 3.6])

    Notes
    -----
    Source: You, Gitman and Ginsburg, "Large batch training of convolutional networks" (2017),
    algorithm 1. There, ‖g‖ + λ‖θ‖ divides; here ‖g + λθ‖, as in optax.lars, whose numbers these
    are. Where either norm is 0, the ratio and the coefficient together are 1: the first step of
    a bias that starts at zero is a whole lr·u. The learning rate multiplies the momentum from
    outside; the paper and optax put it inside, which differs once lr changes from step to step.
    """

    lr = 0.1
    weight_decay: NotNegative = 0.0
    trust_coefficient: NotNegative = 0.001
    exclude_from_weight_decay: Patterns = None

    batched = True
    space = Momentum.space | {"weight_decay": Log(1e-5, 1.0)}
    slots = Momentum.slots | {
        "memory": "fading sum of g · ‖θ‖ ÷ ‖g‖",
        "magnitude": "per layer: ‖θ‖",
        "decay": "λθ, through the gradient",
    }

    @property
    def decayed(self) -> np.ndarray:
        """1 for each weight that decays, 0 for the others."""
        return self.layout.decayed(self.exclude_from_weight_decay)

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        update = g + self.weight_decay * self.decayed * theta
        self.trust_ratio = trust_ratio(
            self.layout, theta, update, lambda norm: self.trust_coefficient * norm
        )
        return super().direction(theta, self.layout.spread(self.trust_ratio) * update)
