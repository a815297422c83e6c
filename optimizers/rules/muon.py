"""Muon: a momentum that is made orthogonal, for weights that are matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np

from optimizers import checks
from optimizers.hyper_parameters import Fraction, Kind, NotNegative, Whole
from optimizers.optimizer import Optimizer
from optimizers.slots import Slots
from optimizers.spaces import Linear, Log

SCALES: dict[str, Callable[[int, int], float]] = {  # by rows and columns, that is inputs, outputs
    "original": lambda rows, columns: max(1, columns / rows) ** 0.5,
    "match_rms_adamw": lambda rows, columns: 0.2 * max(rows, columns) ** 0.5,
    "rms_to_rms": lambda rows, columns: (columns / rows) ** 0.5,
}


def newton_schulz(X: np.ndarray, steps: int, coefficients: Any, epsilon: Any = 0.0) -> np.ndarray:
    """U Vᵀ, nearly, of matrices X = U Σ Vᵀ: (..., rows, columns) → the same shape.

    A singular value σ of X / ‖X‖ becomes aσ + bσ³ + cσ⁵ in each step, whatever U and V are.
    """
    if X.shape[-2] > X.shape[-1]:
        return newton_schulz(X.mT, steps, coefficients, epsilon).mT  # the smaller products
    a, b, c = coefficients
    X = X / (np.linalg.norm(X, axis=(-2, -1), keepdims=True) + np.expand_dims(epsilon, -1))
    for _ in range(steps):
        A = X @ X.mT
        X = a * X + (b * A + c * A @ A) @ X
    return X


def _three(name: str, values: Any) -> tuple[float, ...]:
    if np.ndim(values) != 1 or len(values) != 3:
        raise ValueError(f"{name} must be three numbers (a, b, c), got {checks.shown(values)}")
    return tuple(checks.number(name, value, checks.FINITE) for value in values)


def _scale(name: str, value: Any) -> str:
    checks.one_of(name, value, SCALES)
    return str(value)


def _rate(name: str, value: Any) -> float | None:
    return None if value is None else checks.number(name, value, checks.NOT_NEGATIVE)


Three = Annotated[Any, Kind(_three)]
LearningRateOrNone = Annotated[Any, Kind(_rate)]
Scale = Annotated[Any, Kind(_scale)]


class Muon(Optimizer):
    r"""A matrix moves by the same length in all directions of its momentum; the rest by AdamW.

    .. math::

        m_t &= \beta m_{t-1} + (1 - \beta)\, g_t \\
        \hat m_t &= \frac{m_t}{1 - \beta^t} \quad \text{or, Nesterov:} \quad
            \beta\, \frac{m_t}{1 - \beta^{t+1}} + (1 - \beta)\, \frac{g_t}{1 - \beta^t} \\
        O_t &= U V^\top \quad \text{for } \hat m_t = U \Sigma V^\top, \text{ by Newton–Schulz:} \\
        & \quad X \leftarrow \hat m_t / (\|\hat m_t\| + \epsilon), \quad
            X \leftarrow a X + b\, (X X^\top) X + c\, (X X^\top)^2 X \quad k \text{ times} \\
        \theta_t &= \theta_{t-1} - \eta \left( s\, O_t + \lambda\, \theta_{t-1} \right) \qquad
            s = \sqrt{\max(1, \text{columns} / \text{rows})}

    for arrays with two axes. All others (biases, scales, whole problems that are one vector) have
    AdamW's step with hyper-parameters of their own, its m̂ Nesterov's as well if that is chosen.

    Parameters
    ----------
    loss, weights
        See `Optimizer`.
    lr
        η of the matrices, and of the rest unless adam_lr is given.
    beta
        β in [0, 1): how much of the momentum is kept at each step.
    nesterov
        Whether m̂ looks ahead, in the matrices and in the rest.
    ns_steps
        k, the steps of Newton–Schulz, 1 or more.
    ns_coefficients
        (a, b, c). These bring every singular value above 0.002 ‖m̂‖ to between 0.68 and 1.21 in
        five steps; more steps bring them hardly nearer to 1.
    epsilon
        ε ≥ 0, keeps both divisions finite.
    weight_decay
        λ ≥ 0 of the matrices, decoupled, multiplied by lr.
    adjust_lr
        s by the shape, and so what lr means. "original": √max(1, columns / rows), Jordan's.
        "match_rms_adamw": 0.2 √max(rows, columns), Moonshot's; weights then move by about 0.2 lr in
        the root mean square, as AdamW's do, so that its lr and decay serve. "rms_to_rms":
        √(columns / rows), Bernstein's; for inputs whose root mean square is 1, that of the outputs
        moves by about lr at the most (1.21 lr, by Newton–Schulz).
    adam_lr
        η of the rest: a number, or None for lr.
    adam_beta1, adam_beta2, adam_weight_decay
        β₁, β₂ and λ of the rest, as in `AdamW`.

    Examples
    --------
    However unlike the gradients of the directions are, the step goes equally far in all:

    >>> import autograd.numpy as np
    >>> from optimizers import Muon
    >>> slopes = np.array([[100.0, 0.0], [0.0, 1.0]])
    >>> muon = Muon(lambda w: np.sum(slopes * w), np.zeros((2, 2)), lr=1.0)
    >>> muon.minimize(1).weights(1).round(1) + 0.0
    array([[-0.7,  0. ],
           [ 0. , -0.7]])

    Notes
    -----
    Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024). The
    numbers are those of optax.contrib.muon, which takes the momentum as a mean and corrects it as
    Adam does; a matrix maps rows to columns, x @ W. Jordan leaves embeddings and the last layer to
    AdamW as well; here, as in optax, the number of axes alone decides. The other scales: Liu et
    al., "Muon is scalable for LLM training" (2025), which is optax's consistent_rms=0.2; Bernstein,
    "Deriving Muon" (2025). torch.optim.Muon calls the first two as they are called here.
    """

    lr = 0.02
    beta: Fraction = 0.95
    nesterov = True
    ns_steps: Whole = 5
    ns_coefficients: Three = (3.4445, -4.7750, 2.0315)
    epsilon: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
    adam_lr: LearningRateOrNone = None
    adam_beta1: Fraction = 0.9
    adam_beta2: Fraction = 0.999
    adam_weight_decay: NotNegative = 0.0
    adjust_lr: Scale = "original"

    state = ("m", "v")
    batched = True
    space = Optimizer.space | {"beta": Linear(0.5, 0.99), "weight_decay": Log(1e-5, 1.0)}
    slots = Slots(
        memory="mean of g (of vectors, g² too)",
        direction="momentum, g in front",
        magnitude="per matrix: all directions alike",
        decay="λθ, beside the gradient",
    )

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        two_axes = [len(shape) == 2 for shape in self.layout.shapes]
        self.in_matrix = np.repeat(two_axes, self.layout.sizes)
        self.v = np.zeros_like(self._theta[..., ~self.in_matrix])  # a matrix needs none

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        rest = ~self.in_matrix
        beta = np.where(rest, self.adam_beta1, self.beta)
        decay = np.where(rest, self.adam_weight_decay, self.weight_decay)
        self.m = beta * self.m + (1 - beta) * g
        self.m_hat = self.m / (1 - beta**self.t)
        if self.nesterov:
            ahead = self.m / (1 - beta ** (self.t + 1))
            self.m_hat = beta * ahead + (1 - beta) * g / (1 - beta**self.t)
        self.v = self.adam_beta2 * self.v + (1 - self.adam_beta2) * g[..., rest] ** 2
        self.v_hat = self.v / (1 - self.adam_beta2**self.t)
        step = np.empty_like(theta)
        step[..., rest] = self.m_hat[..., rest] / (np.sqrt(self.v_hat) + self.epsilon)
        for place, shape in zip(self.layout.slices, self.layout.shapes, strict=True):
            if len(shape) == 2:
                step[..., place] = self._orthogonal(self.m_hat[..., place], *shape)
        return step + decay * theta

    def _orthogonal(self, m_hat: np.ndarray, rows: int, columns: int) -> np.ndarray:
        X = m_hat.reshape(*m_hat.shape[:-1], rows, columns)
        X = newton_schulz(X, self.ns_steps, self.ns_coefficients, self.epsilon)
        return SCALES[self.adjust_lr](rows, columns) * X.reshape(m_hat.shape)

    def update(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        if self.adam_lr is not None:
            self.eta = np.where(self.in_matrix, self.eta, self.adam_lr)
        return super().update(theta, g)
