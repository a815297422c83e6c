"""What the rules promise, beyond the reference numbers: batching, neat formulas, known facts."""

from functools import partial

import autograd.numpy as np
import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers import (
    ADOPT,
    LAMB,
    LARS,
    LBFGS,
    RULES,
    SAM,
    SGD,
    SOAP,
    Adafactor,
    Adam,
    AdamW,
    Cautious,
    DoG,
    Lion,
    Lookahead,
    Momentum,
    Muon,
    Newton,
    NonlinearCG,
    Optimizer,
    Prodigy,
    RAdam,
    RMSProp,
    Shampoo,
    batched,
)
from optimizers.functions import FUNCTIONS, noisy, quadratic, rosenbrock
from optimizers.optimizer import formula
from optimizers.rules.muon import newton_schulz
from optimizers.rules.newton import pseudo_inverse
from optimizers.rules.shampoo import inverse_root

EVERY_RULE = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
SETTINGS = [(name, {}) for name in RULES] + [
    ("Momentum", {"nesterov": True}),
    ("LAMB", {"bias_correction": False, "phi": (0.1, 1.0)}),
    ("Muon", {"nesterov": False, "adam_lr": 0.001}),
    ("Prodigy", {"bias_correction": True}),
    ("Cautious", {"inner": Lion}),
    ("Cautious", {"inner": partial(Lookahead, inner=Momentum, k=3)}),
]


@pytest.mark.parametrize(("name", "extra"), SETTINGS, ids=[f"{n}{e or ''}" for n, e in SETTINGS])
@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["rosenbrock", "beale", "ackley", "saddle"]),
    st.integers(0, 1000),
    st.integers(2, 5),
)
def test_many_runs_at_once_are_the_runs_one_by_one(name, extra, function, seed, runs):
    rng = numpy.random.default_rng(seed)
    function = FUNCTIONS[function]
    starts = rng.uniform(*function.domain.T, size=(runs, 2))
    lr = rng.uniform(1e-4, 5e-3, size=(runs, 1))
    together = RULES[name](function, starts, lr, **extra).minimize(12)
    for i in range(runs):
        alone = RULES[name](function, starts[i], float(lr[i, 0]), **extra).minimize(12)
        rows = len(alone)  # a run that diverges alone ends there
        numpy.testing.assert_allclose(together.theta[:rows, i], alone.theta, rtol=1e-9, atol=1e-12)
        numpy.testing.assert_allclose(together.loss[:rows, i], alone.loss, rtol=1e-9, atol=1e-12)
        assert together.diverged[i] == alone.diverged


@EVERY_RULE
def test_a_run_in_two_parts_is_the_run_in_one(rule):
    whole = rule(rosenbrock, [-1.5, 2.0], 1e-3).minimize(20)
    optimizer = rule(rosenbrock, [-1.5, 2.0], 1e-3)
    first, second = optimizer.minimize(8), optimizer.minimize(12)
    assert numpy.array_equal(numpy.concatenate([first.theta, second.theta[1:]]), whole.theta)
    assert second.step.tolist() == list(range(8, 21))


@EVERY_RULE
def test_single_steps_are_the_loop(rule):
    by_hand = rule(rosenbrock, [-1.5, 2.0], 1e-3)
    losses = [by_hand.minimize_raw() for _ in range(10)]
    path = rule(rosenbrock, [-1.5, 2.0], 1e-3).minimize(10)
    assert numpy.array_equal(by_hand.theta, path.theta[-1])
    assert losses == path.loss[:10].tolist()


@EVERY_RULE
def test_nested_weights_move_as_flat_ones_do_where_layers_do_not_count(rule):
    if rule in (LAMB, LARS, Adafactor, Shampoo, Cautious):
        pytest.skip("layers are what these are about")
    nested = rule(
        lambda w: rosenbrock(np.stack([w["a"][0], w["b"]])), {"a": [-1.5], "b": 2.0}, 1e-3
    )
    flat = rule(rosenbrock, [-1.5, 2.0], 1e-3)
    numpy.testing.assert_allclose(nested.minimize(10).theta, flat.minimize(10).theta, rtol=1e-12)
    assert set(nested.theta) == {"a", "b"}


@EVERY_RULE
def test_repr_shows_the_rule_with_its_hyper_parameters_and_a_notebook_its_formula(rule):
    optimizer = rule(rosenbrock, [-1.5, 2.0], lr=0.125)
    assert repr(optimizer).startswith(f"{rule.__name__}(lr=0.125")
    assert formula(rule) in optimizer._repr_markdown_()
    assert r"\theta_t" in formula(rule)


