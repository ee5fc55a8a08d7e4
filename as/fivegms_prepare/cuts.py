"""Every place where a graph can be cut in execution order, and what that would cost.

After each node, the values that later nodes or outputs still need are what has to cross: they are
the cut, whether one tensor or many. A scan that remembers the last use of each value finds all cuts
in time proportional to the graph; those of more than MAX_TENSORS are passed over. Another order of
independent branches may allow other cuts; `cutting.Cutter` takes any, these are the ones that the
model's own order shows.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import accumulate

from fivegms_engine.graph import SeparatedModel
from fivegms_manifests.model import TensorInfo
from fivegms_prepare.flow import Flow, flow_of
from fivegms_prepare.memory import size_of
from fivegms_prepare.profile import (
    Constant,
    NodeProfile,
    constants_of,
    most,
    profile_nodes,
    total,
)
from fivegms_prepare.values import infer_samples, infer_values

MAX_TENSORS = 256
"""The most tensors of a cut: where thousands of branches lie side by side, no cut is of use."""


@dataclass(frozen=True, slots=True)
class Side:
    """What lies on one side of a cut; `macs` and `activation_bytes` for one sample.

    A constant that both sides read counts on both, as both need it.
    """

    nodes: int
    parameters: int
    weights_bytes: int
    macs: int | None
    activation_bytes: int | None

    @property
    def memory_bytes(self) -> int | None:
        """Decoded weights and intermediate values together."""
        live = self.activation_bytes
        return None if live is None else self.weights_bytes + live


@dataclass(frozen=True, slots=True)
class Cut:
    """A place to cut: after node `position` of the flow. `size_bytes` is that of one sample."""

    position: int
    after: str
    tensors: tuple[TensorInfo, ...]
    size_bytes: int | None
    head: Side
    tail: Side

    @property
    def names(self) -> tuple[str, ...]:
        """The tensors as a template names them (`compositions[].cuts`)."""
        return tuple(info.name for info in self.tensors)


@dataclass(frozen=True, slots=True)
class Survey:
    """A model's nodes in execution order, what each reads, and the cuts between them.

    `constants` are those that a node needs, also through nodes that follow from constants alone,
    of which any subset may have a copy; such nodes need none themselves.
    """

    nodes: tuple[NodeProfile, ...]
    constants: tuple[frozenset[str], ...]
    weights_bytes: dict[str, int]
    cuts: tuple[Cut, ...]

    @property
    def macs(self) -> int | None:
        """Multiply-accumulates of the whole model for one sample."""
        return total(node.macs for node in self.nodes)


def find_cuts(model: SeparatedModel) -> tuple[Cut, ...]:
    """The cuts of a checked model, in execution order."""
    return survey(model).cuts


def survey(model: SeparatedModel) -> Survey:
    """The nodes and the cuts of a checked model.

    A cut whose tensors have no known type is left out: no subset could declare them.
    """
    flow, values = flow_of(model.graph), infer_values(model.graph)
    samples = infer_samples(model.graph)
    nodes = profile_nodes(model, flow, samples)
    constants = constants_of(model)
    read = tuple(_needed(flow, constants))
    heads = _sides(nodes, read, constants)
    tails = _sides(nodes[::-1], read[::-1], constants)[::-1]
    cuts = [
        Cut(
            position=position,
            after=nodes[position].name,
            tensors=tuple(values[name] for name in names),
            size_bytes=total(size_of(samples.get(name)) for name in names),
            head=heads[position],
            tail=tails[position + 1],
        )
        for position, names in _crossings(flow)
        if all(name in values for name in names)
    ]
    sizes = {name: constant.weights_bytes for name, constant in constants.items()}
    return Survey(nodes, read, sizes, tuple(cuts))


def smallest_so_far(cuts: Sequence[Cut]) -> tuple[Cut, ...]:
    """The cuts that no other beats in both: the more work before them, the fewer bytes cross.

    Cuts of unknown size or work are none of them.
    """
    kept: list[Cut] = []
    for cut in cuts:
        if cut.size_bytes is None or cut.head.macs is None:
            continue
        if kept and cut.size_bytes >= (kept[-1].size_bytes or 0):
            continue
        if kept and cut.head.macs == kept[-1].head.macs:
            kept.pop()
        kept.append(cut)
    return tuple(kept)


def _needed(flow: Flow, constants: Mapping[str, Constant]) -> Iterator[frozenset[str]]:
    """The constants that each node needs in whichever subset it is; outputs belong to the last."""
    for index, used in enumerate(flow.used):
        names = set() if index in flow.constant else set(used)
        if index == len(flow.nodes) - 1:
            names.update(flow.outputs)
        yield _behind(names, flow, constants)


def _behind(
    names: AbstractSet[str], flow: Flow, constants: Mapping[str, Constant]
) -> frozenset[str]:
    """The constants among the names, and those that constant nodes make the others of."""
    found, seen, left = set(), set(), list(names)
    while left:
        name = left.pop()
        if name in constants:
            found.add(name)
        index = flow.producer.get(name)
        if index is not None and index in flow.constant and index not in seen:
            seen.add(index)
            left.extend(flow.used[index])
    return frozenset(found)


def _crossings(flow: Flow) -> Iterator[tuple[int, list[str]]]:
    """After each node but the last, what is needed later, by name; constants cross nothing."""
    last_uses = flow.last_uses()
    live = {name for name in flow.inputs if last_uses[name] >= 0}
    computing = [index for index in range(len(flow.nodes)) if index not in flow.constant]
    for index in computing[:-1]:
        live.update(name for name in flow.nodes[index].output if last_uses.get(name, -1) > index)
        live.difference_update(name for name in flow.used[index] if last_uses.get(name) == index)
        if len(live) <= MAX_TENSORS:
            yield index, sorted(live)


def _sides(
    nodes: Sequence[NodeProfile],
    read: Sequence[frozenset[str]],
    constants: Mapping[str, Constant],
) -> list[Side]:
    """The figures of the first node, of the first two, and so on."""
    seen: set[str] = set()
    parameters, weights_bytes = [0], [0]
    for names in read:
        new = [constants[name] for name in names - seen]
        seen |= names
        parameters.append(parameters[-1] + sum(one.parameters for one in new))
        weights_bytes.append(weights_bytes[-1] + sum(one.weights_bytes for one in new))
    macs = accumulate((node.macs for node in nodes), lambda a, b: total((a, b)))
    live = accumulate((node.live_bytes for node in nodes), lambda a, b: most((a, b)))
    return [
        Side(*figures)
        for figures in zip(
            range(1, len(nodes) + 1), parameters[1:], weights_bytes[1:], macs, live, strict=True
        )
    ]
