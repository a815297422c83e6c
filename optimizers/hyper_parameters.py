"""The hyper-parameters of a rule: names, defaults, ranges, collected once, when its class is made.

They are the class attributes of the rule and of those that it grew from. What is allowed stands
beside the default, as its type:

    class Momentum(SGD):
        momentum: Fraction = 0.9
"""

from __future__ import annotations

import inspect
import sys
from abc import ABCMeta
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, ClassVar, NamedTuple, get_args

from optimizers import checks
from optimizers.slots import QUESTIONS, Slots
from optimizers.spaces import Choice, Linear, Log

Check = Callable[[str, Any], Any]

# what a rule says of itself, what the loop keeps on it, and the words of `sweep` and its like
OWN_WORDS = frozenset({"state", "batched", "space", "slots"})
LOOP_WORDS = frozenset(
    ("t", "eta", "theta", "g", "d", "value", "batch", "path", "layout", "loss", "gradient")
)
OTHER_WORDS = frozenset(
    ("weights", "grad", "project", "direction", "update", "moved", "handed_out", "minimize")
)
OTHER_WORDS |= {"minimize_raw", "select", "recorded", "hyper_parameters", "batches", "tol"}
OTHER_WORDS |= {"watch", "callback", "every"}
OTHER_WORDS |= {"steps", "progress", "rule", "rules", "function", "start", "seed", "seeds"}
OTHER_WORDS |= {"schedule", "n_jobs", "store", "resolution", "domain", "self"}
OTHER_SPELLINGS = {"epislon": "epsilon", "eps": "epsilon", "lambda1": "weight_decay"}


class Kind(NamedTuple):
    """What a hyper-parameter may be.

    Attributes
    ----------
    check
        From its name and a value to the value as it is kept; raises an error for a wrong one.
    range
        The range of a number, which may be one per run; None for what is no such number.
    """

    check: Check
    range: checks.Range | None = None


class HyperParameter(NamedTuple):
    """What holds if nothing is given, and what may be given."""

    default: Any
    kind: Kind


class _OwnDefault:
    """Stands in a signature for the rule's own learning rate; None would be a mistake to catch."""

    def __repr__(self) -> str:
        return "<the rule's own>"


OWN_DEFAULT: Any = _OwnDefault()


def number_in(allowed: checks.Range) -> Kind:
    """A number, or one per run: an array of shape (runs, 1)."""
    return Kind(partial(number, allowed), allowed)


def number(allowed: checks.Range, name: str, value: Any) -> Any:
    """A number in this range, or one per run."""
    found = checks.number_or_runs(name, value, allowed)
    return value if isinstance(value, int) else found  # a whole one stays whole


Fraction = Annotated[float, number_in(checks.FRACTION)]
Share = Annotated[float, number_in(checks.SHARE)]
Positive = Annotated[float, number_in(checks.POSITIVE)]
NotNegative = Annotated[float, number_in(checks.NOT_NEGATIVE)]
Whole = Annotated[int, Kind(partial(checks.whole, low=1))]
Patterns = Annotated[Any, Kind(checks.patterns)]

ANYTHING = Kind(lambda name, value: value)


class RuleClass(ABCMeta):
    """The type of every rule's class: it collects the hyper-parameters, and knows them by name."""

    __hyper_parameters__: dict[str, HyperParameter]
    __own__: tuple[dict[str, Any], dict[str, Kind]]  # defaults and kinds that it names itself
    batched: bool
    slots: Slots
    of_the_library: ClassVar[set[str]] = set()  # names of hyper-parameters

    def __init__(cls, name: str, bases: Any, namespace: dict[str, Any], **keywords: Any) -> None:
        super().__init__(name, bases, namespace, **keywords)
        if {"direction", "update", "__init__"} & namespace.keys() and "batched" not in namespace:
            cls.batched = False  # a new formula does not inherit the promise of another
        if {"direction", "update"} & namespace.keys() and "slots" not in namespace:
            cls.slots = Slots()  # nor what was said of another
        attributes = {k: v for k, v in vars(cls).items() if _is_setting(k, v)}
        cls.__own__ = attributes | _arguments(cls), _kinds(cls)
        cls.__hyper_parameters__ = _collected(cls)
        _check_state(cls)
        _check_space(cls)
        _check_slots(cls)
        if cls.__module__.startswith("optimizers."):
            RuleClass.of_the_library.update(cls.__hyper_parameters__)

    def __call__(cls, *args: Any, **keywords: Any) -> Any:
        """Make an optimizer; unknown keywords are refused before any __init__ sees them."""
        known = cls.__hyper_parameters__
        if len(args) > 3 and not any(map(_arguments, cls.__mro__)):
            by_name = ", ".join(f"{name}=…" for name in list(known)[1:])
            raise TypeError(
                f"{cls.__name__}: pass everything after lr by name: "
                f"{cls.__name__}(loss, weights, lr, {by_name})"
            )
        for name in keywords:
            if name not in known and name not in ("loss", "weights", "grad", "project"):
                raise TypeError(misspelt(cls, name))
        made = super().__call__(*args, **keywords)
        made._complete()
        return made

    @property
    def __signature__(cls) -> inspect.Signature:
        """The signature that the hyper-parameters make, for help() and editors."""
        if _arguments(cls):
            own = inspect.signature(vars(cls)["__init__"])
            return own.replace(parameters=list(own.parameters.values())[1:])
        position, keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        parameters = [inspect.Parameter(name, position) for name in ("loss", "weights")]
        known = defaults(cls)
        if "inner" in known:
            known["lr"] = OWN_DEFAULT  # the inner rule's
        for name, default in known.items():
            kind = position if name == "lr" else keyword
            parameters.append(inspect.Parameter(name, kind, default=default))
        parameters += [inspect.Parameter(n, keyword, default=None) for n in ("grad", "project")]
        return inspect.Signature(parameters)