@EVERY_RULE
def test_a_rule_names_its_source_and_shows_an_example(rule):
    assert "Source" in rule.__doc__
    assert ">>>" in rule.__doc__


@EVERY_RULE
def test_the_caller_s_weights_never_change(rule):
    weights = {"a": numpy.array([-1.5, 2.0])}
    optimizer = rule(lambda w: rosenbrock(w["a"]), weights)
    optimizer.minimize(3)
    with pytest.raises(ValueError, match="read-only"):
        optimizer.theta["a"][:] = 0
    assert weights["a"].tolist() == [-1.5, 2.0]
    assert optimizer.theta["a"].any()


@settings(deadline=None)
@given(st.floats(0.001, 1), st.floats(-100, 100).filter(lambda x: abs(x) > 1e-3))
def test_adam_s_first_step_is_lr_in_the_direction_of_the_sign(lr, x):
    adam = Adam(lambda w: np.sum(w**2), [x], lr)
    adam.minimize_raw()
    assert adam.theta[0] == pytest.approx(x - lr * numpy.sign(x), abs=1e-4 * lr)


def test_under_adamw_a_weight_without_gradient_shrinks_by_one_minus_lr_times_decay():
    adamw = AdamW(lambda w: w[0] + 0 * w[1], [1.0, 2.0], lr=0.1, weight_decay=0.5)
    path = adamw.minimize(3)
    numpy.testing.assert_allclose(path.theta[:, 1], 2.0 * 0.95 ** numpy.arange(4), rtol=1e-14)


@settings(max_examples=40, deadline=None)
@given(st.floats(1, 1e4), st.floats(0, 90), st.integers(2, 6), st.integers(0, 99))
def test_newton_reaches_the_minimum_of_a_convex_quadratic_in_one_step(condition, angle, n, seed):
    start = numpy.random.default_rng(seed).normal(size=n)
    function = quadratic(condition, angle, n)
    end = Newton(function, start).minimize(1).theta[-1]
    numpy.testing.assert_allclose(end, function.minima[0], atol=1e-8)


def test_newton_leaves_directions_without_curvature_alone():
    path = Newton(lambda w: (w[0] - 3) ** 2 + 0 * w[1], [1.0, 5.0]).minimize(1)
    numpy.testing.assert_allclose(path.theta[-1], [3, 5])


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("scale", [1.0, 1e-150, 1e150])
def test_the_pseudo_inverse_is_numpy_s(n, scale):
    rng = numpy.random.default_rng(n)
    H = rng.normal(size=(200, n, n)) * 10.0 ** rng.uniform(-4, 4, (200, 1, n))
    whole = rng.integers(-3, 4, size=(200, n, 1)).astype(float)
    one_direction = whole * whole.swapaxes(-1, -2)  # and now and then none
    for some in (H + H.swapaxes(-1, -2), H @ H.swapaxes(-1, -2), one_direction):
        symmetric = scale * numpy.tril(some) + scale * numpy.tril(some, -1).swapaxes(-1, -2)
        right = numpy.linalg.pinv(symmetric, rtol=n * numpy.finfo(float).eps, hermitian=True)
        size, reach = (numpy.abs(x).max(axis=(-2, -1)) for x in (right, symmetric))
        off = numpy.abs(pseudo_inverse(symmetric) - right).max(axis=(-2, -1))
        assert (off <= 1e-15 * (1 + size * reach) * size).all()


def test_a_curvature_that_is_not_finite_stops_newton_in_that_run_alone():
    starts = numpy.array([[1.0, 2.0], [0.0, 2.0], [1.0, 3.0]])
    path = Newton(batched(lambda w: np.sum(np.abs(w) ** 1.5, axis=-1)), starts).minimize(1)
    assert path.diverged.tolist() == [False, True, False]
    numpy.testing.assert_allclose(path.theta[-1][[0, 2]], -starts[[0, 2]])


def test_damping_shortens_newton_s_step():
    path = Newton(lambda w: np.sum(w**2), [2.0], damping=2.0).minimize(1)
    assert path.theta[-1, 0] == pytest.approx(1.0)


def test_phi_clips_the_norm_of_the_weights_and_may_be_any_function():
    def step(phi):
        lamb = LAMB(lambda w: np.sum(w**2), [30.0, 40.0], lr=1.0, weight_decay=0, phi=phi)
        return numpy.linalg.norm(lamb.theta - lamb.minimize(1).theta[-1])

    assert step(None) == pytest.approx(50)
    assert step((0, 10)) == pytest.approx(10)
    assert step((100, 200)) == pytest.approx(100)
    assert step(lambda norm: 0 * norm + 7) == pytest.approx(7)


