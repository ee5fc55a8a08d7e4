"""AF and AS agree in the end, whichever of them dies at whichever call of M3.

A provider provisions everything that there is, changes it and takes some of it back. At the k-th
call one side dies, before or after the AS has done what it was asked; then it comes back, with or
without what it knew. M1 acknowledges every request all the same.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fivegms_af.config import ApplicationServerAddress
from fivegms_af.errors import ApplicationServerUnavailable
from fivegms_af.memory_application_server import MemoryApplicationServer
from fivegms_api.content_protocols import DASH_IF_INGEST, HTTP_PULL_INGEST
from fivegms_api.model_preparation import MODEL_PREPARATION_MEDIA_TYPE
from support.authority import Authority

ADDRESS = ApplicationServerAddress(
    "http://as.example:1", "http://as.example:2", "http://m4.example", "https://m4.example:8443"
)
LAST_CALL = 15
PATIENCE_S = 30.0
MERGE_PATCH = "application/merge-patch+json"
PEM = "application/x-pem-file"


class MortalApplicationServer(MemoryApplicationServer):
    """Dies at its `strike`-th call: after having done it where `done`, with everything forgotten
    where `forgets`.
    """

    def __init__(self, strike: int, *, done: bool, forgets: bool) -> None:
        super().__init__()
        self.count = 0
        self.died = False
        self._strike, self._done, self._forgets = strike, done, forgets
        self._called = asyncio.Event()

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait for calls until `reached` holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                self._called.clear()
                await self._called.wait()

    async def mortal(self, verb: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        self.count += 1
        strikes = self.count == self._strike
        if not strikes or self._done:
            answer = await verb(self, *arguments)
        self._called.set()
        if strikes:
            self.died = True
            self.stop()
            if self._forgets:
                self.empty()
            raise ApplicationServerUnavailable("the connection broke")
        return answer


def _mortal(verb: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def call(self: MortalApplicationServer, *arguments: Any) -> Any:
        return await self.mortal(verb, *arguments)

    return call


for _name in ("status", "put_hosting", "delete_hosting", "put_template", "delete_template",
              "put_certificate", "delete_certificate", "delete_session"):  # fmt: skip
    setattr(MortalApplicationServer, _name, _mortal(getattr(MemoryApplicationServer, _name)))


class Provider:
    """Provisions by the paths of M1, whichever AF is running; `step` is told after each request."""

    def __init__(self, af: Any, step: Callable[[], Awaitable[Any]]) -> None:
        self.af = af
        self._step = step

    async def send(
        self, method: str, path: str, body: Any = b"", kind: str = "application/json", **fields: str
    ) -> Any:
        answer = await self.af.send(method, self.af.m1 + path, body, kind, **fields)
        assert answer.status in (200, 201, 204), answer.body
        self.af = await self._step()
        return answer

    async def created(self, path: str, body: Any, kind: str = "application/json") -> str:
        """The path of what was made."""
        answer = await self.send("POST", path, body, kind)
        return "/provisioning-sessions" + str(
            answer.headers["Location"].partition("/provisioning-sessions")[2]
        )

    async def provision(self) -> tuple[str, str]:
        """The paths of the session that stays and of the one that goes."""
        goes = await self.session()
        stays = await self.session()
        template = await self.template(goes, "m.mpd")
        await self.created(f"{goes}/content-hosting-configuration", hosting(template=template))
        await self.send("DELETE", goes)
        first = await self.certificate(stays)
        template = await self.template(stays, "m.mpd")
        other = await self.template(stays, "other.mpd")
        configuration = f"{stays}/content-hosting-configuration"
        await self.created(configuration, hosting(template=template, certificate=first))
        second = await self.certificate(stays)
        changed = hosting(template=template, certificate=second)
        await self.send("PUT", configuration, changed)
        await self.send("DELETE", f"{stays}/certificates/{first}")
        await self.send("DELETE", f"{stays}/content-preparation-templates/{other}")
        await self.send("PATCH", configuration, {"name": "patched"}, MERGE_PATCH)
        await self.send("DELETE", configuration)
        await self.created(configuration, hosting(pull=True, certificate=second))
        return stays, goes

    async def session(self) -> str:
        body = {"provisioningSessionType": "DOWNLINK", "appId": "app"}
        return await self.created("/provisioning-sessions", body)

    async def template(self, session: str, manifest: str) -> str:
        body = {"model": {"name": "n", "task": "t"}, "source": "m.onnx", "manifest": manifest}
        path = f"{session}/content-preparation-templates"
        return (await self.created(path, body, MODEL_PREPARATION_MEDIA_TYPE)).rsplit("/", 1)[-1]

    async def certificate(self, session: str) -> str:
        """A certificate that was reserved and uploaded."""
        answer = await self.send("POST", f"{session}/certificates?csr")
        identifier = str(answer.headers["Location"]).rsplit("/", 1)[-1]
        now = self.af.clock()
        chain = Authority.new(now).sign(answer.body, now)
        await self.send("PUT", f"{session}/certificates/{identifier}", chain, PEM)
        return identifier


def hosting(
    template: str | None = None, certificate: str | None = None, *, pull: bool = False
) -> dict[str, Any]:
    distribution: dict[str, Any] = {}
    if certificate is not None:
        distribution["certificateId"] = certificate
    if template is not None:
        distribution["contentPreparationTemplateId"] = template
        distribution["entryPoint"] = {
            "relativePath": "m.mpd",
            "contentType": "application/dash+xml",
        }
    ingest: dict[str, Any] = {"pull": False, "protocol": DASH_IF_INGEST}
    if pull:
        origin = "http://origin.example/"
        ingest = {"pull": True, "protocol": HTTP_PULL_INGEST, "baseURL": origin}
    return {
        "name": "n",
        "ingestConfiguration": ingest,
        "distributionConfigurations": [distribution],
    }


async def desired(af: Any, session: str) -> tuple[bytes, dict[str, bytes], dict[str, bytes]]:
    """The configuration, the templates and the certificates' chains, as M1 shows them."""
    shown = (await af.get(af.m1 + session)).json
    configuration = await af.get(f"{af.m1}{session}/content-hosting-configuration")
    templates = {
        one: (await af.get(f"{af.m1}{session}/content-preparation-templates/{one}")).body
        for one in shown["contentPreparationTemplateIds"]
    }
    chains = {
        one: (await af.get(f"{af.m1}{session}/certificates/{one}")).body
        for one in shown["serverCertificateIds"]
    }
    return configuration.body, templates, chains


