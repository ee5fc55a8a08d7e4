"""NNEF packages as folders, tar files and bare structure files; the only module here with files."""

import mmap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from fivegms_codecs.nnef import NnefError, NnefLimits, read_archive, write_archive
from fivegms_codecs.nnef.errors import TooLarge
from fivegms_codecs.nnef.package import Parts
from fivegms_codecs.nnef.paths import GRAPH, check_path
from fivegms_prepare.errors import NnefInvalid, SourceMissing, StorageFailed, cause_of

ARCHIVES = (".tgz", ".tar.gz", ".nnef.gz", ".tar")

_COMPRESSED = ARCHIVES[:-1]


class FolderFiles(Mapping[str, memoryview]):
    """A folder's files by path; each is mapped into memory, not read, when it is asked for.

    Symbolic links are no files of a package.
    """

    def __init__(self, folder: Path, max_files: int) -> None:
        self._folder = folder
        self._paths = frozenset(_paths(folder, max_files))

    def __getitem__(self, path: str) -> memoryview:
        if path not in self._paths:
            raise KeyError(path)
        return mapped(self._folder / path)

    def __contains__(self, path: object) -> bool:
        return path in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._paths))

    def __len__(self) -> int:
        return len(self._paths)


def read_files(path: Path, limits: NnefLimits) -> Mapping[str, bytes | memoryview]:
    """The files of the package at `path`: a folder, an archive, or a folder's graph.nnef.

    Raises SourceMissing and NnefInvalid.
    """
    try:
        if path.is_dir():
            return FolderFiles(path, limits.max_files)
        if path.name == GRAPH:
            return FolderFiles(path.parent, limits.max_files)
        return read_archive(mapped(path), limits)
    except NnefError as error:
        raise NnefInvalid(f"{path.name}: {error}") from error
    except OSError as error:
        raise SourceMissing(f"{path.name} cannot be read: {cause_of(error)}") from error


def write_files(files: Iterable[tuple[str, Parts]], path: Path) -> None:
    """Write a package to a folder, or to an archive if the name says so. Raises StorageFailed."""
    try:
        if is_archive(path):
            _write_archive(files, path)
        else:
            _write_folder(files, path)
    except OSError as error:
        raise StorageFailed(f"{path.name} cannot be written: {cause_of(error)}") from error


def is_archive(path: Path) -> bool:
    """Whether a package of that name is a tar file."""
    return path.name.endswith(ARCHIVES)


def mapped(path: Path) -> memoryview:
    """A file's bytes, in memory only while they are looked at. Raises OSError."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _paths(folder: Path, max_files: int) -> Iterator[str]:
    for count, path in enumerate(folder.rglob("*")):
        if count > max_files:
            raise TooLarge(f"a folder of more than {max_files} files")
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix()


def _write_archive(files: Iterable[tuple[str, Parts]], path: Path) -> None:
    out: BinaryIO
    with path.open("wb") as out:
        write_archive(files, out, compressed=path.name.endswith(_COMPRESSED))


def _write_folder(files: Iterable[tuple[str, Parts]], folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise StorageFailed(f"{folder.name} is not empty")
    for path, parts in files:
        target = folder / check_path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            out.writelines(parts)
