"""Schedule-Free: one point makes the steps, its mean is handed out, gradients lie between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.hyper_parameters import Fraction, NotNegative, Patterns
from optimizers.optimizer import Optimizer
from optimizers.slots import Slots
from optimizers.spaces import Choice, Linear, Log


class ScheduleFreeSGD(Optimizer):
    r"""SGD that needs no schedule: its iterates are averaged, the gradient is taken near the mean.

    .. math::

        z_t &= z_{t-1} - \eta_t\, (g_t + \lambda\, \theta_{t-1}) \\
        x_t &= (1 - c_t)\, x_{t-1} + c_t\, z_t \qquad
            c_t = \eta_t^2 \Big/ \sum_{i \le t} \eta_i^2 \\
        \theta_t &= (1 - \beta_1)\, z_t + \beta_1\, x_t \qquad z_0 = x_0 = \theta_0

    θ is the paper's y, where the gradient is taken. With a constant η, c_t is 1/t and x the mean of
    all z.

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`. A warm-up is a schedule of lr, such as `optimizers.schedules.warmup`.
    beta1
        β₁ in [0, 1): how near the mean the gradient is taken. With 0 it is Polyak's average of SGD.
    weight_decay
        λ ≥ 0.
    exclude_from_weight_decay
        Regular expressions; a weight whose name contains a match does not decay.

    Attributes
    ----------
    z, x
        Where the steps are made, and the mean. x is handed out: `theta`, `value` and the path
        show it. The gradient, and its norm in the path, belong to θ as in the formula.

    Examples
    --------
    >>> from optimizers import ScheduleFreeSGD
    >>> from optimizers.functions import sphere
    >>> path = ScheduleFreeSGD(sphere, [4.0], lr=0.25, beta1=0.5).minimize(3, watch=["z"])
    >>> path.theta[:, 0]
    array([4.   , 2.   , 1.5  , 1.125])
    >>> path["z"][:, 0]
    array([4.   , 2.   , 1.   , 0.375])

    Notes
    -----
    Source: Defazio et al., "The road less scheduled" (2024), eq. 1 to 3, with the weights c_t of
    its algorithm 1. The numbers are those of the authors' code, whose c_t has the largest η so far
    in the place of η_t; they differ if η falls. Its own default for lr is 1. The sum is kept for
    each weight, since η may differ by layer; the authors save memory by computing x from θ and z.
    """

    beta1: Fraction = 0.9
    weight_decay: NotNegative = 0.0
    exclude_from_weight_decay: Patterns = None

    state = ("z", "x", "total")
    batched = True
    space = Optimizer.space | {"beta1": Linear(0.5, 0.98)}
    slots = Slots(
        memory="mean of θ",
        direction="momentum, from the mean of θ",
        magnitude="in proportion to g",
        decay="λθ, beside the gradient",
    )

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._placed()

    @property
    def decayed(self) -> np.ndarray:
        """1 for each weight that decays, 0 for the others."""
        return self.layout.decayed(self.exclude_from_weight_decay)

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        return g + self.weight_decay * self.decayed * theta

    def update(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        self.d = self.direction(theta, g)
        self.z = self.z - self.eta * self.d
        self.total = self.total + self.eta**2
        c = self.eta**2 / np.where(self.total > 0, self.total, 1.0)  # frozen, nothing has moved
        self.x = (1 - c) * self.x + c * self.z
        if self.project is not None:
            self.z, self.x = self.project(self.z), self.project(self.x)
        return (1 - self.beta1) * self.z + self.beta1 * self.x

    def handed_out(self, theta: np.ndarray) -> np.ndarray:
        return self.x

    def _placed(self) -> None:
        self.z, self.x = self._theta.copy(), self._theta.copy()
        self.total = np.zeros_like(self._theta)


class ScheduleFreeAdamW(ScheduleFreeSGD):
    r"""AdamW that needs no schedule: as `ScheduleFreeSGD`, with Adam's step for each weight.

    .. math::

        v_t &= \beta_2 v_{t-1} + (1 - \beta_2)\, g_t^2 \qquad \hat v_t = v_t / (1 - \beta_2^t) \\
        z_t &= z_{t-1} - \eta \left(
            \frac{g_t}{\sqrt{\hat v_t} + \epsilon} + \lambda\, \theta_{t-1} \right) \\
        \theta_t &= (1 - \beta_1)\, z_t + \beta_1\, x_t

    with x as in `ScheduleFreeSGD`. The mean stands in for the momentum: there is no m.

    Parameters
    ----------
    loss, weights, lr, beta1, weight_decay, exclude_from_weight_decay
        As in `ScheduleFreeSGD`.
    beta2, epsilon
        As in `Adam`.

    Examples
    --------
    The first step of z is −lr · sign(g), and x goes there at once; the second takes it half as far:

    >>> from optimizers import ScheduleFreeAdamW
    >>> from optimizers.functions import sphere
    >>> ScheduleFreeAdamW(sphere, [3.0, -40.0], lr=0.5).minimize(2).theta.round(2)
    array([[  3.  , -40.  ],
           [  2.5 , -39.5 ],
           [  2.27, -39.25]])

    Notes
    -----
    Source: Defazio et al., "The road less scheduled" (2024), algorithm 1. The numbers are those of
    the authors' code and of optax.contrib.schedule_free_adamw, which correct v as Adam does; the
    printed algorithm puts that correction into η. η of the schedule alone counts in c_t.
    """

    lr = 0.0025
    beta2: Fraction = 0.999
    epsilon: NotNegative = 1e-8

    state = (*ScheduleFreeSGD.state, "v")
    batched = True
    space = ScheduleFreeSGD.space | {
        "beta2": Choice(0.9, 0.99, 0.999),
        "weight_decay": Log(1e-5, 1.0),
    }
    slots = ScheduleFreeSGD.slots | {
        "memory": "means of θ and g²",
        "magnitude": "per weight: ÷ √v",
    }

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.v_hat = self.v / (1 - self.beta2**self.t)
        return super().direction(theta, g / (np.sqrt(self.v_hat) + self.epsilon))
