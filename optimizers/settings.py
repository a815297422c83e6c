"""What an optimizer is set to: checked whenever it is set, and a misspelt name is a mistake."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from optimizers import checks
from optimizers.hyper_parameters import HyperParameter, RuleClass, defaults, misspelt
from optimizers.learning_rate import by_weight, check_runs, is_by_layer
from optimizers.state import is_library, made_with
from optimizers.weights import Layout

# the loop takes these from the constructor, or sets them anew at every step
IN_VAIN = {"loss", "grad", "gradient", "layout", "project", "batch", "eta", "g", "d", "path"}


class Settings(metaclass=RuleClass):
    """The base of `Optimizer` that keeps its hyper-parameters."""

    state: tuple[str, ...] = ()
    batched: bool = False

    layout: Layout
    _theta: np.ndarray  # the weights, flat: (..., P)
    _value: Any  # the loss there, once it is known
    _diverged_at: Any  # the step, or one per run; -1 for none
    _fused: Any  # how its steps are made in one pass, and what these left to be looked at
    _unseen: Any

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        """The rule's hyper-parameters by name."""
        return {name: vars(self)[name] for name in defaults(type(self)) if name in vars(self)}

    def __setattr__(self, name: str, value: Any) -> None:
        """Check a hyper-parameter as the constructor does, and refuse one that is misspelt."""
        own = self.__dict__
        known = type(self).__hyper_parameters__
        if name in known and "_theta" in own:
            value = self._checked(name, known[name], value)
            check_runs(name, value, self._theta.shape[:-1])
        elif own.get("_is_made"):
            if name in IN_VAIN:
                raise AttributeError(
                    f"{name!r} cannot be changed once the optimizer is made: make another, "
                    f"{type(self).__name__}(loss, optimizer.theta, …)"
                )
            if name not in own and not hasattr(type(self), name) and _is_mistaken(name, known):
                raise AttributeError(misspelt(type(self), name))
        object.__setattr__(self, name, value)

    def _checked(self, name: str, known: HyperParameter, value: Any) -> Any:
        """The value as it is kept; one for each layer as one for each weight."""
        value = known.kind.check(name, value)
        if name == "lr" and is_by_layer(value):
            return by_weight(name, value, self.layout, self._own_lr)
        if name == "lr" and np.ndim(value) == 2 and np.ndim(vars(self).get("lr", 0)) == 1:
            return value.reshape(-1)  # one a weight it was, and remains: adam.lr = adam.lr / 2
        return value

    @property
    def _own_lr(self) -> Any:
        """The learning rate of the weights for which none is given."""
        return type(self).__hyper_parameters__["lr"].default

    def _complete(self) -> None:
        """Called when every __init__ is done: from now on, a misspelt attribute is a mistake."""
        if not is_library(type(self)):
            vars(self)["_made_with"] = made_with(self)
        vars(self)["_is_made"] = True

    def __copy__(self) -> Any:
        """A copy that goes its own way: with a copy of an inner rule, if there is one."""
        made = object.__new__(type(self))
        for name, value in vars(self).items():
            vars(made)[name] = copy.copy(value) if isinstance(type(value), RuleClass) else value
        return made

    def __getstate__(self) -> dict[str, Any]:
        """All that can be looked at, and nothing that was compiled."""
        self._bring_back()
        return vars(self) | {"_fused": None}

    def _bring_back(self) -> None:
        """Set what the last step, made in one pass, did not: nobody had looked."""
        if unseen := vars(self).get("_unseen"):
            vars(self).update(unseen.look() | vars(self) | {"_unseen": None})

    def _is_unseen(self, name: str) -> bool:
        unseen = vars(self).get("_unseen")
        return unseen is not None and name in unseen.names

    def __getattr__(self, name: str) -> Any:
        """Only called for what is not there: bring it back, or say what may be meant."""
        if self._is_unseen(name):
            self._bring_back()
            return vars(self)[name]
        if name == "_theta":
            hint = "does its __init__ call super().__init__(loss, weights, lr)?"
        else:
            hint = f"an array that starts at zero is named in the class: state = ({name!r},)."
            hint += checks.nearest(name, [n for n in dir(self) if not n.startswith("_")])
        raise AttributeError(f"{type(self).__name__} has no {name!r}; {hint}")

    def __repr__(self) -> str:
        values = (f"{name}={short(v)}" for name, v in self.hyper_parameters.items())
        return f"{type(self).__name__}({', '.join(values)})"


def _is_mistaken(name: str, known: Iterable[str]) -> bool:
    """Whether a new attribute looks like a hyper-parameter that is misspelt, or another rule's."""
    return name in RuleClass.of_the_library or bool(
        checks.nearest(name, [k for k in known if len(k) > 2 or k == name.lower()], 0.75)
    )


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
