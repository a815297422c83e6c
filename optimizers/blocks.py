"""The update of many weights, a cache-sized block at a time, on all cores; the formula unchanged.

A rule that is `elementwise` moves each weight by that weight's own numbers, so it may be evaluated
on a part of the weights as well as on all. Of a part, the temporaries never leave the cache.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

BLOCK = 32_768  # weights: a dozen arrays of that size are 3 MB
WORTHWHILE = 8 * BLOCK  # below that, one piece is as fast


def update_in_blocks(optimizer: Any, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
    """`optimizer.update(theta, g)` for an elementwise rule: the same numbers, the same state."""
    from concurrent.futures import ThreadPoolExecutor  # slow to import, and rarely needed

    size = theta.shape[-1]
    whole = {name: v for name, v in vars(optimizer).items() if _has_weights(v, size)}
    result = np.empty_like(theta)
    made: dict[str, np.ndarray] = {}

    def update(place: slice) -> dict[str, Any]:
        part = copy.copy(optimizer)  # anew, so that a running product is multiplied but once
        pieces = {name: array[..., place] for name, array in whole.items()}
        vars(part).update(pieces)
        result[..., place] = part.update(theta[..., place], g[..., place])
        return {k: v for k, v in vars(part).items() if v is not pieces.get(k)}

    def keep(place: slice, attributes: dict[str, Any]) -> None:
        for name, array in made.items():
            array[..., place] = attributes[name]

    def work(places: Iterable[slice]) -> None:
        for place in places:
            keep(place, update(place))

    first, *rest = [slice(i, min(i + BLOCK, size)) for i in range(0, size, BLOCK)]
    attributes = update(first)
    made = {k: np.empty_like(theta) for k, v in attributes.items() if _has_weights(v, BLOCK)}
    keep(first, attributes)
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        share = -(-len(rest) // workers)  # neighbours together: they share pages of memory
        list(pool.map(work, [rest[i : i + share] for i in range(0, len(rest), share)]))
    vars(optimizer).update(attributes | made)
    return result


def _has_weights(value: Any, size: int) -> bool:
    return isinstance(value, np.ndarray) and value.ndim > 0 and value.shape[-1] == size
