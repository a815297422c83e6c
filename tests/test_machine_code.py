import subprocess
import sys
from collections import OrderedDict
from functools import partial

import autograd.numpy as anp
import numpy as np
import pytest
from traced import carried_by, traced_step

from optimizers import (
    RULES,
    SGD,
    Adam,
    AdamW,
    Lookahead,
    Momentum,
    NAdam,
    Newton,
    Optimizer,
    RMSProp,
)
from optimizers.engine.assembly import Text, compiled
from optimizers.engine.machine_code import Machine
from optimizers.engine.numpy_loops import numpy_loop
from optimizers.engine.scalars import Untraceable
from optimizers.engine.seen import Seen
from optimizers.engine.updates import Updates
from optimizers.functions import FUNCTIONS, ackley, noisy, rosenbrock, sphere

pytest.importorskip("llvmlite")

ACROSS_WEIGHTS = {"LAMB", "LARS", "Adafactor", "Muon", "Shampoo", "SOAP", "DoG", "Prodigy"}
ACROSS_WEIGHTS |= {"Cautious"}
ELEMENTWISE = set(RULES) - ACROSS_WEIGHTS - {"Newton"}


@pytest.fixture(autouse=True)
def _quiet():
    with np.errstate(all="ignore"):
        yield


def step_by_step(optimizer):
    """Somebody who looks at every step: NumPy makes them."""


def same(a, b):
    return np.array_equal(a, b, equal_nan=True)


def assert_equal_paths(optimizer, steps, columns=frozenset(), etas=None, batches=None, **how):
    """Run it compiled and on NumPy; all numbers of the two are equal."""
    watch = how.get("watch", ())
    step = traced_step(optimizer, watch)
    runs = None if optimizer._theta.ndim == 1 else len(optimizer._theta)
    machine = Machine(step, runs, columns)
    start = carried_by(optimizer) | {n: getattr(optimizer, n, None) for n in watch}
    start = {name: None if x is None else np.copy(x, order="K") for name, x in start.items()}
    marks, before = optimizer._diverged_at, optimizer.t
    how = {name: value for name, value in how.items() if name != "watch"}
    ours = machine.run(
        start, before, steps, step.settings, etas=etas, batches=batches, diverged_at=marks, **how
    )
    theirs = optimizer.minimize(steps, watch=watch, callback=step_by_step, **how)
    at = -1 if theirs.diverged_at is None else theirs.diverged_at
    assert same(ours.step, theirs.step)
    assert same(ours.theta, theirs.theta)
    assert same(ours.loss, theirs.loss)
    assert same(ours.grad_norm, theirs.grad_norm)
    assert same(ours.diverged_at, at)
    for name in watch:
        assert same(ours.watched[name], theirs[name]), name
    for name, value in carried_by(optimizer).items():
        assert same(ours.state[name], value), name


@pytest.mark.parametrize("label", FUNCTIONS)
def test_every_rule_on_every_function_gives_numpys_numbers(label):
    function = FUNCTIONS[label]
    for rule in RULES.values():
        for lr in ({}, {"lr": 0.7}):
            assert_equal_paths(rule(function, function.start, **lr), 60)


@pytest.mark.parametrize("label", FUNCTIONS)
def test_many_runs_have_the_numbers_of_runs_side_by_side(label):
    function = FUNCTIONS[label]
    starts = np.random.default_rng(0).uniform(*function.domain.T, (37, 2))
    for rule in (SGD, Adam, Newton, partial(Momentum, nesterov=True)):
        assert_equal_paths(rule(function, starts, lr=0.05), 40, every=7)


def test_settings_may_differ_from_run_to_run():
    rates, betas = np.geomspace(1e-4, 3, 21), np.linspace(0.5, 0.99, 21)
    starts = np.tile(rosenbrock.start, (21, 1))
    for rule, settings in (
        (SGD, {"lr": rates}),
        (AdamW, {"lr": rates, "beta1": betas, "weight_decay": rates}),
        (RMSProp, {"rho": betas}),
        (Newton, {"lr": rates, "damping": rates}),
    ):
        assert_equal_paths(rule(rosenbrock, starts, **settings), 50, frozenset(settings), every=3)


