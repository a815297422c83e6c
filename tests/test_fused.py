"""Many weights are moved in one pass of machine code, and nobody can tell but by the clock."""

import copy
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import autograd.numpy as np
import numpy
import pytest

from optimizers import RULES, Adam, AdamW, Lookahead, Momentum, NAdam, Optimizer, pure
from optimizers import optimizer as loop
from optimizers.engine import fused, updates

pytest.importorskip("llvmlite")

ACROSS_WEIGHTS = {"LAMB", "LARS", "Adafactor", "Muon", "Shampoo", "SOAP", "DoG", "Prodigy"}
ONE_BY_ONE = sorted(set(RULES) - ACROSS_WEIGHTS - {"Newton", "Lookahead", "Cautious"})
AT_ONCE = "machine code moves the weights in one pass"
GAMMA = 0.5


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """A few weights are treated like millions."""
    monkeypatch.setattr(loop, "MANY", 1)
    monkeypatch.setattr(fused, "LARGE", 0)


def plainly(work):
    """What a function returns where the formula moves the weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "MANY", 10**9)
        return work()


def weights():
    rng = numpy.random.default_rng(0)
    return {
        "dense": {"kernel": rng.standard_normal((30, 11)), "bias": rng.standard_normal(9)},
        "out": rng.standard_normal(21),
    }


@pure
def wavy(w):
    dense = np.sum(np.sin(w["dense"]["kernel"])) + np.sum(w["dense"]["bias"] ** 2)
    return dense + np.sum(np.cos(3 * w["out"]))


def bowl(x):
    return np.sum(x**2)


def looked_at(optimizer, names):
    """What can be looked at on an optimizer, and on the one inside it."""
    found = {}
    for name in names:
        part = optimizer.wrapped if name.startswith("wrapped.") else optimizer
        found[name] = getattr(part, name.removeprefix("wrapped."))
    return found


def names_on(optimizer, before=""):
    names = [
        before + n
        for n, v in vars(optimizer).items()
        if isinstance(v, numpy.ndarray) and n[0] != "_"
    ]
    inner = vars(optimizer).get("wrapped")
    return names if inner is None else names + names_on(inner, "wrapped.")


def assert_equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert numpy.array_equal(ours[name], value, equal_nan=True), name


def assert_nobody_can_tell(make):
    def run():
        optimizer = make()
        paths = [optimizer.minimize(5), optimizer.minimize(4, every=3)]
        optimizer.minimize_raw()
        optimizer.minimize_raw()
        return optimizer, paths

    theirs, right = plainly(run)
    ours, paths = run()
    assert AT_ONCE in ours.recorded.why
    assert_equal(looked_at(ours, names_on(theirs)), looked_at(theirs, names_on(theirs)))
    for path, other in zip(paths, right, strict=True):
        assert numpy.array_equal(path.theta, other.theta)
        assert numpy.array_equal(path.loss, other.loss)
    return ours


HOW = {
    "a number": {},
    "a schedule": {"lr": lambda t: 0.1 / t},
    "by layer": {"lr": {"dense": {"kernel": 0.1, "bias": 0.0}}},
    "by layer and step": {"lr": lambda t: {"dense": 0.1 / t, "out": 0.01}},
}


@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_every_rule_has_the_numbers_of_its_formula(name, how):
    assert_nobody_can_tell(lambda: RULES[name](wavy, weights(), **how))


@pytest.mark.parametrize("name", ["SGD", "Momentum", "Adam", "NAdam", "AdamW"])
def test_lookahead_has_them_too(name):
    assert_nobody_can_tell(lambda: Lookahead(wavy, weights(), inner=RULES[name], k=3))
    rates = {"dense": 0.1, "out": 0.0}
    assert_nobody_can_tell(lambda: Lookahead(wavy, weights(), rates, inner=RULES[name], k=2))


def test_layers_that_do_not_decay():
    how = {"weight_decay": 0.1, "exclude_from_weight_decay": ["bias"]}
    assert_nobody_can_tell(lambda: AdamW(wavy, weights(), **how))
    adamw = assert_nobody_can_tell(
        lambda: partial(Lookahead, inner=partial(AdamW, **how))(wavy, weights())
    )
    assert adamw.exclude_from_weight_decay == ["bias"]


def test_momentum_that_looks_ahead_is_another_formula():
    def run():
        momentum = Momentum(wavy, weights())
        momentum.minimize(3)
        momentum.nesterov = True
        return momentum.minimize(3).theta

    assert numpy.array_equal(run(), plainly(run))


def test_a_list_of_patterns_may_grow():
    def run():
        adamw = AdamW(wavy, weights(), weight_decay=0.5, exclude_from_weight_decay=["bias"])
        adamw.minimize_raw()
        adamw.exclude_from_weight_decay.append("kernel")
        return adamw.minimize(2).theta

    assert numpy.array_equal(run(), plainly(run))


def test_weights_that_become_nan_are_as_they_would_be():
    def run():
        path = Adam(lambda x: np.sum(np.log(x)), numpy.full(40, 0.05), lr=0.04).minimize(5)
        return path

    ours, theirs = run(), plainly(run)
    assert ours.diverged_at == theirs.diverged_at is not None
    assert numpy.array_equal(ours.theta, theirs.theta, equal_nan=True)


# ------------------------------------------------------------------------------- who looks, sees


def test_what_is_watched_is_recorded():
    def run():
        path = NAdam(wavy, weights()).minimize(6, watch=("m_hat", "m", "d", "mu_product"))
        return path.watched

    assert_equal(run(), plainly(run))


def test_setting_a_hyper_parameter_does_not_change_what_the_step_left():
    def run():
        adam = Adam(wavy, weights())
        adam.minimize(2)
        adam.beta1, adam.lr, adam.theta = 0.1, 5.0, {**adam.theta, "out": numpy.zeros(21)}
        return {"m_hat": adam.m_hat, "d": adam.d, "theta": adam.minimize(3).theta}

    assert_equal(run(), plainly(run))


def test_what_somebody_holds_does_not_change():
    held, copies = [], []

    def hold(adam):
        for value in (adam.m[3:7], adam.v, adam.g, adam.m_hat, adam.theta["out"]):
            held.append(value)
            copies.append(value.copy())

    shown = []

    def loss(x):
        shown.append((x._value, x._value.copy()))
        return np.sum(np.sin(x))

    Adam(wavy, weights()).minimize(12, callback=hold)
    Adam(loss, numpy.ones(50)).minimize(12)
    assert len({id(value) for value in held}) == len(held)
    assert all(map(numpy.array_equal, held, copies))
    assert len(shown) > 12
    assert all(numpy.array_equal(one, other) for one, other in shown)


def test_state_and_weights_may_be_set_and_written_into():
    def meddle(adam):
        if adam.t == 2:
            adam.m = numpy.zeros_like(adam.m)
        if adam.t == 3:
            adam.v[:5] = 7.0
        if adam.t == 4:
            adam.theta = weights()

    def run():
        adam = Adam(wavy, weights(), lr=0.1)
        return {"theta": adam.minimize(6, callback=meddle).theta, "m_hat": adam.m_hat}

    assert_equal(run(), plainly(run))


def test_state_in_another_precision_is_left_to_the_formula():
    def run():
        adam = Adam(wavy, weights(), lr=0.1)
        adam.minimize_raw()
        adam.m = adam.m.astype(numpy.float32)
        return {"theta": adam.minimize(1).theta, "m": adam.m, "theta after": adam.minimize(2).theta}

    assert_equal(run(), plainly(run))


@pytest.mark.parametrize("rule", [Adam, partial(Lookahead, k=2)], ids=["Adam", "Lookahead"])
@pytest.mark.parametrize("call", [2, 3, 5])
def test_half_a_step_is_undone(rule, call):
    calls = []

    def loss(x):
        calls.append(1)
        if len(calls) == call + 1:
            raise KeyboardInterrupt
        return np.sum(np.sin(x))

    optimizer = rule(loss, numpy.ones(30), lr=0.1)
    with pytest.raises(KeyboardInterrupt):
        optimizer.minimize(10)
    other = plainly(lambda: rule(lambda x: np.sum(np.sin(x)), numpy.ones(30), lr=0.1))
    plainly(lambda: other.minimize(optimizer.t))
    assert optimizer.t >= call - 2
    names = names_on(other)
    assert_equal(looked_at(optimizer, names), looked_at(other, names))
    assert numpy.array_equal(optimizer.minimize(4).theta, plainly(lambda: other.minimize(4).theta))


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
@pytest.mark.parametrize("rule", [Adam, Lookahead])
def test_a_copy_goes_its_own_way(rule, copied):
    def run():
        one = rule(wavy, weights())
        one.minimize(4)
        other = copied(one)
        one.minimize(3)
        m_hat = other.m_hat.copy()
        other.lr = 0.1
        return {"m_hat": m_hat, "theta": other.minimize(3).theta, "first": one.minimize(2).theta}

    assert_equal(run(), plainly(run))


def test_attributes_that_nobody_made_are_refused_as_ever():
    adam = Adam(wavy, weights())
    adam.minimize(2)
    with pytest.raises(AttributeError, match="m_hatt"):
        adam.m_hatt  # noqa: B018
    with pytest.raises(ValueError, match=r"it has .*m_hat"):
        adam.minimize(1, watch=("n_hat",))


# ------------------------------------------------------------------------------ rules of one's own


class Mine(Optimizer):
    mu = 0.9
    state = ("m",)

    def direction(self, theta, g):
        self.m = self.mu * self.m + GAMMA * g
        self.half = self.m / 2
        return np.where(self.m > 0, self.half, np.tanh(self.m)) + 0.01 * theta


class InPlace(Optimizer):
    state = ("m",)

    def direction(self, theta, g):
        self.m *= 0.9
        g *= 0.5
        self.m += g
        return self.m


class ByItsMean(Optimizer):
    def direction(self, theta, g):
        return g - np.mean(g)


class ByItsSize(Optimizer):
    def direction(self, theta, g):
        return g / theta.size


class SetsNowAndThen(Optimizer):
    def direction(self, theta, g):
        if self.t % 3 == 1:
            self.seldom = g + 1.0
        return g


class Counts(Optimizer):
    calls: list = []  # noqa: RUF012

    def direction(self, theta, g):
        self.calls.append(self.t)
        return g


class Draws(Optimizer):
    def direction(self, theta, g):
        return g + numpy.random.standard_normal(g.shape)  # noqa: NPY002


@pytest.mark.parametrize("rule", [Mine, InPlace, partial(Lookahead, inner=Mine)])
def test_a_rule_of_ones_own_is_as_quick(rule):
    assert_nobody_can_tell(lambda: rule(wavy, weights(), lr=0.1))


@pytest.mark.parametrize("rule", [ByItsMean, ByItsSize, SetsNowAndThen, Counts, Draws])
def test_what_is_no_pass_over_the_weights_is_left_to_the_formula(rule):
    def run():
        numpy.random.seed(0)  # noqa: NPY002
        Counts.calls.clear()
        optimizer = rule(wavy, weights(), lr=0.1)
        path = optimizer.minimize(8)
        seen = {"theta": path.theta, "calls": list(Counts.calls)}
        return optimizer, seen | {
            n: getattr(optimizer, n) for n in ("d", "seldom") if hasattr(optimizer, n)
        }

    right, (ours, seen) = plainly(run)[1], run()
    assert "the formula moves the weights" in ours.recorded.why
    assert_equal(seen, right)


def test_what_a_formula_reads_may_change_between_two_steps(monkeypatch):
    def run():
        with pytest.MonkeyPatch.context() as patch:
            mine, paths = Mine(wavy, weights(), lr=0.1), []
            mine.minimize_raw()
            patch.setattr(sys.modules[__name__], "GAMMA", 0.25)
            mine.minimize_raw()
            paths.append(mine.minimize(2).theta)
            patch.setattr(Mine, "direction", InPlace.direction)
            mine.minimize_raw()
            paths.append(mine.minimize(2).theta)
            return numpy.array(paths)

    assert numpy.array_equal(run(), plainly(run))


def test_a_formula_of_the_librarys_may_be_replaced():
    def run():
        with pytest.MonkeyPatch.context() as patch:
            momentum = Momentum(wavy, weights(), lr=0.1)
            momentum.minimize(2)
            patch.setattr(Momentum, "direction", lambda self, theta, g: GAMMA * g)
            momentum.minimize(2)
            patch.setattr(sys.modules[__name__], "GAMMA", 0.25)
            return momentum.minimize(2).theta

    assert numpy.array_equal(run(), plainly(run))


def test_a_formula_that_keeps_something_elsewhere_is_told_as_ever():
    class Keeps(Optimizer):
        def direction(self, theta, g):
            self.last = 0.9 * getattr(self, "last", 0 * g) + g
            return self.last

    with pytest.raises(TypeError, match="its `state` does not say so"):
        Keeps(bowl, numpy.ones(20)).minimize(4)


# ------------------------------------------------------------------------------- where it cannot be


REFUSED = {
    "LAMB": lambda: RULES["LAMB"](wavy, weights()),
    "LARS": lambda: RULES["LARS"](wavy, weights()),
    "Muon": lambda: RULES["Muon"](wavy, weights()),
    "a projection": lambda: Adam(bowl, numpy.ones(30), project=lambda w: np.clip(w, 0, 1)),
    "Newton": lambda: RULES["Newton"](bowl, numpy.ones(4)),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_the_formula_moves_them(make):
    def run():
        optimizer = make()
        path = optimizer.minimize(4)
        return optimizer, {"theta": path.theta, "d": optimizer.d}

    ours, found = run()
    assert "the formula moves the weights" in ours.recorded.why
    assert_equal(found, plainly(run)[1])


def test_without_llvmlite_as_well(monkeypatch):
    from optimizers.engine import assembly, numpy_loops

    numpy_loops.llvm.cache_clear()
    monkeypatch.setattr(assembly, "_compiled", type(assembly._compiled)())
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "llvmlite.binding", None)
        adam = Adam(wavy, weights())
        path = adam.minimize(4)
    numpy_loops.llvm.cache_clear()
    assert "llvmlite is not installed" in adam.recorded.why
    assert numpy.array_equal(path.theta, plainly(lambda: Adam(wavy, weights()).minimize(4).theta))


def test_few_weights_and_short_formulas_are_left_as_they_were(monkeypatch):
    monkeypatch.undo()
    few, short = Adam(bowl, numpy.ones(1000)), Momentum(bowl, numpy.ones(50_000))
    many = Adam(bowl, numpy.ones(50_000))
    for optimizer in (few, short, many):
        optimizer.minimize_raw()
    assert "weights" not in few.recorded.why
    assert "the formula moves the weights, since it is short" in short.recorded.why
    assert AT_ONCE in many.recorded.why
    assert "m_hat" in vars(few)


def test_threads_do_not_meet():
    def run(i):
        return Adam(bowl, numpy.linspace(0, i, 1003)).minimize(40).theta[-1]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(run, range(12)))
    for i, theta in enumerate(found):
        assert numpy.array_equal(theta, plainly(lambda i=i: run(i)))


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "NAdam"])
def test_what_is_too_much_for_the_cache_and_for_one_thread(name, monkeypatch):
    monkeypatch.setattr(updates, "CACHED", 0)
    monkeypatch.setattr(updates, "ALONE", 0)
    how = {"exclude_from_weight_decay": ["1", "3"]} if name == "AdamW" else {}
    rng = numpy.random.default_rng(0)
    odd = [rng.standard_normal(size) for size in (3, 1, 129, 7, 64, 1001)]
    loss = lambda w: sum([np.sum(np.sin(x)) for x in w])  # noqa: E731
    assert_nobody_can_tell(lambda: RULES[name](loss, odd, **how))
