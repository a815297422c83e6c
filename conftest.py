"""For every test: figures are closed after it; at the end a table of the rules' differences."""

import sys

import pytest


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
