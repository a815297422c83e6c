"""Work shared among processes, or by a cluster: the same numbers as in one, whoever dies."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from threading import Thread
from threading import enumerate as threads

import autograd.numpy as np
import joblib
import numpy
import pytest
from dask.distributed import Client, LocalCluster
from joblib.externals.loky import get_reusable_executor

from optimizers import SGD, Adam, Lookahead, Optimizer, Training, compare, sweep
from optimizers.datasets import Dataset, two_moons
from optimizers.experiments import runs
from optimizers.experiments.pieces import each_piece
from optimizers.experiments.store import Store
from optimizers.functions import noisy, rosenbrock
from optimizers.models import mlp
from optimizers.schedules import cosine

MOONS = Training(mlp([2, 4, 2]), two_moons(64), batch_size=16)
LR = [1e-4, 1e-3, 2e-3]


@pytest.fixture(scope="module", autouse=True)
def workers_go_home():
    yield
    get_reusable_executor().shutdown(wait=True)


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(runs, "IN_CACHE", 8)


class Alone(SGD):
    """Promises nothing, so that each run is a piece."""

    def direction(self, theta, g):
        return g / (1 + numpy.linalg.norm(g))


def assert_same(one, other):
    for name in ("final_loss", "losses", "accuracies", "curves"):
        numpy.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def double(piece, stopped):
    return {"twice": 2 * numpy.asarray(piece)}


def gathered(results):
    return {number: piece["twice"].tolist() for number, piece in results}


# ------------------------------------------------------------------------------------- processes


def experiments():
    """What a notebook may hold: rules and losses that no module knows."""

    class Mine(Optimizer):
        gamma = 0.5

        def direction(self, theta, g):
            return self.gamma * np.sign(g)

    constant = 3.0
    start = {"start": [0.0, 2.0]}
    return {
        "a model": partial(sweep, Adam, MOONS, seeds=3),
        "a schedule": partial(sweep, SGD, MOONS, seeds=2, schedule=partial(cosine, steps=20)),
        "a test function": partial(sweep, Alone, rosenbrock, every=5),
        "noise": partial(sweep, partial(Lookahead, inner=SGD), noisy(rosenbrock, 0.1), seeds=2),
        "a lambda": partial(sweep, SGD, lambda x: np.sum((x - constant) ** 2), **start),
        "a local rule": partial(sweep, Mine, rosenbrock, gamma=[0.1, 0.2]),
        "a local schedule": partial(sweep, Mine, MOONS, schedule=lambda lr: lambda t: lr / t),
        "data of one's own": partial(sweep, Mine, Training(MOONS.model, own_data(), 16)),
    }


def own_data():
    rng = numpy.random.default_rng(0)
    x, y = rng.normal(size=(80, 2)), rng.integers(2, size=80)
    return Dataset("mine", (x[:64], y[:64]), (x[64:], y[64:]))


@pytest.mark.parametrize("what", experiments())
def test_processes_give_the_numbers_of_one(what, small_pieces):
    experiment = partial(experiments()[what], steps=20, lr=LR)
    alone = experiment()
    assert numpy.isfinite(alone.final_loss).all()
    assert_same(experiment(n_jobs=2), alone)
    assert_same(experiment(n_jobs=1), alone)


def test_the_enclosing_configuration_of_joblib_says_who_works(small_pieces):
    alone = sweep(Alone, MOONS, steps=10, seeds=2, lr=LR)
    with joblib.parallel_config(n_jobs=2):
        assert_same(sweep(Alone, MOONS, steps=10, seeds=2, lr=LR), alone)
        elsewhere = each_piece(where, range(4), progress=False)
        assert os.getpid() not in {int(found["pid"]) for _, found in elsewhere}
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert_same(sweep(Alone, MOONS, steps=10, seeds=2, lr=LR), alone)
    here = each_piece(where, range(4), progress=False)
    assert {int(found["pid"]) for _, found in here} == {os.getpid()}


def where(piece, stopped):
    return {"pid": numpy.array(os.getpid())}


def test_a_race_shares_its_tuning(small_pieces):
    race = partial(compare, [SGD, Alone], MOONS, steps=10, lr=LR, seeds=2)
    alone, shared = race(), race(n_jobs=2)
    assert repr(alone) == repr(shared)
    for label in alone:
        numpy.testing.assert_array_equal(alone.final_loss[label], shared.final_loss[label])


@pytest.mark.parametrize("ways", [{}, {"threads": 3}, {"n_jobs": 2}, {"n_jobs": -1}])
def test_each_piece_comes_once_with_its_number(ways):
    found = list(each_piece(double, [5, [6.0, 7.0], 8], progress=False, **ways))
    assert len(found) == 3
    assert gathered(found) == {0: 10, 1: [12.0, 14.0], 2: 16}
    assert list(each_piece(double, [], progress=False, **ways)) == []


@pytest.mark.parametrize("ways", [{}, {"threads": 2}, {"n_jobs": 2}])
def test_an_error_in_a_piece_is_the_caller_s(ways):
    def fails(piece, stopped):
        if piece == 3:
            raise ArithmeticError("three is too many")
        return {"twice": numpy.array(2 * piece)}

    with pytest.raises(ArithmeticError, match="three is too many"):
        list(each_piece(fails, range(6), progress=False, **ways))


@pytest.mark.parametrize("ways", [{"threads": 2}, {"n_jobs": 2}])
def test_who_stops_listening_stops_the_work(ways):
    def slow(piece, stopped):
        for _ in range(1000):
            if stopped():
                break
            time.sleep(0.1)
        return {"twice": numpy.array(2 * piece)}

    began = time.perf_counter()
    results = each_piece(lambda i, s: double(i, s) if i == 0 else slow(i, s), range(6), **ways)
    next(results)
    results.close()
    assert time.perf_counter() - began < 60  # the others alone would take 100 seconds each


def test_ctrl_c_while_a_piece_is_saved_stops_the_others(tmp_path, monkeypatch):
    def save(self, number, piece):
        raise KeyboardInterrupt

    def waits(piece, stopped):
        began = time.perf_counter()
        while piece > 0 and not stopped() and time.perf_counter() - began < 10:
            time.sleep(0.01)
        return {}

    monkeypatch.setattr(Store, "save", save)
    with pytest.raises(KeyboardInterrupt) as held:
        list(each_piece(waits, range(8), threads=2, store=tmp_path / "store"))
    assert held.tb  # as a notebook keeps it, and with it all that was under way
    assert not [t.name for t in threads() if t.name.startswith("ThreadPoolExecutor")]


@pytest.mark.parametrize(
    ("n_jobs", "error", "message"),
    [
        (0, ValueError, "n_jobs must be a number of processes, or -1 for one per core, got 0"),
        (-2, ValueError, "n_jobs must be a whole number >= -1, got -2"),
        ("a", TypeError, "n_jobs must be a whole number >= -1, got 'a'"),
        (2.0, TypeError, "n_jobs must be a whole number"),
        (True, TypeError, "n_jobs must be a whole number"),
    ],
)
def test_a_wrong_number_of_processes_is_refused(n_jobs, error, message):
    with pytest.raises(error, match=message):
        sweep(SGD, rosenbrock, steps=2, lr=LR, n_jobs=n_jobs)


def test_joblib_waits_until_it_is_needed():
    run = "from optimizers import *; from optimizers.functions import rosenbrock as f; import sys"
    run += "; sweep(SGD, f, steps=2, lr=[1e-4, 1e-3]); print('joblib' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"


# --------------------------------------------------------------------------------------- progress


@pytest.mark.parametrize("ways", [{}, {"n_jobs": 2}], ids=["here", "processes"])
def test_a_bar_shows_what_is_left_unless_it_is_not_wanted(capsys, monkeypatch, ways):
    monkeypatch.setattr("optimizers.progress.SHORT", 0.0)
    sweep(Alone, rosenbrock, steps=2, lr=LR, **ways)
    said = capsys.readouterr()
    assert said.out == ""
    assert "Alone" in said.err
    assert "3/3" in said.err
    sweep(Alone, rosenbrock, steps=2, lr=LR, progress=False, **ways)
    compare([Alone, SGD], noisy(rosenbrock, 0.1), steps=2, lr=LR, seeds=2, progress=False, **ways)
    assert capsys.readouterr() == ("", "")


def test_short_work_shows_no_bar(capsys):
    sweep(Alone, rosenbrock, steps=2, lr=LR)
    assert capsys.readouterr() == ("", "")


def test_the_bar_counts_what_was_found_in_the_store_as_done(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("optimizers.progress.SHORT", 0.0)
    for _ in range(2):
        sweep(Alone, rosenbrock, steps=2, lr=LR, store=tmp_path / "store")
        assert "3/3" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------- cluster


@pytest.fixture(scope="module")
def cluster():
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def test_a_dask_cluster_gives_the_same_with_no_other_change(cluster, small_pieces):
    for experiment in (partial(e, steps=10, lr=LR) for e in experiments().values()):
        alone = experiment()
        with joblib.parallel_config(backend="dask"):
            assert_same(experiment(), alone)
    with joblib.parallel_config(backend="dask"):
        found = each_piece(where, range(4), progress=False)
        assert {int(piece["pid"]) for _, piece in found} <= set(cluster.run(os.getpid).values())


class Waits(Alone):
    """Takes its time."""

    def direction(self, theta, g):
        time.sleep(0.002)
        return super().direction(theta, g)


def test_a_worker_that_is_killed_in_the_middle_of_the_work_loses_nothing(cluster, tmp_path):
    settings = {"steps": 40, "seeds": 10, "lr": LR, "every": 10, "progress": False}
    alone = sweep(Alone, noisy(rosenbrock, 0.1), **settings)
    before = cluster.run(os.getpid)
    victim = next(iter(before.values()))
    store, seen = tmp_path / "store", []

    def kill():
        patience = time.monotonic() + 20
        while len(list(store.glob("piece-*.npz"))) < 4 and time.monotonic() < patience:
            time.sleep(0.005)
        os.kill(victim, signal.SIGKILL)
        seen.append(len(list(store.glob("piece-*.npz"))))

    killer = Thread(target=kill)
    killer.start()
    with joblib.parallel_config(backend="dask"):
        shared = sweep(Waits, noisy(rosenbrock, 0.1), **settings, store=store)
    killer.join()
    assert 4 <= seen[0] < 30
    assert_same(shared, alone)
    assert len(list(store.glob("piece-*.npz"))) == 30
    cluster.wait_for_workers(2, timeout=20)
    assert victim not in cluster.run(os.getpid).values()
