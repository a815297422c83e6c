"""Whole runs in machine code give what plain steps give, at the public interface."""

import re
import sys
from collections import OrderedDict
from functools import partial

import autograd.numpy as np
import numpy
import pytest
from student_losses import REFUSED, TAKEN, WRONG

import optimizers
from optimizers import (
    LAMB,
    RULES,
    SGD,
    Adam,
    AdamW,
    Lookahead,
    Momentum,
    Newton,
    Optimizer,
    basins,
    batched,
    compare,
    sweep,
)
from optimizers.engine.scalars import Untraceable
from optimizers.functions import FUNCTIONS, noisy, rosenbrock, shifted
from optimizers.state import parts

pytest.importorskip("llvmlite")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr("optimizers.engine.whole_runs.COMPILING", (0, 0))


def step_by_step(optimizer):
    """Somebody who looks at every step: they are made plainly."""


def same(one, other):
    return numpy.array_equal(one, other, equal_nan=True)


def held_by(optimizer):
    """Arrays and numbers on an optimizer and on those inside it, by name."""
    return {
        f"{i} {name}": value
        for i, part in enumerate(parts(optimizer))
        for name, value in vars(part).items()
        if isinstance(value, (numpy.ndarray, float, int)) and (name[0] != "_" or name == "_theta")
    }


def assert_equal(ours, theirs, path, plain):
    """Two optimizers have come to the same end by the same path."""
    assert same(path.step, plain.step)
    assert same(path.theta, plain.theta)
    assert same(path.loss, plain.loss)
    assert same(path.grad_norm, plain.grad_norm)
    assert same(path.diverged, plain.diverged)
    assert path.watched.keys() == plain.watched.keys()
    assert all(same(path[name], plain[name]) for name in plain.watched)
    if plain.diverged_at is not None:
        assert same(path.diverged_at, plain.diverged_at)
    mine, right = held_by(ours), held_by(theirs)
    assert mine.keys() == right.keys()
    for name, value in right.items():
        assert same(mine[name], value), name
    assert same(ours.value, theirs.value)


def assert_plain_steps_say_the_same(make, steps, **how):
    """Two optimizers made alike run compiled and plainly, then once more; returns the first."""
    ours, theirs = make(), make()
    for more in (steps, 9):
        path = ours.minimize(more, **how)
        plain = theirs.minimize(more, callback=step_by_step, **how)
        assert_equal(ours, theirs, path, plain)
    return ours


# ------------------------------------------------------------------- every rule on every function


def some_case(rule, function, rng):
    """A way to run a rule on a function, drawn at random."""
    runs = rng.choice([0, 0, 3, 6]) if rule.batched else 0
    start, settings, how = function.start, {}, {}
    if runs:
        start = rng.uniform(*function.domain.T, (runs, 2))
    if rng.random() < 0.25:
        function = noisy(function, sigma=0.3, seed=int(rng.integers(99)))
    rate = 10 ** rng.uniform(-3, 0.5)
    rates = rate * numpy.geomspace(0.1, 2, runs) if runs and rule.batched else rate
    columns = numpy.reshape(rates, (-1, 1)) if numpy.ndim(rates) else rate
    choices = {
        "one": rate,
        "by run": rates,
        "schedule": lambda t: rate / numpy.sqrt(t),
        "schedules": lambda t: columns / t,
        "by weight": rate if runs else {"weights": [rate, 0.0]},
        "own": None,
        "far too large": 1e3,
    }
    lr = choices[rng.choice(list(choices))]
    if lr is not None:
        settings["lr"] = lr
    if rng.random() < 0.2:
        settings["project"] = partial(numpy.clip, a_min=-2.0, a_max=1.7)
    watch = ("d", "eta", *rule.state)
    if rng.random() < 0.2 and rule.handed_out is Optimizer.handed_out:
        rule, watch = partial(Lookahead, inner=rule, k=int(rng.integers(1, 5))), (*watch, "slow")
    if rng.random() < 0.4:
        how["watch"] = watch
    if rng.random() < 0.3:
        how["tol"] = 10 ** rng.uniform(-2, 1)
    how["every"] = int(rng.choice([1, 1, 3, 7, 100]))
    return partial(rule, function, start, **settings), int(rng.integers(8, 60)), how


