"""The known mistakes: small rules and functions that run and are wrong.
Most were seen in published code, the others in what students write. Each has a name, as it stands

Most were seen in published code, the others in what students write. Each has a name, as it stands
Most were found in published code, the others in what students write. Each has a name, the one that
the exercises use, and a sentence that helps without giving the formula away.
"""

# ruff: noqa: D101, D102  # each is named, and its sentence stands beside it

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from optimizers.classroom.one_line import AdaBelief, AdEMAMix, GrokFast, Rprop, Signum, Yogi
from optimizers.hyper_parameters import RuleClass
from optimizers.optimizer import Optimizer
from optimizers.rules import SGD, AdaGrad, Adam, Momentum, RMSProp

Array = np.ndarray


class Fault(NamedTuple):
    """A mistake: its name, the sentence that helps, and the code that makes it."""

    name: str
    hint: str
    answer: Callable[..., Any]


# SGD


class Uphill(SGD):
    def direction(self, theta: Array, g: Array) -> Array:
        return -g


class RateTwice(SGD):
    def direction(self, theta: Array, g: Array) -> Array:
        return self.eta * g


class NewWeights(SGD):
    def direction(self, theta: Array, g: Array) -> Array:
        return theta - self.eta * g


class SignOnly(SGD):
    def direction(self, theta: Array, g: Array) -> Array:
        return np.sign(g)


class UnitLength(SGD):
    def direction(self, theta: Array, g: Array) -> Array:
        return g / np.sqrt(np.sum(g**2))


UPHILL = "is it going uphill? The library's step already has the minus sign."
RATE_TWICE = "is the learning rate in there twice? The library's step already has it."
NEW_WEIGHTS = "are these the new weights? Return the direction d; the library takes the step."

SGD_FAULTS = (
    Fault("uphill", UPHILL, Uphill),
    Fault("learning rate twice", RATE_TWICE, RateTwice),
    Fault("new weights", NEW_WEIGHTS, NewWeights),
    Fault("sign only", "does a steeper slope still give a longer step?", SignOnly),
    Fault(
        "unit length", "is every step the same length? It should grow with the slope.", UnitLength
    ),
)

# Momentum


class PlainSGD(Momentum):
    def direction(self, theta: Array, g: Array) -> Array:
        return g


class UphillMomentum(Momentum):
    def direction(self, theta: Array, g: Array) -> Array:
        self.p = self.momentum * self.p + g
        return -self.p


class RateTwiceMomentum(Momentum):
    def direction(self, theta: Array, g: Array) -> Array:
        self.p = self.momentum * self.p + g
        return self.eta * self.p


class Nesterov(Momentum):
    def direction(self, theta: Array, g: Array) -> Array:
        self.p = self.momentum * self.p + g
        return g + self.momentum * self.p


class Damped(Momentum):
    def direction(self, theta: Array, g: Array) -> Array:
        self.p = self.momentum * self.p + (1 - self.momentum) * g
        return self.p


class NothingLost(Momentum):
    def direction(self, theta: Array, g: Array) -> Array:
        self.p = self.p + g
        return self.p


class NotKept(Momentum):
    def direction(self, theta: Array, g: Array) -> Array:
        return self.momentum * self.p + g


class OldVelocity(Momentum):
    def direction(self, theta: Array, g: Array) -> Array:
        before = self.p
        self.p = self.momentum * self.p + g
        return before


class GradientWeighted(Momentum):
    def direction(self, theta: Array, g: Array) -> Array:
        self.p = self.momentum * (self.p + g)
        return self.p


class NesterovWithoutMu(Momentum):
    def direction(self, theta: Array, g: Array) -> Array:
        self.p = self.momentum * self.p + g
        return g + self.p


class NesterovWithoutGradient(Momentum):
    def direction(self, theta: Array, g: Array) -> Array:
        self.p = self.momentum * self.p + g
        return self.momentum * self.p


class NesterovDamped(Momentum):
    def direction(self, theta: Array, g: Array) -> Array:
        self.p = self.momentum * self.p + (1 - self.momentum) * g
        return g + self.momentum * self.p


NESTEROV = Fault(
    "Nesterov, not plain",
    "does it look ahead? The heavy ball moves by its velocity and nothing else.",
    Nesterov,
)
DAMPED = Fault(
    "gradient damped",
    "is the whole gradient added? A factor 1 − μ belongs to another convention.",
    Damped,
)
NOT_KEPT = "is the new velocity stored in self.p for the next step?"

