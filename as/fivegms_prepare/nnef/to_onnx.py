"""NNEF to ONNX: a package's graph and variables become a ModelProto of operator set 17.

A compound operation that ONNX has no operator for is put in terms of others first; a primitive one
is refused by name.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper

from fivegms_codecs.nnef import DataKind, Graph, NnefError, Operation, lower
from fivegms_codecs.nnef.errors import VariableMissing
from fivegms_prepare.errors import ModelTooLarge, NnefInvalid, NnefUnsupported
from fivegms_prepare.nnef.building import MAX_BYTES, NUMPY, OnnxBuilder
from fivegms_prepare.nnef.emission import Emission, Emitter
from fivegms_prepare.nnef.emit_elements import ELEMENT_EMITTERS
from fivegms_prepare.nnef.emit_layout import LAYOUT_EMITTERS
from fivegms_prepare.nnef.emit_windows import WINDOW_EMITTERS
from fivegms_prepare.nnef.serialization import write_model

EMITTERS: Mapping[str, Emitter] = MappingProxyType(
    {**ELEMENT_EMITTERS, **WINDOW_EMITTERS, **LAYOUT_EMITTERS}
)
"""What writes each operation that ONNX has; the data nodes' have no node."""

_DATA = frozenset({DataKind.EXTERNAL, DataKind.CONSTANT, DataKind.VARIABLE})


def to_onnx(graph: Graph, variables: Mapping[str, NDArray[Any]]) -> ModelProto:
    """The ONNX model of a graph, with variables by label; inputs and outputs keep their names.

    Raises NnefInvalid, NnefUnsupported and ModelTooLarge.
    """
    builder = _built(graph, variables)
    model = builder.frame()
    for name, array in builder.constants.items():
        whole = np.asarray(array, order="C")  # np.ascontiguousarray would give a scalar an axis
        model.graph.initializer.append(numpy_helper.from_array(whole, name))
    return model


def write_onnx(graph: Graph, variables: Mapping[str, NDArray[Any]], out: BinaryIO) -> None:
    """Write the same model, holding no copy of its constants.

    Raises NnefInvalid, NnefUnsupported, ModelTooLarge and OSError.
    """
    builder = _built(graph, variables)
    write_model(builder.frame(), builder.constants, out)


def _built(graph: Graph, variables: Mapping[str, NDArray[Any]]) -> OnnxBuilder:
    try:
        graph = lower(graph, lambda name: name not in EMITTERS)
        builder = OnnxBuilder(graph, dict(_arrays(graph, variables)))
    except NnefError as error:
        raise NnefInvalid(str(error)) from error
    for operation in graph.operations:
        if operation.name not in _DATA:
            _emit(operation, builder)
    if builder.constant_bytes > MAX_BYTES:
        raise ModelTooLarge(f"weights of {builder.constant_bytes} bytes do not fit in one file")
    return builder


def _emit(operation: Operation, builder: OnnxBuilder) -> None:
    emitter = EMITTERS.get(operation.name)
    if emitter is None:
        raise NnefUnsupported(f"{operation.name} has no operator in ONNX")
    emitter(Emission(operation, builder))


def _arrays(
    graph: Graph, variables: Mapping[str, NDArray[Any]]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """The numbers of variables and constants, by tensor. Raises VariableMissing."""
    for operation in graph.operations:
        if operation.name == DataKind.VARIABLE:
            label = str(operation.arguments["label"])
            if label not in variables:
                raise VariableMissing(f"there are no numbers for {label!r}")
            yield operation.outputs()[0], variables[label]
        elif operation.name == DataKind.CONSTANT:
            yield operation.outputs()[0], _constant(operation)


def _constant(operation: Operation) -> NDArray[Any]:
    shape: Any = operation.arguments["shape"]
    values: NDArray[Any] = np.asarray(operation.arguments["value"], NUMPY[str(operation.dtype)])
    # Not np.full: a line of text can stand for gigabytes.
    return np.broadcast_to(values[0], shape) if values.size == 1 else values.reshape(shape)
