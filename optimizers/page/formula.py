"""The lines of a rule's own formula, to be shown with the numbers of a step in them."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable
from typing import Any

from optimizers.optimizer import Optimizer, hands_out_others
from optimizers.page.sliders import SIGNS
from optimizers.state import parts

# what the page has numbers for is marked in the text: ⟨name⟩ as it was, ⟨name'⟩ as it has become
MARK = re.compile(r"__(now|was)__(\w+?)__end__")
SPELLED = [
    (r"\bnp\.sqrt\(", "√("),
    (r" \*\* 2\b", "²"),
    (r" \* ", " · "),
    (r" - ", " − "),
    (r"(?<![\w)\]⟩])-", "−"),
    (r" \*\* ", "^"),
    (r"\bnp\.", ""),
    (r"\bself\.", ""),
    # what stands in functions of their own, and axes that only many runs have
    (
        r"trust_ratio\(layout, ⟨theta⟩, update, lambda norm: (.+?) · norm\)",
        r"\1 · ‖⟨theta⟩‖ / ‖update‖",
    ),
    (r"trust_ratio\(layout, ⟨theta⟩, update, _phi\)", "φ(‖⟨theta⟩‖) / ‖update‖"),
    (r"layout\.spread\((.+?)\)", r"\1"),
    (r"⟨theta⟩ − inner_step\(⟨theta⟩, .+\)", "⟨eta⟩ · ⟨d'⟩"),
    (r"inner_step\(⟨theta⟩, .+\)", "⟨theta⟩ − ⟨eta⟩ · ⟨d'⟩"),
    (r"where\((.+?) > 0, \1, 1\.0\)", r"\1"),
    (r"gradient\.hessian\(⟨theta⟩, batch\)", "∂²loss/∂θ²"),
    (r"expand_dims\((.+?), −1\) · eye\(.+?\)", r"\1 · I"),
    (r"sum\(pseudo_inverse\(H\) · (.+?)\[.+?, axis=−1\)", r"H⁻¹ · \1"),
    (r"\[\.\.\., rest\]", ""),
    (r"\bif 1 else inf\b|\belse inf\b", "else ∞"),
]
# lines that belong to many runs, to matrices or to bounds
NO_FORMULA = re.compile(r"isfinite|where\(finite|project\(|empty_like|~in_matrix|where\(rest")


def lines_of(optimizer: Optimizer, seen: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Each line of `direction`, as Python has it, in the letters of the formulas.

    `set` is the sign of what the line gives a value to, `name` its name, `to` the expression:
    ⟨name⟩ stands for a number as it was before the step, ⟨name'⟩ for one that a line has made.
    `when` are the switches with which the line is gone through. No source, no lines.

    Examples
    --------
    >>> from optimizers import Momentum
    >>> from optimizers.functions import sphere
    >>> for line in lines_of(Momentum(sphere, [1.0])):
    ...     print(line["set"], "=", line["to"], *line["when"])
    p = ⟨momentum⟩ · ⟨p⟩ + ⟨g⟩
    d = ⟨g⟩ + ⟨momentum⟩ · ⟨p'⟩ ('nesterov', True)
    d = ⟨p'⟩ ('nesterov', False)
    θ = ⟨theta⟩ − ⟨eta⟩ · ⟨d'⟩
    """
    outer, inner = parts(optimizer)[0], parts(optimizer)[-1]
    told = _Lines({"t", "eta"}.union(seen))
    for part in parts(optimizer):
        told.known.update(part.state, type(part).__hyper_parameters__)
    told.of(type(inner), "direction", "d")
    if outer is not inner or hands_out_others(outer):
        told.of(type(outer), "update", "θ")
    else:
        told.add("θ", "__was__theta__end__ - __was__eta__end__ * __now__d__end__", ())
    if not any(getattr(p, "exclude_from_weight_decay", None) for p in parts(optimizer)):
        for line in told.lines:  # all weights decay
            line["to"] = line["to"].replace("decayed · ", "")
    return told.lines


