"""SAM: the gradient is taken where the loss is worst nearby, so that flat minima are preferred."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.hyper_parameters import NotNegative
from optimizers.learning_rate import moving
from optimizers.rules.wrapper import Wrapper
from optimizers.spaces import Log


class SAM(Wrapper):
    r"""An inner rule's step, with the gradient of a point uphill.

    .. math::

        \tilde\theta_t &= \theta_{t-1} + \rho\, \frac{g_t}{\|g_t\|} \\
        \tilde g_t &= \frac{\partial\, \text{loss}}{\partial \theta}(\tilde\theta_t) \\
        \theta_t &= \theta_{t-1} - \eta\, d_t \quad
            \text{(the inner rule's step for } \tilde g_t \text{)}

    The norm is that of all weights together, but for those that are frozen, which stay. A step
    costs two gradients. The point uphill is brought back by `project` if there is one.

    Parameters
    ----------
    loss, weights
        See `Optimizer`.
    lr
        The inner rule's learning rate; left out, its default.
    inner
        The inner rule: a class, or a functools.partial of one that sets its hyper-parameters.
    rho
        ρ ≥ 0: how far uphill.

    Examples
    --------
    The bottom of a bowl is looked at from one wall and the other; nearer than ρ, it steps across:

    >>> from optimizers import SAM, SGD
    >>> from optimizers.functions import sphere
    >>> SAM(sphere, [4.0], lr=0.25, inner=SGD, rho=1.0).minimize(4).theta[:, 0]
    array([ 4.    ,  1.5   ,  0.25  , -0.375 ,  0.3125])

    Notes
    -----
    Source: Foret et al., "Sharpness-aware minimization for efficiently improving generalization"
    (2021), algorithm 1 with p = 2. The numbers are those of pytorch_optimizer's SAM. Where the
    gradient is zero, it is taken again there.
    """

    rho: NotNegative = 0.05

    space = Wrapper.space | {"rho": Log(1e-3, 1.0)}
    slots = Wrapper.slots | {"direction": "the inner rule's, g from uphill"}

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        if self.wrapped.gradients_per_step is None:
            raise ValueError(
                f"SAM cannot wrap {type(self.wrapped).__name__}: a line search starts from "
                "the gradient at the weights, and SAM takes it elsewhere"
            )

    def update(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        uphill = moving(g, self.eta)
        norm = np.linalg.norm(uphill, axis=-1, keepdims=True)
        ahead = theta + self.rho * uphill / np.where(norm > 0, norm, 1.0)
        ahead = ahead if self.project is None else self.project(ahead)
        return self.inner_step(theta, self.gradient.elsewhere(ahead, self.batch))

    @property
    def gradients_per_step(self) -> int | None:
        """One more than the inner rule takes."""
        return 1 + (self.wrapped.gradients_per_step or 0)
