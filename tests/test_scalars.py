import numpy as np
import pytest

from optimizers.engine.scalars import (
    STEP,
    Untraceable,
    explored,
    inputs,
    limited,
    plain,
    symbols,
)

TINY = 1e-300


@pytest.fixture(autouse=True)
def _quiet():
    with np.errstate(all="ignore"):
        yield


def numbers(expressions, **given):
    """The values of expressions, one by one, by NumPy's functions of single numbers."""
    known = {}

    def value(x):
        if x not in known:
            if x.op == "constant":
                known[x] = x.args[0]
            elif x.op == "input":
                known[x] = given[x.args[0]].ravel()[x.args[1]]
            else:
                known[x] = plain(x.op)(*map(value, x.args))
        return known[x]

    found = symbols(expressions)
    return np.array([value(x) for x in found.ravel()], float).reshape(found.shape)


def assert_same(function, *arrays):
    names = [f"x{i}" for i in range(len(arrays))]
    made = [inputs(name, x.shape) for name, x in zip(names, arrays, strict=True)]
    ours = numbers(function(*made), **dict(zip(names, arrays, strict=True)))
    np.testing.assert_array_equal(ours, np.asarray(function(*arrays), float))


UNARY = [np.sqrt, np.exp, np.sin, np.tanh, np.abs, np.sign, np.floor, np.log1p, np.square]
UNARY += [np.negative, np.reciprocal, np.isnan, np.isfinite, np.isinf, np.cbrt, np.arctan]
BINARY = [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.arctan2]
BINARY += [np.less, np.greater_equal, np.equal, np.not_equal, np.logical_or, np.hypot]
SHAPING = [
    lambda x: x[..., ::-1],
    lambda x: np.reshape(x, (-1,))[: x.shape[-1]],
    lambda x: np.roll(x, 1, axis=-1),
    lambda x: np.concatenate([x[..., 1:], x[..., :1]], axis=-1),
    lambda x: np.where(x > 0, x, 0.1 * x),
    lambda x: np.clip(x, -0.5, 0.5),
    lambda x: x - x.mean(axis=-1, keepdims=True),
    lambda x: x * np.sum(x, axis=-1, keepdims=True),
    lambda x: x / (TINY + np.linalg.norm(x, axis=-1, keepdims=True)),
    lambda x: np.cumsum(x, axis=-1),
    lambda x: np.max(x, axis=-1, keepdims=True) - x,
    lambda x: np.stack([x, x])[1],
    lambda x: np.array([1.0, -2.0, 0.0, np.inf, 0.5])[: x.shape[-1]] * x,
]


@pytest.mark.parametrize("seed", range(40))
def test_random_programs_give_numpys_numbers(seed):
    rng = np.random.default_rng(seed)
    choices = rng.integers(0, 3, 8), rng.integers(0, 100, 8)
    x = rng.standard_normal((2, 5)) * 10.0 ** rng.integers(-2, 3, (2, 5))
    if seed % 3 == 0:
        x[rng.random(x.shape) < 0.2] = rng.choice([0.0, np.nan, np.inf, -1.0])

    def program(x):
        made = [x, 2 * x]
        for kind, which in zip(*choices, strict=True):
            a, b = made[-1], made[which % len(made)]
            if kind == 0:
                made.append(UNARY[which % len(UNARY)](a) * 1.0)
            elif kind == 1:
                made.append(BINARY[which % len(BINARY)](a, b) * 1.0)
            else:
                made.append(SHAPING[which % len(SHAPING)](a) + 0 * x)
        return made[-1]

    assert_same(program, x)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 15, 16, 17, 64, 127, 128, 129, 200, 300])
def test_sums_come_in_numpys_order(size):
    x = np.random.default_rng(size).standard_normal(size) * 10.0 ** np.linspace(-8, 8, size)
    assert_same(np.sum, x)
    assert_same(np.mean, x)
    assert_same(np.prod, np.abs(x[:40]))
    assert_same(lambda x: x[::-1].sum(), x)
    assert_same(lambda x: x[::2].sum(), x)


@pytest.mark.parametrize("shape", [(3, 4), (9, 2), (2, 9), (5, 17), (3, 4, 5), (2, 2, 12)])
def test_sums_over_axes_come_in_numpys_order(shape):
    x = np.random.default_rng(0).standard_normal(shape)
    axes = [None, 0, -1, (0, 1), *([(1, 2), (0, 2)] if len(shape) > 2 else [])]
    for axis in axes:
        for keepdims in (False, True):
            assert_same(lambda x, a=axis, k=keepdims: np.sum(x, axis=a, keepdims=k), x)
            assert_same(lambda x, a=axis, k=keepdims: np.sum(x.T, axis=a, keepdims=k), x)
            assert_same(lambda x, a=axis, k=keepdims: np.var(x, axis=a, keepdims=k), x)
            assert_same(lambda x, a=axis, k=keepdims: np.max(x, axis=a, keepdims=k), x)
            assert_same(lambda x, a=axis, k=keepdims: np.any(x > 1, axis=a, keepdims=k), x)
            assert_same(lambda x, a=axis, k=keepdims: np.sum(x > 1, axis=a, keepdims=k), x)


