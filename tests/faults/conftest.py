"""The report at the end of the fault suite."""

import pytest

from tests.faults.report import REPORT


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of all runs."""
    if REPORT.runs:
        terminalreporter.section("faults")
        for line in REPORT.lines():
            terminalreporter.write_line(line)
