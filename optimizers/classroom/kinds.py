"""The kinds of answers: a rule, a function, words, a fault with its fixed code."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from optimizers.classroom import compare
from optimizers.classroom.compare import STEPS, watched
from optimizers.classroom.faults import Fault
from optimizers.optimizer import Optimizer

Verdict = tuple[bool, str]
Task = Callable[[Any, np.random.Generator], Verdict]
Draw = Callable[[np.random.Generator], list[tuple[Any, ...]]]

RANGES = {
    "momentum": (0.3, 0.9),
    "rho": (0.3, 0.9),
    "beta1": (0.3, 0.9),
    "beta2": (0.6, 0.99),
    "epsilon": (0.01, 0.1),  # large enough to be seen
    "weight_decay": (0.05, 0.3),
    "beta3": (0.8, 0.99),
    "alpha": (1.5, 5.0),
    "boost": (1.5, 4.0),
    "grow": (1.1, 1.4),
    "shrink": (0.3, 0.7),
}
OWN = "write the formula yourself"
TO_WRITE = "nothing is written yet: fill in the cell above and run it"


def shown(value: Any) -> str:
    """A value in a few characters, whatever its repr does."""
    if isinstance(value, np.generic):
        value = value.item()  # 0.5, not np.float64(0.5)
    if type(value) is float:
        return f"{value:.8g}"
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"a {type(value).__name__}"
    return text if len(text) < 60 else text[:57] + "…"


def stopped(error: BaseException) -> str:
    """What to say when the student's code stops with an error."""
    if isinstance(error, NotImplementedError):
        return TO_WRITE
    text = " ".join(str(error).split())
    return f"it stops with {type(error).__name__}" + (f": {text[:200]}" if text else "")


def own_of_library(answer: Any) -> str | None:
    """The name of the library's thing that the answer is, or that it is made from."""
    for part in inspect.getmro(answer) if isinstance(answer, type) else (answer,):
        module = getattr(part, "__module__", None)
        own = part not in Optimizer.__mro__ and isinstance(module, str)
        if own and str(module).startswith("optimizers."):
            return str(getattr(part, "__name__", "code"))
    return None


def no_rule(answer: Any, name: str) -> str | None:
    """Why this cannot be a student's rule."""
    if isinstance(answer, Optimizer):
        return f"give the class itself: {type(answer).__name__}, without parentheses after it"
    if not isinstance(answer, type) or not issubclass(answer, Optimizer):
        return f"expected a class, class {name}(Optimizer); got {shown(answer)}"
    if library := own_of_library(answer):
        return f"this is the library's own {library}; {OWN}"
    return None


def rule(
    reference: type[Optimizer],
    quantities: Sequence[str],
    faults: Sequence[Fault],
    layers: bool = False,
    rates: tuple[float, float] = compare.RATES,
) -> Task:
    """A rule, against the right one; the known mistakes are tried only if something is wrong."""
    defaults = {name: getattr(reference, name) for name in RANGES if hasattr(reference, name)}

    def judge(answer: Any, rng: np.random.Generator) -> Verdict:
        if reason := no_rule(answer, f"My{reference.__name__}"):
            return False, reason
        problems = compare.problems(rng, defaults, RANGES, layers, rates)
        with np.errstate(all="ignore"):
            right = [compare.trace(reference, problem, quantities) for problem in problems]
        given = []
        with watched() as called:
            try:
                for problem in problems:
                    given.append(compare.trace(answer, problem, quantities))
            except (Exception, SystemExit) as error:
                return False, stopped(error)
        if called:
            return False, f"it calls the library's own {called[0]}; {OWN}"
        found = [
            compare.first_difference(a, b, quantities) for a, b in zip(right, given, strict=True)
        ]
        wrong = [difference for difference in found if difference]
        if not wrong:
            return True, f"right, on {len(problems)} problems, {STEPS} steps each."
        first = min(wrong, key=lambda difference: difference.t)
        return False, f"{first}: {_hint(problems, given, found, faults)}"

    return judge


def _hint(
    problems: Sequence[compare.Problem], given: Any, found: Any, faults: Sequence[Fault]
) -> str:
    with np.errstate(all="ignore"):
        for known in faults:
            rule: Any = known.answer
            if all(
                compare.same_steps(compare.trace(rule, problem, ()), theirs)
                for problem, theirs in zip(problems, given, strict=True)
            ):
                return known.hint
    if found[0] is None and all(found[1:2]):
        return (
            "it is right with the usual numbers and wrong with others: is a number written in "
            "where self.… belongs, or is a special case missing?"
        )
    if len(problems) > compare.PROBLEMS and not any(found[:3]):
        return "only layers of unusual length differ: what if a length is 0, or very large?"
    return "compare this line with the formula."


