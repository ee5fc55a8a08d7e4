"""Reads, writes and listeners of a database; what is one product's own is tested apart."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from fivegms_af.errors import ChangedMeanwhile, StorageUnavailable
from fivegms_af.store.database import Database
from fivegms_af.store.tables import deleted_sessions
from support.postgresql import on_both_databases

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LONG_S = 30.0

Work = Callable[[Connection], object]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


def keep(name: str) -> Work:
    row = {"provisioning_session_id": name, "deleted": NOW}
    return lambda connection: connection.execute(insert(deleted_sessions), row) and None


def kept(connection: Connection) -> set[str]:
    return set(connection.scalars(select(*deleted_sessions.primary_key)))


class Gate:
    """Work that waits inside its transaction until it is let through."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()

    def __call__(self, connection: Connection) -> None:
        self.reached.set()
        assert self._open.wait(LONG_S)

    async def until_reached(self) -> None:
        assert await asyncio.to_thread(self.reached.wait, LONG_S)

    def open(self) -> None:
        self._open.set()


async def together(database: Database, works: Sequence[Work]) -> list[object | BaseException]:
    """The outcomes of writes that all waited while another one was under way."""
    gate = Gate()
    before = asyncio.create_task(database.write(gate))
    await gate.until_reached()
    tasks = [asyncio.create_task(database.write(work)) for work in works]
    await asyncio.sleep(0)
    gate.open()
    await before
    return await asyncio.gather(*tasks, return_exceptions=True)


@on_both_databases
async def test_a_write_returns_what_its_work_returns(database: Database) -> None:
    assert await database.write(lambda connection: connection.scalar(select(func.abs(-5)))) == 5


@on_both_databases
async def test_two_hundred_writers_at_once(database: Database) -> None:
    names = {f"s{number}" for number in range(200)}
    await asyncio.gather(*(database.write(keep(name)) for name in names))
    assert await database.read(kept) == names


@on_both_databases
async def test_what_fails_is_undone_alone(database: Database) -> None:
    def fail(connection: Connection) -> None:
        keep("half")(connection)
        raise KeyError

    works = [keep("a"), fail, keep("a"), keep("b")]
    outcomes = await together(database, works)
    assert [type(outcome) for outcome in outcomes].count(KeyError) == 1
    assert [type(outcome) for outcome in outcomes].count(ChangedMeanwhile) == 1
    assert await database.read(kept) == {"a", "b"}


@on_both_databases
async def test_a_fault_of_ours_is_not_taken_for_the_database_s(database: Database) -> None:
    nothing = {"provisioning_session_id": "s", "deleted": None}
    with pytest.raises(IntegrityError):
        await database.write(
            lambda connection: connection.execute(insert(deleted_sessions), nothing)
        )


@on_both_databases
async def test_a_cancelled_caller_leaves_the_others_alone(database: Database) -> None:
    gate = Gate()
    cancelled = asyncio.create_task(database.write(gate))
    await gate.until_reached()
    others = [asyncio.create_task(database.write(keep(name))) for name in "abc"]
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    gate.open()
    await asyncio.gather(*others)
    assert await database.read(kept) == {"a", "b", "c"}


@on_both_databases
async def test_a_read_sees_one_state(database: Database) -> None:
    seen, changed = threading.Event(), threading.Event()

    def read_twice(connection: Connection) -> list[set[str]]:
        before = kept(connection)
        seen.set()
        assert changed.wait(LONG_S)
        return [before, kept(connection)]

    reading = asyncio.create_task(database.read(read_twice))
    assert await asyncio.to_thread(seen.wait, LONG_S)
    await database.write(keep("s"))
    changed.set()
    assert await reading == [set(), set()]
    assert await database.read(kept) == {"s"}


@on_both_databases
async def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises(StorageUnavailable, match=r"read.?only"):
        await database.read(keep("s"))


@on_both_databases
async def test_listeners_know_before_the_write_returns(database: Database) -> None:
    told: list[str | None] = []
    database.on_change(told.append)
    await database.write(keep("a"), touches=["s1", "s2"])
    assert {"s1", "s2"} <= set(told)


@on_both_databases
async def test_listeners_know_of_a_write_that_failed_too(database: Database) -> None:
    told: list[str | None] = []
    await database.write(keep("a"))
    database.on_change(told.append)
    with pytest.raises(ChangedMeanwhile):
        await database.write(keep("a"), touches=["s1"])
    assert "s1" in told


@on_both_databases
async def test_nobody_waits_for_ever(database_url: str) -> None:
    database = Database(database_url, answer_timeout_s=0.01)
    await database.open()
    gate = Gate()
    try:
        with pytest.raises(StorageUnavailable, match=r"did not answer within 0.01 s"):
            await database.write(gate)
        with pytest.raises(StorageUnavailable, match="did not answer"):
            await database.read(gate)
    finally:
        gate.open()
        await database.close()


async def test_writes_that_wait_share_a_transaction(database: Database) -> None:
    connections: list[Connection] = []
    await together(database, [connections.append] * 64)
    assert len({id(connection) for connection in connections}) == 1


async def test_whoever_gave_up_waiting_changed_nothing(database: Database) -> None:
    gate = Gate()
    before = asyncio.create_task(database.write(gate))
    await gate.until_reached()
    waiting = asyncio.create_task(database.write(keep("a")))
    await asyncio.sleep(0)
    waiting.cancel()
    gate.open()
    await before
    await database.write(keep("b"))
    assert await database.read(kept) == {"b"}


async def test_a_commit_that_fails_fails_all_that_share_it(database: Database) -> None:
    def break_at_commit(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        connection.exec_driver_sql(
            "INSERT INTO content_hosting_configurations VALUES ('nobody', x'', '2026-11-23')"
        )

    outcomes = await together(database, [keep("a"), break_at_commit, keep("b")])
    assert all(isinstance(outcome, ChangedMeanwhile) for outcome in outcomes)
    assert await database.read(kept) == set()
    await database.write(keep("c"))
    assert await database.read(kept) == {"c"}


async def test_a_transaction_that_is_lost_fails_all_that_share_it(database: Database) -> None:
    outcomes = await together(
        database,
        [keep("a"), lambda connection: connection.exec_driver_sql("ROLLBACK"), keep("b")],
    )
    assert all(isinstance(outcome, StorageUnavailable) for outcome in outcomes)
    assert await database.read(kept) == set()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://h/d", "none of"),
        ("sqlite+aiosqlite:///f", "none of"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("secret", "cannot be read"),
    ],
)
def test_a_url_of_another_kind_is_refused(url: str, reason: str) -> None:
    with pytest.raises(StorageUnavailable, match=reason) as refused:
        Database(url)
    assert "secret" not in str(refused.value)
