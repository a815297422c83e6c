"""The step of an optimizer in each language that it is written in, to be read."""

from __future__ import annotations

from typing import Any

from optimizers.engine.assembly import assembly_of
from optimizers.engine.javascript import gradient_in_javascript, step_in_javascript
from optimizers.engine.machine_code import Machine
from optimizers.engine.numpy_lines import record
from optimizers.engine.seen import Seen
from optimizers.engine.whole_runs import traced_step


def in_numpy(optimizer: Any) -> str:
    """The loss and its gradient as a straight line of NumPy calls; the rule needs no other form.

    Raises
    ------
    NotTraceable
        If the loss is no straight line; the message says why.

    Examples
    --------
    >>> from optimizers import SGD
    >>> print(in_numpy(SGD(lambda x: (x[0] - 1) ** 2, [3.0])))
    # loss
    <BLANKLINE>
    def replay(theta):
        v1 = theta[0]                                   # ()
        v2 = v1 - 1.0                                   # ()
        v3 = v2 * v2                                    # ()
        v4 = 2.0 * v2                                   # ()
        v5 = zeros((1,))                                # (1,)
        v5[0] += v4                                     # (1,)
        return v3, v5
    <BLANKLINE>
    """
    gradient, problem = optimizer.gradient.by_autograd, optimizer.gradient.problem
    return record(gradient, optimizer._theta, *optimizer._next_noise(), title=problem.name).source


def in_assembly(optimizer: Any) -> str:
    """The machine code that makes whole runs, as this processor's instructions spelled out.

    Raises
    ------
    Untraceable
        If it cannot be compiled, or llvmlite is not installed; the message says why.

    Examples
    --------
    >>> from optimizers import SGD
    >>> "run:" in in_assembly(SGD(lambda x: (x[0] - 1) ** 2, [3.0]))
    True
    """
    seen = Seen(optimizer)
    return assembly_of(Machine(traced_step(optimizer), seen.runs, seen.columns).text)


def in_javascript(optimizer: Any) -> str:
    """The loss with its gradient, and the step of the rule, as two functions of JavaScript.

    Raises
    ------
    NotTraceable, Untraceable
        If it cannot be written as scalars; the message says why.

    Examples
    --------
    >>> from optimizers import SGD
    >>> print(in_javascript(SGD(lambda x: (x[0] - 1) ** 2, [3.0])))
    function gradient(theta, g, batch) {
      const theta_0 = theta[0];
      const x1 = theta_0 - 1;
      const loss = x1 * x1;
      const x2 = 2 * x1;
      g[0] = x2;
      return loss;
    }
    <BLANKLINE>
    function step(theta, g, state, t, hyper, hessian, seen) {
      const theta_0 = theta[0];
      const g_0 = g[0];
      const x1 = hyper.lr * g_0;
      const x2 = theta_0 - x1;
      theta[0] = x2;
    }
    """
    step = traced_step(optimizer)
    slopes = gradient_in_javascript(step.before["theta"], step.loss.item(), step.gradient)
    return f"{slopes}\n\n{step_in_javascript(step)}"
