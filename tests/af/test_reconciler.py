import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from fivegms_af.clock import until_set
from fivegms_af.config import ApplicationServerAddress
from fivegms_af.errors import ApplicationServerRefused
from fivegms_af.following import Following
from fivegms_af.memory_application_server import EVERYTHING, MemoryApplicationServer
from fivegms_af.provisioned import Hosting, Session, Template
from fivegms_af.pump import SESSIONS_AT_A_TIME
from fivegms_af.reconciler import REFRESH_S, Reconciler
from fivegms_af.store.database import Database, Listener
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_api.application_servers import ApplicationServerState
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.content_hosting import ContentHostingConfiguration, IngestConfiguration

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ADDRESS = ApplicationServerAddress("http://as:1", "http://as:2", "http://m4")
HOSTING = Hosting(
    ContentHostingConfiguration(
        name="n",
        ingest_configuration=IngestConfiguration(pull=False),
        distribution_configurations=(),
    ),
    NOW,
)
TEMPLATE = Template("t1", "a/b", "0" * 64, None, NOW)
LONG_S = 30.0


class Timer:
    """Waits that end when a change comes or the test says that the time is over."""

    def __init__(self) -> None:
        self.pauses: asyncio.Queue[float] = asyncio.Queue()
        self._over = asyncio.Event()

    async def __call__(self, event: asyncio.Event, timeout_s: float) -> None:
        self.pauses.put_nowait(timeout_s)
        waits = [asyncio.ensure_future(one.wait()) for one in (event, self._over)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._over.clear()

    def elapse(self) -> None:
        self._over.set()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ProvisioningStore]:
    database = Database(f"sqlite:///{tmp_path / 'af.sqlite3'}")
    await database.open()
    yield ProvisioningStore(database)
    await database.close()


