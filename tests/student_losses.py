"""A hundred losses of the kinds that students write, for the tests of what is made of them.

Each stands in a function that makes it anew, with what it counts or draws from at its beginning.
"""

import functools
import itertools
import math
import random
import time

import autograd.numpy as np
import autograd.scipy.special
import autograd.scipy.stats
import numpy

RNG = numpy.random.default_rng(0)
X = RNG.standard_normal((12, 2))
Y = X @ [1.0, -2.0] + 0.1 * RNG.standard_normal(12)
LABEL = numpy.sign(Y)
A = numpy.array([[3.0, 0.5], [0.5, 1.0]])
T = numpy.linspace(0, 2, 9)
LAMBDA = 0.3
CONFIG = {"lam": 0.2, "power": 2}
START = [0.7, -0.4]

TAKEN = {}  # by name: what makes the loss, and the start
REFUSED = {}  # and words of the reason
WRONG = {}  # what autograd itself does not take


def taken(start=START):
    return lambda make: TAKEN.setdefault(make.__name__, (make, start)) and make


def refused(words, start=START):
    return lambda make: REFUSED.setdefault(make.__name__, (make, start, words)) and make


def plain(**losses):
    """Losses that keep nothing: what makes them returns them."""
    for name, loss in losses.items():
        loss, start = loss if isinstance(loss, tuple) else (loss, START)
        TAKEN[name] = (lambda loss=loss: loss), start


def softplus(z):
    return np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def log_sum_exp(z):
    top = np.max(z)
    return top + np.log(np.sum(np.exp(z - top)))


# ------------------------------------------------------------------------- that are to be taken

