"""NAdam: Adam with Nesterov's look ahead."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.rules.adam import Adam


class NAdam(Adam):
    r"""Adam that puts the newest gradient in front of the mean.

    .. math::

        \mu_t &= \beta_1 \left(1 - \tfrac12\, 0.96^{\,t\psi}\right), \quad \psi = 0.004 \\
        \hat m_t &= \mu_{t+1} \frac{m_t}{1 - \prod_{i=1}^{t+1} \mu_i}
                    + (1 - \mu_t) \frac{g_t}{1 - \prod_{i=1}^{t} \mu_i} \\
        \hat v_t &= v_t / (1 - \beta_2^t) \\
        \theta_t &= \theta_{t-1} - \eta\, \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}

    with m and v as in `Adam`.

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`.
    beta1, beta2, epsilon
        As in `Adam`.

    Examples
    --------
    >>> from optimizers import NAdam
    >>> from optimizers.functions import sphere
    >>> float(NAdam(sphere, [3.0, 4.0], lr=0.5).minimize(50).loss[-1]) < 1
    True

    Notes
    -----
    Source: Dozat, "Incorporating Nesterov momentum into Adam" (2016), algorithm 2 with the warming
    μ of its section 3. The constants 0.96 and ψ are those of torch.optim.NAdam, whose numbers these
    are; optax.nadam keeps μ constant.
    """

    lr = 0.002

    state = ("m", "v", "mu_product")
    batched = True
    slots = Adam.slots | {"direction": "momentum, g in front"}

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.mu_product = np.ones_like(self._theta[..., :1])  # one a run

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        mu = self.beta1 * (1 - 0.5 * 0.96 ** (self.t * 0.004))
        mu_next = self.beta1 * (1 - 0.5 * 0.96 ** ((self.t + 1) * 0.004))
        self.mu_product = self.mu_product * mu
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = mu_next * self.m / (1 - self.mu_product * mu_next)
        self.m_hat = self.m_hat + (1 - mu) * g / (1 - self.mu_product)
        self.v_hat = self.v / (1 - self.beta2**self.t)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)