@pytest.mark.parametrize("name", [*RULES, "SAM"])
def test_every_rule_on_every_function_however_it_is_run(name):
    rng = numpy.random.default_rng([*RULES, "SAM"].index(name))
    compiled = 0
    for function in FUNCTIONS.values():
        make, steps, how = some_case(getattr(optimizers, name), function, rng)
        ours = assert_plain_steps_say_the_same(make, steps, **how)
        compiled += ours.recorded.why == "whole runs in machine code"
    assert compiled > 10


class Clipped(Optimizer):
    """A norm for each run, a branch on t, a schedule of its own."""

    gamma, bound, warm = 0.8, 2.0, 4
    state = ("m",)
    batched = True

    def direction(self, theta, g):
        norm = np.linalg.norm(g, axis=-1, keepdims=True)
        g = g * np.minimum(1.0, self.bound / (norm + 1e-12))
        if self.t < self.warm:
            g = g * (self.t / self.warm)
        self.m = self.gamma * self.m + (1 - self.gamma) * g
        return self.m / (1 - self.gamma**self.t)


class Signs(Optimizer):
    """In place, with helpers of NumPy's; for one run."""

    beta = 0.9
    state = ("m", "count")

    def direction(self, theta, g):
        self.m *= self.beta
        self.m += np.where(np.sign(g) == np.sign(self.m), g, 0.5 * g)
        self.count += np.abs(g) > 1
        return np.clip(self.m, -1, 1) * np.maximum(0.1, 1 / (1 + self.count)) + 1e-3 * np.tanh(
            theta
        )


class Restarted(Momentum):
    """Grown from a rule of the library, with an __init__ and the loop's own names."""

    def __init__(self, loss, weights, lr=0.01, period=7, **more):
        super().__init__(loss, weights, lr=lr, **more)
        self.period = period

    def direction(self, theta, g):
        if self.t % self.period == 0:
            self.p = np.zeros_like(self.p)
        return super().direction(theta, g) * self.eta**0.1


class Averaged(Optimizer):
    """Sets the weights itself."""

    state = ("mean",)

    def update(self, theta, g):
        self.d = self.direction(theta, g)
        self.mean = self.mean + (theta - self.mean) / self.t
        return 0.9 * (theta - self.eta * self.d) + 0.1 * self.mean

    def direction(self, theta, g):
        return g + 0.1 * np.linalg.norm(g) * np.exp(-(theta**2))


class Curved(Optimizer):
    """Steps to the lowest point along the gradient, as far as the Hessian tells."""

    batched = True

    def direction(self, theta, g):
        H = self.gradient.hessian(theta, self.batch)
        curvature = np.sum(g * np.sum(H * g[..., np.newaxis, :], axis=-1), axis=-1, keepdims=True)
        is_bowl = curvature > 0
        return g * np.where(is_bowl, np.sum(g * g, axis=-1, keepdims=True) / curvature, 1.0)


class Branches(Optimizer):
    """Looks at a value: for plain steps."""

    def direction(self, theta, g):
        return g if np.linalg.norm(g) < 1 else g / np.linalg.norm(g)


OWN_RULES = {
    Clipped: True,
    Signs: True,
    Restarted: True,
    Averaged: True,
    Curved: True,
    Branches: False,
}


