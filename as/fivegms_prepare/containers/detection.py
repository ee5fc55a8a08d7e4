"""Which model format a file or folder is (TR 26.927 5.2.1), by what is in it and never by its name.

    ONNX               a protobuf message with a graph
    NNEF               graph.nnef, which begins with its version, and what lies beside it
    SavedModel         saved_model.pb, a protobuf message of meta graphs, and what lies beside it
    HDF5               the signature of its superblock
    Keras              a zip file of config.json, metadata.json and model.weights.h5
    ExportedProgram    a zip file that PyTorch's archive writer made of exported programs

A model that is a folder may come as the folder, as its main file with the others beside it, or as a
zip or tar file. Nothing is unpacked to find out.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from fivegms_prepare.containers.archives import Archive, Member, open_archive
from fivegms_prepare.containers.hdf5 import declared_bytes
from fivegms_prepare.errors import ContainerUnknown, TruncatedModel
from fivegms_prepare.model_file import ModelFile
from fivegms_prepare.wire_format import (
    LENGTH,
    VARINT,
    FieldCutOff,
    ReadBytes,
    WireError,
    WireReader,
)

NNEF_GRAPH = "graph.nnef"
NNEF_FILES = (NNEF_GRAPH, "*.quant", "**/*.dat")
SAVED_MODEL = "saved_model.pb"

_NNEF_START = re.compile(rb"\s*(#[^\n]*\n\s*)*version\s+[0-9]+\.[0-9]+\s*;")
_LOOKED_AT_BYTES = 2**12
_ONNX_GRAPH, _SAVED_MODEL_VERSION, _META_GRAPHS = (7, LENGTH), (1, VARINT), (2, LENGTH)

_KERAS = frozenset({"config.json", "metadata.json", "model.weights.h5"})
_OLD_EXPORTED_PROGRAM = frozenset({"serialized_exported_program.json", "version"})
_ARCHIVE_FORMAT = "archive_format"
_EXPORTED_MODELS = re.compile(r"models/[^/]+\.json")


class Container(StrEnum):
    """The formats, as a manifest names them."""

    ONNX = "onnx"
    NNEF = "nnef"
    SAVED_MODEL = "saved-model"
    HDF5 = "hdf5"
    KERAS = "keras"
    EXPORTED_PROGRAM = "exported-program"


@dataclass(frozen=True, slots=True)
class ModelContainer:
    """A model as it came: `path` is its one file, or the folder in which its files lie.

    `inner` is where in an archive the model's own folder is, with a slash at its end, or empty.
    `is_archive` says that `path` is a zip or tar file that has to be unpacked to be a model.
    """

    container: Container
    path: Path
    is_archive: bool = False
    inner: str = ""


def describe_container(path: Path) -> ModelContainer:
    """What the model at `path` is.

    Raises ContainerUnknown; SourceMissing; TruncatedModel for an HDF5 file that was cut off; and
    for archives ArchiveDamaged, ArchiveUnsafe and ModelTooLarge.
    """
    folder = False
    with suppress(OSError):  # a name that no file can have
        folder = path.is_dir()
    if folder:
        return _folder(path)
    ModelFile(path)  # which says why, if there is none that can be read
    with open_archive(path) as archive:
        if archive is not None:
            return _in_archive(archive, path)
    return _file(path)


def _folder(path: Path) -> ModelContainer:
    for name in (SAVED_MODEL, NNEF_GRAPH):
        if (path / name).is_file():
            return _file(path / name)
    raise ContainerUnknown(f"the folder {path.name!r} has neither {SAVED_MODEL} nor {NNEF_GRAPH}")


def _file(path: Path) -> ModelContainer:
    file = ModelFile(path)
    start = file.read(0, _LOOKED_AT_BYTES)
    if _NNEF_START.match(start):
        return ModelContainer(Container.NNEF, path.parent)
    declared = declared_bytes(file.read)
    if declared is not None:
        if declared > file.size_bytes:
            raise TruncatedModel(
                f"the file has {file.size_bytes} of the {declared} bytes that it says: upload it "
                "again"
            )
        return ModelContainer(Container.HDF5, path)
    found = _protobuf(file.read, file.size_bytes)
    if found is None:
        raise ContainerUnknown(
            f"{file.name} is none of {', '.join(Container)}; nor is it a zip or tar file with one"
        )
    return ModelContainer(found, path.parent if found is Container.SAVED_MODEL else path)


def _protobuf(read: ReadBytes, size_bytes: int) -> Container | None:
    """Which message these bytes are. Both begin alike; only one has a graph of its own.

    One that was cut off is still what it was; whoever reads it says so.
    """
    seen: set[tuple[int, int]] = set()
    try:
        for field in WireReader(read).fields(0, size_bytes):
            seen.add((field.field, field.wire_type))
    except FieldCutOff as cut:
        seen.add((cut.field, LENGTH))
    except WireError:
        return None
    if _ONNX_GRAPH in seen:
        return Container.ONNX
    whole = {_META_GRAPHS} <= seen <= {_META_GRAPHS, _SAVED_MODEL_VERSION}
    return Container.SAVED_MODEL if whole else None


def _in_archive(archive: Archive, path: Path) -> ModelContainer:
    paths = {member.path for member in archive.members}
    if paths >= _KERAS:
        return ModelContainer(Container.KERAS, path)
    if _is_exported_program(archive, paths):
        return ModelContainer(Container.EXPORTED_PROGRAM, path)
    for member in archive.members:
        folder, _, name = member.path.rpartition("/")
        found = _main_file(archive, member) if name in (NNEF_GRAPH, SAVED_MODEL) else None
        if found is not None:
            return ModelContainer(
                found, path, is_archive=True, inner=f"{folder}/" if folder else ""
            )
    raise ContainerUnknown(
        f"the archive {path.name!r} has no model: no {SAVED_MODEL} and no {NNEF_GRAPH}, and it is "
        "neither Keras's nor an ExportedProgram"
    )


def _main_file(archive: Archive, member: Member) -> Container | None:
    with archive.open(member) as content:
        start = content.read(_LOOKED_AT_BYTES)
    if _NNEF_START.match(start):
        return Container.NNEF
    found = _protobuf(lambda first, end: start[first:end], member.size_bytes)
    return found if found is Container.SAVED_MODEL else None


def _is_exported_program(archive: Archive, paths: set[str]) -> bool:
    """PyTorch 2.8 and later say so in the archive; before that, the names of the files did."""
    if paths >= _OLD_EXPORTED_PROGRAM:
        return True
    for member in archive.members:
        prefix, name = _split(member.path)
        if name == _ARCHIVE_FORMAT and member.size_bytes < 16:
            with archive.open(member) as content:
                said = content.read().strip()
            inside = (path.removeprefix(prefix) for path in paths if path.startswith(prefix))
            return said == b"pt2" and any(map(_EXPORTED_MODELS.fullmatch, inside))
    return False


def _split(path: str) -> tuple[str, str]:
    """A member's folder, with a slash at its end or empty, and its name."""
    name = path.rpartition("/")[2]
    return path.removesuffix(name), name
