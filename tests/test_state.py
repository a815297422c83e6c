"""What survives a step, and hyper-parameters: named in the class, checked wherever they are set."""

import copy
import inspect
from collections import deque
from functools import partial
from types import SimpleNamespace

import autograd.numpy as np
import numpy
import pytest

from optimizers import (
    LAMB,
    RULES,
    SGD,
    Adam,
    AdamW,
    Lookahead,
    Momentum,
    Muon,
    Optimizer,
    RMSProp,
    sweep,
)
from optimizers.functions import rosenbrock, sphere
from optimizers.hyper_parameters import defaults


def bowl(x):
    return np.sum(x**2)


class InPlace(Optimizer):
    """Momentum as a student may write it."""

    momentum = 0.9
    state = ("m",)

    def direction(self, theta, g):
        self.m *= self.momentum
        self.m += g
        return self.m


class Halves(Optimizer):
    def direction(self, theta, g):
        g *= 0.5
        return g


class MovesTheWeightsItself(Optimizer):
    def direction(self, theta, g):
        theta -= 0.1 * g
        return g


def test_a_formula_may_work_in_place():
    ours = InPlace(rosenbrock, [-1.5, 2.0], lr=1e-4).minimize(50)
    theirs = Momentum(rosenbrock, [-1.5, 2.0], lr=1e-4).minimize(50)
    assert numpy.array_equal(ours.theta, theirs.theta)
    path = Halves(bowl, [4.0], lr=0.5).minimize(2, every=2)
    assert path.theta[:, 0].tolist() == [4, 1]
    assert path.grad_norm.tolist() == [8, 2]


def test_a_formula_returns_d_and_leaves_the_weights_to_the_loop():
    with pytest.raises(ValueError, match="read-only"):
        MovesTheWeightsItself(bowl, [4.0]).minimize(2)


@pytest.mark.parametrize("rule", [InPlace, partial(Lookahead, inner=InPlace)], ids=["itself", "in"])
@pytest.mark.parametrize("call", [2, 4])
def test_half_a_step_is_undone_also_in_place(rule, call):
    calls = []

    def loss(x):
        calls.append(1)
        if len(calls) == call:
            raise KeyboardInterrupt
        return np.sum(x**2)

    optimizer = rule(loss, [1.0, 2.0], lr=0.1)
    with pytest.raises(KeyboardInterrupt):
        optimizer.minimize(6)
    end = optimizer.minimize(6 - optimizer.t).theta[-1]
    assert numpy.array_equal(end, rule(bowl, [1.0, 2.0], lr=0.1).minimize(6).theta[-1])


def test_a_single_step_that_fails_leaves_everything_as_it_was():
    class Fails(InPlace):
        def direction(self, theta, g):
            d = super().direction(theta, g)
            if self.t == 2:
                raise KeyboardInterrupt
            return d

    optimizer = Fails(bowl, [1.0])
    optimizer.minimize_raw()
    m, theta = optimizer.m.copy(), optimizer.theta
    with pytest.raises(KeyboardInterrupt):
        optimizer.minimize_raw()
    assert optimizer.t == 1
    assert numpy.array_equal(optimizer.m, m)
    assert numpy.array_equal(optimizer.theta, theta)


# ---------------------------------------------------------------------------- kept elsewhere


class SetsInInit(Optimizer):
    def __init__(self, loss, weights, lr=0.1):
        super().__init__(loss, weights, lr)
        self.velocity = np.zeros_like(self._theta)

    def direction(self, theta, g):
        self.velocity = 0.9 * self.velocity + g
        return self.velocity


class AsksWhetherItIsThere(Optimizer):
    def direction(self, theta, g):
        if not hasattr(self, "velocity"):
            self.velocity = 0
        self.velocity = 0.9 * self.velocity + g
        return self.velocity


class FirstStepIsSpecial(Optimizer):
    def direction(self, theta, g):
        self.velocity = g if self.t == 1 else 0.9 * self.velocity + g
        return self.velocity


