"""Tensor data in files beside the model: read from the model's own folder, and nowhere else.

A model names these files itself (ONNX "external data"), so it could name any file of the machine.
The path must be relative, must stay in the folder once every symbolic link is followed, and the
range asked for must lie inside the file and be as long as the tensor.
"""

from dataclasses import dataclass
from math import prod
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
from onnx import TensorProto, helper

from fivegms_prepare.errors import (
    ExternalDataMissing,
    ExternalDataOutside,
    MalformedTensor,
    SourceMissing,
)
from fivegms_prepare.model_file import ModelFile

_HALF_BYTE_TYPES = frozenset({TensorProto.INT4, TensorProto.UINT4, TensorProto.FLOAT4E2M1})


@dataclass(frozen=True, slots=True)
class ExternalData:
    """Reads external data below `folder`, and what was left in the model's own file."""

    folder: Path
    model: ModelFile | None = None

    def __call__(self, tensor: TensorProto) -> bytes:
        """The tensor's bytes. Raises as `check` does."""
        file, start, end = self._locate(tensor)
        try:
            data = file.read(start, end)
        except SourceMissing as error:
            raise _missing(tensor, error.detail) from error
        if len(data) != end - start:
            raise _missing(tensor, f"{file.name} ends too early")
        return data

    def check(self, tensor: TensorProto) -> None:
        """Refuse a tensor whose data cannot be read, without reading it.

        Raises ExternalDataOutside, ExternalDataMissing and MalformedTensor.
        """
        self._locate(tensor)

    def _locate(self, tensor: TensorProto) -> tuple[ModelFile, int, int]:
        """The file, where in it the tensor's data begins, and where it ends."""
        entries = {entry.key: entry.value for entry in tensor.external_data}
        file = self._file(tensor, entries.get("location", ""))
        offset = _number(tensor, entries.get("offset", "0"))
        expected = _size_bytes(tensor)
        length = _number(tensor, entries.get("length", str(expected)))
        if length != expected:
            raise MalformedTensor(
                f"the data of tensor {tensor.name!r} has {length} bytes; its dims need {expected}"
            )
        if offset + length > file.size_bytes:
            raise _missing(tensor, f"{file.name} ends too early")
        return file, offset, offset + length

    def _file(self, tensor: TensorProto, location: str) -> ModelFile:
        if self.model is not None and location == self.model.name:
            return self.model
        try:
            return ModelFile(self._path(tensor, location))
        except SourceMissing as error:
            raise _missing(tensor, error.detail) from error

    def _path(self, tensor: TensorProto, location: str) -> Path:
        if not location or "\0" in location:
            raise _missing(tensor, "the model names no file")
        windows = PureWindowsPath(location)
        if PurePosixPath(location).is_absolute() or windows.drive or windows.root:
            raise _outside(tensor, location)
        folder = self.folder.resolve()
        try:
            path = (folder / location).resolve()
            there = path.is_file()
        except (OSError, RuntimeError):  # a name too long for a path, links that lead in a circle
            raise _missing(tensor, f"{location[:100]!r} is no path of a file") from None
        if not path.is_relative_to(folder):
            raise _outside(tensor, location)
        if not there:
            raise _missing(tensor, f"there is no file {location[:100]!r} beside the model")
        return path


def _size_bytes(tensor: TensorProto) -> int:
    elements: int = prod(tensor.dims)
    if tensor.data_type in _HALF_BYTE_TYPES:
        return (elements + 1) // 2
    try:
        dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except (KeyError, ValueError):
        raise MalformedTensor(f"tensor {tensor.name!r} has no element type") from None
    return elements * int(np.dtype(dtype).itemsize)


def _number(tensor: TensorProto, text: str) -> int:
    # isdecimal alone also takes digits of other scripts, and int() takes signs and spaces.
    if not (text.isascii() and text.isdecimal() and len(text) <= 19):
        raise _missing(tensor, f"{text[:20]!r} is no offset or length")
    return int(text)


def _outside(tensor: TensorProto, location: str) -> ExternalDataOutside:
    return ExternalDataOutside(
        f"tensor {tensor.name!r} has its data in {location[:100]!r}, outside the model's folder: "
        "save the model with its data files beside it"
    )


def _missing(tensor: TensorProto, why: str) -> ExternalDataMissing:
    return ExternalDataMissing(
        f"the data of tensor {tensor.name!r} cannot be read: {why}; upload the data files first"
    )
