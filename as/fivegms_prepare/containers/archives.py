"""Zip and tar files from outside: every member a plain file inside, and none of them endless.

A member's path decides where it is unpacked, a link where another one is, and a small archive can
stand for any number of bytes. So all paths and declared sizes are checked before the first byte is
unpacked, and what is unpacked is counted again.
"""

import gzip
import io
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Protocol

from fivegms_prepare.errors import (
    ArchiveDamaged,
    ArchiveUnsafe,
    ModelTooLarge,
    SourceMissing,
    cause_of,
)

ZIP_MAGIC, GZIP_MAGIC = b"PK\x03\x04", b"\x1f\x8b"
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257

_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # zipfile's, for a version of the format that it does not have
)

_PART = re.compile(r"[^/\\:\x00-\x1f\x7f]{1,255}")
_PART_BYTES, _PATH_BYTES = 255, 1024  # what file systems take, with room for the folder above
_COMPRESSIONS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_END_OF_ZIP = b"PK\x05\x06"
_END_OF_ZIP_BYTES = 22 + 2**16  # with the longest comment
_STEP = 2**20


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What is accepted at most; `directory_bytes` is a zip file's list of members."""

    members: int = 100_000
    unpacked_bytes: int = 2**35
    directory_bytes: int = 2**25


DEFAULT_LIMITS = ArchiveLimits()


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: its path in it, and the size that the archive declares."""

    path: str
    size_bytes: int


class Archive(Protocol):
    """An archive whose members have been checked."""

    members: tuple[Member, ...]

    def open(self, member: Member) -> IO[bytes]:
        """The content of a member."""


@contextmanager
def open_archive(path: Path, limits: ArchiveLimits = DEFAULT_LIMITS) -> Iterator[Archive | None]:
    """The archive that a file is, or None if it is no zip or tar file.

    Raises SourceMissing, ArchiveDamaged, ArchiveUnsafe and ModelTooLarge, and ArchiveDamaged also
    where what is done with it finds it to be so.
    """
    try:
        opened = path.open("rb")
    except OSError as error:
        raise SourceMissing(f"{path.name[:100]} cannot be read: {cause_of(error)}") from error
    with opened as file:
        try:
            yield _archive(file, limits)
        except _DAMAGE as error:
            raise ArchiveDamaged(f"the archive cannot be read: {error}") from error


def _archive(file: IO[bytes], limits: ArchiveLimits) -> Archive | None:
    start = file.read(_TAR_MAGIC_AT + len(_TAR_MAGIC))
    file.seek(0)
    try:
        if start.startswith(ZIP_MAGIC):
            return _ZipArchive(file, limits)
        if start.startswith(GZIP_MAGIC):
            return _TarArchive(gzip.GzipFile(fileobj=file), limits)
        return _TarArchive(file, limits) if start.endswith(_TAR_MAGIC) else None
    except (ValueError, OverflowError) as error:  # numbers and names that are none, in a header
        raise ArchiveDamaged(f"the archive cannot be read: {error}") from error


def unpack(archive: Archive, folder: Path) -> None:
    """Write all members below `folder`. Raises ArchiveDamaged if one is not as long as declared."""
    for member in archive.members:
        target = folder / member.path
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as source, target.open("xb") as file:
            copyfileobj(source, file, _STEP)
            if file.tell() != member.size_bytes:
                raise ArchiveDamaged(f"{member.path!r} ends too early")


class _ZipArchive:
    def __init__(self, file: IO[bytes], limits: ArchiveLimits) -> None:
        _bound_directory(file, limits)
        self._zip = zipfile.ZipFile(file)
        self._infos = {info.filename: info for info in self._zip.infolist() if not info.is_dir()}
        folders = {info.filename.rstrip("/") for info in self._zip.infolist() if info.is_dir()}
        for info in self._infos.values():
            if info.flag_bits & 1 or stat.S_ISLNK(info.external_attr >> 16):
                raise ArchiveUnsafe(f"{info.filename[:100]!r} is encrypted, or a link")
            if info.header_offset < 0 or info.compress_type not in _COMPRESSIONS:
                raise ArchiveDamaged(
                    f"{info.filename[:100]!r} cannot be read: it lies outside of the archive, or "
                    "is compressed in another way than by deflate"
                )
        if len(self._infos) + len(folders) != len(self._zip.infolist()):
            raise ArchiveUnsafe("the archive has a member twice")
        self.members = _checked(
            (Member(info.filename, info.file_size) for info in self._infos.values()), limits
        )

    def open(self, member: Member) -> IO[bytes]:
        return self._zip.open(self._infos[member.path])


class _TarArchive:
    def __init__(self, file: "IO[bytes] | gzip.GzipFile", limits: ArchiveLimits) -> None:
        self._file = _InSmallReads(file)
        self._tar = tarfile.open(fileobj=self._file, mode="r:")  # noqa: SIM115
        infos = tuple(self._files(limits))
        self.members = _checked(
            (Member(info.name.removeprefix("./"), info.size) for info in infos), limits
        )
        self._infos = dict(zip(self.members, infos, strict=True))

    def open(self, member: Member) -> IO[bytes]:
        content = self._tar.extractfile(self._infos[member])
        if content is None:
            raise ArchiveDamaged(f"{member.path!r} has no content")
        return content

    def _files(self, limits: ArchiveLimits) -> Iterator[tarfile.TarInfo]:
        count = unpacked = end = 0
        for info in self._tar:
            end = info.offset_data + -(-info.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
            if info.isdir():
                continue
            if not info.isreg() or info.issparse():
                raise ArchiveUnsafe(f"{info.name[:100]!r} is a link or another thing than a file")
            count, unpacked = count + 1, unpacked + info.size
            # While it is read: a compressed archive may go on for ever.
            if count > limits.members or unpacked > limits.unpacked_bytes:
                raise _too_large(limits)
            yield info
        self._file.seek(end)
        if self._file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise ArchiveDamaged("the archive ends too early: upload it again")


class _InSmallReads(io.RawIOBase):
    """A file for `tarfile`, which reads whatever length a header declares: but not at once."""

    def __init__(self, file: "IO[bytes] | gzip.GzipFile") -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _STEP:
            raise ArchiveUnsafe("a header of the archive is longer than headers are")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _bound_directory(file: IO[bytes], limits: ArchiveLimits) -> None:
    """Refuse a list of members that is too long, before `zipfile` reads all of it."""
    size_bytes = file.seek(0, io.SEEK_END)
    file.seek(max(0, size_bytes - _END_OF_ZIP_BYTES))
    end = file.read()
    place = end.rfind(_END_OF_ZIP)
    if place < 0 or len(end) < place + 22:
        raise ArchiveDamaged("the archive ends too early: upload it again")
    # Zip64 says 2^32 - 1 here; its lists are longer than any model needs.
    if int.from_bytes(end[place + 12 : place + 16], "little") > limits.directory_bytes:
        raise ModelTooLarge(
            f"the archive's list of members has more than {limits.directory_bytes} bytes"
        )
    file.seek(0)


def _checked(members: Iterator[Member], limits: ArchiveLimits) -> tuple[Member, ...]:
    found = tuple(members)
    if len(found) > limits.members or sum(m.size_bytes for m in found) > limits.unpacked_bytes:
        raise _too_large(limits)
    paths = {member.path for member in found}
    if len(paths) != len(found):
        raise ArchiveUnsafe("the archive has a member twice")
    for path in paths:
        parts = path.split("/")
        if len(os.fsencode(path)) > _PATH_BYTES or not all(map(_is_part, parts)):
            raise ArchiveUnsafe(f"{path[:100]!r} is no place inside an archive")
        if any("/".join(parts[:depth]) in paths for depth in range(1, len(parts))):
            raise ArchiveUnsafe(f"{path[:100]!r} is below a file")
    return found


def _is_part(part: str) -> bool:
    fits = len(os.fsencode(part)) <= _PART_BYTES
    return bool(_PART.fullmatch(part)) and fits and part not in (".", "..")


def _too_large(limits: ArchiveLimits) -> ModelTooLarge:
    return ModelTooLarge(
        f"the archive has more than {limits.members} members or {limits.unpacked_bytes} bytes"
    )