def test_products_round_as_numpys_do():
    rng = np.random.default_rng(0)
    for size in (1, 2, 3, 5, 8, 12):
        x, y = rng.standard_normal((2, size))
        assert_same(lambda x, y: x @ y, x, y)
        assert_same(np.dot, x, y)
        assert_same(np.vecdot, x, y)
        assert_same(np.linalg.norm, x)
        assert_same(lambda x: np.linalg.norm(x, ord=1) + np.linalg.norm(x, axis=-1), x)
    turn, x = rng.standard_normal((2, 2)), rng.standard_normal(2)
    assert_same(lambda x: x @ turn, x)


def test_layers_are_added_up_as_reduceat_does():
    x = np.random.default_rng(0).standard_normal(60)
    assert_same(lambda x: np.add.reduceat(x * x, [0, 3, 20, 59], axis=-1), x)


def test_each_expression_stands_once():
    x = inputs("x", (2,))
    assert (x[0] + x[1]) is (x[0] + x[1])
    assert np.sum(x**2) is x[0] * x[0] + x[1] * x[1]
    assert symbols(x * 1 + 0)[0] is x[0]
    assert np.where(x > 0, x, x)[1] is x[1]


def test_an_array_may_be_written_into():
    def program(x):
        y = x.copy()
        y *= 2
        y[..., 1:] += x[..., :-1]
        z = np.zeros_like(x)
        np.add.at(z, [0, 0, 1], x[:3])
        return y - z

    assert_same(program, np.array([1.0, 2.5, -3.0]))


def test_branches_on_t_and_on_settings_become_choices():
    t, a = inputs("t", (), STEP)[()], inputs("a", (), STEP)[()]

    def program():
        step = max(a, 0.5)
        if t % 3 == 0:
            step = -step
        elif t > 10 and a < 2:
            step = step / t
        return {"d": symbols([step])}

    found = explored(program)["d"]
    for at in (1, 3, 12, 13, 20):
        for of in (0.1, 1.0, 5.0):
            step = max(of, 0.5)
            right = -step if at % 3 == 0 else step / at if at > 10 and of < 2 else step
            assert numbers(found, t=np.array(at), a=np.array(of)) == [right]


def test_too_many_branches_are_refused():
    t = inputs("t", (), STEP)[()]

    def program():
        return {"d": symbols([sum(i for i in range(20) if t > i)])}

    with pytest.raises(Untraceable, match="branches more than"):
        explored(program)


REFUSED = {
    "branches on a value": [
        lambda x: x[0] if x[0] > 0 else x[1],
        lambda x: max(x),
        lambda x: bool(x[0]),
        lambda x: x[0] and x[1],
    ],
    "takes a value out": [lambda x: float(x[0]), lambda x: range(x[0]), lambda x: int(x[0])],
    "not followed": [np.sort, np.argmax, np.median, lambda x: np.einsum("i,i", x, x)],
    "float32": [lambda x: x.astype(np.float32), lambda x: np.sum(x, dtype=np.float32)],
    "real numbers": [lambda x: x * 1j, lambda x: x + np.array(["a"], object)],
    "bits": [lambda x: np.bitwise_and(x, 3)],
    "in a way": [lambda x: np.add(x, 1, where=[True, False, True]), np.modf],
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_no_line_of_scalars_is_refused(words):
    for program in REFUSED[words]:
        with pytest.raises(Untraceable, match=words):
            program(inputs("x", (3,)))


def test_a_long_computation_is_refused_before_it_is_written_down():
    def program():
        x = inputs("x", (50,))
        for i in range(1000):
            x = np.sin(x) + i

    with limited(), pytest.raises(Untraceable, match="more than 4000 scalars"):
        program()


def test_the_first_power_of_a_number_is_the_number():
    x = inputs("x", (1,))
    assert x[0] ** 1 is x[0]
    assert x[0] ** 1.0 is x[0]


def test_an_expression_is_not_printed_or_formatted():
    x = inputs("x", (2,))
    for show in (repr, str, "{}".format, lambda x: f"{x[0]:.3f}", lambda x: [x[0]].__repr__()):
        with pytest.raises(Untraceable, match="prints or formats"):
            show(x)


def test_a_refusal_that_is_caught_inside_is_a_refusal():
    def function():
        x = inputs("x", (1,))[0]
        try:
            return {"y": symbols(float(x))}
        except:  # noqa: E722
            return {"y": symbols(0.0)}

    with pytest.raises(Untraceable, match="takes a value out"):
        explored(function)


def test_a_branch_is_taken_both_ways_though_what_stops_it_is_caught():
    t = inputs("t", (), STEP)[()]

    def function():
        try:
            return {"y": symbols(t * 2 if t % 5 == 0 else t)}
        except Exception:
            return {"y": symbols(0.0)}

    assert explored(function)["y"][()].op == "where"