def defaults(rule: Any) -> dict[str, Any]:
    """The hyper-parameters of a rule and their defaults, lr first.

    Examples
    --------
    >>> from optimizers import Momentum
    >>> defaults(Momentum)
    {'lr': 0.01, 'momentum': 0.9, 'nesterov': False}
    """
    return {name: known.default for name, known in rule.__hyper_parameters__.items()}


def misspelt(rule: Any, name: str) -> str:
    """Say that a rule has no such hyper-parameter, which it has, and which may be meant."""
    known, ours = rule.__hyper_parameters__, OTHER_SPELLINGS.get(name)
    hint = f" Here it is {ours!r}." if ours in known else checks.nearest(name, known)
    if "inner" in known and not hint:
        hint = f" Those of the inner rule go in with it: inner=partial(Adam, {name}=…)."
    return f"{rule.__name__} has no hyper-parameter {name!r}; it has {', '.join(known)}.{hint}"


def _collected(rule: type) -> dict[str, HyperParameter]:
    """From the class and its ancestors, the oldest first: who comes later has the say."""
    found: dict[str, HyperParameter] = {}
    for ancestor in reversed(rule.__mro__):
        if not isinstance(ancestor, RuleClass):
            continue
        own, kinds = ancestor.__own__
        for name, default in own.items():
            if name in LOOP_WORDS | OTHER_WORDS:
                raise TypeError(
                    f"{ancestor.__name__}: {name!r} cannot be a hyper-parameter, since the loop or "
                    "`sweep` uses that name: give it another"
                )
            inherited = found[name].kind if name in found else _kind_of(default)
            found[name] = HyperParameter(default, kinds.get(name, inherited))
    for name, (default, kind) in found.items():
        if default is not inspect.Parameter.empty:
            kind.check(f"{name} of {rule.__name__}", default)
    return found


def _is_setting(name: str, value: Any) -> bool:
    """Whether a class attribute is a hyper-parameter: no method, no word of the rule's own."""
    is_method = hasattr(value, "__get__") and not isinstance(value, partial)
    return not (name.startswith("_") or name in OWN_WORDS or is_method)


def _kind_of(default: Any) -> Kind:
    if isinstance(default, bool):
        return Kind(checks.flag)
    return number_in(checks.FINITE) if isinstance(default, (int, float)) else ANYTHING


def _kinds(rule: type) -> dict[str, Kind]:
    """What the class itself writes beside its attributes."""
    found = {}
    for name, words in inspect.get_annotations(rule).items():
        try:
            meant = (
                eval(words, vars(sys.modules[rule.__module__])) if isinstance(words, str) else words
            )
        except Exception:  # a word for somebody else's tools
            continue
        for kind in get_args(meant):
            if isinstance(kind, Kind):
                found[name] = kind
    return found


def _arguments(rule: type) -> dict[str, Any]:
    """The hyper-parameters that an __init__ of the rule's own names, with their defaults."""
    if "__init__" not in vars(rule) or not isinstance(rule, RuleClass):
        return {}
    return {
        name: p.default
        for name, p in inspect.signature(vars(rule)["__init__"]).parameters.items()
        if name not in ("self", "loss", "weights", "grad", "project")
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        and p.default is not OWN_DEFAULT
    }


def _check_state(rule: Any) -> None:
    if isinstance(rule.state, str):
        raise TypeError(f"state must be a tuple of names: state = ({rule.state!r},)")
    for name in rule.state:
        if name not in rule.__hyper_parameters__ and (
            name in LOOP_WORDS | {"grad", "project"} or hasattr(rule, name)
        ):
            raise TypeError(
                f"{rule.__name__}: state names {name!r}, which is something else of an optimizer; "
                "give yours another name"
            )
        if name in rule.__hyper_parameters__:
            raise TypeError(
                f"{rule.__name__}: {name!r} is named in state, so it starts at zero and changes "
                "from step to step; it cannot be a hyper-parameter as well"
            )


def _check_space(rule: Any) -> None:
    """The space names hyper-parameters that the rule has, in values that they may take."""
    for name, part in vars(rule).get("space", {}).items():
        if name not in rule.__hyper_parameters__:
            raise TypeError(f"space: {misspelt(rule, name)}")
        if not isinstance(part, (Log, Linear, Choice)):
            raise TypeError(
                f"{rule.__name__}: space[{name!r}] must be a range, such as Log(1e-4, 1), "
                f"Linear(0, 0.9) or Choice(False, True); got {checks.shown(part)}"
            )
        for value in part.ends:
            rule.__hyper_parameters__[name].kind.check(f"space[{name!r}]", value)


def _check_slots(rule: Any) -> None:
    """The slots have the four names, and words to be read."""
    slots = vars(rule).get("slots", {})
    if not isinstance(slots, dict):
        raise TypeError(
            f"{rule.__name__}: slots must be a dict such as {{'decay': 'none'}}, "
            f"got {checks.shown(slots)}"
        )
    for name, words in slots.items():
        if name not in QUESTIONS:
            raise TypeError(
                f"{rule.__name__} has no slot {name!r}; there are {', '.join(QUESTIONS)}."
                f"{checks.nearest(str(name), QUESTIONS)}"
            )
        if not (isinstance(words, str) and words.strip()):
            raise TypeError(
                f"{rule.__name__}: slots[{name!r}] must be a few words, got {checks.shown(words)}"
            )
