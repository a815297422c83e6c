"""AdamW: Adam, and the weights decay beside the gradient, not through it."""

from __future__ import annotations

import numpy as np

from optimizers.hyper_parameters import NotNegative, Patterns
from optimizers.rules.adam import Adam
from optimizers.spaces import Log


class AdamW(Adam):
    r"""Adam with decoupled weight decay.

    .. math::

        \theta_t = \theta_{t-1} - \eta \left(
            \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon} + \lambda\, \theta_{t-1} \right)

    with m̂ and v̂ as in `Adam`.

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`.
    beta1, beta2, epsilon
        As in `Adam`.
    weight_decay
        λ ≥ 0. A weight with zero gradient shrinks by the factor 1 − lr·λ.
    exclude_from_weight_decay
        Regular expressions; a weight whose name contains a match does not decay.

    Examples
    --------
    >>> import autograd.numpy as np
    >>> from optimizers import AdamW
    >>> weights = {"dense": {"kernel": [2.0, 1.0], "bias": [2.0]}}
    >>> def loss(w):
    ...     return np.sum(w["dense"]["kernel"] * [0.0, 1.0]) + 0 * np.sum(w["dense"]["bias"])
    >>> adamw = AdamW(
    ...     loss, weights, lr=0.5, weight_decay=0.1, exclude_from_weight_decay=["bias"]
    ... )
    >>> value = adamw.minimize_raw()
    >>> adamw.theta
    {'dense': {'kernel': array([1.9 , 0.45]), 'bias': array([2.])}}

    Notes
    -----
    Source: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), algorithm 2,
    line 12. The decay is multiplied by the learning rate, as in torch.optim.AdamW, whose numbers
    these are, and in optax; the paper multiplies it by the schedule alone (its η, not its α).
    """

    weight_decay: NotNegative = 0.01
    exclude_from_weight_decay: Patterns = None

    batched = True
    space = Adam.space | {"weight_decay": Log(1e-5, 1.0)}
    slots = Adam.slots | {"decay": "λθ, beside the gradient"}

    @property
    def decayed(self) -> np.ndarray:
        """1 for each weight that decays, 0 for the others."""
        return self.layout.decayed(self.exclude_from_weight_decay)

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        return super().direction(theta, g) + self.weight_decay * self.decayed * theta
