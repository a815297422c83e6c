"""One door for losses: what is known of a loss, what is not, and how many runs it takes."""

import functools
import pickle
from dataclasses import dataclass

import autograd.numpy as np
import numpy
import pytest

from optimizers import SGD, Adam, Momentum, Training, basins, batched, compare, pure, sweep
from optimizers.datasets import two_moons
from optimizers.functions import (
    FUNCTIONS,
    Function,
    describe,
    himmelblau,
    monkey_saddle,
    noisy,
    rosenbrock,
    shifted,
    sphere,
)
from optimizers.models import mlp
from optimizers.problem import as_problem, domain_of
from optimizers.side_by_side import side_by_side
from optimizers.weights import flatten

A = numpy.array([[3.0, 1.0], [1.0, 2.0]])
QUIET = {"progress": False}


def test_of_a_plain_loss_nothing_is_known_but_its_name():
    problem = as_problem(lambda w: np.sum(w**2))
    assert (problem.name, problem.start, problem.domain, problem.minima) == ("loss",) + (None,) * 3
    assert (problem.minimum, problem.batch, problem.exact, problem.accuracy) == (None,) * 4
    assert (problem.seed, problem.noun, problem.chance) == (None, "loss", "")


def test_a_function_a_noisy_one_and_a_training_say_what_they_know():
    assert as_problem(rosenbrock).minimum == 0
    assert as_problem(monkey_saddle).minimum == -numpy.inf
    assert not as_problem(monkey_saddle).is_bounded
    assert as_problem(monkey_saddle).known_minimum is None
    seen = as_problem(noisy(rosenbrock, 0.5, seed=3))
    assert (seen.seed, seen.seeded(7).seed) == (3, 7)
    assert numpy.array_equal(seen.batch(4, 2), noisy(rosenbrock, 0.5, seed=3).noise(4))
    assert seen.values([1.0, 1.0]) == 0
    moons = as_problem(Training(mlp([2, 4, 2]), two_moons(), batch_size=8, seed=1))
    assert (moons.noun, moons.seed) == ("held-out loss", 1)
    assert not numpy.array_equal(moons.theta, moons.seeded(2).theta)


class Stranger:
    """A loss of the user's whose attributes are its own affair."""

    data, noise, seed, sigma, exact, start = "mine", 0.1, "lucky", None, 3, "here"
    minimum, minima, domain, batched, pure, accuracy = "low", (), "all", "no", 1, 0.5
    name, label, dimension, body, model = 7, None, 11, "strong", "tall"

    def __call__(self, w):
        return np.sum((w - 1) ** 2)


def test_a_stranger_s_attributes_are_never_looked_at():
    problem = as_problem(Stranger(), [3.0, -1.0])
    assert (problem.name, problem.minimum, problem.pure, problem.batched) == (
        "Stranger",
        None,
        False,
        False,
    )
    assert SGD(Stranger(), [3.0, -1.0], lr=0.25).minimize(2).theta[-1].tolist() == [1.5, 0.5]
    race = compare([SGD, Adam], Stranger(), start=[3.0, -1.0], steps=20, **QUIET)
    assert "held-out" not in repr(race)
    assert "unbounded" not in repr(race)
    assert "minimum" not in repr(race)
    found = sweep(SGD, Stranger(), start=[3.0, -1.0], steps=20, lr=[0.1, 0.5])
    assert found.best["lr"] == 0.5
    seeded = sweep(SGD, Stranger(), start=[3.0, -1.0], steps=20, seeds=3, lr=[0.1, 0.5])
    assert seeded.losses.shape == (2, 3)


def test_a_loss_needs_a_start_and_a_start_must_make_sense():
    with pytest.raises(ValueError, match="ridge has no start of its own"):
        compare([SGD], ridge)
    with pytest.raises(ValueError, match=r"^start must be finite, got \[1, 2, 3, nan\]"):
        compare([SGD], lambda w: np.sum(w**2), start=[1, 2, 3, numpy.nan])
    with pytest.raises(ValueError, match=r"^start\['b'\] must be finite"):
        sweep(SGD, lambda w: w["b"] ** 2, start={"b": numpy.inf}, lr=[0.1, 0.2])
    with pytest.raises(TypeError, match="must be a function of the weights"):
        as_problem("rosenbrock")


