"""SQLite, made durable and private: one file, one Application Function, one writer.

A commit is on the disk before it is acknowledged (WAL, `synchronous=FULL`), and readers and the
writer do not block one another. The file may hold private keys, so nobody else reads it.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from fivegms_af.errors import StorageUnavailable
from fivegms_af.store.lock_file import exclusive

BUSY_TIMEOUT_MS = 5_000

_PRAGMAS = (
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
)


class Sqlite:
    """The backend over one file. Raises StorageUnavailable for a URL that names none."""

    writers = 1
    batch = 64
    readers = 3

    def __init__(self, url: URL) -> None:
        if url.database in (None, "", ":memory:"):
            raise StorageUnavailable("an SQLite database needs a file: sqlite:///PATH")
        self._file = Path(str(url.database))
        self._held = ExitStack()
        self.writing = _engine(url, self.writers, begin="BEGIN IMMEDIATE")
        self.reading = _engine(url, self.readers, begin="BEGIN", extra=("query_only=ON",))

    def open(self) -> None:
        """Take the file for this process alone, made if need be."""
        self._held.enter_context(exclusive(self._file))
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, 0o600)  # its journal gets the same
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Close every connection, which puts the journal away, and give the file back."""
        self.reading.dispose()
        self.writing.dispose()
        self._held.close()

    def begin_migration(self, connection: Connection) -> None:
        """The only writer is alone already."""

    def announce(self, connection: Connection, session_ids: Iterable[str]) -> None:
        """There is nobody else."""

    async def watch(self, told: Callable[[str], None], hears: Callable[[bool], None]) -> None:
        """All changes are our own."""
        hears(True)


def _engine(url: URL, connections: int, *, begin: str, extra: Iterable[str] = ()) -> Engine:
    """The driver's own transaction control is off: it would begin late, and a read that turns into
    a write fails at once when another writer was faster.
    """
    engine = create_engine(url, pool_size=connections, max_overflow=0)
    pragmas = (*_PRAGMAS, *extra)

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
