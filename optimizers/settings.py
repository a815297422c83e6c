"""What an optimizer is set to: checked whenever it is set, and a misspelt name is a mistake."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.hyper_parameters import LOOP_WORDS, HyperParameter, RuleClass, defaults, misspelt
from optimizers.learning_rate import by_weight, check_runs, is_by_layer
from optimizers.state import is_library, made_with
from optimizers.weights import Layout


class Settings(metaclass=RuleClass):
    """The base of `Optimizer` that keeps its hyper-parameters."""

    state: tuple[str, ...] = ()
    batched: bool = False

    layout: Layout
    _theta: np.ndarray  # the weights, flat: (..., P)
    _value: Any  # the loss there, once it is known
    _diverged_at: Any  # the step, or one a run; -1 for none

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        """The rule's hyper-parameters by name."""
        return {name: vars(self)[name] for name in defaults(type(self)) if name in vars(self)}

    def __setattr__(self, name: str, value: Any) -> None:
        """Check a hyper-parameter as the constructor does, and refuse one that is misspelt."""
        own = self.__dict__
        known = type(self).__hyper_parameters__
        if name in own and name not in known:
            own[name] = value
            return
        if name in known and "_theta" in own:
            value = self._checked(name, known[name], value)
            check_runs(name, value, self._theta.shape[:-1])
        elif (
            own.get("_is_made")
            and not (name in LOOP_WORDS or hasattr(type(self), name))
            and checks.nearest(name, known, 0.75)
        ):
            raise AttributeError(misspelt(type(self), name))
        object.__setattr__(self, name, value)

    def _checked(self, name: str, known: HyperParameter, value: Any) -> Any:
        """The value as it is kept; one for each layer as one for each weight."""
        value = known.kind.check(name, value)
        if name == "lr" and is_by_layer(value):
            return by_weight(name, value, self.layout, known.default)
        return value

    def _complete(self) -> None:
        """Called when every __init__ is done: from now on, a misspelt attribute is a mistake."""
        if not is_library(type(self)):
            vars(self)["_made_with"] = made_with(self)
        vars(self)["_is_made"] = True

    def __getattr__(self, name: str) -> Any:
        """Only called for what is not there: say what may be meant."""
        if name == "_theta":
            hint = "does its __init__ call super().__init__(loss, weights, lr)?"
        else:
            hint = f"an array that starts at zero is named in the class: state = ({name!r},)."
            hint += checks.nearest(name, [n for n in dir(self) if not n.startswith("_")])
        raise AttributeError(f"{type(self).__name__} has no {name!r}; {hint}")

    def __repr__(self) -> str:
        values = (f"{name}={short(v)}" for name, v in self.hyper_parameters.items())
        return f"{type(self).__name__}({', '.join(values)})"


def short(value: Any) -> str:
    """A value as the optimizer's repr shows it."""
    if isinstance(value, np.ndarray):
        return f"<{value.size} values, {value.min():.3g} to {value.max():.3g}>"
    if isinstance(value, partial):
        set_here = ", ".join(f"{name}={short(v)}" for name, v in value.keywords.items())
        return f"{short(value.func)}({set_here})"
    if callable(value):
        return getattr(value, "__name__", repr(value))
    return repr(value)
