"""Independent pieces of work: in this process, in several, or on a cluster; kept once finished."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from os import PathLike
from typing import Any

from optimizers import checks
from optimizers.cores import IN_BROWSER
from optimizers.experiments.store import Piece, Store
from optimizers.progress import with_progress

Work = Callable[[Any, Callable[[], bool]], Piece]
Results = Generator[tuple[int, Piece], None, None]


def each_piece(
    work: Work,
    pieces: Sequence[Any],
    *,
    threads: int = 1,
    n_jobs: int | None = None,
    store: str | PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    label: str = "",
    progress: bool = True,
) -> Results:
    """Do each piece of work once, and hand out the results as they come.

    Parameters
    ----------
    work
        From a piece, and a function that says whether to stop, to arrays by name.
    pieces
        What `work` takes, one after the other.
    threads
        How many threads of this process share the pieces where nothing else is said.
    n_jobs
        How many processes share them, −1 for one per core. None leaves it to an enclosing
        `joblib.parallel_config`, a Dask cluster for example, and to `threads` where there is none.
        In a browser there is one process, whatever is asked for; a warning says so.
    store, settings
        A folder in which finished pieces are kept, and what they depend on.
    label, progress
        The name of the progress bar, and whether there is one.

    Yields
    ------
    number, arrays
        The place of the piece in `pieces`, and what `work` made of it.

    Examples
    --------
    >>> import numpy as np
    >>> squares = each_piece(lambda x, stopped: {"square": np.array(x * x)}, [2, 3])
    >>> [(number, int(found["square"])) for number, found in squares]
    [(0, 4), (1, 9)]
    """
    if n_jobs is not None:
        checks.whole("n_jobs", n_jobs, -1)
        if n_jobs == 0:
            raise ValueError("n_jobs must be a number of processes, or -1 for one per core, got 0")
        if IN_BROWSER:
            if n_jobs > 1:
                warnings.warn(f"a browser has one process for n_jobs={n_jobs}", stacklevel=2)
            n_jobs = None
    kept = None if store is None else Store(store, settings or {})
    there = [kept is not None and i in kept for i in range(len(pieces))]
    missing = [i for i, found in enumerate(there) if not found]
    if n_jobs is not None or _is_configured():
        computed = _by_joblib(work, pieces, missing, n_jobs)
    else:
        computed = _by_threads(work, pieces, missing, threads)

    def results() -> Results:
        if kept is not None:
            yield from ((i, kept.load(i)) for i, found in enumerate(there) if found)
        for i, result in computed:
            if kept is not None:
                kept.save(i, result)
            yield i, result

    with closing(computed):  # wherever Ctrl-C comes: nobody works on
        yield from with_progress(results(), len(pieces), label, progress)


def _is_configured() -> bool:
    """Whether we are inside a `joblib.parallel_config` that says who is to work."""
    if "joblib" not in sys.modules:
        return False
    from joblib.parallel import BACKENDS, DEFAULT_BACKEND, get_active_backend

    backend, n_jobs = get_active_backend()
    return n_jobs is not None or type(backend) is not BACKENDS[DEFAULT_BACKEND]


def _by_threads(work: Work, pieces: Sequence[Any], numbers: Sequence[int], threads: int) -> Results:
    interrupted: list[bool] = []

    def stopped() -> bool:
        return bool(interrupted)

    if threads == 1 or len(numbers) < 2:
        yield from ((i, work(pieces[i], stopped)) for i in numbers)
        return
    # NumPy lets go of the lock on large arrays, so that threads share the work; those that its
    # matrix products would start by themselves only get into their way
    from concurrent.futures import ThreadPoolExecutor, as_completed  # slow to import

    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        try:
            futures = {pool.submit(work, pieces[i], stopped): i for i in numbers}
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:  # Ctrl-C: nobody waits for the rest
            interrupted.append(True)
            pool.shutdown(cancel_futures=True)
            raise


def _by_joblib(
    work: Work, pieces: Sequence[Any], numbers: Sequence[int], n_jobs: int | None
) -> Results:
    import cloudpickle
    from joblib import Parallel, delayed

    # As bytes, everything travels with its task. Dask would put larger arguments on one worker,
    # and with that worker they would die.
    packed = cloudpickle.dumps(work)
    tasks = (delayed(_elsewhere)(packed, i, cloudpickle.dumps(pieces[i])) for i in numbers)
    results = Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)(tasks)
    try:
        for result in results:  # noqa: UP028 (`yield from` would close it before we do)
            yield result
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib's, that work is cancelled: it is meant to be
            results.close()


def _elsewhere(work: bytes, number: int, piece: bytes) -> tuple[int, Piece]:
    import pickle

    return number, _unpacked(work)(pickle.loads(piece), lambda: False)


@lru_cache(maxsize=2)
def _unpacked(work: bytes) -> Work:
    """A worker unpacks the work once, so that its pieces share what was recorded."""
    import pickle

    made: Work = pickle.loads(work)
    return made