def test_a_schedule_is_followed():
    def schedule(t):
        return 0.1 / (1 + t)

    etas = [schedule(t) for t in range(1, 81)]
    assert_equal_paths(Adam(rosenbrock, rosenbrock.start, lr=schedule), 80, etas=etas)


def test_a_schedule_may_differ_from_run_to_run():
    rates = np.geomspace(1e-3, 1, 11)[:, np.newaxis]

    def schedule(t):
        return rates / t

    optimizer = Adam(rosenbrock, np.tile(rosenbrock.start, (11, 1)), lr=schedule)
    etas = [schedule(t) for t in range(1, 31)]
    assert_equal_paths(optimizer, 30, frozenset({"eta"}), etas=etas)


def test_the_noise_of_a_step_is_handed_in():
    function = noisy(ackley, sigma=0.3, seed=4)
    noise = [function.noise(t) for t in range(1, 52)]
    assert_equal_paths(Adam(function, ackley.start, lr=0.1), 50, batches=noise)
    starts = np.random.default_rng(0).uniform(-3, 3, (9, 2))
    assert_equal_paths(Adam(function, starts, lr=0.1), 50, batches=noise)


@pytest.mark.parametrize("steps", [0, 1, 5, 499])
def test_every_row_that_is_due_is_kept(steps):
    for every in (1, 2, 7, 1000):
        assert_equal_paths(Adam(rosenbrock, rosenbrock.start, lr=0.05), steps, every=every)


def test_it_stops_where_the_gradient_is_small_enough():
    for tol in (1e9, 1.0, 1e-3, 0.0):
        assert_equal_paths(SGD(sphere, sphere.start, lr=0.1), 400, tol=tol)
        starts = np.random.default_rng(0).uniform(-3, 3, (5, 2))
        assert_equal_paths(SGD(sphere, starts, lr=0.1), 400, tol=tol, every=6)


def test_runs_that_diverge_are_marked_at_the_same_step():
    assert_equal_paths(SGD(rosenbrock, rosenbrock.start, lr=1.0), 50)
    starts = np.array([[-1.5, 2.0], [1.0, 1.0], [0.9, 0.8], [9.0, 9.0]])
    assert_equal_paths(Momentum(rosenbrock, starts, lr=0.01), 50, every=4)  # some
    assert_equal_paths(Momentum(rosenbrock, starts[::3], lr=10.0), 50, every=4)  # all


def test_inner_state_is_watched():
    watch = ("m", "m_hat", "v_hat", "eta")
    assert_equal_paths(Adam(rosenbrock, rosenbrock.start, lr=0.05), 30, watch=watch, every=4)
    starts = np.random.default_rng(0).uniform(-1, 1, (10, 2))
    assert_equal_paths(Adam(rosenbrock, starts, lr=0.05), 30, watch=("m_hat", "v"))


def test_a_run_goes_on_where_it_was():
    for optimizer in (
        NAdam(rosenbrock, rosenbrock.start, lr=0.05),
        Lookahead(rosenbrock, rosenbrock.start, inner=partial(Adam, lr=0.1), k=3),
    ):
        for steps in (1, 7, 20):
            assert_equal_paths(optimizer, steps, watch=("m_hat",))


class Patchwork(Optimizer):
    """What students write."""

    gamma = 0.9
    clip = 2.5
    warm = 5
    state = ("m", "s")

    def direction(self, theta, g):
        g = g / max(1.0, self.gamma)
        g = np.clip(g, -self.clip, self.clip)
        if self.t < self.warm:
            g = g * (self.t / self.warm)
        self.m *= self.gamma
        self.m += (1 - self.gamma) * np.where(np.abs(g) > 1, np.sign(g), g**3)
        self.s = np.maximum(self.s, np.linalg.norm(self.m))
        if self.t % 4 == 0:
            self.m = self.m - self.m.mean()
        return self.m / (1e-8 + self.s) + 0.01 * np.tanh(theta) * np.exp(-(theta[0] ** 2))


