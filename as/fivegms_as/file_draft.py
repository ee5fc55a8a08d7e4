"""A draft in a file: what `FolderStore` hands out while bytes arrive."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from fivegms_as.errors import UploadWithdrawn
from fivegms_as.files import disk_errors
from fivegms_as.store import UploadTerms

_READ_BYTES = 1024 * 1024


class FileDraft:
    """Bytes appended to `file`, hashed on the way; `companion` is a file that shares its fate.

    The file exists beforehand and is open only while something is done to it, so a forgotten draft
    holds no descriptor. It is never made anew: once the store has removed it, the digest speaks of
    bytes that are gone, and everything but `discard` raises UploadWithdrawn.
    """

    def __init__(self, file: Path, terms: UploadTerms, *, companion: Path | None = None) -> None:
        self.file = file
        self.companion = companion
        self._terms = terms
        self._hash = hashlib.sha256()
        self._size = 0

    @property
    def size_bytes(self) -> int:
        """How many bytes came so far."""
        return self._size

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes that came so far, in hex."""
        return self._hash.hexdigest()

    @property
    def terms(self) -> UploadTerms:
        """What was announced."""
        return self._terms

    def load(self) -> None:
        """Take what the file already holds into size and digest."""
        with self.file.open("rb") as existing:
            while block := existing.read(_READ_BYTES):
                self._hash.update(block)
                self._size += len(block)

    def append(self, data: bytes | bytearray) -> None:
        """Write and hash. Raises StoreFull, UploadWithdrawn."""
        with disk_errors(), _appending(self.file) as out:
            rest = memoryview(data)
            while rest:
                rest = rest[out.write(rest) :]
        self._hash.update(data)
        self._size += len(data)

    def finish(self) -> str:
        """Sync the bytes to the disk; returns their SHA-256. Raises StoreFull, UploadWithdrawn."""
        self._sync()
        return self.sha256

    def suspend(self) -> None:
        """Sync the bytes to the disk; the file stays. Raises UploadWithdrawn."""
        self._sync()

    def discard(self) -> None:
        """Remove the file and its companion."""
        self.file.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """The file itself has been moved away: remove its companion."""
        if self.companion is not None:
            self.companion.unlink(missing_ok=True)

    def _sync(self) -> None:
        with disk_errors(), _appending(self.file) as out:
            os.fsync(out.fileno())


@contextmanager
def _appending(file: Path) -> Iterator[FileIO]:
    """The end of a file that exists. Raises UploadWithdrawn."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
    except FileNotFoundError:
        raise UploadWithdrawn from None
    with os.fdopen(descriptor, "ab", buffering=0) as out:
        yield out
