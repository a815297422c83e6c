"""Which task is checked by what: each a line or a few."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.classroom import faults
from optimizers.classroom.compare import watched
from optimizers.classroom.kinds import (
    OWN,
    Draw,
    Task,
    Verdict,
    fixed,
    function,
    no_rule,
    own_of_library,
    rule,
    shown,
    stopped,
    words,
)
from optimizers.classroom.one_line import AdaBelief, AdEMAMix, GrokFast, Rprop, Signum, Yogi
from optimizers.rules import LAMB, SGD, AdaGrad, Adam, AdamW, Momentum, RMSProp

Rng = np.random.Generator
CALLS = 12
LONG_STEPS = 0.2, 0.5  # learning rates at which every gradient turns


class Nesterov(Momentum):
    """Momentum as Nesterov has it."""

    nesterov = True


class AdamL2(faults.DecayInGradient):
    """Adam with the penalty in the loss: wrong as AdamW, and right where L2 is asked for."""


def each(*ranges: tuple[float, float] | tuple[int, int]) -> Draw:
    """Arguments drawn one by one: whole numbers where the bounds are, else rounded to be read."""

    def draw(rng: Rng) -> list[tuple[Any, ...]]:
        return [tuple(_one(rng, low, high) for low, high in ranges) for _ in range(CALLS)]

    return draw


def _one(rng: Rng, low: float, high: float) -> float | int:
    if isinstance(low, int) and isinstance(high, int):
        return int(rng.integers(low, high + 1))
    return float(f"{rng.uniform(low, high):.3g}")


def _signed(*ranges: Any) -> Draw:
    """As `each`, the first argument of either sign, and 0 once."""

    def draw(rng: Rng) -> list[tuple[Any, ...]]:
        cases = [(float(rng.choice([-1, 1])) * a, *rest) for a, *rest in each(*ranges)(rng)]
        return [*cases, (0.0, *cases[0][1:])]

    return draw


# gradient descent


def _curvatures(rng: Rng) -> list[tuple[Any, ...]]:
    return [([_one(rng, 0.01, 30.0) for _ in range(1 + i % 5)],) for i in range(CALLS)]


def _rates_and_shares(rng: Rng) -> list[tuple[Any, ...]]:
    cases = []
    for i in range(CALLS):
        q, curvature = rng.uniform(0.3, 0.95) * (-1) ** i, _one(rng, 1.0, 20.0)
        cases.append((float(f"{(1 - q) / curvature:.4g}"), curvature, _one(rng, 0.001, 0.1)))
    return cases


def _steps_needed(lr: float, curvature: float, share: float) -> float:
    return np.log(share) / np.log(abs(1 - lr * curvature))


# momentum


def _swinging(rng: Rng) -> list[tuple[Any, ...]]:
    cases = []
    for i in range(CALLS):
        mu, curvature = _one(rng, 0.1, 0.95), _one(rng, 0.5, 20.0)
        low, high = (1 - mu**0.5) ** 2, (1 + mu**0.5) ** 2
        near = 1 + mu - (rng.uniform(2.2, 3.8) * mu) ** 0.5  # it swings, but not by much
        product = (rng.uniform(0.1, 0.9) * low, near, rng.uniform(low, high), 1.02 * high)
        cases.append((float(f"{product[i % 4] / curvature:.6g}"), mu, curvature))
    return cases


def _swings(lr: float, momentum: float, curvature: float) -> bool:
    return (1 + momentum - lr * curvature) ** 2 < 4 * momentum


# Adam


def _settled(beta: float, excess: float) -> int:
    t = 1
    while 1 / (1 - beta**t) > 1 + excess:
        t += 1
    return t


def _arrays_for_correction(rng: Rng) -> list[tuple[Any, ...]]:
    found = each((-3.0, 3.0), (0.3, 0.999), (1, 30))(rng)
    return [*found, (rng.uniform(-1, 1, 3).round(3), 0.9, 2), (1.5, 0.9, 1)]


# LAMB


def _layers(between: bool) -> Draw:
    def draw(rng: Rng) -> list[tuple[Any, ...]]:
        cases: list[tuple[Any, ...]] = []
        for i in range(CALLS):
            size = int(rng.integers(1, 5))
            theta, u = (rng.uniform(0.3, 2, size).round(2) * rng.choice([-1, 1]) for _ in "tu")
            if i % 4 == 1:
                theta = 0 * theta
            if i % 4 == 2:
                u = 0 * u
            if i == 3:
                theta = 40 * theta
            bounds: tuple[Any, ...] = ()
            if between:
                low = _one(rng, 0.5, 3.0)
                bounds = (low, low + _one(rng, 0.1, 1.0))
            cases.append((theta, u, *bounds))
        return cases

    return draw


def _ratio(theta: Any, u: Any) -> Any:
    return faults.ratio(theta, u)


def _ratio_between(theta: Any, u: Any, low: float, high: float) -> Any:
    length, step = np.linalg.norm(theta), np.linalg.norm(u)
    return np.clip(length, low, high) / step if length > 0 and step > 0 else 1.0


def _quotient(theta: Any, u: Any) -> Any:
    return np.linalg.norm(theta) / np.linalg.norm(u)


def _names(rng: Rng) -> list[tuple[Any, ...]]:
    layers = ["dense/kernel", "dense/bias", "norm_1/scale", "block_3/bias", "x", "embedding"]
    patterns = ["bias", ["bias"], ["bias", "scale"], "norm.*scale", [], "kern", ["^dense"], "e$"]
    cases = [(name, pattern) for name in layers for pattern in patterns]
    return [cases[i] for i in rng.permutation(len(cases))]


def _excluded(name: str, patterns: Any) -> bool:
    patterns = [patterns] if isinstance(patterns, str) else patterns
    return any(re.search(pattern, name) for pattern in patterns)


def _letters(name: str, patterns: Any) -> bool:
    try:
        return any(re.search(pattern, name) for pattern in patterns)
    except re.error:
        return False


LETTERS = 'what does Python do with `for p in "bias"`?'

# Lookahead


def _fast_steps(rng: Rng) -> list[tuple[Any, ...]]:
    def step(q: float, to: float) -> Callable[[Any], Any]:
        return lambda theta: to + q * (theta - to)

    cases: list[tuple[Any, ...]] = []
    for i in range(CALLS):
        theta = rng.uniform(-2, 2, 2).round(2) if i % 2 else _one(rng, -2.0, 2.0)
        q, to = rng.uniform(0.3, 0.9), rng.uniform(-1, 1)
        k, steps = int(rng.integers(1, 6)), int(rng.integers(0, 18))
        cases.append((step(q, to), theta, k, _one(rng, 0.2, 0.9), steps))
    return cases


def _lookahead(step: Any, theta: Any, k: int, alpha: float, steps: int, slip: str = "") -> Any:
    slow = theta
    for t in range(1, steps + 1):
        theta = step(theta)
        if (t - 1 if slip == "early" else t) % k == 0:
            slow = slow + (1 - alpha if slip == "turned" else alpha) * (theta - slow)
            if slip != "no jump":
                theta = slow
    return slow if slip == "slow" else theta


def _slip(slip: str) -> Callable[..., Any]:
    return partial(_lookahead, slip=slip)


def _slow_steps(rng: Rng) -> list[tuple[Any, ...]]:
    found = each((-3.0, 3.0), (-3.0, 3.0), (0.1, 0.9))(rng)
    return [*found, (rng.uniform(-1, 1, 3).round(2), rng.uniform(-1, 1, 3).round(2), 0.4)]


def _variance_ratio(lr: float, curvature: float, k: int, alpha: float, twice: float = 2) -> float:
    q = 1 - lr * curvature
    slow = alpha**2 * (1 - q ** (2 * k))
    return slow / (slow + twice * alpha * (1 - alpha) * (1 - q**k))


# schedules


def _times(*ranges: Any) -> Draw:
    """t at the first step, at the last, around the edges, and beyond; then the others."""

    def draw(rng: Rng) -> list[tuple[Any, ...]]:
        cases: list[tuple[Any, ...]] = []
        for i, rest in enumerate(each(*ranges)(rng)):
            last = int(rest[1])
            edge = int(rest[-1]) if isinstance(rest[-1], int) else last
            if len(rest) == 3 and isinstance(rest[2], int) and i % 4 == 0:
                rest = (rest[0], rest[1], 0)  # no warm-up
                edge = 0
            for t in {
                1,
                max(edge, 1),
                edge + 1,
                last,
                last + 1,
                last + 5,
                int(rng.integers(1, last)),
            }:
                cases.append((t, *rest))
        return cases

    return draw


def _cosine(t: int, lr: float, steps: int) -> float:
    return lr * (1 + np.cos(np.pi * min(t - 1, steps) / steps)) / 2


def _bert(t: int, lr: float, steps: int, warmup: int) -> float:
    return lr * t / warmup if t <= warmup else lr * (1 - min(t - 1, steps) / steps)


# measure


def _distances(rng: Rng) -> list[tuple[Any, ...]]:
    return [
        ((3 * rng.uniform(0.5, 0.95) ** np.arange(n) * rng.uniform(0.8, 1.2, n)).round(4),)
        for n in rng.integers(2, 12, CALLS)
    ]


def _contraction(distances: Any, off: int = 1) -> Any:
    return (distances[-1] / distances[0]) ** (1 / (len(distances) - off))


def _largest_root(lr: float, momentum: float, curvature: float) -> Any:
    return np.abs(np.roots([1, -(1 + momentum - lr * curvature), momentum])).max()


def _drawn_batches(answer: Any, rng: Rng) -> Verdict:
    """Random numbers: right within what the draws allow, and another seed gives another value."""
    if isinstance(answer, type) or not callable(answer):
        return False, f"expected a function, got {shown(answer)}"
    if own_of_library(answer):
        return False, f"this is the library's own function; {OWN}"
    slopes = rng.uniform(1, 2, 12) * rng.choice([-1, 1], 12)
    draws, shares, values = 4000, [], []
    with watched():
        try:
            for batch in (1, 4, 8):
                for seed in (1, 2):
                    fresh = np.random.default_rng([seed, *rng.integers(0, 2**31, 2)])
                    value = np.asarray(answer(slopes.copy(), batch, draws, fresh), dtype=float)
                    if value.size != 1 or not np.isfinite(value).all():
                        return False, f"it gives {shown(value)}; expected one number, a variance."
                    values.append(float(value.ravel()[0]))
                    shares.append(values[-1] / (np.var(slopes) / batch))
        except (Exception, SystemExit) as error:
            return False, stopped(error)
    if values[0] == values[1] and values[2] == values[3]:
        return False, "it is the same whatever is drawn: does it measure, or only compute?"
    found = np.array(shares).reshape(3, 2).mean(axis=1)
    if np.all(np.abs(found - 1) < 0.15):
        return True, "right, on batches of 1, 4 and 8."
    if np.allclose(found, 1 / np.sqrt(np.var(slopes) / [1, 4, 8]), rtol=0.15):
        return False, "this is the length of the noise: the variance is its square."
    if abs(found[0] - 1) < 0.15 and found[1] < 0.9:
        return False, "too small for large batches: can the same example come up twice?"
    if np.allclose(found, [1, 16, 64], rtol=0.15):
        return False, "too large for large batches: did you take the mean of each batch?"
    return (
        False,
        "the variance of what? Take a mean for each batch, then the variance of the means.",
    )


def _valleys(rng: Rng) -> list[tuple[Any, ...]]:
    def gradient(lows: Any, hills: Any) -> Callable[[Any], Any]:
        def slope(x: Any) -> Any:
            value = 0.5 * (x - lows[-1])
            for low, hill in zip(lows[:-1], hills, strict=True):
                value = value * (x - low) * (x - hill)
            return value

        return slope

    cases: list[tuple[Any, ...]] = []
    for i in range(4):
        lows = np.array([0.0, 1.5, 3.0][: 2 + i % 2]) + rng.uniform(-0.1, 0.1)
        middles = (lows[1:] + lows[:-1]) / 2
        aside = rng.uniform(0.2, 0.4, len(middles)) * rng.choice([-1, 1], len(middles))
        hills = middles + aside
        ends = np.concatenate(([lows[0] - 0.4], hills, [lows[-1] + 0.4]))
        starts = [
            rng.uniform(a + 0.05, b - 0.05, int(rng.integers(2, 6))) for a, b in pairwise(ends)
        ]
        starts.append(middles + aside / 2)  # these end at the one that is further away
        cases.append(
            (gradient(lows, hills), rng.permutation(np.concatenate(starts)), lows, 0.1, 300)
        )
    return cases


def _shares(gradient: Any, starts: Any, minima: Any, lr: float, steps: int) -> Any:
    x = np.array(starts)
    for _ in range(steps):
        x = x - lr * gradient(x)
    nearest = np.argmin(np.abs(x[:, np.newaxis] - minima), axis=1)
    return [np.mean(nearest == i) for i in range(len(minima))]


# the race


def _losses(rng: Rng) -> list[tuple[Any, ...]]:
    cases = []
    for i in range(CALLS):
        losses = (10 ** rng.uniform(-4, 1, int(rng.integers(3, 8)))).round(5) + 1e-5
        if i % 3:
            losses[rng.integers(len(losses) - 1)] = (np.nan, np.inf)[i % 2]
        cases.append((losses, _one(rng, 2.0, 50.0)))
    return cases


def _good_share(losses: Any, factor: float) -> Any:
    losses = np.where(np.isfinite(losses), losses, np.inf)
    return np.mean(losses <= factor * losses.min())


class _Counted:
    """A gradient that counts how often it is asked."""

    def __init__(self, gradient: Any) -> None:
        self.gradient, self.asked = gradient, 0

    def __getattr__(self, name: str) -> Any:
        if name == "hessian":
            self.asked += 1000
        return getattr(self.gradient, name)

    def __call__(self, *given: Any) -> Any:
        self.asked += 1
        return self.gradient(*given)

    def plainly(self, *given: Any) -> Any:
        self.asked += 1
        return self.gradient.plainly(*given)


def _beats_descent(answer: Any, rng: Rng) -> Verdict:
    """A rule of one's own, against gradient descent at its best of the same rates."""
    if reason := no_rule(answer, "MyRule"):
        return False, reason
    steps, rates = 100, np.geomspace(1e-3, 10, 25)
    ratios = []
    for _ in range(2):
        (a, b), c = rng.uniform(-2, 2, 2), rng.uniform(80, 150)
        x, y = rng.uniform(2, 4, 2) * rng.choice([-1, 1], 2)  # the start, seen from the lowest
        asked: list[int] = []

        def loss(w: Any, a: Any = a, b: Any = b, c: Any = c, asked: Any = asked) -> Any:
            asked.append(1)
            p, q = w[0] - a, w[1] - b
            return 0.25 * (p + q) ** 2 + 0.25 * c * (p - q) ** 2

        with np.errstate(all="ignore"):
            far = (x + y) * (1 - rates) ** steps, (x - y) * (1 - c * rates) ** steps
            descent = np.nanmin(0.25 * far[0] ** 2 + 0.25 * c * far[1] ** 2)
        best, error = np.inf, None
        with watched() as called:
            for lr in rates:
                try:
                    running = answer(loss, [a + x, b + y], lr=float(lr))
                    counted = _Counted(running.gradient)
                    vars(running)["gradient"] = counted
                    asked.clear()
                    for _ in range(steps):
                        running.minimize_raw()
                    if len(asked) > steps or counted.asked > steps:
                        return False, "it asks the loss for more than one gradient per step."
                    p, q = np.asarray(running.theta, dtype=float) - (a, b)
                except (ArithmeticError, np.linalg.LinAlgError) as stop:  # this rate diverges
                    error = stop
                    continue
                except (Exception, SystemExit) as stop:
                    return False, stopped(stop)
                value = 0.25 * (p + q) ** 2 + 0.25 * c * (p - q) ** 2
                if value < best:
                    best = float(value)
        if called:
            return False, f"it calls the library's own {called[0]}; {OWN}"
        if error is not None and best == np.inf:
            return False, stopped(error)
        ratios.append(best / descent)
    worst = max(ratios)
    if worst < 0.1:
        return True, f"right: at most {worst:.1g} times the loss of gradient descent, in 2 valleys."
    if worst == np.inf:
        return False, "it diverges at every learning rate: does it go downhill?"
    return False, f"it leaves {worst:.2g} times the loss of gradient descent; the goal is 0.1."


