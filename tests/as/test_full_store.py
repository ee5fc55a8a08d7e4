"""A store without room, seen by a provider: 507, nothing lost, and room again after a deletion."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from fivegms_api.m3 import Capabilities
from fivegms_as.certificates import Certificates
from fivegms_as.documents import MemoryDocuments
from fivegms_as.memory_store import MemoryStore
from fivegms_as.preparation import PreparationJobs
from fivegms_as.quarantine import Quarantine
from fivegms_as.server import Parts, create_media_app
from fivegms_as.sessions import Hosting, Session, Sessions
from fivegms_as.source_pull import SourcePull

HOSTING = {
    "name": "n",
    "ingestConfiguration": {"pull": False},
    "distributionConfigurations": [{}],
}


def now():
    return datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
async def client(aiohttp_client, preparer, pull_of, delivery_of, tmp_path):
    store = MemoryStore(capacity_bytes=1000)
    store.create_session("s1")
    sessions = Sessions(MemoryDocuments())
    sessions.save(Session("s1", Hosting.parse(json.dumps(HOSTING).encode())))
    pull = pull_of(store, sessions)
    jobs = PreparationJobs(
        *(store, sessions, MemoryDocuments(), preparer, SourcePull(pull, first_retry_s=1)),
        work=tmp_path / "work",
        concurrency=1,
        clock=now,
    )
    async with jobs:
        quarantine = Quarantine(tmp_path / "quarantine")
        parts = Parts(
            store=store,
            sessions=sessions,
            certificates=Certificates(tmp_path / "certificates", quarantine),
            quarantine=quarantine,
            jobs=jobs,
            pull=pull,
            delivery=delivery_of(store, sessions),
            capabilities=Capabilities(
                geo_fencing_locator_types=(), tls=False, pull_ingest=False, inference_slots=1
            ),
        )
        yield await aiohttp_client(create_media_app(parts, max_upload_bytes=10_000, clock=now))
        await asyncio.wait_for(jobs.settled(), 30)


async def test_a_full_store_is_507_and_keeps_what_it_has(client):
    assert (await client.put("/m2d/s1/a", data=b"a" * 600)).status == 201
    refused = await client.put("/m2d/s1/b", data=b"b" * 600)
    assert refused.status == 507
    assert (await refused.json(content_type=None))["type"].endswith(":store-full")
    assert (await client.head("/m2d/s1/b")).status == 404
    kept = await client.get("/m4d/provisioning-session-s1/a")
    assert await kept.read() == b"a" * 600
    assert (await client.delete("/m2d/s1/a")).status == 204
    assert (await client.put("/m2d/s1/b", data=b"b" * 600)).status == 201


async def test_content_that_is_no_file_is_delivered_too(client):
    await client.put("/m2d/s1/a", data=b"abcdef")
    answer = await client.get("/m4d/provisioning-session-s1/a", headers={"Range": "bytes=1-2"})
    assert (answer.status, await answer.read()) == (206, b"bc")