MOMENTUM_FAULTS = (
    NESTEROV,
    DAMPED,
    Fault("not kept", NOT_KEPT, NotKept),  # as plain SGD: p is 0 forever
    Fault("nothing lost", "does each step lose some velocity? What is μ for?", NothingLost),
    Fault("old velocity", "does the step use the velocity from the step before?", OldVelocity),
    Fault("gradient times mu", "which one does μ multiply, p or g?", GradientWeighted),
    Fault("uphill", UPHILL, UphillMomentum),
    Fault("learning rate twice", RATE_TWICE, RateTwiceMomentum),
)


class HeavyBall(Momentum):
    def direction(self, theta: Array, g: Array) -> Array:
        self.p = self.momentum * self.p + g
        return self.p


NESTEROV_FAULTS = (
    Fault(  # the old p in Nesterov's step makes the same
        "plain, not Nesterov",
        "this is still the heavy ball: what should it return now, and with which p?",
        HeavyBall,
    ),
    Fault("mu missing", "what multiplies p in the step?", NesterovWithoutMu),
    Fault("gradient missing", "what is added to μ p in the step?", NesterovWithoutGradient),
    Fault("gradient damped", DAMPED.hint, NesterovDamped),
    Fault("not kept", NOT_KEPT, PlainSGD),
)

# AdaGrad and RMSProp


class RMSPropInsideRoot(RMSProp):
    def direction(self, theta: Array, g: Array) -> Array:
        self.v = self.rho * self.v + (1 - self.rho) * g**2
        return g / np.sqrt(self.v + self.epsilon)


class RMSPropPrecedence(RMSProp):
    def direction(self, theta: Array, g: Array) -> Array:
        self.v = self.rho * self.v + (1 - self.rho) * g**2
        return g / np.sqrt(self.v) + self.epsilon


class RMSPropWhole(RMSProp):
    def direction(self, theta: Array, g: Array) -> Array:
        self.v = self.rho * self.v + g**2
        return g / (np.sqrt(self.v) + self.epsilon)


class RMSPropSwapped(RMSProp):
    def direction(self, theta: Array, g: Array) -> Array:
        self.v = (1 - self.rho) * self.v + self.rho * g**2
        return g / (np.sqrt(self.v) + self.epsilon)


class RMSPropSum(RMSProp):
    def direction(self, theta: Array, g: Array) -> Array:
        self.v = self.v + g**2
        return g / (np.sqrt(self.v) + self.epsilon)


class RMSPropNoSquare(RMSProp):
    def direction(self, theta: Array, g: Array) -> Array:
        self.v = self.rho * self.v + (1 - self.rho) * g
        return g / (np.sqrt(self.v) + self.epsilon)


class RMSPropNoRoot(RMSProp):
    def direction(self, theta: Array, g: Array) -> Array:
        self.v = self.rho * self.v + (1 - self.rho) * g**2
        return g / (self.v + self.epsilon)


class RMSPropCorrected(RMSProp):
    def direction(self, theta: Array, g: Array) -> Array:
        self.v = self.rho * self.v + (1 - self.rho) * g**2
        return g / (np.sqrt(self.v / (1 - self.rho**self.t)) + self.epsilon)


class AdaGradInsideRoot(AdaGrad):
    def direction(self, theta: Array, g: Array) -> Array:
        self.G = self.G + g**2
        return g / np.sqrt(self.G + self.epsilon)


class AdaGradPrecedence(AdaGrad):
    def direction(self, theta: Array, g: Array) -> Array:
        self.G = self.G + g**2
        return g / np.sqrt(self.G) + self.epsilon


class AdaGradForgets(AdaGrad):
    def direction(self, theta: Array, g: Array) -> Array:
        self.G = 0.9 * self.G + 0.1 * g**2
        return g / (np.sqrt(self.G) + self.epsilon)


class AdaGradMemoryless(AdaGrad):
    def direction(self, theta: Array, g: Array) -> Array:
        return g / (np.sqrt(g**2) + self.epsilon)


class AdaGradNoRoot(AdaGrad):
    def direction(self, theta: Array, g: Array) -> Array:
        self.G = self.G + g**2
        return g / (self.G + self.epsilon)


class AdaGradNoSquare(AdaGrad):
    def direction(self, theta: Array, g: Array) -> Array:
        self.G = self.G + g
        return g / (np.sqrt(self.G) + self.epsilon)


INSIDE_ROOT = "where does ε go, inside the root or outside?"
PRECEDENCE = "what does Python divide by? Check the parentheses around √{} + ε."
NO_SQUARE = "what does v average: the gradients, or their squares?"
NO_ROOT = "what does it divide by: {}, or its root?"

