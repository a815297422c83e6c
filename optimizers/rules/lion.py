"""Lion: the sign of a momentum, found by a search over programs."""

from __future__ import annotations

import numpy as np

from optimizers.hyper_parameters import Fraction, NotNegative
from optimizers.optimizer import Optimizer
from optimizers.slots import Slots
from optimizers.spaces import Choice, Linear, Log


class Lion(Optimizer):
    r"""Every weight moves by the same length, in the direction of a mean of gradients.

    .. math::

        \theta_t &= \theta_{t-1} - \eta \left( \operatorname{sign}
            \left(\beta_1 m_{t-1} + (1 - \beta_1)\, g_t\right) + \lambda\, \theta_{t-1} \right) \\
        m_t &= \beta_2 m_{t-1} + (1 - \beta_2)\, g_t

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`. Lion wants 3 to 10 times less than AdamW.
    beta1, beta2
        β₁, β₂ in [0, 1): the weight of the past in the step and in the momentum.
    weight_decay
        λ ≥ 0, decoupled, multiplied by lr. Lion wants 3 to 10 times more than AdamW.

    Examples
    --------
    >>> from optimizers import Lion
    >>> from optimizers.functions import sphere
    >>> Lion(sphere, [3.0, -4.0], lr=0.5).minimize(2).theta
    array([[ 3. , -4. ],
           [ 2.5, -3.5],
           [ 2. , -3. ]])

    Notes
    -----
    Source: Chen et al., "Symbolic discovery of optimization algorithms" (2023), program 1 and
    algorithm 2. The numbers are those of optax.lion.
    """

    lr = 1e-4
    beta1: Fraction = 0.9
    beta2: Fraction = 0.99
    weight_decay: NotNegative = 0.0

    state = ("m",)
    batched = True
    space = Optimizer.space | {
        "beta1": Linear(0.5, 0.95),
        "beta2": Choice(0.9, 0.99, 0.999),
        "weight_decay": Log(1e-5, 1.0),
    }
    slots = Slots(
        memory="mean of g",
        direction="momentum, g in front",
        magnitude="per weight: all alike",
        decay="λθ, beside the gradient",
    )

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        mixed = self.beta1 * self.m + (1 - self.beta1) * g
        self.m = self.beta2 * self.m + (1 - self.beta2) * g
        return np.sign(mixed) + self.weight_decay * theta
