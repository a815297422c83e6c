import json
import re
import shutil
import subprocess
from functools import partial

import autograd.numpy as anp
import numpy as np
import pytest
from traced import carried_by

from optimizers import (
    LAMB,
    LARS,
    RULES,
    SGD,
    Adam,
    Lookahead,
    Momentum,
    Muon,
    Newton,
    Optimizer,
    Prodigy,
)
from optimizers.engine.javascript import (
    gradient_in_javascript,
    handed_out_in_javascript,
    hessian_in_javascript,
    loss_in_javascript,
    step_in_javascript,
)
from optimizers.engine.scalars import Untraceable, inputs
from optimizers.engine.step import rule_of
from optimizers.engine.whole_runs import traced_hessian, traced_step
from optimizers.functions import FUNCTIONS, noisy, rosenbrock, shifted, sphere
from optimizers.optimizer import hands_out_others

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")

STEPS = 200
EARLY = 8
ULPS = 2  # by which Math.pow, exp, sin and their like differ from NumPy's
EXACT = {"sqrt", "abs", "max", "min", "floor", "ceil", "trunc", "sign"}  # of Math
RUN = """
function run({ gradient, step, curvature, handedOut }, theta, state, hyper, seen, batches, steps) {
  const g = theta.map(() => 0), hessian = [], path = [[...theta]], losses = [];
  const out = [...theta], unused = [...theta];
  for (let t = 1; t <= steps; t++) {
    const loss = gradient(theta, g, batches[t - 1]);
    losses.push(handedOut ? gradient(out, unused, batches[t - 1]) : loss);
    curvature?.(theta, hessian, batches[t - 1]);
    step(theta, g, state, t, hyper, hessian, seen);
    handedOut?.(theta, state, out, hyper);
    path.push([...(handedOut ? out : theta)]);
  }
  return { path, losses, g, state, seen };
}"""