RMSPROP_FAULTS = (
    Fault("epsilon inside the root", INSIDE_ROOT, RMSPropInsideRoot),
    Fault("parentheses missing", PRECEDENCE.format("v"), RMSPropPrecedence),
    Fault("squares not damped", "what multiplies g² in the mean?", RMSPropWhole),
    Fault("rho swapped", "which one does ρ multiply, the old v or g²?", RMSPropSwapped),
    Fault("AdaGrad", "this is AdaGrad's sum: what makes RMSProp forget?", RMSPropSum),
    Fault("square missing", NO_SQUARE, RMSPropNoSquare),
    Fault("root missing", NO_ROOT.format("v"), RMSPropNoRoot),
    Fault(
        "corrected",
        "is v corrected here? That is Adam's idea; RMSProp does not do it.",
        RMSPropCorrected,
    ),
)
ADAGRAD_FAULTS = (
    Fault("epsilon inside the root", INSIDE_ROOT, AdaGradInsideRoot),
    Fault("parentheses missing", PRECEDENCE.format("G"), AdaGradPrecedence),
    Fault("RMSProp", "this forgets, as RMSProp does: AdaGrad's G is a sum.", AdaGradForgets),
    Fault("not kept", "is the sum stored in self.G for the next step?", AdaGradMemoryless),
    Fault("root missing", NO_ROOT.format("G"), AdaGradNoRoot),
    Fault(
        "square missing", "what does G add up: the gradients, or their squares?", AdaGradNoSquare
    ),
)

# Adam


class CorrectionMultiplied(Adam):
    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m * (1 - self.beta1**self.t)
        self.v_hat = self.v * (1 - self.beta2**self.t)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)


class PowerMissing(Adam):
    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1)
        self.v_hat = self.v / (1 - self.beta2)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)


class PowerMissingInV(Adam):
    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v / (1 - self.beta2)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)


class NeverCounted(Adam):
    made = 0

    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        t = self.made + 1
        self.m_hat = self.m / (1 - self.beta1**t)
        self.v_hat = self.v / (1 - self.beta2**t)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)


class Precedence(Adam):
    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v / (1 - self.beta2**self.t)
        return self.m_hat / np.sqrt(self.v_hat) + self.epsilon


class InsideRoot(Adam):
    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v / (1 - self.beta2**self.t)
        return self.m_hat / np.sqrt(self.v_hat + self.epsilon)


class NotZero(Adam):
    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.m = np.full_like(self._theta, -0.0005)  # what happened to be in memory
        self.v = np.full_like(self._theta, -0.0005)

    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v / (1 - self.beta2**self.t)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)


class SquareMissing(Adam):
    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v / (1 - self.beta2**self.t)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)


class BetasSwapped(Adam):
    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta2 * self.m + (1 - self.beta2) * g
        self.v = self.beta1 * self.v + (1 - self.beta1) * g**2
        self.m_hat = self.m / (1 - self.beta2**self.t)
        self.v_hat = self.v / (1 - self.beta1**self.t)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)


class RootMissing(Adam):
    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v / (1 - self.beta2**self.t)
        return self.m_hat / (self.v_hat + self.epsilon)


class NoCorrection(Adam):
    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        return self.m / (np.sqrt(self.v) + self.epsilon)


class HalfCorrected(Adam):
    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1**self.t)
        return self.m_hat / (np.sqrt(self.v) + self.epsilon)


class TimesT(Adam):
    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1 * self.t)
        self.v_hat = self.v / (1 - self.beta2 * self.t)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)


class OneStepLate(Adam):
    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1 ** (self.t + 1))
        self.v_hat = self.v / (1 - self.beta2 ** (self.t + 1))
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)


class UndampedMean(Adam):
    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v / (1 - self.beta2**self.t)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)


MULTIPLIED = "1 − βᵗ is below 1: are m̂ and v̂ larger than m and v, as they should be?"
POWER = "is the power t used?"
CORRECTED = "are m and v corrected for starting at 0?"

CORRECTION_MULTIPLIED = Fault("correction multiplied", MULTIPLIED, CorrectionMultiplied)
POWER_MISSING = Fault("power t missing", POWER, PowerMissing)
# the same steps as those of the fault before: which it is, only the code can tell
NEVER_COUNTED = Fault("t never counted", "is the power t used, and does t grow?", NeverCounted)
PARENTHESES = Fault("parentheses missing", PRECEDENCE.format("v̂"), Precedence)
EPSILON_INSIDE = Fault("epsilon inside the root", INSIDE_ROOT, InsideRoot)
NOT_ZERO = Fault("state not zero", "what do m and v start from?", NotZero)

