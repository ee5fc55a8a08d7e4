"""Files that are whole or absent, whatever happens: the order of write, fsync and rename."""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fivegms_as.errors import DataFolderInUse, StoreFull

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn "no space", "quota exceeded" and "file too large" into StoreFull."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreFull(f"the disk has no room: {error.strerror}") from error
        raise


def replace_file(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Make `data` the content of `path`, durably; on failure the old content stays.

    `mode` is what the process's umask leaves of it, from the first byte on.

    Raises StoreFull, OSError.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with disk_errors():
            _write_through(temporary, data, mode)
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """Remove a file durably, if it is there."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable (fsync(2): a file's own fsync does not)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Have a folder, made if need be, to oneself; a process that dies gives it back.

    Raises DataFolderInUse.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataFolderInUse(f"another server keeps its data in {folder}") from None
        yield


def is_temporary(path: Path) -> bool:
    """Whether a crash left this file behind in the middle of `replace_file`."""
    return path.name.startswith(".")


def _write_through(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
