"""Steps and losses as JavaScript: plain functions of numbers, to be read and to run in any page."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from optimizers.engine.scalars import Scalar, Symbols, Untraceable
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
PATTERNS = {
    "negative": "-{}",
    "logical_not": "!{}",
    "where": "{} ? {} : {}",
    "fma": "{} * {} + {}",
    "exp2": "Math.pow(2, {})",
    "remainder": "{0} - {1} * Math.floor({0} / {1})",
    "floor_divide": "Math.floor({} / {})",
}


def step_in_javascript(step: Step, name: str = "step") -> str:
    """Write `step(theta, state, t, hyper, batch)`, which returns what follows.

    `state` and `hyper` are objects with the names of the rule's state and hyper-parameters; t is 1
    at the first step, `hyper.eta` its learning rate if that is scheduled. It returns an object with
    the loss and the gradient before the step, and theta and the state after it.

    Examples
    --------
    >>> from optimizers import SGD
    >>> from optimizers.engine.step import step_of
    >>> from optimizers.functions import sphere
    >>> twice = lambda theta, batch: ((theta * theta).sum(), 2 * theta)
    >>> print(step_in_javascript(step_of(SGD(sphere, [3.0]), twice)))
    function step(theta, state, t, hyper, batch) {
      const [theta0] = theta;
      const loss = theta0 * theta0;
      const g0 = 2 * theta0;
      const x1 = hyper.lr * g0;
      const x2 = theta0 - x1;
      return { theta: [x2], state: {}, loss, gradient: [g0] };
    }
    """
    w = _Writer()
    for key, given in step.before.items():
        w.unpack(given, "theta" if key == "theta" else f"state.{key}", key)
    w.named("loss", step.loss.item())
    for g, x in zip(step.g, step.gradient, strict=True):
        w.named(f"g{g.args[1]}", x)
        w.names[g] = f"g{g.args[1]}"
    after = {key: f"[{', '.join(map(w.spelled, x.ravel()))}]" for key, x in step.after.items()}
    theta = after.pop("theta")
    state = ", ".join(f"{key}: {values}" for key, values in after.items())
    gradient = ", ".join(w.names[g] for g in step.g)
    back = f"{{ theta: {theta}, state: {{ {state} }}, loss, gradient: [{gradient}] }}"
    return w.function(f"{name}(theta, state, t, hyper, batch)", back.replace("{  }", "{}"))


def loss_in_javascript(theta: Symbols, loss: Scalar, name: str = "loss") -> str:
    """Write `loss(theta)`, a number, for a map of a landscape.

    Examples
    --------
    >>> from optimizers.engine.scalars import inputs
    >>> x = inputs("theta", (2,))
    >>> print(loss_in_javascript(x, x[0] * x[1] + 0.5))
    function loss(theta) {
      const [theta0, theta1] = theta;
      const x1 = theta0 * theta1;
      const x2 = x1 + 0.5;
      return x2;
    }
    """
    w = _Writer()
    w.unpack(theta, "theta", "theta")
    return w.function(f"{name}(theta)", w.spelled(loss))


class _Writer:
    """Writes a line for each expression, once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[Scalar, str] = {}
        self.count = 0

    def unpack(self, given: Iterable[Any], source: str, name: str) -> None:
        """Name the numbers in an array."""
        parts = list(given)
        self.names |= {x: f"{name}{x.args[1]}" for x in parts}
        self.lines.append(f"const [{', '.join(self.names[x] for x in parts)}] = {source};")

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
            if i and name != "batch":
                raise Untraceable(f"{name} is one number a weight")
            return {"t": "t", "batch": f"batch[{i}]"}.get(name, f"hyper.{name}")
        if x.op == "part":
            return self.product(x)
        args = list(map(self.spelled, x.args))
        if x.op in INFIX:
            return f"{args[0]} {INFIX[x.op]} {args[1]}"
        if x.op in PATTERNS:
            return PATTERNS[x.op].format(*args)
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

    def function(self, head: str, back: str) -> str:
        """The whole function."""
        lines = "".join(f"  {line}\n" for line in [*self.lines, f"return {back};"])
        return f"function {head} {{\n{lines}}}"


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if math.isnan(value) or math.isinf(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "(-Infinity)"
    text = repr(float(value)).removesuffix(".0")
    return text if value >= 0 else f"({text})"
