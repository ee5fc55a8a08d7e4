"""Which weights onnxruntime may use where they lie, without a copy of its own.

onnxruntime takes tensors from memory in two ways: as external initializers, which it copies, and
as shared ones, which it does not - and which it then leaves out of constant folding, so that what
follows from them alone would be computed anew in every run. So a weight is shared if there is
nothing to fold: if each node that uses it also takes a value that only a run gives. That is nearly
every large weight: those of convolutions, matrix products and recurrent layers.
"""

from onnx import GraphProto

from fivegms_engine.traversal import used_values

IN_PLACE_BYTES = 2**16
"""Smaller weights are copied: that costs nothing, and norms are folded into what precedes them."""


def usable_in_place(graph: GraphProto) -> frozenset[str]:
    """The names of the initializers that no part of the graph could be folded with.

    Those that nested graphs use, that are outputs, or that a caller could feed are not among them.
    """
    weights = {tensor.name for tensor in graph.initializer}
    other = {value.name for value in (*graph.input, *graph.output)}
    known = set(weights)  # before a run
    for node in graph.node:
        taken = {name for name in node.input if name}
        other |= used_values(node) - taken
        if taken <= known:
            other |= taken
            known.update(node.output)
    return frozenset(weights - other)
