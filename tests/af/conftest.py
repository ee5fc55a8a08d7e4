"""An Application Function over real sockets, with an Application Server that needs none."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fivegms_af.config import AfConfig, ApplicationServerAddress
from fivegms_af.memory_application_server import MemoryApplicationServer
from fivegms_af.policy.control import PolicyControl
from fivegms_af.policy.service import PolicyService
from fivegms_af.server import ApplicationFunction
from fivegms_api.content_protocols import DASH_IF_INGEST
from fivegms_api.endpoint import Endpoint
from fivegms_api.model_preparation import MODEL_PREPARATION_MEDIA_TYPE
from support.postgresql import database_url, postgresql, postgresql_cluster

__all__ = ["database_url", "postgresql", "postgresql_cluster"]

ADDRESS = ApplicationServerAddress(
    "http://as.example:1", "http://as.example:2", "http://m4.example"
)
SESSION = {"provisioningSessionType": "DOWNLINK", "appId": "app", "aspId": "asp"}


class Clock:
    """Time that stands until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Answer:
    """A response that was read to its end."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def faults(self) -> dict[str, str]:
        """The invalidParams of a problem, by param."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        assert self.json["status"] == self.status
        return {fault["param"]: fault["reason"] for fault in self.json.get("invalidParams", ())}

    @property
    def problem(self) -> str:
        """The name of a problem's type."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        return str(self.json["type"]).removeprefix("urn:fivegms:problem:")


class Af:
    """A running AF, its memory AS, and requests to it."""

    def __init__(
        self,
        af: ApplicationFunction,
        server: MemoryApplicationServer,
        clock: Clock,
        http: aiohttp.ClientSession,
    ) -> None:
        self.m1 = f"{af.m1_url}/3gpp-m1/v2"
        self.m5 = af.m5_url
        self.operator = af.operator_url
        self.server = server
        self.clock = clock
        self._af = af
        self.observers: list[Callable[..., None]] = []
        self._http = http

    @property
    def policy(self) -> PolicyService:
        """What it does about policies."""
        return self._af.context.policy

    async def stop(self) -> None:
        """End it, as a signal would; another may be started over what it kept."""
        await self._af.__aexit__(None, None, None)

    async def request(self, method: str, url: str, **options: Any) -> Answer:
        async with self._http.request(method, url, **options) as response:
            answer = Answer(response.status, response.headers, await response.read())
        for observe in self.observers:
            observe(method, url, options, answer.status, answer)
        return answer

    async def get(self, url: str, **headers: str) -> Answer:
        return await self.request("GET", url, headers=_spelled(headers))

    async def delete(self, url: str, **headers: str) -> Answer:
        return await self.request("DELETE", url, headers=_spelled(headers))

    async def send(
        self,
        method: str,
        url: str,
        document: Any,
        content_type: str = "application/json",
        **headers: str,
    ) -> Answer:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        fields = {"Content-Type": content_type, **_spelled(headers)}
        return await self.request(method, url, data=data, headers=fields)

    async def session(self) -> str:
        """The URL of a new provisioning session."""
        answer = await self.send("POST", f"{self.m1}/provisioning-sessions", SESSION)
        assert answer.status == 201, answer.body
        return str(answer.headers["Location"])

    async def template(self, session: str, **members: Any) -> str:
        """The URL of a new model preparation template."""
        answer = await self.send(
            "POST",
            f"{session}/content-preparation-templates",
            preparation(**members),
            MODEL_PREPARATION_MEDIA_TYPE,
        )
        assert answer.status == 201, answer.body
        return str(answer.headers["Location"])

    async def hosting(self, session: str, document: Any | None = None) -> str:
        """The URL of a new content hosting configuration."""
        url = f"{session}/content-hosting-configuration"
        answer = await self.send("POST", url, document or hosting())
        assert answer.status == 201, answer.body
        assert answer.headers["Location"] == url
        return url

    async def published_model(self, **members: Any) -> tuple[str, str]:
        """The URLs of a session that distributes a model, and of the model's template."""
        session = await self.session()
        template = await self.template(session, **members)
        await self.hosting(session, hosting(template=identifier(template)))
        return session, template


def _spelled(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def identifier(url: str) -> str:
    """The last part of a URL."""
    return url.rsplit("/", 1)[-1]


def preparation(**members: Any) -> dict[str, Any]:
    """A model preparation template."""
    return {"model": {"name": "detector", "task": "object-detection"}, "source": "m.onnx"} | members


def hosting(template: str | None = None, **members: Any) -> dict[str, Any]:
    """A content hosting configuration; with a template, of a model."""
    distribution: dict[str, Any] = {
        "entryPoint": {
            "relativePath": "model.mpd",
            "contentType": "application/dash+xml",
            "profiles": ["urn:fivegms:ai:profile:model:2026"],
        }
    }
    if template is not None:
        distribution["contentPreparationTemplateId"] = template
    return {
        "name": "models",
        "ingestConfiguration": {"pull": False, "protocol": DASH_IF_INGEST},
        "distributionConfigurations": [distribution],
    } | members


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> MemoryApplicationServer:
    return MemoryApplicationServer()


StartAf = Callable[..., Awaitable[Af]]


@pytest.fixture
async def start_af(
    tmp_path: Path, clock: Clock, server: MemoryApplicationServer, database_url: str
) -> AsyncIterator[StartAf]:
    """Starts AFs over one database; every one is stopped at the end."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())

        async def start(
            server: MemoryApplicationServer = server,
            policy_control: PolicyControl | None = None,
            others: Sequence[MemoryApplicationServer] = (),
            **settings: Any,
        ) -> Af:
            defaults: dict[str, Any] = {
                "application_servers": (ADDRESS,),
                "database_url": database_url,
            }
            config = AfConfig(
                Endpoint("127.0.0.1", 0),
                Endpoint("127.0.0.1", 0),
                tmp_path,
                **(defaults | settings),
            )
            servers = [server, *others] if config.application_servers else []
            function = ApplicationFunction(config, clock, servers, policy_control)
            af = await stack.enter_async_context(function)
            return Af(af, server, clock, http)

        yield start


@pytest.fixture
async def af(start_af: StartAf) -> Af:
    return await start_af()
