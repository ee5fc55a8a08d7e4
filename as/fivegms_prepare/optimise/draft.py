"""A separated model while a stage changes it.

A stage reads constants by name, puts others in their place, and edits the list of nodes. Weights
that no stage touches stay references into the source: nothing of them is read or copied. What comes
out is separated by the same rules as an uploaded model, so a weight that became small enters the
topology, and one that nothing uses any more is gone.
"""

from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from fivegms_engine.capability import MODEL_DOMAIN, canonical_domain
from fivegms_engine.graph import SeparatedModel, separate
from fivegms_engine.traversal import used_values

_CONSTANTS_NEED_NO_INPUT = 4  # the IR version from which an initializer is not also a graph input

_CONSTANT_ATTRIBUTES = {
    "value": None,
    "value_float": "float32",
    "value_floats": "float32",
    "value_int": "int64",
    "value_ints": "int64",
}
"""The element type of each kind of `Constant` but those of strings; a tensor says its own."""


class Draft:
    """A copy of the graph to edit, over the weights of the model that it was made from."""

    def __init__(self, model: SeparatedModel) -> None:
        self._model = ModelProto()
        self._model.CopyFrom(model.graph)
        _lift_constants(self._model)
        self._weights = {weight.name: weight for weight in model.weights}
        self._constants = {tensor.name: tensor for tensor in self.graph.initializer}

    @property
    def graph(self) -> GraphProto:
        """The graph, to edit in place; constants change by `put` alone."""
        return self._model.graph

    @property
    def model(self) -> ModelProto:
        """The graph with its operator sets, for shape inference."""
        return self._model

    @property
    def opset(self) -> int:
        """The version of ONNX's own operator set."""
        return next(
            int(item.version)
            for item in self._model.opset_import
            if canonical_domain(item.domain) == MODEL_DOMAIN
        )

    @property
    def nodes(self) -> list[NodeProto]:
        """The nodes in execution order."""
        return list(self.graph.node)

    def has_constant(self, name: str) -> bool:
        """Whether a value is a constant of the main graph."""
        return name in self._constants

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a constant. Raises KeyError."""
        return tuple(self._constants[name].dims)

    def is_float32(self, name: str) -> bool:
        """Whether a value is a constant of float32."""
        return name in self._constants and self._constants[name].data_type == TensorProto.FLOAT

    def array(self, name: str) -> NDArray[Any]:
        """The values of a constant, read anew at each call; read-only. Raises KeyError."""
        tensor = self._constants[name]
        if name in self._weights:
            return self._weights[name].array()
        return numpy_helper.to_array(tensor)

    def put(self, name: str, array: NDArray[Any]) -> None:
        """Make `name` a constant of these values, in place of the one of that name if there is one.

        What was inferred of shapes is forgotten if the shape is another.
        """
        tensor = self._constants.get(name)
        if tensor is None:
            tensor = self._constants[name] = self.graph.initializer.add()
        elif tuple(tensor.dims) != array.shape:
            self.forget_shapes()
        tensor.CopyFrom(numpy_helper.from_array(array, name))
        self._weights.pop(name, None)

    def uses(self) -> Counter[str]:
        """How many nodes read each value; a graph output counts as a reader."""
        counts = Counter(name for node in self.graph.node for name in used_values(node))
        counts.update(value.name for value in self.graph.output)
        return counts

    def fresh_name(self, wish: str) -> str:
        """`wish`, or the first of `wish.1`, `wish.2`, ... that nothing in the graph is called."""
        taken = {name for node in self.graph.node for name in (*node.input, *node.output)}
        taken |= self._constants.keys() | {value.name for value in self.graph.input}
        name, count = wish, 0
        while name in taken:
            count += 1
            name = f"{wish}.{count}"
        return name

    def replace_nodes(self, nodes: Iterable[NodeProto]) -> None:
        """Make these the nodes, in execution order."""
        kept = list(nodes)
        del self.graph.node[:]
        self.graph.node.extend(kept)

    def forget_shapes(self) -> None:
        """Drop what was inferred of inner values; whoever needs it infers it anew."""
        del self.graph.value_info[:]

    def finish(self) -> SeparatedModel:
        """The model as it is now. The draft is not to be used afterwards."""
        again = separate(self._model)
        weights = (self._weights.get(weight.name, weight) for weight in again.weights)
        return SeparatedModel(again.graph, tuple(weights))


def _lift_constants(model: ModelProto) -> None:
    """Make `Constant` nodes initializers and initializers no inputs: all are found alike."""
    graph = model.graph
    nodes = []
    for node in graph.node:
        constant = _constant(node)
        if constant is None:
            nodes.append(node)
        else:
            graph.initializer.append(constant)
    names = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in names]
    for listed, kept in ((graph.node, nodes), (graph.input, inputs)):
        if len(listed) != len(kept):
            model.ir_version = max(model.ir_version, _CONSTANTS_NEED_NO_INPUT)
            copies = [deepcopy(item) for item in kept]  # deleting from the list empties them
            del listed[:]
            listed.extend(copies)


def _constant(node: NodeProto) -> TensorProto | None:
    if node.op_type != "Constant" or len(node.attribute) != 1:
        return None
    (attribute,) = node.attribute
    dtype = _CONSTANT_ATTRIBUTES.get(attribute.name, "")
    if dtype is None:
        tensor = TensorProto()
        tensor.CopyFrom(attribute.t)
        tensor.name = node.output[0]
        return tensor
    if not dtype:
        return None
    return numpy_helper.from_array(
        np.array(helper.get_attribute_value(attribute), dtype), node.output[0]
    )
