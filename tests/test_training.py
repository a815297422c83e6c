"""A model on its data as a function: the same numbers in a sweep, a race and a run made by hand."""

from functools import partial

import matplotlib

matplotlib.use("Agg")

import autograd.numpy as np
import matplotlib.pyplot as plt
import numpy
import pytest

from optimizers import SGD, Adam, AdamW, Lookahead, Optimizer, Training, compare, sweep
from optimizers.datasets import Dataset, digits, minibatches, quadratic_deep, two_moons
from optimizers.experiments import runs
from optimizers.functions import noisy, rosenbrock
from optimizers.models import Model, mlp, quadratic, softmax_regression
from optimizers.plotting import plot_accuracy, plot_heatmap
from optimizers.problem import as_problem
from optimizers.schedules import cosine
from optimizers.trajectory import as_runs

MODEL = mlp([2, 8, 2])
DATA = two_moons()
LR = [0.003, 0.03]
SEEDS = [0, 1, 2]


@pytest.fixture
def moons():
    return Training(MODEL, DATA, batch_size=32)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


class Student(Optimizer):
    """A rule that promises nothing."""

    gamma = 0.5

    def direction(self, theta, g):
        return self.gamma * g / (1 + numpy.linalg.norm(g))


def by_hand(rule, steps, seed, **values):
    """Held-out loss and accuracy of a run that knows nothing of Training."""
    optimizer = rule(MODEL.loss, MODEL.init(seed), **values)
    optimizer.minimize(steps, batches=minibatches(DATA, 32, seed))
    held_out = optimizer.theta, DATA.held_out
    return MODEL.loss(*held_out), MODEL.accuracy(*held_out)


def each_by_hand(rule, steps, seeds, **grid):
    ((name, values),) = grid.items()
    found = [[by_hand(rule, steps, seed, **{name: v}) for seed in seeds] for v in values]
    return numpy.moveaxis(numpy.array(found), -1, 0)


# ------------------------------------------------------------------------------------ a function


