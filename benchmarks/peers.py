"""The peers, as far as they are installed. They are imported only when a row needs them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

TORCH = find_spec("torch") is not None
OPTAX = find_spec("jax") is not None and find_spec("optax") is not None


def absent() -> list[str]:
    """What is not installed."""
    return [name for name, there in (("torch", TORCH), ("optax", OPTAX)) if not there]


def torch_with(threads: int | None) -> Any:
    """Return torch, set to so many threads; None is its default, one a core."""
    import torch

    default = torch.__dict__.setdefault("_default_threads", torch.get_num_threads())
    torch.set_num_threads(threads or default)
    return torch


def jax_in_float64() -> Any:
    """Return jax, set to float64."""
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax
