"""Put a Pyodide together from what npm and PyPI have, so that the site can be tried without a CDN.

    python tests/local_pyodide.py build/pyodide

npm's `pyodide` is the core, PyPI has the packages that are pure Python. The compiled ones (NumPy,
matplotlib, SciPy, scikit-learn) lie in the wheel of open-webui, which serves this test only:
nothing of it is published.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from hashlib import sha256
from pathlib import Path
from runpy import run_path
from tempfile import TemporaryDirectory
from typing import Any

SITE = run_path(str(Path(__file__).parents[1] / "notebooks" / "site" / "build.py"))
WANTED = [*SITE["FROM_PYODIDE"], "cloudpickle", "scikit-learn"]
COMPILED = "open-webui==0.12.4"
CORE = ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"]
LOCK = "pyodide-lock.json"


def assemble(folder: Path) -> None:
    """The core of the site's version, beside it the wanted packages, and the list of them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with TemporaryDirectory() as name:
        downloads = Path(name)
        core = f"pyodide@{SITE['PYODIDE']}"
        _run("npm", "pack", "--silent", "--pack-destination", downloads, core)
        with tarfile.open(next(downloads.glob("pyodide-*.tgz"))) as archive:
            for file in [*CORE, LOCK]:
                member = archive.extractfile(f"package/{file}")
                assert member is not None
                (folder / file).write_bytes(member.read())
        lock = json.loads((folder / LOCK).read_text("utf8"))
        packages = lock["packages"] = _with_dependencies(WANTED, lock["packages"])
        _download(downloads, COMPILED)
        with zipfile.ZipFile(next(downloads.glob("open_webui-*.whl"))) as bundle:
            for name in bundle.namelist():
                if name.endswith(".whl") and _package(name) in packages:
                    (folder / Path(name).name).write_bytes(bundle.read(name))
    pure = packages.keys() - {_package(file.name) for file in folder.glob("*.whl")}
    python = lock["info"]["python"].rpartition(".")[0]
    requirements = [f"{name}=={packages[name]['version']}" for name in sorted(pure)]
    _download(folder, f"--python-version={python}", "--only-binary=:all:", *requirements)
    for file in folder.glob("*.whl"):
        digest = sha256(file.read_bytes()).hexdigest()
        version = file.name.split("-")[1]
        packages[_package(file.name)].update(file_name=file.name, version=version, sha256=digest)
    (folder / LOCK).write_text(json.dumps(lock), "utf8")


def _with_dependencies(wanted: list[str], packages: dict[str, Any]) -> dict[str, Any]:
    needed, left = {}, list(wanted)
    while left:
        name = left.pop()
        if name not in needed:
            needed[name] = packages[name]
            left += [dependency.replace("_", "-") for dependency in packages[name]["depends"]]
    return needed


def _package(wheel: str) -> str:
    return Path(wheel).name.split("-")[0].replace("_", "-").lower()


def _download(folder: Path, *given: str) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    _run(*pip, "--no-deps", "--dest", folder, *given)


def _run(*command: object) -> None:
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    assemble(Path(sys.argv[1]))
