"""An Application Server on free ports with a preparer that tests drive."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fivegms_api.ai_models import PreparationProgress, PreparedVariant, WithheldVariant
from fivegms_api.content_protocols import HTTP_PULL_INGEST
from fivegms_api.endpoint import Endpoint
from fivegms_api.m3 import certificate_path, distribution_path
from fivegms_api.model_preparation import MODEL_PREPARATION_MEDIA_TYPE
from fivegms_as.config import AsConfig
from fivegms_as.delivery import Delivery
from fivegms_as.documents import MemoryDocuments
from fivegms_as.gate import Gate
from fivegms_as.locations import Locations
from fivegms_as.origin import Origins
from fivegms_as.preparation_rules import PreparedModel
from fivegms_as.preparer import OnProgress, PreparationTask, Preparer
from fivegms_as.pull import Pull
from fivegms_as.server import ApplicationServer
from fivegms_as.sessions import Hosting, Session, Sessions
from fivegms_as.store import ContentStore

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
LARGE_BYTES = 2**20  # aiohttp warns of larger bodies that are plain bytes
ANY_PORT = Endpoint("127.0.0.1", 0)


@dataclass
class Clock:
    """Advances by one second whenever it is read."""

    now: datetime = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@dataclass
class FakePreparer:
    """Makes a manifest and one segment of the source's bytes; `gate` holds it, `error` fails it."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None
    prepared: list[bytes] = field(default_factory=list)
    cancelled: int = 0
    files: Callable[[PreparationTask], dict[str, bytes]] | None = None
    withheld: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    async def prepare(self, task: PreparationTask, on_progress: OnProgress) -> PreparedModel:
        self.started.set()
        on_progress(PreparationProgress(stage="checking", fraction=0.5))
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        source = task.source.read_bytes()
        self.prepared.append(source)
        manifest = json.loads(task.template.read_bytes()).get("manifest", "model.mpd")
        made = self.files(task) if self.files else {manifest: b"<MPD>" + source, "s.m4s": source}
        for name, data in made.items():
            (task.out / name).parent.mkdir(parents=True, exist_ok=True)
            (task.out / name).write_bytes(data)
        withheld = tuple(map(WithheldVariant.model_validate, self.withheld))
        return PreparedModel((variant(len(source)),), withheld)


def variant(size_bytes: int) -> PreparedVariant:
    return PreparedVariant(
        subset=0,
        id="fp32",
        precision="fp32",
        codec="raw",
        size_bytes=size_bytes,
        sha256="0" * 64,
        segments=1,
    )


@dataclass
class Peer:
    """An AF, a provider and a UE in one, all over HTTP."""

    server: ApplicationServer
    http: aiohttp.ClientSession

    async def call(
        self, method: str, url: str, data: object = None, **headers: str
    ) -> tuple[int, Any, bytes]:
        """The status, the fields and the body; header names with `_` for `-`."""
        if isinstance(data, bytes) and len(data) > LARGE_BYTES:
            data = BytesIO(data)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(method, url, data=data, headers=named) as answer:
            return answer.status, answer.headers, await answer.read()

    def m2(self, path: str, session: str = "s1") -> str:
        return f"{self.server.m2_url}/m2d/{session}/{path}"

    def m4(self, path: str, session: str = "s1", index: int = 0) -> str:
        return f"{self.server.m4_url}{distribution_path(session, index)}{path}"

    def hosting(self, session: str = "s1") -> str:
        return f"{self.server.m3_url}/3gpp-m3/v1/content-hosting-configurations/{session}"

    def session(self, rest: str = "", session: str = "s1") -> str:
        return f"{self.server.m3_url}/fivegms-m3/v1/provisioning-sessions/{session}{rest}"

    async def host(self, session: str = "s1", **configuration: Any) -> int:
        return (await self.try_hosting(session, **configuration))[0]

    async def try_hosting(
        self, session: str = "s1", **configuration: Any
    ) -> tuple[int, dict[str, Any]]:
        """The status and, where it is refused, the problem."""
        body = json.dumps(hosting_configuration(**configuration))
        status, _, told = await self.call(
            "PUT", self.hosting(session), body, Content_Type="application/json"
        )
        return status, json.loads(told) if told else {}

    def certificate(self, name: str = "c1", session: str = "s1") -> str:
        return self.server.m3_url + certificate_path(session, name)

    async def template(self, session: str = "s1", **members: object) -> int:
        status, _, _ = await self.call(
            "PUT",
            self.session("/content-preparation-templates/t1", session),
            json.dumps(model_preparation(**members)),
            Content_Type=MODEL_PREPARATION_MEDIA_TYPE,
        )
        return status

    async def upload(self, path: str, data: bytes, session: str = "s1") -> int:
        status, _, _ = await self.call("PUT", self.m2(path, session), data)
        return status

    async def models(self, session: str = "s1") -> list[dict[str, Any]]:
        _, _, body = await self.call("GET", self.session("/ai-models", session))
        models: list[dict[str, Any]] = json.loads(body)["aiModels"]
        return models

    async def model_when(self, state: str, session: str = "s1") -> dict[str, Any]:
        """Ask until the newest model is in that state."""
        async with asyncio.timeout(60):
            while True:
                for model in (await self.models(session))[:1]:
                    if model["state"] == state:
                        return model


