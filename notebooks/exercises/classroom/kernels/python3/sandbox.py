"""Start the Python of one submission where it can do no harm.

Bubblewrap (bwrap) gives it a system of its own: no network, no other processes, the few folders
that Python needs, read-only, and empty folders in memory for the rest. prlimit bounds its time and
memory. Of the course it sees the folder of this one submission, as a copy that is thrown away.

TEACHING.md tells what this keeps apart, and what it does not.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

MEGABYTE = 2**20
LIMITS = {  # of prlimit; the time for a cell is in nbgrader_config.py
    "cpu": 300,  # seconds, for the whole notebook
    "as": 4096 * MEGABYTE,  # memory, as addresses
    "fsize": 50 * MEGABYTE,  # of one file
    "nproc": 200,  # processes and threads; the system does not bind root by it
    "nofile": 512,
    "core": 0,
}
SCRATCH = 200 * MEGABYTE  # all that may lie in one writable folder
SYSTEM = ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/etc/alternatives"]
SYSTEM += ["/etc/fonts", "/etc/ld.so.cache", "/etc/localtime", "/etc/passwd"]
KEPT = ["LANG", "LC_ALL", "NBGRADER_EXECUTION", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"]
KEPT += ["PYTHONPATH", "TZ"]
ENVIRONMENT = {
    "HOME": "/tmp",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONWARNINGS": "ignore",  # nbgrader takes whatever a test writes to stderr for a failure
}
WARNING = """
{line}
  WARNING: {missing} here. This submission runs UNPROTECTED:
  it can read and write whatever you can, and use the network.
  On Debian and Ubuntu: apt install bubblewrap util-linux
{line}
"""


def main() -> None:
    connection = Path(sys.argv[1]).resolve()
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", str(connection)]
    prlimit = shutil.which("prlimit")
    if prlimit:
        limits = [f"--{name}={value}" for name, value in LIMITS.items()]
        command = [prlimit, *limits, "--", *command]
    else:
        warn("prlimit is missing")
    if works("bwrap"):
        command = bubblewrap(connection, Path.cwd()) + command
    else:
        warn("bubblewrap does not run")
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the kernel says of itself
    os.execvpe(command[0], command, ENVIRONMENT | kept)


def bubblewrap(connection: Path, folder: Path) -> list[str]:
    """The command that makes the sandbox: everything is absent that is not named here."""
    sockets = Path(json.loads(connection.read_text())["ip"]).parent
    if not sockets.name.startswith("nbgrader-"):
        raise SystemExit(f"{sockets} is not the folder that nbgrader_config.py makes for sockets")
    command = ["bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session"]
    command += ["--cap-drop", "ALL", "--hostname", "classroom", "--proc", "/proc", "--dev", "/dev"]
    command += scratch(Path("/tmp"))
    for path in [*SYSTEM, *python_itself(), connection]:
        command += ["--ro-bind-try", str(path), str(path)]
    command += scratch(folder)
    for file in sorted(folder.iterdir()):
        command += ["--ro-bind", str(file), str(file)]
    command += ["--bind", str(sockets), str(sockets), "--remount-ro", "/"]
    return [*command, "--chdir", str(folder)]


def scratch(folder: Path) -> list[str]:
    """An empty folder, in memory."""
    return ["--size", str(SCRATCH), "--tmpfs", str(folder)]


def python_itself() -> list[Path]:
    """The folders of this Python, of its packages and of ours."""
    ours = importlib.util.find_spec("optimizers")
    packages = [Path(place) for place in (ours and ours.submodule_search_locations) or ()]
    original = Path(sys.executable).resolve().parents[1]
    return [Path(sys.base_prefix), original, Path(sys.prefix), *packages]


def works(program: str) -> bool:
    """Whether it is there and allowed to do its work: some systems forbid it."""
    if not shutil.which(program):
        return False
    attempt = [program, "--unshare-all", "--unshare-user", "--ro-bind", "/", "/", "true"]
    return subprocess.run(attempt, stderr=subprocess.DEVNULL).returncode == 0


def warn(missing: str) -> None:
    print(WARNING.format(line="!" * 72, missing=missing), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
