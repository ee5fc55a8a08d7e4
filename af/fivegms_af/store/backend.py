"""What a database product has to offer, for `database` to be the same over each.

Knows no thread, no event loop but the one that `watch` runs in, and no table.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from sqlalchemy import Connection, Engine


class Backend(Protocol):
    """A database: how to reach it, how many may write at once, and who else changes it.

    `writing` begins transactions that may write, `reading` such that see one consistent state.
    `writers` threads take up to `batch` writes each into one transaction.
    """

    writing: Engine
    reading: Engine
    writers: int
    batch: int
    readers: int

    def open(self) -> None:
        """Before the first connection. Raises StorageUnavailable, OSError."""

    def close(self) -> None:
        """After the last."""

    def begin_migration(self, connection: Connection) -> None:
        """Keep every other migration out until this transaction ends."""

    def announce(self, connection: Connection, session_ids: Iterable[str]) -> None:
        """Have others that share the database told of these changes once they are committed."""

    async def watch(self, told: Callable[[str], None], hears: Callable[[bool], None]) -> None:
        """Call `told` for each change that others make, until cancelled.

        `hears(True)` before the first that is certain to come, `hears(False)` once some may be
        missed. Returns at once where there are no others.
        """