class KeepsAList(Optimizer):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.velocity = []

    def direction(self, theta, g):
        self.velocity.append(g)
        return sum(self.velocity) / len(self.velocity)


class KeepsADict(Optimizer):
    def direction(self, theta, g):
        old = getattr(self, "velocity", {"m": 0 * g})
        self.velocity = {"m": 0.9 * old["m"] + g}
        return self.velocity["m"]


SECRETIVE = [SetsInInit, AsksWhetherItIsThere, FirstStepIsSpecial, KeepsAList, KeepsADict]


@pytest.mark.parametrize("rule", SECRETIVE)
@pytest.mark.parametrize("wrapped", [False, True], ids=["itself", "inside Lookahead"])
def test_a_rule_that_keeps_an_array_elsewhere_is_told_what_to_write(rule, wrapped):
    if wrapped:
        rule = partial(Lookahead, inner=rule)
    with pytest.raises(TypeError, match=r"keeps 'velocity'.*state = \('velocity',\) in the class"):
        rule(bowl, [1.0, 2.0], lr=0.01).minimize(5)


class InADeque(Optimizer):
    def __init__(self, loss, weights, lr=0.1):
        super().__init__(loss, weights, lr)
        self.last = deque(maxlen=3)

    def direction(self, theta, g):
        self.last.append(g)
        return sum(self.last)


class InAnObject(Optimizer):
    def __init__(self, loss, weights, lr=0.1):
        super().__init__(loss, weights, lr)
        self.memory = SimpleNamespace(m=np.zeros_like(self._theta))

    def direction(self, theta, g):
        self.memory.m = 0.9 * self.memory.m + g
        return self.memory.m


class BeginsLate(Optimizer):
    def direction(self, theta, g):
        if self.t % 5 == 0:
            self.scale = 1 / (1 + np.abs(g))
        return g if self.t < 5 else self.scale * g


@pytest.mark.parametrize(("rule", "name"), [(InADeque, "last"), (InAnObject, "memory")])
def test_arrays_in_containers_and_objects_are_found(rule, name):
    with pytest.raises(TypeError, match=f"keeps '{name}' from step to step"):
        rule(bowl, [1.0, 2.0]).minimize(5)


def test_an_array_that_is_first_kept_later_is_found_later():
    assert len(BeginsLate(bowl, [1.0, 2.0]).minimize(4)) == 5
    with pytest.raises(TypeError, match=r"state = \('scale',\)"):
        BeginsLate(bowl, [1.0, 2.0]).minimize(20)


def test_runs_are_dropped_from_every_array_of_a_list():
    class LastTwo(Optimizer):
        state = ("last",)
        batched = True

        def __init__(self, loss, weights, lr=0.1):
            super().__init__(loss, weights, lr)
            self.last = [np.zeros_like(self._theta), np.zeros_like(self._theta)]

        def direction(self, theta, g):
            self.last = [self.last[1], g]
            return self.last[0] + self.last[1]

    starts = numpy.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    some, all_ = LastTwo(sphere, starts), LastTwo(sphere, starts)
    kept = numpy.array([True, False, True])
    for rule in (some, all_):
        rule.minimize(3)
    some.select(kept)
    assert numpy.array_equal(some.minimize(3).theta, all_.minimize(3).theta[:, kept])


def test_what_a_formula_derives_it_may_keep_to_be_looked_at():
    class Looked(Optimizer):
        state = ("m",)
        made = 0

        def direction(self, theta, g):
            self.made = self.made + 1  # a number, and no array
            self.m = 0.9 * self.m + g
            self.m_hat = self.m / (1 - 0.9**self.made)
            self.parts = [self.m_hat, {"g": g}]
            return self.m_hat

    path = Looked(bowl, [1.0, 2.0], lr=0.1).minimize(5, watch="m_hat")
    assert numpy.isfinite(path["m_hat"][1:]).all()


def test_a_formula_that_draws_by_chance_is_not_accused():
    class Drawn(Optimizer):
        def direction(self, theta, g):
            self.noise = numpy.random.default_rng().normal(size=g.shape)
            return g + self.noise

    assert len(Drawn(bowl, [1.0, 2.0], lr=0.01).minimize(5)) == 6


