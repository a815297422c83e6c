"""Memory for large arrays that come and go at every step: fresh memory costs more than the step."""

from __future__ import annotations

from weakref import finalize

import numpy as np

LINE = 64  # bytes of a line of the cache


def aligned(memory: np.ndarray, size: int) -> np.ndarray:
    """An array that begins where a line does; a view of it holds on to it, not to the memory."""
    address = memory.__array_interface__["data"][0]
    return np.frombuffer(memory.data, float, size, -address % LINE)


def taken(spare: list[np.ndarray], size: int) -> np.ndarray:
    """An array in memory that nobody has any more.

    As soon as nobody holds the array, nor a view of it, its memory is spare again.

    Examples
    --------
    >>> spare = []
    >>> one = taken(spare, 3)
    >>> view = one[:2]
    >>> del one
    >>> len(spare)
    0
    >>> del view
    >>> len(spare)
    1
    """
    try:
        memory = spare.pop()
    except IndexError:
        memory = np.empty(size + LINE // 8)
    array = aligned(memory, size)
    finalize(array, spare.append, memory).atexit = False
    return array