plain(
    sum_of_squares=lambda x: np.sum(x**2),
    python_sum=lambda v: sum(v_i**2 for v_i in v),
    list_comprehension=lambda v: np.sum(np.array([v_i**4 - v_i for v_i in v])),
    unpacked=lambda w: (lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2)(*w),
    indexed=lambda x: x[0] ** 2 + 3 * (x[1] - 1) ** 4,
    last_axis=lambda x: x[..., 0] ** 2 + x[..., -1] ** 2,
    dot=lambda x: np.dot(x, x) ** 1.5,
    quadratic_form=lambda x: x.T @ A @ x,
    quadratic_form_halved=lambda x: 0.5 * np.dot(x, np.dot(A, x)) - np.dot(np.array([1.0, 2.0]), x),
    outer=lambda x: np.sum(np.outer(x, x) * A) + np.tensordot(x, A, 1) @ x,
    norm=lambda x: np.linalg.norm(x - np.array([1.0, 2.0])),
    norm_squared=lambda x: np.linalg.norm(x) ** 2,
    norm_by_name=lambda x: np.linalg.norm(x, ord=2) + np.linalg.norm(x, axis=0),
    hand_made_norm=lambda x: np.sqrt(np.sum(x**2) + 1e-12),
    least_squares=lambda w: np.mean((X @ w - Y) ** 2),
    least_squares_halved=lambda w: 0.5 * np.sum((Y - np.matmul(X, w)) ** 2) / len(Y),
    root_mean_square=lambda w: np.sqrt(np.mean((X @ w - Y) ** 2)),
    mean_absolute=lambda w: np.abs(X @ w - Y).mean(),
    ridge=lambda w: np.mean((X @ w - Y) ** 2) + LAMBDA * np.sum(w**2),
    lasso=lambda w: np.mean((X @ w - Y) ** 2) + LAMBDA * np.sum(np.abs(w)),
    elastic_net=lambda w: np.sum((X @ w - Y) ** 2) + 0.1 * (np.abs(w).sum() + (w**2).sum()),
    from_a_dict=lambda w: np.mean((X @ w - Y) ** 2) + CONFIG["lam"] * np.sum(w ** CONFIG["power"]),
    logistic=lambda w: np.mean(np.log(1 + np.exp(-LABEL * (X @ w)))),
    cross_entropy=lambda w: (
        -np.mean((LABEL > 0) * np.log(sigmoid(X @ w)) + (LABEL <= 0) * np.log(1 - sigmoid(X @ w)))
    ),
    logaddexp=lambda w: np.sum(np.logaddexp(0, -LABEL * (X @ w))),
    softplus=lambda w: np.mean(softplus(-LABEL * (X @ w))),
    hinge=lambda w: np.mean(np.maximum(0, 1 - LABEL * (X @ w))) + 0.01 * np.dot(w, w),
    squared_hinge=lambda w: np.sum(np.maximum(0, 1 - LABEL * (X @ w)) ** 2),
    clipped=lambda x: np.sum(np.clip(x, -0.5, 0.5) ** 2 + 0.1 * x**2),
    huber_where=lambda x: np.sum(np.where(np.abs(x) < 0.5, 0.5 * x**2, 0.5 * np.abs(x) - 0.125)),
    masked=lambda x: np.sum((x > 0) * x**2) + np.sum((x <= 0) * x**4),
    log_cosh=lambda w: np.sum(np.log(np.cosh(X @ w - Y))),
    waves=lambda x: np.sin(3 * x[0]) * np.cos(2 * x[1]) + 0.1 * np.sum(x**2),
    tanh_unit=lambda w: np.mean((np.tanh(X @ w) - LABEL) ** 2),
    softmax=lambda x: log_sum_exp(x) - x[0],
    exponential=lambda w: np.sum((w[0] * np.exp(-w[1] * T) - 2 * np.exp(-T)) ** 2),
    polynomial=lambda w: np.mean((w[0] * T + w[1] - T**2) ** 2),
    column_names=lambda w: np.sum((w[..., :, None] * T - 1) ** 2) + np.ravel(w)[0] ** 2,
    vandermonde=lambda w: np.mean((np.vander(T, 2) @ w - T**2) ** 2),
    himmelblau=lambda v: (v[0] ** 2 + v[1] - 11) ** 2 + (v[0] + v[1] ** 2 - 7) ** 2,
    rastrigin=lambda x: (
        10 * len(x) + sum(x[i] ** 2 - 10 * np.cos(2 * np.pi * x[i]) for i in (0, 1))
    ),
    ackley=lambda x: -20 * np.exp(-0.2 * np.sqrt(0.5 * (x @ x))) - np.exp(np.mean(np.cos(x))),
    stacked=lambda x: np.sum(np.stack([x, x**2]) * A) + np.sum(np.hstack((x, x[:1]))),
    concatenated=lambda x: np.sum(np.concatenate([x, np.ones(1)]) ** 2),
    differences=lambda x: np.sum(np.diff(x) ** 2) + np.sum((x[1:] - x[:-1]) ** 2) + x[0] ** 2,
    cumulative=lambda x: np.sum(np.cumsum(x) ** 2),
    product=lambda x: np.prod(x) ** 2 + np.sum(x**2),
    variance=lambda x: np.var(x) + np.std(x) + np.mean(x) ** 2,
    extremes=lambda x: np.max(x) - np.min(x) + 0.1 * np.sum(x**2),
    pairwise_maximum=lambda x: np.maximum(x[0], x[1]) + np.minimum(x[0], 0.0) ** 2,
    reshaped=lambda x: np.trace(x.reshape(1, 2).T @ x.reshape(1, 2)),
    transposed=lambda x: np.sum((x[:, None] - x[None, :]) ** 2) + x[0] ** 2,
    tiled=lambda x: np.sum(np.tile(x, 2) ** 2) + np.sum(np.repeat(x, 2)),
    powers=lambda x: np.abs(x[0]) ** 1.7 + x[1] ** 6 + (1 + x[0] ** 2) ** -0.5,
    power_of_two_weights=lambda x: (1 + x[0] ** 2) ** x[1],
    float_power=lambda x: np.power(np.abs(x) + 1.0, 2.5).sum(),
    whole_start=(lambda x: (x[0] - 3) ** 2 + x[1] ** 2, [5, -2]),
    one_weight=(lambda x: (x - 3) ** 2, [0.0]),
    one_number=(lambda x: (x - 3) ** 2 + np.sin(x), 0.5),
    array_of_one=lambda x: np.array([np.sum(x**2)]),
    one_by_one_matrix=lambda x: x.reshape(1, 2) @ A @ x.reshape(2, 1),
    dict_of_weights=(
        lambda p: np.mean((X @ p["w"] + p["b"] - Y) ** 2),
        {"w": [0.5, 0.5], "b": 0.1},
    ),
    list_of_layers=(
        lambda p: np.mean((np.tanh(X @ p[0] + p[1]) @ p[2] - Y) ** 2),
        [RNG.standard_normal((2, 3)), [0.0] * 3, RNG.standard_normal(3)],
    ),
    matrix=(lambda w: np.sum((w @ w.T - A) ** 2), [[1.0, 0.2], [0.1, 1.0]]),
    integer_data=lambda w: np.sum((numpy.array([[1, 2], [3, 4]]) @ w - numpy.array([1, 2])) ** 2),
    bool_data=lambda w: np.sum(w[numpy.array([True, False])] ** 2) + w[1] ** 2,
    index_data=lambda w: np.sum(w[numpy.array([0, 1, 1])] ** 2),
    where_of_data=lambda w: np.sum(np.where(LABEL > 0, X @ w, 0.5 * (X @ w)) ** 2),
    plain_numpy_on_data=lambda w: np.sum((w - numpy.mean(X, axis=0)) ** 2) / numpy.std(Y),
    plain_numpy_on_weights=lambda w: numpy.sum(numpy.sin(w) * numpy.exp(-w)),
    numpy_operators=lambda w: ((w - 1) ** 2).sum() + (w * w).mean(),
    math_on_data=lambda w: math.sqrt(2) * np.sum(w**2) + math.exp(-1) * w[0] - math.pi,
    infinite_far_out=lambda x: np.exp(x[0] ** 2) + x[1] ** 2,
    logarithm=lambda x: np.sum(x**2) - 0.1 * np.sum(np.log(x**2 + 1e-3)),
    undefined_beyond=lambda x: np.sum(x**2) - np.log(1.0 - x[0]),
    arctangent=lambda x: np.arctan2(x[1], x[0] + 2.0) ** 2 + np.hypot(1.0, 2.0) * x[0] ** 2,
    default_argument=lambda x, c=(1.0, 2.0), scale=3: scale * np.sum((x - np.array(c)) ** 2),
    special=lambda x: np.sum(x**2) + np.expm1(x[0]) - x[0] + np.sinc(0.5),
    nested_where=lambda x: np.sum(np.where(x > 1, x, np.where(x < -1, -x, x**2))),
    mean_of_rows=lambda w: np.mean(np.sum((X - w) ** 2, axis=1)),
    k_means=lambda c: np.mean(np.min((X[:, :1] - c[None, :]) ** 2, axis=1)),
    triangle=lambda w: np.sum(np.triu(np.outer(w, w)) ** 2),
    sliced_writing=lambda w: np.sum(np.append(w, 0.5) ** 2) + w[::-1][0],
    matmul_of_lists=lambda w: np.sum((np.array([[1.0, 2.0], [0.0, 1.0]]) @ w) ** 2),
    squared_twice=lambda x: (x**2 @ x**2) + np.square(x).sum() + np.sqrt(1 + x @ x),
    sign=lambda x: np.sum(np.sign(x) * x) + np.sum(x**2),
    modulo=lambda x: np.sum(np.mod(x, 1.5) ** 2) + np.sum(x**2),
)


