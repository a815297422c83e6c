"""Hyper-parameter grids as they are written on the command line: lr=1e-3:1:40, k=2,5,10, lr=0.1."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from optimizers.experiments import sweep
from optimizers.hyper_parameters import HyperParameter, defaults, misspelt
from optimizers.rules import RULES

OPTIONS = {  # of the command, which somebody may write like hyper-parameters
    "function": "--function beale",
    "steps": "--steps 100",
    "start": "--start -1 2.5",
    "out": "--out map.png",
}
MOST = 1_000_000  # runs: a picture shows no more
WIDE = 10.0  # a grid whose ends differ by this factor is spaced in ratios


def read_grids(rule: str, texts: Sequence[str]) -> dict[str, Any]:
    """Read the grids and the single values of a sweep, by hyper-parameter.

    Raises
    ------
    TypeError, ValueError
        For whatever `sweep` would not take, and for what no picture could show.

    Examples
    --------
    >>> read_grids("Lookahead", ["k=2:10:3", "alpha=0.5"])
    {'k': [2, 6, 10], 'alpha': 0.5}
    """
    pairs = [_grid(rule, text) for text in texts]
    check_once([name for name, _ in pairs])
    sizes = [len(values) for _, values in pairs if isinstance(values, list)]
    if not sizes:
        raise ValueError("sweep needs a grid, such as lr=1e-3:1:40")
    if len(sizes) > 2:
        raise ValueError("sweep draws one grid or two; give the others a single value")
    if math.prod(sizes) > MOST:
        raise ValueError(f"{math.prod(sizes):,} runs are too many; at most {MOST:,} are allowed")
    return dict(pairs)


def _grid(rule: str, text: str) -> tuple[str, Any]:
    """Read "lr=1e-3:1:40" or "k=2,5,10" as a name and its values, "k=5" as a name and its value."""
    name, _, written = text.partition("=")
    _check_name(rule, name)
    known = RULES[rule].__hyper_parameters__[name]
    sign = ":" if ":" in written else ","
    try:
        values = [_value(part, known) for part in written.split(sign)]
    except ValueError as error:
        raise ValueError(_wanted(rule, name, text)) from error
    if sign == ",":
        for value in values:
            known.kind.check(name, value)
    else:
        if len(values) != 3 or any(isinstance(value, bool) for value in values):
            raise ValueError(_wanted(rule, name, text))
        for end in values[:2]:
            known.kind.check(name, end)
        values = _spaced(name, text, *values, is_whole=_is_whole(known))
    check_different(repr(text), values)
    return name, values if len(values) > 1 else values[0]


def _check_name(rule: str, name: str) -> None:
    """Say what a name is that is none of the rule's hyper-parameters."""
    known = defaults(RULES[rule])
    if name in known:
        return
    if name in OPTIONS:
        raise ValueError(f"{name} is an option: {OPTIONS[name]}")
    if name in inspect.signature(sweep).parameters.keys() - {"rule", "grids"}:
        call = f"sweep({rule}, rosenbrock, {name}=…)"
        raise ValueError(f"{name} is not a hyper-parameter; set it in Python: {call}")
    inner = known.get("inner")
    if inner is not None and name in defaults(inner):
        call = f"sweep({rule}, rosenbrock, inner=partial({inner.__name__}, {name}=…))"
        raise ValueError(
            f"{name} is one of {inner.__name__}, the inner rule; set it in Python: {call}"
        )
    raise ValueError(misspelt(RULES[rule], name))


def _value(text: str, known: HyperParameter) -> bool | float:
    if text in ("True", "False"):
        return text == "True"
    number = float(text)
    return int(number) if _is_whole(known) and number.is_integer() else number


def _is_whole(known: HyperParameter) -> bool:
    return isinstance(known.default, int) and not isinstance(known.default, bool)


def _wanted(rule: str, name: str, text: str) -> str:
    """What should stand there."""
    default = defaults(RULES[rule])[name]
    if isinstance(default, bool):
        return f"{text!r} must look like {name}=False,True or {name}=True"
    words = f"{text!r} must look like lr=1e-3:1:40, k=2,5,10 or lr=0.1"
    if isinstance(default, (int, float)):
        return words
    call = f"sweep({rule}, rosenbrock, {name}=…)"
    return f"{words}; values that are not numbers are set in Python: {call}"


def _spaced(
    name: str, text: str, low: float, high: float, count: float, *, is_whole: bool
) -> list[Any]:
    """So many values from low to high: in equal ratios if they lie far apart, else in equal steps.

    Whole ones are in equal steps as well where the ratios make fractions.
    """
    if not (count >= 2 and float(count).is_integer()):
        raise ValueError(f"{text!r} must have two values or more, got {count:g}")
    if count > MOST:
        raise ValueError(f"{text!r} has too many values; at most {MOST:,} are allowed")
    if low == high:
        raise ValueError(f"{text!r} has one value only: low and high must differ")
    wide = min(low, high) > 0 and max(low, high) / min(low, high) >= WIDE
    found = [np.linspace(low, high, int(count))]
    if wide:
        found.insert(0, np.geomspace(low, high, int(count)))
    if not is_whole:
        return list(found[0].tolist())
    for values in found:
        if np.allclose(values, values.round(), rtol=1e-12, atol=0):
            return [int(value) for value in values.round()]
    few = ", ".join(f"{value:.3g}" for value in found[0][:3])
    raise ValueError(
        f"{text!r} makes {few}, …, and {name} must be whole: list its values, such as {name}=2,5,10"
    )


def check_once(names: Sequence[str]) -> None:
    """Raise a ValueError for a name that is there twice."""
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} is named twice")


def check_different(given: str, values: Sequence[Any]) -> None:
    """Raise a ValueError for a value that is there twice."""
    if len({*values}) < len(values):
        raise ValueError(f"{given} lists a value twice")
