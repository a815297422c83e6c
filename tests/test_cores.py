"""In a browser Python has no threads and no processes: nothing starts any there."""

import concurrent.futures
import sys

import pytest

from optimizers import Adam, cores, sweep
from optimizers.experiments import pieces
from optimizers.functions import rosenbrock

RATES = [0.001, 0.01, 0.1]


@pytest.fixture
def browser(monkeypatch):
    for module in (cores, pieces):
        monkeypatch.setattr(module, "IN_BROWSER", True)
    for name in ("ThreadPoolExecutor", "ProcessPoolExecutor"):
        monkeypatch.setattr(concurrent.futures, name, None)
    monkeypatch.delitem(sys.modules, "joblib", raising=False)
    for name in ("cloudpickle", "threadpoolctl"):  # not fetched if not asked for
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.parametrize("n_jobs", [None, 1, -1])
def test_there_is_one_core(n_jobs, browser):
    found = sweep(Adam, rosenbrock, lr=RATES, steps=10, n_jobs=n_jobs, progress=False)
    assert found.final_loss.shape == (3,)


def test_it_says_that_there_is_one_process(browser):
    with pytest.warns(UserWarning, match="a browser has one process for n_jobs=2"):
        sweep(Adam, rosenbrock, lr=RATES, steps=10, n_jobs=2, progress=False)