def test_state_starts_at_zero_or_as_init_sets_it():
    class Full(Optimizer):
        """AdaGrad with a whole matrix."""

        state = ("G",)

        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **keywords)
            self.G = 1e-8 * np.eye(self.layout.size)

        def direction(self, theta, g):
            self.G = self.G + np.outer(g, g)
            values, axes = np.linalg.eigh(self.G)
            return axes @ ((axes.T @ g) / np.sqrt(values))

    path = Full(rosenbrock, [-1.5, 2.0], lr=0.1).minimize(20, watch="G")
    assert path["G"].shape == (21, 2, 2)
    assert path.loss[-1] < path.loss[0]


def test_a_matrix_as_state_is_swept_over_as_many_runs_as_weights_of_which_half_diverge(monkeypatch):
    monkeypatch.setattr("optimizers.experiments.runs.WORTH_DROPPING", 0)

    class Turned(SGD):
        batched = True

        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **keywords)
            self.turn = np.array([[0.8, -0.6], [0.6, 0.8]])  # (P, P), the same for all runs

        def direction(self, theta, g):
            return g @ self.turn.T

    class Remembers(Turned):
        state = ("H",)
        batched = True

        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **keywords)
            self.H = np.zeros((*self._theta.shape, 2))  # (runs, P, P)

        def direction(self, theta, g):
            self.H = 0.5 * self.H + g[..., :, None] * g[..., None, :]
            return g + 1e-3 * np.einsum("...ij,...j->...i", self.H, g)

    for rule in (Turned, Remembers):
        found = sweep(rule, sphere, start=[1.0, 2.0], steps=400, lr=[0.01, 5.0], progress=False)
        assert found.diverged.tolist() == [False, True]
        alone = rule(sphere, [1.0, 2.0], lr=0.01).minimize(400)
        assert found.final_loss[0] == pytest.approx(alone.loss[-1], rel=1e-9)


# ------------------------------------------------------------------------ hyper-parameters


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("lr", -1, "lr must be a finite number >= 0, got -1"),
        ("lr", "fast", "lr must be a finite number"),
        ("lr", numpy.nan, "lr must be"),
        ("beta1", 5, r"beta1 must be a number in \[0, 1\), got 5"),
        ("epsilon", -1e-8, "epsilon must be a finite number >= 0"),
        ("lr", [0.1, 0.2], "lr must be a number, or one per run; got 2 for a single run"),
    ],
)
def test_what_is_set_later_is_checked_like_what_is_given(name, value, words):
    adam = Adam(bowl, [1.0, 2.0, 3.0])
    before = getattr(adam, name)
    with pytest.raises((TypeError, ValueError), match=words):
        setattr(adam, name, value)
    assert getattr(adam, name) == before


@pytest.mark.parametrize("name", ["bta1", "beta_1", "epsilom", "Lr"])
def test_a_misspelt_attribute_is_a_mistake(name):
    with pytest.raises(AttributeError, match="Adam has no hyper-parameter .* Did you mean"):
        setattr(Adam(bowl, [1.0]), name, 0.5)


def test_other_attributes_may_be_set_freely():
    adam = Adam(bowl, [1.0])
    adam.remark = "mine"
    adam.minimize(2)
    adam.m = np.zeros(1)  # forget the momentum
    assert adam.remark == "mine"
    assert adam.minimize(1).loss.shape == (2,)


def test_what_is_set_later_takes_effect():
    adamw = AdamW(bowl, {"kernel": [1.0], "bias": [1.0]}, lr=0.1, weight_decay=0.5)
    adamw.exclude_from_weight_decay = ["bias"]
    assert adamw.decayed.tolist() == [1, 0]
    with pytest.raises(TypeError, match="list of regular expressions"):
        adamw.exclude_from_weight_decay = 3
    with pytest.raises(ValueError, match="bounds"):
        LAMB(bowl, [1.0]).phi = (3, 1)
    with pytest.raises(TypeError, match="ns_steps must be a whole number"):
        Muon(bowl, [1.0]).ns_steps = 2.5
    sgd = SGD(bowl, [8.0], lr=0.25)
    sgd.minimize(1)
    sgd.lr = 0.5
    assert sgd.minimize(1).theta[-1].tolist() == [0]


