"""What a hyper-parameter is dragged with: its range, and the letter that formulas give it."""

from __future__ import annotations

from typing import Any

from optimizers import checks
from optimizers.engine.seen import by_prefix
from optimizers.optimizer import Optimizer

# one digit in each power of ten, towards 1 and towards 0: 0.8, 0.9, 0.91, … and 0.2, 0.1, 0.09, …
DIGITS = [(digit, power) for power in (1, 2, 3, 4) for digit in range(10, 0, -1)]
FRACTIONS = [round(1 - digit / 10**power, power) for digit, power in DIGITS]
AMOUNTS = [0.0, *sorted({round(digit / 10**power, power) for digit, power in DIGITS})]
SHARES = [k / 20 for k in range(21)]
GRIDS = {checks.FRACTION: FRACTIONS, checks.NOT_NEGATIVE: AMOUNTS, checks.SHARE: SHARES}
GRIDS |= {checks.POSITIVE: AMOUNTS[1:]}
RATES = (1e-5, 10.0)  # lowest and highest, unless a rule has its own beyond
LEFT_OUT = ("epsilon",)  # there for the division only
MOST = 20  # of what is counted

SIGNS = {
    **{"lr": "η", "beta1": "β₁", "beta2": "β₂", "beta": "β", "momentum": "μ", "rho": "ρ"},
    **{"epsilon": "ε", "weight_decay": "λ", "alpha": "α", "damping": "δ", "theta": "θ"},
    **{"m_hat": "m̂", "v_hat": "v̂", "trust_ratio": "trust ratio", "eta": "η"},
    **{"decay_rate": "γ", "clipping_threshold": "κ", "precondition_frequency": "f"},
    **{"d0": "d₀", "theta0": "θ₀", "r_epsilon": "r_ε", "epsilon_theta": "ε_θ"},
    **{"trust_coefficient": "τ", "mu_product": "∏μ", "effective": "η / (√v̂ + ε)"},
}


def slider(name: str, value: Any, optimizer: Optimizer) -> dict[str, Any] | None:
    """What the page makes a slider, a box or a switch of; None for what is better left alone.

    Parameters
    ----------
    name, value
        Of a hyper-parameter, named as a step names it: one of an inner rule has a prefix.
    optimizer
        Whose it is.

    Examples
    --------
    >>> from optimizers import Momentum
    >>> from optimizers.functions import sphere
    >>> found = slider("lr", 0.01, Momentum(sphere, [1.0]))
    >>> found["words"], found["sign"], found["kind"], found["low"], found["high"]
    ('learning rate', 'η', 'log', 1e-05, 10.0)
    """
    prefix, part = next(
        (p, part) for p, part in reversed(by_prefix(optimizer).items()) if name.startswith(p)
    )
    plain = name.removeprefix(prefix)
    if plain in LEFT_OUT:
        return None
    words = "learning rate" if plain == "lr" else f"{prefix}{plain}".replace("_", " ")
    sign = SIGNS.get(plain, plain.replace("_", " "))
    told = {"name": name, "sign": sign, "words": words, "inner": prefix.removesuffix("_")}
    allowed = type(part).__hyper_parameters__[plain].kind.range
    if isinstance(value, bool):
        return {**told, "kind": "switch"}
    if plain == "lr":
        low, high = min(RATES[0], value or RATES[0]), max(RATES[1], value)
        return {**told, "kind": "log", "low": low, "high": high}
    if allowed in GRIDS:
        return {**told, "kind": "grid", "values": sorted({*GRIDS[allowed], float(value)})}
    if isinstance(value, int):
        return {**told, "kind": "whole", "low": min(1, value), "high": max(MOST, 2 * value)}
    return {**told, "kind": "linear", "low": min(0.0, 2 * value), "high": max(1.0, 2 * value)}
