"""What a loss did wrong is told truly, with a cure that works."""

import autograd.numpy as np
import autograd.scipy.signal
import numpy
import pytest
from autograd import grad

from optimizers import SGD, Adam, Newton, compare, pure, sweep
from optimizers.diagnosis import ALTERNATIVES
from optimizers.functions import describe


def minimize(loss, weights=(1.0, 2.0)):
    return SGD(loss, numpy.array(weights)).minimize(3)


# stands for what pandas, xarray and others bring: an array in disguise, in a package of its own
PACKAGE = {"__name__": "pandas.core.series", "numpy": numpy}
exec(
    compile(
        """
class Series:
    def __init__(self, values):
        self.values = numpy.array(values)

    def __array__(self, dtype=None, copy=None):
        return self.values

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        plain = [i.values if isinstance(i, Series) else i for i in inputs]
        return Series(ufunc(*plain))

    def __mul__(self, other):
        filled = numpy.empty(len(self.values))
        filled[:] = self.values * other
        return Series(filled)

    __rmul__ = __mul__

    def sum(self, axis=None, dtype=None, out=None):
        return self.values.sum()
""",
        "site-packages/pandas/core/series.py",
        "exec",
    ),
    PACKAGE,
)
Series = PACKAGE["Series"]
prices = Series([1.0, 2.0, 3.0])
table = numpy.matrix([[1.0, 2.0], [3.0, 4.0]])
hidden = numpy.ma.masked_array([1.0, 2.0], [False, True])


@pytest.mark.parametrize(
    "loss",
    [
        lambda w: np.sum(np.exp(prices * w[0])),
        lambda w: (prices * w[0]).sum(),
    ],
)
def test_a_foreign_type_is_named_with_the_way_to_its_numbers(loss):
    with pytest.raises(TypeError, match=r"computes with prices, a pandas Series.*prices\.values"):
        minimize(loss)


@pytest.mark.parametrize(
    "loss", [lambda w: np.sum((table @ w) ** 2), lambda w: np.sum((w @ table) ** 2)]
)
def test_a_matrix_of_the_old_kind_is_named(loss):
    with pytest.raises(TypeError, match=r"computes with table, an np\.matrix.*asarray\(table\)"):
        minimize(loss)


def test_a_foreign_type_that_does_no_harm_is_not_blamed():
    def own_error(w):
        raise ValueError(f"my own, beside {len(prices.values)} prices")

    with pytest.raises(ValueError, match="^my own, beside 3 prices$"):
        minimize(own_error)
    assert minimize(lambda w: np.sum(prices.values * w[0]) ** 2).loss.shape == (4,)


class Portfolio:
    def __init__(self):
        self.prices = Series([1.0, 2.0])

    def __call__(self, w):
        return np.sum(
            np.exp(
                self.prices * w[0],
            )
        )


def test_a_foreign_type_is_named_as_the_expression_spells_it_out():
    with pytest.raises(TypeError, match=r"computes with self\.prices, .*self\.prices\.values"):
        minimize(Portfolio())


def takes_its_values(w):
    return float(prices.values[0] * w[0])


def makes_an_array_of_it(w):
    return float(np.sum(np.asarray(prices) * w[0]))


def uses_it_on_another_line(w):
    total = prices.sum()
    return total * float(w[0])


@pytest.mark.parametrize("loss", [takes_its_values, makes_an_array_of_it, uses_it_on_another_line])
def test_a_foreign_type_beside_the_fault_is_not_blamed(loss):
    with pytest.raises(TypeError, match=r"cannot see through.*import autograd\.numpy as np"):
        minimize(loss)


def test_shapes_that_do_not_fit_are_told_as_such_beside_a_foreign_type():
    with pytest.raises(ValueError, match="mismatch in its core dimension"):
        minimize(lambda w: np.sum(w @ np.ones(7)) + np.sum(prices.values))


