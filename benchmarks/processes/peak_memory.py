"""Row 3 on one side alone; prints the peak memory of the process in bytes."""

import re
import resource
import sys
from pathlib import Path

from benchmarks.many_runs import RUNS, STEPS, by_optax, compiled, ours, starts


def peak_memory() -> int:
    """The most memory that this process ever held.

    On Linux `ru_maxrss` also counts the parent, from which the process was forked; VmHWM does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(re.findall(r"VmHWM:\s*(\d+) kB", status.read_text())[0])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if sys.argv[1] == "ours":
    ours(starts(RUNS), STEPS)
else:
    by_optax(compiled(STEPS), starts(RUNS))
print(peak_memory())
