"""PostgreSQL, shared by several Application Functions that tell each other what they changed.

Writers are READ COMMITTED and say which version they decided on; readers see one snapshot. Every
wait ends: the server gives up a statement, the kernel a connection whose peer is silent.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable

import psycopg
import structlog
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection, IsolationLevel
from sqlalchemy.pool import ConnectionPoolEntry

CHANNEL = "fivegms_sessions"
STATEMENT_TIMEOUT_MS = 10_000
HEARTBEAT_S = 5.0
RETRY_S = (0.1, 0.5, 1.0, 2.0, 5.0)

# Any number that nobody else locks in the same database: "5GMS" in ASCII.
_MIGRATION_LOCK = 0x35474D53

# libpq's names and units: seconds, but for tcp_user_timeout in milliseconds.
_PATIENCE = {
    "connect_timeout": "5",
    "tcp_user_timeout": "10000",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
}

log = structlog.get_logger()


class Postgresql:
    """The backend over one database; what its URL says of timeouts goes before what is here."""

    writers = 8
    batch = 1
    readers = 8

    def __init__(self, url: URL) -> None:
        url = _with_timeouts(url)
        self._origin = secrets.token_hex(8)
        self.writing = _engine(url, self.writers, isolation_level="READ COMMITTED")
        self.reading = _engine(url, self.readers, isolation_level="REPEATABLE READ")
        event.listen(self.reading, "connect", _only_read)
        _, arguments = self.writing.dialect.create_connect_args(url)
        self._arguments = dict(arguments)

    def open(self) -> None:
        """Connections are made when they are needed."""

    def close(self) -> None:
        """Give every connection back."""
        self.reading.dispose()
        self.writing.dispose()

    def begin_migration(self, connection: Connection) -> None:
        """Wait, for as long as it takes, until no other replica migrates."""
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))

    def announce(self, connection: Connection, session_ids: Iterable[str]) -> None:
        """Part of the transaction: PostgreSQL tells at commit, once each."""
        for session_id in session_ids:
            payload = f"{self._origin} {session_id}"
            connection.execute(
                text("SELECT pg_notify(:channel, :payload)"),
                {"channel": CHANNEL, "payload": payload},
            )

    async def watch(self, told: Callable[[str], None], hears: Callable[[bool], None]) -> None:
        """Listen on a connection of its own, and again after each loss of it."""
        failures = 0
        while True:
            try:
                async with await self._connect() as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    hears(True)
                    failures = 0
                    await self._listen(connection, told)
            except (psycopg.Error, OSError) as error:
                log.warning("changes of other replicas are not heard", error=str(error))
            finally:
                hears(False)
            await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1

    async def _connect(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
        return await psycopg.AsyncConnection.connect(**self._arguments, autocommit=True)

    async def _listen(
        self, connection: psycopg.AsyncConnection[tuple[object, ...]], told: Callable[[str], None]
    ) -> None:
        """Until the connection fails; a silent one is asked whether it still is one."""
        while True:
            async for notification in connection.notifies(timeout=HEARTBEAT_S):
                origin, _, session_id = notification.payload.partition(" ")
                if origin != self._origin:
                    told(session_id)
            async with asyncio.timeout(HEARTBEAT_S):
                await connection.execute("SELECT 1")


def _with_timeouts(url: URL) -> URL:
    """The last of several settings of one name in `options` is the one that counts."""
    options = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} {url.query.get('options', '')}"
    return url.set(query={**_PATIENCE, **url.query, "options": options.rstrip()})


def _engine(url: URL, connections: int, isolation_level: IsolationLevel) -> Engine:
    return create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,
        isolation_level=isolation_level,
    )


def _only_read(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.read_only = True
