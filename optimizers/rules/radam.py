"""RAdam: Adam that takes its first steps without v, since v is not to be relied on yet."""

from __future__ import annotations

import numpy as np

from optimizers.rules.adam import Adam


class RAdam(Adam):
    r"""Adam with the variance of its own learning rate rectified: a warmup that needs no tuning.

    .. math::

        \rho_\infty &= \frac{2}{1 - \beta_2} - 1 \qquad
            \rho_t = \rho_\infty - \frac{2 t\, \beta_2^t}{1 - \beta_2^t} \\
        l_t &= \frac{\sqrt{1 - \beta_2^t}}{\sqrt{v_t} + \epsilon} \qquad
            r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2)\, \rho_\infty}
                {(\rho_\infty - 4)(\rho_\infty - 2)\, \rho_t}} \\
        \theta_t &= \theta_{t-1} - \eta \begin{cases}
            r_t\, l_t\, \hat m_t & \text{if } \rho_t > 5 \\
            \hat m_t & \text{otherwise} \end{cases}

    with m, v and m̂ as in `Adam`. ρ is about how many gradients v is a mean of.

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`.
    beta1, beta2, epsilon
        As in `Adam`. With β₂ up to 2/3, v is never used.

    Examples
    --------
    The first five steps are those of a momentum, the rest is rectified:

    >>> from optimizers import RAdam
    >>> from optimizers.functions import sphere
    >>> path = RAdam(sphere, [3.0], lr=0.01).minimize(1000, watch=["r"])
    >>> path["r"][[5, 6, 100, 1000]].round(3)
    array([0.   , 0.026, 0.215, 0.645])

    Notes
    -----
    Source: Liu et al., "On the variance of the adaptive learning rate and beyond" (2020),
    algorithm 2. The bound is 5, and ε stands beside the root of v before the correction, as in
    torch.optim.RAdam, whose numbers these are; the paper's bound is 4, and it has no ε.
    """

    batched = True
    slots = Adam.slots | {"magnitude": "in proportion to g, later ÷ √v"}

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1**self.t)
        rho_inf = 2 / (1 - self.beta2) - 1
        rho = rho_inf - 2 * self.t * self.beta2**self.t / (1 - self.beta2**self.t)
        rate = np.sqrt(1 - self.beta2**self.t) / (np.sqrt(self.v) + self.epsilon)
        r = np.sqrt((rho - 4) * (rho - 2) / rho)
        r = r / np.sqrt((rho_inf - 4) * (rho_inf - 2) / rho_inf)
        self.r = np.where(rho > 5, r, 0.0)
        return np.where(rho > 5, self.r * rate, 1.0) * self.m_hat
