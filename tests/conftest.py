"""A table at the end of the run: how far each rule is from its reference."""


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
