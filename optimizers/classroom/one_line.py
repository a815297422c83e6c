"""The right answers of exercise 13: rules that are a line or two away from one of the library's."""

# ruff: noqa: D102  # direction is documented once, in Optimizer

from __future__ import annotations

import numpy as np

from optimizers.hyper_parameters import Fraction, NotNegative
from optimizers.optimizer import Optimizer
from optimizers.rules import Adam

Array = np.ndarray


class Signum(Optimizer):
    """Momentum, of which only the signs are used.

    Source: Bernstein et al., "signSGD: compressed optimisation for non-convex problems" (2018),
    algorithm 2. In the paper the gradient is multiplied by 1 − β, which changes no sign. The
    numbers are those of optax.signum.
    """

    momentum: Fraction = 0.9

    state = ("p",)

    def direction(self, theta: Array, g: Array) -> Array:
        self.p = self.momentum * self.p + g
        return np.sign(self.p)


class AdaBelief(Adam):
    """Adam whose v says how far the gradients are from their mean.

    Source: Zhuang et al., "AdaBelief optimizer: adapting stepsizes by the belief in observed
    gradients" (2020), algorithm 2. The numbers are those of optax.adabelief with both of its
    epsilons equal to ours.
    """

    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * (g - self.m) ** 2 + self.epsilon
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v / (1 - self.beta2**self.t)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)


class Yogi(Adam):
    """Adam whose v goes towards g² in steps that do not depend on how far away it is.

    Source: Zaheer et al., "Adaptive methods for nonconvex optimization" (2018), algorithm 2. m and
    v start at 0 and are corrected, as in Adam; the paper has no correction. The numbers are those
    of optax.scale_by_yogi from the initial value 0.
    """

    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.v - (1 - self.beta2) * np.sign(self.v - g**2) * g**2
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v / (1 - self.beta2**self.t)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)


class AdEMAMix(Adam):
    """Adam with a second, slow mean of the gradients.

    Source: Pagliardini, Ablin and Grangier, "The AdEMAMix optimizer: better, faster, older" (2024),
    algorithm 1, with constant α and β₃ (no warm-up of either) and without weight decay. The numbers
    are those of optax.contrib.ademamix.
    """

    beta3: Fraction = 0.9999
    alpha: NotNegative = 5.0

    state = ("m", "slow", "v")

    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.slow = self.beta3 * self.slow + (1 - self.beta3) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v / (1 - self.beta2**self.t)
        return (self.m_hat + self.alpha * self.slow) / (np.sqrt(self.v_hat) + self.epsilon)


class GrokFast(Adam):
    """Adam that is given a gradient in which what is slow has been amplified.

    Source: Lee et al., "Grokfast: accelerated grokking by amplifying slow gradients" (2024),
    algorithm 2; rho is its α and boost its λ. The slow mean starts at the first gradient, as in the
    authors' code. The numbers are those of pytorch_optimizer.gradfilter_ema before torch's Adam.
    """

    rho: Fraction = 0.98
    boost: NotNegative = 2.0

    state = ("slow", "m", "v")

    def direction(self, theta: Array, g: Array) -> Array:
        self.slow = g if self.t == 1 else self.rho * self.slow + (1 - self.rho) * g
        g = g + self.boost * self.slow
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v / (1 - self.beta2**self.t)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)


class Rprop(Optimizer):
    """The signs of the gradient, and a rate for each weight that grows until the sign turns.

    Source: Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning: the
    RPROP algorithm" (1993), in the form iRprop⁻ of Igel and Hüsken, "Empirical evaluation of the
    improved Rprop learning algorithms" (2003). The rates are without bounds, in parts of lr. The
    numbers are those of torch.optim.Rprop with bounds that are never met.
    """

    grow: NotNegative = 1.2
    shrink: Fraction = 0.5

    state = ("before", "rate")

    def direction(self, theta: Array, g: Array) -> Array:
        if self.t == 1:
            self.rate = np.ones_like(g)
        agrees = g * self.before
        factor = np.where(agrees > 0, self.grow, np.where(agrees < 0, self.shrink, 1.0))
        self.rate = self.rate * factor
        self.before = np.where(agrees < 0, 0.0, g)
        return self.rate * np.sign(self.before)