@asynccontextmanager
async def running(reconciler: Reconciler) -> AsyncIterator[None]:
    task = asyncio.create_task(reconciler.run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def provisioned(store: ProvisioningStore, session_id: str = "s1") -> Session:
    """A session with a template and hosting."""
    kind = ProvisioningSessionType.DOWNLINK
    session = Session(session_id, kind, "app", None, NOW, 1)
    await store.create(session)
    template = replace(TEMPLATE, id=f"t-{session_id}")
    await store.put_template(session, template, b"template")
    await store.put_hosting(await store.session(session_id), HOSTING)
    return await store.session(session_id)


async def test_a_change_reaches_the_as_before_the_request_is_answered(
    store: ProvisioningStore,
) -> None:
    server = MemoryApplicationServer()
    reconciler = Reconciler(store, [server], ADDRESS, Timer())
    async with running(reconciler):
        await provisioned(store)
        await reconciler.changed("s1", LONG_S)
    assert server.calls[-2:] == [("put_template", "s1", "t-s1"), ("put_hosting", "s1")]
    assert server.templates["s1"]["t-s1"] == ("a/b", b"template")
    assert b"http://as:2/m2d/s1/" in server.hostings["s1"]


async def test_what_was_provisioned_while_the_as_was_down_follows(
    store: ProvisioningStore,
) -> None:
    server, timer = MemoryApplicationServer(), Timer()
    server.stop()
    reconciler = Reconciler(store, [server], ADDRESS, timer)
    async with running(reconciler):
        await provisioned(store)
        await reconciler.changed("s1", LONG_S)
        assert server.hostings == {}
        pauses = [await timer.pauses.get() for _ in range(2)]
        assert pauses == [0.5, 1.0]
        server.start()
        timer.elapse()
        assert await timer.pauses.get() == REFRESH_S
        assert list(server.hostings) == ["s1"]


async def test_an_as_that_lost_everything_gets_it_again(store: ProvisioningStore) -> None:
    server, timer = MemoryApplicationServer(), Timer()
    await provisioned(store)
    async with running(Reconciler(store, [server], ADDRESS, timer)):
        await timer.pauses.get()
        server.empty()
        timer.elapse()
        await timer.pauses.get()
    assert list(server.hostings) == ["s1"]
    assert list(server.templates["s1"]) == ["t-s1"]


async def test_changes_that_keep_coming_do_not_put_off_a_look_at_the_as(
    store: ProvisioningStore,
) -> None:
    server, now_s = MemoryApplicationServer(), 0.0
    reconciler = Reconciler(store, [server], ADDRESS, Timer(), lambda: now_s)
    await provisioned(store)
    await provisioned(store, "s2")
    async with running(reconciler):
        await reconciler.changed("s1", LONG_S)
        server.hostings.clear()
        await reconciler.changed("s1", LONG_S)
        assert server.hostings == {}
        now_s = REFRESH_S
        await reconciler.changed("s1", LONG_S)
    assert set(server.hostings) == {"s1", "s2"}


async def test_a_session_deleted_while_the_as_was_down_is_removed_then(
    store: ProvisioningStore,
) -> None:
    server, timer = MemoryApplicationServer(), Timer()
    session = await provisioned(store)
    reconciler = Reconciler(store, [server], ADDRESS, timer)
    async with running(reconciler):
        await timer.pauses.get()
        server.stop()
        await store.delete(session, NOW)
        await reconciler.changed("s1", LONG_S)
        await timer.pauses.get()
        assert await store.deleted_sessions() == {"s1"}
        server.start()
        timer.elapse()
        await timer.pauses.get()
        assert server.hostings == {}
        assert server.templates == {}
        assert await store.deleted_sessions() == frozenset()


async def test_a_deletion_is_remembered_until_every_as_has_followed(
    store: ProvisioningStore,
) -> None:
    up, down = MemoryApplicationServer(), MemoryApplicationServer()
    session = await provisioned(store)
    up_timer = Timer()
    async with running(Reconciler(store, [up, down], ADDRESS, up_timer)):
        [await up_timer.pauses.get() for _ in range(2)]
    down.stop()
    await store.delete(session, NOW)
    up_timer = Timer()
    async with running(Reconciler(store, [up, down], ADDRESS, up_timer)):
        [await up_timer.pauses.get() for _ in range(2)]
    assert up.hostings == {}
    assert await store.deleted_sessions() == {"s1"}
    down.start()
    timer = Timer()
    async with running(Reconciler(store, [up, down], ADDRESS, timer)):
        [await timer.pauses.get() for _ in range(2)]
    assert down.hostings == {}
    assert await store.deleted_sessions() == frozenset()


class Hearing(ProvisioningStore):
    """Keeps its listener, as another replica's changes reach it."""

    def on_change(self, listener: Listener) -> None:
        self.tell = listener
        super().on_change(listener)


@pytest.fixture
async def hearing(tmp_path: Path) -> AsyncIterator[Hearing]:
    database = Database(f"sqlite:///{tmp_path / 'af.sqlite3'}")
    await database.open()
    yield Hearing(database)
    await database.close()


class Picky(MemoryApplicationServer):
    """Refuses one session's configuration."""

    async def put_hosting(self, session_id: str, body: bytes) -> None:
        if session_id == "s1":
            raise ApplicationServerRefused(400, "no")
        await super().put_hosting(session_id, body)


async def test_one_refusal_does_not_keep_the_others_back(store: ProvisioningStore) -> None:
    server, timer = Picky(), Timer()
    await provisioned(store, "s1")
    await provisioned(store, "s2")
    async with running(Reconciler(store, [server], ADDRESS, timer)):
        assert await timer.pauses.get() == 0.5
    assert list(server.hostings) == ["s2"]


async def test_a_refusal_costs_the_other_sessions_nothing(hearing: Hearing) -> None:
    server, timer = Picky(), Timer()
    await provisioned(hearing, "s1")
    reconciler = Reconciler(hearing, [server], ADDRESS, timer)
    async with running(reconciler):
        assert await timer.pauses.get() == 0.5
        asked = server.calls.count(("status",))
        await provisioned(hearing, "s2")
        await reconciler.changed("s2", LONG_S)
        await provisioned(hearing, "s3")  # as at another replica: nobody waits for it
        while "s3" not in server.hostings:
            await timer.pauses.get()
        assert server.calls.count(("status",)) == asked
        assert reconciler.refused_sessions == (1,)


async def test_what_was_refused_is_tried_again(store: ProvisioningStore) -> None:
    server, timer = MemoryApplicationServer(), Timer()
    await provisioned(store, "s1")
    server.refusals["s1"] = ApplicationServerRefused(507, "full")
    async with running(Reconciler(store, [server], ADDRESS, timer)):
        assert await timer.pauses.get() == 0.5
        timer.elapse()
        assert await timer.pauses.get() == 1.0
        server.refusals.clear()
        timer.elapse()
        assert await timer.pauses.get() == REFRESH_S
    assert list(server.hostings) == ["s1"]


async def test_what_is_no_as_says_why(store: ProvisioningStore) -> None:
    server, timer = MemoryApplicationServer(), Timer()
    server.error = ApplicationServerRefused(404, "no M3 here")
    session = await provisioned(store)
    reconciler = Reconciler(store, [server], ADDRESS, timer)
    async with running(reconciler):
        await timer.pauses.get()
        [following] = reconciler.following(session)
    assert following.state is ApplicationServerState.UNREACHABLE
    assert following.reason is server.error


async def test_an_error_that_nobody_foresaw_is_survived(store: ProvisioningStore) -> None:
    server, timer = MemoryApplicationServer(), Timer()
    server.error = ZeroDivisionError("a bug")
    await provisioned(store)
    async with running(Reconciler(store, [server], ADDRESS, timer)):
        assert await timer.pauses.get() == 0.5
        server.start()
        timer.elapse()
        assert await timer.pauses.get() == REFRESH_S
    assert list(server.hostings) == ["s1"]


async def test_a_change_that_nobody_waits_for_is_followed(store: ProvisioningStore) -> None:
    server, timer = MemoryApplicationServer(), Timer()
    async with running(Reconciler(store, [server], ADDRESS, timer)):
        await timer.pauses.get()
        await provisioned(store)
        await timer.pauses.get()
    assert list(server.hostings) == ["s1"]


async def test_when_any_session_may_have_changed_all_are_compared(hearing: Hearing) -> None:
    server, timer = MemoryApplicationServer(), Timer()
    await provisioned(hearing)
    async with running(Reconciler(hearing, [server], ADDRESS, timer)):
        await timer.pauses.get()
        server.empty()
        hearing.tell(None)
        await timer.pauses.get()
    assert list(server.hostings) == ["s1"]


async def test_a_deletion_that_another_replica_has_done_with_is_followed_here_too(
    store: ProvisioningStore,
) -> None:
    server, timer = MemoryApplicationServer(), Timer()
    session = await provisioned(store)
    reconciler = Reconciler(store, [server], ADDRESS, timer)
    async with running(reconciler):
        await timer.pauses.get()
        server.stop()
        await store.delete(session, NOW)
        await store.forget_deleted({"s1"})
        await reconciler.changed("s1", LONG_S)
        await timer.pauses.get()
        server.start()
        timer.elapse()
        await timer.pauses.get()
    assert server.hostings == {}
    assert server.templates == {}


async def test_what_belongs_to_another_af_is_left_alone(store: ProvisioningStore) -> None:
    server, timer = MemoryApplicationServer(), Timer()
    server.hostings["foreign"] = b"{}"
    async with running(Reconciler(store, [server], ADDRESS, timer)):
        await timer.pauses.get()
        timer.elapse()
        await timer.pauses.get()
    assert server.hostings == {"foreign": b"{}"}


async def test_more_sessions_than_are_planned_at_a_time(store: ProvisioningStore) -> None:
    server, timer = MemoryApplicationServer(), Timer()
    names = {f"s{number}" for number in range(SESSIONS_AT_A_TIME + 2)}
    await asyncio.gather(*(provisioned(store, name) for name in names))
    async with running(Reconciler(store, [server], ADDRESS, timer)):
        await timer.pauses.get()
    assert server.hostings.keys() == names


async def test_what_the_first_as_can_do_is_what_it_said_last(store: ProvisioningStore) -> None:
    first, second, timer = MemoryApplicationServer(), MemoryApplicationServer(), Timer()
    first.stop()
    reconciler = Reconciler(store, [first, second], ADDRESS, timer)
    assert reconciler.capabilities is None
    async with running(reconciler):
        [await timer.pauses.get() for _ in range(2)]
        assert reconciler.capabilities is None
        assert [one is not None for one in reconciler.unreachable] == [True, False]
        first.start()
        await reconciler.changed("s1", LONG_S)
        assert reconciler.capabilities == EVERYTHING
        first.stop()
        timer.elapse()
        [await timer.pauses.get() for _ in range(2)]
        assert reconciler.capabilities == EVERYTHING


async def test_how_many_sessions_are_refused(store: ProvisioningStore) -> None:
    server, timer = MemoryApplicationServer(), Timer()
    await provisioned(store, "s1")
    session = await provisioned(store, "s2")
    server.refusals["s2"] = ApplicationServerRefused(409, "no")
    reconciler = Reconciler(store, [server], ADDRESS, timer)
    async with running(reconciler):
        await timer.pauses.get()
        assert reconciler.refused_sessions == (1,)
        [following] = reconciler.following(session)
        assert following.state is ApplicationServerState.REFUSED
        await store.delete(session, NOW)
        await reconciler.changed("s2", LONG_S)
        assert reconciler.refused_sessions == (0,)


async def test_before_the_as_has_answered_everything_is_pending(store: ProvisioningStore) -> None:
    session = await provisioned(store)
    [following] = Reconciler(store, [MemoryApplicationServer()], ADDRESS).following(session)
    assert following == Following(ApplicationServerState.PENDING, NOW)


async def test_without_an_as_nothing_is_waited_for(store: ProvisioningStore) -> None:
    await Reconciler(store, [], None, Timer()).changed("s1", LONG_S)


async def test_waiting_ends_with_the_event_or_the_time() -> None:
    event = asyncio.Event()
    await until_set(event, 0)
    event.set()
    await until_set(event, LONG_S)


async def test_an_af_without_an_as_has_nothing_to_complain_of(start_af: Any) -> None:
    with structlog.testing.capture_logs() as logged:
        af = await start_af(application_servers=())
        await af.session()
    assert [one for one in logged if one["log_level"] not in ("debug", "info")] == []
