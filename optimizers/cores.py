"""How many threads and processes are worth their while."""

from __future__ import annotations

import os
import sys

IN_BROWSER = sys.platform == "emscripten"  # Python there has neither threads nor processes


def cores() -> int:
    """As many as the machine has; in a browser 1."""
    return 1 if IN_BROWSER else os.cpu_count() or 1