def test_it_is_a_noisy_function_of_the_weights(moons):
    batch = moons.noise(5)
    assert moons(moons.start, batch) == MODEL.loss(moons.start, batch)
    assert moons(moons.start) == MODEL.loss(moons.start, DATA.train)
    flat = Adam(moons, moons.start)._theta
    assert moons.exact(flat) == MODEL.loss(moons.start, DATA.held_out)
    assert moons.accuracy(flat) == MODEL.accuracy(moons.start, DATA.held_out)
    assert moons.steps(epochs=3) == 3 * (len(DATA.train[0]) // 32)
    assert moons.name == "MLP 2-8-2 on two moons, batch 32"
    assert repr(moons) == "<Training of MLP 2-8-2 on two moons, batch 32, he start, seed 0>"


def test_the_batch_of_a_step_depends_on_the_seed_and_the_step_alone(moons):
    forward = [moons.noise(t) for t in range(1, 40)]
    backward = [Training(MODEL, DATA, 32).noise(t) for t in range(39, 0, -1)]
    for ours, theirs in zip(forward, reversed(backward), strict=True):
        assert all(map(numpy.array_equal, ours, theirs))
    other = Training(MODEL, DATA, 32, seed=1)
    assert not numpy.array_equal(other.noise(1)[0], moons.noise(1)[0])
    assert not numpy.array_equal(other.start["layer1"]["kernel"], moons.start["layer1"]["kernel"])


def test_a_rule_trains_on_it_and_goes_on_where_it_stopped(moons):
    adam = Adam(moons, moons.start, lr=0.03)
    adam.minimize(60)
    path = adam.minimize(60)
    loss, accuracy = by_hand(Adam, 120, 0, lr=0.03)
    assert moons.exact(path.theta[-1]) == pytest.approx(loss, rel=1e-9)
    assert moons.accuracy(path.theta[-1]) == accuracy > 0.85
    assert path.step.tolist() == list(range(60, 121))


def test_many_weights_are_told_as_many_numbers(moons):
    theta = numpy.random.default_rng(0).normal(size=(4, 3, Adam(moons, moons.start)._theta.size))
    losses, shares = moons.exact(theta), moons.accuracy(theta)
    assert losses.shape == shares.shape == (4, 3)
    assert losses[2, 1] == pytest.approx(moons.exact(theta[2, 1]), rel=1e-12)
    theta[0, 0, 3], theta[1, 1] = numpy.nan, numpy.inf
    assert moons.accuracy(theta)[0, 0] == moons.accuracy(theta)[1, 1] == 0
    assert (moons.accuracy(theta)[2:] == shares[2:]).all()


def test_what_was_recorded_is_shared_with_every_training_of_the_model(moons):
    model = mlp([2, 5, 2])
    first = Training(model, DATA, 16)
    Adam(first, first.start).minimize(3)
    second = Training(model, two_moons(seed=3), 16, seed=7)
    adam = Adam(second, second.start, lr=0.1)
    path = adam.minimize(1)
    assert adam.recorded
    assert path.loss[0] == model.loss(second.start, second.noise(1))


def test_recordings_on_all_data_are_not_shared(moons):
    for data in (DATA, two_moons(seed=3)):
        training = Training(MODEL, data, 32)
        adam = Adam(training, training.start)
        for _ in range(3):
            loss, _ = adam.gradient(adam._theta)
            assert loss == pytest.approx(MODEL.loss(training.start, data.train), rel=1e-12)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": MODEL.loss}, TypeError, r"model must be a Model \(see optimizers.models\)"),
        ({"data": DATA.train}, TypeError, r"data must be a Dataset \(see optimizers.datasets\)"),
        ({"batch_size": 0}, ValueError, "batch_size must be"),
        ({"batch_size": 10**6}, ValueError, "batch_size"),
        ({"batch_size": 8.0}, TypeError, "batch_size must be a whole number"),
        ({"seed": -1}, ValueError, "seed must be a whole number >= 0"),
        ({"seed": None}, TypeError, "seed must be a whole number"),
    ],
)
def test_what_cannot_be_trained_is_refused_at_once(change, error, message):
    with pytest.raises(error, match=message):
        Training(**{"model": MODEL, "data": DATA, "batch_size": 32} | change)


def test_a_model_that_does_not_fit_its_data_is_an_error_that_says_so():
    wrong = Training(mlp([3, 4, 2]), DATA)
    with pytest.raises(ValueError, match="MLP 3-4-2"):
        sweep(SGD, wrong, steps=5, lr=LR)
    scheme = Training(MODEL, DATA, scheme="hee")
    with pytest.raises(ValueError, match="scheme must be one of he, .*Did you mean 'he'"):
        sweep(SGD, scheme, steps=5, lr=LR)


def test_a_model_without_right_answers_has_no_accuracy():
    deep = Training(quadratic(numpy.eye(100)), quadratic_deep(), 100)
    result = sweep(SGD, deep, steps=5, seeds=2, lr=[0.01, 0.1])
    assert result.accuracies is None
    assert "accuracy" not in result.best
    for asked in (lambda: result.accuracy, lambda: deep.accuracy(numpy.zeros(100))):
        with pytest.raises((AttributeError, TypeError), match="has no accuracy"):
            asked()
    race = compare([SGD], deep, steps=5, lr=[0.01, 0.1], seeds=2)
    assert race.rows()[0]["accuracy"] is None
    with pytest.raises(TypeError, match="plot_accuracy"):
        plot_accuracy(race)


# --------------------------------------------------------------------------------------- sweeps


