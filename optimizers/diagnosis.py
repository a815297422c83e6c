"""What a loss did wrong, told from the error that it ended in: a sentence with the cure.

autograd's own words ("setting an array element with a sequence") name no cause. The last frames of
the traceback do: who raised the error, and what the user's own line had in its hands.
"""

from __future__ import annotations

import dis
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

import numpy as np

from optimizers.checks import shown

USE_AUTOGRAD_NUMPY = "write it with `import autograd.numpy as np`"
OURS = Path(__file__).parent

ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
BETWEEN = ("PUSH_NULL", "PRECALL", "CACHE")  # instructions that say nothing
MADE_PLAIN = ("asarray", "array", "float", "len", "list")  # what stands in their brackets is

# what autograd has no gradient for, and what says the same with one; x is the weights
ALTERNATIVES = {
    "convolve": "autograd.scipy.signal.convolve(x, k)",
    "cumprod": "np.exp(np.cumsum(np.log(x)))",  # of positive numbers
    "interp": "y[0] + np.sum(np.diff(y) / np.diff(t) * np.clip(x - t[:-1], 0, np.diff(t)))",
    "median": "np.sort(x)[len(x) // 2]",
    "nanmean": "np.sum(np.where(np.isnan(x), 0, x)) / np.sum(~np.isnan(x))",
    "nansum": "np.sum(np.where(np.isnan(x), 0, x))",
    "percentile": "np.sort(x)[round(p / 100 * (len(x) - 1))]",
    "polyval": "np.sum(c * x ** np.arange(len(c))[::-1])",
    "ptp": "np.max(x) - np.min(x)",
    "quantile": "np.sort(x)[round(q * (len(x) - 1))]",
    "trapezoid": "np.sum((x[1:] + x[:-1]) / 2)",
}


def explained(error: Exception, called: str) -> Exception | None:
    """The error to raise in the place of this one, or None if it speaks for itself.

    Parameters
    ----------
    error
        What the loss ended in, while autograd watched.
    called
        What to call the loss: "the loss 'ridge'".
    """
    words, frames = str(error), _frames(error.__traceback__)
    if isinstance(error, NotImplementedError):
        return _without_gradient(words, called) if frames and _is_autograd(frames[-1]) else None
    mine = [(frame, at) for frame, at in frames if not _is_library(frame.f_code)]
    if not mine:
        return _too_many_arguments(words, called) if isinstance(error, TypeError) else None
    (frame, at), is_last = mine[-1], mine[-1] == frames[-1]
    if is_last and _instruction(frame.f_code, at).opname == "RAISE_VARARGS":
        return None  # the user's own words
    in_place = is_last and ("read-only" in words or _assigns(frame.f_code, at))
    puzzled = re.search("Box|array element|differentiate|as a data type|__array_ufunc__", words)
    if "item assignment" in words or (in_place and (puzzled or "read-only" in words)):
        return TypeError(
            f"{called} assigns to an array in place (x[i] = ... or x += ...), which autograd "
            "cannot follow: build a new array, with np.stack or np.where, say"
        )
    foreign = _foreign(frame, at) if puzzled or not is_last else ""
    if foreign:
        return TypeError(f"{called} computes with {foreign}")
    if puzzled:
        return TypeError(
            f"{called} passes the weights to something that autograd cannot see through (math, "
            "float(), an f-string with a format, plain NumPy): " + USE_AUTOGRAD_NUMPY
        )
    return None


def _frames(traceback: TracebackType | None) -> list[tuple[FrameType, int]]:
    """The frames from the outermost to the one that raised, each with its instruction."""
    found = []
    while traceback is not None:
        found.append((traceback.tb_frame, traceback.tb_lasti))
        traceback = traceback.tb_next
    return found


def _is_library(code: CodeType) -> bool:
    """Whether it is code of this library or of an installed package, and not of the user's."""
    file = Path(code.co_filename)
    compiled = file.suffix in (".pyx", ".pxi", ".pxd")
    return compiled or "site-packages" in file.parts or OURS in file.parents


def _is_autograd(at: tuple[FrameType, int]) -> bool:
    return str(at[0].f_globals.get("__name__")).partition(".")[0] == "autograd"


def _instruction(code: CodeType, at: int) -> dis.Instruction:
    return [step for step in dis.get_instructions(code) if step.offset <= at][-1]


