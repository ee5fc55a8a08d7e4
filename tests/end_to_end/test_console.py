"""An operator at work in the console: Debian's chromium, a real AF and a real AS."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, expect

from fivegms_af.security.client_secret import SecretHash
from fivegms_af.security.config import OwnIssuer, SecurityConfig
from fivegms_api.ai_metrics import AI_METRICS_MEDIA_TYPE
from fivegms_api.model_preparation import ModelDescription, ModelPreparation
from fivegms_testbed.deployment import Deployment, DeploymentConfig
from fivegms_testbed.provider import Provider
from support.browser import NARROW, WIDE, page_of
from support.m1_bodies import AI_METRICS_REPORT, CONSUMPTION_REPORT
from support.onnx_graphs import perceptron, save

SECRET = "a-secret-of-the-operator-0123456789"


@dataclass(frozen=True)
class System:
    """A deployment and requests to it beside the page."""

    addresses: dict[str, str]
    http: aiohttp.ClientSession

    @property
    def console(self) -> str:
        return self.addresses["operator"]

    async def session(self, app_id: str) -> str:
        """The URL of a new session at M1."""
        url = f"{self.addresses['m1']}/3gpp-m1/v2/provisioning-sessions"
        document = {"provisioningSessionType": "DOWNLINK", "appId": app_id}
        async with self.http.post(url, json=document) as answer:
            assert answer.status == 201
            return answer.headers["Location"]

    async def publish(self, folder: Path) -> str:
        """The session of a published model that asks UEs for reports."""
        description = ModelDescription(name="perceptron", task="tensors")
        template = ModelPreparation(model=description, source="m.onnx")
        async with Provider(self.addresses["m1"]) as provider:
            published = await provider.publish(
                save(perceptron(hidden=64), folder / "m.onnx"), template
            )
            await provider.ask_for_reports(published.provisioning_session_id)
        return published.provisioning_session_id

    async def report(self, session_id: str) -> None:
        """A UE reports what it used and how that went."""
        m1, m5 = self.addresses["m1"], f"{self.addresses['m5']}/3gpp-m5/v2"
        url = f"{m1}/3gpp-m1/v2/provisioning-sessions/{session_id}"
        async with self.http.get(url) as answer:
            (configuration,) = (await answer.json())["metricsReportingConfigurationIds"]
        start = (datetime.now(UTC) - timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
        metrics = {**AI_METRICS_REPORT, "periodStart": start, "periodDuration": 1}
        (unit,) = CONSUMPTION_REPORT["consumptionReportingUnits"]
        consumption = {
            **CONSUMPTION_REPORT,
            "consumptionReportingUnits": [{**unit, "startTime": start}],
        }
        await self._post(
            f"{m5}/metrics-reporting/{session_id}/{configuration}", metrics, AI_METRICS_MEDIA_TYPE
        )
        await self._post(f"{m5}/consumption-reporting/{session_id}", consumption)

    async def _post(self, url: str, body: Any, media_type: str = "application/json") -> None:
        headers = {"Content-Type": media_type}
        async with self.http.post(url, data=json.dumps(body), headers=headers) as answer:
            assert answer.status == 204, await answer.text()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as entered:
        yield entered


async def start(
    stack: AsyncExitStack, tmp_path: Path, security: SecurityConfig | None = None
) -> System:
    config = DeploymentConfig.on_free_ports(tmp_path / "state")
    config = replace(config, security=security or config.security)
    deployment = await stack.enter_async_context(Deployment(config))
    http = await stack.enter_async_context(aiohttp.ClientSession())
    return System(deployment.addresses, http)


@pytest.fixture
async def system(stack: AsyncExitStack, tmp_path: Path) -> System:
    return await start(stack, tmp_path)


async def create_session(page: Page, app_id: str) -> None:
    await page.get_by_role("button", name="New session").click()
    await page.get_by_label("App", exact=True).fill(app_id)
    await page.get_by_label("Provider").fill("acme")
    await page.get_by_role("button", name="Create session").click()
    await expect(page.get_by_role("heading", name="Session", exact=True)).to_be_visible()
    await expect(page.get_by_text(app_id)).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_session_is_created_provisioned_and_deleted(
    system: System, size: tuple[int, int]
) -> None:
    async with page_of(system.console, size) as (page, _):
        await create_session(page, "cameras")
        for kind in (
            "content preparation template",
            "content hosting configuration",
            "metrics reporting configuration",
            "consumption reporting configuration",
            "policy template",
            "edge resources configuration",
            "event data processing configuration",
        ):
            await page.get_by_role("button", name=f"Create {kind}").click()
            await page.get_by_role("button", name="Save").click()
            await expect(page.get_by_role("button", name=f"Edit {kind}")).to_be_visible()
        await expect(page.get_by_text("IN_STEP")).to_be_visible()
        await page.get_by_role("button", name="Delete session").click()
        await page.get_by_role("dialog").get_by_role("button", name="Delete session").click()
        await expect(page.get_by_text("There is no session yet.")).to_be_visible()


async def test_every_example_is_taken(system: System) -> None:
    session = (await system.session("examples")).rsplit("/", 1)[-1]
    async with page_of(f"{system.console}/console/#/sessions/{session}") as (page, _):
        for kind, name in (
            ("content preparation template", "A model as it is"),
            ("metrics reporting configuration", "DASH quality of experience"),
            ("consumption reporting configuration", "At the end of a session"),
            ("policy template", "A data network and a slice"),
        ):
            await page.get_by_role("button", name=f"Create {kind}").click()
            await page.get_by_label("Start from").select_option(name)
            await page.get_by_role("button", name="Save").click()
            await expect(page.get_by_role("button", name=f"Edit {kind}")).to_be_visible()


async def test_a_refused_edit_shows_the_reason_at_its_member(system: System) -> None:
    session = (await system.session("edited")).rsplit("/", 1)[-1]
    async with page_of(f"{system.console}/console/#/sessions/{session}") as (page, complaints):
        complaints.expected.add(400)
        await page.get_by_role("button", name="Create consumption").click()
        await page.get_by_role("button", name="Save").click()
        await page.get_by_role("button", name="Edit consumption").click()
        text = page.get_by_role("textbox", name="Edit consumption reporting configuration")
        await text.fill('{\n  "reportingInterval": 30,\n  "samplePercentage": 101\n}')
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".behind .faulty")).to_contain_text('"samplePercentage": 101')
        await page.get_by_role("button", name="line 3 · /samplePercentage").click()
        selected = await text.evaluate("t => t.value.slice(t.selectionStart, t.selectionEnd)")
        assert selected == '"samplePercentage": 101'
        await text.fill('{"reportingInterval": 30, "samplePercentage": 50}')
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("50 % of clients, every 30 s")).to_be_visible()


async def test_what_somebody_else_saved_meanwhile_is_not_overwritten(system: System) -> None:
    url = await system.session("shared")
    resource = f"{url}/consumption-reporting-configuration"
    async with system.http.post(resource, json={"samplePercentage": 10}) as answer:
        assert answer.status == 201
    session = url.rsplit("/", 1)[-1]
    async with page_of(f"{system.console}/console/#/sessions/{session}") as (page, complaints):
        complaints.expected.add(412)
        await page.get_by_role("button", name="Edit consumption").click()
        text = page.get_by_role("textbox", name="Edit consumption reporting configuration")
        async with system.http.put(resource, json={"samplePercentage": 20}) as answer:
            assert answer.status == 204
        await text.fill('{"samplePercentage": 30}')
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Changed meanwhile")).to_be_visible()
        await page.get_by_role("button", name="Reload what is there now").click()
        await expect(text).to_have_value('{\n  "samplePercentage": 20\n}')


async def test_names_of_providers_are_text_and_never_markup(system: System) -> None:
    name = '<img src=x onerror="document.title=1">'
    await system.session(name)
    async with page_of(system.console) as (page, _):
        await expect(page.get_by_text(name)).to_be_visible()
        assert await page.locator("main img").count() == 0


async def test_what_others_do_is_seen_at_once(system: System) -> None:
    async with page_of(system.console) as (page, _):
        await expect(page.get_by_text("live", exact=True)).to_be_visible()
        await system.session("made-elsewhere")
        await expect(page.get_by_text("made-elsewhere")).to_be_visible()
        await page.get_by_label("Search sessions").fill("nothing like it")
        await expect(page.get_by_text("No session matches.")).to_be_visible()


async def test_a_model_is_followed_until_it_is_rolled_out(system: System, tmp_path: Path) -> None:
    async with page_of(f"{system.console}/console/#/models") as (page, _):
        await expect(page.get_by_text("No model is published yet.")).to_be_visible()
        publishing = asyncio.create_task(system.publish(tmp_path))
        await expect(page.get_by_text("PUBLISHED")).to_be_visible()
        await publishing
        await expect(page.get_by_role("cell", name="int8", exact=True)).to_be_visible()
        await page.get_by_label("Cohort").fill("testers")
        await page.get_by_role("button", name="Apply").click()
        await expect(
            page.get_by_text("Version 1 for 100 % of UEs and cohort testers")
        ).to_be_visible()
        await page.get_by_role("button", name="End rollout").click()
        await page.get_by_role("dialog").get_by_role("button", name="End rollout").click()
        await expect(page.get_by_text("None: every UE gets the newest")).to_be_visible()


async def test_reports_are_plotted_as_they_arrive(system: System, tmp_path: Path) -> None:
    session = await system.publish(tmp_path)
    async with page_of(f"{system.console}/console/#/reports/{session}") as (page, _):
        await expect(page.get_by_text("No metrics were reported in this period.")).to_be_visible()
        await expect(page.get_by_text("live", exact=True)).to_be_visible()
        await system.report(session)
        await expect(page.get_by_role("img", name="throughput: last 8 Mbit/s")).to_be_visible()
        await expect(page.get_by_role("cell", name="whole/int8")).to_be_visible()


async def test_an_operator_signs_in_where_tokens_are_asked_for(
    stack: AsyncExitStack, tmp_path: Path
) -> None:
    clients = tmp_path / "clients.json"
    operator = {"clientId": "op", "scopes": ["fivegms-operator"]}
    operator["secretHash"] = str(SecretHash.of(SECRET))
    clients.write_text(json.dumps({"clients": [operator]}))
    security = SecurityConfig(own_issuer=OwnIssuer(clients))
    system = await start(stack, tmp_path, security)
    async with page_of(system.console) as (page, complaints):
        complaints.expected.add(401)
        await page.get_by_label("Client").fill("op")
        await page.get_by_label("Secret").fill("another")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).not_to_be_empty()
        await page.get_by_label("Secret").fill(SECRET)
        await page.get_by_role("button", name="Sign in").click()
        await create_session(page, "signed-in")
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
        assert await page.evaluate("document.cookie") == ""
