"""What students get wrong, and what they may not hand in, by assignment and task.

MISTAKES: a piece of the right answer, and the slip in its place; the task's points are lost.
LIBRARY: the library's own rule, under the name that the task asks for; its points are lost, too.
"""

MISTAKES = {
    "01_gradient_descent": {
        "gradient-descent-1": ("return g", "return -g"),
        "gradient-descent-3": ("2 / max", "1 / max"),
        "gradient-descent-5": ('"back and forth"', '"diverges"'),
    },
    "02_momentum": {
        "momentum-1": ("+ g", "+ (1 - self.momentum) * g"),
        "momentum-4": ("4 * c", "2 * c"),
    },
    "03_rmsprop": {
        "rmsprop-1": ("np.sqrt(self.v) + self.epsilon", "np.sqrt(self.v + self.epsilon)"),
        "rmsprop-3": ("np.sqrt(1 - rho)", "(1 - rho)"),
    },
    "04_adam": {
        "adam-2": ("(1 - self.beta2**self.t)", "(1 - self.beta2)"),
        "adam-4": ("return t", "return t - 1"),
    },
    "05_adamw": {
        "adamw-1": ("+ self.weight_decay * theta", "+ self.weight_decay * g"),
        "adamw-4": ("-lr * np.sign(weight)", "-lr * weight_decay * weight"),
    },
    "06_lamb": {
        "lamb-2": ("min(max(length, low), high)", "length"),
        "lamb-3": ("if isinstance(patterns, str)", "if False"),
        "lamb-6": ("np.sqrt(1 - beta2)", "(1 - beta2)"),
    },
    "07_lookahead": {
        "lookahead-2": ("theta = slow\n", "pass\n"),
        "lookahead-4": ("2 * alpha * (1 - alpha)", "alpha * (1 - alpha)"),
    },
    "08_schedules": {
        "schedules-1": ("(t - 1) // every", "t // every"),
        "schedules-2": ("t - 1", "t"),
        "schedules-5": ('"stairs"', '"line"'),
    },
    "09_find_the_bug": {
        "bugs-2": ('"power t missing"', '"epsilon inside the root"'),
        "bugs-5": ("self.made = self.made + 1", "self.made = 1"),
    },
    "10_find_more_bugs": {
        "more-bugs-1": ('"Nesterov, not plain"', '"gradient damped"'),
        "more-bugs-5": ("ratio_of(theta, u)", "ratio_of(theta, g)"),
        "more-bugs-7": ("any(", "all("),
    },
    "11_measure": {
        "measure-1": ("len(distances) - 1", "len(distances)"),
        "measure-5": ('"AdamW"', '"Adam"'),
    },
    "12_a_fair_race": {
        "race-1": ('reports["D"] = "unfair"', 'reports["D"] = "fair"'),
        "race-2": ("losses.min()", "losses.max()"),
    },
    "13_one_line_more": {
        "one-line-2": ("(g - self.m) ** 2", "g**2"),
        "one-line-6": ("np.where(product < 0, 0.0, g)", "g"),
        "one-line-7": ('"(1 + α) lr"', '"lr"'),
    },
}

