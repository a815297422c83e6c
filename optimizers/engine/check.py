"""Whether what a trace was made into computes what the traced function does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from optimizers.engine.trace import NotTraceable, leaves, mapped

PLACES = (0.0, 1e-3, 1.0)  # how far from the inputs: here, near, far


def check(replay: Callable[..., Any], function: Callable[..., Any], inputs: Any) -> None:
    """Compare with the plain function at the inputs, near them, and far from them.

    Parameters
    ----------
    replay
        Takes the leaves of the inputs one by one.
    function
        Takes the inputs.
    inputs
        The arguments of the function.

    Raises
    ------
    NotTraceable
        If the numbers differ.
    """
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        for far in PLACES:
            moved = mapped(partial(_moved, far=far, rng=rng), list(inputs))
            try:
                expected = function(*moved)
                same = agree(replay(*leaves(moved)), expected)
            except Exception as error:
                raise NotTraceable(f"{type(error).__name__}: {error}") from error
            if not same:
                raise NotTraceable(
                    "the replay differs from the plain function: it reads something besides its "
                    "arguments, draws random numbers, or looks at a value unnoticed"
                )


def agree(ours: Any, theirs: Any) -> bool:
    """Whether two results are of the same types and hold equal numbers."""
    ours, theirs = leaves(ours), leaves(theirs)
    return len(ours) == len(theirs) and all(map(_equal, ours, theirs))


def _equal(one: Any, other: Any) -> bool:
    like = type(one) is type(other) and np.result_type(one) == np.result_type(other)
    return like and np.array_equal(one, other, equal_nan=True)


def _moved(leaf: Any, far: float, rng: np.random.Generator) -> Any:
    """Return a copy of an input, changed a little or a lot; whole numbers only change places."""
    array = np.array(leaf)
    if array.dtype.kind in "fc":
        array = array * (1 - 3 * far * rng.random(array.shape)).astype(array.dtype)
        array += (far * (2 * rng.random(array.shape) - 1)).astype(array.dtype)
    elif far == 1 and array.ndim:
        array = np.roll(array, 1, axis=0)
    return array if isinstance(leaf, np.ndarray) else type(leaf)(array)
