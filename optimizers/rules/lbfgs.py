"""L-BFGS: Newton's direction, guessed from how the gradient changed in the last few steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.hyper_parameters import Whole
from optimizers.rules.line_search import LineSearch, dot
from optimizers.spaces import Choice

CURVED = 1e-10  # of the lengths of s and y: with less of a product, they tell of no curvature


class LBFGS(LineSearch):
    r"""Turn the gradient as an inverse Hessian that fits the last m steps would.

    .. math::

        s_i &= \theta_i - \theta_{i-1}, \qquad y_i = g_{i+1} - g_i, \qquad
            \rho_i = 1 / (y_i^\top s_i) \\
        H_{t} &= (I - \rho\, s\, y^\top)\, H\, (I - \rho\, y\, s^\top) + \rho\, s\, s^\top
            \quad \text{for each pair, the oldest first, from } H = \frac{s^\top y}{y^\top y}\, I \\
        \theta_t &= \theta_{t-1} - \alpha_t\, \eta\, H_t\, g_t

    with α by backtracking (see `LineSearch`). While there is no pair, H = min(1, 1 / ‖g‖₁) I. Pairs
    without curvature (yᵀs ≤ 10⁻¹⁰ ‖s‖ ‖y‖) are left out; where no trial paid, all are forgotten.

    Parameters
    ----------
    loss, weights, lr, decrease
        See `LineSearch`.
    memory
        m, how many pairs are kept, 1 or more: 2 m P numbers.

    Attributes
    ----------
    evaluations, alpha
        See `LineSearch`.
    S, Y
        The pairs, the newest last: (..., m, P). Zeros stand in front as long as there are fewer.

    Examples
    --------
    >>> from optimizers import LBFGS
    >>> from optimizers.functions import rosenbrock
    >>> lbfgs = LBFGS(rosenbrock, [-1.5, 2.0])
    >>> path = lbfgs.minimize(50)
    >>> path.theta[-1].round(6), lbfgs.evaluations
    (array([1., 1.]), array([106]))

    Notes
    -----
    Source: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization"
    (1989); Nocedal and Wright, "Numerical optimization" (2006), algorithms 7.4 and 7.5. The
    directions are those of scipy.optimize.LbfgsInvHessProduct; without the search, the steps are
    those of torch.optim.LBFGS. Of mini-batches, the difference of two gradients tells more of the
    batches than of the curvature: it is a rule for the whole loss.
    """

    memory: Whole = 10

    state = (*LineSearch.state, "S", "Y", "theta_before", "g_before")
    batched = True
    space = LineSearch.space | {"memory": Choice(5, 10, 20)}
    slots = LineSearch.slots | {
        "memory": "last steps and changes of g",
        "direction": "g",
        "magnitude": "overall: each direction ÷ curvature",
    }

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.S = self.Y = self._theta[..., np.newaxis, :][..., :0, :]  # no pair: (..., 0, P)
        self._make_room()

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        if self.t > 1:
            self._remember(theta - self.theta_before, g - self.g_before)
        self.theta_before, self.g_before = theta, g
        pairs = self._pairs()
        d, scale = g, 1 / np.maximum(np.sum(np.abs(g), axis=-1, keepdims=True), 1.0)
        parts = []
        for s, y, rho in reversed(pairs):
            parts.append(rho * dot(s, d))
            d = d - parts[-1] * y
        for _, y, rho in pairs:  # the newest one has the say
            scale = np.where(rho > 0, 1 / np.where(rho > 0, rho * dot(y, y), 1.0), scale)
        d = scale * d
        for (s, y, rho), part in zip(pairs, reversed(parts), strict=True):
            d = d + s * (part - rho * dot(y, d))
        return d

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "memory":
            self._make_room()

    def _make_room(self) -> None:
        """For m pairs: zeros in front, or the newest alone."""
        m, (*runs, _, P) = self.memory, self.S.shape
        none = np.zeros((*runs, m, P))
        self.S, self.Y = (
            np.concatenate([none, pairs], axis=-2)[..., -m:, :] for pairs in (self.S, self.Y)
        )

    def _remember(self, s: np.ndarray, y: np.ndarray) -> None:
        stays = np.all(s == 0, axis=-1, keepdims=True)[..., np.newaxis]
        is_curved = dot(s, y) > CURVED * np.sqrt(dot(s, s) * dot(y, y))
        none = np.zeros_like(s)[..., np.newaxis, :]
        for name, new in (("S", s), ("Y", y)):
            old = np.where(stays, 0.0, getattr(self, name))
            added = np.concatenate([old, new[..., np.newaxis, :]], axis=-2)
            kept = np.concatenate([none, old], axis=-2)
            both = np.where(is_curved[..., np.newaxis], added, kept)
            setattr(self, name, both[..., -self.memory :, :])

    def _pairs(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """The pairs s, y (..., P), and 1 / yᵀs (..., 1) of each, 0 where there is none."""
        S, Y = np.moveaxis(self.S, -2, 0), np.moveaxis(self.Y, -2, 0)
        ys = dot(Y, S)
        return list(zip(S, Y, np.where(ys > 0, 1 / np.where(ys > 0, ys, 1.0), 0.0), strict=True))