ADAM_FAULTS = (
    CORRECTION_MULTIPLIED,
    POWER_MISSING,
    Fault("power t missing in v", "m̂ is right: does v̂ use the power t, too?", PowerMissingInV),
    PARENTHESES,
    EPSILON_INSIDE,
    NOT_ZERO,
    Fault("square missing", NO_SQUARE, SquareMissing),
    Fault("betas swapped", "which β belongs to m, and which to v?", BetasSwapped),
    Fault("root missing", "what divides m̂: v̂, or its root?", RootMissing),
    Fault("correction missing", CORRECTED, NoCorrection),
    Fault("half corrected", "m is corrected: is v, too?", HalfCorrected),
    Fault("times t", "is that β to the power t, or β times t?", TimesT),
    Fault("one step late", "what is t in the first step: 1, or 2?", OneStepLate),
    Fault("mean of the gradients", "what multiplies g in the mean m?", UndampedMean),
)
BUGS = (
    CORRECTION_MULTIPLIED,
    POWER_MISSING,
    PARENTHESES,
    EPSILON_INSIDE,
    NEVER_COUNTED,
    NOT_ZERO,
)

# AdamW and Adam with L2. They are made from Adam: AdamW's own __init__ is the library's


class _Decaying(Adam):
    weight_decay = 0.01

    def moments(self, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v / (1 - self.beta2**self.t)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)