def function(
    reference: Callable[..., Any], draw: Draw, *faults: tuple[Callable[..., Any], str]
) -> Task:
    """A function, against the right one on arguments drawn anew."""

    def judge(answer: Any, rng: np.random.Generator) -> Verdict:
        if isinstance(answer, type) or not callable(answer):
            return False, f"expected a function, got {shown(answer)}"
        if own_of_library(answer):
            return False, f"this is the library's own function; {OWN}"
        cases = draw(rng)
        given: list[Any] = []
        with watched() as called:
            try:
                for case in cases:
                    given.append(answer(*copy.deepcopy(case)))
            except (Exception, SystemExit) as error:
                return False, stopped(error)
        if called:
            return False, f"it calls the library's own {called[0]}; {OWN}"
        right = _results(reference, cases)
        for case, ours, theirs in zip(cases, right, given, strict=True):
            if not same(ours, theirs):
                what = f"{_call(answer, case)} gives {shown(theirs)}"
                return False, f"{what}: {_function_hint(cases, right, given, faults)}"
        return True, f"right, on {len(cases)} calls with fresh numbers."

    return judge


def _results(f: Callable[..., Any], cases: Sequence[tuple[Any, ...]]) -> list[Any]:
    results = []
    with np.errstate(all="ignore"):
        for case in cases:
            try:
                results.append(f(*copy.deepcopy(case)))
            except (ArithmeticError, ValueError):  # a known mistake may divide by 0
                results.append(None)
    return results


def _function_hint(
    cases: Sequence[tuple[Any, ...]], right: list[Any], given: list[Any], faults: Any
) -> str:
    if all(theirs is None for theirs in given):
        return "is there a return?"
    for wrong, hint in faults:
        if all(map(same, _results(wrong, cases), given)):
            return str(hint)
    ours, theirs = _flat(right), _flat(given)
    if ours is None or theirs is None or ours.shape != theirs.shape:
        return "what kind of value does the task ask for?"
    if not np.isfinite(theirs).all():
        return "it is not always a finite number: what do you divide by?"
    if np.allclose(theirs, -ours, rtol=1e-9):
        return "the size is right, but the sign is not."
    with np.errstate(all="ignore"):
        share = (theirs / ours)[ours != 0]
    if len(share) > 1 and np.ptp(share) <= 1e-9 * abs(share[0]):
        return f"it is always {share[0]:.4g} times the right value."
    agree = sum(map(same, right, given))
    return f"{agree} of {len(right)} calls are right." if agree else "that is not right."


def _flat(values: list[Any]) -> np.ndarray | None:
    try:
        return np.concatenate([np.ravel(np.asarray(value, dtype=float)) for value in values])
    except (TypeError, ValueError):
        return None


def same(ours: Any, theirs: Any) -> bool:
    """Whether two results agree, to 1e-9; lists count as arrays, numpy's numbers as numbers."""
    if ours is None or theirs is None or isinstance(theirs, str | bytes):
        return False
    try:
        a, b = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    except (TypeError, ValueError):
        return False
    if a.shape != b.shape and not (a.size == b.size == 1):
        return False
    return bool(np.allclose(b.reshape(a.shape), a, rtol=1e-9, atol=1e-13, equal_nan=False))


def _call(f: Any, case: tuple[Any, ...]) -> str:
    name = getattr(f, "__name__", "it")
    return f"{name}({', '.join('a function' if callable(x) else shown(x) for x in case)})"


def words(right: Mapping[str, Any], hint: str, allowed: Sequence[Any] = ()) -> Task:
    """A dict of words or numbers. How many are right is said, and what to look at."""
    choice = tuple(allowed) or tuple(dict.fromkeys(right.values()))

    def judge(answer: Any, rng: np.random.Generator) -> Verdict:
        if not isinstance(answer, Mapping):
            return False, f"expected a dict with {_listed(right)}; got {shown(answer)}"
        given = {str(key).strip(): value for key, value in answer.items()}
        for key in right:
            if key not in given:
                return False, f"there is no answer for {key!r} yet."
            if not any(word_same(word, given[key]) for word in choice):
                return False, f"{key!r} is {shown(given[key])}; choose from {_listed(choice)}."
        agree = sum(word_same(right[key], given[key]) for key in right)
        if agree == len(right):
            return True, "right."
        return False, f"{agree} of {len(right)} are right. {hint}"

    return judge


def word_same(word: Any, given: Any) -> bool:
    """Whether a word, or a number, is the right one; spaces around it do not count."""
    if isinstance(word, str):
        return isinstance(given, str) and given.strip() == word
    try:
        return abs(float(given) - word) < 1e-9
    except (TypeError, ValueError, OverflowError):
        return False


def _listed(values: Any) -> str:
    return ", ".join(repr(value) for value in values)


def fixed(fault: str, hint: str, names: Sequence[str], fix: Task) -> Task:
    """A dict {"fault": one of the names, "fixed": the class or function as it should be}."""

    def judge(answer: Any, rng: np.random.Generator) -> Verdict:
        if not isinstance(answer, Mapping) or not {"fault", "fixed"} <= set(answer):
            return False, f'expected {{"fault": …, "fixed": …}}; got {shown(answer)}'
        right, sentence = fix(answer["fixed"], rng)
        code = "The fixed code is right." if right else f"The fixed code: {sentence}"
        name = answer["fault"]
        if not any(word_same(known, name) for known in names):
            said = (
                "the fault has no name yet" if name == "" else f"{shown(name)} is not on the list"
            )
            return False, f"{said}; choose one of the names. {code}"
        if not word_same(fault, name):
            return False, f"that is not this rule's fault: {hint} {code}"
        return (True, sentence) if right else (False, f"the name is right. {code}")

    return judge
