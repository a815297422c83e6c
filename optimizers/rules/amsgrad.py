"""AMSGrad: Adam whose rates never grow again."""

from __future__ import annotations

import numpy as np

from optimizers.rules.adam import Adam


class AMSGrad(Adam):
    r"""Adam divided by the largest v so far.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        v^{\max}_t &= \max(v^{\max}_{t-1}, v_t) \\
        \hat m_t &= m_t / (1 - \beta_1^t) \qquad \hat v_t = v^{\max}_t / (1 - \beta_2^t) \\
        \theta_t &= \theta_{t-1} - \eta\, \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`.
    beta1, beta2, epsilon
        As in `Adam`.

    Examples
    --------
    >>> from optimizers import AMSGrad
    >>> from optimizers.functions import sphere
    >>> AMSGrad(sphere, [3.0, 4.0], lr=0.5).minimize(1).theta[-1]
    array([2.5, 3.5])

    Notes
    -----
    Source: Reddi, Kale and Kumar, "On the convergence of Adam and beyond" (2018), algorithm 2.
    The paper corrects no bias. Here the largest v is taken first and corrected then, as in
    torch.optim.Adam(amsgrad=True), whose numbers these are; optax takes the largest corrected v̂.
    """

    state = ("m", "v", "v_max")
    batched = True
    slots = Adam.slots | {"memory": "means of g and g², the largest"}

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.v_max = np.maximum(self.v_max, self.v)
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v_max / (1 - self.beta2**self.t)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)
