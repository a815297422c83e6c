"""The course's settings for nbgrader; this file lies in the course folder."""

import atexit
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

warnings.filterwarnings("ignore", "Object of type <Submitted")  # nbgrader's own, and harmless

c = get_config()  # noqa: F821 - nbgrader hands it over
c.CourseDirectory.course_id = "optimizers"
c.CourseDirectory.root = str(HERE)

# What is done with a submission before and beside running it: grading.py
c.Autograde.pre_convert_hook = "grading.forget_old_scores"
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.ClearOutput",
    "grading.RestoreTests",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "nbgrader.preprocessors.ClearHiddenTests",
    "grading.ForTheStudent",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
c.HTMLExporter.exclude_anchor_links = True
c.ExportApp.plugin_class = "grading.ExportWithStatus"

# Where it runs: the kernel "python3" of this folder goes before the system's.
os.environ["JUPYTER_PATH"] = str(HERE)
c.Execute.timeout = 30  # seconds for a cell
c.Execute.shutdown_kernel = "immediate"

# Sockets in a folder of this command's own, in place of ports that other programs could reach.
sockets = tempfile.mkdtemp(prefix="nbgrader-")
atexit.register(shutil.rmtree, sockets, ignore_errors=True)
os.environ["JUPYTER_RUNTIME_DIR"] = sockets
c.KernelManager.transport = "ipc"
c.KernelManager.ip = f"{sockets}/kernel"
