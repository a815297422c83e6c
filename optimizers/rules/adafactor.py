"""Adafactor: Adam's v of a matrix, from the means of its rows and of its columns alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.hyper_parameters import NotNegative, Positive
from optimizers.optimizer import Optimizer
from optimizers.rules.matrices import Matrices, joined, split
from optimizers.slots import Slots
from optimizers.spaces import Linear


class Adafactor(Optimizer):
    r"""Divide by the root of a v that is held as a row times a column; steps as long as lr · ‖θ‖.

    .. math::

        \beta_t &= 1 - t^{-\gamma} \\
        r_t &= \beta_t\, r_{t-1} + (1 - \beta_t)\,
            \operatorname{mean}_{\text{row}}(g_t^2 + \epsilon) \\
        c_t &= \beta_t\, c_{t-1} + (1 - \beta_t)\,
            \operatorname{mean}_{\text{column}}(g_t^2 + \epsilon) \\
        \hat v_t &= r_t\, c_t^\top / \operatorname{mean}(r_t) \\
        u_t &= g_t / \sqrt{\hat v_t} \qquad
            \hat u_t = u_t / \max(1, \operatorname{rms}(u_t) / \kappa) \\
        \theta_t &= \theta_{t-1} -
            \eta\, \max(\operatorname{rms}(\theta_{t-1}),\, \epsilon_\theta)\, \hat u_t

    for arrays with two axes; all others hold v̂ = v as it is, vₜ = βₜ vₜ₋₁ + (1 − βₜ)(g² + ε). rms
    is the root of the mean square of a layer (a named array).

    Parameters
    ----------
    loss, weights
        See `Optimizer`.
    lr
        η: how far a layer moves in one step, as a share of its size.
    decay_rate
        γ ≥ 0: how soon β nears 1. At 0, v is the newest g².
    clipping_threshold
        κ > 0, the largest rms of an update.
    epsilon
        ε ≥ 0, added to the squares.
    epsilon_theta
        ε_θ ≥ 0: layers smaller than this move as if they had this size.

    Examples
    --------
    What is kept of a matrix of 300 × 200 weights are 300 + 200 numbers; Adam keeps 120,000:

    >>> import autograd.numpy as np
    >>> from optimizers import Adafactor, Adam
    >>> for rule in (Adafactor, Adam):
    ...     made = rule(lambda w: np.sum(w**2), np.ones((300, 200)))
    ...     loss = made.minimize_raw()
    ...     print(rule.__name__, sum(getattr(made, name).size for name in rule.state))
    Adafactor 500
    Adam 120000

    Notes
    -----
    Source: Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost"
    (2018), algorithms 4 to 6, without the first moment, as there; lr = 0.01 is what the paper's
    min(0.01, 1/√t) is for 10,000 steps. The numbers are those of optax.adafactor, which by default
    leaves matrices with a side below 128 whole; here, as in the paper, every matrix is factored.
    """

    lr = 0.01
    decay_rate: NotNegative = 0.8
    clipping_threshold: Positive = 1.0
    epsilon: NotNegative = 1e-30
    epsilon_theta: NotNegative = 1e-3

    state = ("r", "c", "v")
    batched = True
    space = Optimizer.space | {"decay_rate": Linear(0.5, 1.0)}
    slots = Slots(
        memory="mean of g², by rows and columns",
        direction="g",
        magnitude="per layer: ‖θ‖; per weight: ÷ √v",
        decay="none",
    )

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.matrices = Matrices(self.layout)
        self.r, self.c = self._means(np.zeros_like(self._theta))
        self.v = np.zeros_like(self._theta[..., ~self.matrices.mask])

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        beta = 1 - self.t**-self.decay_rate
        square = g**2 + self.epsilon
        of_rows, of_columns = self._means(square)
        self.r = beta * self.r + (1 - beta) * of_rows
        self.c = beta * self.c + (1 - beta) * of_columns
        self.v = beta * self.v + (1 - beta) * square[..., ~self.matrices.mask]
        u = g / np.sqrt(self._v_hat(theta))
        u = u / np.maximum(1, self._rms(u) / self.clipping_threshold)
        return np.maximum(self._rms(theta), self.epsilon_theta) * u

    def _means(self, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each row and of each column of all matrices."""
        rows, columns = ([X.mean(axis) for X in self.matrices.of(flat)] for axis in (-1, -2))
        return joined(rows, flat.shape[:-1]), joined(columns, flat.shape[:-1])

    def _v_hat(self, like: np.ndarray) -> np.ndarray:
        r = split(self.r, [(rows, 1) for rows, _ in self.matrices.shapes])
        c = split(self.c, [(1, columns) for _, columns in self.matrices.shapes])
        v_hat = np.empty_like(like)
        v_hat[..., ~self.matrices.mask] = self.v
        return self.matrices.put(
            v_hat, [of_rows / of_rows.mean(-2, keepdims=True) * c[i] for i, of_rows in enumerate(r)]
        )

    def _rms(self, flat: np.ndarray) -> np.ndarray:
        """The root of the mean square of each weight's layer."""
        return self.layout.spread(np.sqrt(self.layout.layer_means(flat**2)))
