"""Where finished segments stay between runs: a folder of files named by their SHA-256.

Segments are immutable and named by digest, so one cache serves every model, version and variant; a
second run, or one after an interruption, fetches only what is not here. A segment is checked again
when it is read, written under another name first, and thrown out when it was not used for longest.
Several processes may share a folder.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, Protocol

from platformdirs import user_cache_path

from fivegms_client.errors import CacheUnusable
from fivegms_manifests.model import SegmentRef

DEFAULT_CACHE_BYTES = 8 * 1024**3


class SegmentStore(Protocol):
    """Segments that are on this device already."""

    def get(self, part: SegmentRef) -> bytes | None:
        """The verified bytes of `part`, or None when they are not here."""
        ...

    def put(self, part: SegmentRef, data: bytes | bytearray) -> None:
        """Keep the verified bytes of `part`. Raises CacheUnusable."""
        ...


def default_cache_folder() -> Path:
    """The user's cache folder for segments, by the manners of the operating system."""
    return user_cache_path("fivegms") / "segments"


class SegmentCache:
    """A folder of segments that is kept below `max_bytes` by dropping the least recently used."""

    def __init__(self, folder: Path, max_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._estimate_bytes: int | None = None  # of the whole folder, since it was last counted

    def get(self, part: SegmentRef) -> bytes | None:
        """The verified bytes, or None; a damaged file is removed."""
        path = self._path(part)
        data = read_verified(path, part)
        if data is None:
            drop(path)
            return None
        _touch(path)
        return data

    def has(self, part: SegmentRef) -> bool:
        """Whether a file of that name and size is here; `get` checks its bytes."""
        try:
            return self._path(part).stat().st_size == part.size_bytes
        except OSError:
            return False

    def put(self, part: SegmentRef, data: bytes | bytearray) -> None:
        """Keep `data` and drop what no longer fits. Raises CacheUnusable."""
        if part.size_bytes > self._max_bytes:
            return
        write_atomically(self._path(part), data)
        if self._estimate_bytes is None:
            self._estimate_bytes = self.size_bytes()
        else:
            self._estimate_bytes += part.size_bytes
        if self._estimate_bytes > self._max_bytes:
            self._shrink()

    def size_bytes(self) -> int:
        """What the segments take now."""
        return sum(file.size_bytes for file in self._files())

    def _path(self, part: SegmentRef) -> Path:
        return self.folder / part.sha256[:2] / part.sha256

    def _shrink(self) -> None:
        files = sorted(self._files(), key=lambda file: file.used_at)
        total = sum(file.size_bytes for file in files)
        for file in files:
            if total <= self._max_bytes:
                break
            total -= file.size_bytes if drop(file.path) else 0
        self._estimate_bytes = total

    def _files(self) -> "list[_File]":
        found = []
        for path in self.folder.glob("??/*"):
            try:
                status = path.stat()
            except FileNotFoundError:  # another process dropped it meanwhile
                continue
            found.append(_File(path, status.st_size, status.st_mtime_ns))
        return found


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size_bytes: int
    used_at: int


def read_verified(path: Path, part: SegmentRef) -> bytes | None:
    """The file's bytes when they are exactly those of `part`, else None. Raises CacheUnusable."""
    try:
        if path.stat().st_size != part.size_bytes:
            return None
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CacheUnusable(f"{path} cannot be read: {error.strerror}") from error
    return data if sha256(data).hexdigest() == part.sha256 else None


def write_atomically(path: Path, data: bytes | bytearray) -> None:
    """Write a file that is there whole or not at all. Raises CacheUnusable."""
    with atomic_file(path) as file:
        file.write(data)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that is at `path` in the end, or not at all. Raises CacheUnusable.

    Who may read it is what the user's umask says: a folder with a model is there to be served.
    """
    temporary = path.with_name(f".arriving-{token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        raise CacheUnusable(
            f"{path.parent} cannot take {path.name} ({error.strerror}); free some space, or choose "
            "another folder"
        ) from error
    finally:
        drop(temporary)


def drop(path: Path) -> bool:
    """Whether the file is gone; what cannot be removed stops writing here, not reading."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _touch(path: Path) -> None:
    try:
        os.utime(path)
    except OSError:  # read-only or dropped meanwhile: the order of use is a hint, no more
        return
