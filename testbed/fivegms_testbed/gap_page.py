"""The gap report as Markdown: docs/gap.md, and `fivegms gap --format md`."""

from collections.abc import Iterator

from fivegms_testbed.gap import FLOWS, USE_CASES, GapReport, Impact

INTRODUCTION = """# What AI media services add to 5GMS

Made by `fivegms gap --format md` from a running deployment: each server was asked which of these
resources it has. **Reused**: a path and a body of 3GPP's Release 17. **Extended**: a path of 3GPP's
that carries a media type, profile or scheme of ours. **New**: a path of ours. **Missing**: nobody
serves it yet.
"""


def gap_page(report: GapReport) -> str:
    """The whole page."""
    return "\n".join((INTRODUCTION, *_use_cases(report), *_flows(report)))


def _use_cases(report: GapReport) -> Iterator[str]:
    yield "## Use cases\n"
    yield "Steps of all the flows that a use case of TR 26.927 clause 4 is made of.\n"
    yield f"| use case | {' | '.join(Impact)} | flows |"
    yield "|---|" + "---|" * (len(Impact) + 1)
    for name, flows in USE_CASES.items():
        counts = report.of_use_case(flows)
        cells = " | ".join(str(counts[impact]) for impact in Impact)
        yield f"| {name} | {cells} | {', '.join(flows)} |"
    yield ""


def _flows(report: GapReport) -> Iterator[str]:
    yield "## Flows\n"
    for flow in FLOWS:
        yield f"### {flow.name} (TR 26.927 {flow.clause})\n"
        yield "| step | at | resource | impact | carries |"
        yield "|---|---|---|---|---|"
        for finding in report.flows[flow.name]:
            step = finding.step
            carries = f"`{step.carries}`" if step.carries else ""
            resource = f"`{step.method} {step.path}`"
            cells = (step.function, step.point.upper(), resource, finding.impact, carries)
            yield f"| {' | '.join(cells)} |"
        yield ""
