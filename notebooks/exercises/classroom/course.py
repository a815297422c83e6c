"""Make a course folder for nbgrader from the assignments.

    python notebooks/exercises/classroom/course.py ~/optimizers-course

What is there of gradebook and submissions stays; the assignments and the settings are made anew.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SETTINGS = ("nbgrader_config.py", "grading.py")


def make(course: Path, assignments: list[Path]) -> None:
    """Settings and the assignments' sources, as nbgrader wants them: source/NAME/NAME.ipynb."""
    course.mkdir(parents=True, exist_ok=True)
    for name in SETTINGS:
        shutil.copy(HERE / name, course)
    shutil.copytree(HERE / "kernels", course / "kernels", dirs_exist_ok=True)
    for file in assignments:
        folder = course / "source" / file.stem
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    make(Path(sys.argv[1]).expanduser(), sorted(HERE.parent.glob("solutions/[0-9][0-9]_*.ipynb")))
    print(f"cd {sys.argv[1]}")
