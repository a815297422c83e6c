"""What is sent to another process as the call that made it, and made there once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar

T = TypeVar("T")


def by_recipe(maker: Callable[..., T]) -> Callable[..., T]:
    """Let what a function makes travel as the function's name and arguments (a decorator).

    A data set of megabytes becomes a line of text, and all that a process is sent of one model is
    the same object there, so that it shares what was recorded. Where an argument is no number, text
    or list of such, the thing itself travels.

    Examples
    --------
    >>> import pickle
    >>> from optimizers.models import mlp
    >>> model = mlp([64, 32, 10])
    >>> len(pickle.dumps(model)) < 200
    True
    >>> pickle.loads(pickle.dumps(model)) is pickle.loads(pickle.dumps(model))
    True
    """

    @wraps(maker)
    def made(*arguments: Any, **keywords: Any) -> T:
        told = tuple(tuple(a) if isinstance(a, list) else a for a in arguments)
        named = tuple(keywords.items())
        result = maker(*arguments, **keywords)
        if all(map(_is_plain, (*told, *keywords.values()))):
            object.__setattr__(result, "recipe", (made, told, named))
        return result

    return made


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))


class Remade:
    """The base of what is sent by its recipe, if it has one."""

    recipe: tuple[Any, ...] | None = None

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Tell pickle what to send."""
        if self.recipe is None:
            return super().__reduce_ex__(protocol)
        return _make_once, self.recipe


@cache
def _make_once(maker: Callable[..., Any], arguments: Any, keywords: Any) -> Any:
    return maker(*arguments, **dict(keywords))
