"""A separated model while a stage changes it.

A stage reads constants by name, puts others in their place, and edits the list of nodes. Weights
that no stage touches stay references into the source: nothing of them is read or copied. What comes
out is separated by the same rules as an uploaded model, so a weight that became small enters the
topology, and one that nothing uses any more is gone.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper

from fivegms_engine.graph import SeparatedModel, separate
from fivegms_engine.traversal import used_values

_CONSTANTS_NEED_NO_INPUT = 4  # the IR version from which an initializer is not also a graph input


class Draft:
    """A copy of the graph to edit, over the weights of the model that it was made from."""

    def __init__(self, model: SeparatedModel) -> None:
        self._model = ModelProto()
        self._model.CopyFrom(model.graph)
        self._weights = {weight.name: weight for weight in model.weights}
        self._constants = {tensor.name: tensor for tensor in self.graph.initializer}
        _lift_constants(self._model, self._constants.keys())

    @property
    def graph(self) -> GraphProto:
        """The graph, to edit in place; constants change by `put` alone."""
        return self._model.graph

    @property
    def model(self) -> ModelProto:
        """The graph with its operator sets, for shape inference."""
        return self._model

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


def _lift_constants(model: ModelProto, constants: Iterable[str]) -> None:
    """Before IR version 4 a constant is declared as an input too, with its old shape."""
    names = set(constants)
    kept = [value for value in model.graph.input if value.name not in names]
    if len(kept) < len(model.graph.input):
        model.ir_version = max(model.ir_version, _CONSTANTS_NEED_NO_INPUT)
        del model.graph.input[:]
        model.graph.input.extend(kept)
