"""For every test: figures are closed after it; at the end a table of the rules' differences."""

import signal
import sys

import pytest


def pytest_configure():
    """Let Ctrl-C, which some tests press, be heard: what a shell starts with & ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
