"""Each mistake gets a TypeError or a ValueError that says what was given and what is expected."""

import math
from functools import partial

import autograd.numpy as np
import numpy
import pytest

from optimizers import (
    LAMB,
    LARS,
    SGD,
    AdaDelta,
    Adafactor,
    Adam,
    AdamW,
    DoG,
    Lookahead,
    Momentum,
    Muon,
    Optimizer,
    Prodigy,
    RMSProp,
    Shampoo,
    basins,
    compare,
    sweep,
)
from optimizers.functions import beale, noisy, rosenbrock, shifted


def bowl(x):
    return np.sum(x**2)


def step(loss, weights=(1.0, 2.0)):
    return SGD(loss, np.array(weights)).minimize_raw()


def make(rule, **keywords):
    return lambda: rule(bowl, [1.0, 2.0], **keywords)


def schedule(value):
    return lambda: SGD(bowl, [1.0], lr=lambda t: value).minimize_raw()


def weights(value):
    return lambda: SGD(bowl, value)


def minimize(**keywords):
    return lambda: SGD(bowl, [1.0]).minimize(**{"steps": 3, **keywords})


def assigns_in_place(x):
    y = np.zeros(2) * x
    y[0] = x[0]
    return np.sum(y)


def prints_itself(x):
    print(f"{x[0]:.3f}")
    return np.sum(x)


def fills_a_plain_array(x):
    y = np.zeros(2)
    y[0] = x[0] ** 2
    return np.sum(y)


def adds_in_place(x):
    total = np.zeros(1)
    total += x[0] ** 2
    return np.sum(total)


def own(direction, lr=1):
    rule = type("Rule", (Optimizer,), {"direction": direction, "lr": 1})
    return rule(bowl, [1.0, 2.0], lr=lr).minimize_raw()


def silent_numpy(x):
    return float(numpy.sum([1.0, 2.0]))