def in_node(program):
    """What `out` is after a program."""
    code = f"const out = [];\n{program}\nconsole.log(JSON.stringify(out));"
    done = subprocess.run(["node", "-"], input=code, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def plain_path(optimizer, steps=STEPS):
    """By NumPy, since somebody looks at every step."""
    return optimizer.minimize(steps, callback=lambda optimizer: None)


def code_of(optimizer, rule=None):
    """The functions of a loss and of a rule, by name."""
    step, rule = traced_step(SGD(optimizer.loss, optimizer.theta)), rule or rule_of(optimizer)
    slopes = gradient_in_javascript(step.before["theta"], step.loss.item(), step.gradient)
    code = {"gradient": slopes, "step": step_in_javascript(rule)}
    if hands_out_others(optimizer):
        code["handedOut"] = handed_out_in_javascript(rule)
    if "hessian[" in code["step"]:
        theta = step.before["theta"]
        code["curvature"] = hessian_in_javascript(theta, traced_hessian(optimizer))
    return code


def program_of(optimizer, code, hyper, steps=STEPS, seen=None):
    """Make steps in node, and put out what was met."""
    state = {name: np.ravel(x).tolist() for name, x in carried_by(optimizer).items()}
    theta, size = state.pop("theta"), optimizer._theta.size
    batch = optimizer.gradient.problem.batch
    batches = [batch(t, size).tolist() for t in range(1, steps + 1)] if batch else []
    functions = ", ".join(f"{name}: {text}" for name, text in code.items())
    given = ", ".join(map(json.dumps, (theta, state, hyper, seen or {}, batches, steps)))
    return f"out.push(run({{ {functions} }}, {given}));"


def ran(*programs):
    return in_node("\n".join([RUN, *programs]))


def is_exact(code):
    return EXACT.issuperset(re.findall(r"Math\.(\w+)\(", " ".join(code.values())))


def assert_same(found, path, code):
    """The same weights; where Math differs from NumPy in the last bit, at first nearly the same."""
    ours = np.array(found["path"], float)[: len(path.theta)]
    finite = np.isfinite(path.theta).all(axis=1)
    if is_exact(code):
        assert np.array_equal(ours[finite], path.theta[finite]), path.rule
        assert found["losses"][: finite.sum() - 1] == path.loss[finite][:-1].tolist(), path.rule
    # unstable ways part later
    near = finite[:EARLY]
    np.testing.assert_allclose(ours[:EARLY][near], path.theta[:EARLY][near], rtol=1e-9)


def assert_all_same(rules, function):
    cases, programs = [], []
    for rule in rules:
        optimizer = rule(function, function.start)
        step = rule_of(optimizer)
        code = code_of(optimizer, step)
        programs.append(program_of(optimizer, code, step.settings))
        cases.append((plain_path(rule(function, function.start)), code))
    for (path, code), found in zip(cases, ran(*programs), strict=True):
        assert_same(found, path, code)


@pytest.mark.parametrize("label", FUNCTIONS)
def test_every_rule_goes_the_way_that_it_goes_in_python(label):
    assert_all_same(RULES.values(), FUNCTIONS[label])


def test_every_rule_goes_it_on_a_shifted_function_and_with_one_weight():
    assert_all_same(RULES.values(), shifted(rosenbrock, [0.5, -0.25]))
    assert_all_same(RULES.values(), sphere.in_dimension(1))


@pytest.mark.parametrize(
    ("rule", "name", "values"),
    [
        (lambda is_on: partial(Momentum, nesterov=is_on), "nesterov", (False, True)),
        (lambda is_on: partial(LARS, nesterov=is_on), "nesterov", (False, True)),
        (lambda is_on: partial(LAMB, bias_correction=is_on), "bias_correction", (True, False)),
        (lambda is_on: partial(Muon, nesterov=is_on), "nesterov", (True, False)),
        (lambda is_on: partial(Prodigy, bias_correction=is_on), "bias_correction", (True, False)),
        (lambda k: partial(Lookahead, k=k), "k", (1, 2, 7)),
        (
            lambda is_on: partial(Lookahead, inner=partial(Momentum, nesterov=is_on)),
            "Momentum_nesterov",
            (False, True),
        ),
    ],
)
def test_a_switch_and_a_whole_number_are_inputs_of_code_that_is_written_once(rule, name, values):
    def made(value):
        return rule(value)(rosenbrock, [-1.5, 2.0], lr=1e-3)

    settings = rule_of(made(values[0])).settings | {name: values[0]}
    code = code_of(made(values[0]), rule_of(made(values[0]), settings=settings))
    # to JavaScript, False is not 0
    hypers = [settings | {name: int(value)} for value in values]
    found = ran(*(program_of(made(values[0]), code, hyper) for hyper in hypers))
    for value, one in zip(values, found, strict=True):
        assert_same(one, plain_path(made(value)), code)
    assert found[0]["path"] != found[1]["path"]


def test_a_schedules_rate_is_given_with_each_step():
    adam = Adam(rosenbrock, [-1.5, 2.0], lr=lambda t: 0.1 / t)
    code = code_of(adam)["step"]
    assert "hyper.eta" in code
    assert "hyper.lr" not in code


def test_what_is_watched_is_written_down():
    step = rule_of(Adam(rosenbrock, [-1.5, 2.0]), watch=("m_hat", "d"))
    optimizer = Adam(rosenbrock, [-1.5, 2.0])
    program = program_of(
        optimizer, code_of(optimizer, step), step.settings, steps=1, seen={"m_hat": [], "d": []}
    )
    [found] = ran(program)
    optimizer.minimize_raw()
    assert found["g"] == optimizer.g.tolist()
    assert found["seen"]["m_hat"] == optimizer.m_hat.tolist()
    np.testing.assert_allclose(found["seen"]["d"], np.sign(optimizer.g), rtol=1e-9)
    assert found["state"] == {"m": optimizer.m.tolist(), "v": optimizer.v.tolist()}


@pytest.mark.parametrize(
    "name", ["exp", "log", "sin", "cos", "tanh", "arctan", "log1p", "power", "logaddexp"]
)
def test_the_functions_of_math_are_numpys_within_a_few_ulp(name):
    ufunc, rng = getattr(np, name), np.random.default_rng(0)
    arrays = [rng.uniform(0.01, 20, 2000) for _ in range(ufunc.nin)]
    x = inputs("theta", (ufunc.nin,))
    code = loss_in_javascript(x, ufunc(*x))
    points = np.stack(arrays, axis=1).tolist()
    found = np.array(in_node(f"{code}\nfor (const x of {points}) out.push(loss(x));"))
    right = ufunc(*arrays)
    assert (np.abs(found - right) <= ULPS * np.spacing(np.abs(right))).all()


class Careful(Optimizer):
    gamma = 0.9
    state = ("m",)

    def direction(self, theta, g):
        self.m = self.gamma * self.m + (np.sign(g) if self.t % 3 else np.clip(g, -1, 1))
        return np.where(np.abs(self.m) > 2, self.m / 2, np.maximum(self.m, -0.5))


def test_a_rule_and_a_loss_of_ones_own():
    data = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.25]])

    def loss(x):
        return anp.sum((data @ x - 1) ** 2) + anp.where(x[0] > 0, x[0], 0.0)

    optimizer = Careful(loss, [0.5, -0.25], lr=0.0625)
    step = rule_of(optimizer)
    [found] = ran(program_of(optimizer, code_of(optimizer, step), step.settings))
    np.testing.assert_allclose(found["path"], plain_path(optimizer).theta, rtol=1e-9)


