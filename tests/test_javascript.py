import json
import shutil
import subprocess

import autograd.numpy as anp
import numpy as np
import pytest
from traced import carried_by, traced_step

from optimizers import RULES, Adam, Optimizer
from optimizers.engine.javascript import loss_in_javascript, step_in_javascript
from optimizers.engine.scalars import Untraceable, inputs
from optimizers.functions import FUNCTIONS, noisy, rosenbrock, sphere

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")

STEPS = 500
EARLY = 8
ULPS = 2  # by which Math.pow, exp, sin and their like differ from NumPy's
INEXACT = ("pow", "exp", "log", "sin", "cos", "tan", "atan")


def in_node(program):
    """What `out` is after a program."""
    code = f"const out = [];\n{program}\nconsole.log(JSON.stringify(out));"
    done = subprocess.run(["node", "-"], input=code, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def plain_path(optimizer):
    """By NumPy, since somebody looks at every step."""
    return optimizer.minimize(STEPS, callback=lambda optimizer: None)


def program_of(optimizer, step):
    start = {name: np.ravel(x).tolist() for name, x in carried_by(optimizer).items()}
    theta = json.dumps(start.pop("theta"))
    return f"""{{
    {step_in_javascript(step)}
    const hyper = {json.dumps(step.settings)};
    let theta = {theta}, state = {json.dumps(start)}, path = [theta];
    for (let t = 1; t <= {STEPS}; t++) {{
        ({{ theta, state }} = step(theta, state, t, hyper));
        path.push(theta);
    }}
    out.push(path);
    }}"""


@pytest.mark.parametrize("label", FUNCTIONS)
def test_every_rule_goes_the_way_that_it_goes_in_python(label):
    function, cases, programs = FUNCTIONS[label], [], []
    for rule in RULES.values():
        step = traced_step(rule(function, function.start))
        programs.append(program_of(rule(function, function.start), step))
        cases.append((plain_path(rule(function, function.start)), step_in_javascript(step)))
    for (path, code), ours in zip(cases, in_node("\n".join(programs)), strict=True):
        ours = np.array(ours, float)[: len(path.theta)]
        finite = np.isfinite(path.theta).all(axis=1)
        if not any(f"Math.{name}(" in code for name in INEXACT):
            assert np.array_equal(ours[finite], path.theta[finite]), path.rule
        # what differs in the last bit stays near for a while; unstable ways then part
        near = finite[:EARLY]
        np.testing.assert_allclose(ours[:EARLY][near], path.theta[:EARLY][near], rtol=1e-9)


@pytest.mark.parametrize("name", ["exp", "log", "sin", "cos", "tanh", "arctan", "log1p", "power"])
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
    [ours] = in_node(program_of(optimizer, traced_step(optimizer)))
    np.testing.assert_allclose(ours, plain_path(optimizer).theta, rtol=1e-9)


def test_the_noise_of_a_step_is_an_argument():
    function = noisy(sphere, sigma=0.5, seed=1)
    step = traced_step(Adam(function, sphere.start))
    noise = function.noise(1).tolist()
    program = f"""{step_in_javascript(step)}
    const state = {{ m: [0, 0], v: [0, 0] }};
    out.push(step({sphere.start.tolist()}, state, 1, {json.dumps(step.settings)}, {noise}));"""
    [found] = in_node(program)
    optimizer = Adam(function, sphere.start)
    assert found["loss"] == optimizer.minimize_raw()
    assert found["gradient"] == optimizer.g.tolist()
    assert found["theta"] == optimizer.theta.tolist()


def test_the_loss_alone_for_a_map():
    step = traced_step(Adam(rosenbrock, rosenbrock.start))
    code = loss_in_javascript(step.before["theta"], step.loss[()])
    points = np.random.default_rng(0).uniform(-2, 2, (50, 2))
    found = in_node(f"{code}\nfor (const x of {points.tolist()}) out.push(loss(x));")
    assert found == rosenbrock(points).tolist()


def test_what_javascript_does_not_have_is_refused():
    x = inputs("theta", (1,))
    with pytest.raises(Untraceable, match="JavaScript has no logaddexp"):
        loss_in_javascript(x, np.logaddexp(x[0], 1.0))
