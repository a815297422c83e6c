"""What people want of the loop: stops, constraints, a rate for each layer, their own gradient."""

import copy
import pickle
from functools import partial

import autograd
import autograd.numpy as np
import numpy
import pytest

from optimizers import (
    RULES,
    SGD,
    Adam,
    Lookahead,
    Momentum,
    Newton,
    Optimizer,
    Training,
    Trajectory,
    compare,
    sweep,
)
from optimizers.datasets import two_moons
from optimizers.functions import noisy, rosenbrock, sphere
from optimizers.models import mlp
from optimizers.projection import Projection
from optimizers.schedules import cosine
from optimizers.weights import flatten

NOISE = numpy.random.default_rng(0)


def bowl(x):
    return np.sum(x**2)


NET = {"dense": {"kernel": [[1.0, 2.0], [3.0, 4.0]], "bias": [5.0, 6.0]}, "out": [7.0]}


def net_loss(w):
    return np.sum(w["dense"]["kernel"] ** 2) + np.sum(w["dense"]["bias"] ** 2) + w["out"][0] ** 2


# --------------------------------------------------------------------------------- to stop


@pytest.mark.parametrize("answer", [True, np.bool_(True)])
def test_a_callback_that_returns_true_stops_the_run(answer):
    path = SGD(bowl, [1.0], lr=0.1).minimize(100, callback=lambda o: o.t == 3 and answer)
    assert path.step.tolist() == [0, 1, 2, 3]


def test_a_callback_that_raises_stop_iteration_stops_the_run():
    def enough(optimizer):
        if optimizer.value < 0.5:
            raise StopIteration

    sgd = SGD(bowl, [1.0], lr=0.1)
    path = sgd.minimize(100, callback=enough)
    assert path.loss[-1] < 0.5 <= path.loss[-2]
    assert sgd.minimize(2).step.tolist() == [path.step[-1] + i for i in range(3)]


@pytest.mark.parametrize("answer", [None, False, 1, 0, "yes", [True]])
def test_any_other_answer_of_a_callback_goes_on(answer):
    assert len(SGD(bowl, [1.0]).minimize(5, callback=lambda o: answer)) == 6


def test_the_value_is_the_loss_of_the_newest_weights():
    seen = []
    sgd = SGD(bowl, [1.0, 2.0], lr=0.1)
    path = sgd.minimize(4, callback=lambda o: seen.append(o.value))
    assert seen == path.loss[1:].tolist()
    before = sgd.minimize_raw()
    assert before == path.loss[-1]
    assert sgd.value == bowl(sgd.theta) < before
    assert SGD(sphere, [[1.0, 0.0], [0.0, 2.0]]).value.tolist() == [1, 4]
    assert Adam(noisy(sphere, 0.1), [1.0, 2.0]).value == pytest.approx(5, abs=1)


def test_a_plateau_schedule_and_early_stopping_are_three_lines():
    best = [np.inf]

    def on_plateau(optimizer):
        if optimizer.value >= 0.999 * best[0]:
            optimizer.lr = optimizer.lr / 2
        best[0] = min(best[0], optimizer.value)
        return optimizer.lr < 1e-6

    path = SGD(lambda x: np.sum(np.abs(x)), [1.0], lr=0.3).minimize(1000, callback=on_plateau)
    assert len(path) < 200
    assert path.loss[-1] < 1e-5


@pytest.mark.parametrize("rule", [SGD, Momentum, Adam, partial(Lookahead, inner=SGD, k=2)])
def test_weights_that_a_callback_sets_are_where_the_path_goes_on_from(rule):
    def jump(optimizer):
        if optimizer.t == 3:
            optimizer.theta = [9.0, -9.0]

    path = rule(bowl, [1.0, 1.0], lr=0.25).minimize(6, callback=jump)
    assert path.theta[3].tolist() == [9, -9]
    assert path.loss[3] == 162
    assert path.grad_norm[3] == np.sqrt(4 * 162)

    by_hand = rule(bowl, [1.0, 1.0], lr=0.25)
    by_hand.minimize(3)
    by_hand.theta = [9.0, -9.0]
    assert numpy.array_equal(by_hand.minimize(3).theta, path.theta[3:])