def holds(server: MemoryApplicationServer, session: str, wanted: Any) -> bool:
    """Whether the AS has all of it, and nothing else."""
    configuration, templates, chains = wanted
    identifier = session.rsplit("/", 1)[-1]
    held = {one: body for one, (_, body) in server.templates.get(identifier, {}).items()}
    certificates = server.certificates.get(identifier, {})
    return (
        server.hostings == {identifier: configuration}
        and held == templates
        and certificates.keys() == chains.keys()
        and all(certificates[one].startswith(chain) for one, chain in chains.items())
        and {identifier} >= server.templates.keys() | server.certificates.keys()
    )


async def agree(af: Any, server: MortalApplicationServer, session: str) -> None:
    wanted = await desired(af, session)
    await server.until(lambda: holds(server, session, wanted))
    assert json.loads(server.hostings[session.rsplit("/", 1)[-1]])["ingestConfiguration"]["pull"]


STRIKES = range(1, LAST_CALL + 1)
SETTINGS = {"application_servers": (ADDRESS,), "settle_s": PATIENCE_S}


async def test_undisturbed_it_takes_so_many_calls(start_af: Any) -> None:
    server = MortalApplicationServer(0, done=False, forgets=False)
    af = await start_af(server=server, **SETTINGS)

    async def step() -> Any:
        return af

    stays, _ = await Provider(af, step).provision()
    await agree(af, server, stays)
    assert server.count == LAST_CALL


@pytest.mark.parametrize("forgets", [False, True], ids=["remembers", "forgets"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("strike", STRIKES)
async def test_an_as_that_dies_at_any_call(
    start_af: Any, strike: int, done: bool, forgets: bool
) -> None:
    server = MortalApplicationServer(strike, done=done, forgets=forgets)
    af = await start_af(server=server, **SETTINGS)

    async def step() -> Any:
        if server.died:
            server.start()
        return af

    stays, goes = await Provider(af, step).provision()
    await agree(af, server, stays)
    assert server.died
    assert (await af.get(af.m1 + goes)).status == 404


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("strike", STRIKES)
async def test_an_af_that_dies_at_any_call(start_af: Any, strike: int, done: bool) -> None:
    server = MortalApplicationServer(strike, done=done, forgets=False)
    running = await start_af(server=server, **SETTINGS)

    async def step() -> Any:
        nonlocal running
        if server.died and server.error is not None:
            await running.stop()
            server.start()
            running = await start_af(server=server, **SETTINGS)
        return running

    stays, goes = await Provider(running, step).provision()
    await agree(running, server, stays)
    assert server.died
    assert (await running.get(running.m1 + goes)).status == 404
