"""Lookahead: k steps forward, one step back."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.hyper_parameters import Share, Whole
from optimizers.optimizer import Optimizer
from optimizers.rules.wrapper import Wrapper
from optimizers.spaces import Choice, Linear


class Lookahead(Wrapper):
    r"""Let an inner rule make k fast steps, then move the slow weights a part of the way.

    .. math::

        \theta_t &= \theta_{t-1} - \eta\, d_t \quad \text{(the inner rule's step)} \\
        \text{every } k \text{ steps:} \quad
        \phi &\leftarrow \phi + \alpha\, (\theta_t - \phi), \qquad \theta_t \leftarrow \phi

    Parameters
    ----------
    loss, weights
        See `Optimizer`.
    lr
        The inner rule's learning rate; left out, its default.
    inner
        The inner rule: a class, or a functools.partial of one that sets its hyper-parameters.
    k
        How many fast steps between two slow ones, 1 or more.
    alpha
        α in [0, 1]: how far the slow weights φ go.

    Attributes
    ----------
    slow
        φ, flat. `theta` holds the fast weights; every k steps the two are the same.

    Examples
    --------
    >>> from optimizers import SGD, Lookahead
    >>> from optimizers.functions import sphere
    >>> path = Lookahead(sphere, [4.0, 0.0], lr=0.25, inner=SGD, k=2).minimize(2)
    >>> path.theta[:, 0]  # 4, then 2, then halfway from 4 to 1
    array([4. , 2. , 2.5])

    Notes
    -----
    Source: Zhang et al., "Lookahead optimizer: k steps forward, 1 step back" (2019), algorithm 1.
    The inner state is kept at a slow step. The numbers are those of optax.lookahead.
    """

    k: Whole = 5
    alpha: Share = 0.5

    state = ("slow",)
    space = Optimizer.space | {"k": Choice(2, 5, 10), "alpha": Linear(0.2, 0.8)}
    slots = Wrapper.slots | {
        "memory": "the inner rule's, slow weights",
        "magnitude": "the inner rule's, back by 1 − α",
    }

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.slow = self._theta.copy()

    def update(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        fast = self.inner_step(theta, g)
        if self.t % self.k:
            return fast
        self.slow = self.slow + self.alpha * (fast - self.slow)
        if self.project is not None:
            self.slow = self.project(self.slow)
        return self.slow

    def _placed(self) -> None:
        super()._placed()
        self.slow = self._theta.copy()