def test_the_rate_of_a_wrapper_is_the_one_that_it_shows_and_uses():
    ahead = Lookahead(bowl, [4.0], lr=0.1, inner=SGD, k=9)
    ahead.lr = 0.25
    assert repr(ahead) == "Lookahead(lr=0.25, inner=SGD, k=9, alpha=0.5)"
    path = ahead.minimize(1)
    assert path.hyper_parameters["lr"] == 0.25
    assert path.theta[-1] == 2
    ahead.lr = {"weights": 0.5}
    assert ahead.minimize(1).theta[-1] == 0


@pytest.mark.parametrize(
    ("inner", "rest"), [(SGD, SGD.lr), (Adam, Adam.lr), (partial(SGD, lr=0.3), 0.3)]
)
def test_layers_that_a_wrapper_is_told_nothing_of_have_the_inner_rule_s_rate(inner, rest):
    def loss(w):
        return np.sum(w["a"] ** 2) + np.sum(w["b"] ** 2)

    start = {"a": [1.0], "b": [1.0]}
    given = Lookahead(loss, start, lr={"a": 0.0}, inner=inner)
    assert given.lr.tolist() == given.wrapped.lr.tolist() == [0, rest]
    given.lr = {"b": 0.5}
    assert given.lr.tolist() == given.wrapped.lr.tolist() == [rest, 0.5]
    by_schedule = Lookahead(loss, start, lr=lambda t: {"a": 0.0}, inner=inner)
    by_schedule.minimize_raw()
    assert by_schedule.eta.tolist() == [0, rest]


def test_a_copy_of_a_wrapper_goes_its_own_way():
    ahead = Lookahead(rosenbrock, [-1.5, 2.0], lr=0.01)
    ahead.minimize(3)
    twin = copy.copy(ahead)
    twin.minimize(20)
    assert ahead.t == 3
    fresh = Lookahead(rosenbrock, [-1.5, 2.0], lr=0.01)
    fresh.minimize(3)
    assert numpy.array_equal(ahead.minimize(20).theta, fresh.minimize(20).theta)


def test_weights_that_are_set_on_a_wrapper_are_not_pulled_back():
    ahead = Lookahead(bowl, [100.0], lr=0.0, inner=SGD, k=1)
    ahead.theta = [2.0]
    assert ahead.minimize(3).theta[:, 0].tolist() == [2] * 4


@pytest.mark.parametrize("name", ["weight_decay", "momentum", "rho", "nesterov"])
def test_a_hyper_parameter_of_another_rule_is_refused_when_it_is_set(name):
    with pytest.raises(AttributeError, match=f"Adam has no hyper-parameter '{name}'"):
        setattr(Adam(bowl, [1.0]), name, 0.1)


def test_a_wrapper_hands_on_what_belongs_to_the_inner_rule():
    wrapped = Lookahead(bowl, [1.0, 2.0], inner=partial(Adam, beta1=0.5), k=3)
    assert wrapped.hyper_parameters["beta1"] == 0.5
    wrapped.beta1 = 0.7
    assert wrapped.wrapped.beta1 == 0.7
    with pytest.raises(ValueError, match="beta1 must be"):
        wrapped.beta1 = 7
    with pytest.raises(TypeError, match="k must be a whole number"):
        wrapped.k = 2.0
    with pytest.raises(TypeError, match=r"'beta1'; it has lr, inner, k, alpha.*inner=partial"):
        Lookahead(bowl, [1.0], beta1=0.5)
    assert Lookahead(bowl, [1.0], inner=partial(SGD, lr=0.25)).lr == 0.25
    assert Lookahead(bowl, [1.0], 0.5, inner=partial(SGD, lr=0.25)).lr == 0.5


