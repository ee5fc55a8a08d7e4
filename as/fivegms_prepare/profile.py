"""What a model costs to run, read from its graph: parameters, multiply-accumulates, memory.

Where shapes stay open (a dynamic picture size, a loop) a figure is None rather than a guess. How
long a model takes is not in its graph: `shares` measures that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from onnx import TensorProto

from fivegms_engine.graph import SeparatedModel
from fivegms_manifests.model import TensorInfo
from fivegms_prepare.flow import Flow, flow_of
from fivegms_prepare.memory import live_bytes, size_of
from fivegms_prepare.node_costs import macs
from fivegms_prepare.values import infer_samples

_LEARNED = frozenset(
    {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16}
)


@dataclass(frozen=True, slots=True)
class NodeProfile:
    """What one node costs, for one sample; None where unknown.

    `parameters` and `weights_bytes` are of all constants that it reads, also where other nodes read
    them too. `live_bytes` is what intermediate values take while it runs, its own included.
    """

    name: str
    operator: str
    parameters: int
    weights_bytes: int
    macs: int | None
    output_bytes: int | None
    live_bytes: int | None


@dataclass(frozen=True, slots=True)
class Profile:
    """What one subset costs; `macs` and `activation_bytes` for one sample, None where unknown.

    `parameters` counts floating-point constants (shapes and axes are not learned).
    `weights_bytes` is the memory that all decoded tensors take, and `activation_bytes` the most
    that intermediate values take at once, in execution order. `nodes` are those that the outputs
    follow from.
    """

    parameters: int
    macs: int | None
    activation_bytes: int | None
    weights_bytes: int
    nodes: tuple[NodeProfile, ...] = ()


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of the graph: its learned numbers, and its bytes if it left the graph."""

    parameters: int
    weights_bytes: int


def profile(model: SeparatedModel) -> Profile:
    """The figures of a separated model."""
    nodes = profile_nodes(model, flow_of(model.graph), infer_samples(model.graph))
    return Profile(
        parameters=sum(constant.parameters for constant in constants_of(model).values()),
        macs=total(node.macs for node in nodes),
        activation_bytes=most(node.live_bytes for node in nodes),
        weights_bytes=model.weights_bytes,
        nodes=nodes,
    )


def profile_nodes(
    model: SeparatedModel, flow: Flow, values: Mapping[str, TensorInfo]
) -> tuple[NodeProfile, ...]:
    """The figures of each node of a flow, whose values have the shapes of one sample.

    Nodes that follow from constants alone are computed when the model loads: no sample costs them.
    """
    constants = constants_of(model)
    live = live_bytes(flow, values)
    profiles = []
    for index, (node, used) in enumerate(zip(flow.nodes, flow.used, strict=True)):
        read = [constants[name] for name in used if name in constants]
        profiles.append(
            NodeProfile(
                name=node.name or next(filter(None, node.output), ""),
                operator=node.op_type,
                parameters=sum(constant.parameters for constant in read),
                weights_bytes=sum(constant.weights_bytes for constant in read),
                macs=0 if index in flow.constant else macs(node, values),
                output_bytes=total(size_of(values.get(name)) for name in node.output if name),
                live_bytes=live[index],
            )
        )
    return tuple(profiles)


def constants_of(model: SeparatedModel) -> dict[str, Constant]:
    """The constants of a separated model by name."""
    separated = {weight.name: weight.size_bytes for weight in model.weights}
    return {
        tensor.name: Constant(_parameters(tensor), separated.get(tensor.name, 0))
        for tensor in model.graph.graph.initializer
    }


def _parameters(tensor: TensorProto) -> int:
    return prod(tensor.dims) if tensor.data_type in _LEARNED else 0


def total(figures: Iterable[int | None]) -> int | None:
    """The sum of figures, or None if one is unknown."""
    known = list(figures)
    return None if None in known else sum(filter(None, known))


def most(figures: Iterable[int | None]) -> int | None:
    """The largest of figures, or None if one is unknown; 0 of none."""
    known = list(figures)
    return None if None in known else max(filter(None, known), default=0)