def test_lamb_without_gradient_and_without_weights_has_a_ratio_of_one():
    lamb = LAMB(
        lambda w: np.sum(w["a"]) + 0 * np.sum(w["b"]), {"a": [0.0], "b": [1.0]}, weight_decay=0
    )
    lamb.minimize_raw()
    assert lamb.trust_ratio.tolist() == [1, 1]


def test_lookahead_wraps_any_rule_and_takes_its_default_learning_rate():
    assert Lookahead(rosenbrock, [0.0, 0.0], inner=SGD).lr == SGD.lr
    assert Lookahead(rosenbrock, [0.0, 0.0]).lr == Adam.lr
    wrapped = Lookahead(rosenbrock, [0.0, 0.0], 0.5, inner=partial(RMSProp, rho=0.5))
    assert wrapped.hyper_parameters["rho"] == 0.5
    assert "inner=RMSProp(rho=0.5)" in repr(wrapped)


def test_lookahead_with_alpha_one_is_the_inner_rule():
    inner = Momentum(rosenbrock, [-1.5, 2.0], 1e-3).minimize(20)
    outer = Lookahead(rosenbrock, [-1.5, 2.0], 1e-3, inner=Momentum, k=3, alpha=1.0).minimize(20)
    numpy.testing.assert_allclose(outer.theta, inner.theta, rtol=1e-13)


def test_lookahead_makes_the_inner_rule_s_whole_step():
    class Halving(SGD):
        def update(self, theta, g):
            return theta / 2

    path = Lookahead(rosenbrock, [4.0, 8.0], inner=Halving, k=10).minimize(2)
    assert path.theta.tolist() == [[4, 8], [2, 4], [1, 2]]


def test_lookahead_around_newton_sees_the_batch():
    target = [np.array([1.0, 2.0])] * 2
    loss = lambda w, batch: np.sum((w - batch) ** 2)  # noqa: E731
    path = Lookahead(loss, [0.0, 0.0], inner=Newton, k=5).minimize(2, batches=target)
    numpy.testing.assert_allclose(path.theta[-1], [1, 2])


def test_a_schedule_is_asked_at_each_step_from_one_on():
    asked = []

    def schedule(t):
        asked.append(t)
        return 0.1 / t

    sgd = SGD(lambda w: np.sum(w), [0.0], lr=schedule)
    asked.clear()  # it was asked once before: how many runs it is for
    path = sgd.minimize(3)
    assert asked == [1, 2, 3]
    numpy.testing.assert_allclose(path.theta[:, 0], [0, -0.1, -0.15, -0.15 - 0.1 / 3])
    assert "lr=schedule" in repr(sgd)


def test_inner_state_can_be_looked_at_between_steps():
    adam = Adam(rosenbrock, [-1.5, 2.0])
    assert adam.t == 0
    assert adam.m.tolist() == [0, 0]
    adam.minimize_raw()
    assert adam.t == 1
    numpy.testing.assert_allclose(adam.m_hat, adam.g)
    numpy.testing.assert_allclose(adam.v_hat, adam.g**2)


def test_every_rule_meets_the_same_noise():
    function = noisy(rosenbrock, 0.5, seed=3)
    a, b = SGD(function, [0.0, 0.0], 0.0), SGD(function, [0.0, 0.0], 0.0)
    assert a.minimize(5).loss.tolist() == b.minimize(5).loss.tolist()
    noise = a.minimize(5, watch="g")["g"][1:]
    assert len(numpy.unique(noise, axis=0)) == 5


class SignDescent(Optimizer):
    """A student's rule with a hyper-parameter of its own."""

    scale = 0.5

    def direction(self, theta, g):
        return self.scale * np.sign(g)


def test_a_student_s_rule_is_a_subclass_with_a_direction_and_its_class_attributes():
    rule = SignDescent(lambda w: np.sum(w**2), [3.0, -2.0], lr=1.0)
    assert repr(rule) == "SignDescent(lr=1.0, scale=0.5)"
    assert rule.minimize(2).theta[-1].tolist() == [2.0, -1.0]
    assert (
        SignDescent(lambda w: np.sum(w**2), [3.0], lr=1.0, scale=2.0).minimize(1).theta[-1] == 1.0
    )


def test_a_student_s_rule_may_have_an_init_in_the_article_s_style():
    class Scaled(SGD):
        def __init__(self, loss, weights, lr=0.1, gamma=0.5):
            super().__init__(loss, weights, lr)
            self.gamma = gamma

        def direction(self, theta, g):
            return self.gamma * g

    assert repr(Scaled(rosenbrock, [0.0, 0.0], gamma=0.25)) == "Scaled(lr=0.1, gamma=0.25)"
    with pytest.raises(TypeError, match="Did you mean 'gamma'"):
        Scaled(rosenbrock, [0.0, 0.0], gama=0.25)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.floats(1e-3, 1e3), st.integers(0, 99))
