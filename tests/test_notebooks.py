"""Every notebook runs from top to bottom without errors and without warnings.

    python tests/test_notebooks.py

executes them in place, for the repository to show.
"""

import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.rglob("*.ipynb"))


def execute(file):
    notebook = nbformat.read(file, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    here = {"metadata": {"path": str(file.parent)}}
    NotebookClient(notebook, timeout=60, record_timing=False, resources=here).execute()
    return notebook


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_notebook_runs_without_errors_and_without_warnings(file, monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "error::UserWarning,error::RuntimeWarning")
    notebook = execute(file)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]


def test_there_are_notebooks():
    assert NOTEBOOKS


if __name__ == "__main__":
    for notebook_file in NOTEBOOKS:
        nbformat.write(execute(notebook_file), notebook_file)
        print(notebook_file.name, file=sys.stderr)