@pytest.mark.parametrize("rule", [Adam, partial(Lookahead, inner=SGD), Student])
def test_each_seed_of_a_sweep_is_the_run_made_by_hand(rule, moons):
    result = sweep(rule, moons, steps=40, seeds=SEEDS, lr=LR)
    losses, accuracies = each_by_hand(rule, 40, SEEDS, lr=LR)
    assert result.losses.shape == result.accuracies.shape == (2, 3)
    numpy.testing.assert_allclose(result.losses, losses, rtol=1e-9)
    numpy.testing.assert_allclose(result.accuracies, accuracies, rtol=1e-12)
    numpy.testing.assert_allclose(result.final_loss, numpy.median(losses, axis=1), rtol=1e-9)
    numpy.testing.assert_allclose(result.accuracy, numpy.median(accuracies, axis=1), rtol=1e-12)
    assert result.seeds == (0, 1, 2)


def test_seeds_are_the_last_axis_behind_every_grid(moons):
    result = sweep(
        AdamW, moons, steps=20, seeds=[5, 3], lr=LR, weight_decay=[0.0, 0.1, 1.0], every=10
    )
    assert result.losses.shape == (2, 3, 2)
    assert result.final_loss.shape == result.accuracy.shape == (2, 3)
    assert result.curves.shape == (2, 3, 2, 3)
    loss, accuracy = by_hand(AdamW, 20, 3, lr=0.03, weight_decay=0.1)
    assert result.losses[1, 1, 1] == pytest.approx(loss, rel=1e-9)
    assert result.accuracies[1, 1, 1] == accuracy
    start = MODEL.loss(MODEL.init(3), minibatches(DATA, 32, 3).at(1))
    assert result.curves[1, 1, 1, 0] == pytest.approx(start, rel=1e-12)


def test_the_best_has_its_accuracy_and_the_quartiles(moons):
    result = sweep(Adam, moons, steps=40, seeds=3, lr=LR)
    best, at = result.best, int(numpy.argmin(result.final_loss))
    assert best["lr"] == LR[at]
    low, half, high = sorted(result.losses[at])
    assert best["loss"] == half
    assert best["loss_quartiles"] == pytest.approx(((low + half) / 2, (half + high) / 2))
    low, half, high = sorted(result.accuracies[at])
    assert best["accuracy"] == half
    assert best["accuracy_quartiles"] == pytest.approx(((low + half) / 2, (half + high) / 2))
    assert "2 lr, 40 steps, 3 seeds" in repr(result)
    without = sweep(Adam, moons, steps=40, lr=LR)
    assert set(without.best) == {"lr", "loss", "accuracy"}
    assert without.final_loss.tolist() == result.losses[:, 0].tolist()
    assert without.accuracy.tolist() == result.accuracies[:, 0].tolist()


def test_a_seed_that_diverges_has_an_infinite_loss_and_the_accuracy_0_and_the_median_stands():
    class Fragile(SGD):
        """Falls over where the first weight starts on the wrong side."""

        batched = True

        def direction(self, theta, g):
            return numpy.where(theta[..., :1] > 0, g, numpy.inf)

    fine = [seed for seed in range(6) if MODEL.init(seed)["layer1"]["kernel"].flat[0] > 0]
    assert 0 < len(fine) < 6
    result = sweep(Fragile, Training(MODEL, DATA, 32), steps=20, seeds=6, lr=[1e-3, 1e-2])
    for seed in range(6):
        assert numpy.isfinite(result.losses[:, seed]).all() == (seed in fine)
        assert (result.accuracies[:, seed] > 0).all() == (seed in fine)
    assert (result.diverged == (6 - len(fine)) / 6).all()
    assert f"{(6 - len(fine)) / 6:.0%} diverged" in repr(result)
    two = fine[:2]
    lost = [seed for seed in range(6) if seed not in fine]
    for seeds, is_lost in (([*two, lost[0]], False), ([two[0], *lost[:2]], True)):
        some = sweep(Fragile, Training(MODEL, DATA, 32), steps=20, seeds=seeds, lr=[1e-3, 1e-2])
        assert (numpy.isinf(some.final_loss) == is_lost).all()
    assert some.best["loss_quartiles"] == (numpy.inf, numpy.inf)


