"""Lookahead: k steps forward, one step back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import numpy as np

from optimizers import checks
from optimizers.hyper_parameters import OWN_DEFAULT, Kind, Share, Whole, defaults
from optimizers.learning_rate import is_by_layer
from optimizers.optimizer import Optimizer
from optimizers.rules.adam import Adam
from optimizers.spaces import Choice, Linear


def _rule(name: str, inner: Any) -> Any:
    made = inner.func if isinstance(inner, partial) else inner
    if not (isinstance(made, type) and issubclass(made, Optimizer)):
        raise TypeError(
            f"{name} must be a rule such as SGD or Adam, or a partial of one such as "
            f"partial(Momentum, momentum=0.9), got {checks.shown(inner)}"
        )
    return inner


InnerRule = Annotated[Any, Kind(_rule)]


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

    inner: InnerRule = Adam
    k: Whole = 5
    alpha: Share = 0.5

    state = ("slow",)
    space = Optimizer.space | {"k": Choice(2, 5, 10), "alpha": Linear(0.2, 0.8)}

    def __init__(
        self,
        loss: Callable[..., Any],
        weights: Any,
        lr: Any = OWN_DEFAULT,
        *,
        inner: Any = Adam,
        grad: Any = None,
        project: Any = None,
        **keywords: Any,
    ) -> None:
        given = {"grad": grad, "project": project}
        given = {name: value for name, value in given.items() if value is not None}
        if not (lr is OWN_DEFAULT or is_by_layer(lr)):
            given["lr"] = lr
        self.fast = _rule("inner", inner)(loss, weights, **given)
        self.batched = self.fast.batched
        super().__init__(loss, weights, inner=inner, grad=grad, project=project, **keywords)
        vars(self)["lr"] = self.fast.lr  # checked there
        runs = np.broadcast_shapes(self._theta.shape, self.fast._theta.shape)
        self._theta = np.broadcast_to(self._theta, runs).copy()
        self.slow = self._theta.copy()
        if is_by_layer(lr):
            self.lr = lr

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        return self.fast.direction(theta, g)

    def update(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        vars(self.fast).update(t=self.t, eta=self.eta, batch=self.batch, _is_made=False)
        fast = self.fast.moved(theta, g)
        if self.t % self.k:
            return fast
        self.slow = self.slow + self.alpha * (fast - self.slow)
        if self.project is not None:
            self.slow = self.project(self.slow)
        return self.slow

    def __getattr__(self, name: str) -> Any:
        """The inner rule's m, v, m_hat, … can be looked at here as well."""
        if name == "fast" or name.startswith("_") or self._is_unseen(name):
            return super().__getattr__(name)
        return getattr(self.fast, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """A hyper-parameter of the inner rule is set there."""
        fast = vars(self).get("fast")
        if fast is not None and name not in defaults(Lookahead) and name in defaults(type(fast)):
            setattr(fast, name, value)
            return
        super().__setattr__(name, value)
        if fast is not None and name == "lr":
            vars(fast)["lr"] = self.lr

    def _placed(self) -> None:
        self.slow = self._theta.copy()

    @property
    def gradients_per_step(self) -> int:
        """What the inner rule takes."""
        return self.fast.gradients_per_step

    @property
    def _own_lr(self) -> Any:
        set_here = self.inner.keywords if isinstance(self.inner, partial) else {}
        return set_here.get("lr", self.fast._own_lr)

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        return self.fast.hyper_parameters | super().hyper_parameters
