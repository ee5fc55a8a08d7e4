"""Walks over an ONNX graph: subgraphs, tensors at any depth, and values captured from outside.

ONNX nests graphs in node attributes (`If`, `Loop`, `Scan`), and a nested graph may use any value of
the graphs around it without saying so in the node's inputs. Whoever sorts, cuts or checks a graph
has to see both; these functions are where that is known. They only read. Recursion is bounded by
protobuf, which refuses messages nested more than 100 deep.
"""

from collections.abc import Iterable, Iterator

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """The graphs in the node's attributes, one level down."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == AttributeProto.GRAPHS:
            yield from attribute.graphs


def used_values(node: NodeProto) -> set[str]:
    """Every value of the node's own graph that it reads, captured ones included."""
    used = {name for name in node.input if name}
    for graph in subgraphs(node):
        used |= captured_values(graph)
    return used


def captured_values(graph: GraphProto) -> set[str]:
    """The values that a nested graph reads from the graphs around it."""
    own = {value.name for value in graph.input}
    own |= {tensor.name for tensor in graph.initializer}
    own |= {tensor.values.name for tensor in graph.sparse_initializer}
    own |= {name for node in graph.node for name in node.output}
    used = {value.name for value in graph.output if value.name}
    for node in graph.node:
        used |= used_values(node)
    return used - own


def all_nodes(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """The nodes and, after each, those of the graphs nested in it."""
    for node in nodes:
        yield node
        for graph in subgraphs(node):
            yield from all_nodes(graph.node)


def all_tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Every constant of the model: initializers, attributes, functions, training graphs."""
    yield from _graph_tensors(model.graph)
    for function in model.functions:
        yield from _node_tensors(function.node)
        yield from _attribute_tensors(function.attribute_proto)
    for training in model.training_info:
        yield from _graph_tensors(training.initialization)
        yield from _graph_tensors(training.algorithm)


def _graph_tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    yield from _node_tensors(graph.node)


def _node_tensors(nodes: Iterable[NodeProto]) -> Iterator[TensorProto]:
    for node in nodes:
        yield from _attribute_tensors(node.attribute)


def _attribute_tensors(attributes: Iterable[AttributeProto]) -> Iterator[TensorProto]:
    # By presence, not by the declared type: a hostile model may lie about the type.
    for attribute in attributes:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        if attribute.HasField("sparse_tensor"):
            yield attribute.sparse_tensor.values
            yield attribute.sparse_tensor.indices
        for sparse in attribute.sparse_tensors:
            yield sparse.values
            yield sparse.indices
        if attribute.HasField("g"):
            yield from _graph_tensors(attribute.g)
        for graph in attribute.graphs:
            yield from _graph_tensors(graph)