def test_a_run_that_diverges_in_its_last_step_tells_nothing_right(moons):
    for rule in (SGD, Student):
        result = sweep(rule, moons, steps=1, seeds=2, lr=[0.1, 1e200])
        assert result.diverged.tolist() == [False, True]
        assert (result.accuracies[0] > 0).all()
        assert (result.accuracies[1] == 0).all()


@pytest.mark.parametrize("dropping", [False, True])
def test_a_schedule_follows_each_learning_rate_also_when_others_diverge(
    moons, monkeypatch, dropping
):
    monkeypatch.setattr(runs, "WORTH_DROPPING", 0 if dropping else 10**9)
    monkeypatch.setattr(runs, "STRETCH", 16)
    dropped = []
    monkeypatch.setattr(
        SGD, "select", lambda self, runs: (dropped.append(runs), Optimizer.select(self, runs))
    )
    lr = [0.1, 1e200, 0.3, 1e250, 1e300]
    schedule = partial(cosine, steps=60)
    result = sweep(SGD, moons, steps=60, seeds=2, lr=lr, schedule=schedule)
    assert result.diverged.tolist() == [False, True, False, True, True]
    assert bool(dropped) == dropping
    for i in (0, 2):
        for seed in (0, 1):
            loss, accuracy = by_hand(SGD, 60, seed, lr=cosine(lr[i], 60))
            assert result.losses[i, seed] == pytest.approx(loss, rel=1e-9)
            assert result.accuracies[i, seed] == accuracy
    constant = sweep(SGD, moons, steps=60, seeds=2, lr=lr)
    assert not numpy.isclose(constant.losses[0, 0], result.losses[0, 0], rtol=1e-3)


def test_a_schedule_of_the_rule_s_own_learning_rate(moons):
    decayed = sweep(
        AdamW, moons, steps=30, schedule=partial(cosine, steps=30), weight_decay=[0.0, 0.3]
    )
    own = AdamW(moons, moons.start).lr
    loss, _ = by_hand(AdamW, 30, 0, lr=cosine(own, 30), weight_decay=0.3)
    assert decayed.final_loss[1] == pytest.approx(loss, rel=1e-9)
    inner = sweep(Lookahead, moons, steps=30, schedule=partial(cosine, steps=30), inner=[SGD, Adam])
    for i, rule in enumerate((SGD, Adam)):
        own = rule(moons, moons.start).lr
        loss, _ = by_hand(Lookahead, 30, 0, lr=cosine(own, 30), inner=rule)
        assert inner.final_loss[i] == pytest.approx(loss, rel=1e-9)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"schedule": 0.1}, TypeError, "schedule must be a function from a learning rate"),
        ({"schedule": lambda lr: lr}, TypeError, "this one returns"),
        ({"schedule": cosine}, TypeError, "steps"),
        ({"lr": cosine(0.1, 5), "schedule": partial(cosine, steps=5)}, ValueError, "not both"),
        ({"seeds": 0}, ValueError, "seeds must be a whole number >= 1"),
        ({"seeds": 2.0}, TypeError, "seeds must be a whole number"),
        (
            {"seeds": "two"},
            TypeError,
            "seeds must be how many, a list of seeds, or None, got 'two'",
        ),
        ({"seeds": []}, ValueError, "seeds must be different whole numbers, at least one"),
        ({"seeds": [1, 1]}, ValueError, "seeds must be different"),
        ({"seeds": [0, -1]}, ValueError, "seeds must be a whole number >= 0, got -1"),
    ],
)
def test_wrong_schedules_and_seeds_are_refused(moons, keywords, error, message):
    grid = {} if "lr" in keywords else {"lr": [0.01, 0.1]}
    with pytest.raises(error, match=message):
        sweep(AdamW, moons, steps=5, weight_decay=[0.0, 0.1], **grid, **keywords)


