"""Rules around a rule: runs, weights that are set, and settings reach the innermost one."""

from functools import partial

import autograd.numpy as np
import numpy
import pytest

from optimizers import (
    LBFGS,
    RULES,
    SAM,
    SGD,
    SOAP,
    Adam,
    Averaged,
    Cautious,
    Lookahead,
    NonlinearCG,
    Optimizer,
)
from optimizers.functions import rosenbrock, sphere
from optimizers.rules.wrapper import Wrapper

INNER = {
    name: rule
    for name, rule in RULES.items()
    if rule.batched and not issubclass(rule, Wrapper) and rule.handed_out is Optimizer.handed_out
}
INNER |= {"LBFGS": LBFGS, "NonlinearCG": NonlinearCG}


def matrix_loss(w):
    return np.sum((w["a"] @ np.array([[1.0, 0.2], [0.3, 2.0]]) - 1) ** 4) + np.sum(w["b"] ** 2)


@pytest.mark.parametrize("name", INNER)
def test_one_value_a_run_gives_each_run_what_it_has_alone(name):
    weights = {"a": np.array([[1.0, 0.1], [0.0, 1.2]]), "b": np.array([0.5])}
    betas = [0.5, 1.0]
    both = Averaged(matrix_loss, weights, inner=INNER[name], beta=numpy.array(betas))
    path = both.minimize(15)
    for i, beta in enumerate(betas):
        alone = Averaged(matrix_loss, weights, inner=INNER[name], beta=beta).minimize(15)
        numpy.testing.assert_allclose(path.theta[:, i], alone.theta, rtol=1e-6, atol=1e-9)


def test_sam_has_a_reach_a_run_around_rules_for_matrices():
    weights = {"a": np.array([[1.0, 0.1], [0.0, 1.2]]), "b": np.array([0.5])}
    both = SAM(matrix_loss, weights, inner=SOAP, rho=numpy.array([0.05, 1.0])).minimize(15)
    alone = SAM(matrix_loss, weights, inner=SOAP, rho=1.0).minimize(15)
    numpy.testing.assert_allclose(both.theta[:, 1], alone.theta, rtol=1e-6)


@pytest.mark.parametrize(
    "around",
    [
        lambda inner: inner,
        lambda inner: partial(SAM, inner=inner, rho=0.0),
        lambda inner: partial(Averaged, inner=inner, beta=0.0),
        lambda inner: partial(SAM, inner=partial(Cautious, inner=inner), rho=0.0),
    ],
    ids=["alone", "SAM", "Averaged", "SAM of Cautious"],
)
def test_weights_that_are_set_reach_the_innermost_rule(around):
    rule = around(partial(Lookahead, inner=SGD, k=2))
    optimizer = rule(sphere, [1.0], lr=1e-3)
    optimizer.minimize(2)
    optimizer.theta = [100.0]
    path = optimizer.minimize(2)
    numpy.testing.assert_allclose(path.theta[1:, 0], [99.8, 99.8], rtol=1e-3)


def test_a_hyper_parameter_is_set_however_deep_it_lies():
    optimizer = SAM(sphere, [1.0], inner=partial(Cautious, inner=Adam))
    optimizer.beta1, optimizer.lr = 0.5, 0.25
    assert optimizer.hyper_parameters["beta1"] == optimizer.wrapped.wrapped.beta1 == 0.5
    assert optimizer.lr == optimizer.wrapped.lr == optimizer.wrapped.wrapped.lr == 0.25
    fresh = SAM(sphere, [1.0], lr=0.25, inner=partial(Cautious, inner=partial(Adam, beta1=0.5)))
    assert (optimizer.minimize(5).theta == fresh.minimize(5).theta).all()


@pytest.mark.parametrize("inner", [LBFGS, NonlinearCG])
def test_cautious_refuses_a_rule_that_searches(inner):
    with pytest.raises(ValueError, match=f"Cautious cannot wrap {inner.__name__}"):
        Cautious(rosenbrock, [-1.5, 2.0], inner=inner)
