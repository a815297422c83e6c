"""LAMB: AdamW whose step is scaled, layer by layer, to the size of the weights."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from optimizers import checks
from optimizers.hyper_parameters import Kind, NotNegative
from optimizers.rules.adamw import AdamW
from optimizers.rules.lars import trust_ratio


def _scale(name: str, phi: Any) -> Any:
    return phi if phi is None or callable(phi) else checks.bounds(name, phi)


Scale = Annotated[Any, Kind(_scale)]


class LAMB(AdamW):
    r"""AdamW times the trust ratio of each layer.

    .. math::

        u_t &= \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon} + \lambda\, \theta_{t-1} \\
        \theta_t^{(i)} &= \theta_{t-1}^{(i)} -
            \eta\, \frac{\phi(\|\theta_{t-1}^{(i)}\|)}{\|u_t^{(i)}\|}\, u_t^{(i)}

    for each layer i (each named array), with m̂ and v̂ as in `Adam`.

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`.
    beta1, beta2, epsilon
        As in `Adam`.
    weight_decay, exclude_from_weight_decay
        As in `AdamW`.
    phi
        φ: None for φ(z) = z; a pair (γ_l, γ_u) for min(max(z, γ_l), γ_u); or a function of the
        layers' norms.
    bias_correction
        Whether m and v are corrected for starting at zero. False is version 3 of the paper, and
        the article's reference code.

    Examples
    --------
    The length of a layer's step is lr times the length of its weights:

    >>> from optimizers import LAMB
    >>> from optimizers.functions import sphere
    >>> lamb = LAMB(sphere, [3.0, 4.0], lr=0.1, weight_decay=0.0)
    >>> step = lamb.theta; loss = lamb.minimize_raw(); step = step - lamb.theta
    >>> round(float(np.linalg.norm(step)), 6)
    0.5
    >>> lamb.trust_ratio  # φ(5) / ‖u‖, where u is nearly (1, 1)
    array([3.53553442])

    Notes
    -----
    Source: You et al., "Large batch optimization for deep learning: training BERT in 76 minutes"
    (2020), algorithm 2. The ratio is 1 where ‖θ‖ or ‖u‖ is 0, as in the article's reference code
    and in optax.lamb, whose numbers these are. It is taken after the bias correction and after the
    decay is added. No further clamp is applied.
    """

    epsilon: NotNegative = 1e-6
    phi: Scale = None
    bias_correction = True

    batched = True
    slots = AdamW.slots | {"magnitude": "per layer: ‖θ‖; per weight: ÷ √v"}

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        t = self.t if self.bias_correction else np.inf  # β^∞ = 0: nothing is corrected
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1**t)
        self.v_hat = self.v / (1 - self.beta2**t)
        update = self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)
        update = update + self.weight_decay * self.decayed * theta
        self.trust_ratio = trust_ratio(self.layout, theta, update, self._phi)
        return self.layout.spread(self.trust_ratio) * update

    def _phi(self, norm: np.ndarray) -> np.ndarray:
        if self.phi is None:
            return norm
        if callable(self.phi):
            return self.phi(norm)
        return np.clip(norm, *self.phi)
