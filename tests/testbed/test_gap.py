"""The gap report: asked of a running deployment, and docs/gap.md is what it says."""

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fivegms_testbed.deployment import Deployment, DeploymentConfig
from fivegms_testbed.gap import FLOWS, USE_CASES, Impact, ServerUnreachable, examine
from fivegms_testbed.gap_page import gap_page
from support import PROJECT


@pytest.mark.requirement("R170")
async def test_the_page_says_what_a_running_deployment_serves(tmp_path: Path) -> None:
    async with Deployment(DeploymentConfig.on_free_ports(tmp_path)) as deployment:
        report = await examine(deployment.addresses)
    page = (PROJECT / "docs" / "gap.md").read_text(encoding="utf-8")
    assert page == gap_page(report), "run `fivegms gap --format md > docs/gap.md`"


async def test_what_nobody_serves_is_missing() -> None:
    async def options(_request: web.Request) -> web.Response:
        return web.Response(headers={"Allow": "GET, HEAD, OPTIONS"})

    app = web.Application()
    app.router.add_route("OPTIONS", "/3gpp-m5/v2/service-access-information/x", options)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        report = await examine(dict.fromkeys(("m1", "m2", "m4", "m5"), url))
    found = {finding.step.path: finding.impact for one in report.flows.values() for finding in one}
    served = {path for path, impact in found.items() if impact is not Impact.MISSING}
    assert served == {"/3gpp-m5/v2/service-access-information/x"}


async def test_a_server_that_does_not_answer_is_no_gap(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(ServerUnreachable, match="no answer from"):
        await examine(dict.fromkeys(("m1", "m2", "m4", "m5"), url))


def test_use_cases_are_made_of_flows_that_there_are() -> None:
    names = {flow.name for flow in FLOWS}
    assert {name for flows in USE_CASES.values() for name in flows} == names - {"none"}