@pytest.mark.parametrize("rule", [Adam, Newton])
def test_the_noise_of_a_step_is_an_argument(rule):
    function = noisy(rosenbrock, sigma=0.5, seed=1)
    optimizer = rule(function, rosenbrock.start)
    step = rule_of(optimizer)
    [found] = ran(program_of(optimizer, code_of(optimizer, step), step.settings, steps=EARLY))
    for t in range(EARLY):
        assert found["path"][t] == pytest.approx(optimizer.theta, rel=1e-12)
        assert found["losses"][t] == pytest.approx(optimizer.minimize_raw(), rel=1e-12)


@pytest.mark.parametrize("ufunc", [np.remainder, np.floor_divide])
def test_remainders_have_the_sign_of_the_divisor(ufunc):
    rng = np.random.default_rng(0)
    odd = [[1.0, 0.1], [-1.0, 0.1], [7.0, -2.0], [-7.0, 2.0], [6.0, -3.0], [0.3, 0.1], [1.0, 0.0]]
    points = np.array(odd + rng.uniform(-5, 5, (300, 2)).tolist())
    x = inputs("theta", (2,))
    code = loss_in_javascript(x, ufunc(x[0], x[1]))
    found = in_node(f"{code}\nfor (const x of {points.tolist()}) out.push(String(loss(x)));")
    with np.errstate(all="ignore"):
        right = ufunc(*points.T)
    np.testing.assert_array_equal([float(told.replace("Infinity", "inf")) for told in found], right)


def test_one_to_any_power_is_one():
    x = inputs("theta", (2,))
    code = loss_in_javascript(x, x[0] ** x[1])
    assert in_node(f"{code}\nout.push(loss([1, Infinity]), loss([1, NaN]), loss([2, 3]));") == [
        1,
        1,
        8,
    ]


@pytest.mark.parametrize("names", [("x",), ("a", "a1"), ("loss_1", "g_0")])
def test_no_name_of_a_state_meets_another(names):
    def direction(self, theta, g):
        for i, name in enumerate(names):
            setattr(self, name, 0.5 * getattr(self, name) + (i + 1) * g)
        return sum(getattr(self, name) for name in names)

    rule = type("Named", (Optimizer,), {"state": names, "direction": direction})
    start = np.linspace(-1, 1, 12)  # a10 of a, and a1's first
    optimizer = rule(sphere.in_dimension(12), start, lr=0.03125)
    step = rule_of(optimizer)
    [found] = ran(program_of(optimizer, code_of(optimizer, step), step.settings, steps=20))
    np.testing.assert_array_equal(found["path"], plain_path(optimizer, 20).theta)


def test_the_loss_alone_for_a_map():
    step = traced_step(Adam(rosenbrock, rosenbrock.start))
    code = loss_in_javascript(step.before["theta"], step.loss[()])
    points = np.random.default_rng(0).uniform(-2, 2, (50, 2))
    found = in_node(f"{code}\nfor (const x of {points.tolist()}) out.push(loss(x));")
    assert found == rosenbrock(points).tolist()


def test_the_second_derivatives_are_those_of_a_bowl():
    x = inputs("theta", (2,))
    optimizer = Newton(lambda w: 3 * w[0] ** 2 + w[0] * w[1] ** 3, [1.0, 2.0])
    code = hessian_in_javascript(x, traced_hessian(optimizer))
    [found] = in_node(f"{code}\nconst h = []; curvature([1, 2], h); out.push(h);")
    assert found == [6, 12, 12, 12]


def test_what_javascript_does_not_have_is_refused():
    x = inputs("theta", (1,))
    with pytest.raises(Untraceable, match="JavaScript has no copysign"):
        loss_in_javascript(x, np.copysign(x[0], 1.0))
