"""The machine and the versions that the numbers belong to."""

from __future__ import annotations

import os
import platform
import re
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("numpy", "autograd", "matplotlib", "torch", "jax", "jaxlib", "optax")


def machine() -> list[str]:
    """One line a fact."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return [
        f"Date: {date.today().isoformat()}",
        f"CPU: {_cpu()}, {os.cpu_count()} cores; {_memory()}",
        f"System: {platform.system()} {platform.release()}, {platform.machine()}",
        f"Python {platform.python_version()}; {', '.join(map(_version, PACKAGES))}",
        f"BLAS: {_blas()}",
        f"Load average before the first row: {load}",
    ]


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return found.group(1) if found else platform.processor() or "unknown"


def _memory() -> str:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{pages / 1e9:.0f} GB"


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} not installed"


def _blas() -> str:
    """What NumPy (which the rows have loaded) multiplies matrices with, in how many threads."""
    if find_spec("threadpoolctl") is None:
        return "threads unknown (threadpoolctl is not installed)"
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return "; ".join(
        f"{pool['internal_api']} {pool['version']}, {pool['num_threads']} threads" for pool in pools
    )