class DecayInGradient(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        return self.moments(g + self.weight_decay * theta)


class DecayWithoutRate(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        return self.moments(g)

    def update(self, theta: Array, g: Array) -> Array:
        return super().update(theta, g) - self.weight_decay * theta


class DecayOfGradient(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        return self.moments(g) + self.weight_decay * g


class DecayOutward(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        return self.moments(g) - self.weight_decay * theta


class DecayRateTwice(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        return self.moments(g) + self.eta * self.weight_decay * theta


class DecayMissing(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        return self.moments(g)


class DecayDivided(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        self.moments(g)
        return (self.m_hat + self.weight_decay * theta) / (np.sqrt(self.v_hat) + self.epsilon)


class DecayUncorrected(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        self.moments(g)
        return self.m / (np.sqrt(self.v) + self.epsilon) + self.weight_decay * theta


class DecayPowerMissing(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        self.moments(g)
        self.m_hat, self.v_hat = self.m / (1 - self.beta1), self.v / (1 - self.beta2)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon) + self.weight_decay * theta


class DecayInsideRoot(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        self.moments(g)
        return self.m_hat / np.sqrt(self.v_hat + self.epsilon) + self.weight_decay * theta


DECAY_IN_GRADIENT = Fault(
    "decay in the gradient",
    "does the decay pass through m and v? In AdamW it bypasses them.",
    DecayInGradient,
)
DECAY_WITHOUT_RATE = Fault(
    "decay without lr",
    "if the learning rate is halved, what happens to the pull?",
    DecayWithoutRate,
)
DECAY_MISSING = "where is the decay?"

ADAMW_FAULTS = (
    DECAY_IN_GRADIENT,
    DECAY_WITHOUT_RATE,
    Fault("decay of the gradient", "what does λ multiply: the weights, or g?", DecayOfGradient),
    Fault("decay outward", "does the decay pull towards 0, or away from it?", DecayOutward),
    Fault(
        "learning rate twice",
        "is the learning rate in the decay twice? The library's step already has it.",
        DecayRateTwice,
    ),
    Fault("decay missing", DECAY_MISSING, DecayMissing),
    Fault("decay divided", "is λ θ divided by √v̂ as well? Check the parentheses.", DecayDivided),
    Fault("correction missing", CORRECTED, DecayUncorrected),
    Fault("power t missing", POWER, DecayPowerMissing),
    Fault("epsilon inside the root", INSIDE_ROOT, DecayInsideRoot),
)


class Decoupled(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        return self.moments(g) + self.weight_decay * theta


class L2OnlyInMean(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        self.m = self.beta1 * self.m + (1 - self.beta1) * (g + self.weight_decay * theta)
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        self.m_hat = self.m / (1 - self.beta1**self.t)
        self.v_hat = self.v / (1 - self.beta2**self.t)
        return self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)


class L2Outward(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        return self.moments(g - self.weight_decay * theta)


class L2Doubled(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        return self.moments(g + 2 * self.weight_decay * theta)


class L2Halved(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        return self.moments(g + self.weight_decay * theta / 2)


class L2InsideRoot(_Decaying):
    def direction(self, theta: Array, g: Array) -> Array:
        self.moments(g + self.weight_decay * theta)
        return self.m_hat / np.sqrt(self.v_hat + self.epsilon)


L2_FAULTS = (
    Fault("decoupled", "this is AdamW: should λ θ pass through m and v here?", Decoupled),
    Fault("only in m", "does v get the new gradient, too?", L2OnlyInMean),
    Fault("outward", "does the penalty pull towards 0, or away from it?", L2Outward),
    Fault("doubled", "what is the derivative of ½ λ θ²? Yours is twice that.", L2Doubled),
    Fault("halved", "what is the derivative of ½ λ θ²? Yours is half of it.", L2Halved),
    Fault("decay missing", DECAY_MISSING, DecayMissing),
    Fault("epsilon inside the root", INSIDE_ROOT, L2InsideRoot),
)

# LAMB, for weights that are one layer


def length(x: Array) -> float:
    """The norm."""
    return float(np.sqrt(np.sum(x**2)))


def ratio(theta: Array, u: Array) -> float:
    """The trust ratio, 1 where either norm is 0."""
    return length(theta) / length(u) if length(theta) > 0 and length(u) > 0 else 1.0


class _Layer(_Decaying):
    epsilon = 1e-6

    def scaled(self, theta: Array, u: Array, trust_ratio: float | None = None) -> Array:
        self.trust_ratio = ratio(theta, u) if trust_ratio is None else trust_ratio
        return self.trust_ratio * u


class RatioBeforeDecay(_Layer):
    def direction(self, theta: Array, g: Array) -> Array:
        u = self.moments(g)
        before = ratio(theta, u)
        return self.scaled(theta, u + self.weight_decay * theta, before)


class HiddenClamp(_Layer):
    def direction(self, theta: Array, g: Array) -> Array:
        u = self.moments(g) + self.weight_decay * theta
        usable = length(theta) > 0 and length(u) > 0
        return self.scaled(theta, u, min(length(theta), 10.0) / length(u) if usable else 1.0)


class RatioOnlyWithDecay(_Layer):
    def direction(self, theta: Array, g: Array) -> Array:
        u = self.moments(g)
        if self.weight_decay == 0:
            return u
        return self.scaled(theta, u + self.weight_decay * theta)


class UpsideDown(_Layer):
    def direction(self, theta: Array, g: Array) -> Array:
        u = self.moments(g) + self.weight_decay * theta
        return self.scaled(theta, u, 1 / ratio(theta, u))


class RatioMissing(_Layer):
    def direction(self, theta: Array, g: Array) -> Array:
        return self.moments(g) + self.weight_decay * theta


class RatioOfGradient(_Layer):
    def direction(self, theta: Array, g: Array) -> Array:
        u = self.moments(g) + self.weight_decay * theta
        return self.scaled(theta, u, ratio(theta, g))


class RatioAtZero(_Layer):
    def direction(self, theta: Array, g: Array) -> Array:
        u = self.moments(g) + self.weight_decay * theta
        return self.scaled(theta, u, length(theta) / length(u) if length(u) > 0 else 1.0)


class RatioNan(_Layer):
    def direction(self, theta: Array, g: Array) -> Array:
        u = self.moments(g) + self.weight_decay * theta
        quotient = float(np.divide(length(theta), length(u)))
        return self.scaled(theta, u, quotient)


class LayerUncorrected(_Layer):
    def direction(self, theta: Array, g: Array) -> Array:
        self.moments(g)
        u = self.m / (np.sqrt(self.v) + self.epsilon) + self.weight_decay * theta
        return self.scaled(theta, u)


class RatioBeforeCorrection(_Layer):
    def direction(self, theta: Array, g: Array) -> Array:
        u = self.moments(g) + self.weight_decay * theta
        raw = self.m / (np.sqrt(self.v) + self.epsilon) + self.weight_decay * theta
        return self.scaled(theta, u, ratio(theta, raw))


class LayerInsideRoot(_Layer):
    def direction(self, theta: Array, g: Array) -> Array:
        self.moments(g)
        u = self.m_hat / np.sqrt(self.v_hat + self.epsilon) + self.weight_decay * theta
        return self.scaled(theta, u)


class LayerWithoutDecay(_Layer):
    def direction(self, theta: Array, g: Array) -> Array:
        return self.scaled(theta, self.moments(g))


class LayerDecayInGradient(_Layer):
    def direction(self, theta: Array, g: Array) -> Array:
        return self.scaled(theta, self.moments(g + self.weight_decay * theta))


RATIO_BEFORE_DECAY = Fault(
    "ratio before the decay",
    "is λ θ already in u when you take its length?",
    RatioBeforeDecay,
)
HIDDEN_CLAMP = Fault(
    "hidden clamp",
    "does it work for long layers, too? Is a length capped somewhere?",
    HiddenClamp,
)
RATIO_ONLY_WITH_DECAY = Fault(
    "ratio only with decay",
    "what happens to the trust ratio when the weight decay is 0?",
    RatioOnlyWithDecay,
)
AT_ZERO = "can a layer of zeros ever move? What is the ratio if ‖θ‖ is 0?"
BOTH_ZERO = "what is the ratio if ‖u‖ is 0?"
UPSIDE_DOWN = "which length is divided by which?"

LAMB_FAULTS = (
    RATIO_BEFORE_DECAY,
    HIDDEN_CLAMP,
    RATIO_ONLY_WITH_DECAY,
    Fault("ratio upside down", UPSIDE_DOWN, UpsideDown),
    Fault("ratio missing", "this is still AdamW: where is the trust ratio?", RatioMissing),
    Fault("ratio of the gradient", "whose length do you divide by: u's, or g's?", RatioOfGradient),
    Fault("stuck at zero", AT_ZERO, RatioAtZero),
    Fault("zero by zero", BOTH_ZERO, RatioNan),
    Fault("correction missing", CORRECTED, LayerUncorrected),
    Fault(
        "ratio before the correction",
        "is u already corrected when you take its length?",
        RatioBeforeCorrection,
    ),
    Fault("epsilon inside the root", INSIDE_ROOT, LayerInsideRoot),
    Fault("decay missing", DECAY_MISSING, LayerWithoutDecay),
    Fault("decay in the gradient", DECAY_IN_GRADIENT.hint, LayerDecayInGradient),
)

# Rules that are a line or two away from another: each mistake is an edit of the right formula


def edited(rule: type[Optimizer], *changes: tuple[str, str]) -> type[Optimizer]:
    """The rule with pieces of its formula replaced by others."""
    source = textwrap.dedent(inspect.getsource(rule.direction))
    for old, new in changes:
        if source.count(old) != 1:
            raise ValueError(f"{old!r} must stand in {rule.__name__}.direction, and once")
        source = source.replace(old, new)
    made: dict[str, Any] = {"np": np}
    exec(compile(source, __file__, "exec"), made)
    made_so: Any = RuleClass(rule.__name__, (rule,), {"direction": made["direction"]})
    return made_so


SIGNUM_FAULTS = (
    Fault(
        "not signed",
        "this is still Momentum: does every weight move equally far?",
        edited(Signum, ("np.sign(self.p)", "self.p")),
    ),
    Fault(
        "sign of the gradient",
        "this is the sign of a single gradient: where is the memory?",
        edited(Signum, ("np.sign(self.p)", "np.sign(g)")),
    ),
    Fault(
        "signs summed",
        "is the sign taken before the sum, or after it?",
        edited(Signum, ("+ g", "+ np.sign(g)"), ("np.sign(self.p)", "self.p")),
    ),
    Fault(
        "sign kept",
        "what do you store in self.p: the sum, or only its sign?",
        edited(Signum, ("self.momentum * self.p + g", "np.sign(self.momentum * self.p + g)")),
    ),
    Fault(
        "unit length",
        "what has a fixed length: the whole step, or each weight's part of it?",
        edited(Signum, ("np.sign(self.p)", "self.p / np.sqrt(np.sum(self.p**2))")),
    ),
    Fault(
        "looks ahead",
        "does it look ahead, as Nesterov does? Only p counts here.",
        edited(Signum, ("np.sign(self.p)", "np.sign(g + self.momentum * self.p)")),
    ),
    Fault("uphill", UPHILL, edited(Signum, ("np.sign(self.p)", "-np.sign(self.p)"))),
    Fault("learning rate twice", RATE_TWICE, edited(Signum, ("np.sign", "self.eta * np.sign"))),
)
ADABELIEF_FAULTS = (
    Fault(
        "Adam",
        "this is still Adam: what does v average, and what is added to it?",
        edited(AdaBelief, ("(g - self.m) ** 2 + self.epsilon", "g**2")),
    ),
    Fault(
        "squares of g",
        "does v still average g²? How far is g from m?",
        edited(AdaBelief, ("(g - self.m) ** 2", "g**2")),
    ),
    Fault(
        "epsilon missing",
        "the differences are right: what else is added to v at each step?",
        edited(AdaBelief, ("** 2 + self.epsilon", "** 2")),
    ),
    Fault(
        "epsilon damped",
        "is ε multiplied by 1 − β₂ here? Check the parentheses.",
        edited(
            AdaBelief, ("(g - self.m) ** 2 + self.epsilon", "((g - self.m) ** 2 + self.epsilon)")
        ),
    ),
    Fault(
        "old m",
        "which m do you subtract: the old one, or the new one?",
        edited(
            AdaBelief,
            ("self.m = self.beta1", "old, self.m = self.m, self.beta1"),
            ("(g - self.m)", "(g - old)"),
        ),
    ),
    Fault(
        "corrected m",
        "which do you subtract: m, or m̂?",
        edited(AdaBelief, ("(g - self.m)", "(g - self.m / (1 - self.beta1**self.t))")),
    ),
    Fault(
        "square missing",
        "what does v average: the differences, or their squares?",
        edited(AdaBelief, ("(g - self.m) ** 2", "(g - self.m)")),
    ),
)
YOGI_FAULTS = (
    Fault(
        "Adam",
        "this is still Adam: should v move faster when g² is further away?",
        edited(Yogi, ("np.sign(self.v - g**2) * g**2", "(self.v - g**2)")),
    ),
    Fault(
        "sign turned",
        "does v move towards g², or away from it?",
        edited(Yogi, ("np.sign(self.v - g**2)", "np.sign(g**2 - self.v)")),
    ),
    Fault(
        "sign alone",
        "how far does v move in a step: does the size of g count?",
        edited(Yogi, ("np.sign(self.v - g**2) * g**2", "np.sign(self.v - g**2)")),
    ),
    Fault(
        "share of v",
        "v stays at 0: does it move by a share of itself, or of something else?",
        edited(Yogi, ("np.sign(self.v - g**2) * g**2", "np.sign(self.v - g**2) * self.v")),
    ),
    Fault(
        "compared with g",
        "what is v compared with: the gradient, or its square?",
        edited(Yogi, ("np.sign(self.v - g**2)", "np.sign(self.v - g)")),
    ),
    Fault(
        "last square missing",
        "the sign is right: is what it multiplies a square?",
        edited(Yogi, ("* g**2", "* g")),
    ),
    Fault(
        "whole square",
        "does v move by all of g², or by a small part of it?",
        edited(Yogi, ("(1 - self.beta2) * np.sign", "np.sign")),
    ),
    Fault(
        "also damped",
        "does v also lose a share of itself at each step?",
        edited(Yogi, ("self.v - (1", "self.beta2 * self.v - (1")),
    ),
)
ADEMAMIX_FAULTS = (
    Fault(
        "Adam",
        "this is still Adam: where does the slow mean enter the step?",
        edited(AdEMAMix, ("self.m_hat + self.alpha * self.slow", "self.m_hat")),
    ),
    Fault(
        "slow mean corrected",
        "is the slow mean corrected here? It should fill up slowly.",
        edited(
            AdEMAMix,
            ("self.alpha * self.slow", "self.alpha * self.slow / (1 - self.beta3**self.t)"),
        ),
    ),
    Fault(
        "fast mean uncorrected",
        "the slow mean is right: what stands beside it, m or m̂?",
        edited(AdEMAMix, ("(self.m_hat +", "(self.m +")),
    ),
    Fault(
        "alpha missing",
        "what multiplies the slow mean beside m̂?",
        edited(AdEMAMix, ("self.alpha * self.slow", "self.slow")),
    ),
    Fault(
        "alpha on both",
        "what does α multiply: one of the two means, or both?",
        edited(
            AdEMAMix,
            ("self.m_hat + self.alpha * self.slow", "self.alpha * (self.m_hat + self.slow)"),
        ),
    ),
    Fault(
        "added after the division",
        "is the slow mean divided by √v̂ as well? Check the parentheses.",
        edited(
            AdEMAMix,
            ("(self.m_hat + self.alpha * self.slow)", "self.alpha * self.slow + self.m_hat"),
        ),
    ),
    Fault(
        "beta1 in both",
        "which β makes the slow mean slow?",
        edited(
            AdEMAMix,
            (
                "self.beta3 * self.slow + (1 - self.beta3)",
                "self.beta1 * self.slow + (1 - self.beta1)",
            ),
        ),
    ),
    Fault(
        "sum of the gradients",
        "what multiplies g in the slow mean?",
        edited(AdEMAMix, ("(1 - self.beta3) * g", "g")),
    ),
)
GROKFAST_FAULTS = (
    Fault(
        "Adam",
        "this is still Adam: does it get the new gradient?",
        edited(GrokFast, ("g = g + self.boost * self.slow", "pass")),
    ),
    Fault(
        "slow mean from zero",
        "what does the slow mean start from: 0, or the first gradient?",
        edited(GrokFast, ("g if self.t == 1 else ", "")),
    ),
    Fault(
        "boost missing",
        "what multiplies the slow mean when you add it?",
        edited(GrokFast, ("self.boost * self.slow", "self.slow")),
    ),
    Fault(
        "slow alone",
        "what happened to the gradient itself?",
        edited(GrokFast, ("g + self.boost", "self.boost")),
    ),
    Fault(
        "plain v",
        "does v get the new gradient, too?",
        edited(GrokFast, ("g = g +", "plain, g = g, g +"), ("g**2", "plain**2")),
    ),
    Fault(
        "added to the step",
        "is the slow mean added before Adam, or after it?",
        edited(
            GrokFast,
            ("g = g + self.boost * self.slow", "pass"),
            ("return", "return self.boost * self.slow +"),
        ),
    ),
    Fault(
        "mean of the amplified",
        "what does the slow mean average: the gradients as they come, or the amplified ones?",
        edited(
            GrokFast,
            ("    g = g + self.boost * self.slow\n", ""),
            ("self.slow = g", "g = g + self.boost * self.slow\n    self.slow = g"),
        ),
    ),
    Fault(
        "old slow mean",
        "which slow mean do you add: the old one, or the new one?",
        edited(
            GrokFast,
            ("self.slow = g", "old, self.slow = self.slow, g"),
            ("self.boost * self.slow", "self.boost * old"),
        ),
    ),
    Fault(
        "rho swapped",
        "which one does ρ multiply, the old mean or g?",
        edited(
            GrokFast,
            (
                "self.rho * self.slow + (1 - self.rho) * g",
                "(1 - self.rho) * self.slow + self.rho * g",
            ),
        ),
    ),
    Fault(
        "one array for both",
        "`g += …` also changes self.slow when both are the same array: write g = g + …",
        edited(GrokFast, ("g = g + self", "g += self")),
    ),
)
RPROP_FAULTS = (
    Fault(
        "signs only",
        "do the rates ever change?",
        edited(Rprop, ("self.rate * factor", "self.rate"), ("np.where(agrees < 0, 0.0, g)", "g")),
    ),
    Fault(
        "one rate forever",
        "the weights rest when they should: do their rates change, too?",
        edited(Rprop, ("self.rate * factor", "self.rate")),
    ),
    Fault(
        "factors swapped",
        "which factor belongs to a sign that stays the same?",
        edited(
            Rprop,
            ("(agrees > 0, self.grow", "(agrees > 0, self.shrink"),
            ("(agrees < 0, self.shrink", "(agrees < 0, self.grow"),
        ),
    ),
    Fault(
        "no rest",
        "the rates are right: does a weight rest for one step when its sign turns?",
        edited(Rprop, ("np.where(agrees < 0, 0.0, g)", "g")),
    ),
    Fault(
        "never shrinks",
        "what happens to the rate when the sign turns?",
        edited(Rprop, ("np.where(agrees < 0, self.shrink, 1.0)", "1.0")),
    ),
    Fault(
        "never grows",
        "what happens to the rate while the sign stays the same?",
        edited(Rprop, ("(agrees > 0, self.grow", "(agrees > 0, 1.0")),
    ),
    Fault(
        "shrinks at 0",
        "the product is 0 at the first step and after a rest: should the rate shrink there?",
        edited(Rprop, ("np.where(agrees < 0, self.shrink, 1.0)", "self.shrink")),
    ),
    Fault(
        "grows at 0",
        "the product is 0 at the first step and after a rest: should the rate grow there?",
        edited(Rprop, ("(agrees > 0, self.grow", "(agrees >= 0, self.grow")),
    ),
    Fault(
        "rates not kept",
        "does the factor multiply the old rate, or replace it?",
        edited(Rprop, ("self.rate * factor", "factor")),
    ),
    Fault(
        "before set first",
        "is self.before overwritten before the rate has used it?",
        edited(
            Rprop,
            ("    self.before = np.where(agrees < 0, 0.0, g)\n", ""),
            ("agrees =", "self.before = np.where(g * self.before < 0, 0.0, g)\n    agrees ="),
        ),
    ),
    Fault(
        "not remembered",
        "nothing moves: is the gradient stored in self.before?",
        edited(Rprop, ("np.where(agrees < 0, 0.0, g)", "self.before")),
    ),
)

# Who decays


def letter_by_letter(name: str, patterns: Any) -> bool:
    """Whether the layer is left out, when a single pattern is taken for a list of letters."""
    return any(re.search(pattern, name) for pattern in patterns)


LETTER_BY_LETTER = Fault(
    "letter by letter",
    "what does a `for` loop see in a single string?",
    letter_by_letter,
)
MORE_BUGS = (
    NESTEROV,
    DAMPED,
    DECAY_IN_GRADIENT,
    DECAY_WITHOUT_RATE,
    RATIO_BEFORE_DECAY,
    HIDDEN_CLAMP,
    LETTER_BY_LETTER,
    RATIO_ONLY_WITH_DECAY,
)
