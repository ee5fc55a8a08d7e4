"""NNEF packages to ONNX models and back (TR 26.927 6.5.6, docs/nnef.md).

    storage            folders and archives
    building, emission, emit_elements, emit_windows, emit_layout, to_onnx
                       NNEF -> ONNX
    folding, drafting, conversion, convert_elements, convert_windows, convert_layout, from_onnx
                       ONNX -> NNEF

What NNEF is, `fivegms_codecs.nnef` knows; nothing here parses or writes it.
"""

from collections.abc import Sequence
from pathlib import Path

from onnx import ModelProto

from fivegms_codecs.nnef import NnefError, NnefLimits, Package, package_files
from fivegms_codecs.nnef.limits import DEFAULT_LIMITS
from fivegms_codecs.nnef.paths import GRAPH, PLAIN
from fivegms_engine.graph import SeparatedModel
from fivegms_prepare.errors import NnefInvalid
from fivegms_prepare.nnef.from_onnx import from_onnx
from fivegms_prepare.nnef.storage import is_archive, read_files, write_files
from fivegms_prepare.nnef.to_onnx import to_onnx

__all__ = ["from_onnx", "is_package", "open_package", "read_nnef", "to_onnx", "write_nnef"]


def is_package(path: Path) -> bool:
    """Whether a path is named as an NNEF package is: an archive, a graph.nnef or its folder."""
    return path.name == GRAPH or is_archive(path) or (path / GRAPH).is_file()


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
    package = open_package(path)
    try:
        variables = package.variables(prefer)
    except NnefError as error:
        raise NnefInvalid(f"{path.name}: {error}") from error
    return to_onnx(package.graph, variables)


def write_nnef(model: SeparatedModel, path: Path, *, int8: bool = False) -> None:
    """Write the package of a model: a folder, or an archive if the name ends so.

    With `int8`, weights are there as levels too. Raises NnefUnsupported and StorageFailed.
    """
    graph, variables = from_onnx(model)
    try:
        write_files(package_files(graph, variables, int8=int8), path)
    except NnefError as error:
        raise NnefInvalid(f"{path.name}: {error}") from error
