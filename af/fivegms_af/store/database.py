"""The AF's database: work that is handed to it runs in threads, and writes share commits.

Knows transactions, threads and listeners; no table, and of a product only its `Backend`. Work is a
function of a connection. It must read all that it returns, and must not keep the connection.

A write is durable when it returns. Those that wait at the same time share one transaction and one
sync of the disk, each in a savepoint of its own, so that one that fails undoes only itself.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import ArgumentError

from fivegms_af import migrations
from fivegms_af.errors import StorageUnavailable
from fivegms_af.store.backend import Backend
from fivegms_af.store.failures import named
from fivegms_af.store.postgresql import Postgresql
from fivegms_af.store.sqlite import Sqlite

log = structlog.get_logger()

T = TypeVar("T")
Listener = Callable[[str | None], None]
BatchListener = Callable[[int], None]

# Alembic keeps its operations in a process-wide proxy: several AFs in one process take turns.
_migrating = threading.Lock()


@dataclass(slots=True)
class _Write:
    """A write under way: what to do, which sessions that changes, and how it ended."""

    work: Callable[[Connection], Any]
    touches: tuple[str, ...]
    done: "asyncio.Future[None]"
    result: Any = None
    error: BaseException | None = None


class Database:
    """A database by its URL: `sqlite:///FILE` or `postgresql://...`, with or without the driver.

    Whoever waits longer than `answer_timeout_s` gets StorageUnavailable, and so does any other URL.
    """

    def __init__(self, url: str, answer_timeout_s: float = 30.0) -> None:
        self._answer_timeout_s = answer_timeout_s
        self._backend = _backend(url)
        self._writers = ThreadPoolExecutor(self._backend.writers, "af-write")
        self._readers = ThreadPoolExecutor(self._backend.readers, "af-read")
        self._waiting: deque[_Write] = deque()
        self._listeners: list[Listener] = []
        self._batch_listeners: list[BatchListener] = []
        self._hears_all = False
        self._watching: asyncio.Task[None] | None = None

    @property
    def hears_all(self) -> bool:
        """Whether listeners are told of every change, whoever makes it."""
        return self._hears_all

    async def open(self) -> None:
        """Connect, migrate, and listen to changes; raises StorageUnavailable."""
        await asyncio.get_running_loop().run_in_executor(self._writers, self._open)
        self._watching = asyncio.create_task(self._backend.watch(self._tell, self._hear))
        self._watching.add_done_callback(_report)

    async def close(self) -> None:
        """Let what was begun end, then give every connection back."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        await asyncio.to_thread(self._close)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` finds in one consistent view. Raises StorageUnavailable."""
        loop = asyncio.get_running_loop()
        return await self._answered(loop.run_in_executor(self._readers, self._read, work))

    async def write(self, work: Callable[[Connection], T], *, touches: Iterable[str] = ()) -> T:
        """What `work` returns once what it did is durable; all of it, or nothing where it raises.

        `touches` are the Provisioning Sessions that it changes: every listener knows before this
        returns. Raises StorageUnavailable, ChangedMeanwhile, and what `work` raises. Whoever is
        cancelled, or told that no answer came in time, does not know whether it happened.
        """
        write = _Write(work, tuple(touches), asyncio.get_running_loop().create_future())
        self._waiting.append(write)
        self._writers.submit(self._write_waiting)
        await self._answered(write.done)
        if write.error is not None:
            raise write.error
        result: T = write.result
        return result

    def on_change(self, listener: Listener) -> None:
        """Have `listener` called, on the event loop, with each session that changes.

        None says that any may have: what others change was not heard for a while.
        """
        self._listeners.append(listener)

    def on_batch(self, listener: BatchListener) -> None:
        """Have `listener` called, on the event loop, with how many writes shared each commit."""
        self._batch_listeners.append(listener)

    def _open(self) -> None:
        with named():
            self._backend.open()
            with _migrating, self._backend.writing.begin() as connection:
                self._backend.begin_migration(connection)
                migrations.upgrade(connection)

    def _close(self) -> None:
        self._writers.shutdown()
        self._readers.shutdown()
        self._backend.close()

    def _read(self, work: Callable[[Connection], T]) -> T:
        with named(), self._backend.reading.begin() as connection:
            return work(connection)

    def _write_waiting(self) -> None:
        """Each write submits this once, so whatever one call leaves the next one finds."""
        batch = self._next_batch()
        if not batch:
            return
        try:
            with named():
                self._commit(batch)
        except BaseException as error:
            for write in batch:
                write.error = write.error or error
        batch[0].done.get_loop().call_soon_threadsafe(self._finish, batch)

    def _next_batch(self) -> list[_Write]:
        batch: list[_Write] = []
        with suppress(IndexError):
            while len(batch) < self._backend.batch:
                write = self._waiting.popleft()
                if not write.done.cancelled():
                    batch.append(write)
        return batch

    def _commit(self, batch: list[_Write]) -> None:
        with self._backend.writing.begin() as connection:
            if len(batch) == 1:
                self._perform(connection, batch[0])
                return
            for write in batch:
                self._perform_apart(connection, write)

    def _perform_apart(self, connection: Connection, write: _Write) -> None:
        """The work's own error undoes its savepoint; any other that there is, everybody's work."""
        try:
            with _savepoint(connection):
                self._perform(connection, write)
        except Exception as error:
            if error is not write.error:
                raise

    def _perform(self, connection: Connection, write: _Write) -> None:
        try:
            with named():
                write.result = write.work(connection)
                self._backend.announce(connection, write.touches)
        except Exception as error:
            write.error = error
            raise

    def _finish(self, batch: list[_Write]) -> None:
        """Listeners first: whoever learns that a change happened finds no trace of the old state.

        They hear of failed ones too: a commit whose answer was lost may have happened, and one that
        was refused may have been decided on what is no longer true.
        """
        try:
            for session_id in {touched for write in batch for touched in write.touches}:
                self._tell(session_id)
            for listener in self._batch_listeners:
                listener(len(batch))
        finally:
            for write in batch:
                if not write.done.done():
                    write.done.set_result(None)

    def _tell(self, session_id: str | None) -> None:
        for listener in self._listeners:
            listener(session_id)

    def _hear(self, hears_all: bool) -> None:
        if self._hears_all is not hears_all:
            self._hears_all = hears_all
            self._tell(None)

    async def _answered(self, done: "asyncio.Future[T]") -> T:
        try:
            async with asyncio.timeout(self._answer_timeout_s):
                return await done
        except TimeoutError as error:
            raise StorageUnavailable(
                f"the database did not answer within {self._answer_timeout_s:g} s"
            ) from error


@contextmanager
def _savepoint(connection: Connection) -> Iterator[None]:
    """As `Connection.begin_nested`, whose bookkeeping costs as much as a write."""
    connection.exec_driver_sql("SAVEPOINT write_apart")
    try:
        yield
    except BaseException:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT write_apart")
        raise
    connection.exec_driver_sql("RELEASE SAVEPOINT write_apart")


def _backend(address: str) -> Backend:
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise StorageUnavailable("the database URL cannot be read") from error
    match url.drivername:
        case "sqlite" | "sqlite+pysqlite":
            return Sqlite(url.set(drivername="sqlite+pysqlite"))
        case "postgresql" | "postgresql+psycopg":
            return Postgresql(url.set(drivername="postgresql+psycopg"))
    raise StorageUnavailable(f"{url.drivername} is none of sqlite:///FILE and postgresql://...")


def _report(watching: "asyncio.Task[None]") -> None:
    """Watching a shared database never ends by itself; should it, the log has to say so."""
    if not watching.cancelled() and watching.exception() is not None:
        log.critical("changes of other replicas are not heard", exc_info=watching.exception())