def test_newton_schulz_brings_singular_values_near_one_and_keeps_the_vectors(rows, columns, s, i):
    rng = numpy.random.default_rng(i)
    U, _, Vt = numpy.linalg.svd(rng.normal(size=(rows, columns)), full_matrices=False)
    X = s * U * rng.uniform(0.02, 1, size=len(Vt)) @ Vt
    inside = U.T @ newton_schulz(X, 5, Muon.ns_coefficients) @ Vt.T
    numpy.testing.assert_allclose(inside, numpy.diag(numpy.diag(inside)), atol=1e-9)
    assert numpy.diag(inside).min() > 0.68
    assert numpy.diag(inside).max() < 1.21


SLOPES = {"wide": numpy.eye(3, 12) * [[9.0], [1.0], [0.1]]}
SLOPES |= {"tall": SLOPES["wide"].T, "bias": numpy.array([3.0, -1.0])}


def slanted(w):
    """A batched loss whose gradient is SLOPES."""
    matrices = sum(np.sum(SLOPES[name] * w[name], axis=(-2, -1)) for name in ("wide", "tall"))
    return matrices + np.sum(SLOPES["bias"] * w["bias"], axis=-1)


slanted.batched = True


def flat_start():
    return {name: numpy.zeros(slope.shape) for name, slope in SLOPES.items()}


def test_muon_steps_equally_far_in_all_directions_of_a_matrix():
    muon = Muon(slanted, flat_start(), lr=0.1, nesterov=False)
    muon.minimize_raw()
    for name, scale in (("wide", 2.0), ("tall", 1.0)):  # √(columns / rows), 1 at the least
        lengths = numpy.linalg.svd(muon.theta[name], compute_uv=False)
        assert lengths.min() > 0.68 * scale * 0.1
        assert lengths.max() < 1.21 * scale * 0.1
    numpy.testing.assert_allclose(muon.theta["bias"], [-0.1, 0.1], rtol=1e-6)


@pytest.mark.parametrize(
    ("adjust_lr", "wide", "tall"),  # of 3 × 12 and of 12 × 3, inputs × outputs
    [
        ("original", 2.0, 1.0),
        ("match_rms_adamw", 0.2 * 12**0.5, 0.2 * 12**0.5),
        ("rms_to_rms", 2.0, 0.5),
    ],
)
def test_muon_s_three_scales_are_those_of_their_authors(adjust_lr, wide, tall):
    plain = Muon(slanted, flat_start(), lr=0.1, ns_steps=9)
    scaled = Muon(slanted, flat_start(), lr=0.1, ns_steps=9, adjust_lr=adjust_lr)
    plain.minimize(3)
    scaled.minimize(3)
    for name, factor, original in (("wide", wide, 2.0), ("tall", tall, 1.0)):
        expected = plain.theta[name] * factor / original
        numpy.testing.assert_allclose(scaled.theta[name], expected, rtol=1e-12)
    numpy.testing.assert_array_equal(scaled.theta["bias"], plain.theta["bias"])


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 20), st.integers(2, 20), st.integers(0, 99))
def test_each_of_muon_s_scales_keeps_what_it_is_named_after(rows, columns, seed):
    rng = numpy.random.default_rng(seed)
    U, _, Vt = numpy.linalg.svd(rng.normal(size=(rows, columns)), full_matrices=False)
    slopes = U * rng.uniform(0.1, 1, size=len(Vt)) @ Vt

    def step(adjust_lr):
        muon = Muon(lambda w: np.sum(slopes * w), np.zeros((rows, columns)), 1.0, **adjust_lr)
        return muon.minimize(1).weights(1)

    rms = numpy.sqrt(numpy.mean(step({"adjust_lr": "match_rms_adamw"}) ** 2))
    assert 0.68 * 0.2 < rms < 1.21 * 0.2
    inputs = rng.normal(size=(5, rows))
    inputs /= numpy.sqrt(numpy.mean(inputs**2, axis=1, keepdims=True))
    moved = inputs @ step({"adjust_lr": "rms_to_rms"})
    assert numpy.sqrt(numpy.mean(moved**2, axis=1)).max() < 1.21
    assert 0.68 < numpy.linalg.norm(step({}), 2) / max(1, columns / rows) ** 0.5 < 1.21