def test_a_callback_may_bring_back_a_run_that_diverged_and_stop_where_it_likes():
    def rescue(optimizer):
        if not numpy.isfinite(optimizer.value):
            optimizer.theta, optimizer.lr = [2.0], 0.25
        return optimizer.value == 4

    path = SGD(lambda x: np.sum(x**4), [9.0], lr=1e3).minimize(20, callback=rescue, every=3)
    assert not path.diverged
    path = SGD(bowl, [3.0], lr=0.1).minimize(
        9, callback=lambda o: setattr(o, "theta", [2.0]) or True, every=5
    )
    assert path.theta[-1] == 2
    assert path.loss[-1] == 4
    assert path.step.tolist() == [0, 1]


def test_a_callback_cannot_drop_runs():
    runs = SGD(sphere, [[1.0, 0.0], [0.0, 2.0]])
    with pytest.raises(ValueError, match="a callback cannot drop runs"):
        runs.minimize(2, callback=lambda o: o.select(np.array([True, False])))


# ----------------------------------------------------------------------------- constraints


def in_box(w):
    return np.clip(w, [0.5, -1.0], [2.0, np.inf])


def in_ball(w):
    length = np.linalg.norm(w)
    return w if length <= 1 else w / length


@pytest.mark.parametrize("rule", [*RULES.values(), partial(Lookahead, inner=SGD, k=2)])
@pytest.mark.parametrize("project", [in_box, in_ball], ids=["box", "ball"])
def test_every_iterate_obeys_the_constraint_for_one_run_and_many(rule, project):
    lr = numpy.array([[0.3], [0.01], [0.05]])
    side = rule(sphere, [0.6, 0.7], lr=lr, project=project).minimize(12)
    for i in range(3):
        alone = rule(sphere, [0.6, 0.7], lr=lr[i].item(), project=project).minimize(12)
        numpy.testing.assert_allclose(side.theta[:, i], alone.theta, rtol=1e-9, atol=1e-12)
        for theta in alone.theta[1:]:
            numpy.testing.assert_allclose(project(theta), theta, atol=1e-12)


def test_projected_descent_ends_at_the_corner():
    path = SGD(sphere, [2.0, 1.0], lr=0.1, project=in_box).minimize(100)
    assert path.theta[-1] == pytest.approx([0.5, 0.0], abs=1e-6)


def test_the_slow_weights_obey_as_well():
    optimizer = Lookahead(bowl, [1.0], lr=0.9, inner=SGD, k=2, project=lambda w: np.maximum(w, 0.5))
    optimizer.minimize(6)
    assert optimizer.slow >= 0.5


def test_a_projection_takes_the_weights_in_their_nesting():
    def positive(w):
        return {"dense": {k: np.maximum(v, 4.0) for k, v in w["dense"].items()}, "out": w["out"]}

    path = SGD(net_loss, NET, lr=0.25, project=positive).minimize(10)
    assert path.weights()["dense"]["kernel"].min() == 4
    assert path.weights()["out"] == pytest.approx(0, abs=0.01)


def test_a_box_is_known_as_one_and_goes_with_the_path(tmp_path):
    path = SGD(sphere, [1.0, 1.0], project=in_box).minimize(3)
    assert path.box.tolist() == [[0.5, -1], [2, np.inf]]
    path.save(tmp_path / "path.npz")
    assert numpy.array_equal(Trajectory.load(tmp_path / "path.npz").box, path.box)
    for no_box in (in_ball, lambda w: np.round(w), lambda w: np.abs(w), lambda w: w / np.sum(w)):
        assert SGD(sphere, [0.6, 0.7], project=no_box).minimize(1).box is None
    assert SGD(sphere, [0.6, 0.7]).minimize(1).box is None


