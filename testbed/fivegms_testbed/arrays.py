"""Arrays in files: a model's inputs from .npy or .npz, its outputs to .npz.

Files come from users, so pickles are never loaded and sizes are checked before numbers are read.
"""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivegms_manifests.model import TensorInfo
from fivegms_testbed.errors import BadFile
from fivegms_testbed.whole_file import whole_file

MAX_ARRAY_BYTES = 2 * 2**30


_DAMAGE = (ValueError, EOFError, MemoryError, OSError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What zipfile and numpy raise for archives that are damaged, encrypted or of another method."""


class ArraysUnreadable(BadFile):
    """The file does not hold what the model takes in."""


def is_array_file(path: Path) -> bool:
    """Whether a file's name says that it holds arrays."""
    return path.suffix.lower() in (".npy", ".npz")


def read_feeds(path: Path, inputs: Sequence[TensorInfo]) -> dict[str, NDArray[Any]]:
    """The input arrays of a model: one .npy for a single input, or one .npz array per input.

    Raises ArraysUnreadable.
    """
    if path.suffix.lower() == ".npy":
        if len(inputs) != 1:
            names = ", ".join(info.name for info in inputs)
            raise ArraysUnreadable(f"the model takes {names}; put one array for each into an .npz")
        return {inputs[0].name: _load(path)}
    return dict(_load_all(path))


def write_outputs(outputs: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Save output arrays by name; the file appears complete or not at all."""
    if path.suffix.lower() != ".npz":
        raise ArraysUnreadable(f"{path.name} does not end in .npz, which output arrays are kept in")
    # np.savez takes the arrays as keywords, beside its own: a tensor may be called `file`.
    with whole_file(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, array in outputs.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)


def _load(path: Path) -> NDArray[Any]:
    if path.stat().st_size > MAX_ARRAY_BYTES:
        raise ArraysUnreadable(f"{path.name} is larger than {MAX_ARRAY_BYTES:,} bytes")
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (ValueError, EOFError, MemoryError) as error:
        raise ArraysUnreadable(f"{path.name} is not an .npy file of numbers: {error}") from error


def _load_all(path: Path) -> Mapping[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_ARRAY_BYTES:
            raise ArraysUnreadable(f"{path.name} unpacks to more than {MAX_ARRAY_BYTES:,} bytes")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except _DAMAGE as error:
        raise ArraysUnreadable(f"{path.name} is not an .npz file of numbers: {error}") from error