def test_muon_moves_what_is_no_matrix_as_adamw_does():
    muon = Muon(
        *(rosenbrock, [-1.5, 2.0]),
        lr=7.0,
        nesterov=False,
        adam_lr=0.05,
        adam_beta1=0.8,
        adam_beta2=0.9,
        adam_weight_decay=0.1,
        weight_decay=7.0,
    )
    adamw = AdamW(rosenbrock, [-1.5, 2.0], lr=0.05, beta1=0.8, beta2=0.9, weight_decay=0.1)
    theirs = adamw.minimize(30, watch=("m_hat", "v_hat"))
    ours = muon.minimize(30, watch=("m_hat", "v_hat"))
    numpy.testing.assert_allclose(ours.theta, theirs.theta, rtol=1e-13)
    numpy.testing.assert_allclose(ours["m_hat"], theirs["m_hat"], rtol=1e-13)
    numpy.testing.assert_allclose(ours["v_hat"], theirs["v_hat"], rtol=1e-13)


def test_muon_keeps_no_second_moment_of_matrices():
    muon = Muon(slanted, flat_start())
    assert muon.m.size == 74
    assert muon.v.size == 2


def test_muon_s_matrices_stand_still_at_lr_zero_and_the_rest_goes_on():
    muon = Muon(slanted, flat_start(), lr=lambda t: 0.0, nesterov=False, adam_lr=0.1)
    end = muon.minimize(3).weights(3)
    assert not end["wide"].any()
    numpy.testing.assert_allclose(end["bias"], [-0.3, 0.3], rtol=1e-6)


@pytest.mark.parametrize("extra", [{}, {"adam_lr": 0.02}], ids=["one lr", "two"])
def test_muon_on_matrices_of_many_runs_is_the_runs_one_by_one(extra):
    lr, beta = numpy.array([0.1, 0.02, 0.5]), numpy.array([0.5, 0.95, 0.0])
    together = Muon(slanted, flat_start(), lr, beta=beta, weight_decay=0.1, **extra).minimize(8)
    for i in range(3):
        alone = Muon(
            slanted, flat_start(), lr[i].item(), beta=beta[i].item(), weight_decay=0.1, **extra
        ).minimize(8)
        numpy.testing.assert_allclose(together.theta[:, i], alone.theta, rtol=1e-9, atol=1e-12)


def test_muon_goes_on_with_some_of_the_runs():
    lr = numpy.array([0.1, 0.02, 0.5])
    some = Muon(slanted, flat_start(), lr, adam_lr=0.02)
    some.minimize(3)
    some.select(numpy.array([True, False, True]))
    whole = Muon(slanted, flat_start(), lr, adam_lr=0.02).minimize(6)
    numpy.testing.assert_array_equal(some.minimize(3).theta[-1], whole.theta[-1, [0, 2]])


def test_lion_moves_every_weight_by_lr():
    path = Lion(rosenbrock, [-1.5, 2.0], lr=0.01).minimize(30)
    numpy.testing.assert_allclose(numpy.abs(numpy.diff(path.theta, axis=0)), 0.01, rtol=1e-9)


# ------------------------------------------------------------- matrices, as Adafactor and its like


@batched
def bent(w):
    """A loss of a matrix, a taller one and a vector, for one run or many."""
    hidden = np.tanh(w["wide"] @ w["tall"] - 0.5)
    return np.sum(hidden**2, axis=(-2, -1)) + np.sum((w["bias"] - 1) ** 4, axis=-1)


