"""The update of many weights, a cache-sized block at a time, on all cores; the formula unchanged.

A rule that is `elementwise` moves each weight by that weight's own numbers, so it may be evaluated
on a part of the weights as well as on all. Of a part, the temporaries never leave the cache.
"""

from __future__ import annotations

from collections.abc import Iterable
from sys import getrefcount
from typing import Any

import numpy as np

from optimizers.cores import cores

BLOCK = 65_536  # weights: half a megabyte an array, and few enough calls of Python
WORTHWHILE = 4 * BLOCK  # below that, one piece is as fast


def update_in_blocks(optimizer: Any, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
    """`optimizer.update(theta, g)` for an elementwise rule: the same numbers, the same state."""
    from concurrent.futures import ThreadPoolExecutor  # slow to import, and rarely needed

    if _keeps_arrays_elsewhere(vars(optimizer)):
        return optimizer.update(theta, g)
    size = theta.shape[-1]
    whole = {name: v for name, v in vars(optimizer).items() if _has_weights(v, size)}
    spare: dict[str, np.ndarray] = vars(optimizer).setdefault("_spare", {})
    result = _room("_theta", theta.shape, theta.dtype, spare)
    made: dict[str, np.ndarray] = {}

    def update(place: slice) -> dict[str, Any]:
        pieces = {name: array[..., place] for name, array in whole.items()}
        part = object.__new__(type(optimizer))  # anew, so that a running product grows but once
        part.__dict__ = {**vars(optimizer), **pieces}
        result[..., place] = part.update(theta[..., place], g[..., place])
        return {k: v for k, v in vars(part).items() if v is not pieces.get(k)}

    def keep(place: slice, attributes: dict[str, Any]) -> None:
        for name, array in made.items():
            array[..., place] = attributes[name]

    def work(places: Iterable[slice]) -> None:
        with np.errstate(all="ignore"):  # as in the loop; threads start with their own
            for place in places:
                keep(place, update(place))

    first, *rest = [slice(i, min(i + BLOCK, size)) for i in range(0, size, BLOCK)]
    attributes = update(first)
    if _keeps_arrays_elsewhere(attributes):
        return optimizer.update(theta, g)
    names = [name for name, value in attributes.items() if _has_weights(value, BLOCK)]
    made = {name: _room(name, theta.shape, attributes[name].dtype, spare) for name in names}
    keep(first, attributes)
    workers = cores()
    if workers == 1:
        work(rest)
    else:
        with ThreadPoolExecutor(workers) as pool:
            share = -(-len(rest) // workers)  # neighbours together: they share pages of memory
            list(pool.map(work, [rest[i : i + share] for i in range(0, len(rest), share)]))
    spare.update({name: whole[name] for name in names if name in whole}, _theta=theta)
    vars(optimizer).update(attributes | made)
    return result


def _room(name: str, shape: Any, dtype: Any, spare: dict[str, np.ndarray]) -> np.ndarray:
    """An array to write into: the one of two steps ago, unless somebody holds it.

    New memory costs as much as the formula: the system clears each page when it is first touched.
    """
    array = spare.pop(name, None)
    if array is None or (array.shape, array.dtype) != (shape, dtype):
        return np.empty(shape, dtype)
    return array if getrefcount(array) <= UNSHARED else np.empty(shape, dtype)


def _references_to_an_array_of_ours() -> int:
    """Of an array that nobody else holds: one or two, as this Python counts."""
    array = np.empty(0)
    return getrefcount(array)


UNSHARED = _references_to_an_array_of_ours()


def _keeps_arrays_elsewhere(attributes: dict[str, Any]) -> bool:
    """Whether state lies in lists or dicts, where a piece of it cannot be put in its place."""
    ours = ("_spare", "batch")
    return any(_holds_arrays(v) for k, v in attributes.items() if k not in ours)


def _holds_arrays(value: Any) -> bool:
    inside = value.values() if isinstance(value, dict) else value
    return isinstance(value, (list, tuple, dict)) and any(
        isinstance(v, np.ndarray) or _holds_arrays(v) for v in inside
    )


def _has_weights(value: Any, size: int) -> bool:
    return isinstance(value, np.ndarray) and value.ndim > 0 and value.shape[-1] == size