def test_a_bound_that_changes_holds_from_then_on_and_is_drawn():
    bound = [1.0]

    def in_bounds(w):
        return np.clip(w, -bound[0], bound[0])

    for lr in (0.5, numpy.array([[0.5], [0.25]])):
        bound[0] = 1.0
        sgd = SGD(lambda w: np.sum((w - 9) ** 2, axis=-1), [0.0, 0.0], lr=lr, project=in_bounds)
        sgd.minimize(5)
        assert (sgd.path.theta[-1] == 1).all()
        assert sgd.path.box.tolist() == [[-1, -1], [1, 1]]
        bound[0] = 5.0
        sgd.minimize(9)
        assert (sgd.path.theta[-1] == 5).all()
        assert sgd.path.box.tolist() == [[-5, -5], [5, 5]]


def in_ball_of_each(w):
    return w / np.maximum(1, np.linalg.norm(w, axis=-1, keepdims=True))


@pytest.mark.parametrize(
    ("weights", "project"),
    [
        ([0.6, 0.7], in_box),
        ([0.6, 0.7], in_ball_of_each),
        ({"a": [0.6], "b": [[0.7, 0.8]]}, lambda w: {k: np.clip(v, -1, 1) for k, v in w.items()}),
    ],
    ids=["box", "ball", "nested"],
)
def test_a_projection_that_takes_many_runs_is_called_once_a_step(weights, project):
    calls = []

    def counted(w):
        calls.append(1)
        return project(w)

    theta, layout = flatten(weights)
    projection = Projection(counted, layout)
    runs = theta * numpy.linspace(-3, 3, 1000)[:, numpy.newaxis]
    brought_back = projection(runs)
    for i in (0, 400, 999):
        numpy.testing.assert_allclose(brought_back[i], projection(runs[i]), rtol=1e-12)
    calls.clear()
    projection(runs)
    assert len(calls) == 1


def test_looking_for_a_box_among_many_weights_takes_few_calls():
    calls = []
    clip = Projection(lambda w: calls.append(1) or np.clip(w, -1, 1), flatten(numpy.ones(10**5))[1])
    assert clip.box.tolist() == [[-1] * 10**5, [1] * 10**5]
    assert len(calls) < 10
    calls.clear()
    assert clip.box is not None
    assert len(calls) == 2  # the corners are where they were


def test_a_constrained_rule_is_swept_and_compared():
    bounded = {"SGD": partial(SGD, project=in_box), "Adam": partial(Adam, project=in_box)}
    race = compare(bounded, sphere, start=[1.0, 1.0], steps=30, progress=False)
    assert all(path.theta[1:, ..., 0].min() >= 0.5 for path in race.values())
    found = sweep(bounded["SGD"], sphere, start=[1.0, 1.0], steps=30, lr=[0.1, 0.2], progress=False)
    assert (found.final_loss >= 0.25).all()


@pytest.mark.parametrize(
    ("project", "words"),
    [
        (3, "project must be a function from weights to weights"),
        (lambda w: None, "what project returns must be shaped like the weights"),
        (lambda w: w[:1], "what project returns must be shaped like the weights"),
    ],
)
def test_a_projection_that_makes_no_sense_is_refused(project, words):
    with pytest.raises((TypeError, ValueError), match=words):
        SGD(sphere, [1.0, 1.0], project=project).minimize(1)


# ------------------------------------------------------------------------------ the weights


def test_the_weights_that_are_handed_out_cannot_be_written_to_in_vain():
    sgd = SGD(net_loss, NET)
    for write in (
        lambda: sgd.theta["out"].__setitem__(0, 9.0),
        lambda: sgd.theta["dense"]["kernel"].__imul__(2.0),
    ):
        with pytest.raises(ValueError, match="read-only"):
            write()
    with pytest.raises(ValueError, match="read-only"):
        SGD(bowl, [1.0]).theta[0] = 3.0