MISTAKES = {
    # the learning rate
    "lr negative": (make(SGD, lr=-0.1), r"lr must be a finite number >= 0, got -0.1"),
    "lr nan": (make(SGD, lr=math.nan), r"lr must be a finite number >= 0, got nan"),
    "lr infinite": (make(SGD, lr=math.inf), r"lr must be .*got inf"),
    "lr a string": (make(Adam, lr="0.1"), r"lr must be .*got '0.1'"),
    "lr None": (make(Adam, lr=None), r"lr must be .*got None"),
    "lr True": (make(Adam, lr=True), r"lr must be .*got True"),
    "lr complex": (make(Adam, lr=1j), r"lr must be .*got 1j"),
    "lr of some runs negative": (make(SGD, lr=[0.1, -0.1]), r"lr must be .*every run"),
    "lr of no runs": (make(SGD, lr=[]), r"lr must be a number, or one per run"),
    "lr of a strange shape": (make(SGD, lr=np.ones((2, 2))), r"lr must be .*shape \(2, 2\)"),
    "lr of ragged runs": (make(SGD, lr=[[0.1], [0.2, 0.3]]), r"lr must be a number or one per run"),
    "lr too large for a float": (make(SGD, lr=10**400), r"lr must be a finite number"),
    "lr for other runs than weights": (
        lambda: SGD(rosenbrock, np.ones((2, 2)), lr=[0.1, 0.2, 0.3]),
        r"numbers of runs do not match: weights \(2,\), lr \(3,\)",
    ),
    "schedule for runs that are not there": (
        lambda: SGD(rosenbrock, [0.0, 0.0], lr=lambda t: 0.1 if t == 1 else [0.1, 0.2]).minimize(2),
        r"schedule's lr at t = 2 must be a number, or one per run; got 2 for a single run",
    ),
    "schedule negative": (schedule(-1.0), r"schedule's lr at t = 1 must be .*got -1.0"),
    "schedule nan": (schedule(math.nan), r"schedule's lr at t = 1 must be .*got nan"),
    "schedule a string": (schedule("a"), r"schedule's lr at t = 1 must be .*got 'a'"),
    "schedule None": (schedule(None), r"schedule's lr at t = 1 must be .*got None"),
    # the other hyper-parameters
    "beta1 one": (make(Adam, beta1=1.0), r"beta1 must be a number in \[0, 1\), got 1.0"),
    "beta2 above one": (make(Adam, beta2=1.5), r"beta2 must be .*got 1.5"),
    "beta2 negative": (make(Adam, beta2=-0.1), r"beta2 must be .*got -0.1"),
    "rho one": (make(RMSProp, rho=1), r"rho must be .*got 1"),
    "momentum one": (make(Momentum, momentum=1.0), r"momentum must be .*got 1.0"),
    "momentum a string": (make(Momentum, momentum="0.9"), r"momentum must be .*got '0.9'"),
    "epsilon negative": (make(Adam, epsilon=-1e-8), r"epsilon must be .*got -1e-08"),
    "epsilon zero": (make(AdaDelta, epsilon=0), r"epsilon must be a finite number > 0, got 0"),
    "d0 zero": (make(Prodigy, d0=0), r"d0 must be a finite number > 0, got 0"),
    "r_epsilon of some runs zero": (
        make(DoG, r_epsilon=[0.1, 0]),
        r"r_epsilon must be .*every run",
    ),
    "clipping_threshold zero": (make(Adafactor, clipping_threshold=0), r"clipping_threshold .*> 0"),
    "Shampoo's epsilon zero": (make(Shampoo, epsilon=0.0), r"epsilon must be .*> 0, got 0.0"),
    "weight_decay negative": (make(AdamW, weight_decay=-1), r"weight_decay must be .*got -1"),
    "trust_coefficient nan": (make(LARS, trust_coefficient=math.nan), r"trust_coefficient must"),
    "nesterov a number": (make(Momentum, nesterov=1), r"nesterov must be True or False, got 1"),
    "phi reversed": (make(LAMB, phi=(2.0, 1.0)), r"phi must be .*low <= high, got \(2.0, 1.0\)"),
    "phi negative": (make(LAMB, phi=(-1.0, 1.0)), r"phi must be .*>= 0, got \(-1.0, 1.0\)"),
    "phi one number": (make(LAMB, phi=3.0), r"phi must be None, a function.*got 3.0"),
    "phi three numbers": (make(LAMB, phi=(1, 2, 3)), r"phi must be None, a function"),
    "broken pattern": (
        make(AdamW, exclude_from_weight_decay=["("]),
        r"exclude_from_weight_decay must be a list of regular expressions.*got \['\('\]",
    ),
    "pattern a number": (make(LAMB, exclude_from_weight_decay=[3]), r"exclude_from_weight_decay"),
    "pattern True": (make(LAMB, exclude_from_weight_decay=True), r"exclude_from_weight_decay"),
    "k zero": (make(Lookahead, k=0), r"k must be a whole number >= 1, got 0"),
    "k a fraction": (make(Lookahead, k=2.5), r"k must be a whole number >= 1, got 2.5"),
    "alpha above one": (make(Lookahead, alpha=1.5), r"alpha must be .*\[0, 1\], got 1.5"),
    "ns_steps zero": (make(Muon, ns_steps=0), r"ns_steps must be a whole number >= 1, got 0"),
    "ns_steps a fraction": (make(Muon, ns_steps=2.5), r"ns_steps must be a whole number .*2.5"),
    "ns_coefficients two": (
        make(Muon, ns_coefficients=(2.0, -1.5)),
        r"ns_coefficients must be three numbers \(a, b, c\), got \(2.0, -1.5\)",
    ),
    "ns_coefficients a number": (make(Muon, ns_coefficients=2.0), r"must be three numbers.*2.0"),
    "ns_coefficients a word": (make(Muon, ns_coefficients="abc"), r"three numbers.*got 'abc'"),
    "ns_coefficients nan": (
        make(Muon, ns_coefficients=(2.0, -1.5, math.nan)),
        r"ns_coefficients must be a finite number, got nan",
    ),
    "adjust_lr unknown": (
        make(Muon, adjust_lr="match_rms_adam"),
        r"adjust_lr must be one of original, .* Did you mean 'match_rms_adamw'",
    ),
    "adjust_lr a number": (make(Muon, adjust_lr=0.2), r"adjust_lr must be one of .*; got 0.2"),
    "adam_lr negative": (make(Muon, adam_lr=-0.1), r"adam_lr must be .*>= 0, got -0.1"),
    "adam_lr of many runs": (make(Muon, adam_lr=[0.1, 0.2]), r"adam_lr must be .*\[0.1, 0.2\]"),
    "Muon's beta one": (make(Muon, beta=1.0), r"beta must be a number in \[0, 1\), got 1.0"),
    "inner no rule": (make(Lookahead, inner="Adam"), r"inner must be a rule .*got 'Adam'"),
    # keywords
    "epislon": (make(Adam, epislon=1e-8), r"no hyper-parameter 'epislon'.*Here it is 'epsilon'"),
    "lambda1": (make(AdamW, lambda1=0.1), r"no hyper-parameter 'lambda1'.*'weight_decay'"),
    "misspelled": (make(Adam, beta_1=0.9), r"no hyper-parameter 'beta_1'.*Did you mean 'beta1'"),
    "of another rule": (make(SGD, momentum=0.9), r"SGD has no hyper-parameter 'momentum'"),
    "of the inner rule": (make(Lookahead, bta1=0.9), r"no hyper-parameter 'bta1'.*inner=partial"),
    "by position after lr": (
        lambda: AdamW(bowl, [1.0, 2.0], 0.01, 0.05),
        r"pass everything after lr by name: AdamW\(loss, weights, lr, beta1=….*weight_decay=…",
    ),
    "a dict for a test function": (
        lambda: SGD(rosenbrock, {"x": 1.0, "y": 2.0}).minimize(1),
        r"must be an array of coordinates for Rosenbrock, got a dict",
    ),
    # the weights
    "weights with nan": (weights([1.0, math.nan]), r"weights must be finite, got \[1.0, nan\]"),
    "weights infinite": (weights([math.inf]), r"weights must be finite"),
    "weights strings": (weights(["a", "b"]), r"weights must be an array of numbers"),
    "weights a string": (weights("ab"), r"weights must be an array of numbers.*got 'ab'"),
    "weights None": (weights(None), r"weights must be an array of numbers.*got None"),
    "weights None inside": (weights({"a": None}), r"weights\['a'\] must be .*got None"),
    "weights complex": (weights([1 + 2j]), r"weights must be an array of numbers"),
    "weights bool": (weights([True, False]), r"weights must be an array of numbers"),
    "weights ragged": (weights([[1.0, 2.0], [3.0]]), r"weights is ragged, its rows differ"),
    "weights empty": (weights([]), r"weights must not be empty"),
    "weights empty array": (weights(np.zeros((0, 2))), r"weights is empty, shape \(0, 2\)"),
    "weights empty inside": (weights({"a": {}}), r"weights must not be empty at a"),
    "weights keys": (weights({(1, 2): [1.0]}), r"keys of a dict must be strings"),
    # the loss
    "loss a number": (lambda: SGD(3.0, [1.0]), r"loss must be a function of the weights.*got 3.0"),
    "loss None": (lambda: SGD(None, [1.0]), r"loss must be a function of the weights"),
    "loss a vector": (
        lambda: step(lambda x: x**2),
        r"must return one number, got an array of shape \(2,\); take np.sum or np.mean",
    ),
    "loss returns None": (lambda: step(lambda x: None), r"got None: is its `return` missing"),
    "loss returns a string": (lambda: step(lambda x: "low"), r"one number, got a str: 'low'"),
    "loss returns a list": (lambda: step(lambda x: [x[0], x[1]]), r"one number, got a list"),
    "loss complex": (lambda: step(lambda x: np.sum(x) * 1j), r"one number, got a complex one"),
    "loss a constant": (
        lambda: step(lambda x: 3.0),
        r"does not depend on the weights.*autograd.numpy",
    ),
    "loss through numpy alone": (lambda: step(silent_numpy), r"does not depend on the weights"),
    "loss with math": (lambda: step(lambda x: math.sin(x[0])), r"cannot see.*autograd.numpy"),
    "loss with float": (lambda: step(lambda x: float(x[0]) ** 2), r"cannot see.*autograd.numpy"),
    "loss with a format": (lambda: step(prints_itself), r"f-string.*autograd.numpy"),
    "loss in place": (lambda: step(assigns_in_place), r"in place.*np.stack or np.where"),
    "loss in place, plain array": (lambda: step(fills_a_plain_array), r"in place"),
    "loss adds in place": (lambda: step(adds_in_place), r"in place"),
    "loss with a median": (lambda: step(lambda x: np.median(x)), r"no gradient for"),
    # rules of one's own
    "direction a number": (lambda: own(lambda self, theta, g: 1.0), r"direction must return"),
    "direction None": (lambda: own(lambda self, theta, g: None), r"shaped like theta.*got None"),
    "state a string": (
        lambda: type("Rule", (SGD,), {"state": "velocity"}),
        r"state must be a tuple of names: state = \('velocity',\)",
    ),
    "own lr negative": (lambda: own(lambda self, theta, g: g, lr=-1), r"lr must be a finite"),
    # minimize
    "steps negative": (minimize(steps=-1), r"steps must be a whole number >= 0, got -1"),
    "steps a fraction": (minimize(steps=2.5), r"steps must be a whole number >= 0, got 2.5"),
    "steps a string": (minimize(steps="10"), r"steps must be a whole number >= 0, got '10'"),
    "tol negative": (minimize(tol=-1.0), r"tol must be a finite number >= 0, got -1.0"),
    "tol nan": (minimize(tol=math.nan), r"tol must be a finite number >= 0, got nan"),
    "every zero": (minimize(every=0), r"every must be a whole number >= 1, got 0"),
    "watch a number": (minimize(watch=3), r"watch must be names, got 3"),
    "watch unknown": (minimize(watch=["m_hat"]), r"watch: SGD has no 'm_hat'; it has"),
    "watch a method": (minimize(watch="direction"), r"watch: SGD cannot record 'direction'"),
    "watch numbers": (minimize(watch=[1]), r"watch must be names, got 1"),
    "callback a number": (minimize(callback=3), r"callback must be a function.*got 3"),
    "batches a number": (minimize(batches=3), r"batches must be an iterable.*got 3"),
    "batches run dry": (
        lambda: SGD(lambda x, b: np.sum(x * b), [1.0]).minimize(3, batches=[1, 2]),
        r"batches ran out after 2 of 3 steps",
    ),
    # test functions
    "wrong dimension": (
        lambda: SGD(beale, [1.0, 2.0, 3.0]).minimize(1),
        r"exactly 2 coordinates.* for Beale, got shape \(3,\)",
    ),
    "shift of the wrong length": (lambda: shifted(beale, [1.0, 2.0, 3.0]), r"by"),
    "sigma negative": (lambda: noisy(beale, -1.0, 0), r"sigma.*-1.0"),
    # experiments
    "compare nothing": (lambda: compare([], rosenbrock), r"needs at least one rule"),
    "compare a string": (lambda: compare("Adam", rosenbrock), r"rules must be a list.*'Adam'"),
    "compare no rule": (lambda: compare([dict], rosenbrock), r"a rule must be a class such as"),
    "compare an instance": (
        lambda: compare([SGD(bowl, [1.0])], rosenbrock),
        r"a rule must be a class such as SGD.*got SGD\(lr=0.01\)",
    ),
    "compare twice the same": (lambda: compare([SGD, SGD], rosenbrock), r"two rules are called"),
    "compare an empty grid": (lambda: compare([SGD], rosenbrock, lr=[]), r"grid of lr is empty"),
    "compare a negative grid": (lambda: compare([SGD], rosenbrock, lr=[-1, 1]), r"lr must be"),
    "compare lr for nobody": (
        lambda: compare([SGD], rosenbrock, lr={"SDG": 0.1}),
        r"lr names 'SDG', which does not race. Did you mean 'SGD'",
    ),
    "compare lr for some": (
        lambda: compare([SGD, Adam], rosenbrock, lr={"SGD": 0.1}),
        r"lr must name every rule; missing: Adam",
    ),
    "compare lr twice": (lambda: compare([partial(SGD, lr=1)], rosenbrock), r"leave it out"),
    "compare steps": (lambda: compare([SGD], rosenbrock, steps=0), r"steps must be a whole"),
    "compare no function": (lambda: compare([SGD], "rosenbrock"), r"must be a function of"),
    "start missing": (lambda: compare([SGD], bowl), r"bowl has no start of its own"),
    "start too long": (lambda: compare([SGD], beale, start=[1, 2, 3]), r"Beale.*\(3,\)"),
    "start nan": (lambda: compare([SGD], beale, start=[1, math.nan]), r"must be finite"),
    "start several points": (
        lambda: compare([SGD], beale, start=[[1.0, 2.0], [3.0, 4.0]]),
        r"start must be one point",
    ),
    "compare several lr a rule": (
        lambda: compare([SGD], beale, lr={"SGD": [0.1, 0.2]}),
        r"lr must be one number per rule; SGD has \[0.1, 0.2\]",
    ),
    "start a string": (lambda: compare([SGD], beale, start="here"), r"here"),
    "sweep without a grid": (lambda: sweep(SGD, beale, lr=0.1), r"sweep needs a grid"),
    "sweep an empty grid": (lambda: sweep(SGD, beale, lr=[]), r"grid of lr is empty"),
    "sweep fixed misspelled": (
        lambda: sweep(AdamW, beale, lr=[0.1], learning_rate=0.1),
        r"AdamW has no hyper-parameter 'learning_rate'",
    ),
    "sweep a map": (lambda: sweep(SGD, beale, lr=np.ones((2, 2))), r"must have one axis"),
    "sweep unknown": (lambda: sweep(SGD, beale, rl=[0.1]), r"SGD has no hyper-parameter 'rl'"),
    "basins without a domain": (lambda: basins(SGD, bowl), r"domain must be pairs.*bowl has none"),
    "basins of a point": (lambda: basins(SGD, beale, resolution=1), r"resolution must be"),
}


