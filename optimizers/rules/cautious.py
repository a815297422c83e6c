"""Cautious: only the weights move whose step agrees with the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.rules.wrapper import Wrapper

LEAST = 1e-3  # of a layer's weights, or more, share the step


class Cautious(Wrapper):
    r"""Leave out of an inner rule's step what would go uphill, and lengthen the rest.

    .. math::

        u_t &= \eta\, d_t \quad \text{(the inner rule's step)} \\
        \phi_t &= 1 \text{ where } u_t\, g_t > 0, \text{ 0 elsewhere} \\
        \theta_t^{(i)} &= \theta_{t-1}^{(i)} -
            \frac{\phi_t^{(i)}}{\max(\operatorname{mean} \phi_t^{(i)},\, 0.001)}\, u_t^{(i)}

    for each layer i (each named array).

    Parameters
    ----------
    loss, weights
        See `Optimizer`.
    lr
        The inner rule's learning rate; left out, its default.
    inner
        The inner rule: a class, or a functools.partial of one that sets its hyper-parameters.

    Examples
    --------
    A heavy ball does not roll up the other side; it stops at the lowest point that it has reached:

    >>> from functools import partial
    >>> from optimizers import Cautious, Momentum
    >>> from optimizers.functions import sphere
    >>> ball = partial(Momentum, momentum=0.5)
    >>> ball(sphere, [4.0], lr=0.25).minimize(5).theta[:, 0]
    array([ 4. ,  2. ,  0. , -1. , -1. , -0.5])
    >>> Cautious(sphere, [4.0], lr=0.25, inner=ball).minimize(5).theta[:, 0]
    array([4., 2., 0., 0., 0., 0.])

    Notes
    -----
    Source: Liang et al., "Cautious optimizers: improving training with one line of code" (2024),
    algorithm 1. Its factor is P / (number of agreeing + 1); the authors' newer code, and timm,
    whose numbers these are, divide by the mean as above. The inner rule's whole step is looked at,
    its decay with it; the authors let the decay pass.
    """

    slots = Wrapper.slots | {
        "direction": "the inner rule's where g agrees",
        "magnitude": "the inner rule's, the rest longer",
    }

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        if self.wrapped.gradients_per_step is None:
            raise ValueError(
                f"Cautious cannot wrap {type(self.wrapped).__name__}: it changes the "
                "step that the search along the line has found to pay"
            )

    def update(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        step = theta - self.inner_step(theta, g)
        agrees = np.where(step * g > 0, 1.0, 0.0)
        share = np.maximum(self.layout.layer_means(agrees), LEAST)
        return theta - agrees / self.layout.spread(share) * step