@taken()
def loop_over_data():
    def loss(w):
        total = 0
        for x, y in zip(X, Y, strict=True):
            total += (w[0] * x[0] + w[1] * x[1] - y) ** 2
        return total / len(X)

    return loss


@taken()
def loop_over_steps():
    def loss(x):
        position, speed = x[0], x[1]
        for _ in range(20):
            speed = speed - 0.1 * np.sin(position)
            position = position + 0.1 * speed
        return position**2 + speed**2

    return loss


@taken()
def closure():
    def make(data, scale):
        def loss(w):
            return scale * np.mean((data - w) ** 2)

        return loss

    return make(X, 2.5)


@taken()
def an_object():
    class LeastSquares:
        def __init__(self, data, target):
            self.data, self.target, self.seed, self.noise = data, target, 1, None

        def predict(self, w):
            return self.data @ w

        def __call__(self, w):
            return np.mean((self.predict(w) - self.target) ** 2)

    return LeastSquares(X, Y)


@taken()
def a_method():
    class Model:
        lam = 0.1

        def loss(self, w):
            return np.sum((w - 1) ** 2) + self.lam * np.sum(w**4)

    return Model().loss


@taken()
def a_partial():
    return functools.partial(
        lambda w, data, lam: np.mean((data @ w) ** 2) + lam * w @ w, data=X, lam=2
    )


