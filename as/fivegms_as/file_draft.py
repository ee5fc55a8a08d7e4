"""A draft in a file: what `FolderStore` hands out while bytes arrive."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from fivegms_as.files import disk_errors
from fivegms_as.store import UploadTerms

_READ_BYTES = 1024 * 1024


class FileDraft:
    """Bytes appended to `file`, hashed on the way; `companion` is a file that shares its fate."""

    def __init__(self, file: Path, terms: UploadTerms, *, companion: Path | None = None) -> None:
        self.file = file
        self.companion = companion
        self._terms = terms
        self._hash = hashlib.sha256()
        self._size = 0
        self._out: BinaryIO | None = None

    @property
    def size_bytes(self) -> int:
        """How many bytes came so far."""
        return self._size

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
        """Write and hash. Raises StoreFull."""
        with disk_errors():
            if self._out is None:
                self._out = self.file.open("ab", buffering=0)
            rest = memoryview(data)
            while rest:
                rest = rest[self._out.write(rest) :]
        self._hash.update(data)
        self._size += len(data)

    def finish(self) -> str:
        """Sync the bytes to the disk; returns their SHA-256. Raises StoreFull."""
        self._sync()
        return self._hash.hexdigest()

    def suspend(self) -> None:
        """Sync and close; the file stays."""
        self._sync()

    def discard(self) -> None:
        """Close and remove the file and its companion."""
        self._close()
        self.file.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """The file itself has been moved away: remove its companion."""
        if self.companion is not None:
            self.companion.unlink(missing_ok=True)

    def _sync(self) -> None:
        with disk_errors():
            if self._out is None:
                self._out = self.file.open("ab", buffering=0)
            os.fsync(self._out.fileno())
        self._close()

    def _close(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None