@pytest.mark.parametrize(
    "write",
    [
        lambda theta: theta.update(out=0),
        lambda theta: theta.pop("out"),
        lambda theta: theta["dense"].__setitem__("bias", 0),
        lambda theta: theta["dense"]["kernel"].__setitem__(0, 0),
        lambda theta: theta["list"].append(0),
        lambda theta: theta["list"].__setitem__(0, 0),
        lambda theta: theta["list"].reverse(),
    ],
)
def test_nested_weights_cannot_be_written_to_in_vain(write):
    adam = Adam(net_loss, NET | {"list": [np.ones(2)]})
    with pytest.raises((TypeError, ValueError), match="to be read|read-only"):
        write(adam.theta)
    assert adam.theta["out"].tolist() == [7]


def test_nested_weights_that_are_handed_out_serve_wherever_weights_do():
    weights = NET | {"list": [np.ones(2)], "pair": (np.ones(1), np.ones(1))}
    adam = Adam(net_loss, weights)
    theta = adam.theta
    assert autograd.grad(net_loss)(theta)["out"] == 14
    assert Adam(net_loss, theta).layout == adam.layout
    assert type(copy.deepcopy(theta)) is type(pickle.loads(pickle.dumps(theta))) is dict
    assert type(copy.copy(theta["list"])) is list
    adam.theta = {**theta, "out": [1.0]}
    assert adam.theta["out"] == 1


@pytest.mark.parametrize("name", ["loss", "grad", "project", "layout", "gradient", "batch", "eta"])
def test_what_is_set_in_vain_is_refused(name):
    for optimizer in (Adam(bowl, [1.0]), Lookahead(bowl, [1.0])):
        optimizer.minimize(1)
        with pytest.raises(AttributeError, match=f"'{name}' cannot be changed.*make another"):
            setattr(optimizer, name, bowl)


def test_the_weights_can_be_set():
    sgd = SGD(net_loss, NET, lr=0.25)
    new = {"dense": {"kernel": np.ones((2, 2)), "bias": [2, 2]}, "out": np.array([3.0])}
    sgd.theta = new
    new["out"][0] = 100.0  # the caller's own
    assert sgd.value == 4 + 8 + 9
    assert sgd.minimize(1).weights()["out"].tolist() == [1.5]
    many = SGD(sphere, [[1.0, 0.0], [0.0, 2.0]], lr=0.25)
    many.theta = [[3.0, 3.0], [4.0, 4.0]]
    assert many.minimize(1).theta[-1].tolist() == [[1.5, 1.5], [2, 2]]


@pytest.mark.parametrize(
    "wrong",
    [
        [1.0, 2.0],
        {"out": [1.0]},
        {"dense": {"kernel": [[1.0]], "bias": [1.0, 2.0]}, "out": [1.0]},
        {"dense": {"kernel": [[1.0, 2], [3, 4]], "bias": [numpy.nan, 2.0]}, "out": [1.0]},
    ],
)
def test_weights_that_do_not_fit_are_refused(wrong):
    sgd = SGD(net_loss, NET)
    with pytest.raises((TypeError, ValueError)):
        sgd.theta = wrong
    assert sgd.theta["out"].tolist() == [7]


# -------------------------------------------------------------------- a rate for each layer


@pytest.mark.parametrize(
    "lr",
    [
        {"dense/kernel": 0.1, "dense/bias": 0.0, "out": 0.25},
        {"dense": {"kernel": 0.1, "bias": 0}, "out": [0.25]},
        {"dense": {"kernel": [[0.1, 0.1], [0.1, 0.1]], "bias": np.zeros(2)}, "out": 0.25},
        lambda t: {"dense/kernel": 0.1, "dense/bias": 0.0, "out": 0.25},
    ],
    ids=["by name", "nested", "by weight", "a schedule"],
)
@pytest.mark.parametrize("rule", [SGD, partial(Lookahead, inner=SGD, alpha=1.0)])
def test_a_learning_rate_for_each_layer(lr, rule):
    weights = rule(net_loss, NET, lr=lr).minimize(1).weights()
    numpy.testing.assert_allclose(weights["dense"]["kernel"], [[0.8, 1.6], [2.4, 3.2]])
    assert weights["dense"]["bias"].tolist() == [5, 6]  # frozen
    assert weights["out"].tolist() == [3.5]