@taken()
def decorated():
    def scaled(function):
        @functools.wraps(function)
        def inner(*args):
            return 0.5 * function(*args)

        return inner

    @scaled
    def loss(w):
        return np.sum(w**2) + np.sum(w**4)

    return loss


@taken()
def with_a_cached_helper():
    @functools.lru_cache
    def design(degree):
        return np.vander(T, degree)

    return lambda w: np.mean((design(2) @ w - T) ** 2)


@taken()
def with_a_cache_of_its_own():
    cache = {}

    def loss(w):
        if "gram" not in cache:
            cache["gram"] = X.T @ X
        return w @ cache["gram"] @ w - w @ (X.T @ Y)

    return loss


@taken()
def with_try_and_except():
    def loss(w):
        try:
            data = CONFIG["data"]
        except KeyError:
            data = X
        return np.sum((data @ w - Y) ** 2)

    return loss


@taken()
def branch_on_a_setting():
    def loss(w, kind="l2"):
        if kind == "l1":
            return np.sum(np.abs(w))
        return np.sum(w**2) if len(w) == 2 and w.ndim == 1 else np.sum(w)

    return loss


@taken()
def normal_density():
    return lambda w: (
        -np.sum(-0.5 * ((Y - w[0]) / np.exp(w[1])) ** 2 - w[1] - 0.5 * np.log(2 * np.pi))
    )


@taken()
def inner_function():
    def loss(w):
        def residual(i):
            return X[i] @ w - Y[i]

        return np.mean(np.array([residual(i) ** 2 for i in range(len(X))]))

    return loss


# ----------------------------------------------------------------------- that are to be refused


@refused("branches on a value")
def huber_if():
    def loss(w):
        def h(s):
            return 0.5 * s**2 if abs(s) <= 1 else abs(s) - 0.5

        return np.mean(np.array([h(s) for s in X @ w - Y]))

    return loss


@refused("branches on a value")
def python_max():
    return lambda w: sum(max(0, 1 - y * (w @ x)) for x, y in zip(X, LABEL, strict=True)) + w @ w


@refused("branches on a value")
def python_abs_and_sorted():
    return lambda x: sum(i * abs(v) for i, v in enumerate(sorted(x), 1)) + x @ x


@refused("branches on a value")
def while_it_converges():
    def loss(w):
        root = 1.0 + w @ w
        while abs(root**2 - (1.0 + w @ w)) > 1e-9:
            root = 0.5 * (root + (1.0 + w @ w) / root)
        return root

    return loss


@refused("branches on a value")
def barrier_if():
    return lambda x: np.inf if x[0] < -5 else np.sum(x**2)


@refused("branches on a value")
def asserted():
    def loss(x):
        assert np.all(np.isfinite(x))
        return np.sum(x**2)

    return loss


@refused("branches on a value")
def caught_branch():
    def loss(x):
        try:
            factor = 2.0 if x[0] > 0.5 else 1.0
        except Exception:
            factor = 7.0
        return factor * np.sum(x**2)

    return loss


@refused("float32")
def single_precision():
    return lambda w: np.sum((X.astype(numpy.float32) @ w.astype(numpy.float32)) ** 2)


@refused("float32|complex")
def complex_inside():
    return lambda x: np.abs(x[0] + 1j * x[1]) ** 2


@refused("random numbers")
def random_inside():
    numpy.random.seed(0)  # noqa: NPY002
    return lambda x: np.sum((x + 0.1 * numpy.random.randn(2)) ** 2)  # noqa: NPY002


@refused("random numbers")
def random_subset():
    rng = numpy.random.default_rng(0)

    def loss(w):
        some = rng.choice(len(X), 4, replace=False)
        return np.mean((X[some] @ w - Y[some]) ** 2)

    return loss


@refused("random numbers")
def random_of_python():
    random.seed(0)
    return lambda x: np.sum(x**2) * random.uniform(0.9, 1.1)


@refused("random numbers")
def dropout():
    rng = numpy.random.RandomState(3)
    return lambda w: np.mean((X @ (w * (rng.rand(2) < 0.8)) - Y) ** 2)


