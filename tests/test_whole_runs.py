"""Whole runs in machine code give what plain steps give, at the public interface."""

from functools import partial

import numpy
import pytest

from optimizers import RULES, Lookahead
from optimizers.functions import FUNCTIONS, noisy
from optimizers.state import parts

pytest.importorskip("llvmlite")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr("optimizers.engine.whole_runs.COMPILING", 0)


def step_by_step(optimizer):
    """Somebody who looks at every step: they are made plainly."""


def same(one, other):
    return numpy.array_equal(one, other, equal_nan=True)


def held_by(optimizer):
    """Arrays and numbers on an optimizer and on those inside it, by name."""
    return {
        f"{i} {name}": value
        for i, part in enumerate(parts(optimizer))
        for name, value in vars(part).items()
        if isinstance(value, (numpy.ndarray, float, int)) and (name[0] != "_" or name == "_theta")
    }


def assert_equal(ours, theirs, path, plain):
    """Two optimizers have come to the same end by the same path."""
    assert same(path.step, plain.step)
    assert same(path.theta, plain.theta)
    assert same(path.loss, plain.loss)
    assert same(path.grad_norm, plain.grad_norm)
    assert same(path.diverged, plain.diverged)
    assert path.watched.keys() == plain.watched.keys()
    assert all(same(path[name], plain[name]) for name in plain.watched)
    if plain.diverged_at is not None:
        assert same(path.diverged_at, plain.diverged_at)
    mine, right = held_by(ours), held_by(theirs)
    assert mine.keys() == right.keys()
    for name, value in right.items():
        assert same(mine[name], value), name
    assert same(ours.value, theirs.value)


def assert_plain_steps_say_the_same(make, steps, **how):
    """Two optimizers made alike run compiled and plainly, then once more; returns the first."""
    ours, theirs = make(), make()
    for more in (steps, 9):
        path = ours.minimize(more, **how)
        plain = theirs.minimize(more, callback=step_by_step, **how)
        assert_equal(ours, theirs, path, plain)
    return ours


# ------------------------------------------------------------------- every rule on every function


def some_case(rule, function, rng):
    """A way to run a rule on a function, drawn at random."""
    runs = rng.choice([0, 0, 3, 6])
    start, settings, how = function.start, {}, {}
    if runs:
        start = rng.uniform(*function.domain.T, (runs, 2))
    if rng.random() < 0.25:
        function = noisy(function, sigma=0.3, seed=int(rng.integers(99)))
    rate = 10 ** rng.uniform(-3, 0.5)
    rates = rate * numpy.geomspace(0.1, 2, runs) if runs and rule.batched else rate
    columns = numpy.reshape(rates, (-1, 1)) if numpy.ndim(rates) else rate
    choices = {
        "one": rate,
        "by run": rates,
        "schedule": lambda t: rate / numpy.sqrt(t),
        "schedules": lambda t: columns / t,
        "by weight": rate if runs else {"weights": [rate, 0.0]},
        "own": None,
        "far too large": 1e3,
    }
    lr = choices[rng.choice(list(choices))]
    if lr is not None:
        settings["lr"] = lr
    if rng.random() < 0.2:
        settings["project"] = partial(numpy.clip, a_min=-2.0, a_max=1.7)
    if rng.random() < 0.2:
        rule = partial(Lookahead, inner=rule, k=int(rng.integers(1, 5)))
    if rng.random() < 0.4:
        how["watch"] = ("d", "eta", *RULES.get(getattr(rule, "__name__", ""), Lookahead).state)
    if rng.random() < 0.3:
        how["tol"] = 10 ** rng.uniform(-2, 1)
    how["every"] = int(rng.choice([1, 1, 3, 7, 100]))
    return partial(rule, function, start, **settings), int(rng.integers(8, 60)), how


@pytest.mark.parametrize("name", RULES)
def test_every_rule_on_every_function_however_it_is_run(name):
    rng = numpy.random.default_rng(list(RULES).index(name))
    compiled, plain = 0, name in ("Newton", "Muon")  # rules that are made by NumPy
    for function in list(FUNCTIONS.values())[:: 5 if plain else 1]:
        make, steps, how = some_case(RULES[name], function, rng)
        ours = assert_plain_steps_say_the_same(make, steps, **how)
        compiled += "machine code" in ours.recorded.why
    assert compiled == 0 if plain else compiled > 15