CALLS_ADAM = """
from optimizers import Adam


class MyAdam(Optimizer):
    state = ("m", "v")
    beta1, beta2, epsilon = 0.9, 0.999, 1e-8

    def direction(self, theta, g):
        return Adam.direction(self, theta, g)
"""
ADAM_ON_ANOTHER_GRADIENT = """
from optimizers import Adam


class MyAdamL2(Adam):
    weight_decay = 0.01

    def direction(self, theta, g):
        return super().direction(theta, g + self.weight_decay * theta)
"""
SIGN_OF_MOMENTUM = """
from optimizers import Momentum


class MySignum(Momentum):
    def direction(self, theta, g):
        return np.sign(super().direction(theta, g))
"""
ADAM_ON_AN_AMPLIFIED_GRADIENT = """
from optimizers import Adam


class MyGrokFast(Adam):
    state = ("slow", "m", "v")
    rho, boost = 0.98, 2.0

    def direction(self, theta, g):
        self.slow = g if self.t == 1 else self.rho * self.slow + (1 - self.rho) * g
        return super().direction(theta, g + self.boost * self.slow)
"""
LOOKAHEAD_ROUND_A_STEP = """
from optimizers import Lookahead, Optimizer


def lookahead(step, theta, k, alpha, steps):
    class Step(Optimizer):
        def direction(self, theta, g):
            return theta - step(theta)

    rule = Lookahead(lambda w: w[0], np.atleast_1d(theta), 1.0, inner=Step, k=k, alpha=alpha)
    for _ in range(steps):
        rule.minimize_raw()
    return rule.theta if np.ndim(theta) else rule.theta[0]
"""
TRUST_RATIO_OF_LARS = """
from optimizers.rules import lars
from optimizers.weights import flatten


def trust_ratio(theta, u):
    layout = flatten(theta)[1]
    return lars.trust_ratio(layout, np.asarray(theta), np.asarray(u), lambda norm: norm)[0]
"""


def as_own(name: str, rule: str, *lines: str) -> str:
    """A subclass of the library's rule that adds nothing, or these lines."""
    body = "\n    ".join(lines or ["pass"])
    return f"from optimizers import {rule}\n\n\nclass {name}({rule}):\n    {body}"


LIBRARY = {
    "01_gradient_descent": {"gradient-descent-1": "from optimizers import SGD as MySGD"},
    "02_momentum": {
        "momentum-1": as_own("MyMomentum", "Momentum"),
        "momentum-2": as_own("MyNesterov", "Momentum", "nesterov = True"),
    },
    "03_rmsprop": {
        "rmsprop-1": as_own("MyRMSProp", "RMSProp"),
        "rmsprop-2": "from optimizers import AdaGrad as MyAdaGrad",
    },
    "04_adam": {"adam-2": CALLS_ADAM},
    "05_adamw": {"adamw-1": as_own("MyAdamW", "AdamW"), "adamw-3": ADAM_ON_ANOTHER_GRADIENT},
    "06_lamb": {
        "lamb-1": TRUST_RATIO_OF_LARS,
        "lamb-4": as_own("MyLAMB", "LAMB"),
    },
    "07_lookahead": {"lookahead-2": LOOKAHEAD_ROUND_A_STEP},
    "08_schedules": {
        "schedules-1": "from optimizers import schedules\n\n\n"
        "def stairs(t, lr, every, factor):\n"
        "    return schedules.step_decay(lr, every, factor)(t)",
        "schedules-2": "def cosine(t, lr, steps):\n    return schedules.cosine(lr, steps)(t)",
        "schedules-3": "def bert(t, lr, steps, warmup):\n"
        "    return schedules.warmup_polynomial(lr, steps, warmup)(t)",
    },
    "09_find_the_bug": {
        "bugs-1": 'fault1 = "correction multiplied"\n' + as_own("Fixed1", "Adam"),
        "bugs-4": 'fault4 = "epsilon inside the root"\n' + as_own("Fixed4", "Adam"),
    },
    "10_find_more_bugs": {
        "more-bugs-2": 'fault2 = "gradient damped"\n' + as_own("Fixed2", "Momentum"),
        "more-bugs-6": 'fault6 = "hidden clamp"\n' + as_own("Fixed6", "LAMB"),
    },
    "12_a_fair_race": {"race-3": as_own("MyRule", "Momentum", "nesterov = True")},
    "13_one_line_more": {
        "one-line-1": SIGN_OF_MOMENTUM,
        "one-line-3": "from optimizers.classroom.one_line import Yogi as MyYogi",
        "one-line-5": ADAM_ON_AN_AMPLIFIED_GRADIENT,
    },
}
