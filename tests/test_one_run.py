"""In a long run, the gradient of a loss that promises nothing is replayed while nothing changes."""

import autograd.numpy as np
import numpy
import pytest

from optimizers import SGD, Adam, Optimizer

RNG = numpy.random.default_rng(0)
X, Y = RNG.standard_normal((60, 5)), numpy.sign(RNG.standard_normal(60))
NETWORK = {"a": 0.3 * RNG.standard_normal((5, 60)), "b": 0.3 * RNG.standard_normal(60)}
STEPS = 220


def step_by_step(optimizer):
    """Somebody who looks at every step: autograd makes them."""


def network(w, batch):
    x, y = batch
    return np.mean(np.log(1 + np.exp(-y * (np.tanh(x @ w["a"]) @ w["b"]))))


def examples(count=STEPS, sizes=(8,), between=lambda i: None):
    for i in range(count):
        between(i)
        some = numpy.random.default_rng(i).integers(0, 60, sizes[i % len(sizes)])
        yield X[some], Y[some]


def both(loss, weights=NETWORK, rule=Adam, batches=examples, steps=STEPS, **settings):
    """The optimizer after a run, which is equal to one by autograd alone."""
    found = []
    for callback in (None, step_by_step):
        optimizer = rule(loss(), weights, **settings)
        given = {} if batches is None else {"batches": batches()}
        path = optimizer.minimize(steps, callback=callback, **given)
        found.append((path, optimizer))
    (path, ours), (plain, theirs) = found
    assert numpy.array_equal(path.theta, plain.theta)
    assert numpy.array_equal(path.loss, plain.loss)
    assert numpy.array_equal(path.grad_norm, plain.grad_norm)
    assert not theirs.recorded
    return ours


def test_a_network_of_ones_own_is_recorded():
    assert "lines of NumPy" in both(lambda: network).recorded.why


def test_batches_of_several_sizes_have_lines_of_their_own():
    told = both(lambda: network, batches=lambda: examples(sizes=(8, 8, 8, 5))).recorded
    assert "lines of NumPy" in told.why


def test_many_weights_without_batches_are_recorded():
    told = both(lambda: lambda w: network(w, (X, Y)), batches=None).recorded
    assert "lines of NumPy; no machine code, since it has more than 256 weights" in told.why


def test_a_short_run_and_one_that_somebody_looks_at_are_autograds():
    assert not both(lambda: network, steps=50).recorded
    sgd = SGD(network, NETWORK)
    sgd.minimize(STEPS, batches=examples(), callback=step_by_step)
    assert not sgd.recorded


@pytest.mark.parametrize(("every", "words"), [(100, "lines of NumPy"), (20, "changes on the way")])
def test_what_the_batches_change_is_noticed_at_once(every, words):
    lam = [0.0]

    def halve(i):
        lam[0] = 0.1 * (i // every)

    def loss():
        return lambda w, batch: network(w, batch) + lam[0] * np.sum(w["a"] ** 2)

    assert words in both(loss, batches=lambda: examples(between=halve)).recorded.why


def test_what_a_schedule_or_a_rule_changes_is_noticed():
    class Config:
        lam = 0.0

    def rate(t):
        Config.lam = 0.1 if t > 100 else 0.0
        return 0.01

    class Changes(Optimizer):
        def direction(self, theta, g):
            Config.lam = 0.2 if self.t > 150 else 0.0
            return g

    def loss():
        Config.lam = 0.0
        return lambda w, batch: network(w, batch) + Config.lam * np.sum(w["a"] ** 2)

    assert both(loss, lr=rate).recorded
    assert both(loss, rule=Changes).recorded


def test_where_something_may_change_unseen_it_is_not_recorded():
    data = numpy.zeros((15_000, 5))

    def stir(i):
        data[i % 7] = i

    def loss():
        data[:] = 0.0
        return lambda w, batch: network(w, batch) + np.mean((data @ w["a"]) ** 2)

    told = both(loss, batches=lambda: examples(between=stir)).recorded
    assert "unnoticed" in told.why


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (lambda w, seen: 0.0 if w["b"][0] > 0.3 else np.sum(w["b"]), "branches on a value"),
        (lambda w, seen: numpy.random.normal(), "differs|chance"),  # noqa: NPY002
        (lambda w, seen: seen.append(1) or 0.0, "keeps something"),
    ],
)
def test_what_cannot_be_recorded_is_autograds_and_the_reason_is_told(extra, words):
    counts = []

    def loss():
        numpy.random.seed(0)  # noqa: NPY002
        seen = []
        counts.append(seen)
        return lambda w, batch: network(w, batch) + extra(w, seen)

    told = both(loss).recorded
    assert not told
    assert any(word in told.why for word in words.split("|"))
    assert len(counts[0]) == len(counts[1])


def test_from_run_to_run_everything_may_change():
    lam = [0.0]

    def loss():
        return lambda w, batch: network(w, batch) + lam[0] * np.sum(w["a"] ** 2)

    same = loss()
    for lam[0] in (0.0, 0.5, 0.0):
        both(lambda: same)
    adam = Adam(same, NETWORK)
    adam.minimize(STEPS, batches=examples())
    lam[0] = 1.0
    batch = next(examples())
    assert adam.minimize_raw(batch) == adam.gradient.by_autograd(adam.path.theta[-1], batch)[0]
    assert adam.gradient(adam._theta, batch)[0] == adam.gradient.by_autograd(adam._theta, batch)[0]