@pytest.mark.parametrize(("mistake", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_gets_a_sentence_that_names_it(mistake, message):
    with pytest.raises((TypeError, ValueError), match=message):
        mistake()


@pytest.mark.parametrize("name", ["loss with math", "loss with float", "loss in place"])
def test_autograd_s_own_words_stay_the_cause(name):
    with pytest.raises(TypeError) as caught:
        MISTAKES[name][0]()
    assert isinstance(caught.value.__cause__, Exception)


def test_what_a_rule_has_not_is_answered_with_a_hint():
    class Rolling(Optimizer):
        def direction(self, theta, g):
            self.m = 0.9 * self.m + g
            return self.m

    class Empty(SGD):
        def __init__(self, loss, weights, lr=0.1):
            self.loss = loss

    with pytest.raises(AttributeError, match=r"Rolling has no 'm'; .* state = \('m',\)"):
        Rolling(bowl, [1.0]).minimize_raw()
    with pytest.raises(AttributeError, match=r"super\(\).__init__"):
        Empty(bowl, [1.0]).minimize(1)
    with pytest.raises(AttributeError, match="Did you mean 'minimize'"):
        SGD(bowl, [1.0]).minimise(3)


def test_an_error_of_the_loss_s_own_stays_as_it_is():
    def loss(x):
        raise ValueError("my own")

    with pytest.raises(ValueError, match="^my own$"):
        step(loss)