@pytest.mark.parametrize(
    "own",
    [
        NotImplementedError("part two is not written yet"),
        ValueError("Box constraint violated"),
        TypeError("cannot differentiate this array element"),
        AttributeError("no Box"),
    ],
)
@pytest.mark.parametrize("run", [minimize, lambda f: sweep(SGD, f, start=[1.0, 2.0], lr=[0.1, 1])])
def test_an_error_of_the_user_s_own_passes_unchanged(own, run):
    def checked(w):
        raise own

    def loss(w):
        return checked(w) + np.sum(w**2)

    with pytest.raises(type(own)) as raised:
        run(loss)
    assert raised.value is own


def test_an_error_that_is_raised_again_is_explained_as_before():
    def loss(w):
        try:
            return float(w[0])
        except TypeError:
            raise

    with pytest.raises(TypeError, match="cannot see through"):
        minimize(loss)


@pytest.mark.parametrize("value", [(1.0, 2.0), [1.0], {"loss": 1.0}, "low", None])
def test_what_is_no_number_is_refused_in_a_plain_sentence(value):
    for loss in (lambda w: value, lambda w: (np.sum(w), value)):
        with pytest.raises(TypeError, match="must return one number, got"):
            minimize(loss)


def in_place_on_a_box(w):
    y = w * 1.0
    y[0] = 3.0
    return np.sum(y)


def in_place_on_an_array(w):
    y = np.zeros(2)
    y[1] = w[0]
    return np.sum(y)


def adds_in_place(w):
    y = np.zeros(1)
    y += w[0]
    return np.sum(y)


@pytest.mark.parametrize("loss", [in_place_on_a_box, in_place_on_an_array, adds_in_place])
def test_who_assigns_in_place_is_told_so(loss):
    with pytest.raises(TypeError, match="assigns to an array in place"):
        minimize(loss)


@pytest.mark.parametrize(
    "loss",
    [
        lambda w: numpy.float64(w[0]) ** 2,
        lambda w: numpy.interp(w[0], [0, 1], [0, 1]),
        lambda w: np.sum(np.array([float(v) for v in w])),
        lambda w: numpy.array([w[0], 1.0]).astype(float).sum(),
    ],
)
def test_who_does_not_assign_is_not_told_so(loss):
    with pytest.raises(TypeError, match=r"cannot see through.*import autograd\.numpy as np"):
        minimize(loss)


x = numpy.array([0.3, 2.0, 1.1, 0.7, 1.6])
SAMPLES = {
    "convolve": ((x, numpy.array([1.0, -2.0])), {"k": numpy.array([1.0, -2.0])}),
    "interp": ((1.3, [0.0, 1.0, 2.0], [1.0, 5.0, 3.0]), {"t": [0, 1, 2], "y": [1, 5, 3]}),
    "percentile": ((x, 25), {"p": 25}),
    "quantile": ((x, 0.75), {"q": 0.75}),
    "polyval": ((numpy.array([2.0, -1.0, 0.5]), 1.3), {"c": numpy.array([2.0, -1.0, 0.5])}),
}


@pytest.mark.parametrize("name", ALTERNATIVES)
def test_what_is_offered_instead_says_the_same_and_has_a_gradient(name):
    arguments, names = SAMPLES.get(name, ((x,), {}))
    names = {k: numpy.asarray(v) for k, v in names.items()}
    at = 1.3 if name in ("interp", "polyval") else x

    def instead(value):
        scope = {"np": np, "x": value, "len": len, "round": round, "autograd": autograd}
        return eval(ALTERNATIVES[name], scope | names)

    numpy.testing.assert_allclose(instead(at), getattr(numpy, name)(*arguments), rtol=1e-12)
    assert numpy.isfinite(grad(lambda value: np.sum(instead(value)))(at)).all()


def test_a_function_without_a_gradient_is_named_with_another():
    with pytest.raises(TypeError, match=r"no gradient for: np\.median\. Instead.*np\.sort"):
        minimize(lambda w: np.median(w))
    with pytest.raises(TypeError, match=r"no gradient for: np\.histogram\. Write it with.*grad="):
        minimize(lambda w: np.sum(np.histogram(w)[0]))


