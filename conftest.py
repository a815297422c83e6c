"""For every test: figures are closed after it; at the end a table of the rules' differences."""

import gc
import os
import signal
import sys
from contextlib import contextmanager
from threading import Timer
from time import perf_counter

import pytest


def pytest_collection_finish():
    """Let the collector pass over what stays: all modules, all tests."""
    gc.collect()
    gc.freeze()


def pytest_configure():
    """Let Ctrl-C, which some tests press, be heard: what a shell starts with & ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def ctrl_c():
    """Press Ctrl-C after some seconds; the block must end by it, and soon."""

    @contextmanager
    def pressed(seconds):
        press = Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
        gc.collect()
        gc.disable()  # an interrupt that meets a callback of the collector is lost
        press.start()
        began = perf_counter()
        try:
            with pytest.raises(KeyboardInterrupt):
                yield
            assert perf_counter() - began - seconds < 5  # the work would take minutes
        finally:
            press.cancel()
            gc.enable()

    return pressed


@pytest.fixture(autouse=True)
def _figures_are_closed():
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


def pytest_terminal_summary(terminalreporter):
    rows = [
        row
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, row in getattr(report, "user_properties", [])
        if name == "relative difference" and report.when == "call"
    ]
    if rows:
        terminalreporter.section("largest relative difference from the reference, 40 steps")
        for case, reference, largest in sorted(rows):
            terminalreporter.write_line(f"{case:<24} {largest:8.1e}   {reference}")
