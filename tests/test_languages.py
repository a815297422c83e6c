import json
import shutil
import subprocess

import numpy as np
import pytest

from optimizers import SGD, Adam
from optimizers.engine.languages import in_assembly, in_javascript, in_numpy
from optimizers.engine.scalars import Untraceable
from optimizers.engine.trace import NotTraceable
from optimizers.functions import noisy, rosenbrock


def valley(theta):
    x, y = theta[0], theta[1]
    return 100 * (y - x * x) ** 2 + (1 - x) ** 2


def branching(theta):
    return theta[0] ** 2 if theta[0] > 0 else theta[0] ** 4


def test_a_loss_of_ones_own_need_not_be_marked_nor_run_before():
    theta = np.array([-1.5, 2.0])
    names = {"array": np.array, "zeros": np.zeros}
    exec(in_numpy(Adam(valley, theta)), names)
    loss, g = names["replay"](theta)
    assert loss == 12.5
    assert g.tolist() == [-155.0, -50.0]


def test_the_javascript_goes_where_minimize_goes():
    if shutil.which("node") is None:
        pytest.skip("no node on this machine")
    program = f"""{in_javascript(SGD(valley, [-1.5, 2.0]))}
    const theta = [-1.5, 2.0], g = [];
    for (let t = 1; t <= 300; t++) {{
      gradient(theta, g);
      step(theta, g, {{}}, t, {{ lr: 0.001 }});
    }}
    console.log(JSON.stringify(theta));"""
    run = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True)
    path = SGD(valley, [-1.5, 2.0], lr=0.001).minimize(300)
    assert json.loads(run.stdout) == path.theta[-1].tolist()


def test_the_machine_code_is_of_one_run_or_of_many():
    pytest.importorskip("llvmlite")
    one = in_assembly(SGD(valley, [-1.5, 2.0]))
    many = in_assembly(SGD(rosenbrock, np.tile([-1.5, 2.0], (50, 1)), lr=np.linspace(0, 1e-3, 50)))
    assert "run:" in one
    assert "run:" in many
    assert many != one


def test_noise_that_is_handed_in_is_an_input():
    optimizer = SGD(noisy(rosenbrock, 0.1, seed=0), [-1.5, 2.0])
    assert "batch[1]" in in_javascript(optimizer)
    assert "batch" in in_numpy(optimizer)


@pytest.mark.parametrize("shown", [in_numpy, in_assembly, in_javascript])
def test_what_cannot_be_written_down_is_refused_in_plain_words(shown):
    with pytest.raises((NotTraceable, Untraceable), match="branches on a value"):
        shown(SGD(branching, [1.0]))
