"""A model delivered as it came: its file, or its folder as one tar file, in segments (R090).

Nothing of the model is changed, measured or promised; a UE gets the provider's own bytes, for an
engine that it must have. A folder becomes a tar file in one way only - sorted paths, no times, no
owners - so that the same model gives the same segments.
"""

import io
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath

from onnx import ModelProto

from fivegms_engine.traversal import all_tensors
from fivegms_manifests.file_payload import write_file_initialization, write_file_segment
from fivegms_manifests.model import SegmentRef
from fivegms_prepare.containers.detection import NNEF_FILES, SAVED_MODEL, Container, ModelContainer
from fivegms_prepare.errors import (
    ContainerUnknown,
    ExternalDataOutside,
    SourceMissing,
    cause_of,
)
from fivegms_prepare.external import ExternalData
from fivegms_prepare.model_file import ModelFile
from fivegms_prepare.packaging import store_initialization, store_segment
from fivegms_prepare.reading import read_model

_SUFFIXES = {
    Container.ONNX: ".onnx",
    Container.NNEF: ".nnef",
    Container.SAVED_MODEL: ".savedmodel",
    Container.HDF5: ".h5",
    Container.KERAS: ".keras",
    Container.EXPORTED_PROGRAM: ".pt2",
}

_BELONG = {
    Container.NNEF: NNEF_FILES,
    Container.SAVED_MODEL: (
        SAVED_MODEL,
        "fingerprint.pb",
        "keras_metadata.pb",
        "variables/*",
        "assets/**/*",
        "assets.extra/**/*",
    ),
}
"""What of a folder is the model, by container; other files may lie beside it."""

_MOST_STEM_BYTES = 240  # of the 255 that a name may have


@dataclass(frozen=True, slots=True)
class EncodedFile:
    """The segments of a file, below a folder that their URLs are relative to.

    `name` is what a UE stores it under, `size_bytes` its size then.
    """

    container: Container
    name: str
    size_bytes: int
    initialization: SegmentRef
    segments: tuple[SegmentRef, ...]


def encode_file(
    model: ModelContainer, stem: str, folder: Path, segment_size_bytes: int
) -> EncodedFile:
    """Write the segments of a model's file below `folder`; those that exist are not written again.

    The file is named after `stem`. One segment is in memory at a time. Raises SourceMissing,
    ExternalDataOutside for a folder with links that lead out of it, and for ONNX what reading the
    graph does: external data must be there, in the model's own folder.
    """
    files = _files(model)
    whole = files is None
    name = _safe(stem) + _suffix(model, whole=whole)
    writer = _Parts(folder, segment_size_bytes)
    if files is None:
        _copy(model.path, writer)
    else:
        _write_tar(files, writer)
    segments = writer.finish()
    initialization = store_initialization(folder, write_file_initialization(name))
    return EncodedFile(model.container, name, writer.size_bytes, initialization, segments)


def _files(model: ModelContainer) -> Sequence[tuple[str, Path]] | None:
    """The files of a model by their paths in its folder, sorted; None for one file as it is."""
    if model.container is Container.ONNX:
        return _onnx_files(model.path)
    return folder_files(model) if model.path.is_dir() else None


def folder_files(model: ModelContainer) -> Sequence[tuple[str, Path]]:
    """The files of a model that is a folder, by their paths in it, sorted; others may lie there.

    Raises ExternalDataOutside for a link that leads out of the folder.
    """
    found = {path for pattern in _BELONG[model.container] for path in model.path.glob(pattern)}
    files = {path.relative_to(model.path).as_posix(): path for path in found if path.is_file()}
    for name, path in files.items():
        _check_inside(name, path, model.path)
    return sorted(files.items())


def _check_inside(name: str, path: Path, folder: Path) -> None:
    """Refuse a symbolic link to what whoever made the folder may not have, but this machine has."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ExternalDataOutside(
            f"{name[:100]!r} is a link to a file outside the model's folder: put the file itself "
            "there"
        )


def _onnx_files(path: Path) -> Sequence[tuple[str, Path]] | None:
    """The model and its data files, if it has any."""
    file = ModelFile(path)
    model = read_model(file)
    external = ExternalData(path.parent, file)
    beside = sorted(_locations(model, external) - {file.name})
    return [(path.name, path), *((name, path.parent / name) for name in beside)] if beside else None


def _locations(model: ModelProto, external: ExternalData) -> set[str]:
    found = set()
    for tensor in all_tensors(model):
        if tensor.external_data:
            external.check(tensor)
            named = (entry.value for entry in tensor.external_data if entry.key == "location")
            found |= {normpath(location) for location in named}
    return found


def _suffix(model: ModelContainer, *, whole: bool) -> str:
    packed = model.is_archive or not whole
    return _SUFFIXES[model.container] + (_archive_suffix(model) if packed else "")


def _archive_suffix(model: ModelContainer) -> str:
    """A tar file, unless the provider packed the model otherwise."""
    if model.is_archive:
        start = ModelFile(model.path).read(0, 2)
        return {b"PK": ".zip", b"\x1f\x8b": ".tar.gz"}.get(start, ".tar")
    return ".tar"


def _safe(stem: str) -> str:
    """A model's name as the start of a file's name."""
    kept = "".join(c if c.isalnum() or c in "-_.+ " else "-" for c in stem)
    short = kept.encode()[:_MOST_STEM_BYTES].decode(errors="ignore")
    return short.strip(". ") or "model"


def _copy(path: Path, writer: "_Parts") -> None:
    file = ModelFile(path)
    for start in range(0, file.size_bytes, writer.part_bytes):
        writer.write(file.read(start, start + writer.part_bytes))


def _write_tar(files: Sequence[tuple[str, Path]], writer: "_Parts") -> None:
    with tarfile.open(fileobj=writer, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for name, path in files:
            with _opened(path) as content:
                member = tarfile.TarInfo(name)
                member.size = path.stat().st_size
                archive.addfile(member, content)


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise SourceMissing(f"{path.name[:100]} cannot be read: {cause_of(error)}") from error


class _Parts(io.RawIOBase):
    """A file to write to, whose bytes become segments of one size."""

    def __init__(self, folder: Path, segment_size_bytes: int) -> None:
        super().__init__()
        self._folder = folder
        self.part_bytes = segment_size_bytes
        self._open = bytearray()
        self._refs: list[SegmentRef] = []
        self.size_bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        self._open += view
        self.size_bytes += len(view)
        while len(self._open) >= self.part_bytes:
            self._store(self._open[: self.part_bytes])
            del self._open[: self.part_bytes]
        return len(view)

    def finish(self) -> tuple[SegmentRef, ...]:
        """Store the last part; all of them in order. Raises ContainerUnknown for no bytes."""
        if self._open:
            self._store(self._open)
        if not self._refs:
            raise ContainerUnknown("the file is empty")
        return tuple(self._refs)

    def _store(self, part: bytearray) -> None:
        self._refs.append(
            store_segment(self._folder, write_file_segment(bytes(part), len(self._refs)))
        )