def _assigns(code: CodeType, at: int) -> bool:
    """Whether the instruction writes into an array: x[i] = …, x += …"""
    step = _instruction(code, at)
    is_update = step.opname == "BINARY_OP" and step.argrepr.endswith("=")
    return is_update or step.opname in ("STORE_SUBSCR", "STORE_SLICE")


def _without_gradient(words: str, called: str) -> Exception:
    found = re.search(r"of (\w+) wrt", words)
    what = f"np.{found.group(1)}" if found else words
    instead = "Write it with sums, products and np.where, or give a gradient, grad="
    if found and found.group(1) in ALTERNATIVES:
        instead = f"Instead, for example: {ALTERNATIVES[found.group(1)]}"
    return TypeError(
        f"{called} uses something that autograd has no gradient for: {what}. {instead}"
    )


def _too_many_arguments(words: str, called: str) -> Exception | None:
    found = re.search(r"missing \d+ required positional arguments?: (.*)", words)
    if not found:
        return None
    return TypeError(
        f"{called} needs more than its weights ({found.group(1)} is missing). Weights come as one "
        "argument: write lambda w: f(*w) for f(x, y); a second one is a batch, minimize(batches=…)"
    )


def _foreign(frame: FrameType, at: int) -> str:
    """What the failing expression works on that is no plain array, and how to make one of it."""
    for name, value in _operands(frame, at):
        kind = type(value)
        package = kind.__module__.partition(".")[0]
        if isinstance(value, (np.matrix, np.ma.MaskedArray)):
            return (
                f"{name}, an np.{kind.__name__}, which autograd does not know: make it an array, "
                f"np.asarray({name})"
            )
        if package not in ("builtins", "numpy", "autograd") and hasattr(kind, "__array__"):
            cure = f"{name}.values" if package == "pandas" else f"np.asarray({name})"
            return (
                f"{name}, a {package} {kind.__name__}, which autograd does not know: take its "
                f"numbers, {cure}"
            )
    return ""


def _operands(frame: FrameType, at: int) -> Iterator[tuple[str, Any]]:
    """The variables of the failing expression, and their attributes, as far as it spells them out.

    What is made an array there (np.asarray(x)) is none of them.
    """
    scope = frame.f_globals | frame.f_locals
    first, last = _place(_instruction(frame.f_code, at))
    steps = [s for s in dis.get_instructions(frame.f_code) if s.opname not in BETWEEN]
    before = None
    for i, step in enumerate(steps):
        # Python 3.13 joins the last store of a line with the first load of the next
        of = steps[i + 1] if step.opname == "STORE_FAST_LOAD_FAST" else step
        start, end = _place(of)
        if first <= start and end <= last and before not in MADE_PLAIN:
            names = step.argval if isinstance(step.argval, tuple) else (step.argval,)
            for name in names if "LOAD" in step.opname and step.opname not in ATTRIBUTES else ():
                if name in scope:
                    yield _spelled_out(name, scope[name], steps[i + 1 :])
        before = step.argval


def _spelled_out(name: str, value: Any, steps: Sequence[dis.Instruction]) -> tuple[str, Any]:
    """A variable with the attributes that are taken of it at once: x.weights.values"""
    for step in takewhile(lambda step: step.opname in ATTRIBUTES, steps):
        name, value = f"{name}.{step.argval}", getattr(value, step.argval, None)
    return name, value


def _place(step: dis.Instruction) -> tuple[tuple[int, int], tuple[int, int]]:
    """From where to where in the file: (line, column) twice."""
    at = step.positions
    if at is None or at.lineno is None:
        return (0, 0), (0, 0)
    return (at.lineno, at.col_offset or 0), (at.end_lineno or at.lineno, at.end_col_offset or 0)


def refusal(value: Any, called: str) -> Exception:
    """Why a loss whose value autograd did not trace cannot be minimised."""
    if value is None:
        return TypeError(f"{called} must return one number, got None: is its `return` missing?")
    if not isinstance(value, (int, float, np.number, np.ndarray)):
        kind = type(value).__name__
        return TypeError(f"{called} must return one number, got a {kind}: {shown(value)}")
    return ValueError(
        f"{called} does not depend on the weights as far as autograd can see. If it calls `math` "
        f"or makes the weights plain numbers, {USE_AUTOGRAD_NUMPY}"
    )
