"""Rules for the whole run: with --no-skips (as in CI) a skipped test is a failed one.

A skip says "this machine cannot show it"; in CI that means a package is missing from `.ci/run`,
and a test that nobody runs shows nothing. Only data whose licence keeps it out of the project may
be absent.
"""

from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from support import NOT_BESIDE_THE_PROJECT

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

# A busy machine is slow, which is no finding.
settings.register_profile(
    "fivegms", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fivegms")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips",
        action="store_true",
        help="a skip is a failure (absent shared data apart)",
    )
    parser.addoption(
        "--schemathesis-cases",
        type=int,
        default=400,
        metavar="N",
        help="how many requests to generate for M1 and M5",
    )
    parser.addoption(
        "--crash-points",
        type=int,
        default=10,
        metavar="N",
        help="how often to kill the AF or the AS while it is provisioned",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _strict(report, item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _strict(report, collector.config)


def _strict(report: Report, config: pytest.Config) -> Report:
    expected_failure = hasattr(report, "wasxfail")
    if report.skipped and not expected_failure and config.getoption("--no-skips"):
        reason = report.longreprtext
        if NOT_BESIDE_THE_PROJECT not in reason:
            report.outcome = "failed"
            report.longrepr = f"skipped, which --no-skips forbids: {reason}"
    return report