def test_rates_by_layer_can_be_halved():
    adam = Adam(net_loss, NET, lr={"dense": 0.1, "out": 0.4})
    adam.lr = adam.lr / 2
    assert adam.lr.tolist() == [0.05] * 6 + [0.2]
    sgd = SGD(bowl, [1.0, 2.0, 4.0], lr={"weights": [0.5, 0.0, 0.25]})
    sgd.lr = sgd.lr / 2
    assert sgd.minimize(1).theta[-1].tolist() == [0.5, 2, 3]
    with pytest.raises(ValueError, match="lr must be"):
        sgd.lr = -sgd.lr


def test_who_is_not_named_has_the_rule_s_own_rate():
    class Fast(SGD):
        lr = 0.25

    weights = Fast(net_loss, NET, lr={"dense": 0}).minimize(1).weights()
    assert weights["dense"]["kernel"].tolist() == NET["dense"]["kernel"]
    assert weights["out"].tolist() == [3.5]


def test_a_rate_for_each_weight_of_a_vector():
    assert SGD(bowl, [4.0, 4.0], lr={"weights": [0.25, 0]}).minimize(1).theta[-1].tolist() == [2, 4]
    pair = SGD(
        lambda w: np.sum(w[0] ** 2) + np.sum(w[1] ** 2), (np.array([4.0]), np.array([4.0, 4.0]))
    )
    pair.lr = {0: 0.25, 1: [0.0, 0.5]}
    assert [w.tolist() for w in pair.minimize(1).weights()] == [[2], [4, 0]]
    with pytest.warns(UserWarning, match="taken as 2 runs"):
        SGD(bowl, [4.0, 4.0], lr=[0.25, 0.0])
    with pytest.warns(UserWarning, match="taken as 2 runs"):
        SGD(
            lambda w: np.sum(w[0] ** 2) + np.sum(w[1] ** 2),
            [np.ones(1), np.ones(2)],
            lr=[0.25, 0.0],
        )


def test_rates_by_layer_hold_for_many_runs():
    lr = {"weights": [0.25, 0.0]}
    path = SGD(sphere, [[4.0, 4.0], [2.0, 2.0]], lr=lr).minimize(1)
    assert path.theta[-1].tolist() == [[2, 4], [1, 2]]


@pytest.mark.parametrize(
    ("lr", "words"),
    [
        ({"dens": 0.1}, "lr names 'dens', but the weights are .*Did you mean 'dense"),
        ({"out": [0.1, 0.2]}, r"lr\['out'\] must be a number, or an array of shape \(1,\)"),
        ({"out": "fast"}, r"lr\['out'\] must be a number"),
        ({"out": -1.0}, "lr must be a finite number >= 0"),
        ({"dense": {"bias": numpy.nan}}, "lr must be a finite number >= 0"),
    ],
)
def test_rates_that_fit_no_layer_are_refused(lr, words):
    with pytest.raises((TypeError, ValueError), match=words):
        SGD(net_loss, NET, lr=lr)
    sgd = SGD(net_loss, NET)
    with pytest.raises((TypeError, ValueError), match=words):
        sgd.lr = lr


def test_rates_by_layer_are_shown_and_saved(tmp_path):
    adam = Adam(net_loss, NET, lr={"dense": 0})
    path = adam.minimize(3)
    assert "7 values, 0 to 0.001" in repr(adam)
    path.save(tmp_path / "path.npz")
    loaded = Trajectory.load(tmp_path / "path.npz")
    assert numpy.array_equal(loaded.hyper_parameters["lr"], path.hyper_parameters["lr"])


# --------------------------------------------------------------------- a gradient of one's own


