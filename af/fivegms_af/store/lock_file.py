"""One process at a time: a lock file beside what it guards, given back by a process that dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fivegms_af.errors import StorageUnavailable


@contextmanager
def exclusive(guarded: Path) -> Iterator[None]:
    """Hold `guarded` alone; the lock file names the holder's process.

    Raises StorageUnavailable that says who holds it, OSError where no file can be made.
    """
    lock = guarded.with_name(f"{guarded.name}.lock")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, guarded)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, guarded: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace") or "another process"
        raise StorageUnavailable(
            f"{guarded} is held by another Application Function (process {holder}); "
            "several share a PostgreSQL"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, b"%d" % os.getpid(), 0)