def test_a_rule_of_ones_own_may_branch_on_t_and_on_settings():
    assert_equal_paths(Patchwork(rosenbrock, rosenbrock.start, lr=0.05), 60)
    assert_equal_paths(Patchwork(ackley, [3.0, -2.0, 1.0], lr=0.2, gamma=0.5), 60)


def test_losses_written_for_one_vector():
    data = np.random.default_rng(0).standard_normal((6, 2))
    losses = [
        lambda x: x[0] ** 2 + 3 * (x[1] - 1) ** 4,
        lambda x: anp.sum(anp.maximum(0, 1 - data @ x)) + 0.1 * anp.sum(x**2),
        lambda x: anp.sum(anp.where(anp.abs(x) < 1, 0.5 * x**2, anp.abs(x) - 0.5)),
        lambda x: anp.linalg.norm(x - anp.array([1.0, 2.0])) + anp.log1p(anp.exp(x[0])),
        lambda x: anp.prod(anp.cos(x)) + anp.mean(anp.stack([x, x**2])) + anp.arctan2(x[0], x[1]),
        lambda x: anp.dot(x, x) ** 1.5 + x[0] ** x[1] ** 2,
    ]
    for loss in losses:
        assert_equal_paths(Adam(loss, [0.7, -0.3], lr=0.05), 40)


def test_weights_of_many_shapes_and_sums_of_many_terms():
    rng = np.random.default_rng(0)
    for size in (7, 8, 9, 17, 40):
        target = rng.standard_normal(size)
        loss = lambda x, target=target: anp.sum((x - target) ** 2 * anp.abs(x))  # noqa: E731
        assert_equal_paths(Adam(loss, rng.standard_normal(size), lr=0.05), 20)
    weights = {"a": rng.standard_normal((2, 3)), "b": [0.5]}
    loss = lambda w: anp.sum(w["a"] ** 2) + w["b"][0] * anp.sum(w["a"])  # noqa: E731
    for rule in (AdamW, RULES["LAMB"], RULES["LARS"]):
        assert_equal_paths(rule(loss, weights, lr=0.05), 20)


def test_weights_are_brought_back_into_a_box():
    box = partial(np.clip, a_min=-1.0, a_max=1.2)
    assert_equal_paths(Adam(rosenbrock, [-0.9, 1.0], lr=0.3, project=box), 40)


@pytest.mark.parametrize("name", ["exp", "log", "sin", "cos", "tanh", "power", "arctan2", "cbrt"])
def test_the_loops_inside_numpy_are_those_of_its_ufuncs(name):
    assert all(isinstance(address, int) for address in numpy_loop(name))


def test_cs_functions_are_found_before_anything_is_compiled():
    code = "from optimizers.engine.numpy_loops import libm_pow; print(libm_pow() > 0)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True"


@pytest.mark.parametrize(
    ("direction", "words"),
    [
        (lambda self, theta, g: g if g[0] > 0 else -g, "branches on a value"),
        (lambda self, theta, g: g * float(g[0]), "takes a value out"),
        (lambda self, theta, g: np.sort(g), "sort is not followed"),
        (lambda self, theta, g: np.linalg.inv(np.diag(g)) @ g, "inv is not followed"),
        (lambda self, theta, g: g.astype(np.float32), "float32"),
        (lambda self, theta, g: g * sum(range(self.t)), "takes a value out"),
        (lambda self, theta, g: g[g > 0], "arrays used as indices"),
    ],
)
def test_what_cannot_be_scalars_is_refused_in_plain_words(direction, words):
    rule = type("Own", (Optimizer,), {"direction": direction})
    with pytest.raises(Untraceable, match=words):
        traced_step(rule(sphere, sphere.start))


