"""SOAP: Adam in the directions that Shampoo finds."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizers.hyper_parameters import Fraction, Whole
from optimizers.rules.adamw import AdamW
from optimizers.rules.matrices import Matrices, eigh, joined, split
from optimizers.spaces import Choice

LARGEST = 10_000  # of a longer side, the matrix would not fit


def square(n: int) -> tuple[int, int]:
    """The shape of the matrix of a side of n; the largest sides have none."""
    return (n, n) if n <= LARGEST else (0, 0)


def gram(G: np.ndarray) -> np.ndarray:
    """g gᵀ, of a shape as above."""
    return G @ G.mT if G.shape[-2] <= LARGEST else G[..., :0, :0]


def between(left: np.ndarray, X: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Left · X · right; an empty matrix stands for 1."""
    X = left @ X if left.shape[-1] else X
    return X @ right if right.shape[-1] else X


def refined(A: np.ndarray, Q: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A basis nearer to A's eigenvectors, by one power iteration, and the rows of v in its order.

    The largest eigenvalues come first.
    """
    if not Q.shape[-1]:
        return Q, v
    AQ = A @ Q
    order = np.argsort(-np.sum(Q * AQ, axis=-2), axis=-1)
    AQ = np.take_along_axis(AQ, order[..., np.newaxis, :], axis=-1)
    return np.linalg.qr(AQ).Q, np.take_along_axis(v, order[..., :, np.newaxis], axis=-2)


class SOAP(AdamW):
    r"""AdamW, for matrices in the eigenvectors of Shampoo's L and R instead of weight by weight.

    .. math::

        m_t &= \beta_1 m_{t-1} + (1 - \beta_1)\, G_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2)\, (Q_L^\top G_t\, Q_R)^2 \\
        N_t &= \frac{\sqrt{1 - \beta_2^{t-1}}}{1 - \beta_1^{t-1}}\,
            \frac{Q_L^\top m_t\, Q_R}{\sqrt{v_t} + \epsilon} \\
        \theta_t &= \theta_{t-1} -
            \eta \left( Q_L N_t\, Q_R^\top + \lambda\, \theta_{t-1} \right) \\
        L_t &= \beta_2 L_{t-1} + (1 - \beta_2)\, G_t G_t^\top \qquad
            R_t = \beta_2 R_{t-1} + (1 - \beta_2)\, G_t^\top G_t \\
        \text{every } f \text{ steps:} \quad Q_L &\leftarrow \operatorname{QR}(L_t Q_L), \qquad
            Q_R \leftarrow \operatorname{QR}(R_t Q_R)

    for arrays with two axes. In all others Q is 1, they have AdamW's step; and on sides longer than
    10,000. The first step moves nothing; it takes the eigenvectors of its L and R for Q.

    Parameters
    ----------
    loss, weights, lr
        See `Optimizer`.
    beta1, beta2, epsilon, weight_decay, exclude_from_weight_decay
        As in `AdamW`.
    precondition_frequency
        f, how many steps lie between two bases, 1 or more.

    Examples
    --------
    How the rows of a matrix are turned makes no difference to SOAP, and all to AdamW:

    >>> import autograd.numpy as np
    >>> from optimizers import SOAP, AdamW
    >>> target, slopes = np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[100.0], [1.0]])
    >>> def loss_after(rule, turn):
    ...     loss = lambda w: np.sum(slopes * (turn @ w - target) ** 2)
    ...     return rule(loss, np.zeros((2, 2)), lr=0.03, weight_decay=0.0).minimize(60).loss[-1]
    >>> for rule in (AdamW, SOAP):
    ...     straight, askew = (loss_after(rule, np.array(turn)) for turn in
    ...         ([[1.0, 0.0], [0.0, 1.0]], [[0.6, -0.8], [0.8, 0.6]]))
    ...     print(rule.__name__, straight.round(3), askew.round(3))
    AdamW 25.547 2.704
    SOAP 25.274 25.274

    Notes
    -----
    Source: Vyas et al., "SOAP: improving and stabilizing Shampoo using Adam" (2024), algorithm 3.
    The numbers are those of the authors' code as pytorch_optimizer has it: the first step is
    skipped, ε stands beside the root of v before the correction, vectors have Adam's step; at a new
    basis, its vectors are put in order, the largest first, and v with them. The decay is AdamW's;
    theirs shrinks the weights after the step.
    """

    lr = 0.003
    beta1: Fraction = 0.95
    beta2: Fraction = 0.95
    precondition_frequency: Whole = 10

    state = ("m", "v", "L", "R", "Q_L", "Q_R")
    batched = True
    space = AdamW.space | {"precondition_frequency": Choice(1, 10, 100)}
    slots = AdamW.slots | {
        "memory": "means of g, g², ggᵀ and gᵀg",
        "magnitude": "per matrix: ÷ √v, turned",
    }

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.matrices = Matrices(self.layout)
        self.lefts = [square(rows) for rows, _ in self.matrices.shapes]
        self.rights = [square(columns) for _, columns in self.matrices.shapes]
        self.L, self.R = self._left(self._theta * 0), self._right(self._theta * 0)
        self.Q_L, self.Q_R = self.L, self.R

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        if self.t == 1:
            self.L = (1 - self.beta2) * self._left(g)
            self.R = (1 - self.beta2) * self._right(g)
            self.Q_L = self._eigenvectors(self.L, self.lefts)
            self.Q_R = self._eigenvectors(self.R, self.rights)
            return np.zeros_like(g)
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * self._turned(g) ** 2
        rate = np.sqrt(1 - self.beta2 ** (self.t - 1)) / (1 - self.beta1 ** (self.t - 1))
        N = rate * self._turned(self.m) / (np.sqrt(self.v) + self.epsilon)
        d = self._turned_back(N) + self.weight_decay * self.decayed * theta
        self.L = self.beta2 * self.L + (1 - self.beta2) * self._left(g)
        self.R = self.beta2 * self.R + (1 - self.beta2) * self._right(g)
        if (self.t - 1) % self.precondition_frequency == 0:
            self._take_new_bases()
        return d

    def _left(self, g: np.ndarray) -> np.ndarray:
        return joined([gram(G) for G in self.matrices.of(g)], g.shape[:-1])

    def _right(self, g: np.ndarray) -> np.ndarray:
        return joined([gram(G.mT) for G in self.matrices.of(g)], g.shape[:-1])

    def _eigenvectors(self, flat: np.ndarray, shapes: Any) -> np.ndarray:
        """The largest first."""
        return joined([eigh(A)[1][..., ::-1] for A in split(flat, shapes)], flat.shape[:-1])

    def _bases(self) -> Any:
        return zip(split(self.Q_L, self.lefts), split(self.Q_R, self.rights), strict=True)

    def _turned(self, flat: np.ndarray) -> np.ndarray:
        """The matrices, seen from the bases: Q_Lᵀ X Q_R."""
        each = zip(self.matrices.of(flat), self._bases(), strict=True)
        return self.matrices.put(flat, [between(Q_L.mT, X, Q_R) for X, (Q_L, Q_R) in each])

    def _turned_back(self, flat: np.ndarray) -> np.ndarray:
        each = zip(self.matrices.of(flat), self._bases(), strict=True)
        return self.matrices.put(flat, [between(Q_L, X, Q_R.mT) for X, (Q_L, Q_R) in each])

    def _take_new_bases(self) -> None:
        runs, v = self._theta.shape[:-1], self.matrices.of(self.v)
        lefts, rights = split(self.L, self.lefts), split(self.R, self.rights)
        new_left, new_right = [], []
        for i, (Q_L, Q_R) in enumerate(self._bases()):
            Q_L, v[i] = refined(lefts[i], Q_L, v[i])
            Q_R, turned = refined(rights[i], Q_R, v[i].mT)
            v[i] = turned.mT
            new_left.append(Q_L)
            new_right.append(Q_R)
        self.Q_L, self.Q_R = joined(new_left, runs), joined(new_right, runs)
        self.v = self.matrices.put(self.v, v)
