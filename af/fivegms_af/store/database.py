"""The database engine: SQLite made durable, any other database as its URL says.

Knows connections and transactions, no table. Alembic keeps its operations in a process-wide
proxy, so migrations of several AFs in one process take turns.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from fivegms_af import migrations
from fivegms_af.errors import ChangedMeanwhile, StorageUnavailable

BUSY_TIMEOUT_MS = 5_000

# SQLSTATEs of transactions that another one got in the way of: serialization failure, deadlock.
_INTERFERENCE = frozenset({"40001", "40P01"})

_migrating = asyncio.Lock()


class Database:
    """An engine and its two kinds of transaction.

    `reading` sees one consistent state; `writing` also keeps other writers out from its start
    (SQLite) or fails where they interfered (others), and is durable once it has ended.
    """

    def __init__(self, url: str) -> None:
        self._file: str | None = None
        if make_url(url).get_backend_name() == "sqlite":
            self._file = make_url(url).database
            self._engine = create_async_engine(url)
            _make_durable(self._engine)
        else:
            self._engine = create_async_engine(
                url, isolation_level="REPEATABLE READ", pool_pre_ping=True
            )

    async def open(self) -> None:
        """Connect and migrate; raises StorageUnavailable."""
        if self._file is not None:
            await asyncio.to_thread(_try_to_open, self._file)
        async with _migrating, self.writing() as connection:
            await connection.run_sync(migrations.upgrade)

    async def close(self) -> None:
        """Give every connection back."""
        await self._engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One consistent view. Raises StorageUnavailable."""
        with _named_errors():
            async with self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """All or nothing. Raises StorageUnavailable, ChangedMeanwhile."""
        with _named_errors():
            async with self._engine.execution_options(writes=True).begin() as connection:
                yield connection


def _try_to_open(file: str) -> None:
    """Open and close `file`: where aiosqlite cannot, its thread may outlive the event loop."""
    try:
        sqlite3.connect(file).close()
    except sqlite3.Error as error:
        raise StorageUnavailable(f"the database says: {error} ({file})") from error


@contextmanager
def _named_errors() -> Iterator[None]:
    """Only what the database says; a rule's own error passes through."""
    try:
        yield
    except IntegrityError as error:
        raise ChangedMeanwhile from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _INTERFERENCE:
            raise ChangedMeanwhile from error
        raise StorageUnavailable(f"the database says: {error.orig}") from error
    except (OSError, PoolExhausted) as error:
        raise StorageUnavailable(f"the database does not answer: {error}") from error


def _make_durable(engine: AsyncEngine) -> None:
    """A commit is on the disk before it is acknowledged; readers and a writer do not block.

    The driver's own transaction control is off because it would begin late: a read that turns into
    a write fails at once when another writer was faster.
    """

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        try:
            _set_up(connection)
        except BaseException:
            connection.close()  # the pool never sees it, and its thread would outlive the loop
            raise

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _set_up(connection: DBAPIConnection) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
