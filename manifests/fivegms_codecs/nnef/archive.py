"""Packages in a tar file, as they are or compressed with gzip (NNEF 1.0, "Container organization").

Read without unpacking: members of a plain tar file are views of it. Only files and folders are
accepted, at paths inside the package, so that unpacking it elsewhere is safe too.
"""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterable
from typing import BinaryIO

from fivegms_codecs.nnef.errors import PackageInvalid, PathUnsafe, TooLarge
from fivegms_codecs.nnef.limits import DEFAULT_LIMITS, NnefLimits
from fivegms_codecs.nnef.package import Parts
from fivegms_codecs.nnef.paths import check_path

_GZIP = b"\x1f\x8b"
_STEP = 2**20
_EITHER_HEADER = zlib.MAX_WBITS | 16


def read_archive(
    data: bytes | memoryview, limits: NnefLimits = DEFAULT_LIMITS
) -> dict[str, memoryview]:
    """The files of an archive by path. Raises PackageInvalid, PathUnsafe and TooLarge."""
    view = memoryview(data).cast("B")
    if view[:2] == _GZIP:
        view = memoryview(_decompressed(view, limits))
    if len(view) > limits.max_package_bytes:
        raise TooLarge(f"an archive above {limits.max_package_bytes} bytes")
    try:
        return _members(view, limits)
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise PackageInvalid(f"the archive is no tar file: {error}") from None


def write_archive(
    files: Iterable[tuple[str, Parts]], out: BinaryIO, *, compressed: bool = True
) -> None:
    """Write files, by path and in parts, as an archive: the same files give the same bytes."""
    if not compressed:
        _write(files, out)
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0, compresslevel=6) as packed:
        _write(files, packed)


def _write(files: Iterable[tuple[str, Parts]], out: "BinaryIO | gzip.GzipFile") -> None:
    for path, parts in files:
        member = tarfile.TarInfo(check_path(path))
        member.size = sum(len(part) for part in parts)
        out.write(member.tobuf(tarfile.PAX_FORMAT))
        for part in parts:
            out.write(part)
        out.write(bytes(-member.size % tarfile.BLOCKSIZE))
    out.write(bytes(2 * tarfile.BLOCKSIZE))


def _members(view: memoryview, limits: NnefLimits) -> dict[str, memoryview]:
    files: dict[str, memoryview] = {}
    with tarfile.open(fileobj=_Reader(view), mode="r:") as archive:
        for member in archive:
            if len(files) >= limits.max_files:
                raise TooLarge(f"more than {limits.max_files} files")
            if member.isdir():
                continue
            path = check_path(member.name.removeprefix("./"))
            if not member.isreg() or member.issparse():
                raise PathUnsafe(f"{path!r} is no file")
            content = view[member.offset_data : member.offset_data + member.size]
            if path in files or len(content) != member.size:
                raise PackageInvalid(f"{path!r} is there twice, or cut off")
            files[path] = content
    return files


def _decompressed(view: memoryview, limits: NnefLimits) -> bytearray:
    """One gzip member, no larger than the limit. Raises PackageInvalid and TooLarge."""
    decoder = zlib.decompressobj(_EITHER_HEADER)
    out = bytearray()
    pending: bytes | memoryview = b""
    position = 0
    try:
        while not decoder.eof:
            if not pending:
                pending, position = view[position : position + _STEP], position + _STEP
            if not pending:
                raise PackageInvalid("the compressed archive is cut off")
            out += decoder.decompress(pending, _STEP)
            pending = decoder.unconsumed_tail
            if len(out) > limits.max_package_bytes:
                raise TooLarge(f"an archive above {limits.max_package_bytes} bytes")
    except zlib.error as error:
        raise PackageInvalid(f"the compressed archive is damaged: {error}") from None
    return out


class _Reader(io.RawIOBase):
    """A view as a file for `tarfile`, which reads whatever length a header declares.

    A `BufferedReader` would allocate that length; this gives what there is.
    """

    def __init__(self, view: memoryview) -> None:
        super().__init__()
        self._view = view
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        end = self._position + size if size >= 0 else None
        found = bytes(self._view[self._position : end])
        self._position += len(found)
        return found

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._view)}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position