class _Lines:
    def __init__(self, known: set[str]) -> None:
        self.known = known
        self.lines: list[dict[str, Any]] = []
        self.made: set[str] = set()

    def of(self, rule: type, method: str, result: str) -> None:
        """Add the lines of the nearest class that has such a method of its own."""
        owner = next((c for c in rule.__mro__ if method in vars(c)), None)
        if owner is None or owner is Optimizer:
            return
        try:
            source = textwrap.dedent(inspect.getsource(vars(owner)[method]))
            [function] = ast.parse(source).body
        except (OSError, TypeError, SyntaxError, ValueError):
            return
        if not isinstance(function, ast.FunctionDef):
            return
        self.block(function.body, owner, (), result)

    def block(self, body: list[ast.stmt], owner: type, when: tuple[Any, ...], result: str) -> None:
        """Add the lines of statements that follow each other."""
        for statement in body:
            if isinstance(statement, ast.If):
                switch = self.switch(statement.test)
                self.block(statement.body, owner, (*when, (switch, True)), result)
                self.block(statement.orelse, owner, (*when, (switch, False)), result)
                if isinstance(statement.body[-1], ast.Return):
                    when = (*when, (switch, False))
            else:
                self.tell(statement, owner, when, result)

    def switch(self, test: ast.expr) -> str:
        """The name of a switch, or a condition in words."""
        is_name = isinstance(test, ast.Attribute) and test.attr in self.known
        return test.attr if is_name else self.text(test)  # type: ignore[attr-defined]

    def tell(self, statement: ast.stmt, owner: type, when: tuple[Any, ...], result: str) -> None:
        """Add the line of a statement, after those of what it builds on."""
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.Return) and statement.value is not None:
            target, value = ast.Name(result), statement.value
        elif isinstance(statement, ast.AugAssign):
            target = statement.target
            read = ast.parse(ast.unparse(target), mode="eval").body
            value = ast.BinOp(read, statement.op, statement.value)
        else:
            return
        for call in (node for node in ast.walk(value) if _calls(node, "super().direction")):
            given = self.text(call.args[1])  # type: ignore[attr-defined]
            if given != self.text(ast.Name("g")):  # the parent is given another g
                self.add("g", given, when)
                self.made.add("g")
            self.of(owner.__mro__[1], "direction", "d")
        name = ast.unparse(target).partition("[")[0].removeprefix("self.")
        text = self.text(value)
        if text != "__now__d__end__" or name != "d":
            self.add(name, text, when)
        if isinstance(target, ast.Attribute) or name == "d":
            self.made.add(name)

    def add(self, name: str, text: str, when: tuple[Any, ...]) -> None:
        """Add a line, in the letters of the formulas."""
        if NO_FORMULA.search(text):
            return
        switches = [one for one in when if one[0] in self.known]
        words = [f"if{'' if is_on else ' not'} {_lettered(s)}" for s, is_on in when]
        words = [told for told, one in zip(words, when, strict=True) if one not in switches]
        self.lines.append(
            {
                "set": SIGNS.get(name, name),
                "name": name,
                "to": "   ".join([_lettered(text), *words]),
                "when": switches,
            }
        )

    def text(self, value: ast.expr) -> str:
        """An expression, with marks for what has a number."""
        return ast.unparse(_Marked(self.known, self.made).visit(value))


def _calls(node: ast.AST, *functions: str) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in functions


class _Marked(ast.NodeTransformer):
    """Puts marks in the place of what the page knows: the rule's numbers, θ, g, the parent's d."""

    def __init__(self, known: set[str], made: set[str]) -> None:
        self.known, self.made = known, made

    def mark(self, name: str) -> ast.expr:
        """A name that is no Python name of anybody's."""
        return ast.Name(f"__{'now' if name in self.made else 'was'}__{name}__end__")

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """What `direction` returns, the parent's or its own, is d."""
        if _calls(node, "super().direction", "self.direction"):
            self.made = self.made | {"d"}
            return self.mark("d")
        self.generic_visit(node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """The rule's own numbers."""
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            return self.mark(node.attr) if node.attr in self.known else ast.Name(node.attr)
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """θ and g."""
        return self.mark(node.id) if node.id in ("theta", "g") else node


def _lettered(text: str) -> str:
    text = MARK.sub(lambda m: f"⟨{m[2]}{chr(39) * (m[1] == 'now')}⟩", text)
    for pattern, spelled in SPELLED:
        text = re.sub(pattern, spelled, text)
    return text