@pytest.mark.parametrize("rule", OWN_RULES)
def test_a_rule_of_ones_own_however_it_is_run(rule):
    rng = numpy.random.default_rng(list(OWN_RULES).index(rule))
    compiled = 0
    for function in list(FUNCTIONS.values())[::3]:
        for loss in (function, lambda x, f=function: f(x) + 0.5 * np.sum(x**2)):
            make, steps, how = some_case(rule, function, rng)
            if loss is not function and make.args[0] is function and np.ndim(make.args[1]) == 1:
                make = partial(make.func, loss, *make.args[1:], **make.keywords)
            ours = assert_plain_steps_say_the_same(make, steps, **how)
            compiled += ours.recorded.why == "whole runs in machine code"
    assert compiled > 5 if OWN_RULES[rule] else compiled == 0


# -------------------------------------------------------------------------- what students write


def outcome(make, start, callback, rule=Adam):
    """The path that a rule takes and what is told of it, or the error that ends it."""
    optimizer = rule(make(), start, lr=0.05)
    try:
        path = optimizer.minimize(100, callback=callback)
    except Exception as error:
        return type(error), str(error)
    return optimizer, path


def assert_same_outcome(make, start, rule=Adam):
    ours, path = outcome(make, start, None, rule)
    theirs, plain = outcome(make, start, step_by_step, rule)
    if isinstance(plain, str):
        assert (ours, path) == (theirs, plain)
        return path
    assert_equal(ours, theirs, path, plain)
    return ours.recorded


@pytest.mark.parametrize("name", TAKEN)
def test_a_student_s_loss_is_compiled(name):
    told = assert_same_outcome(*TAKEN[name])
    assert told.why == "whole runs in machine code"


@pytest.mark.parametrize("name", [*list(TAKEN)[::4], "logistic", "power_of_two_weights"])
def test_so_is_its_hessian(name):
    told = assert_same_outcome(*TAKEN[name], Curved)
    assert told.why == "whole runs in machine code" or "4000 scalars" in told.why


def test_more_weights_than_two_are_left_to_lapack():
    told = assert_same_outcome(lambda: rosenbrock, [0.7, -0.4, 0.2], Newton)
    assert "np.pinv is not followed" in told.why


@pytest.mark.parametrize("name", REFUSED)
def test_a_student_s_loss_is_left_to_plain_steps_and_the_reason_is_told(name):
    make, start, words = REFUSED[name]
    told = assert_same_outcome(make, start)
    assert not told
    assert re.search(words, told.why)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_raises_what_it_raises_plainly(name):
    assert isinstance(assert_same_outcome(WRONG[name], [0.7, -0.4]), str)


# ------------------------------------------------------------------------ a week-old notebook


class Notebook:
    """Cells that share their globals; `run` compares a compiled run with a plain one each time."""

    def __init__(self, start=(0.0, 0.0), rule=Adam):
        self.names = {"np": np, "Optimizer": Optimizer, "start": start, "Rule": rule}
        self.names["__name__"] = "__main__"

    def __call__(self, cell):
        exec(cell, self.names)

    def run(self, steps=60, make="Rule(loss, start, lr=0.2)"):
        ours, theirs = eval(make, self.names), eval(make, self.names)
        path, plain = ours.minimize(steps), theirs.minimize(steps, callback=step_by_step)
        assert_equal(ours, theirs, path, plain)
        assert ours.recorded.why == "whole runs in machine code"
        return path.theta[-1].tolist()