@pytest.mark.parametrize("function", [rosenbrock, lambda x: (x[0] - 1) ** 2])
def test_of_a_function_without_noise_seeds_move_the_start(function):
    result = sweep(SGD, function, start=[1.0, 2.0], steps=5, lr=LR, seeds=[2, 4])
    for i, lr in enumerate(LR):
        for j, seed in enumerate((2, 4)):
            start = as_problem(function, [1.0, 2.0]).seeded(seed).start
            path = SGD(function, start, lr).minimize(5)
            assert result.losses[i, j] == pytest.approx(path.loss[-1], rel=1e-9)
    assert result.losses[0, 0] != result.losses[0, 1]


def test_of_a_noisy_function_seeds_change_the_noise_too():
    result = sweep(Adam, noisy(rosenbrock, 0.1), steps=30, seeds=[2, 4], scatter=0, lr=LR)
    for i, lr in enumerate(LR):
        for j, seed in enumerate((2, 4)):
            function = noisy(rosenbrock, 0.1, seed=seed)
            end = Adam(function, function.start, lr).minimize(30).theta[-1]
            assert result.losses[i, j] == pytest.approx(rosenbrock(end), rel=1e-9)
    assert result.accuracies is None
    assert result.losses[0, 0] != result.losses[0, 1]
    moved = sweep(Adam, noisy(rosenbrock, 0.1), steps=30, seeds=[2, 4], lr=LR)
    seeded = as_problem(noisy(rosenbrock, 0.1)).seeded(4)
    end = Adam(seeded, seeded.start, LR[1]).minimize(30).theta[-1]
    assert moved.losses[1, 1] == pytest.approx(rosenbrock(end), rel=1e-9)


def test_a_start_that_is_given_holds_for_every_seed(moons):
    start = MODEL.init(9)
    result = sweep(SGD, moons, start=start, steps=10, seeds=2, lr=LR)
    for seed in (0, 1):
        sgd = SGD(MODEL.loss, start, lr=0.03)
        sgd.minimize(10, batches=minibatches(DATA, 32, seed))
        loss = MODEL.loss(sgd.theta, DATA.held_out)
        assert result.losses[1, seed] == pytest.approx(loss, rel=1e-9)


def test_a_loss_that_is_nan_at_finite_weights_is_not_the_best():
    def spoilt(w, batch):
        value = MODEL.loss(w, batch)
        learnt = len(batch[0]) == len(DATA.held_out[0]) and value < 0.3
        return numpy.nan if learnt else value

    model = Model("spoilt", MODEL.init, spoilt, MODEL.accuracy)
    result = sweep(Adam, Training(model, DATA, 32), steps=40, lr=[1e-4, 0.1])
    assert result.diverged.tolist() == [False, True]
    assert result.best["lr"] == 1e-4


# ---------------------------------------------------------------------------------------- races


@pytest.fixture(scope="module")
def race():
    moons = Training(MODEL, DATA, batch_size=32)
    return compare([SGD, Adam, Student], moons, steps=60, lr=[0.003, 0.03, 0.3], seeds=3)


def test_a_race_is_tuned_on_some_seeds_and_shown_on_others(race):
    assert race.seeds == (0, 1, 2)
    assert race.race_seeds == (3, 4, 5)
    for label, rule in (("SGD", SGD), ("Adam", Adam), ("Student", Student)):
        grid = race.lr_grid[label].tolist()
        tuned, _ = each_by_hand(rule, 60, race.seeds, lr=grid)
        medians = numpy.median(tuned, axis=1)
        numpy.testing.assert_allclose(race.final_loss[label], medians, rtol=1e-9)
        assert race.lr[label] == grid[numpy.argmin(medians)]
        shown, accuracy = each_by_hand(rule, 60, race.race_seeds, lr=[race.lr[label]])
        numpy.testing.assert_allclose(race.losses[label][-1], shown[0], rtol=1e-9)
        numpy.testing.assert_allclose(race.accuracies[label][-1], accuracy[0], rtol=1e-12)
        assert race[label].theta.shape[:2] == (61, 3)
        assert race.losses[label].shape == race.accuracies[label].shape == (61, 3)


