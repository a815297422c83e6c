"""Checks of what users hand in, and sentences that say what was wrong and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np


class Range(NamedTuple):
    """A set of finite numbers, in words and as a test that works on arrays."""

    words: str
    holds: Callable[[Any], Any]


FINITE = Range("a finite number", lambda v: v == v)
FRACTION = Range("a number in [0, 1)", lambda v: (v >= 0) & (v < 1))
SHARE = Range("a number in [0, 1]", lambda v: (v >= 0) & (v <= 1))
POSITIVE = Range("a finite number > 0", lambda v: v > 0)
NOT_NEGATIVE = Range("a finite number >= 0", lambda v: v >= 0)


def nearest(name: str, known: Iterable[str], least: float = 0.5) -> str:
    """ " Did you mean 'rosenbrock'?", or nothing when no known name is near."""
    import difflib  # needed for mistakes only

    known = list(known)
    by_folded = {k.lower(): k for k in known}
    matches = difflib.get_close_matches(name.lower(), by_folded, n=1, cutoff=least)
    return f" Did you mean {by_folded[matches[0]]!r}?" if matches else ""


def shown(value: Any) -> str:
    """A short form of what was given, for an error message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def number(name: str, value: Any, allowed: Range) -> float:
    """`value` as a float, or an error that names the argument and what is allowed."""
    if isinstance(value, (str, bytes, bool, np.bool_, list, tuple)) or np.ndim(value) != 0:
        raise TypeError(f"{name} must be {allowed.words}, got {shown(value)}")
    try:
        result = float(value)
    except (TypeError, OverflowError) as error:
        raise TypeError(f"{name} must be {allowed.words}, got {shown(value)}") from error
    if not (np.isfinite(result) and allowed.holds(result)):
        raise ValueError(f"{name} must be {allowed.words}, got {shown(value)}")
    return result


def number_or_runs(name: str, value: Any, allowed: Range) -> float | np.ndarray:
    """A float, or one number a run: an array of shape (runs, 1), which broadcasts over the weights.

    A list or array of shape (runs,) is given its last axis here.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be a number or one per run, got {shown(value)}") from error
    if array.ndim == 0:
        return number(name, value, allowed)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be {allowed.words}, or one per run, got {shown(value)}")
    array = array.astype(float)
    if array.ndim == 1:
        array = array[:, np.newaxis]
    if array.size == 0 or array.shape[-1] != 1:
        raise ValueError(
            f"{name} must be a number, or one per run with shape (runs,) or (runs, 1), "
            f"got an array of shape {np.shape(value)}"
        )
    if not np.all(np.isfinite(array) & allowed.holds(array)):
        raise ValueError(f"{name} must be {allowed.words} for every run, got {shown(value)}")
    return array


def whole(name: str, value: Any, low: int) -> int:
    """`value` as an int not below `low`, or an error that names the argument."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be a whole number >= {low}, got {shown(value)}")
    if value < low:
        raise ValueError(f"{name} must be a whole number >= {low}, got {shown(value)}")
    return int(value)


def one_of(name: str, value: Any, known: Mapping[str, Any]) -> Any:
    """What stands under this key."""
    if not isinstance(value, str) or value not in known:
        hint = nearest(value, known) if isinstance(value, str) else ""
        raise ValueError(f"{name} must be one of {', '.join(known)}; got {shown(value)}.{hint}")
    return known[value]


def flag(name: str, value: Any) -> bool:
    """`value` as a bool; anything else is an error that names the argument."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def bounds(name: str, value: Any) -> tuple[float, float]:
    """`value` as two numbers (low, high) with 0 <= low <= high."""
    expected = f"{name} must be None, a function of the norm, or two bounds (low, high)"
    try:
        low, high = (number(name, v, NOT_NEGATIVE) for v in value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{expected} that are finite and >= 0, got {shown(value)}") from error
    if low > high:
        raise ValueError(f"{expected} with low <= high, got {shown(value)}")
    return low, high


def patterns(name: str, value: Any) -> Any:
    """None, a regular expression or a list of them, as it is; anything else is an error."""
    try:
        for pattern in [value] if isinstance(value, str) else value or ():
            re.compile(pattern)
    except (re.error, TypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{name} must be a list of regular expressions, such as ['bias', 'norm'], "
            f"got {shown(value)}: {error}"
        ) from error
    return value
