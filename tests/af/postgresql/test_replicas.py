"""Application Functions that share a PostgreSQL lose no update and show no old state."""

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text

from fivegms_af.errors import ChangedMeanwhile, StorageUnavailable
from fivegms_af.provisioned import Document, DocumentKind, Session
from fivegms_af.store.database import Database
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_af.store.tables import policy_releases, session_handling_resources
from fivegms_api.common_data import ProvisioningSessionType
from support.postgresql import Cluster

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SESSION = Session("s1", ProvisioningSessionType.DOWNLINK, "app", None, NOW, 1)
JSON_PATCH = "application/json-patch+json"
CHANGES = 50
LONG_S = 30.0

# Both are told as "anything may have changed", one after the other.
DEAF = LISTENING = None


class Replica:
    """One AF's store, and what it was told of changes."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = ProvisioningStore(database)
        self.told: asyncio.Queue[str | None] = asyncio.Queue()
        self.store.on_change(self.told.put_nowait)

    async def until_told(self, session_id: str | None) -> None:
        async with asyncio.timeout(LONG_S):
            while await self.told.get() != session_id:
                pass


@asynccontextmanager
async def replica(url: str) -> AsyncIterator[Replica]:
    one = Replica(Database(url))
    try:
        await one.database.open()
        await one.until_told(LISTENING)
        yield one
    finally:
        await one.database.close()


@pytest.fixture
async def two(postgresql: Cluster) -> AsyncIterator[tuple[Replica, Replica]]:
    url = postgresql.migrated()
    async with replica(url) as one, replica(url) as other:
        yield one, other


async def test_a_change_at_one_replica_is_seen_at_the_other(two: tuple[Replica, Replica]) -> None:
    one, other = two
    await one.store.create(SESSION)
    await other.until_told("s1")
    known = await other.store.session("s1")
    assert await other.store.session("s1") is known
    document = Document("d", DocumentKind.POLICY_TEMPLATE, b"{}", NOW)
    await one.store.put_document(known, document)
    await other.until_told("s1")
    assert (await other.store.session("s1")).documents == (document,)


async def test_whoever_decided_on_what_the_other_changed_reads_anew(
    two: tuple[Replica, Replica],
) -> None:
    one, other = two
    await one.store.create(SESSION)
    known = await other.store.session("s1")
    await one.store.put_document(known, Document("d", DocumentKind.EDGE_RESOURCES, b"{}", NOW))
    with pytest.raises(ChangedMeanwhile):
        await other.store.delete(known, NOW)
    assert (await other.store.session("s1")).version == 2


async def test_one_s_own_changes_are_told_once(two: tuple[Replica, Replica]) -> None:
    one, other = two
    await one.store.create(SESSION)
    await other.store.create(Session("s2", SESSION.type, "app", None, NOW, 1))
    async with asyncio.timeout(LONG_S):
        assert [await one.told.get() for _ in range(2)] == ["s1", "s2"]


async def test_no_update_of_concurrent_writers_is_lost(postgresql: Cluster, start_af: Any) -> None:
    url = postgresql.migrated()
    replicas = [await start_af(database_url=url) for _ in range(2)]
    session = (await replicas[0].session()).removeprefix(replicas[0].m1)
    made = await replicas[0].send(
        "POST",
        f"{replicas[0].m1}{session}/content-preparation-templates",
        {"seen": []},
    )
    template = made.headers["Location"].removeprefix(replicas[0].m1)

    async def change(af: Any, name: str) -> None:
        for number in range(CHANGES):
            patch = [{"op": "add", "path": "/seen/-", "value": f"{name}{number}"}]
            answer = await af.send("PATCH", af.m1 + template, patch, JSON_PATCH)
            assert answer.status == 200, answer.body

    await asyncio.gather(*(change(af, name) for af, name in zip(replicas, "ab", strict=True)))
    shown = await replicas[0].get(replicas[0].m1 + template)
    seen = shown.json["seen"]
    for name in "ab":
        mine = [one for one in seen if one.startswith(name)]
        assert mine == [f"{name}{number}" for number in range(CHANGES)]


async def test_a_policy_granted_while_its_session_goes_is_let_go_of(
    two: tuple[Replica, Replica],
) -> None:
    granted, go_on = threading.Event(), threading.Event()

    def grant(connection: Connection) -> None:
        row = {"id": "p", "kind": "k", "body": b"", "version": 1, "modified": NOW}
        row |= {"provisioning_session_id": "s1", "control_reference": "reference"}
        connection.execute(insert(session_handling_resources), row)
        granted.set()
        assert go_on.wait(LONG_S)

    def waiting(connection: Connection) -> int:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return int(connection.exec_driver_sql(query).scalar_one())

    def released(connection: Connection) -> list[str]:
        return list(connection.scalars(select(policy_releases.c.control_reference)))

    one, other = two
    await one.store.create(SESSION)
    granting = asyncio.create_task(one.database.write(grant))
    assert await asyncio.to_thread(granted.wait, LONG_S)
    deleting = asyncio.create_task(other.store.delete(SESSION, NOW))
    async with asyncio.timeout(LONG_S):
        while await one.database.read(waiting) == 0:
            assert not deleting.done()
    go_on.set()
    await asyncio.gather(granting, deleting)
    assert await one.database.read(released) == ["reference"]


async def test_a_database_that_goes_away_and_comes_back(postgresql: Cluster) -> None:
    async with replica(postgresql.migrated()) as one:
        await one.store.create(SESSION)
        await one.store.session("s1")
        postgresql.stop()
        try:
            await one.until_told(DEAF)
            with pytest.raises(StorageUnavailable):
                await one.store.session("s1")
            with pytest.raises(StorageUnavailable):
                await one.store.delete(SESSION, NOW)
        finally:
            postgresql.start()
        assert await one.store.session("s1") == SESSION
        await one.until_told(LISTENING)
        known = await one.store.session("s1")
        assert await one.store.session("s1") is known


async def test_timeouts_hold_unless_the_url_says_otherwise(postgresql: Cluster) -> None:
    def statement_timeout(connection: Connection) -> str:
        return str(connection.exec_driver_sql("SHOW statement_timeout").scalar_one())

    url = postgresql.migrated()
    async with replica(url) as usual:
        assert await usual.database.read(statement_timeout) == "10s"
        assert await usual.database.write(statement_timeout) == "10s"
    async with replica(f"{url}&options=-cstatement_timeout%3D77s&connect_timeout=9") as other:
        assert await other.database.read(statement_timeout) == "77s"


async def test_a_statement_that_takes_too_long_is_given_up(postgresql: Cluster) -> None:
    async with replica(f"{postgresql.migrated()}&options=-cstatement_timeout%3D10") as one:
        with pytest.raises(StorageUnavailable, match="statement timeout"):
            await one.database.read(
                lambda connection: connection.scalar(text("SELECT pg_sleep(60)"))
            )


async def test_what_one_replica_did_while_the_other_was_deaf_is_seen(
    postgresql: Cluster,
) -> None:
    url = postgresql.migrated()
    async with replica(url) as one:
        await one.store.create(SESSION)
        await one.store.session("s1")
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        await asyncio.to_thread(postgresql.execute, cut)
        await one.until_told(DEAF)
        async with replica(url) as other:
            document = Document("d", DocumentKind.POLICY_TEMPLATE, b"{}", NOW)
            await other.store.put_document(SESSION, document)
        await one.until_told(LISTENING)
        assert (await one.store.session("s1")).documents == (document,)


async def test_two_first_starts_at_once(postgresql: Cluster, tmp_path: Path) -> None:
    url = postgresql.empty()
    async with AsyncExitStack() as stack:
        started = [await stack.enter_async_context(process(url, tmp_path / name)) for name in "ab"]
        async with asyncio.timeout(LONG_S):
            lines = [await af.stdout.readline() for af in started if af.stdout is not None]
    assert ["m1" in json.loads(line) for line in lines] == [True, True]


@asynccontextmanager
async def process(url: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """An AF in a process of its own; it prints one line once it serves."""
    af = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fivegms_af", "--m1", "127.0.0.1:0", "--m5", "127.0.0.1:0"),
        *("--operator", "127.0.0.1:0"),
        *("--data-dir", str(folder), "--database-url", url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield af
    finally:
        with suppress(ProcessLookupError):
            af.terminate()
        await af.communicate()