def bent_start():
    rng = numpy.random.default_rng(5)
    shapes = {"wide": (2, 3), "tall": (3, 2), "bias": (2,)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


OF_MATRICES = pytest.mark.parametrize(
    "rule",
    [Adafactor, Shampoo, partial(SOAP, precondition_frequency=2), partial(Cautious, inner=SOAP)],
    ids=["Adafactor", "Shampoo", "SOAP", "Cautious SOAP"],
)


@OF_MATRICES
def test_matrices_of_many_runs_move_as_those_of_the_runs_one_by_one(rule):
    lr = numpy.array([0.1, 0.02, 0.5])
    together = rule(bent, bent_start(), lr).minimize(12)
    for i in range(3):
        alone = rule(bent, bent_start(), lr[i].item()).minimize(12)
        numpy.testing.assert_allclose(together.theta[:, i], alone.theta, rtol=1e-9, atol=1e-12)


@OF_MATRICES
def test_matrices_of_some_of_the_runs_go_on(rule):
    lr = numpy.array([0.1, 0.02, 0.5])
    some = rule(bent, bent_start(), lr)
    some.minimize(5)
    some.select(numpy.array([True, False, True]))
    whole = rule(bent, bent_start(), lr).minimize(12)
    numpy.testing.assert_allclose(some.minimize(7).theta[-1], whole.theta[-1, [0, 2]], rtol=1e-12)


@pytest.mark.parametrize("rule", [Shampoo, SOAP])
def test_a_matrix_that_is_not_finite_stops_no_run_beside_it(rule):
    loss = batched(lambda w: np.sum(w["a"] ** 4, axis=(-2, -1)))
    lr = numpy.array([0.1, 1e200])
    path = rule(loss, {"a": numpy.ones((3, 3))}, lr).minimize(6)
    assert path.diverged.tolist() == [False, True]
    assert numpy.isfinite(path.theta[:, 0]).all()


def test_adafactor_keeps_a_number_a_row_and_a_column_and_has_the_v_of_a_product():
    slopes = numpy.outer([1.0, 2.0, 30.0], [5.0, 0.1])
    made = Adafactor(lambda w: np.sum(slopes * w), numpy.ones((3, 2)), lr=0.1)
    made.minimize_raw()
    assert (made.r.size, made.c.size, made.v.size) == (3, 2, 0)
    numpy.testing.assert_allclose(made.theta, numpy.full((3, 2), 0.9))  # a step of signs


def test_adafactor_s_steps_are_no_longer_than_lr_times_the_weights():
    path = Adafactor(rosenbrock, [-1.5, 2.0], lr=0.05).minimize(50)
    steps = numpy.linalg.norm(numpy.diff(path.theta, axis=0), axis=1)
    assert (steps <= 0.05 * numpy.linalg.norm(path.theta[:-1], axis=1) * (1 + 1e-12)).all()


def test_adafactor_s_steps_do_not_hang_on_the_unit_of_the_loss():
    one, other = (
        Adafactor(lambda w, unit=unit: unit * bent(w), bent_start(), epsilon=0.0).minimize(20)
        for unit in (1.0, 2.0**266)
    )
    numpy.testing.assert_allclose(other.theta, one.theta, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("scale", [1.0, 1e-100, 1e150])
def test_an_inverse_root_is_one(n, order, scale):
    G = numpy.random.default_rng(n).normal(size=(50, n, n))
    A = G @ G.mT + 0.01 * numpy.eye(n)
    root = inverse_root(scale * A, order, 0.01 * scale) * scale ** (1 / order)
    found = numpy.linalg.matrix_power(root, order) @ A
    numpy.testing.assert_allclose(found, numpy.broadcast_to(numpy.eye(n), A.shape), atol=1e-9)


@pytest.mark.parametrize("n", [2, 3])
def test_an_inverse_root_is_no_larger_than_the_least_eigenvalue_allows(n):
    g = numpy.random.default_rng(0).normal(size=(200, n, 1)) * 1e6
    root = inverse_root(g @ g.mT, 2, 1e-6)  # of rank one, but for what rounding makes of it
    assert numpy.linalg.norm(root, 2, axis=(-2, -1)).max() <= 1e3 * (1 + 1e-6)


@pytest.mark.parametrize("shape", [(2,), (5,), (2, 2), (3, 2), (2, 3, 2)])
@pytest.mark.parametrize("scale", [1e3, 1e13, 1e100])
def test_shampoo_s_first_step_of_rank_one_has_length_one(shape, scale):
    rng = numpy.random.default_rng(0)
    for _ in range(10):
        slopes = scale * np.ones(())
        for n in shape:
            slopes = numpy.multiply.outer(slopes, rng.normal(size=n))
        path = Shampoo(lambda w, slopes=slopes: np.sum(slopes * w), 0 * slopes, lr=1.0).minimize(1)
        step, along = path.theta[-1], -slopes.ravel() / numpy.linalg.norm(slopes)
        numpy.testing.assert_allclose(step, along, atol=1e-5)


@pytest.mark.parametrize(
    "rule", [Shampoo, partial(SOAP, weight_decay=0.0)], ids=["Shampoo", "SOAP"]
)
def test_turning_the_rows_of_a_matrix_turns_the_path(rule):
    rng = numpy.random.default_rng(0)
    turn, target = numpy.linalg.qr(rng.normal(size=(3, 3))).Q, rng.normal(size=(3, 3))
    loss = lambda w: np.sum(np.array([[9.0], [1.0], [0.1]]) * (w - target) ** 2)  # noqa: E731
    straight = rule(loss, numpy.zeros((3, 3)), lr=0.1).minimize(40)
    turned = rule(lambda w: loss(turn @ w), numpy.zeros((3, 3)), lr=0.1).minimize(40)
    numpy.testing.assert_allclose(turned.loss, straight.loss, rtol=1e-6)


def test_a_side_too_long_for_a_matrix_of_its_own_is_refused_or_left_as_it_is():
    long = numpy.ones((10_001, 1))
    loss = lambda w: np.sum((w - 2) ** 2)  # noqa: E731
    with pytest.raises(ValueError, match=r"10,001 is too long, at most 10,000 is"):
        Shampoo(loss, long)
    soap = SOAP(loss, long, lr=0.1, weight_decay=0.0, precondition_frequency=1)
    assert soap.minimize(3).weights(3) == pytest.approx(numpy.full((10_001, 1), 1.2), rel=1e-2)
    assert (soap.L.size, soap.R.size) == (0, 1)


# ------------------------------------------------------------------------- the other newer rules


def test_radam_begins_as_a_momentum_without_v():
    path = RAdam(rosenbrock, [-1.5, 2.0], lr=1e-4).minimize(5, watch=("m_hat", "r"))
    numpy.testing.assert_allclose(path.theta[1:], path.theta[:-1] - 1e-4 * path["m_hat"][1:])
    assert not path["r"][1:].any()


@pytest.mark.parametrize("beta2", [0.0, 1 / 3, 0.5, 0.6, 2 / 3])
def test_radam_of_a_short_memory_never_uses_v(beta2):
    radam = RAdam(rosenbrock, [-1.5, 2.0], lr=1e-4, beta2=beta2)
    assert numpy.isfinite(radam.minimize(30).theta).all()
    assert radam.r == 0


def test_adopt_looks_first_and_moves_then_by_no_more_than_the_bound():
    path = ADOPT(rosenbrock, [-1.5, 2.0], lr=0.01, beta1=0.0).minimize(30)
    steps = numpy.abs(numpy.diff(path.theta, axis=0)).max(axis=1)
    assert steps[0] == 0 < steps[1]
    assert (steps <= 0.01 * numpy.arange(30) ** 0.25 * (1 + 1e-9)).all()


@pytest.mark.parametrize("rule", [DoG, Prodigy])
def test_the_unit_of_the_loss_makes_no_difference_without_a_learning_rate(rule):
    one = rule(rosenbrock, [-1.5, 2.0], epsilon=0.0).minimize(300)
    other = rule(lambda x: 1024 * rosenbrock(x), [-1.5, 2.0], epsilon=0.0).minimize(300)
    assert one.loss[-1] < one.loss[0] / 2
    numpy.testing.assert_allclose(other.theta, one.theta, rtol=1e-6)


@pytest.mark.parametrize("rule", [DoG, Prodigy])
def test_from_weights_that_are_set_a_rule_without_a_learning_rate_starts_anew(rule):
    starts = numpy.array([[-1.5, 2.0], [0.5, 0.5]])
    moved, fresh = rule(rosenbrock, [-1.5, 2.0]), rule(rosenbrock, [30.0, -20.0])
    moved.minimize(100)
    moved.theta = [30.0, -20.0]
    assert numpy.array_equal(moved.minimize(50).theta, fresh.minimize(50).theta)
    moved, fresh = rule(rosenbrock, starts), rule(rosenbrock, 10 * starts)
    moved.minimize(100)
    moved.theta = 10 * starts
    assert numpy.array_equal(moved.minimize(50).theta, fresh.minimize(50).theta)


@pytest.mark.parametrize("rule", [DoG, Prodigy])
def test_at_a_stationary_start_a_rule_without_a_learning_rate_stays(rule):
    path = rule(rosenbrock, [1.0, 1.0]).minimize(3)
    assert (path.theta == 1).all()


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([Adam, Momentum, Lion, Muon, RMSProp]), st.integers(0, 99))
def test_under_cautious_no_weight_moves_up_its_gradient(inner, seed):
    start = numpy.random.default_rng(seed).uniform(-2, 2, 2)
    path = Cautious(rosenbrock, start, lr=1e-3, inner=inner).minimize(40, watch="g")
    steps, slopes = numpy.diff(path.theta, axis=0), path["g"][1:]
    assert (numpy.sign(steps) * numpy.sign(slopes) <= 0).all()


def test_cautious_around_what_always_agrees_is_the_inner_rule():
    inner = SGD(rosenbrock, [-1.5, 2.0], 1e-3).minimize(20)
    outer = Cautious(rosenbrock, [-1.5, 2.0], 1e-3, inner=SGD).minimize(20)
    numpy.testing.assert_allclose(outer.theta, inner.theta, rtol=1e-13)


def test_cautious_lengthens_the_steps_of_those_that_agree_and_holds_the_others():
    class Crosswise(SGD):
        def direction(self, theta, g):
            return g * np.array([1.0, 1.0, 1.0, -1.0])

    cautious = Cautious(lambda w: np.sum(w), numpy.zeros(4), lr=0.3, inner=Crosswise)
    assert cautious.minimize(1).theta[-1] == pytest.approx([-0.4, -0.4, -0.4, 0.0])


def test_sam_steps_with_the_gradient_uphill_and_says_that_it_takes_two():
    sam = SAM(rosenbrock, [-1.5, 2.0], 1e-3, inner=SGD, rho=0.1)
    sgd = SGD(rosenbrock, [-1.5, 2.0])
    sgd.minimize_raw()
    sam.minimize_raw()
    ahead = SGD(rosenbrock, [-1.5, 2.0] + 0.1 * sgd.g / numpy.linalg.norm(sgd.g), 0.0)
    ahead.minimize_raw()
    numpy.testing.assert_allclose(sam.theta, [-1.5, 2.0] - 1e-3 * ahead.g, rtol=1e-13)
    assert sam.gradients_per_step == 2


def test_sam_takes_both_gradients_on_the_batch_of_the_step():
    seen = []

    def loss(w, batch):
        seen.append(batch)
        return np.sum((w - batch) ** 2)

    sam = SAM(loss, [0.0, 0.0], 0.1, inner=SGD)
    for batch in (1.0, 2.0):
        seen.clear()
        sam.minimize_raw(batch)
        assert set(seen) == {batch}


def test_sam_of_no_radius_is_the_inner_rule_and_at_a_stationary_point_it_stays():
    inner = Adam(rosenbrock, [-1.5, 2.0], 1e-3).minimize(20)
    outer = SAM(rosenbrock, [-1.5, 2.0], 1e-3, rho=0.0).minimize(20)
    assert numpy.array_equal(outer.theta, inner.theta)
    assert (SAM(rosenbrock, [1.0, 1.0]).minimize(3).theta == 1).all()


def test_sam_looks_no_farther_uphill_than_weights_may_go():
    loss, within = lambda w: np.sum(w * np.log(w)), lambda w: np.maximum(w, 0.001)
    path = SAM(loss, [0.01, 0.02], 0.01, inner=SGD, project=within).minimize(500)
    assert path.theta[-1] == pytest.approx([np.exp(-1), np.exp(-1)], abs=0.05)


@pytest.mark.parametrize("loss", [rosenbrock, lambda x: (x[0] - 1) ** 4 + x[1] ** 2])
def test_sam_in_many_runs_is_sam_in_each(loss):
    lr = numpy.array([1e-4, 1e-5, 2e-4])
    together = SAM(loss, [-1.5, 2.0], lr, inner=Momentum, rho=0.1).minimize(30)
    for i in range(3):
        alone = SAM(loss, [-1.5, 2.0], lr[i].item(), inner=Momentum, rho=0.1).minimize(30)
        numpy.testing.assert_allclose(together.theta[:, i], alone.theta, rtol=1e-9)


# ------------------------------------------------------------------------------- frozen weights


@batched
def bound(w):
    """A loss of weights that bend each other's slopes."""
    inner = np.sum(w["a"] * w["b"], axis=-1) - 3
    return inner**2 + np.sum((w["b"] - 1) ** 2, axis=-1) + 5 * np.sum(w["a"], axis=-1)


@pytest.mark.parametrize(
    "rule",
    [SGD, Adam, DoG, Prodigy, Newton, LBFGS, NonlinearCG, partial(SAM, rho=0.5)],
    ids=["SGD", "Adam", "DoG", "Prodigy", "Newton", "LBFGS", "NonlinearCG", "SAM"],
)
def test_frozen_weights_make_no_difference_to_the_others(rule):
    a, b = numpy.array([2.0, -1.0]), numpy.array([0.5, 3.0])
    frozen = rule(bound, {"a": a, "b": b}, {"a": 0.0})
    alone = rule(lambda w: bound({"a": a, "b": w}), b)
    path, right = frozen.minimize(60).theta, alone.minimize(60).theta
    assert (path[:, :2] == a).all()
    numpy.testing.assert_allclose(path[:, 2:], right, rtol=1e-9)


def test_the_gradient_of_a_step_without_a_rate_counts_as_others_do():
    dog = DoG(rosenbrock, [-1.5, 2.0], lambda t: 0.0 if t < 3 else 1.0)
    dog.minimize(2)
    assert dog.G.item() == pytest.approx(2 * numpy.sum(dog.g**2))
