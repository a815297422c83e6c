"""Losses and rules as JavaScript: plain functions of numbers, to be read and to run in any page.

They write what they find into arrays that they are given, so that a run makes nothing new.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optimizers.engine.scalars import Scalar, Symbols, Untraceable, names_in
from optimizers.engine.step import Step

INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "equal": "==="}
INFIX |= {"not_equal": "!==", "less": "<", "less_equal": "<=", "greater": ">"}
INFIX |= {"greater_equal": ">=", "logical_and": "&&", "logical_or": "||", "logical_xor": "!=="}
# the functions of Math are NumPy's within a few units in the last place; sqrt, abs, … exactly
MATH = {"absolute": "abs", "arctan": "atan", "arctan2": "atan2", "arcsin": "asin", "arccos": "acos"}
MATH |= {"arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "maximum": "max"}
MATH |= {"minimum": "min", "power": "pow"}
SAME = """sqrt exp log sin cos tan sinh cosh tanh log1p expm1 log2 log10 cbrt hypot floor ceil
trunc sign pow"""
MATH |= {name: name for name in SAME.split()}
# the remainder has the sign of the divisor
REST = "{0} % {1} !== 0 && {0} % {1} < 0 !== {1} < 0 ? {0} % {1} + {1} : {0} % {1}"
PATTERNS = {
    "negative": "-{}",
    "logical_not": "!{}",
    "where": "{} ? {} : {}",
    "fma": "{} * {} + {}",
    "exp2": "Math.pow(2, {})",
    "remainder": f"({REST})",
    "floor_divide": f"{{1}} === 0 ? {{0}} / {{1}} : Math.round(({{0}} - ({REST})) / {{1}})",
    "logaddexp": "{0} === {1} ? {0} + Math.LN2 : "
    "Math.max({0}, {1}) + Math.log1p(Math.exp(-Math.abs({0} - {1})))",
}


def gradient_in_javascript(
    theta: Symbols, loss: Scalar, gradient: Symbols, name: str = "gradient"
) -> str:
    """Write `gradient(theta, g, batch)`: it fills g, and returns the loss.

    Examples
    --------
    >>> from optimizers.engine.scalars import inputs
    >>> x = inputs("theta", (1,))
    >>> print(gradient_in_javascript(x, x[0] * x[0], 2 * x))
    function gradient(theta, g, batch) {
      const theta_0 = theta[0];
      const loss = theta_0 * theta_0;
      const x1 = 2 * theta_0;
      g[0] = x1;
      return loss;
    }
    """
    w = _Writer()
    w.unpack(theta, "theta", "theta")
    w.named("loss", loss)
    w.put("g", gradient)
    return w.function(f"{name}(theta, g, batch)", "loss")


def step_in_javascript(step: Step, name: str = "step") -> str:
    """Write `step(theta, g, state, t, hyper, hessian, seen)`, which moves theta and the state.

    `state` and `hyper` are objects with the names of the rule's state and hyper-parameters; t is 1
    at the first step, `hyper.eta` its learning rate if that is scheduled. `hessian` is needed by
    rules that ask for it, `seen` if something of the step is watched.

    Examples
    --------
    >>> from optimizers import Momentum
    >>> from optimizers.engine.step import rule_of
    >>> from optimizers.functions import sphere
    >>> print(step_in_javascript(rule_of(Momentum(sphere, [3.0]))))
    function step(theta, g, state, t, hyper, hessian, seen) {
      const theta_0 = theta[0];
      const p_0 = state.p[0];
      const g_0 = g[0];
      const x1 = hyper.momentum * p_0;
      const x2 = x1 + g_0;
      const x3 = hyper.lr * x2;
      const x4 = theta_0 - x3;
      state.p[0] = x2;
      theta[0] = x4;
    }
    """
    w = _Writer()
    for key, given in step.before.items():
        w.unpack(given, "theta" if key == "theta" else f"state.{key}", key)
    w.unpack(step.g, "g", "g")
    after = {key: [w.spelled(x) for x in values.ravel()] for key, values in step.after.items()}
    for key, watched in step.watched.items():
        w.put(f"seen.{key}", watched)
    moved = after.pop("theta")
    targets = {f"state.{key}": spelled for key, spelled in after.items()} | {"theta": moved}
    for key, spelled in targets.items():
        w.lines += [f"{key}[{i}] = {x};" for i, x in enumerate(spelled)]
    return w.function(f"{name}(theta, g, state, t, hyper, hessian, seen)")


def handed_out_in_javascript(step: Step, name: str = "handedOut") -> str:
    """Write `handedOut(theta, state, out, hyper)`, which fills in the weights that are shown.

    Examples
    --------
    >>> from optimizers import SGD, Averaged
    >>> from optimizers.engine.step import rule_of
    >>> from optimizers.functions import sphere
    >>> print(handed_out_in_javascript(rule_of(Averaged(sphere, [3.0], inner=SGD))))
    function handedOut(theta, state, out, hyper) {
      const mean_0 = state.mean[0];
      out[0] = mean_0;
    }
    """
    w = _Writer()
    names = {name for x in step.out.ravel() for name in names_in(x)}
    for key, given in step.before.items():
        if key in names:
            w.unpack(given, "theta" if key == "theta" else f"state.{key}", key)
    w.put("out", step.out)
    return w.function(f"{name}(theta, state, out, hyper)")


def hessian_in_javascript(theta: Symbols, hessian: Symbols, name: str = "curvature") -> str:
    """Write `curvature(theta, hessian, batch)`, which fills the second derivatives in, row by row.

    Examples
    --------
    >>> from optimizers.engine.scalars import inputs, symbols
    >>> x = inputs("theta", (1,))
    >>> print(hessian_in_javascript(x, symbols([[6 * x[0]]])))
    function curvature(theta, hessian, batch) {
      const theta_0 = theta[0];
      const x1 = 6 * theta_0;
      hessian[0] = x1;
    }
    """
    w = _Writer()
    w.unpack(theta, "theta", "theta")
    w.put("hessian", hessian)
    return w.function(f"{name}(theta, hessian, batch)")


def loss_in_javascript(theta: Symbols, loss: Scalar, name: str = "loss") -> str:
    """Write `loss(theta, batch)`, a number, for a map of a landscape.

    Examples
    --------
    >>> from optimizers.engine.scalars import inputs
    >>> x = inputs("theta", (2,))
    >>> print(loss_in_javascript(x, x[0] * x[1] + 0.5))
    function loss(theta, batch) {
      const theta_0 = theta[0], theta_1 = theta[1];
      const x1 = theta_0 * theta_1;
      const x2 = x1 + 0.5;
      return x2;
    }
    """
    w = _Writer()
    w.unpack(theta, "theta", "theta")
    return w.function(f"{name}(theta, batch)", w.spelled(loss))


class _Writer:
    """Writes a line for each expression, once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[Scalar, str] = {}
        self.count = 0

    def unpack(self, given: Symbols, source: str, name: str) -> None:
        """Name the numbers in an array."""
        named = {x: f"{name}_{x.args[1]}" for x in np.ravel(given)}  # as no temporary is called
        self.names |= named
        parts = (f"{number} = {source}[{x.args[1]}]" for x, number in named.items())
        if named:  # a state may have no elements
            self.lines.append(f"const {', '.join(parts)};")

    def put(self, target: str, values: Any) -> None:
        """Compute some numbers, and put them into an array."""
        found = [self.spelled(x) for x in np.ravel(values)]
        self.lines += [f"{target}[{i}] = {x};" for i, x in enumerate(found)]

    def named(self, name: str, x: Scalar) -> None:
        """Give an expression a name of its own."""
        self.lines.append(f"const {name} = {self.names.get(x) or self.code(x)};")
        self.names.setdefault(x, name)

    def spelled(self, x: Scalar) -> str:
        """The name of an expression, or a number as it is."""
        if x.op in ("constant", "input") and x not in self.names:
            return self.code(x)
        if x not in self.names:
            code = self.code(x)
            self.count += 1
            self.names[x] = f"x{self.count}"
            self.lines.append(f"const x{self.count} = {code};")
        return self.names[x]

    def code(self, x: Scalar) -> str:
        """The expression, of names."""
        if x.op == "constant":
            return _number(x.args[0])
        if x.op == "input":
            name, i = x.args
            if name in ("batch", "hessian"):
                return f"{name}[{i}]"
            if i:
                raise Untraceable(f"{name} is one number a weight")
            return "t" if name == "t" else f"hyper.{name}"
        if x.op == "part":
            return self.product(x)
        args = list(map(self.spelled, x.args))
        if x.op in INFIX:
            return f"{args[0]} {INFIX[x.op]} {args[1]}"
        if x.op in PATTERNS:
            return PATTERNS[x.op].format(*args)
        if x.op in ("power", "pow") and x.args[1].op != "constant":  # 1 to the power of ∞ is 1
            return f"{args[0]} === 1 ? 1 : Math.pow({args[0]}, {args[1]})"
        if x.op not in MATH:
            raise Untraceable(f"JavaScript has no {x.op}")
        return f"Math.{MATH[x.op]}({', '.join(args)})"

    def product(self, x: Scalar) -> str:
        """One element of a product of matrices, added up in order."""
        i, call = x.args
        (a, _), (b, _) = call.args[0]
        k, columns = a[-1], math.prod(b[1:])
        row, column = divmod(i, columns)
        left = call.args[1 + row * k : 1 + (row + 1) * k]
        right = call.args[1 + math.prod(a) + column :: columns]
        terms = zip(map(self.spelled, left), map(self.spelled, right), strict=True)
        return " + ".join(f"{one} * {other}" for one, other in terms)

    def function(self, head: str, back: str = "") -> str:
        """The whole function."""
        lines = "".join(f"  {line}\n" for line in self.lines + [f"return {back};"] * bool(back))
        return f"function {head} {{\n{lines}}}"


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if math.isnan(value) or math.isinf(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "(-Infinity)"
    text = repr(float(value)).removesuffix(".0")
    return text if value >= 0 else f"({text})"