def test_a_gradient_of_one_s_own_takes_autograd_s_place():
    import math

    def loss(w):  # autograd cannot follow it
        return math.cosh(float(w[0])) + float(w[1]) ** 2

    def slope(w):
        return [math.sinh(w[0]), 2 * w[1]]

    path = Adam(loss, [1.0, 2.0], lr=0.1, grad=slope).minimize(300)
    assert path.theta[-1] == pytest.approx([0, 0], abs=1e-3)
    assert path.loss[-1] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("loss", "grad", "start"),
    [
        (lambda w: np.sum(np.abs(w)), lambda w: np.ones(2), [0.0, 0.0]),  # a kink at the start
        (lambda w: np.maximum(w[0], w[1]), lambda w: 1.0 * (w >= max(w)), [1.0, 1.0]),
        (lambda w: np.sum((w - 1) ** 2), lambda w: 2 * w - 2, [1.0, 1.0]),  # stationary there
        (lambda w: (w**2)[:1], lambda w: np.array([2 * w[0], 0.0]), [3.0, 0.0]),  # one number
        (lambda w: np.sum(w**2), lambda w: approx(lambda w: np.sum(w**2), w), [3.0, 0.0]),
        (lambda w: np.sum(w**2), lambda w: 2 * w + NOISE.normal(size=2), [3.0, 0.0]),
    ],
    ids=["kink", "tie", "stationary", "array of one", "finite differences", "noise"],
)
def test_an_honest_gradient_is_taken_wherever_it_starts(loss, grad, start):
    assert len(SGD(loss, start, grad=grad).minimize(2)) == 3


def approx(f, w, h=1e-6):
    return numpy.array([(f(w + h * e) - f(w - h * e)) / (2 * h) for e in numpy.eye(len(w))])


def test_a_wrong_gradient_is_noticed_where_the_start_hides_it():
    with pytest.raises(ValueError, match="grad differs"):
        SGD(bowl, [0.0, 0.0], grad=lambda w: 3 * w).minimize(1)


def test_a_loss_or_gradient_that_writes_into_the_weights_changes_none():
    def grad(w):
        w *= 2
        return w

    def loss(w):
        value = np.sum(w**2)
        if type(w) is numpy.ndarray:
            w[:] = 0
        return value

    path = SGD(bowl, [4.0], lr=0.25, grad=grad).minimize(2)
    assert path.theta[:, 0].tolist() == [4, 2, 1]
    sgd = SGD(loss, [4.0], lr=0.25, grad=lambda w: 2 * w)
    assert sgd.minimize(2).theta[:, 0].tolist() == [4, 2, 1]
    assert sgd.value == 1
    assert sgd.theta == 1


def test_it_comes_in_the_nesting_of_the_weights_and_sees_the_batch():
    def loss(w, batch):
        return np.sum((w["a"] - batch) ** 2) + w["b"] ** 2

    def slope(w, batch):
        return {"a": 2 * (w["a"] - batch), "b": 2 * w["b"]}

    start = {"a": [1.0, 2.0], "b": 3.0}
    batches = list(numpy.random.default_rng(0).normal(size=(20, 2)))
    ours = Momentum(loss, start, grad=slope).minimize(20, batches=batches)
    theirs = Momentum(loss, start).minimize(20, batches=batches)
    numpy.testing.assert_allclose(ours.theta, theirs.theta, rtol=1e-12)


@pytest.mark.parametrize("rule", [SGD, Adam, partial(Lookahead, inner=Adam), Newton])
def test_many_runs_take_it_one_by_one(rule):
    lr = numpy.array([[0.1], [0.2]])
    ours = rule(bowl, [1.0, 2.0], lr=lr, grad=lambda w: 2 * w).minimize(5)
    theirs = rule(bowl, [1.0, 2.0], lr=lr).minimize(5)
    numpy.testing.assert_allclose(ours.theta, theirs.theta, rtol=1e-9, atol=1e-12)
    assert not ours.diverged.any()


