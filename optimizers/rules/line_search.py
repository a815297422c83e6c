"""LineSearch: a step along a direction, as long as it pays."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from optimizers.hyper_parameters import Fraction
from optimizers.learning_rate import moving
from optimizers.optimizer import Optimizer, hands_out_others
from optimizers.slots import Slots
from optimizers.spaces import Log

TRIALS = 30  # of a step: if none pays, the last one is below 1e-8 of the first
SHORTER, LONGER = (0.1, 0.5), (2.0, 10.0)  # of a trial's rate: between these is the next one's
STRAIGHT = 0.9  # of what the slope promises, or more: so far the line is hardly bent
ROUNDING = 4 * np.finfo(float).eps  # of the loss: a rise that may be none
Along = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of each run: (..., P), (..., P) → (..., 1)."""
    return np.sum(a * b, axis=-1, keepdims=True)


def lowest(change: np.ndarray, promised: np.ndarray, least: Any, most: Any) -> np.ndarray:
    r"""The lowest point of the parabola through a trial, as a multiple of the trial's rate.

    .. math::

        \frac{\eta^*}{\eta} = \frac{1}{2\,(1 - r)}, \qquad
        r = \frac{\varphi(\eta) - \varphi(0)}{\eta\, \varphi'(0)}

    Parameters
    ----------
    change, promised
        φ(η) − φ(0), and what the slope promises, η φ′(0) < 0.
    least, most
        Between these it is kept; it is the least where the loss is not finite, the most where the
        parabola opens downwards.

    Examples
    --------
    Of (1 − 4η)², with φ′(0) = −8, at η = 1:

    >>> float(lowest(np.array(8.0), np.array(-8.0), 0.0, 1.0))
    0.25
    """
    with np.errstate(all="ignore"):
        r = change / promised
        found = np.where(r < 1, 1 / (2 * (1 - r)), most)
    return np.where(np.isfinite(change), np.clip(found, least, most), least)