RIDGE = """
data, target, lam = np.array([[1.0, 2.0], [0.5, -1.0], [2.0, 0.3]]), np.array([1.0, 2.0, 3.0]), 0.0
def penalty(w): return np.sum(w**2)
def loss(w): return np.mean((data @ w - target) ** 2) + lam * penalty(w)
"""
LATE = """
bend = 1.0
def loss(w): return np.sum((w - 3) ** 2) + np.sum(np.where(w > 2.5, bend * w, 2.5 * bend))
"""
CELLS = {
    "a global": (RIDGE, "lam = 10.0"),
    "data in place": (RIDGE, "data[0, 1] = -3.0"),
    "data that were zero": (RIDGE + "data[:] = 0.0", "data[:, 0] = 1.0"),
    "data rebound": (RIDGE, "data = data[::-1].copy()"),
    "more data": (RIDGE, "data, target = np.ones((5, 2)), np.arange(5.0)"),
    "a helper redefined": (RIDGE, "lam = 1.0\ndef penalty(w): return np.sum(np.abs(w))"),
    "a cell run again": (RIDGE, RIDGE.replace("]), 0.0", "]), 1.0")),
    "what shows late in the run": (LATE, "bend = -5.0"),
    "what shows in a jump": (LATE.replace("bend * w", "bend * w**2"), "bend = 3.0"),
    "a closure's cell": (
        "def make(scale):\n"
        "    def loss(w): return scale * np.sum((w - 1) ** 2)\n"
        "    def set_(value):\n"
        "        nonlocal scale\n"
        "        scale = value\n"
        "    return loss, set_\n"
        "loss, set_ = make(1.0)",
        "set_(0.25)",
    ),
    "a default that is changed": (
        "def loss(w, shift=[1.0, 2.0]): return np.sum((w - np.array(shift)) ** 2)",
        "loss.__defaults__[0][1] = -7.0",
    ),
    "defaults replaced": (
        "def loss(w, scale=1.0): return scale * np.sum((w - 1) ** 2)",
        "loss.__defaults__ = (3.0,)",
    ),
    "its code": (
        "def loss(w): return np.sum((w - 1) ** 2)\ndef other(w): return np.sum((w + 1) ** 2)",
        "loss.__code__ = other.__code__",
    ),
    "an attribute of a model": (
        "class Model:\n"
        "    lam = 0.0\n"
        "    def __call__(self, w): return np.sum((w - 1) ** 2) + self.lam * np.sum(w**4)\n"
        "loss = Model()",
        "loss.lam = 2.0",
    ),
    "an attribute of its class": (
        "class Model:\n"
        "    lam = 0.0\n"
        "    def __call__(self, w): return np.sum((w - 1) ** 2) + self.lam * np.sum(w**4)\n"
        "loss = Model()",
        "Model.lam = 2.0",
    ),
    "a layer of a model": (
        "class Model:\n"
        "    def __init__(self): self.layers = [np.tanh, np.abs]\n"
        "    def __call__(self, w):\n"
        "        x = w + 0.5\n"
        "        for layer in self.layers: x = layer(x)\n"
        "        return np.sum(x**2)\n"
        "loss = Model()",
        "loss.layers[1] = np.exp",
    ),
    "a method replaced": (
        "class Model:\n"
        "    def __call__(self, w): return np.sum(self.f(w))\n"
        "    def f(self, w): return (w - 1) ** 2\n"
        "loss = Model()",
        "Model.f = lambda self, w: (w + 2) ** 2",
    ),
    "a dictionary of settings": (
        "config = {'l2': 0.0, 'norm': 'l2'}\n"
        "def loss(w):\n"
        "    p = np.sum(w**2) if config['norm'] == 'l2' else np.sum(np.abs(w))\n"
        "    return np.sum((w - 1) ** 2) + config['l2'] * p",
        "config.update(l2=1.0, norm='l1')",
    ),
    "what a partial holds": (
        "from functools import partial\n"
        "data = {'x': 1.0}\n"
        "loss = partial(lambda w, data: np.sum((w - data['x']) ** 2), data=data)",
        "data['x'] = 4.0",
    ),
    "a module that is patched": (
        "import types\n"
        "m = types.ModuleType('mine')\n"
        "exec('def f(w): return w**2', m.__dict__)\n"
        "def loss(w): return np.sum(m.f(w - 1))",
        "m.f = lambda w: w**4",
    ),
    "what is reached by name": (
        "settings = type('Settings', (), {})()\n"
        "settings.a, settings.b, which = 1.0, 5.0, 'a'\n"
        "def loss(w): return np.sum((w - getattr(settings, which)) ** 2 * eval('settings.b'))",
        "which = 'b'; settings.b = 0.5",
    ),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_notebook_never_gets_a_stale_number(name):
    first, *changes = CELLS[name]
    notebook = Notebook()
    notebook(first)
    ends = [notebook.run(), notebook.run()]
    for change in changes:
        notebook(change)
        ends += [notebook.run(), notebook.run()]
    assert ends[0] == ends[1] != ends[2] == ends[3]
    notebook(first)
    assert notebook.run() == ends[0]


@pytest.mark.parametrize("name", ["a global", "data in place", "an attribute of a model"])
@pytest.mark.parametrize("rule", ["Newton", "Curved"])
def test_nor_a_stale_hessian(rule, name):
    notebook = Notebook(rule=Newton if rule == "Newton" else Curved)
    ends = []
    for cell in CELLS[name]:
        notebook(cell)
        ends += [notebook.run(), notebook.run()]
    assert ends[0] == ends[1] != ends[2] == ends[3]


MINE = """
scale = 1.0
def shaped(g): return scale * g
class Mine(Optimizer):
    beta, _bound = 0.9, 100.0
    state = ("m",)
    def direction(self, theta, g):
        self.m = self.beta * self.m + (1 - self.beta) * shaped(g)
        return np.where(np.abs(theta) < 2.5, self.m, np.clip(self.m, -self._bound, 9.0))
Rule = Mine
def loss(w): return np.sum((w - 3) ** 2)
"""
RULE_CELLS = {
    "an attribute of the class that shows late": "Mine._bound = 0.01",
    "a global": "scale = 0.5",
    "a helper": "def shaped(g): return np.sign(g)",
    "its formula": "Mine.direction = lambda self, theta, g: np.sign(g)",
    "the class itself": MINE.replace("self.beta * self.m + ", ""),
    "how the weights are moved": (
        "Mine.update = lambda self, theta, g: theta - 0.5 * self.eta * self.direction(theta, g)"
    ),
    "an attribute of one optimizer": (
        "def Rule(*how, **more):\n"
        "    made = Mine(*how, **more)\n"
        "    made.beta = 0.2\n"
        "    return made"
    ),
}


@pytest.mark.parametrize("name", RULE_CELLS)
def test_a_rule_of_ones_own_may_be_changed(name):
    notebook = Notebook()
    notebook(MINE)
    ends = [notebook.run(), notebook.run()]
    notebook(RULE_CELLS[name])
    ends += [notebook.run(), notebook.run()]
    assert ends[0] == ends[1] != ends[2] == ends[3]
    notebook(MINE)
    assert notebook.run() == ends[0]


@pytest.mark.parametrize("rule", [Adam, LAMB])
def test_a_rule_of_the_library_may_be_patched_and_mended(rule, monkeypatch):
    notebook = Notebook(start=[0.5, 1.0], rule=rule)
    notebook("def loss(w): return np.sum((w - 3) ** 2)")
    before = notebook.run()
    with monkeypatch.context() as patch:
        patch.setattr(rule, "direction", lambda self, theta, g: 0.5 * g)
        assert notebook.run() != before
    assert notebook.run() == before


@pytest.mark.parametrize(
    ("make", "change"),
    [
        ("LAMB(loss, start, lr=0.05, phi=phi)", "low, high = 2.0, 3.0"),
        ("LAMB(loss, start, lr=0.05, phi=phi)", "phi = lambda norm: 0 * norm + 1"),
        ("Adam(loss, start, lr=0.05, project=bring)", "high = 0.9"),
        ("Adam(loss, start, lr=0.05, project=bring)", "bring = None"),
        ("Mine(loss, start, lr=0.05, project=bring)", "high = 0.9"),
        ("Adam(loss, start, lr=rate)", "low = 0.5"),
        ("Adam(loss, start, lr=rate)", "rate = lambda t: 0.1"),
        ("Lookahead(loss, start, lr=0.05, inner=inner)", "inner = partial(Momentum, momentum=0.5)"),
        ("Lookahead(loss, start, lr=0.05, inner=inner)", "inner = SGD"),
    ],
)
@pytest.mark.parametrize("loss", ["lambda w: np.sum((w - 3) ** 2)", "rosenbrock"])
def test_what_a_rule_is_given_may_be_changed(make, change, loss):
    notebook = Notebook(start=[0.5, 1.0])
    notebook.names |= vars(optimizers) | {"partial": partial, "rosenbrock": rosenbrock}
    notebook.names["Mine"] = Clipped
    notebook(
        "low, high = 0.0, 0.7\n"
        "def phi(norm): return np.clip(norm, low, high)\n"
        "def bring(w): return np.clip(w, low, high)\n"
        "def rate(t): return 0.1 / t if t > 30 else 0.1 + low\n"
        f"inner, loss = Momentum, {loss}"
    )
    before = notebook.run(make=make)
    notebook(change)
    assert notebook.run(make=make) != before


# ------------------------------------------------------- what is done beside computing, and when


def seen_by(make, steps, callback):
    made, seen = make()
    optimizer = made
    optimizer.minimize(steps, callback=callback)
    return list(seen), optimizer.theta.tolist()


def prints_in_the_loss():
    seen = []

    def loss(w):
        seen.append("called")
        return np.sum(w**2)

    return Adam(loss, [1.0, 2.0]), seen


def prints_in_the_rule():
    seen = []

    class Talks(Optimizer):
        def direction(self, theta, g):
            seen.append(f"t = {self.t}, {g[0]:.3f}")
            return g

    return Talks(lambda w: np.sum(w**2), [1.0, 2.0]), seen


def counts_in_the_rule():
    seen = []

    class Counts(Optimizer):
        def direction(self, theta, g):
            seen.append(None)
            return g

    return Counts(lambda w: np.sum(w**2), [1.0, 2.0]), seen


def counts_in_the_schedule():
    seen = []

    def rate(t):
        seen.append(t)
        return 0.1 / len(seen)

    return Adam(lambda w: np.sum(w**2), [1.0, 2.0], lr=rate), seen


def counts_in_the_projection():
    seen = []

    def bring(w):
        seen.append(None)
        return np.clip(w, -1, 1)

    return Adam(lambda w: np.sum(w**2), [1.0, 2.0], project=bring), seen


def counts_in_a_class():
    class Loss:
        seen = ()

        def __call__(self, w):
            type(self).seen += (1,)
            return np.sum(w**2)

    class Seen:
        def __iter__(self):
            return iter(Loss.seen)

    Loss.seen = ()
    return Adam(Loss(), [1.0, 2.0]), Seen()


@pytest.mark.parametrize(
    "make",
    [
        prints_in_the_loss,
        prints_in_the_rule,
        counts_in_the_rule,
        counts_in_the_schedule,
        counts_in_the_projection,
        counts_in_a_class,
    ],
)
def test_what_is_done_beside_computing_is_done_as_often_as_plainly(make):
    assert seen_by(make, 40, None) == seen_by(make, 40, step_by_step)
    ours, seen = make()
    ours.minimize(40)
    assert "machine code" in ours.recorded.why
    assert ours.recorded.why != "whole runs in machine code"
    assert len(list(seen)) >= 40


@pytest.mark.parametrize("where", ["loss", "rule"])
def test_what_is_printed_is_printed_as_often_as_plainly(where, capsys):
    def loss(w):
        if where == "loss":
            print("loss")
        return np.sum(w**2)

    class Talks(Optimizer):
        def direction(self, theta, g):
            if where == "rule":
                print(self.t, g)
            return g

    told = []
    for callback in (None, step_by_step):
        Talks(loss, [1.0, 2.0]).minimize(30, callback=callback)
        told.append(capsys.readouterr().out)
    assert told[0] == told[1] != ""


@pytest.mark.parametrize("size", [2, 5, 8, 17])
def test_the_norm_of_a_gradient_is_the_same_however_the_runs_lie_in_memory(size):
    starts = np.random.default_rng(0).standard_normal((40, size))

    @batched
    def loss(x):
        return np.sum(np.abs(x) ** 1.5 + x[..., :1] * x, axis=-1)

    together = Adam(loss, starts).minimize(40)
    plain = Adam(loss, starts).minimize(40, callback=step_by_step)
    alone = [Adam(loss, start).minimize(40) for start in starts]
    assert np.array_equal(together.grad_norm, plain.grad_norm)
    assert np.array_equal(together.grad_norm, np.stack([path.grad_norm for path in alone], axis=1))


# ------------------------------------------------------------- interrupts, and without a compiler


@pytest.mark.parametrize("loss", [rosenbrock, lambda x: np.sum(x**4) + np.sum(x**2)])
def test_an_interrupt_leaves_the_optimizer_whole(loss, ctrl_c):
    optimizer = Adam(loss, [-1.5, 2.0], lr=1e-3)
    optimizer.minimize(20)
    before = held_by(optimizer)
    with ctrl_c(0.2):
        optimizer.minimize(10**9, every=10**9)
    for name, value in before.items():
        assert same(held_by(optimizer)[name], value), name
    assert len(optimizer.path) == 1
    twin = Adam(loss, [-1.5, 2.0], lr=1e-3)
    twin.minimize(20, callback=step_by_step)
    assert_equal(optimizer, twin, optimizer.minimize(30), twin.minimize(30, callback=step_by_step))


def test_without_llvmlite_the_steps_are_numpys_and_the_reason_is_told(monkeypatch):
    from optimizers.engine import assembly, numpy_loops

    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    monkeypatch.setattr(assembly, "_compiled", OrderedDict())
    numpy_loops.llvm.cache_clear()
    loss = lambda x: np.sum((x - 1) ** 4)  # noqa: E731
    for function in (loss, shifted(rosenbrock, 1.0)):
        told = assert_same_outcome(lambda function=function: function, [-1.5, 2.0])
        assert "llvmlite is not installed" in told.why
    numpy_loops.llvm.cache_clear()


# ------------------------------------------------------------------- sweeps, races, basins


def experiments(function, start):
    """What they find, as arrays."""
    quiet = {"start": start, "steps": 40, "progress": False}
    found = sweep(AdamW, function, lr=[0.01, 0.1, 30.0], weight_decay=[0.0, 0.1], **quiet)
    race = compare([SGD, Momentum, Lookahead], function, lr=[0.001, 0.1, 1e3], **quiet)
    where = basins(
        Adam, function, domain=[(-2, 2), (-1, 3)], resolution=5, steps=30, progress=False
    )
    yield found.final_loss, found.diverged
    for label, path in race.items():
        yield race.final_loss[label], path.theta, path.loss
    yield where.reached, where.minima, where.final_loss


@pytest.mark.parametrize(
    "loss",
    [
        rosenbrock,
        noisy(rosenbrock, sigma=0.1, seed=1),
        lambda x: x[0] ** 2 + 3 * (x[1] - np.sin(x[0])) ** 2,
        lambda x: x[0] ** 2 if x[0] > 1 else x @ x,
    ],
    ids=["library", "noisy", "student's", "branches"],
)
def test_experiments_find_the_same_without_machine_code(loss, monkeypatch):
    def refused(*how, **more):
        raise Untraceable("for this test")

    ours = list(experiments(loss, [-1.5, 2.0]))
    monkeypatch.setattr("optimizers.engine.whole_runs.whole_run", refused)
    monkeypatch.setattr("optimizers.experiments.runs.whole_run", refused)
    for mine, plain in zip(ours, experiments(loss, [-1.5, 2.0]), strict=True):
        assert all(map(same, mine, plain))
