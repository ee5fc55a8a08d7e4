"""NNEF packages to ONNX models and back (TR 26.927 6.5.6, docs/nnef.md).

    storage            folders and archives
    building, emission, emit_elements, emit_windows, emit_layout, to_onnx, serialization
                       NNEF -> ONNX
    folding, drafting, conversion, convert_elements, convert_windows, convert_layout, from_onnx
                       ONNX -> NNEF

What NNEF is, `fivegms_codecs.nnef` knows; nothing here parses or writes it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from onnx import ModelProto

from fivegms_codecs.nnef import Graph, NnefError, NnefLimits, Package, package_files
from fivegms_codecs.nnef.limits import DEFAULT_LIMITS
from fivegms_codecs.nnef.paths import PLAIN
from fivegms_engine.graph import SeparatedModel
from fivegms_prepare.errors import NnefInvalid, StorageFailed, cause_of
from fivegms_prepare.nnef.from_onnx import from_onnx
from fivegms_prepare.nnef.storage import read_files, write_files
from fivegms_prepare.nnef.to_onnx import to_onnx, write_onnx

__all__ = [
    "convert_nnef",
    "from_onnx",
    "open_package",
    "read_nnef",
    "to_onnx",
    "write_nnef",
]


def open_package(path: Path, limits: NnefLimits = DEFAULT_LIMITS) -> Package:
    """The package at a path. Raises SourceMissing and NnefInvalid."""
    try:
        return Package(read_files(path, limits), limits)
    except NnefError as error:
        raise NnefInvalid(f"{path.name}: {error}") from error


def read_nnef(path: Path, prefer: Sequence[str] = (PLAIN,)) -> ModelProto:
    """The ONNX model of a package, each variable in the first representation preferred.

    Raises SourceMissing, NnefInvalid, NnefUnsupported and ModelTooLarge.
    """
    return to_onnx(*_network(path, prefer))


def convert_nnef(path: Path, target: Path, prefer: Sequence[str] = (PLAIN,)) -> None:
    """Write the same as an ONNX file, holding no copy of the weights.

    Raises as `read_nnef` does, and StorageFailed.
    """
    network = _network(path, prefer)
    try:
        with target.open("wb") as out:
            write_onnx(*network, out)
    except OSError as error:
        raise StorageFailed(f"{target.name} cannot be written: {cause_of(error)}") from error


def _network(path: Path, prefer: Sequence[str]) -> tuple[Graph, Mapping[str, NDArray[Any]]]:
    package = open_package(path)
    try:
        return package.graph, package.variables(prefer)
    except NnefError as error:
        raise NnefInvalid(f"{path.name}: {error}") from error


def write_nnef(model: SeparatedModel, path: Path, *, int8: bool = False) -> None:
    """Write the package of a model: a folder, or an archive if the name ends so.

    With `int8`, weights are there as levels too. Raises NnefUnsupported and StorageFailed.
    """
    graph, variables = from_onnx(model)
    try:
        write_files(package_files(graph, variables, int8=int8), path)
    except NnefError as error:
        raise NnefInvalid(f"{path.name}: {error}") from error