@pytest.mark.parametrize("run", [minimize, lambda f: sweep(SGD, f, start=[1.0, 2.0], lr=[0.1, 1])])
def test_a_loss_of_two_arguments_is_shown_how_to_take_one(run):
    def hill(x, y):
        return x**2 + y**2

    with pytest.raises(TypeError, match=r"the loss 'hill' needs more.*'y'.*lambda w: f\(\*w\)"):
        run(hill)
    assert minimize(lambda w: hill(*w)).loss[0] == 5


# -------------------------------------------------------------------- losses that are right


def hinge(w):
    return max(0, 1 - w[0])


@pytest.mark.parametrize(
    ("loss", "start"),
    [
        (hinge, [0.0]),
        (hinge, [2.0]),  # flat where it starts
        (lambda w: max(0.0, 1 - w[0]) + max(0, w[1] - 1), [3.0, -3.0]),
        (lambda w: abs(w[0]) if abs(w[0]) > 1 else 0, [0.5]),
        (lambda w: np.sum(np.maximum(0, 1 - w)), [5.0, 5.0]),
        (lambda w: numpy.array(0.0) if w[0] < 1 else w[0] - 1, [0.5]),
        (lambda w: numpy.zeros(1) if w[0] < 1 else w[0] - 1, [0.5]),
        (lambda w: max(numpy.int64(0), 1 - w[0]), [2.0]),
        (lambda w: max(numpy.float32(0), 1 - w[0]), [2.0]),
    ],
)
def test_a_loss_with_flat_parts_runs(loss, start):
    path = SGD(loss, start, lr=0.3).minimize(10)
    assert numpy.isfinite(path.loss).all()
    assert path.loss[-1] <= path.loss[0]
    assert len(sweep(SGD, loss, start=start, steps=10, lr=[0.1, 0.3], progress=False).final_loss)


def test_a_loss_that_never_depends_on_the_weights_is_refused():
    constants = (3.0, 0, numpy.sum(numpy.ones(2)), numpy.array(3.0), numpy.ones(1), numpy.int64(3))
    for loss in (lambda w, c=c: c for c in constants):
        with pytest.raises(ValueError, match="does not depend on the weights"):
            minimize(loss)


def test_newton_on_a_linear_loss_stands_still_without_a_warning():
    path = Newton(lambda w: 3 * w[0] - np.sum(w), [1.0, 2.0]).minimize(3)
    assert path.theta[-1].tolist() == [1, 2]


# ------------------------------------------------------------------------ recordings that age


def test_a_global_that_changes_in_another_cell_is_noticed_at_the_next_use():
    lam = [0.0]

    @pure
    def ridge(w):
        return np.sum((w - 1) ** 2) + lam[0] * np.sum(w**2)

    before = SGD(ridge, [0.0, 0.0], lr=0.01)
    before.minimize(5)
    assert before.recorded
    lam[0] = 10.0
    right = SGD(lambda w: np.sum((w - 1) ** 2) + 10 * np.sum(w**2), [0.0, 0.0], lr=0.01)
    after = SGD(ridge, [0.0, 0.0], lr=0.01)
    assert numpy.array_equal(after.minimize(5).theta, right.minimize(5).theta)
    assert after.recorded
    assert before.minimize(1).loss[0] == ridge(numpy.array(before.path.theta[0]))


def test_data_that_changes_in_place_is_noticed_at_the_next_use():
    data = numpy.ones((200_000, 1))  # large enough to be left where it is

    @pure
    def loss(w):
        return np.mean((data @ w - 1) ** 2)

    first = SGD(loss, [0.0], lr=0.1).minimize(4)
    data *= 2
    again = SGD(loss, [0.0], lr=0.1).minimize(4)
    assert again.theta[1, 0] == pytest.approx(2 * first.theta[1, 0])
    assert again.loss[-1] == loss(again.theta[-1])