def test_a_long_loss_is_refused():
    def loss(x):
        for _ in range(1000):
            x = anp.sin(x) + 0.5 * x
        return anp.sum(x)

    with pytest.raises(Untraceable, match="more than 4000 scalars"):
        traced_step(SGD(loss, [1.0, 2.0, 3.0]))


def test_rows_that_are_computed_beforehand_may_fail_as_they_do_in_python():
    class Odd(Optimizer):
        def direction(self, theta, g):
            return g / (1 / (self.t - 3))

    step = traced_step(Odd(sphere, sphere.start))
    with pytest.raises(Untraceable, match="division by zero"):
        Machine(step).run({"theta": np.array(sphere.start)}, 0, 9, step.settings)


def test_without_llvmlite_it_is_refused(monkeypatch):
    from optimizers.engine import assembly, numpy_loops

    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    monkeypatch.setattr(assembly, "_compiled", OrderedDict())
    numpy_loops.llvm.cache_clear()
    step = traced_step(SGD(sphere, sphere.start))
    with pytest.raises(Untraceable, match="llvmlite is not installed"):
        Machine(step)


def test_what_llvm_refuses_is_refused_in_turn():
    text = Text(1, frozenset())
    text.lines = ["entry:", "  %x = fadd double %nobody, 1.0", "  ret void"]
    with pytest.raises(Untraceable, match="LLVM refuses it"):
        compiled(text)


def test_a_long_run_can_be_interrupted(ctrl_c):
    step = traced_step(Adam(ackley, ackley.start))
    machine, start = Machine(step), carried_by(Adam(ackley, ackley.start))
    with ctrl_c(0.1):
        machine.run(start, 0, 10**9, step.settings, every=10**9)


# ---------------------------------------------------------------- many weights, one by one


def assert_equal_updates(optimizer):
    updates = Updates(optimizer, optimizer.lr)
    for _ in range(4):
        _, g = optimizer.gradient.plainly(optimizer._theta)
        size = optimizer._theta.shape
        held = carried_by(optimizer)
        arrays = {n: x.copy() for n, x in held.items() if x.shape == size}
        shared = {n: x for n, x in held.items() if x.shape != size}
        eta = optimizer._scheduled(optimizer.t + 1) if callable(optimizer.lr) else optimizer.lr
        given = {**Seen(optimizer).settings, **shared, "t": optimizer.t + 1, "eta": eta}
        more = {"eta": eta} if np.ndim(eta) else {}
        after = updates({**arrays, **more, "g": g}, given)
        optimizer._step(g)
        for name, value in carried_by(optimizer).items():
            assert same(after[name], value), name


@pytest.mark.parametrize("name", sorted(ELEMENTWISE))
def test_many_weights_are_updated_in_one_pass(name):
    rng = np.random.default_rng(0)
    weights = {"kernel": rng.standard_normal((13, 7)), "bias": rng.standard_normal(5)}
    loss = lambda w: anp.sum(anp.sin(w["kernel"])) + anp.sum(w["bias"] ** 2)  # noqa: E731
    assert_equal_updates(RULES[name](loss, weights))
    assert_equal_updates(RULES[name](loss, weights, lr={"kernel": 0.1, "bias": 0.0}))
    assert_equal_updates(RULES[name](loss, weights, lr=lambda t: 0.1 / t))


def test_layers_that_are_treated_differently_have_passes_of_their_own():
    loss = lambda w: anp.sum(w["kernel"] ** 3) + anp.sum(w["bias"] ** 2)  # noqa: E731
    weights = {"kernel": np.ones((4, 3)), "bias": np.ones(9)}
    optimizer = AdamW(loss, weights, exclude_from_weight_decay=["bias"])
    assert len(Updates(optimizer, optimizer.lr).updates) == 2
    assert_equal_updates(optimizer)


@pytest.mark.parametrize("name", sorted(ACROSS_WEIGHTS))
def test_a_rule_that_looks_at_whole_layers_is_no_elementwise_one(name):
    with pytest.raises(Untraceable):
        Updates(RULES[name](lambda w: anp.sum(w**2), np.ones((4, 3))), 0.1)