def test_it_is_compared_with_autograd_s_once():
    calls = []

    def loss(w):
        calls.append(type(w).__name__)
        return np.sum(w**2)

    with pytest.raises(ValueError, match="at weight 1 of 2, it is 2.20568, autograd's 4.2"):
        SGD(loss, [1.0, 2.0], grad=lambda w: 2 * w - np.array([0, 2.0])).minimize(1)
    calls.clear()
    SGD(loss, [1.0, 2.0], grad=lambda w: 2 * w).minimize(10)
    assert calls.count("ArrayBox") == 1


@pytest.mark.parametrize(
    ("grad", "words"),
    [
        (3, "grad must be a function of the weights"),
        (lambda w: 2.0, "what grad returns must be shaped like the weights"),
        (lambda w: w[:1], "what grad returns must be shaped like the weights"),
        (lambda w: None, "what grad returns must be shaped like the weights"),
    ],
)
def test_a_gradient_that_makes_no_sense_is_refused(grad, words):
    with pytest.raises((TypeError, ValueError), match=words):
        SGD(bowl, [1.0, 2.0], grad=grad).minimize(1)


# ----------------------------------------------------------------------- made elsewhere, too long


def test_a_path_made_elsewhere_becomes_a_trajectory_in_one_call():
    points = [[-1.5, 2.0], [0.0, 0.5], [1.0, 1.0]]
    path = Trajectory.of(points, rosenbrock, "BFGS")
    assert (path.rule, path.step.tolist(), path.diverged) == ("BFGS", [0, 1, 2], False)
    assert path.loss.tolist() == [float(rosenbrock(p)) for p in points]
    assert path.grad_norm[-1] == 0
    assert Trajectory.of(points, rosenbrock, "BFGS", step=[0, 10, 20]).step.tolist() == [0, 10, 20]
    nested = Trajectory.of([{"a": [1.0], "b": 2.0}] * 2, lambda w: w["a"][0] * w["b"], "torch")
    assert nested.weights(0)["b"] == 2
    unseen = Trajectory.of([[4.0]], lambda w: float(w[0]) ** 0.5, "by hand")
    assert unseen.loss.tolist() == [2]
    assert numpy.isnan(unseen.grad_norm[0])
    assert Trajectory.of(points, noisy(rosenbrock, 5.0), "x").loss[-1] == 0


def test_a_path_on_a_training_has_its_held_out_losses_and_their_gradients():
    moons = Training(mlp([2, 4, 2]), two_moons(), batch_size=16)
    made = SGD(moons, moons.start, lr=0.1).minimize(3)
    path = Trajectory.of((made.weights(i) for i in range(4)), moons, "torch")
    numpy.testing.assert_allclose(path.loss, moons.exact(made.theta))
    held_out = Trajectory.of(
        [made.weights(i) for i in range(4)], lambda w: moons(w, moons.data.held_out), "torch"
    )
    numpy.testing.assert_allclose(path.grad_norm, held_out.grad_norm)


def test_a_path_made_elsewhere_that_ends_in_nan_has_diverged_there():
    nan = numpy.nan
    path = Trajectory.of(
        [[1.0, 2.0], [9.0, 9.0], [nan, 1.0], [nan, nan]], sphere, "torch", [0, 5, 10, 15]
    )
    assert (len(path), path.diverged, path.diverged_at) == (3, True, 10)
    assert path.loss[:2].tolist() == [5, 162]
    fell = Trajectory.of([[1.0], [0.5], [-1.0]], lambda x: np.log(x[0]), "torch")
    assert (fell.diverged, fell.diverged_at) == (True, 2)
    back = Trajectory.of([[1.0], [-0.5], [1.0]], lambda x: np.log(x[0]), "torch")
    assert (len(back), back.diverged, back.diverged_at) == (3, False, None)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([], "must have at least one row"),
        ([[1.0, numpy.nan]], r"points\[0\] must be finite"),
        ([[1.0, 2.0], [1.0]], r"points\[1\] must be shaped like the weights"),
        ([[1.0, 2.0], ["b", "c"]], r"points\[1\] must be shaped like the weights"),
        (3, "points must be the weights at each row"),
    ],
)
def test_points_that_are_no_path_are_refused(points, words):
    with pytest.raises((TypeError, ValueError), match=words):
        Trajectory.of(points, lambda w: np.sum(w**2), "x")