def hosting_configuration(
    *,
    template: str | None = None,
    origin: str | None = None,
    distributions: Sequence[Mapping[str, object]] | None = None,
    **members: object,
) -> dict[str, object]:
    """One distribution with `members` unless `distributions` says otherwise."""
    one = members | ({"contentPreparationTemplateId": template} if template else {})
    pull = {"pull": True, "protocol": HTTP_PULL_INGEST, "baseURL": origin}
    return {
        "name": "n",
        "ingestConfiguration": pull if origin else {"pull": False},
        "distributionConfigurations": [one] if distributions is None else list(distributions),
    }


def model_preparation(**members: object) -> dict[str, object]:
    model = {"name": "digits", "version": 1, "task": "object-detection"}
    return {"model": model, "source": "net.onnx", **members}


@pytest.fixture
def pull_of() -> Callable[[ContentStore, Sessions], Pull]:
    """Pull ingest without origins, for servers whose content is pushed."""

    def make(store: ContentStore, sessions: Sessions) -> Pull:
        return Pull(
            store,
            sessions,
            Origins(allow_private=False, timeout_s=1),
            enabled=False,
            max_bytes=1,
            cache_bytes=1,
            clock=Clock(),
            on_change=lambda session: None,
        )

    return make


@pytest.fixture
def delivery_of(pull_of) -> Callable[[ContentStore, Sessions], Delivery]:  # type: ignore[no-untyped-def]
    """M4d without a memory of small objects, for stores that tests watch."""

    def make(store: ContentStore, sessions: Sessions) -> Delivery:
        gate = Gate(own_names=(), places=Locations(), trusted_proxies=(), clock=Clock())
        pull = pull_of(store, sessions)
        return Delivery(store, sessions, gate, pull, memory_cache_bytes=0, clock=Clock())

    return make


@pytest.fixture
def sessions_of() -> Callable[..., Sessions]:
    """Sessions in memory, with a hosting of `s1` that has the members of a configuration."""

    def make(**configuration: Any) -> Sessions:
        sessions = Sessions(MemoryDocuments())
        body = json.dumps(hosting_configuration(**configuration)).encode()
        sessions.save(Session("s1", Hosting.parse(body)))
        return sessions

    return make


@pytest.fixture
def preparer() -> FakePreparer:
    return FakePreparer()


@pytest.fixture
def config(tmp_path: Path) -> AsConfig:
    return AsConfig(
        m3=ANY_PORT,
        m4=ANY_PORT,
        data_dir=tmp_path / "as",
        max_upload_bytes=8 * 2**20,
        memory_cache_bytes=2**20,
        preparation_jobs=2,
        shutdown_timeout_s=0.1,
    )


@asynccontextmanager
async def running(config: AsConfig, preparer: Preparer | None) -> AsyncIterator[Peer]:
    async with (
        ApplicationServer(config, preparer=preparer, clock=Clock()) as server,
        aiohttp.ClientSession(auto_decompress=False) as http,
    ):
        yield Peer(server, http)


Run = Callable[[AsConfig, Preparer | None], Any]


@pytest.fixture
def run() -> Run:
    """Start a server with a configuration of its own; an async context manager of a Peer."""
    return running


@pytest.fixture
async def peer(config: AsConfig, preparer: FakePreparer) -> AsyncIterator[Peer]:
    """A server that is up, with nothing configured."""
    async with running(config, preparer) as peer:
        yield peer