@refused("keeps something")
def counts_its_calls():
    count = [0]

    def loss(x):
        count[0] += 1
        return np.sum(x**2) / (1 + count[0] // 50)

    return loss


@refused("keeps something")
def nonlocal_counter():
    count = 0

    def loss(x):
        nonlocal count
        count += 1
        return np.sum(x**2) * (0.5 if count > 60 else 1.0)

    return loss


@refused("keeps something")
def attribute_counter():
    class Loss:
        calls = 0

        def __call__(self, x):
            self.calls += 1
            return np.sum(x**2) + (self.calls > 70)

    return Loss()


@refused("keeps something")
def annealed():
    state = {"temperature": 1.0}

    def loss(x):
        state["temperature"] *= 0.99
        return np.sum(x**2) + state["temperature"] * np.sum(np.cos(5 * x))

    return loss


@refused("keeps something")
def remembers_the_weights():
    seen = []

    def loss(x):
        seen.append(x)
        return np.sum(x**2)

    return loss


@refused("iterator")
def takes_from_an_iterator():
    rates = itertools.count(1)
    return lambda x: np.sum(x**2) / next(rates)


@refused("iterator")
def takes_from_a_generator():
    batches = (X[i % 12] for i in itertools.count())
    return lambda w: (w @ next(batches)) ** 2 + w @ w


@refused("outside world")
def looks_at_the_clock():
    began = time.time()
    return lambda x: np.sum(x**2) * (1 if time.time() < began + 3600 else 2)


@refused("prints")
def prints():
    def loss(x):
        if CONFIG["lam"] > 1:
            print("large")
        return np.sum(x**2)

    return loss


@refused("has no machine code|is not followed|gammaln")
def log_gamma():
    return lambda x: np.sum(autograd.scipy.special.gammaln(x**2 + 1))


@refused("has no machine code|is not followed|sort")
def sorted_weights():
    return lambda x: np.sum(np.sort(x) * np.array([1.0, 2.0])) + x @ x


@refused("not followed")
def einsum():
    return lambda x: np.einsum("i,ij,j->", x, A, x)


@refused("plain NumPy")
def plain_numpy():
    return lambda x: numpy.asarray(x).sum() ** 2 + numpy.dot(x, x)


@refused("not followed")
def determinant():
    return lambda w: np.linalg.det(A + np.outer(w, w))


@refused("not followed")
def linear_system():
    return lambda w: np.sum(np.linalg.solve(A + np.diag(w**2), w) ** 2)


@refused("more than 4000 scalars", [0.1] * 20)
def long_loop():
    def loss(x):
        for _ in range(25):
            x = x - 0.01 * np.sin(x) * np.cos(x)
        return np.sum(x**2)

    return loss


@refused("more than 4000 scalars")
def much_data():
    data = numpy.random.default_rng(0).standard_normal((3000, 2))
    return lambda w: np.mean(np.tanh(data @ w) ** 2) + w @ w


@refused("more than 256 weights", [0.1] * 300)
def many_weights():
    return lambda w: np.sum((w - 1) ** 2)


# ----------------------------------------------------------------- that autograd does not take


def wrong(make):
    WRONG[make.__name__] = make
    return make


@wrong
def norm_that_autograd_lacks():
    return lambda x: np.linalg.norm(x, 1)


@wrong
def dot_of_a_list():
    return lambda x: np.dot([1.0, 2.0], x)


@wrong
def math_of_weights():
    return lambda x: math.sin(x[0]) + x[1] ** 2


@wrong
def writes_into_the_weights():
    def loss(x):
        x[0] = 0.0
        return np.sum(x**2)

    return loss


@wrong
def writes_into_an_array():
    def loss(x):
        out = np.zeros(2)
        for i in range(2):
            out[i] = x[i] ** 2
        return np.sum(out)

    return loss


@wrong
def returns_an_array():
    return lambda x: x**2


@wrong
def returns_nothing():
    def loss(x):
        np.sum(x**2)

    return loss


@wrong
def misspelt():
    return lambda x: np.summ(x**2)


@wrong
def shapes_do_not_fit():
    return lambda x: np.sum(X.T @ x)


@wrong
def fails_later():
    count = [0]

    def loss(x):
        count[0] += 1
        if count[0] > 30:
            raise RuntimeError("enough")
        return np.sum(x**2)

    return loss