def test_a_record_that_will_not_fit_is_refused_before_the_run(monkeypatch):
    monkeypatch.setattr("optimizers.trajectory.memory", lambda: 1e6)
    calls = []

    def loss(w):
        calls.append(1)
        return np.sum(w**2)

    with pytest.raises(MemoryError, match=r"would take 0.008\d* GB.*every=\d+") as refused:
        SGD(loss, np.ones(8)).minimize(100_000)
    assert not calls
    every = int(str(refused.value).rpartition("every=")[2])
    assert len(SGD(bowl, np.ones(8), lr=1e-9).minimize(2000, every=every)) > 2
    assert len(SGD(bowl, np.ones(8), lr=0.25).minimize(10**9, tol=1e-3)) < 30  # stops by itself
    with pytest.raises(MemoryError, match="every="):
        SGD(bowl, np.ones(8), lr=1e-9).minimize(10**6, tol=1e-30)


class Curved(SGD):
    """Keeps a state of shape (P, P), which it makes at its first step."""

    def direction(self, theta, g):
        self.curvature = numpy.outer(g, g)
        return g


def test_a_large_state_that_is_watched_counts_in_the_record_however_late_it_is_made(monkeypatch):
    theta = np.full(20, 0.5)
    kept = Curved(bowl, theta, lr=1e-9).minimize(9, watch=("curvature",))
    assert kept["curvature"].shape == (10, 20, 20)
    assert numpy.isnan(kept["curvature"][0]).all()
    monkeypatch.setattr("optimizers.trajectory.memory", lambda: 1.6e5)
    monkeypatch.setattr("optimizers.trajectory.MEMORY", 1 << 11)
    for options in ({}, {"tol": 1e-30}):
        curved = Curved(bowl, theta, lr=1e-9)
        with pytest.raises(MemoryError, match="every="):
            curved.minimize(100, watch=("curvature",), **options)
        assert curved.t < 30
    again = Curved(bowl, theta, lr=1e-9).minimize(100, watch=("curvature",), every=10)
    assert len(again) == 11
    stopped = Curved(bowl, theta, lr=0.25).minimize(1000, watch=("curvature",), tol=1e-1)
    assert 2 < len(stopped) < 30


# -------------------------------------------------------------------------- batches and blocks


def test_a_batch_with_many_columns_beside_many_weights():
    rng = numpy.random.default_rng(0)
    weights, batch = numpy.ones(262_149), rng.normal(size=(2, 65_536))
    adam = Adam(lambda w, x: np.sum(w[:65_536] * np.mean(x, axis=0)) + np.sum(w**2), weights)
    path = adam.minimize(2, batches=[batch, batch], every=2)
    assert numpy.isfinite(path.loss).all()


def test_a_student_s_rule_takes_many_weights_like_few():
    class Mine(Optimizer):
        state = ("m",)

        def direction(self, theta, g):
            self.m = 0.9 * self.m + g
            return self.m / (1 + np.mean(self.m**2))

    few = Mine(bowl, numpy.full(4, 2.0), lr=0.1).minimize(3).theta[-1]
    many = Mine(lambda w: np.sum(w**2), numpy.full(300_000, 2.0), lr=0.1).minimize(3, every=3)
    numpy.testing.assert_allclose(many.theta[-1, :4], few, rtol=1e-12)


def test_a_schedule_is_asked_once_a_step_also_inside_a_wrapper():
    path = Lookahead(bowl, [1.0], lr=cosine(0.1, steps=10), inner=SGD).minimize(10)
    assert numpy.isfinite(path.loss).all()
