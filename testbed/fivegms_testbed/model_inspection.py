"""What an ONNX model takes, gives, is made of and costs, node by node and cut by cut."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from fivegms_engine.errors import EngineError
from fivegms_engine.graph import SeparatedModel
from fivegms_manifests.model import Latency, Opset, TensorInfo
from fivegms_prepare.cuts import Cut, Side, smallest_so_far, survey
from fivegms_prepare.measurement import made_up_feeds
from fivegms_prepare.profile import NodeProfile, profile
from fivegms_prepare.reading import parse_onnx
from fivegms_prepare.source import separate_checked
from fivegms_prepare.timings import NodeTime, time_nodes, time_subsets
from fivegms_prepare.values import inputs_of, opsets_of, outputs_of
from fivegms_testbed.errors import BadFile


class NotMeasurable(BadFile):
    """The model does not run on made-up numbers: shapes are open, or the values matter."""


@dataclass(frozen=True, slots=True)
class InspectedCut:
    """A place to cut. `best`: no cut with less work before it is as small.

    The latencies are of the two subsets, measured; None where they were not.
    """

    after: str
    tensors: tuple[TensorInfo, ...]
    size_bytes: int | None
    head: Side
    tail: Side
    best: bool
    head_latency: Latency | None = None
    tail_latency: Latency | None = None


@dataclass(frozen=True, slots=True)
class InspectedModel:
    """An ONNX model (None: open shapes). `node_times` are empty if nothing was measured."""

    kind: str
    size_bytes: int
    producer: str
    ir_version: int
    opsets: tuple[Opset, ...]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    parameters: int
    macs: int | None
    activation_bytes: int | None
    operators: dict[str, int]
    metadata: dict[str, str]
    nodes: tuple[NodeProfile, ...]
    cuts: tuple[InspectedCut, ...]
    node_times: tuple[NodeTime, ...] = ()

    @property
    def best_cuts(self) -> tuple[InspectedCut, ...]:
        """The cuts that are smaller than every earlier one."""
        return tuple(cut for cut in self.cuts if cut.best)


def inspect_model(data: bytes, folder: Path | None, *, measure: bool = False) -> InspectedModel:
    """Read a model; with `measure`, also run it, its nodes and the subsets at its best cuts.

    Raises ModelRefused, and NotMeasurable.
    """
    parsed = parse_onnx(data)
    operators = Counter(node.op_type for node in parsed.graph.node)
    with TemporaryDirectory() as nothing:
        separated = separate_checked(parsed, folder or Path(nothing))
    inspected = _described(separated, len(data), dict(operators.most_common()))
    return _measured(separated, inspected) if measure else inspected


def _described(
    separated: SeparatedModel, size_bytes: int, operators: dict[str, int]
) -> InspectedModel:
    model, costs = separated.graph, profile(separated)
    cuts = survey(separated).cuts
    best = {cut.position for cut in smallest_so_far(cuts)}
    return InspectedModel(
        kind="model",
        size_bytes=size_bytes,
        producer=" ".join(filter(None, (model.producer_name, model.producer_version))),
        ir_version=model.ir_version,
        opsets=opsets_of(model),
        inputs=inputs_of(model),
        outputs=outputs_of(model),
        parameters=costs.parameters,
        macs=costs.macs,
        activation_bytes=costs.activation_bytes,
        operators=operators,
        metadata={entry.key: entry.value for entry in model.metadata_props},
        nodes=costs.nodes,
        cuts=tuple(_cut(cut, best=cut.position in best) for cut in cuts),
    )


def _cut(cut: Cut, *, best: bool) -> InspectedCut:
    return InspectedCut(cut.after, cut.tensors, cut.size_bytes, cut.head, cut.tail, best)


def _measured(separated: SeparatedModel, inspected: InspectedModel) -> InspectedModel:
    feeds = made_up_feeds(inspected.inputs)
    if feeds is None:
        raise NotMeasurable("the model's inputs have open shapes, so there is nothing to run it on")

    def timed(cut: InspectedCut) -> InspectedCut:
        names = [info.name for info in cut.tensors]
        head, tail = time_subsets(separated, [names], feeds)
        return replace(cut, head_latency=head, tail_latency=tail)

    try:
        times = time_nodes(separated, feeds)
        cuts = tuple(timed(cut) if cut.best else cut for cut in inspected.cuts)
    except EngineError as error:
        raise NotMeasurable(f"the model does not run on made-up numbers: {error}") from error
    return replace(inspected, node_times=times, cuts=cuts)