def ridge(w):
    return np.sum(w**2)


# ---------------------------------------------------------------------------------- one vector


ONE_VECTOR = {
    "coordinates": lambda x: x[0] ** 2 + 3 * x[1] ** 2,
    "unpacked": lambda x: (lambda a, b: (a - 1) ** 4 + np.exp(b) - b)(*x),
    "a quadratic form": lambda x: x @ A @ x,
    "a sum over all": lambda x: np.sum(x**2) + x[0],
    "a norm": lambda x: np.linalg.norm(x - 0.3),
    "a branch": lambda x: x[0] ** 2 + x[1] ** 2 if x[0] > 0 else x[1] ** 2 - x[0],
    "Python's max": lambda x: max(0, 1 - x[0]) + x[1] ** 2,
    "a mean of the largest": lambda x: np.max(np.abs(x)) + np.mean(x**2),
    "an array of its own": lambda x: np.sum(np.array([x[0] - 1, 2 * x[1]]) ** 2),
    "one row of data": lambda x: np.mean((A @ x - 1) ** 2),
}


@pytest.mark.parametrize("loss", ONE_VECTOR.values(), ids=ONE_VECTOR)
@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_loss_for_one_vector_never_mixes_runs(loss, count):
    """Also where there are as many runs as coordinates."""
    lr = numpy.linspace(0.01, 0.1, count)
    side = SGD(loss, [0.7, -0.4], lr=lr[:, None]).minimize(40)
    for i in range(count):
        alone = SGD(loss, [0.7, -0.4], lr=lr[i]).minimize(40)
        numpy.testing.assert_allclose(side.theta[:, i], alone.theta, rtol=1e-9, atol=1e-12)
        numpy.testing.assert_allclose(side.loss[:, i], alone.loss, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", ONE_VECTOR.values(), ids=ONE_VECTOR)
def test_a_loss_for_one_vector_is_swept_and_compared(loss):
    lr = [0.01, 0.05, 0.1]
    found = sweep(Momentum, loss, start=[0.7, -0.4], steps=20, lr=lr, **QUIET)
    for i, rate in enumerate(lr):
        path = Momentum(loss, [0.7, -0.4], lr=rate).minimize(20)
        assert found.final_loss[i] == pytest.approx(path.loss[-1], rel=1e-9)
    race = compare([SGD, Adam], loss, start=[0.7, -0.4], steps=20, lr=lr, seeds=None, **QUIET)
    for label in race:
        assert race[label].loss[-1] == race.final_loss[label].min()


@pytest.mark.parametrize("loss", ONE_VECTOR.values(), ids=ONE_VECTOR)
def test_a_described_formula_for_one_vector_takes_many_points(loss):
    body = functools.wraps(ridge)(lambda x: loss(x))
    function = describe("Mine")(body)
    points = numpy.random.default_rng(0).normal(size=(4, 2, 2))
    wanted = [[float(loss(point)) for point in row] for row in points]
    numpy.testing.assert_allclose(function(points), wanted, rtol=1e-12)
    assert float(function(points[0, 0])) == pytest.approx(wanted[0][0], rel=1e-15)


def test_basins_of_a_loss_for_one_vector():
    def valleys(x):
        return (x[0] ** 2 - 1) ** 2 + x[1] ** 2

    found = basins(SGD, valleys, domain=[(-2, 2), (-1, 1)], lr=0.05, resolution=11, **QUIET)
    assert sorted(found.minima[:, 0].round(3).tolist()) == [-1, 1]
    assert found.known is None
    assert found.reached.shape == (11, 11)
    with pytest.raises(ValueError, match="valleys has none of its own"):
        basins(SGD, valleys, lr=0.05)


def test_basins_of_one_weight():
    found = basins(
        SGD, lambda x: np.sum((x**2 - 1) ** 2), domain=(-2, 2), lr=0.02, resolution=20, **QUIET
    )
    assert found.y is None
    assert found.reached.shape == found.final_loss.shape == (20,)
    assert sorted(found.minima[:, 0].round(3).tolist()) == [-1, 1]


def test_what_is_told_of_many_runs_is_what_is_told_of_each():
    theta, layout = flatten([0.5, -0.5])
    assert side_by_side(lambda x: np.sum(x**2, axis=-1), theta, layout) is not None
    assert side_by_side(lambda x: x[0] * x[1], theta, layout) is not None
    for mixing in (
        lambda x: x[0] ** 2 + np.mean(x) * x[1],
        lambda x: x[..., 0] / np.linalg.norm(x),
        lambda x: x[0] if np.sum(x) > -100 else x[1],
        lambda x: float(x[0]) * x[1],
        lambda x: x[0] * numpy.random.default_rng().normal(),
    ):
        assert side_by_side(mixing, theta, layout) is None


@pytest.mark.parametrize("radius", [0.5, 3.0, 40.0])
@pytest.mark.parametrize(
    "gate",
    [
        lambda x: np.linalg.norm(x),
        lambda x: np.sqrt(np.sum(x**2)).item() if hasattr(x, "item") else np.sqrt(np.sum(x**2)),
        lambda x: np.abs(x).max(),
        lambda x: sum(np.abs(x).tolist()) if hasattr(x, "tolist") else np.sum(np.abs(x)),
    ],
    ids=["norm", "item", "max", "tolist"],
)
@pytest.mark.parametrize("described", [False, True])
def test_a_loss_with_a_gate_never_mixes_runs(gate, radius, described):
    def gated(x):
        return x[0] ** 2 + x[1] ** 2 if gate(x) < radius else 10 * x[0] ** 2 + x[1] ** 4

    loss = describe("Gated")(gated) if described else gated
    starts = numpy.array([[0.1, 0.2], [1.0, 2.0], [20.0, 30.0], [50.0, -70.0]])
    values = as_problem(loss, starts[0]).values(starts)
    assert values.tolist() == [float(gated(start)) for start in starts]


def test_a_loss_that_is_not_defined_everywhere_is_still_taken_side_by_side():
    theta, layout = flatten([0.5, 0.5])
    for honest in (
        lambda x: np.log(x[0]) ** 2 + x[1] ** 2,
        lambda x: np.exp(np.exp(x[0])) + x[1] ** 2,
        lambda x: np.sqrt(1 - x[0] ** 2) + np.arcsin(x[1]),
    ):
        assert side_by_side(honest, theta, layout) is not None


def test_a_loss_that_shows_only_late_that_it_mixes_runs_is_run_one_by_one():
    def late(x):
        far = np.sum(np.maximum(np.abs(x) - 5, 0) ** 2)  # of all runs together
        return x[0] ** 2 + x[1] ** 2 + far

    start = [4.0, -4.0]
    lr = numpy.array([0.1, 1.05, 1.1])
    found = sweep(SGD, late, start=start, steps=12, lr=lr, **QUIET)
    alone = [SGD(late, start, lr=rate).minimize(12).loss[-1] for rate in lr]
    numpy.testing.assert_allclose(found.final_loss, alone, rtol=1e-9)


def square(x):
    return np.sum(x**2, axis=-1)


LOOKS_AT_ALL = {
    "a norm": lambda x: np.linalg.norm(x) < 1000,
    "a quantile": lambda x: np.quantile(x, 0.5) < 1000,
    "the largest": lambda x: max(abs(v) for v in np.ravel(x)) < 1000,
    "a dot product": lambda x: x[..., 0].dot(x[..., 0]) < 1e6,
    "one of them": lambda x: np.ravel(x)[0] < 1000,
    "its number": lambda x: np.ravel(x)[0].item() < 1000,
    "a list": lambda x: sum(np.ravel(x).tolist()) < 1000,
    "a comparison": lambda x: not np.array_equal(x, 0 * x),
    "a search": lambda x: 1000.0 not in x,
    "the place of the largest": lambda x: [True, False][np.argmax(x) // 1000],
}


@pytest.mark.parametrize("looks", LOOKS_AT_ALL.values(), ids=LOOKS_AT_ALL)
def test_a_branch_on_what_is_computed_of_all_runs_is_refused_also_where_it_never_turned(looks):
    theta, layout = flatten([0.5, -0.5])
    assert looks(theta)
    assert side_by_side(lambda x: square(x) if looks(x) else -square(x), theta, layout) is None
    function = describe("Gated")(functools.wraps(ridge)(lambda x: ridge(x) if looks(x) else -1.0))
    points = numpy.linspace(300, 400, 60).reshape(30, 2)
    wanted = [ridge(point) if looks(point) else -1.0 for point in points]
    numpy.testing.assert_allclose(function(points), wanted)


FAR_OUT = {
    "it overflows": lambda x: np.exp(x[0] ** 2) + x[1] ** 2,
    "it is not defined": lambda x: np.log(x[0]) + x[1] ** 2,
    "it is huge": lambda x: x[0] ** 8 + x[1] ** 2,
    "it is flat": lambda x: np.log(1 + np.exp(-x[0])) + np.tanh(x[1]),
    "it turns quickly": lambda x: np.sin(1000 * x[0] ** 2) + x[1],
}


@pytest.mark.parametrize("loss", FAR_OUT.values(), ids=FAR_OUT)
def test_what_becomes_of_an_honest_loss_far_out_does_not_count_against_it(loss):
    assert side_by_side(loss, *flatten([0.5, -0.5])) is not None


BROKEN = {
    "a norm of all": lambda x: np.sum(x**2, axis=-1) / np.linalg.norm(x),
    "a sum of all": lambda x: np.sum(x**2),
    "the first run": lambda x: x[0] ** 2,
    "a branch on all": lambda x: np.sum(x**2, axis=-1) if (np.abs(x) < 5).all() else x[..., 0],
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_loss_that_breaks_its_promise_is_blamed_wherever_it_comes_in(broken):
    loss = batched(functools.wraps(ridge)(lambda x: broken(x)))
    start, frame = [1.0, 2.0], [(-1, 1), (-1, 1)]
    for run in (
        lambda: SGD(loss, [[1.0, 2.0], [3.0, 4.0]]).minimize(1),
        lambda: SGD(loss, [[1.0, 2.0], [3.0, 4.0]]).minimize_raw(),
        lambda: SGD(loss, start, lr=[[0.1], [0.2]]).minimize(1),
        lambda: sweep(SGD, loss, start=start, lr=[0.1, 0.2], **QUIET),
        lambda: compare([SGD], loss, start=start, lr=0.1, **QUIET),
        lambda: basins(SGD, loss, domain=frame, resolution=3, lr=0.1, **QUIET),
        lambda: as_problem(loss, start).values([start, start]),
    ):
        with pytest.raises(ValueError, match=r"the loss 'ridge' promises to be batched.*axis=-1"):
            run()
    assert SGD(loss, start).minimize(1).loss.shape == (2,)  # of a single run nothing was promised


def test_a_promise_is_not_called_broken_for_chance_overflow_or_data_of_each_run():
    rng, targets = numpy.random.default_rng(0), numpy.ones((2, 2))
    for kept in (
        lambda x: np.sum(x**2, axis=-1) * rng.normal(size=np.shape(x)[:-1]),
        lambda x: np.sum(np.exp(x**2), axis=-1),
        lambda x: np.sum((x - targets) ** 2, axis=-1),
    ):
        path = SGD(batched(kept), [[1.0, 2.0], [3.0, 4.0]], lr=1e-9).minimize(1)
        assert path.loss.shape == (2, 2)


def test_a_promise_is_made_for_one_loss_and_no_wrapper_of_it():
    @pure
    @batched
    def loss(x):
        return np.sum(x**2, axis=-1)

    @functools.wraps(loss)
    def noisy_one(x):
        return loss(x) * numpy.random.default_rng().normal()

    assert as_problem(loss).pure
    assert as_problem(loss).batched
    assert not as_problem(noisy_one).pure
    assert not as_problem(noisy_one).batched
    with pytest.raises(TypeError, match="only a loss, a function of the weights, can be promised"):
        pure(3)


# ------------------------------------------------------------------------------------ describe


def test_describe_needs_a_name_only():
    @describe("Mine")
    def mine(x):
        return x[0] ** 2 + x[1] ** 2

    assert isinstance(mine, Function)
    assert (mine.domain, mine.start, mine.minima, mine.minimum, mine.pure) == (None,) * 4 + (False,)
    assert repr(mine) == "<Mine>"
    assert SGD(mine, [1.0, 2.0], lr=0.5).minimize(1).theta[-1].tolist() == [0, 0]
    race = compare([SGD, Adam], mine, start=[1.0, 2.0], steps=30, **QUIET)
    assert "minimum" not in repr(race)
    assert "distance" not in repr(race)
    assert shifted(mine, 1.0)([1.0, 1.0]) == 0
    assert noisy(mine, 0.1).noise(1, 2).shape == (2,)


@pytest.mark.parametrize(
    "known",
    [{"start": [1.0, 1.0]}, {"domain": [(-1, 1)] * 2}, {"minima": [[0.0, 0.0]]}],
    ids=["start", "domain", "minima"],
)
def test_describe_takes_what_is_known_and_leaves_the_rest_unknown(known):
    function = describe("Mine", **known)(lambda x: x[0] ** 2 + x[1] ** 2)
    assert function.dimension == 2
    assert (function.minimum == 0) if "minima" in known else (function.minimum is None)
    with pytest.raises(ValueError, match="exactly 2 coordinates"):
        function([1.0, 2.0, 3.0])


def test_describe_refuses_what_does_not_fit_together():
    with pytest.raises(ValueError, match="must have one number n of coordinates, got 2 and 3"):
        describe("Mine", start=[0, 0, 0], domain=[(-1, 1)] * 2)(ridge)


def test_a_described_formula_may_read_a_changing_global_unless_it_promises_not_to():
    scale = [1.0]
    function = describe("Scaled", start=[1.0])(lambda x: scale[0] * x[0] ** 2)
    sgd = SGD(function, [1.0], lr=0.1)
    sgd.minimize(3)
    scale[0] = 5.0
    assert sgd.minimize(1).grad_norm[0] == pytest.approx(10 * abs(0.8**3))


def test_a_minimum_given_to_two_decimals_marks_no_better_run_as_diverged():
    @describe("Nearly", domain=[(-3, 3)] * 2, start=[2.0, 1.0], minima=[[0.33, 0.67]])
    def nearly(x):
        return (x[0] - 1 / 3) ** 2 + (x[1] - 2 / 3) ** 2 + 7

    race = compare([SGD, Adam], nearly, steps=200, **QUIET)
    assert race.refuted
    assert numpy.isfinite([row["final_loss"] for row in race.rows()]).all()
    assert "below the minimum that was given" in repr(race)
    assert race.problem.known_minimum is None
    assert race.rows()[0]["gap"] is None
    found = sweep(SGD, nearly, steps=200, lr=[0.1, 0.4], **QUIET)
    assert found.refuted
    assert not found.diverged.any()


def test_below_the_minimum_outside_the_domain_counts_as_diverged():
    falls = FUNCTIONS["mccormick"]
    found = sweep(SGD, falls, start=[-1.4, -2.9], steps=300, lr=[0.01, 0.9], **QUIET)
    assert not found.refuted
    assert numpy.isinf(found.final_loss).any() or (found.final_loss >= falls.minimum).all()


# -------------------------------------------------------------------------------------- chance


def test_chance_inside_a_loss_is_noticed_and_said():
    rng = numpy.random.default_rng(0)

    def drawn(w):
        return np.sum(w**2) * (1 + 0.3 * rng.standard_normal())

    assert as_problem(drawn, [1.0, 2.0]).depends_on_chance
    for rules in ([SGD, Adam], [Adam, SGD]):
        race = compare(rules, drawn, start=[1.0, 2.0], steps=10, lr=0.1, **QUIET)
        assert "did not meet the same noise" in repr(race)
        assert "noisy(function, sigma)" in repr(race)


def test_chance_that_a_start_of_zero_hides_is_noticed_beside_it():
    rng = numpy.random.default_rng(0)

    def drawn(w):
        return np.sum((w["a"] * rng.standard_normal(2)) ** 2)

    assert as_problem(drawn, {"a": [0.0, 0.0]}).depends_on_chance
    assert as_problem(lambda w: np.sum(w * rng.standard_normal(2)), [0.0, 0.0]).depends_on_chance
    edge = as_problem(lambda w: np.sum(np.log(w)), [0.0, 0.0])  # nan beside it, or −inf
    assert not edge.depends_on_chance


@pytest.mark.parametrize(
    "function",
    [rosenbrock, noisy(rosenbrock, 0.5), Training(mlp([2, 4, 2]), two_moons(), batch_size=8)],
    ids=["a function", "a noisy one", "a training"],
)
def test_chance_that_belongs_to_the_step_is_the_same_for_all(function):
    assert not as_problem(function).depends_on_chance


# ------------------------------------------------------------------------------------- the rest


def test_a_frame_is_a_pair_for_each_of_one_or_two_weights():
    assert domain_of(sphere, (-3, 3), "it").tolist() == [[-3, 3]]
    assert domain_of(sphere, [(-3, 3), (0, 1)], "it").tolist() == [[-3, 3], [0, 1]]
    assert domain_of(himmelblau, None, "it").tolist() == himmelblau.domain.tolist()
    for wrong in ([(3, -3)], "here", [(0, numpy.inf)] * 2, [(0, 1)] * 3, 3):
        with pytest.raises((TypeError, ValueError), match="domain must be pairs"):
            domain_of(sphere, wrong, "it")


@pytest.mark.parametrize(
    "function",
    [rosenbrock, noisy(himmelblau, 0.1), Training(mlp([2, 4, 2]), two_moons(), batch_size=8)],
)
def test_a_problem_travels_to_another_process(function):
    problem = pickle.loads(pickle.dumps(as_problem(function)))
    assert numpy.array_equal(problem.theta, as_problem(function).theta)
    assert problem.name == as_problem(function).name


class Penalised(Training):
    """A training with weight decay in its loss."""

    def __call__(self, weights, batch=None):
        penalty = sum(np.sum(layer["kernel"] ** 2) for layer in weights.values())
        return super().__call__(weights, batch) + 0.1 * penalty


@pytest.mark.parametrize("first", [Training, Penalised])
def test_a_subclass_of_training_trains_on_its_own_loss_whichever_ran_first(first):
    model, data = mlp([2, 4, 2]), two_moons()
    second = Penalised if first is Training else Training
    for kind in (first, second):
        training = kind(model, data, batch_size=16)
        ours = SGD(training, training.start, lr=0.1)
        plain = SGD(lambda w, b: training(w, b), training.start, lr=0.1)  # noqa: B023
        batches = [training.noise(t) for t in range(1, 7)]
        theirs = plain.minimize(6, batches=[*batches[:6]])
        numpy.testing.assert_allclose(ours.minimize(6).theta, theirs.theta, rtol=1e-12)
    penalised = pickle.loads(pickle.dumps(Penalised(model, data, batch_size=16, seed=3)))
    assert (type(penalised), penalised.seed) == (Penalised, 3)
    assert type(as_problem(penalised).seeded(5).given) is Penalised


def test_many_runs_of_a_subclass_of_training_are_its_own_each():
    training = Penalised(mlp([2, 4, 2]), two_moons(), batch_size=16)
    together = SGD(training, training.start, lr=[0.1, 0.2]).minimize(5)
    found = sweep(SGD, training, steps=5, lr=[0.1, 0.2], **QUIET)
    for i, lr in enumerate([0.1, 0.2]):
        alone = SGD(training, training.start, lr=lr).minimize(5)
        numpy.testing.assert_allclose(together.theta[:, i], alone.theta, rtol=1e-12)
        numpy.testing.assert_allclose(together.loss[:, i], alone.loss, rtol=1e-12)
        held_out = as_problem(training).values(alone.theta[-1])
        assert found.final_loss[i] == pytest.approx(float(held_out))
    race = compare([SGD, Momentum], training, steps=5, lr=[0.1, 0.2], seeds=1, **QUIET)
    assert numpy.isfinite(race["SGD"].loss).all()


def test_a_training_with_a_constructor_of_its_own_travels_and_is_seeded():
    training = Scaled(3.0, seed=4)
    there = pickle.loads(pickle.dumps(training))
    assert (there.scale, there.seed) == (3.0, 4)
    other = as_problem(training).seeded(7)
    assert (other.seed, other.given.scale) == (7, 3.0)
    assert not numpy.array_equal(other.theta, as_problem(training).theta)
    found = sweep(SGD, training, steps=3, lr=[0.1, 0.2], seeds=2, n_jobs=2, **QUIET)
    again = sweep(SGD, training, steps=3, lr=[0.1, 0.2], seeds=2, **QUIET)
    assert numpy.array_equal(found.final_loss, again.final_loss)


class Scaled(Training):
    """A training that is made in a way of its own."""

    def __init__(self, scale, seed=0):
        super().__init__(mlp([2, 3, 2]), two_moons(), batch_size=16, seed=seed)
        object.__setattr__(self, "scale", scale)

    def __call__(self, weights, batch=None):
        return self.scale * super().__call__(weights, batch)


@dataclass(frozen=True, eq=False, repr=False)
class Jittered(Training):
    """A training that makes two things of its seed: one at once, one on demand."""

    sigma: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "at_once", self.seed * self.sigma)

    @functools.cached_property
    def on_demand(self):
        return self.seed * self.sigma


def test_what_a_subclass_of_training_makes_of_its_seed_is_made_anew_for_another():
    training = Jittered(mlp([2, 3, 2]), two_moons(), batch_size=16, seed=1, sigma=2.0)
    assert (training.at_once, training.on_demand) == (2, 2)
    other = as_problem(training).seeded(5).given
    assert (other.at_once, other.on_demand, other.sigma) == (10, 10, 2)
    assert "on_demand" not in vars(pickle.loads(pickle.dumps(training)))


def test_trainings_of_one_model_share_its_recording():
    model, data = mlp([2, 4, 2]), two_moons()
    for seed in (0, 1):
        training = Training(model, data, batch_size=16, seed=seed)
        adam = Adam(training, training.start)
        adam.minimize(3)
        assert adam.recorded


@pytest.mark.parametrize("start", [[numpy.ones(2), numpy.ones((3, 2))], (1.0, {"a": [2.0]})])
def test_any_nesting_of_weights_is_raced(start):
    def loss(w):
        parts = [w[0], w[1]["a"] if isinstance(w[1], dict) else w[1]]
        return sum(np.sum((part - 0.5) ** 2) for part in parts)

    race = compare([SGD, Adam], loss, start=start, steps=30, **QUIET)
    assert race.once["SGD"].loss[-1] < 1e-6
    assert (race["SGD"].loss[-1] < 1e-6).all()
    assert "weights in" in repr(race)


def test_a_matrix_of_weights_is_one_run_also_where_its_loss_takes_many():
    def loss(w):
        return np.sum((w - 1) ** 2 * numpy.array([[1.0, 2.0]] * 3), axis=(-2, -1))

    start = numpy.arange(6.0).reshape(3, 2)
    found = sweep(SGD, loss, start=start, steps=9, lr=[0.05, 0.1], **QUIET)
    for i, lr in enumerate([0.05, 0.1]):
        path = SGD(loss, start, lr=lr).minimize(9)
        assert found.final_loss[i] == pytest.approx(path.loss[-1], rel=1e-12)
    race = compare([SGD, Adam], loss, start=start, steps=9, lr=[0.05, 0.1], **QUIET)
    assert race.once["SGD"].weights().shape == (3, 2)
    assert race["SGD"].weights().shape == (32, 3, 2)


@pytest.mark.parametrize("start", [0.0, [0.0], [[0.0]]], ids=["a number", "a vector", "a matrix"])
def test_an_array_of_one_number_is_one_number(start):
    path = SGD(lambda x: (x - 3) ** 2, start, lr=0.25).minimize(30)
    assert path.theta[-1] == pytest.approx([3], abs=1e-6)
    assert path.loss.shape == (31,)
    found = sweep(SGD, lambda x: (x - 3) ** 2, start=start, steps=30, lr=[0.1, 0.25], **QUIET)
    assert found.final_loss[1] == path.loss[-1]