def test_a_single_step_never_replays_an_old_loss():
    scale = [1.0]

    @pure
    def loss(w):
        return scale[0] * np.sum(w**2)

    sgd = SGD(loss, [2.0], lr=0.0)
    sgd.minimize(4)
    scale[0] = 3.0
    assert sgd.minimize_raw() == 12


@pytest.mark.parametrize("far", [0.05, 1.0, 2.5])
def test_a_part_of_the_loss_that_changes_far_from_the_start_is_noticed(far):
    walls = [0.0]

    @pure
    def loss(w):
        return np.sum(w**2) + walls[0] * np.sum(np.maximum(np.abs(w) - far, 0) ** 2)

    SGD(loss, [0.0], lr=0.1).minimize(4)
    walls[0] = 1.0
    sgd = SGD(loss, [0.0], lr=0.1)
    path = sgd.minimize(3, callback=lambda o: setattr(o, "theta", [9.0]))
    assert path.loss[-1] == 81 + (9 - far) ** 2


def test_a_described_function_that_promises_too_much_is_recorded_anew():
    scale = [1.0]
    function = describe("Scaled", start=[1.0], pure=True)(lambda x: scale[0] * x[0] ** 2)
    SGD(function, [1.0]).minimize(5)
    scale[0] = 3.0
    assert SGD(function, [1.0]).minimize(5).grad_norm[0] == 6


def test_what_runs_on_autograd_is_not_called_recorded():
    @pure
    def loss(w, batch):
        return np.mean((batch @ w) ** 2) if len(batch) > 2 else (w[0] if w[0] > 0 else w[1]) ** 2

    sgd = SGD(loss, [1.0, 2.0], lr=0.01)
    long, short = numpy.ones((4, 2)), numpy.ones((2, 2))
    sgd.minimize(3, batches=[long] * 3)
    assert sgd.recorded
    sgd.minimize(1, batches=[short])  # another shape, not recorded yet
    assert not sgd.recorded
    sgd.minimize(2, batches=[short] * 2)
    assert "branches" in repr(sgd.recorded)
    sgd.minimize(2, batches=[long] * 2)
    assert sgd.recorded
    sgd.minimize_raw(long)
    assert not sgd.recorded


def test_a_closure_over_large_data_keeps_no_copy_of_it():
    import gc
    import tracemalloc

    data = numpy.ones((1000, 1000))  # 8 MB

    @pure
    def loss(w):
        return np.mean((data @ w - 1) ** 2)

    tracemalloc.start()
    sgd = SGD(loss, numpy.zeros(1000), lr=1e-6)
    sgd.minimize(4)
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert sgd.recorded
    assert held < data.nbytes / 4


# ------------------------------------------------------------------- what was tuned is shown


@pytest.mark.parametrize("name", ["ackley", "plateau", "rastrigin", "rosenbrock"])
def test_what_was_tuned_is_what_is_shown_to_the_bit(name):
    from optimizers import RMSProp
    from optimizers.functions import FUNCTIONS

    race = compare([SGD, RMSProp, Adam], FUNCTIONS[name], steps=300, seeds=None, progress=False)
    for label, path in race.items():
        assert path.loss[-1] == race.final_loss[label].min()
        again = {"SGD": SGD, "RMSProp": RMSProp, "Adam": Adam}[label](
            FUNCTIONS[name], race.start, lr=race.lr[label]
        ).minimize(300)
        assert numpy.array_equal(again.theta, path.theta)


def test_a_start_whose_loss_overflows_has_nothing_good():
    from optimizers.functions import rosenbrock

    race = compare([SGD, Adam], rosenbrock, start=[1e200, 1e200], steps=5, progress=False)
    for row in race.rows():
        assert (row["good_lr"], row["steps_to_target"], row["at_edge"]) == (None, None, False)
    assert "SGD, Adam diverged in every trial" in repr(race)