# all tasks

ADAM = ("m", "v", "m_hat", "v_hat")
BUGS = (
    *("correction multiplied", "power t missing", "t never counted", "parentheses missing"),
    *("epsilon inside the root", "state not zero", "square missing", "betas swapped"),
    "root missing",
)
MORE = [
    *("Nesterov, not plain", "gradient damped", "decay in the gradient", "decay without lr"),
    *("ratio before the decay", "hidden clamp", "letter by letter", "ratio only with decay"),
    *("epsilon inside the root", "ratio upside down", "correction missing"),
]
MOMENTUM = rule(Momentum, ("p",), faults.MOMENTUM_FAULTS)
ADAM_RULE = rule(Adam, ADAM, faults.ADAM_FAULTS)
ADAMW = rule(AdamW, ADAM, faults.ADAMW_FAULTS)
LAMB_RULE = rule(LAMB, (*ADAM, "trust_ratio"), faults.LAMB_FAULTS, layers=True)


def _bug(fault: str, hint: str) -> Task:
    return fixed(fault, hint, BUGS, ADAM_RULE)


TASKS: dict[str, Task] = {
    "gradient_descent/1": rule(SGD, (), faults.SGD_FAULTS),
    "gradient_descent/2": function(
        lambda lr, curvature: 1 - lr * curvature,
        each((0.01, 0.5), (0.2, 20.0)),
        (lambda lr, curvature: abs(1 - lr * curvature), "did you keep the sign?"),
        (
            lambda lr, curvature: lr * curvature,
            "this is the share that is taken away: what is left?",
        ),
        (lambda lr, curvature: 1 + lr * curvature, "does it go downhill?"),
    ),
    "gradient_descent/3": function(
        lambda curvatures: 2 / max(curvatures),
        _curvatures,
        (
            lambda c: 1 / max(c),
            "this rate lands on the lowest point in one step: how much larger may it be?",
        ),
        (lambda c: 2 / min(c), "one direction already diverges: which is the first to do so?"),
        (lambda c: 2 / np.mean(c), "one direction already diverges: which is the first to do so?"),
    ),
    "gradient_descent/4": function(
        lambda *given: int(np.ceil(_steps_needed(*given))),
        _rates_and_shares,
        (lambda *given: int(_steps_needed(*given)), "is enough of the distance gone by then?"),
        (lambda *given: int(_steps_needed(*given)) + 2, "would one step fewer be enough?"),
        (_steps_needed, "steps are whole numbers: which one is enough?"),
    ),
    "gradient_descent/5": words(
        {"0.04": "nearer", "0.08": "further", "0.1": "back and forth", "0.15": "diverges"},
        "Work out the factor for each rate and for its double, with its sign.",
    ),
    "gradient_descent/6": words(
        {"A": 0.005, "B": 0.03, "C": 0.06, "D": 0.078},
        "Which rates jump across the valley floor, and which of those settles sooner?",
    ),
    "momentum/1": MOMENTUM,
    "momentum/2": rule(Nesterov, ("p",), faults.NESTEROV_FAULTS),
    "momentum/3": function(
        lambda lr, momentum, g: -lr * g / (1 - momentum),
        each((0.01, 0.5), (0.1, 0.95), (-3.0, 3.0)),
        (lambda lr, mu, g: -g / (1 - mu), "this is p: what is the step?"),
        (lambda lr, mu, g: -lr * g * (1 - mu), "is the ball faster with momentum, or slower?"),
        (lambda lr, mu, g: -lr * g / mu, "at top speed p = μ p + g: what is p?"),
    ),
    "momentum/4": function(
        _swings,
        _swinging,
        (lambda *given: not _swings(*given), "is it the other way round?"),
        (
            lambda lr, mu, c: (1 + mu - lr * c) ** 2 < 2 * mu,
            "what is under the root in the quadratic formula?",
        ),
    ),
    "momentum/5": words(
        {"A": 0.95, "B": 0.8, "C": 0.0, "D": 0.5},
        "More momentum carries the ball further, and makes it swing more often.",
    ),
    "rmsprop/1": rule(RMSProp, ("v",), faults.RMSPROP_FAULTS),
    "rmsprop/2": rule(AdaGrad, ("G",), faults.ADAGRAD_FAULTS),
    "rmsprop/3": function(
        lambda g, lr, rho: -lr * np.sign(g) / np.sqrt(1 - rho),
        _signed((0.1, 5.0), (0.01, 0.5), (0.3, 0.99)),
        (lambda g, lr, rho: -lr * np.sign(g) / (1 - rho), "what is the root of v after one step?"),
        (lambda g, lr, rho: -lr * np.sign(g), "is v already g² after one step?"),
        (
            lambda g, lr, rho: -lr / np.sqrt(1 - rho),
            "what if the slope points the other way, or is 0?",
        ),
    ),
    "rmsprop/4": function(
        lambda lr, t: lr / np.sqrt(t),
        each((0.01, 1.0), (2, 90)),
        (lambda lr, t: lr / t, "G is t g²: what is its root?"),
        (lambda lr, t: lr, "does G stay the same?"),
        (lambda lr, t: lr * np.sqrt(t), "do the steps get longer, or shorter?"),
    ),
    "rmsprop/5": words(
        dict.fromkeys(("SGD", "Momentum"), "another path")
        | dict.fromkeys(("AdaGrad", "RMSProp"), "the same path"),
        "What happens to g / √v if every g is 100 times larger?",
    ),
    "adam/1": function(
        lambda m, beta, t: m / (1 - beta**t),
        _arrays_for_correction,
        (lambda m, beta, t: m / (1 - beta), "is the power t used?"),
        (lambda m, beta, t: m * (1 - beta**t), "should m get larger, or even smaller?"),
        (lambda m, beta, t: m / (1 - beta * t), "β to the power t: how does Python write a power?"),
    ),
    "adam/2": ADAM_RULE,
    "adam/3": function(
        lambda g, lr: -lr * np.sign(g),
        _signed((0.1, 5.0), (0.01, 0.5)),
        (lambda g, lr: -lr, "what if the slope points the other way, or is 0?"),
        (lambda g, lr: -lr * g, "what is g / √(g²)?"),
    ),
    "adam/4": function(
        _settled,
        each((0.5, 0.995), (0.005, 0.2)),
        (
            lambda beta, excess: _settled(beta, excess) - 1,
            "is it small enough yet at this step?",
        ),
        (lambda beta, excess: _settled(beta, excess) + 1, "was it small enough a step earlier?"),
        (
            lambda beta, excess: np.log(excess / (1 + excess)) / np.log(beta),
            "steps are whole numbers: which one is enough?",
        ),
    ),
    "adam/5": words(
        {"A": "Adam", "B": "SGD", "C": "Momentum", "D": "RMSProp"},
        "Which ones start along a diagonal, and which swing wide in a curve?",
    ),
    "adamw/1": ADAMW,
    "adamw/2": function(
        lambda weight, lr, decay, steps: weight * (1 - lr * decay) ** steps,
        each((-3.0, 3.0), (0.01, 0.5), (0.01, 0.5), (2, 40)),
        (lambda w, lr, d, n: w * (1 - n * lr * d), "each step takes a share of what is left."),
        (lambda w, lr, d, n: w * (1 - d) ** n, "is the pull multiplied by the learning rate?"),
        (lambda w, lr, d, n: w * (1 - lr * d), "this is one step: what about all of them?"),
    ),
    "adamw/3": rule(AdamL2, ADAM, faults.L2_FAULTS),
    "adamw/4": function(
        lambda weight, lr, decay: -lr * np.sign(weight),
        _signed((0.1, 5.0), (0.01, 0.5), (0.01, 0.5)),
        (
            lambda w, lr, d: -lr * d * w,
            "this is AdamW's pull: what does Adam do to a gradient λ θ?",
        ),
        (lambda w, lr, d: -lr, "what if the weight is below 0?"),
        (lambda w, lr, d: -lr * d * np.sign(w), "λ is in both m̂ and √v̂: what is left of it?"),
    ),
    "adamw/5": words(
        {"A": "Adam with L2", "B": "AdamW", "C": "Adam"},
        "Only one ends at the lowest point of the loss itself. Where do the others come to rest?",
    ),
    "lamb/1": function(
        _ratio,
        _layers(between=False),
        (_quotient, "what if one of the two lengths is 0?"),
        (lambda theta, u: faults.ratio(u, theta), "is it upside down?"),
        (lambda theta, u: min(_ratio(theta, u), 10.0), "can the ratio be larger than 10?"),
        (
            lambda theta, u: 1.0 if not np.any(u) else _quotient(theta, u),
            "what happens to a layer that starts at 0?",
        ),
        (
            lambda theta, u: 1.0 if not np.any(theta) else _quotient(theta, u),
            "what if u is 0?",
        ),
    ),
    "lamb/2": function(
        _ratio_between,
        _layers(between=True),
        (lambda theta, u, low, high: _ratio(theta, u), "did you use the bounds?"),
        (
            lambda theta, u, low, high: np.clip(_ratio(theta, u), low, high),
            "what is kept between the bounds, the ratio or the length?",
        ),
        (
            lambda theta, u, low, high: (
                np.clip(np.linalg.norm(theta), low, high) / np.linalg.norm(u) if np.any(u) else 1.0
            ),
            "what if the layer's length is 0?",
        ),
    ),
    "lamb/3": function(
        lambda *given: not _excluded(*given),
        _names,
        (_excluded, "is it the other way round?"),
        (lambda *given: not _letters(*given), LETTERS),
    ),
    "lamb/4": LAMB_RULE,
    "lamb/5": function(
        lambda lr, norm, low, high: lr * min(max(norm, low), high),
        lambda rng: [
            (lr, norm, low, round(low + width, 3))
            for lr, norm, low, width in each((0.01, 0.5), (0.1, 6.0), (1.0, 2.0), (0.5, 2.0))(rng)
        ],
        (lambda lr, norm, low, high: lr * norm, "did you use the bounds?"),
        (lambda lr, norm, low, high: min(max(norm, low), high), "where is the learning rate?"),
        (
            lambda lr, norm, low, high: min(max(lr * norm, low), high),
            "what must stay between the bounds?",
        ),
    ),
    "lamb/6": function(
        lambda beta1, beta2: (1 - beta1) / np.sqrt(1 - beta2),
        each((0.3, 0.95), (0.5, 0.999)),
        (lambda beta1, beta2: (1 - beta1) / (1 - beta2), "do you divide by v, or by its root?"),
        (lambda beta1, beta2: np.sqrt(1 - beta2) / (1 - beta1), "is it upside down?"),
        (lambda beta1, beta2: 1.0, "that is with the correction: what about without it?"),
    ),
    "lookahead/1": function(
        lambda slow, fast, alpha: slow + alpha * (fast - slow),
        _slow_steps,
        (
            lambda slow, fast, alpha: fast + alpha * (slow - fast),
            "which weights move towards which?",
        ),
        (lambda slow, fast, alpha: slow + alpha * fast, "α times what?"),
        (
            lambda slow, fast, alpha: alpha * (fast - slow),
            "this is how far they move: where do they start?",
        ),
    ),
    "lookahead/2": function(
        _lookahead,
        _fast_steps,
        (_slip("no jump"), "do the fast weights jump back?"),
        (_slip("turned"), "what part of the way do the slow weights go?"),
        (_slip("early"), "after how many fast steps comes the first slow one?"),
        (_slip("slow"), "which weights should it return, the slow or the fast?"),
    ),
    "lookahead/3": function(
        lambda q, k, alpha: 1 - alpha + alpha * q**k,
        each((-0.9, 0.95), (2, 8), (0.1, 0.9)),
        (lambda q, k, alpha: q**k, "these are the fast weights: what about the slow ones?"),
        (lambda q, k, alpha: alpha * q**k, "what is left of the slow weights' own distance?"),
        (lambda q, k, alpha: alpha + (1 - alpha) * q**k, "what part of the way do they go?"),
    ),
    "lookahead/4": function(
        _variance_ratio,
        each((0.01, 0.3), (0.3, 3.0), (2, 8), (0.1, 0.9)),
        (partial(_variance_ratio, twice=1), "is the 2 in the denominator?"),
        (
            lambda lr, curvature, k, alpha: _variance_ratio(1 - lr * curvature, 1.0, k, alpha),
            "what is q?",
        ),
        (lambda *given: 1 / _variance_ratio(*given), "is it upside down?"),
    ),
    "schedules/1": function(
        lambda t, lr, every, factor: lr * factor ** ((t - 1) // every),
        _times((0.01, 1.0), (2, 9), (0.1, 0.9)),
        (lambda t, lr, every, factor: lr * factor ** (t // every), "what is the rate at step k?"),
        (
            lambda t, lr, every, factor: lr * factor ** ((t - 1) / every),
            "is it stairs, or a slope?",
        ),
        (
            lambda t, lr, every, factor: lr if t <= every else lr * factor,
            "what comes after the second stair?",
        ),
    ),
    "schedules/2": function(
        _cosine,
        _times((0.01, 1.0), (5, 30)),
        (lambda t, lr, steps: _cosine(t + 1, lr, steps), "what is the rate at the first step?"),
        (
            lambda t, lr, steps: lr * (1 + np.cos(np.pi * (t - 1) / steps)) / 2,
            "what is the rate when t is larger than T?",
        ),
        (
            lambda t, lr, steps: lr * (1 + np.cos(np.pi * t / steps)) / 2,
            "what is the rate at the first step, and after the last?",
        ),
        (lambda t, lr, steps: 2 * _cosine(t, lr, steps), "what is 1 + cos 0?"),
    ),
    "schedules/3": function(
        _bert,
        _times((0.01, 1.0), (12, 30), (3, 9)),
        (
            lambda t, lr, steps, warmup: (
                lr * t / warmup if t <= warmup else lr * (1 - (t - 1) / steps)
            ),
            "what is the rate when t is larger than T?",
        ),
        (
            lambda t, lr, steps, warmup: (
                lr * t / warmup if t <= warmup else _bert(t + 1, lr, steps, 0)
            ),
            "which step does the falling line count from?",
        ),
        (
            lambda t, lr, steps, warmup: (
                lr * t / warmup if t <= warmup else _bert(t - warmup, lr, steps - warmup, 0)
            ),
            "does the falling line start over after the warm-up?",
        ),
        (
            lambda t, lr, steps, warmup: (
                lr * (t - 1) / warmup if t <= warmup else _bert(t, lr, steps, 0)
            ),
            "what is the rate at the first step?",
        ),
    ),
    "schedules/4": function(
        lambda lr, steps, warmup: lr * warmup / steps,
        each((0.01, 1.0), (20, 90), (2, 15)),
        (
            lambda lr, steps, warmup: lr * (1 - warmup / steps),
            "this is the rate after the jump: what was it before?",
        ),
        (
            lambda lr, steps, warmup: lr * (warmup + 1) / steps,
            "which step does the line count from?",
        ),
        (
            lambda lr, steps, warmup: lr / steps,
            "this is one step down the line: how many are there?",
        ),
    ),
    "schedules/5": words(
        {"A": "warm-up", "B": "cosine", "C": "line", "D": "stairs"},
        "Which one rises first, which drops all at once, and which starts out flat?",
    ),
    "bugs/1": _bug("correction multiplied", "are its steps too long, or too short at the start?"),
    "bugs/2": _bug("power t missing", "compare its second step with its first."),
    "bugs/3": _bug("parentheses missing", "are its steps shorter or longer than they should be?"),
    "bugs/4": _bug("epsilon inside the root", "only the small slope is wrong."),
    "bugs/5": _bug("t never counted", "what is t at the second step?"),
    "bugs/6": _bug("state not zero", "what are m and v before the first step?"),
    "more_bugs/1": fixed("Nesterov, not plain", "what does it return?", MORE, MOMENTUM),
    "more_bugs/2": fixed("gradient damped", "how much of g goes into p?", MORE, MOMENTUM),
    "more_bugs/3": fixed("decay in the gradient", "where is λ θ added?", MORE, ADAMW),
    "more_bugs/4": fixed("decay without lr", "how strong is the pull at lr = 0?", MORE, ADAMW),
    "more_bugs/5": fixed("ratio before the decay", "in what order is u built?", MORE, LAMB_RULE),
    "more_bugs/6": fixed("hidden clamp", "what if a layer is long?", MORE, LAMB_RULE),
    "more_bugs/7": fixed(
        "letter by letter",
        "what does a loop see in a string?",
        MORE,
        function(_excluded, _names, (_letters, LETTERS)),
    ),
    "more_bugs/8": fixed("ratio only with decay", "what if λ = 0?", MORE, LAMB_RULE),
    "measure/1": function(
        _contraction,
        _distances,
        (lambda d: _contraction(d, 0), "how many steps lie between that many distances?"),
        (lambda d: d[-1] / d[0], "this is the factor for all steps together: what about one?"),
        (
            lambda d: np.mean(d[1:] / d[:-1]),
            "do n steps with this factor lead to the last distance?",
        ),
    ),
    "measure/2": function(
        _largest_root,
        _swinging,
        (
            lambda lr, mu, c: np.max(np.roots([1, -(1 + mu - lr * c), mu]).real),
            "the roots may be complex: what is their absolute value?",
        ),
        (
            lambda lr, mu, c: np.abs(np.roots([1, 1 + mu - lr * c, -mu])).max(),
            "check the signs in the equation.",
        ),
        (
            lambda lr, mu, c: np.abs(np.roots([1, -(1 + mu - lr * c), mu])).min(),
            "which of the two roots dies out last?",
        ),
    ),
    "measure/3": _drawn_batches,
    "measure/4": function(
        _shares,
        _valleys,
        (
            lambda gradient, starts, minima, lr, steps: _shares(gradient, starts, minima, lr, 0),
            "do the runs move?",
        ),
        (
            lambda gradient, starts, *rest: (
                np.array(_shares(gradient, starts, *rest)) * len(starts)
            ),
            "these are counts: what is a share?",
        ),
    ),
    "measure/5": words(
        {"at the origin": "AdamW", "at (1, 1)": "Adam", "why": "the decay leads there"},
        "Run `distance_left` for all three rules on both bowls. What is at the origin?",
        (
            *("Adam", "AdamW", "LAMB", "the decay leads there", "the learning rate is too small"),
            *("the start is nearer", "the bowl is steeper"),
        ),
    ),
    "race/1": words(
        {letter: "fair" if letter in "BE" else "unfair" for letter in "ABCDEFG"},
        "Were both tuned alike, for what is shown, and shown on seeds not used for tuning?",
    ),
    "race/2": function(
        _good_share,
        _losses,
        (
            lambda losses, factor: np.mean(losses <= factor * np.min(losses)),
            "what is the minimum if one of the numbers is nan?",
        ),
        (
            lambda losses, factor: _good_share(losses[np.isfinite(losses)], factor),
            "do diverged runs count as tried?",
        ),
        (
            lambda losses, factor: _good_share(losses, factor) * len(losses),
            "this is a count: what is a share?",
        ),
    ),
    "race/3": _beats_descent,
    "one_line/1": rule(Signum, ("p",), faults.SIGNUM_FAULTS, rates=LONG_STEPS),
    "one_line/2": rule(AdaBelief, ADAM, faults.ADABELIEF_FAULTS),
    "one_line/3": rule(Yogi, ADAM, faults.YOGI_FAULTS),
    "one_line/4": rule(AdEMAMix, ("slow", *ADAM), faults.ADEMAMIX_FAULTS),
    "one_line/5": rule(GrokFast, ("slow", *ADAM), faults.GROKFAST_FAULTS),
    "one_line/6": rule(Rprop, ("rate", "before"), faults.RPROP_FAULTS),
    "one_line/7": words(
        dict.fromkeys(("Signum", "Yogi", "GrokFast"), "lr")
        | {"AdEMAMix": "(1 + α) lr"}
        | dict.fromkeys(("AdaBelief", "Rprop"), "ever longer"),
        "If every gradient is c, what are the means, and what is left of c after the division?",
    ),
}


def known(task: Any) -> str:
    """The name of a task; an error says what tasks are called."""
    if isinstance(task, str) and task in TASKS:
        return task
    near = checks.nearest(task, TASKS) if isinstance(task, str) else ""
    raise ValueError(
        f"there is no task {checks.shown(task)}.{near} Tasks are called "
        f"{', '.join(dict.fromkeys(name.split('/')[0] + '/1' for name in TASKS))}, …"
    )