def backtracking(
    along: Along, rate: np.ndarray, decrease: Any = 1e-4, slack: Any = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    r"""Shorten a step until the loss falls by a fair share of what its slope promises.

    .. math::

        \varphi(\eta) \le \varphi(0) + c\, \eta\, \varphi'(0), \qquad
        \varphi(\eta) = \text{loss}(\theta - \eta\, d)

    From a trial that does not, it goes on to the lowest point of the parabola that has the value
    and the slope at 0 and the value found, but to a tenth of the rate at least and to a half at
    most. A first trial that gives 0.9 or more of the promise was too short: as long as that is so,
    and the loss still falls, the next one is two to ten times as long.

    Parameters
    ----------
    along
        From rates to φ(η) − φ(0) and η φ′(0): arrays of one shape, whose entries are runs.
    rate
        Those to try first; where it is 0, nothing is looked for.
    decrease
        c in [0, 1).
    slack
        A rise that is forgiven, as rounding makes one.

    Returns
    -------
    rate, trials
        What was found, 0 where 30 trials were in vain; and how many each run took.

    Examples
    --------
    Down a bowl from 1, where its slope is 8:

    >>> def along(rate):
    ...     return 4 * (1 - 8 * rate) ** 2 - 4, -64 * rate
    >>> rate, trials = backtracking(along, np.array([0.2, 1.0]))
    >>> rate, trials
    (array([0.2  , 0.125]), array([1, 2]))

    Notes
    -----
    Source: Armijo, "Minimization of functions having Lipschitz continuous first partial
    derivatives" (1966); Nocedal and Wright, "Numerical optimization" (2006), algorithm 3.1 and
    eq. 3.58. What is too short is said by Goldstein's condition, 3.11 there. All look at losses
    alone; the conditions of Wolfe would take a gradient at every trial.
    """
    rate = np.array(rate, float)
    best, fell = np.zeros_like(rate), np.full_like(rate, np.inf)
    is_searching, was_long, trials = rate > 0, rate < 0, np.zeros(rate.shape, int)
    for _ in range(TRIALS):
        if not is_searching.any():
            break
        change, promised = along(rate)
        trials = trials + is_searching
        enough = decrease * np.minimum(promised, 0.0) + slack
        pays = np.isfinite(change) & (change <= enough)
        is_best = is_searching & pays & (change < fell)
        best, fell = np.where(is_best, rate, best), np.where(is_best, change, fell)
        was_long = was_long | (is_searching & ~pays)
        is_short = is_best & ~was_long & (change <= STRAIGHT * promised)
        is_searching = is_short | (is_searching & (best == 0))
        between = [np.where(is_short, *ends) for ends in zip(LONGER, SHORTER, strict=True)]
        rate = np.where(is_searching, rate * lowest(change, promised, *between), rate)
    return best, trials


class LineSearch(Optimizer):
    r"""The base of rules that look before they step: `direction` is theirs, the rate is found.

    .. math::

        \theta_t &= \theta_{t-1} - \alpha_t\, \eta\, d_t, \quad
            \text{with } \alpha_t \text{ short enough that} \\
        \text{loss}(\theta_t) &\le \text{loss}(\theta_{t-1}) - c\, \alpha_t\, \eta\, g_t^\top d_t,
            \quad \text{or lengthened while the loss still falls}

    For the α that are tried in turn, see `backtracking`. In a run whose direction does
    not lead downhill, the gradient takes its place; where no trial pays, the weights stay.

    Parameters
    ----------
    loss, weights
        See `Optimizer`.
    lr
        η, the rate that is tried first.
    decrease
        c in [0, 1).

    Attributes
    ----------
    evaluations
        How often the loss was evaluated up to here, with its gradient (once a step) or without (at
        every trial), one per run. `minimize(…, watch="evaluations")` records it.
    alpha
        α of the last step, one per run; 0 where no trial paid, and the weights stayed.

    Examples
    --------
    A rule of one's own: the steepest descent of Cauchy.

    >>> from optimizers import LineSearch
    >>> from optimizers.functions import booth
    >>> class Steepest(LineSearch):
    ...     def direction(self, theta, g):
    ...         return g
    >>> path = Steepest(booth, [-4.0, -3.0]).minimize(90, watch="evaluations")
    >>> path.theta[-1].round(6), path["evaluations"][[1, -1]].ravel()
    (array([1., 3.]), array([  3., 270.]))

    Notes
    -----
    Trials are made on the batch of the step. A projection comes before the look: the loss is
    compared with what the slope promises for the weights that are brought back. A rise that is no
    more than rounding counts as none. A step takes a varying number of evaluations and branches on
    what they give, so it is made by plain NumPy and autograd, and no race gives it as many
    gradients as others.
    """

    lr = 1.0
    decrease: Fraction = 1e-4

    state = ("evaluations", "alpha")
    space = {"lr": Log(0.01, 10.0)}  # noqa: RUF012
    slots = Slots(magnitude="overall: searched along the line", decay="none")

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        if not set(LineSearch.state) <= set(self.state):
            raise TypeError(
                f"{type(self).__name__} must keep {' and '.join(LineSearch.state)} as well: write "
                "state = (*LineSearch.state, …) in the class"
            )
        self.evaluations = np.zeros((*self._theta.shape[:-1], 1), int)
        self.alpha = np.zeros(self.evaluations.shape)

    @abstractmethod
    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        """d, where the step is −α·η·d."""

    def first(self, along: Along, slope: np.ndarray) -> tuple[np.ndarray, Any]:
        """The α to try first, and the evaluations that it took to choose it: each (..., 1)."""
        return np.ones_like(slope), 0

    def update(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        is_known = self._value is not None and not hands_out_others(self)
        before = self._value if is_known else self.gradient.value(theta, self.batch)
        before = np.reshape(before, self.evaluations.shape)
        g = moving(g, self.eta)  # what is frozen bends no direction
        super().update(theta, g)  # leaves d, which it checks
        step = self.eta * self.d
        step = np.where(dot(g, step) > 0, step, self.eta * g)

        def at(alpha: np.ndarray) -> np.ndarray:
            ahead = theta - alpha * step
            return ahead if self.project is None else self.project(ahead)

        def along(alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            ahead = at(alpha)
            loss = np.reshape(self.gradient.value(ahead, self.batch), before.shape)
            return loss - before, dot(g, ahead - theta)

        slope = -dot(g, step)
        leads_down = np.isfinite(before) & np.isfinite(slope) & (slope < 0)
        alpha, looks = self.first(along, slope)
        alpha, slack = np.where(leads_down, alpha, 0.0), ROUNDING * np.abs(before)
        alpha, trials = backtracking(along, alpha, self.decrease, slack)
        looks = np.where(leads_down, looks, 0) + (1 if is_known else 2)
        self.evaluations = self.evaluations + trials + looks
        ahead = at(alpha)
        self.alpha = np.where(np.any(ahead != theta, axis=-1, keepdims=True), alpha, 0.0)
        return ahead

    @property
    def gradients_per_step(self) -> None:
        """Not known in advance: `evaluations` counts."""
        return None
