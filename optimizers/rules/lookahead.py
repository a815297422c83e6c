"""Lookahead: k steps forward, one step back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.optimizer import OWN_DEFAULT, Optimizer
from optimizers.rules.adam import Adam


class Lookahead(Optimizer):
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
        The inner rule, a class.
    k
        How many fast steps between two slow ones, 1 or more.
    alpha
        α in [0, 1]: how far the slow weights φ go.
    **inner_hyper_parameters
        Handed to the inner rule.

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

    inner: type[Optimizer]
    k: int
    alpha: float

    def __init__(
        self,
        loss: Callable[..., Any],
        weights: Any,
        lr: Any = OWN_DEFAULT,
        *,
        inner: type[Optimizer] = Adam,
        k: int = 5,
        alpha: float = 0.5,
        **inner_hyper_parameters: Any,
    ) -> None:
        if not (isinstance(inner, type) and issubclass(inner, Optimizer)):
            raise TypeError(f"inner must be a rule such as SGD or Adam, got {checks.shown(inner)}")
        self.fast = inner(loss, weights, lr, **inner_hyper_parameters)
        self.batched = self.fast.batched
        super().__init__(
            loss, weights, self.fast.lr, inner=inner, k=checks.whole("k", k, 1), alpha=alpha
        )
        runs = np.broadcast_shapes(self._theta.shape, self.fast._theta.shape)
        self._theta = self.slow = np.broadcast_to(self._theta, runs).copy()

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        return self.fast.direction(theta, g)

    def update(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        self.fast.t, self.fast.eta, self.fast.batch = self.t, self.eta, self.batch
        fast = self.fast._moved(theta, g)
        if self.t % self.k:
            return fast
        self.slow = self.slow + self.alpha * (fast - self.slow)
        return self.slow

    def __getattr__(self, name: str) -> Any:
        """The inner rule's m, v, m_hat, … can be looked at here as well."""
        if name == "fast" or name.startswith("_"):
            return super().__getattr__(name)
        return getattr(self.fast, name)

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        return super().hyper_parameters | self.fast.hyper_parameters

    @classmethod
    def known(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Its own hyper-parameters and those of the inner rule."""
        inner = given.get("inner", Adam)
        own = super().known(given)
        return own | inner.known({}) if hasattr(inner, "known") else own