def test_the_rows_hold_medians_and_quartiles_over_the_race_seeds(race):
    rows = race.rows()
    assert [row["final_loss"] for row in rows] == sorted(row["final_loss"] for row in rows)
    for row in rows:
        for found, median, quartiles in (
            (race.losses, "final_loss", "quartiles"),
            (race.accuracies, "accuracy", "accuracy_quartiles"),
        ):
            low, half, high = sorted(found[row["rule"]][-1])
            assert row[median] == half
            assert row[quartiles] == pytest.approx(((low + half) / 2, (half + high) / 2))
        assert row["diverged"] == 0
        assert row["gap"] is row["distance"] is row["good_lr"] is None


def test_the_table_says_what_was_held_out_and_on_which_seeds(race):
    for words in (
        "MLP 2-8-2 on two moons, batch 32, 60 steps",
        "Each rule tuned over the same 3 learning rates from 0.003 to 0.3",
        "Loss and accuracy are those on the held-out data.",
        "Seeds: tuned for the median over 3, shown on 3 others; medians and quartiles.",
        "Places: 3 seeds are too few to tell 3 rules apart, at least 7 are needed.",
    ):
        assert words in repr(race)
        assert words in race._repr_html_()
    head, *_ = repr(race).splitlines()
    middle, quartiles = ["loss", "quartiles"], ["accuracy", "quartiles"]
    assert head.split() == ["place", "rule", "lr", *middle, *quartiles, "diverged"]
    best = race.rows()[0]
    low, high = best["accuracy_quartiles"]
    for cell in (f"{best['accuracy']:.3g}", f"{low:.2g} … {high:.2g}"):
        assert cell in repr(race)
        assert f"<td>{cell}</td>" in race._repr_html_()


def test_a_training_is_raced_on_several_seeds_unless_a_single_run_is_asked_for(moons):
    how = {"steps": 30, "lr": {"SGD": 0.3, "Adam": 0.03}}
    several = compare([SGD, Adam], moons, **how)
    assert several.race_seeds == tuple(range(5, 17))
    assert several.once == {}  # the seeds draw the start
    race = compare([SGD, Adam], moons, seeds=None, **how)
    assert race.seeds is race.race_seeds is None
    assert "A single run" in repr(race)
    row = race.rows()[0]
    loss, accuracy = by_hand({"SGD": SGD, "Adam": Adam}[row["rule"]], 30, 0, lr=row["lr"])
    assert row["final_loss"] == pytest.approx(loss, rel=1e-9)
    assert (row["accuracy"], row["quartiles"]) == (accuracy, None)
    assert row["accuracy_quartiles"] is None


def test_a_race_follows_the_schedule_that_it_was_tuned_with(moons):
    schedule = partial(cosine, steps=30)
    race = compare([SGD], moons, steps=30, lr=[0.1, 1.0], seeds=2, schedule=schedule)
    tuned, _ = each_by_hand(
        SGD, 30, race.seeds, lr=[cosine(lr, 30) for lr in race.lr_grid["SGD"].tolist()]
    )
    numpy.testing.assert_allclose(race.final_loss["SGD"], numpy.median(tuned, axis=1), rtol=1e-9)
    shown, _ = each_by_hand(SGD, 30, race.race_seeds, lr=[cosine(race.lr["SGD"], 30)])
    numpy.testing.assert_allclose(race.losses["SGD"][-1], shown[0], rtol=1e-9)


def test_of_a_long_training_about_a_hundred_rows_are_kept(moons):
    race = compare([SGD], moons, steps=450, lr=0.1, seeds=2)
    assert race["SGD"].step[[0, 1, -1]].tolist() == [0, 4, 450]
    assert 100 <= len(race["SGD"]) <= 200


