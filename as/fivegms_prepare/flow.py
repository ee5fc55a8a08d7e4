"""How values flow through a graph: which nodes matter, what they take, and how long that is needed.

Profiles, cuts and subsets ask the same of a graph and have to answer the same. Nodes from which no
output follows are left out (an engine drops them), and nodes that depend on constants alone are
told apart: an engine computes them once, when it loads, and any subset may have a copy of them.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from onnx import ModelProto, NodeProto

from fivegms_engine.traversal import all_nodes, used_values
from fivegms_prepare.values import inputs_of

_RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike"}
    | {"RandomUniform", "RandomUniformLike"}
)


@dataclass(frozen=True, slots=True)
class Flow:
    """The nodes that outputs follow from, in execution order, and the values between them.

    `used[i]` is what node i reads, values that nested graphs capture included; `producer` is the
    node of each value. `constant` are the nodes that need no input of the graph.
    """

    nodes: Sequence[NodeProto]
    used: Sequence[AbstractSet[str]]
    inputs: Sequence[str]
    outputs: Sequence[str]
    producer: Mapping[str, int]
    constant: AbstractSet[int]

    def last_uses(self) -> dict[str, int]:
        """The last node that takes each input and each node's value; outputs outlive all nodes."""
        last = dict.fromkeys((*self.inputs, *self.producer), -1)
        for index, used in enumerate(self.used):
            last.update((name, index) for name in used if name in last)
        last.update((name, len(self.nodes)) for name in self.outputs if name in last)
        return last


def flow_of(model: ModelProto) -> Flow:
    """The flow of a checked model, whose nodes are sorted."""
    outputs = [value.name for value in model.graph.output]
    nodes = _needed(model.graph.node, outputs)
    used = [frozenset(used_values(node)) for node in nodes]
    producer = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    inputs = [info.name for info in inputs_of(model)]
    return Flow(nodes, used, inputs, outputs, producer, _constant(nodes, used, producer, inputs))


def _needed(nodes: Sequence[NodeProto], outputs: Sequence[str]) -> list[NodeProto]:
    wanted = set(outputs)
    kept = []
    for node in reversed(nodes):
        if wanted.isdisjoint(node.output):
            continue
        kept.append(node)
        wanted |= used_values(node)
    return kept[::-1]


def _constant(
    nodes: Sequence[NodeProto],
    used: Sequence[AbstractSet[str]],
    producer: Mapping[str, int],
    inputs: Sequence[str],
) -> frozenset[int]:
    constant: set[int] = set()
    for index, names in enumerate(used):
        sources = {producer[name] for name in names if name in producer}
        random = any(node.op_type in _RANDOM for node in all_nodes([nodes[index]]))
        if sources <= constant and names.isdisjoint(inputs) and not random:
            constant.add(index)
    return frozenset(constant)
