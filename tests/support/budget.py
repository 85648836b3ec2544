"""What the suite costs: the CPU seconds of each file of tests, with the processes that its tests start.

The rule of this module: it counts CPU time, which a busy machine hardly changes. The ten dearest files are printed
at the end of a run, so that whoever adds a test sees what it costs all others.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.amount import THOROUGH
from support.command_line import Started

SHOWN = 10

WHOLE = 100
"""The number of files above which a run counts as one of the whole suite, which has a budget."""

BUDGET = 460
"""The CPU seconds that the whole suite may take unless all is tried, so that two cores finish it in five minutes."""


class Budget:
    """Counts CPU seconds: of each test where it runs, and of each file where the run is reported."""

    def __init__(self) -> None:
        self.files: Counter[str] = Counter()
        self.other = 0.0  # in the workers, outside of tests: to start, to collect, to end
        self._started = 0.0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        self._started = cpu_seconds()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> Iterator[None]:
        report = yield
        if call.when == "teardown":
            report.user_properties.append(("cpu", cpu_seconds() - self._started))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            self.files[report.nodeid.split("::")[0]] += dict(report.user_properties).get("cpu", 0.0)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["cpu"] = cpu_seconds()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        self.other += getattr(node, "workeroutput", {}).get("cpu", 0.0)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        tests = sum(self.files.values())
        if len(self.files) <= 1:
            return
        write = terminalreporter.write_line
        most = ", ".join(f"{Path(file).name} {cpu:.1f}" for file, cpu in self.files.most_common(SHOWN))
        write(f"CPU seconds: {tests:.0f} in tests, {max(0.0, self.other - tests):.0f} around them; most in {most}")
        if not THOROUGH and len(self.files) > WHOLE and max(tests, self.other) > BUDGET:
            write(
                f"That is more than {BUDGET}, with which two cores need five minutes: tests cost too much, or it is slow here."
            )


def cpu_seconds() -> float:
    """Return the CPU time of this process and of the ended processes that it started, or had forked elsewhere."""
    return sum(os.times()[:4]) + Started.spent