def test_a_race_of_noisy_functions_over_seeds():
    race = compare([SGD, Adam], noisy(rosenbrock, 0.1), steps=30, lr=[1e-4, 1e-3], seeds=2)
    assert race.accuracies == {}
    for row in race.rows():
        path = race[row["rule"]]
        ends = [rosenbrock(theta) for theta in path.theta[-1]]
        assert row["final_loss"] == pytest.approx(numpy.median(ends))
        away = numpy.linalg.norm(path.theta[-1] - 1, axis=-1)
        assert row["distance"] == pytest.approx(numpy.median(away))
    assert "Losses are without the noise. Every rule met the same noise." in repr(race)


def test_a_seed_that_diverges_in_the_race_is_told(moons):
    race = compare([SGD, Adam], moons, steps=30, lr={"SGD": 1e200, "Adam": 0.03}, seeds=2)
    assert [row["rule"] for row in race.rows()] == ["Adam", "SGD"]
    assert race.rows()[1]["final_loss"] == numpy.inf
    assert race.rows()[1]["accuracy"] == 0
    assert "diverged" in repr(race)
    plot_accuracy(race)
    race.plot()


def test_runs_side_by_side_have_the_steps_of_the_longest():
    class Ends(SGD):
        """Diverges at step 7, which is no multiple of 2."""

        def direction(self, theta, g):
            return g if self.t < 7 or theta[0] > 0 else g * numpy.inf

    paths = [Ends(rosenbrock, [x, 1.0], lr=1e-4).minimize(8, every=2) for x in (-1.5, 1.5)]
    assert len(paths[0]) == len(paths[1])
    both = as_runs(paths)
    assert both.step.tolist() == [0, 2, 4, 6, 8]
    assert both.diverged_at.tolist() == [7, -1]
    assert both.theta[-1, 1].tolist() == paths[1].theta[-1].tolist()


# --------------------------------------------------------------------------------------- pictures


def texts(ax):
    figure = ax.get_figure(root=True)
    figure.canvas.draw()
    return " ".join(text.get_text() for text in figure.findobj(plt.Text))


def test_accuracies_are_drawn_as_medians_with_a_band(race):
    ax = plot_accuracy(race)
    assert ax.get_title(loc="left").startswith("No clear winner")  # of three seeds, nobody is
    assert ax.get_ylabel() == "held-out accuracy"
    assert len(ax.collections) >= 3
    shown = texts(ax).replace("\n", " ")
    assert "Line: median of 3 seeds, band: quartiles." in shown


def test_who_is_most_often_right_is_named_if_the_seeds_tell_it_apart(moons):
    race = compare([SGD, Adam], moons, steps=30, lr={"SGD": 1e-5, "Adam": 0.03}, seeds=8)
    ours, theirs = (race.accuracies[label][-1] for label in ("Adam", "SGD"))
    assert (ours > theirs).all()
    assert plot_accuracy(race).get_title(loc="left").startswith("Adam is most often right")


def test_what_has_no_accuracies_is_not_drawn(moons):
    with pytest.raises(TypeError, match="plot_accuracy: comparison must be what compare returns"):
        plot_accuracy(compare([SGD], rosenbrock, steps=3, lr=1e-4))
    result = sweep(SGD, rosenbrock, steps=3, lr=[1e-4, 1e-3], start=[1.0, 2.0])
    with pytest.raises(AttributeError, match="Rosenbrock has no accuracy: it is not a Training"):
        result.accuracy  # noqa: B018
    maps = sweep(AdamW, rosenbrock, steps=3, lr=[1e-4, 1e-3], weight_decay=[0.0, 0.1])
    with pytest.raises(ValueError, match="only the sweep of a Training has an accuracy"):
        plot_heatmap(maps, of="accuracy")
    with pytest.raises(ValueError, match='of must be "loss", or "accuracy"'):
        plot_heatmap(maps, of="accuracies")
    with pytest.raises(ValueError, match="for a map over two grids"):
        plot_heatmap(sweep(SGD, moons, steps=3, lr=[0.1, 1.0]), of="accuracy")


