"""Functions that a model defines itself (ONNX IR, "Functions"), put in place of their calls.

What remains needs ONNX's own operators alone. A function that calls another twice doubles it, and
so on, so a small file can stand for any number of nodes: they are counted before they are made.
"""

from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter

from onnx import ModelProto, NodeProto, inliner

from fivegms_engine.traversal import all_nodes
from fivegms_prepare.errors import ModelTooLarge, UnsupportedOpset

MAX_NODES = 250_000
"""Ten times the nodes of the largest models that are exported today."""

FunctionId = tuple[str, str]
"""Domain and name."""


def called(nodes: Iterable[NodeProto]) -> list[FunctionId]:
    """What nodes call, those of nested graphs included, each as often as it is called."""
    return [(node.domain, node.op_type) for node in all_nodes(nodes)]


def inline_functions(model: ModelProto) -> ModelProto:
    """The model without functions. It has passed the checks, so no function calls itself.

    Raises ModelTooLarge, and UnsupportedOpset for a function of other operator sets than the
    model's.
    """
    if not model.functions:
        return model
    nodes = _count_nodes(model)
    if nodes > MAX_NODES:
        raise ModelTooLarge(
            f"the model's functions stand for {nodes} nodes; at most {MAX_NODES} are prepared"
        )
    inlined = inliner.inline_local_functions(model)
    for function in inlined.functions:
        raise UnsupportedOpset(
            f"function {function.name!r} imports other operator sets than the model: export the "
            "model with one version of each"
        )
    return inlined


def _count_nodes(model: ModelProto) -> int:
    bodies = {
        (function.domain, function.name): called(function.node) for function in model.functions
    }
    needs = {identity: bodies.keys() & set(body) for identity, body in bodies.items()}
    sizes: dict[FunctionId, int] = {}
    for identity in TopologicalSorter(needs).static_order():
        sizes[identity] = _size(bodies[identity], sizes)
    return _size(called(model.graph.node), sizes)


def _size(body: Iterable[FunctionId], sizes: Mapping[FunctionId, int]) -> int:
    return sum(sizes.get(identity, 1) for identity in body)
