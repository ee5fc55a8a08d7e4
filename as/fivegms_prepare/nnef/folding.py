"""What of an ONNX graph is known before it runs: constants, shapes, and what follows from them.

Exporters compute the shapes of reshapes and the like in the graph. NNEF has numbers there, so nodes
whose inputs are all known are computed once, if what they give is small.
"""

from collections.abc import Iterator, Mapping
from math import prod

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from fivegms_engine.graph import SeparatedModel
from fivegms_manifests.model import TensorInfo
from fivegms_prepare.errors import NnefUnsupported
from fivegms_prepare.nnef.building import NdArray
from fivegms_prepare.values import infer_values

MAX_FOLDED_ITEMS = 2**16

_RANDOM = frozenset({"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike"})


def with_one_sample(model: ModelProto) -> ModelProto:
    """A copy in which the open first dimension of every input, the batch, is 1.

    Raises NnefUnsupported where another dimension is open: NNEF has extents only.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    constants = {tensor.name for tensor in copy.graph.initializer}
    for value in copy.graph.input:
        if value.name not in constants:
            for axis, dim in enumerate(value.type.tensor_type.shape.dim):
                if not dim.HasField("dim_value") or dim.dim_value < 1:
                    if axis:
                        raise NnefUnsupported(
                            f"dimension {axis} of input {value.name!r} is open; NNEF has extents "
                            "only: export the model with a fixed size"
                        )
                    dim.dim_value = 1
    for value in copy.graph.output:
        value.type.tensor_type.ClearField("shape")
    del copy.graph.value_info[:]
    return copy


class KnownValues:
    """The types of all values and the numbers of those that do not depend on an input."""

    def __init__(self, separated: SeparatedModel) -> None:
        self._model = with_one_sample(separated.graph)
        self._weights = {weight.name: weight for weight in separated.weights}
        self._arrays: dict[str, NdArray] = {
            tensor.name: np.asarray(numpy_helper.to_array(tensor))
            for tensor in self._model.graph.initializer
            if tensor.name not in self._weights
        }
        self.types: Mapping[str, TensorInfo] = infer_values(self._model)

    @property
    def model(self) -> ModelProto:
        """The model with one sample a batch."""
        return self._model

    def is_known(self, name: str) -> bool:
        """Whether a value depends on no input."""
        return name in self._arrays or name in self._weights

    def array(self, name: str) -> NdArray:
        """The numbers of a known value, read anew if they are a weight's. Raises KeyError."""
        if name in self._arrays:
            return self._arrays[name]
        return self._weights[name].array()

    def shape(self, name: str) -> tuple[int, ...]:
        """A value's shape. Raises NnefUnsupported if it is not known without running the graph."""
        if name in self._arrays:
            return self._arrays[name].shape
        info = self.types.get(name)
        if info is None or any(not isinstance(size, int) for size in info.shape):
            raise NnefUnsupported(f"the shape of {name!r} is not known before the model runs")
        return tuple(size for size in info.shape if isinstance(size, int))

    def dtype(self, name: str) -> "np.dtype[np.generic]":
        """A value's element type. Raises NnefUnsupported if it is not known."""
        if name in self._arrays:
            return self._arrays[name].dtype
        if name not in self.types:
            raise NnefUnsupported(f"the type of {name!r} is not known before the model runs")
        return np.dtype(self.types[name].dtype)

    def remaining(self) -> Iterator[NodeProto]:
        """The nodes that an input matters to, in order; the others are computed on the way."""
        for node in self._model.graph.node:
            if not self._fold(node):
                yield node

    def _fold(self, node: NodeProto) -> bool:
        if node.op_type == "Shape":
            return self._fold_shape(node)
        known = all(self.is_known(name) for name in node.input if name)
        nested = any(attribute.HasField("g") for attribute in node.attribute)
        if not known or nested or node.op_type in _RANDOM or not self._is_small(node):
            return False
        arrays = {name: self.array(name) for name in node.input if name}
        try:
            results = _computed(node, arrays, self._model)
        except Exception as error:  # whatever the reference implementation of an operator raises
            raise NnefUnsupported(f"{node.op_type} of constants: {error}") from error
        self._arrays.update(zip(node.output, map(np.asarray, results), strict=True))
        return True

    def _fold_shape(self, node: NodeProto) -> bool:
        shape = np.array(self.shape(node.input[0]), np.int64)
        bounds = {attribute.name: attribute.i for attribute in node.attribute}
        self._arrays[node.output[0]] = shape[bounds.get("start") : bounds.get("end")]
        return True

    def _is_small(self, node: NodeProto) -> bool:
        infos = [self.types.get(name) for name in node.output if name]
        return all(
            info is not None
            and all(isinstance(size, int) for size in info.shape)
            and prod(size for size in info.shape if isinstance(size, int)) <= MAX_FOLDED_ITEMS
            for info in infos
        )


def _computed(
    node: NodeProto, arrays: Mapping[str, NdArray], model: ModelProto
) -> list[NDArray[np.generic]]:
    values = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in arrays.items()
    ]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in node.output
    ]
    graph = helper.make_graph([node], "constant", values, outputs)
    alone = helper.make_model(
        graph, ir_version=model.ir_version, opset_imports=list(model.opset_import)
    )
    return list(ReferenceEvaluator(alone).run(None, dict(arrays)))
