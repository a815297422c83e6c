import pytest

DIFFERENCES = []


@pytest.fixture
def relative_differences():
    """Where the reference tests leave what they measured, for the table below."""
    return DIFFERENCES


def pytest_terminal_summary(terminalreporter):
    if DIFFERENCES:
        terminalreporter.section("largest relative difference from the reference, 40 steps")
        for case, reference, largest in sorted(DIFFERENCES):
            terminalreporter.write_line(f"{case:<24} {largest:8.1e}   {reference}")
