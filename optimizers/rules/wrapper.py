"""Wrapper: what the rules that run another rule inside them have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import numpy as np

from optimizers import checks
from optimizers.hyper_parameters import OWN_DEFAULT, Kind, defaults
from optimizers.learning_rate import is_by_layer
from optimizers.optimizer import Optimizer, hands_out_others
from optimizers.rules.adam import Adam
from optimizers.slots import Slots


def _rule(name: str, inner: Any) -> Any:
    made = inner.func if isinstance(inner, partial) else inner
    if not (isinstance(made, type) and issubclass(made, Optimizer)):
        raise TypeError(
            f"{name} must be a rule such as SGD or Adam, or a partial of one such as "
            f"partial(Momentum, momentum=0.9), got {checks.shown(inner)}"
        )
    return inner


InnerRule = Annotated[Any, Kind(_rule)]


def _in(rule: Any) -> list[Any]:
    """An inner rule and those inside it; none where there is none yet."""
    return [] if rule is None else [rule, *_in(vars(rule).get("wrapped"))]


class Wrapper(Optimizer):
    """The base of `Lookahead` and its like: a rule around another.

    Attributes
    ----------
    wrapped
        The inner rule, made with the same loss and weights; it holds its own state. Its weights
        stay where they began.
    """

    inner: InnerRule = Adam

    slots = Slots(
        memory="the inner rule's",
        direction="the inner rule's",
        magnitude="the inner rule's",
        decay="the inner rule's",
    )

    def __init__(
        self,
        loss: Callable[..., Any],
        weights: Any,
        lr: Any = OWN_DEFAULT,
        *,
        inner: Any = Adam,
        grad: Any = None,
        project: Any = None,
        **keywords: Any,
    ) -> None:
        given = {"grad": grad, "project": project}
        given = {name: value for name, value in given.items() if value is not None}
        if not (lr is OWN_DEFAULT or is_by_layer(lr)):
            given["lr"] = lr
        self.wrapped = _rule("inner", inner)(loss, weights, **given)
        if hands_out_others(self.wrapped):
            raise TypeError(
                f"inner: {type(self.wrapped).__name__} hands out other weights than those that it "
                f"moves, so {type(self).__name__} cannot wrap it"
            )
        self.batched = self.wrapped.batched
        super().__init__(loss, weights, inner=inner, grad=grad, project=project, **keywords)
        vars(self)["lr"] = self.wrapped.lr  # checked there
        if self.wrapped._theta.ndim < self._theta.ndim:  # its state has a row a run as well
            one_a_run = np.ones((*self._theta.shape[:-1], 1))
            self.wrapped = inner(loss, weights, **given | {"lr": one_a_run})
            vars(self.wrapped)["lr"] = self.lr
        self._theta = np.broadcast_to(self._theta, self.wrapped._theta.shape).copy()
        if is_by_layer(lr):
            self.lr = lr

    def direction(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        return self.wrapped.direction(theta, g)

    def inner_step(self, theta: np.ndarray, g: np.ndarray) -> np.ndarray:
        """The weights after the inner rule's whole step."""
        now = {"t": self.t, "eta": self.eta, "batch": self.batch}
        now["_value"] = None if hands_out_others(self) else self._value
        vars(self.wrapped).update(now, _is_made=False)
        return self.wrapped.moved(theta, g)

    def __getattr__(self, name: str) -> Any:
        """The inner rule's m, v, m_hat, … can be looked at here as well."""
        if name == "wrapped" or name.startswith("_") or self._is_unseen(name):
            return super().__getattr__(name)
        return getattr(self.wrapped, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """A hyper-parameter of the inner rule is set there."""
        inner = vars(self).get("wrapped")
        if name not in defaults(type(self)) and any(name in defaults(type(p)) for p in _in(inner)):
            setattr(inner, name, value)
            return
        super().__setattr__(name, value)
        if name == "lr":
            for part in _in(inner):
                vars(part)["lr"] = self.lr

    def _placed(self) -> None:
        vars(self.wrapped)["_theta"] = self._theta.copy()
        self.wrapped._placed()

    @property
    def gradients_per_step(self) -> int | None:
        """What the inner rule takes."""
        return self.wrapped.gradients_per_step

    @property
    def _own_lr(self) -> Any:
        set_here = self.inner.keywords if isinstance(self.inner, partial) else {}
        return set_here.get("lr", self.wrapped._own_lr)

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        return self.wrapped.hyper_parameters | super().hyper_parameters
