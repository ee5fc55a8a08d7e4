"""An ONNX model under construction, from the values of an NNEF graph."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from fivegms_codecs.nnef import DataKind, Graph, Tensor, TensorRef, Value

OPSET = 17
IR_VERSION = 8
MAX_BYTES = 2**31 - 2**20
"""The most that the weights of one ONNX file may take: protobuf holds no more in a message."""

NdArray: TypeAlias = NDArray[Any]

ELEMENT_TYPES = {
    "scalar": TensorProto.FLOAT,
    "integer": TensorProto.INT64,
    "logical": TensorProto.BOOL,
}
NUMPY = {"scalar": np.float32, "integer": np.int64, "logical": np.bool_}


class OnnxBuilder:
    """Nodes and constants as they are added.

    `arrays` are the numbers of variables and constants by the name of their tensor; what no node
    uses stays out of the model.
    """

    def __init__(self, graph: Graph, arrays: Mapping[str, NdArray]) -> None:
        self.graph = graph
        self.arrays = arrays
        self._nodes: list[NodeProto] = []
        self.constants: dict[str, NdArray] = {}
        self._fresh = 0

    def tensor(self, value: Value) -> Tensor | None:
        """The data node that a value refers to, or None for a number."""
        return self.graph.tensors[value.name] if isinstance(value, TensorRef) else None

    def shape(self, value: Value) -> tuple[int, ...]:
        """A value's shape; a number has rank 0."""
        tensor = self.tensor(value)
        return tensor.shape if tensor else ()

    def array(self, value: Value) -> NdArray | None:
        """The numbers of a value, where they are known; None for what is computed."""
        if isinstance(value, TensorRef):
            return self.arrays.get(value.name)
        kinds = {bool: np.bool_, int: np.int64, float: np.float32}
        return np.asarray(value, kinds[type(value)])

    def operand(self, value: Value, rank: int | None = None) -> str:
        """The ONNX value of an argument; with `rank`, of that rank by axes of extent 1 behind.

        NNEF aligns shapes from the first axis and ONNX from the last, so operands of one operation
        are brought to one rank.
        """
        shape = self.shape(value)
        if rank is None or len(shape) in (0, rank):
            return self._whole(value)
        return self.reshaped(value, (*shape, *(1,) * (rank - len(shape))))

    def reshaped(self, value: Value, shape: Sequence[int]) -> str:
        """An argument in another shape of as many items."""
        array = self.array(value)
        if array is not None:
            return self.constant(array.reshape(shape))
        if self.shape(value) == tuple(shape):
            return self._whole(value)
        return self.node("Reshape", self._whole(value), self.integers(shape))

    def node(
        self,
        operator: str,
        *inputs: str,
        gives: str | Sequence[str] | None = None,
        **attributes: Any,
    ) -> str:
        """Add a node; `gives` names its outputs. Gives the name of the first."""
        outputs = [gives] if isinstance(gives, str) else list(gives or [self._free()])
        self._nodes.append(
            helper.make_node(operator, list(inputs), outputs, name=outputs[0], **attributes)
        )
        return outputs[0]

    def constant(self, array: NdArray) -> str:
        """Add a constant under a name of its own."""
        return self._keep(self._free(), array)

    def integers(self, values: Iterable[int]) -> str:
        """A list of integers: a shape, axes."""
        return self.constant(np.array(list(values), np.int64))

    def number(self, value: float) -> str:
        """A float32 of rank 0."""
        return self.constant(np.array(value, np.float32))

    def frame(self) -> ModelProto:
        """The finished model, without its constants."""
        graph = helper.make_graph(
            self._nodes,
            self.graph.name,
            [self._declared(name) for name in self.graph.inputs],
            [self._declared(name) for name in self.graph.outputs],
        )
        return helper.make_model(
            graph,
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
            producer_name="fivegms_prepare.nnef",
        )

    @property
    def constant_bytes(self) -> int:
        """What the constants of the model take."""
        return sum(array.nbytes for array in self.constants.values())

    def _whole(self, value: Value) -> str:
        if not isinstance(value, TensorRef):
            array = self.array(value)
            return self.constant(np.asarray(array))
        if self.graph.tensors[value.name].kind in (DataKind.VARIABLE, DataKind.CONSTANT):
            return self._keep(value.name, self.arrays[value.name])
        return value.name

    def _keep(self, name: str, array: NdArray) -> str:
        self.constants[name] = array
        return name

    def _free(self) -> str:
        while True:
            self._fresh += 1
            name = f"value_{self._fresh}"
            if name not in self.graph.tensors:
                return name

    def _declared(self, name: str) -> ValueInfoProto:
        tensor = self.graph.tensors[name]
        return helper.make_tensor_value_info(name, ELEMENT_TYPES[tensor.dtype], tensor.shape)