@pytest.mark.parametrize(
    "name",
    "t eta d g theta batch seed seeds every steps start watch loss weights grad project minimize "
    "schedule store value path".split(),
)
def test_reserved_names_are_refused_when_the_class_is_made(name):
    with pytest.raises(TypeError, match=f"'{name}' cannot be a hyper-parameter"):
        type("Mine", (SGD,), {name: 0.5})
    if name not in ("loss", "weights", "grad", "project"):
        written = f"lambda self, loss, weights, lr=0.1, {name}=0.5: None"
        with pytest.raises(TypeError, match=f"'{name}' cannot be a hyper-parameter"):
            type("Mine", (SGD,), {"__init__": eval(written)})


def test_state_and_defaults_are_checked_when_the_class_is_made():
    with pytest.raises(TypeError, match="state names 'g', which is something else of an optim"):
        type("Mine", (SGD,), {"state": ("g",)})
    for name in ("project", "grad", "update", "loss", "minimize_raw", "lr"):
        with pytest.raises(TypeError, match=f"'{name}'"):
            type("Mine", (SGD,), {"state": (name,)})
    with pytest.raises(TypeError, match="'self' cannot be a hyper-parameter"):
        type("Mine", (SGD,), {"self": 1.0})
    with pytest.raises(TypeError, match="'m' is named in state.*cannot be a hyper-parameter"):
        type("Mine", (SGD,), {"state": ("m",), "m": 0.0})
    with pytest.raises(ValueError, match=r"beta1 of Mine must be a number in \[0, 1\), got 9"):
        type("Mine", (Adam,), {"beta1": 9})


def test_a_range_belongs_to_the_rule_that_writes_it_and_not_to_the_name():
    class Mine(Optimizer):
        alpha, beta, rho, momentum = 2.0, 1.5, 3.0, -1.0

        def direction(self, theta, g):
            return self.alpha * g

    assert Mine(bowl, [1.0], beta=7.0).beta == 7.0

    class Own(Adam):
        def direction(self, theta, g):
            return self.beta1 * g

    with pytest.raises(ValueError, match="beta1 must be"):
        Own(bowl, [1.0], beta1=2.0)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_signature_shows_the_hyper_parameters(rule):
    names = list(inspect.signature(rule).parameters)
    assert names[:2] == ["loss", "weights"]
    assert set(defaults(rule)) <= set(names) | {"k", "alpha"}


def test_a_whole_default_sweeps_side_by_side_as_a_fraction_does():
    seen = []

    class Damped(SGD):
        damp = 0
        batched = True

        def direction(self, theta, g):
            seen.append(np.shape(self.damp))
            return g / (1 + self.damp)

    lr = [0.1, 0.2]
    found = sweep(Damped, sphere, start=[1.0, 2.0], steps=3, lr=lr, damp=[0.0, 0.5, 1.0])
    assert (6, 1) in seen
    for i, rate in enumerate(lr):
        for j, damp in enumerate((0.0, 0.5, 1.0)):
            path = Damped(sphere, [1.0, 2.0], lr=rate, damp=damp).minimize(3)
            assert found.final_loss[i, j] == path.loss[-1]


def test_whole_numbers_that_count_something_are_swept_one_by_one():
    found = sweep(Lookahead, sphere, start=[1.0, 2.0], steps=6, k=[2, 3], inner=SGD)
    for i, k in enumerate((2, 3)):
        path = Lookahead(sphere, [1.0, 2.0], k=k, inner=SGD).minimize(6)
        assert found.final_loss[i] == path.loss[-1]


def test_an_inner_rule_is_swept_as_a_value():
    inner = [SGD, partial(Momentum, momentum=0.5), RMSProp]
    found = sweep(Lookahead, sphere, start=[1.0, 2.0], steps=6, inner=inner, lr=[0.1, 0.2])
    assert found.final_loss.shape == (3, 2)
    path = Lookahead(sphere, [1.0, 2.0], lr=0.2, inner=inner[1]).minimize(6)
    assert found.final_loss[1, 1] == pytest.approx(path.loss[-1], rel=1e-12)
