"""Known mistakes: small rules that run and are wrong, each with the question that helps.

Adam, AdamW and LAMB are taken apart into the lines of the formula, so that a fault is one line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from optimizers.optimizer import Optimizer
from optimizers.rules import AdaGrad, Adam, Momentum, RMSProp


class Fault(NamedTuple):
    """A wrong answer (a rule or a function), and a sentence that does not give the right one."""

    name: str
    answer: Any
    hint: str


class Parts(Adam):
    """Adam, a method for each line of the formula."""

    weight_decay = 0.0

    def slope(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        """The gradient that enters m and v."""
        return g

    def means(self, g: np.ndarray) -> None:
        """The lines m and v."""
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2

    def hats(self) -> None:
        """The correction."""
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v / (1 - self.beta2**self.t)

    def quotient(self) -> np.ndarray:
        """Adam's direction."""
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)

    def whole(self, theta: np.ndarray, u: np.ndarray) -> np.ndarray:
        """What is made of it."""
        return u

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        """The lines in order."""
        self.means(self.slope(theta, g))
        self.hats()
        return self.whole(theta, self.quotient())


class AdamL2(Parts):
    """Adam with the penalty in the gradient."""

    weight_decay = 0.01

    def slope(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        """Its own line."""
        return g + self.weight_decay * theta


class PartsW(Parts):
    """AdamW."""

    weight_decay = 0.01

    def whole(self, theta: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Its own line."""
        return u + self.weight_decay * theta


class PartsLAMB(PartsW):
    """LAMB for one layer."""

    epsilon = 1e-6

    def whole(self, theta: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Its own lines."""
        u = u + self.weight_decay * theta
        return self.ratio(theta, u) * u

    def ratio(self, theta: np.ndarray, u: np.ndarray) -> Any:
        """The trust ratio."""
        self.trust_ratio = ratio(np.linalg.norm(theta), np.linalg.norm(u))
        return self.trust_ratio


def ratio(length: Any, step: Any) -> Any:
    """‖θ‖ / ‖u‖, and 1 where one of them is 0."""
    return length / step if length > 0 and step > 0 else 1.0


def fault(name: str, base: type[Optimizer], hint: str, **lines: Callable[..., Any]) -> Fault:
    """The rule `base` with other lines in the place of its own."""
    return Fault(name, type(base.__name__, (base,), lines), hint)


def general(base: type[Optimizer]) -> list[Fault]:
    """What goes wrong with every rule."""

    def uphill(self: Any, theta: Any, g: Any) -> Any:
        return -base.direction(self, theta, g)

    def twice(self: Any, theta: Any, g: Any) -> Any:
        return self.eta * base.direction(self, theta, g)

    def weights(self: Any, theta: Any, g: Any) -> Any:
        return theta - self.eta * base.direction(self, theta, g)

    return [
        fault("uphill", base, "it walks uphill: who subtracts the step?", direction=uphill),
        fault(
            "lr twice",
            base,
            "its steps are lr times too long: who multiplies by the learning rate?",
            direction=twice,
        ),
        fault(
            "new weights",
            base,
            "it returns the new weights: what is a direction?",
            direction=weights,
        ),
    ]


def sgd(base: type[Optimizer]) -> list[Fault]:
    """Mistakes of gradient descent."""
    signs = fault(
        "sign only",
        base,
        "every step is equally long: should a steep slope not count for more?",
        direction=lambda self, theta, g: np.sign(g),
    )
    return [*general(base), signs]


def _momentum(line: Callable[[Any, Any, Any], Any]) -> Callable[..., Any]:
    def direction(self: Any, theta: Any, g: Any) -> Any:
        old = self.m
        self.m, d = line(self.momentum, old, g)
        return d

    return direction


def momentum(nesterov: bool) -> list[Fault]:
    """Mistakes of both kinds of momentum."""

    class Ball(Momentum):
        def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
            self.m = self.momentum * self.m + g
            return g + self.momentum * self.m if nesterov else self.m

    def one(name: str, hint: str, line: Callable[[Any, Any, Any], Any]) -> Fault:
        return fault(name, Ball, hint, direction=_momentum(line))

    def ball(mu: Any, m: Any, g: Any) -> Any:
        return mu * m + g, mu * m + g

    def ahead(mu: Any, m: Any, g: Any) -> Any:
        return mu * m + g, g + mu * (mu * m + g)

    def damped(mu: Any, m: Any, g: Any) -> Any:
        new = mu * m + (1 - mu) * g
        return new, g + mu * new if nesterov else new

    def swapped(mu: Any, m: Any, g: Any) -> Any:
        new = m + mu * g
        return new, g + mu * new if nesterov else new

    found = general(Ball)
    if nesterov:
        found += [
            one("plain", "this is the heavy ball: where does it look ahead?", ball),
            one(
                "old m",
                "it looks ahead with the velocity of the step before: which m is meant?",
                lambda mu, m, g: (mu * m + g, g + mu * m),
            ),
            one(
                "m undamped",
                "it adds the whole velocity: how much of it is left after a step?",
                lambda mu, m, g: (mu * m + g, g + mu * m + g),
            ),
        ]
    else:
        found += [
            one(
                "Nesterov, not plain",
                "it looks ahead, as Nesterov's kind does: what is the direction here?",
                ahead,
            ),
            one(
                "m not kept",
                "it forgets its speed: does m get its new value?",
                lambda mu, m, g: (m, mu * m + g),
            ),
        ]
    return [
        *found,
        one("gradient damped", "with what factor does the gradient enter m?", damped),
        one("factor misplaced", "what does the momentum multiply, the old m or g?", swapped),
    ]


def _root(v: Any, epsilon: Any) -> Any:
    return np.sqrt(v) + epsilon


def _mean(base: type[Optimizer], name: str, hint: str, v: Any, root: Any = _root) -> Fault:
    def direction(self: Any, theta: Any, g: Any) -> Any:
        self.v = v(getattr(self, "rho", None), self.v, g)
        return g / root(self.v, self.epsilon)

    return fault(name, base, hint, direction=direction)


def rates(base: type[AdaGrad]) -> list[Fault]:
    """Mistakes of AdaGrad and RMSProp."""
    rmsprop = issubclass(base, RMSProp)

    def right(rho: Any, v: Any, g: Any) -> Any:
        return rho * v + (1 - rho) * g**2 if rmsprop else v + g**2

    found = [
        *general(base),
        _mean(
            base,
            "epsilon inside the root",
            "where does ε stand, inside or outside the root?",
            right,
            lambda v, epsilon: np.sqrt(v + epsilon),
        ),
        _mean(
            base,
            "root missing",
            "what has the unit of a gradient, v or something made of v?",
            right,
            lambda v, epsilon: v + epsilon,
        ),
        _mean(
            base,
            "forgets all",
            "every step has the same length: does v keep what it had before?",
            lambda rho, v, g: g**2,
        ),
    ]
    if rmsprop:
        found += [
            _mean(
                base,
                "sum",
                "v only grows, as AdaGrad's does: how much of it is kept?",
                lambda rho, v, g: v + g**2,
            ),
            _mean(
                base,
                "factor missing",
                "v is too large: with what factor does the new square enter the mean?",
                lambda rho, v, g: rho * v + g**2,
            ),
            _mean(
                base,
                "rho swapped",
                "which part is kept, and which part is new?",
                lambda rho, v, g: (1 - rho) * v + rho * g**2,
            ),
        ]
    else:
        found.append(
            _mean(
                base,
                "square missing",
                "v is a sum of what? It must not matter whether a slope is up or down.",
                lambda rho, v, g: v + g,
            )
        )
    return found


def _set_hats(m_hat: Any, v_hat: Any) -> Callable[..., None]:
    def hats(self: Any) -> None:
        self.m_hat = m_hat(self.m, self.beta1, self.beta2, self.t)
        self.v_hat = v_hat(self.v, self.beta1, self.beta2, self.t)

    return hats


def _set_means(m: Any, v: Any) -> Callable[..., None]:
    def means(self: Any, g: Any) -> None:
        self.m = m(self.m, g, self.beta1, self.beta2)
        self.v = v(self.v, g, self.beta1, self.beta2)

    return means


def _started(value: float) -> Callable[..., None]:
    def means(self: Any, g: Any) -> None:
        if self.t == 1:
            self.m, self.v = self.m + value, self.v + value
        Parts.means(self, g)

    return means


def _m(m: Any, g: Any, b1: Any, b2: Any) -> Any:
    return b1 * m + (1 - b1) * g


def _v(v: Any, g: Any, b1: Any, b2: Any) -> Any:
    return b2 * v + (1 - b2) * g**2


def adam(base: type[Parts]) -> list[Fault]:
    """Mistakes in Adam's lines, in whatever rule they stand."""

    def hats(name: str, hint: str, m_hat: Any, v_hat: Any) -> Fault:
        return fault(name, base, hint, hats=_set_hats(m_hat, v_hat))

    def means(name: str, hint: str, m: Any, v: Any) -> Fault:
        return fault(name, base, hint, means=_set_means(m, v))

    def quotient(name: str, hint: str, line: Any) -> Fault:
        return fault(name, base, hint, quotient=line)

    start = "do m and v start where the formula lets them start?"
    return [
        *general(base),
        hats(
            "power t missing",
            "is the power t used, and does t grow with each step?",
            lambda m, b1, b2, t: m / (1 - b1),
            lambda v, b1, b2, t: v / (1 - b2),
        ),
        hats(
            "power t missing in v",
            "m̂ is right: is the power t used in the line of v̂?",
            lambda m, b1, b2, t: m / (1 - b1**t),
            lambda v, b1, b2, t: v / (1 - b2),
        ),
        hats(
            "power t missing in m",
            "v̂ is right: is the power t used in the line of m̂?",
            lambda m, b1, b2, t: m / (1 - b1),
            lambda v, b1, b2, t: v / (1 - b2**t),
        ),
        hats(
            "correction multiplied",
            "m starts too small: does the correction make it larger, or smaller still?",
            lambda m, b1, b2, t: m * (1 - b1**t),
            lambda v, b1, b2, t: v * (1 - b2**t),
        ),
        hats(
            "correction missing",
            "m and v start at 0: what makes up for that in the first steps?",
            lambda m, b1, b2, t: m,
            lambda v, b1, b2, t: v,
        ),
        hats(
            "t counted from 0",
            "which number has the first step?",
            lambda m, b1, b2, t: m / (1 - b1 ** (t - 1)),
            lambda v, b1, b2, t: v / (1 - b2 ** (t - 1)),
        ),
        hats(
            "t too large",
            "which number has the first step?",
            lambda m, b1, b2, t: m / (1 - b1 ** (t + 1)),
            lambda v, b1, b2, t: v / (1 - b2 ** (t + 1)),
        ),
        hats(
            "one beta for both",
            "which β belongs to v̂?",
            lambda m, b1, b2, t: m / (1 - b1**t),
            lambda v, b1, b2, t: v / (1 - b1**t),
        ),
        means("square missing", "of what is v a mean?", _m, lambda v, g, b1, b2: _m(v, g, b2, b1)),
        fault(
            "betas swapped",
            base,
            "which β belongs to m, and which to v?",
            means=_set_means(
                lambda m, g, b1, b2: _m(m, g, b2, b1), lambda v, g, b1, b2: _v(v, g, b2, b1)
            ),
            hats=_set_hats(
                lambda m, b1, b2, t: m / (1 - b2**t), lambda v, b1, b2, t: v / (1 - b1**t)
            ),
        ),
        means(
            "betas swapped in the means",
            "the correction has the right β: have m and v?",
            lambda m, g, b1, b2: _m(m, g, b2, b1),
            lambda v, g, b1, b2: _v(v, g, b2, b1),
        ),
        means(
            "factors swapped",
            "which part of the mean is kept, and which part is new?",
            lambda m, g, b1, b2: (1 - b1) * m + b1 * g,
            lambda v, g, b1, b2: (1 - b2) * v + b2 * g**2,
        ),
        means(
            "factor missing",
            "with what factors do g and g² enter the means?",
            lambda m, g, b1, b2: b1 * m + g,
            lambda v, g, b1, b2: b2 * v + g**2,
        ),
        quotient(
            "epsilon inside the root",
            "where does ε stand, inside or outside the root?",
            lambda self: self.m_hat / np.sqrt(self.v_hat + self.epsilon),
        ),
        quotient(
            "parentheses missing",
            "in which order does Python compute a / b + c?",
            lambda self: self.m_hat / np.sqrt(self.v_hat) + self.epsilon,
        ),
        quotient(
            "root missing",
            "what has the unit of a gradient, v̂ or something made of v̂?",
            lambda self: self.m_hat / (self.v_hat + self.epsilon),
        ),
        quotient(
            "m without hat",
            "v̂ is used: is m̂ used, too?",
            lambda self: self.m / (np.sqrt(self.v_hat) + self.epsilon),
        ),
        quotient(
            "v without hat",
            "m̂ is used: is v̂ used, too?",
            lambda self: self.m_hat / (np.sqrt(self.v) + self.epsilon),
        ),
        quotient(
            "g instead of m",
            "each step has its own gradient only: what is m̂ for?",
            lambda self: self.g / (np.sqrt(self.v_hat) + self.epsilon),
        ),
        fault("state not zero", base, start, means=_started(-0.0005)),
        fault("state one", base, start, means=_started(1.0)),
    ]


def _l2(self: Any, theta: Any, g: Any) -> Any:
    return g + self.weight_decay * theta


def _plain(self: Any, theta: Any, u: Any) -> Any:
    return u


def adamw() -> list[Fault]:
    """Mistakes of AdamW."""

    def without_lr(self: Any, theta: Any, g: Any) -> Any:
        return super(PartsW, self).update(theta, g) - self.weight_decay * theta

    def lr_twice(self: Any, theta: Any, u: Any) -> Any:
        return u + self.eta * self.weight_decay * theta

    return [
        *adam(PartsW),
        fault(
            "decay in the gradient",
            PartsW,
            "the decay goes through m and v: where should it stand?",
            slope=_l2,
            whole=_plain,
        ),
        fault("decay missing", PartsW, "this is Adam: what pulls at the weights?", whole=_plain),
        fault(
            "decay without lr",
            PartsW,
            "is the decay multiplied by the learning rate?",
            whole=_plain,
            update=without_lr,
        ),
        fault(
            "decay with lr twice",
            PartsW,
            "how often is the decay multiplied by the learning rate?",
            whole=lr_twice,
        ),
        fault(
            "decay of the gradient",
            PartsW,
            "what shall shrink, the weights or the gradient?",
            whole=lambda self, theta, u: u + self.weight_decay * self.g,
        ),
        fault(
            "decay away from 0",
            PartsW,
            "do the weights shrink, or do they grow?",
            whole=lambda self, theta, u: u - self.weight_decay * theta,
        ),
    ]


def adam_l2() -> list[Fault]:
    """Mistakes of Adam with L2."""
    return [
        *adam(AdamL2),
        fault(
            "decay beside the gradient",
            AdamL2,
            "this is AdamW: does the decay go through m and v?",
            slope=lambda self, theta, g: g,
            whole=lambda self, theta, u: u + self.weight_decay * theta,
        ),
        fault(
            "decay missing",
            AdamL2,
            "this is Adam: what pulls at the weights?",
            slope=lambda self, theta, g: g,
        ),
        fault(
            "factor 2",
            AdamL2,
            "what is the slope of ½ λ θ²?",
            slope=lambda self, theta, g: g + 2 * self.weight_decay * theta,
        ),
    ]


def lamb() -> list[Fault]:
    """Mistakes of LAMB."""

    def lengths(name: str, hint: str, line: Any) -> Fault:
        return fault(
            name,
            PartsLAMB,
            hint,
            ratio=lambda self, theta, u: line(np.linalg.norm(theta), np.linalg.norm(u)),
        )

    def before(self: Any, theta: Any, u: Any) -> Any:
        return self.ratio(theta, u) * (u + self.weight_decay * theta)

    def only_with_decay(self: Any, theta: Any, u: Any) -> Any:
        return u if self.weight_decay == 0 else PartsLAMB.whole(self, theta, u)

    def of_g(self: Any, theta: Any, u: Any) -> Any:
        return ratio(np.linalg.norm(theta), np.linalg.norm(self.g))

    return [
        *adam(PartsLAMB),
        fault(
            "ratio before the decay",
            PartsLAMB,
            "what belongs to u when its length is taken?",
            whole=before,
        ),
        fault(
            "ratio only with decay",
            PartsLAMB,
            "what happens when the weight decay is 0?",
            whole=only_with_decay,
        ),
        fault(
            "ratio missing",
            PartsLAMB,
            "this is AdamW: what scales the step to the layer?",
            whole=PartsW.whole,
        ),
        fault(
            "ratio of the gradient", PartsLAMB, "the length of what is ‖θ‖ divided by?", ratio=of_g
        ),
        fault(
            "decay in the gradient",
            PartsLAMB,
            "the decay goes through m and v: where should it stand?",
            slope=_l2,
            whole=lambda self, theta, u: self.ratio(theta, u) * u,
        ),
        fault(
            "decay missing",
            PartsLAMB,
            "what pulls at the weights?",
            whole=lambda self, theta, u: self.ratio(theta, u) * u,
        ),
        lengths(
            "hidden clamp",
            "small layers are right, long ones are not: is a length cut off?",
            lambda length, step: ratio(min(length, 10.0), step),
        ),
        lengths(
            "ratio upside down",
            "does a long layer make long steps, or short ones?",
            lambda length, step: ratio(step, length),
        ),
        lengths(
            "zero stays zero",
            "what becomes of a layer that starts at 0?",
            lambda length, step: length / step if step > 0 else 1.0,
        ),
        lengths(
            "no special case",
            "what if one of the two lengths is 0?",
            lambda length, step: length / step,
        ),
        lengths(
            "ratio cut at 1",
            "may the ratio be larger than 1?",
            lambda length, step: min(ratio(length, step), 1.0),
        ),
    ]