def test_a_heat_map_of_accuracies_marks_the_best_that_did_not_diverge(moons):
    lr, decay = [1e-3, 1e-2, 1e-1, 1e8], [1e-3, 1e-1, 1.0]
    result = sweep(AdamW, moons, steps=60, seeds=2, lr=lr, weight_decay=decay)
    shares = numpy.where(result.diverged, -1, result.accuracy)
    assert result.diverged.any()
    i, j = numpy.unravel_index(numpy.argmax(shares), shares.shape)
    ax = plot_heatmap(result, of="accuracy", limits=(0.5, 1.0))
    title = ax.get_title(loc="left")
    assert f"learning rate {lr[i]:g}" in title
    assert f"weight decay {decay[j]:g}" in title
    (mesh,) = [c for c in ax.collections if c.get_array() is not None]
    assert mesh.get_clim() == (0.5, 1.0)
    assert "held-out accuracy" in texts(ax)
    assert "Medians over 2 seeds" in texts(ax).replace("\n", " ")
    stars = [line for line in ax.lines if line.get_marker() not in ("None", None, "")]
    assert (lr[i], decay[j]) in {tuple(point) for line in stars for point in line.get_xydata()}


def test_a_race_of_models_shows_the_accuracy_beside_the_loss(race):
    axes = race.plot()
    assert [ax.get_ylabel().split(" (")[0] for ax in axes] == [
        "held-out loss",
        "held-out accuracy",
        "final held-out loss",
    ]
    shown = texts(axes[0]).replace("\n", " ")
    assert "Tuned on 3 seeds, shown on 3 others: median, and quartiles as a band." in shown
    assert "Losses are those on held-out data." in shown


def test_data_and_models_of_ones_own_are_trained_alike():
    x, y = digits().train
    data = Dataset("a few", (x[:200, :4], y[:200]), (x[200:300, :4], y[200:300]))
    training = Training(softmax_regression(4, 10), data, 50)
    result = sweep(SGD, training, steps=4, seeds=2, lr=[0.1, 1.0])
    one = Training(softmax_regression(4, 10), data, 50, seed=1)
    end = SGD(one, one.start, 1.0).minimize(4).theta[-1]
    assert result.losses[1, 1] == pytest.approx(one.exact(end), rel=1e-9)


def test_a_model_that_promises_nothing_is_taken_run_by_run_and_not_recorded():
    rate = [1.0]

    def loss(w, batch):  # over all axes at once
        x, y = batch
        return rate[0] * np.mean((x @ w["slope"] + w["shift"] - y) ** 2)

    def accuracy(w, batch):
        return float(np.mean((batch[0] @ w["slope"] + w["shift"] > 0.5) == batch[1]))

    def init(seed, scheme):
        return {"slope": numpy.random.default_rng(seed).normal(size=2), "shift": 0.0}

    line = Training(Model("line", init, loss, accuracy), DATA, 32)
    result = sweep(SGD, line, steps=20, seeds=2, lr=[0.01, 0.1])
    for i, lr in enumerate((0.01, 0.1)):
        for seed in (0, 1):
            sgd = SGD(loss, init(seed, "he"), lr)
            sgd.minimize(20, batches=minibatches(DATA, 32, seed))
            assert result.losses[i, seed] == pytest.approx(loss(sgd.theta, DATA.held_out))
            assert result.accuracies[i, seed] == accuracy(sgd.theta, DATA.held_out)
    race = compare([SGD], line, steps=5, lr=0.1, seeds=2)
    assert race.accuracies["SGD"].shape == (6, 2)
    sgd = SGD(line, line.start)
    sgd.minimize(3)
    before = sgd.gradient(race["SGD"].theta[0, 0], line.noise(1))
    rate[0] = 2.0
    after = sgd.gradient(race["SGD"].theta[0, 0], line.noise(1))
    assert after[0] == pytest.approx(2 * before[0])
    assert not sgd.recorded
