"""`fivegms gap`: what AI media services add to 5GMS, asked of a running deployment."""

import asyncio
import logging
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from fivegms_testbed.cli.console import print_json, reporting_errors, results
from fivegms_testbed.cli.logs import log_to_stderr
from fivegms_testbed.deployment import Deployment, DeploymentConfig
from fivegms_testbed.gap import BELOW_A_SESSION, FLOWS, USE_CASES, GapReport, Impact, examine
from fivegms_testbed.gap_page import gap_page


class Format(StrEnum):
    """How the report is printed."""

    TABLE = "table"
    MD = "md"
    JSON = "json"


def gap(
    m1: Annotated[
        str | None, typer.Option(help="M1 of the AF; without it, one is started.")
    ] = None,
    m2: Annotated[str | None, typer.Option(help="M2 of its AS.")] = None,
    m4: Annotated[str | None, typer.Option(help="M4 of its AS.")] = None,
    m5: Annotated[str | None, typer.Option(help="M5 of the AF.")] = None,
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TABLE,
) -> None:
    """Show which resources each flow of TR 26.927 reuses, extends, adds, or lacks."""
    with reporting_errors(as_json=output is Format.JSON):
        given = {"m1": m1, "m2": m2, "m4": m4, "m5": m5}
        addresses = {name: url.rstrip("/") for name, url in given.items() if url}
        if addresses and len(addresses) < len(given):
            raise typer.BadParameter("name all of --m1, --m2, --m4 and --m5, or none")
        log_to_stderr(logging.WARNING)
        report = asyncio.run(examine(addresses) if addresses else _of_a_deployment())
        match output:
            case Format.JSON:
                print_json(report)
            case Format.MD:
                typer.echo(gap_page(report), nl=False)
            case Format.TABLE:
                _show(report)


async def _of_a_deployment() -> GapReport:
    with tempfile.TemporaryDirectory() as folder:
        async with Deployment(DeploymentConfig.on_free_ports(Path(folder))) as deployment:
            return await examine(deployment.addresses)


def _show(report: GapReport) -> None:
    cases = Table("use case", *Impact, box=None, header_style="bold")
    for name, flows in USE_CASES.items():
        counts = report.of_use_case(flows)
        cases.add_row(name, *(str(counts[impact]) for impact in Impact))
    results.print(cases)
    for flow in FLOWS:
        results.print(f"\n{flow.name} ({flow.clause})", style="bold")
        steps = Table("step", "at", "resource", "impact", box=None, header_style="bold")
        for finding in report.flows[flow.name]:
            step = finding.step
            short = step.path.replace(BELOW_A_SESSION, "...")
            steps.add_row(step.function, step.point, f"{step.method} {short}", finding.impact)
        results.print(steps)
