"""A model file that stays open and is read in pieces, so that its weights need not be in memory.

Whoever holds the `ModelFile` reads the file that was opened, also when another one has taken its
place meanwhile: a graph never gets the weights of the version after it.
"""

import os
import weakref
from pathlib import Path

from fivegms_prepare.errors import SourceMissing, cause_of

_MOST_AT_ONCE = 2**31 - 2**12
"""What one system call gives at most (Linux: 2 GiB less a page)."""


class ModelFile:
    """The bytes of one file, read where they are asked for. Safe to read from several threads."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises SourceMissing."""
        try:
            if not path.is_file():
                raise SourceMissing(f"there is no file {path.name}: upload the model first")
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _unreadable(path.name, error) from error
        weakref.finalize(self, os.close, self._descriptor)
        self.name = os.fsencode(path.name).decode(errors="replace")  # a name may be any bytes
        self.size_bytes = os.fstat(self._descriptor).st_size

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to before `end`; fewer where the file ends. Raises SourceMissing.

        One allocation, unless they are more than 2 GiB.
        """
        pieces = []
        while start < end:
            try:
                piece = os.pread(self._descriptor, min(end - start, _MOST_AT_ONCE), start)
            except OSError as error:
                raise _unreadable(self.name, error) from error
            if not piece:
                break
            pieces.append(piece)
            start += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _unreadable(name: str, error: OSError) -> SourceMissing:
    return SourceMissing(f"{name[:100]} cannot be read: {cause_of(error)}")
