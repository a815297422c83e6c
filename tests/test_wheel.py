"""What is installed: the library, with the files of the page and no more of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "optimizers" / "page"
SOURCE = PAGE / "source"
TOOLS = ("@biomejs/", "@esbuild/", "esbuild")  # they make page.js, and are not in it
BUILD = "from setuptools.build_meta import build_wheel; print(build_wheel('.'))"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, with packages of JavaScript lying about as after `make page`."""
    copy = tmp_path_factory.mktemp("copy")
    tools = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(ROOT / "optimizers", copy / "optimizers", ignore=tools)
    stray = copy / "optimizers" / "page" / "source" / "node_modules" / "stray"
    stray.mkdir(parents=True)
    for name in ("index.js", "setup.py"):
        (stray / name).touch()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    command = [sys.executable, "-c", BUILD]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=True)
    with ZipFile(copy / done.stdout.splitlines()[-1]) as archive:
        yield archive.namelist()


def test_the_wheel_holds_the_page_but_neither_its_sources_nor_what_builds_it(wheel):
    folder = "optimizers/page/"
    found = {name.removeprefix(folder) for name in wheel if name.startswith(folder)}
    assert {name for name in found if not name.endswith(".py")} == {
        "page.html",
        "page.css",
        "page.js",
        "LICENSES.txt",
    }
    assert {file.name for file in PAGE.glob("*.py")} == {n for n in found if n.endswith(".py")}


def test_the_wheel_holds_every_module(wheel):
    modules = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "optimizers").rglob("*.py")
        if "node_modules" not in file.parts
    }
    assert modules == {name for name in wheel if name.endswith(".py")}


def test_every_package_in_the_page_s_script_has_its_licence():
    locked = json.loads((SOURCE / "package-lock.json").read_text("utf8"))["packages"]
    names = {key.rpartition("node_modules/")[2] for key in locked if key}
    bundled = {name for name in names if not name.startswith(TOOLS)}
    said = re.findall(r"^([\w, -]+):$", (PAGE / "LICENSES.txt").read_text("utf8"), re.MULTILINE)
    assert {name for line in said for name in line.split(", ")} == bundled


@pytest.mark.skipif(
    not (SOURCE / "node_modules" / "esbuild").exists(),
    reason="esbuild is not installed (make page)",
)
def test_the_page_s_script_is_what_its_sources_make(tmp_path):
    command = json.loads((SOURCE / "package.json").read_text("utf8"))["scripts"]["build"].split()
    assert command[-1] == "--outfile=../page.js"
    command[-1] = f"--outfile={tmp_path / 'page.js'}"
    tool = SOURCE / "node_modules" / ".bin" / command[0]
    subprocess.run([tool, *command[1:]], cwd=SOURCE, check=True, capture_output=True)
    made = (tmp_path / "page.js").read_bytes()
    assert made == (PAGE / "page.js").read_bytes(), "make page"
