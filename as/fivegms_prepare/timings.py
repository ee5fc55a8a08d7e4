"""Where a model's time goes: measured shares of its nodes, and measured subsets.

The engine's own profiler sees nodes only where no optimisation has joined them, and such a run is
slower than a real one, some operators more than others. So its figures are shares, good for finding
where to cut; what a subset takes is measured on the subset, loaded as devices load it.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import onnxruntime
from onnx import ModelProto, NodeProto

from fivegms_engine.errors import InferenceFailed, SessionFailed
from fivegms_engine.graph import SeparatedModel
from fivegms_engine.session import InferenceEngine
from fivegms_engine.traversal import all_nodes
from fivegms_manifests.model import Latency
from fivegms_prepare.cutting import Cutter
from fivegms_prepare.flow import flow_of
from fivegms_prepare.measurement import Values, measure_latency
from fivegms_prepare.values import inputs_of

RUNS = 5
_LOG_NOTHING = 4
_NESTED = "nested "


@dataclass(frozen=True, slots=True)
class NodeTime:
    """The median time of a node, and its share of all nodes' (0 to 1).

    None where the engine has no kernel for the operator and runs a composite of others instead:
    these times are part of the whole but bear no node's name.
    """

    name: str
    operator: str
    time_us: float | None
    share: float | None


def time_nodes(model: SeparatedModel, feeds: Values, runs: int = RUNS) -> tuple[NodeTime, ...]:
    """The time of each node of `profile.nodes`, in that order; 0 for what loading computes.

    Raises SessionFailed and InferenceFailed.
    """
    flow = flow_of(model.graph)
    with TemporaryDirectory() as folder:
        session = _profiled(_numbered(model.graph), model, Path(folder))
        try:
            for _ in range(runs + 1):
                session.run(None, dict(feeds))
        except Exception as error:  # onnxruntime's errors have no base of their own
            raise InferenceFailed(str(error)) from error
        durations = _durations(Path(session.end_profiling()))
    # The first run fills caches and is left out.
    times = {name: median(found[1:] or [0]) for name, found in durations.items()}
    times |= {str(index): 0.0 for index in flow.constant}
    whole = sum(times.values()) or 1.0
    return tuple(
        _node_time(node, times.get(str(index)), whole) for index, node in enumerate(flow.nodes)
    )


def _node_time(node: NodeProto, time: float | None, whole: float) -> NodeTime:
    name = node.name or next(filter(None, node.output), "")
    return NodeTime(name, node.op_type, time, None if time is None else time / whole)


def time_subsets(
    model: SeparatedModel, cuts: Sequence[Sequence[str]], feeds: Values
) -> tuple[Latency | None, ...]:
    """How long each subset between cuts takes, run on what the one before it gives.

    Raises UnknownCut, NotACut, SessionFailed and InferenceFailed.
    """
    latencies = []
    values = feeds
    for part in Cutter(model).cut(cuts):
        loaded = InferenceEngine.load(part.topology(), _arrays(part))
        taken = {info.name: values[info.name] for info in inputs_of(part.graph)}
        latencies.append(measure_latency(loaded, taken))
        values = {**values, **loaded.run(taken)}
    return tuple(latencies)


def _arrays(model: SeparatedModel) -> dict[str, Any]:
    return {weight.name: weight.array() for weight in model.weights}


def _numbered(model: ModelProto) -> ModelProto:
    """The nodes that count, each named by its number: names may be missing, or be the same.

    Nodes of nested graphs are told apart: their time is part of that of the node that runs them.
    """
    numbered = ModelProto()
    numbered.CopyFrom(model)
    del numbered.graph.node[:]
    numbers = count()
    for index, node in enumerate(flow_of(model).nodes):
        placed = numbered.graph.node.add()
        placed.CopyFrom(node)
        for inner in all_nodes([placed]):
            inner.name = f"{_NESTED}{next(numbers)}"
        placed.name = str(index)
    return numbered


def _profiled(graph: ModelProto, model: SeparatedModel, folder: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _LOG_NOTHING
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    arrays = _arrays(model)
    if arrays:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in arrays.values()]
        options.add_external_initializers(list(arrays), values)
    try:
        return onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's errors have no base of their own
        raise SessionFailed(str(error)) from error


def _durations(profile: Path) -> dict[str, list[float]]:
    """The microseconds of each run of each node of the main graph, by its name."""
    durations: defaultdict[str, list[float]] = defaultdict(list)
    for name, duration in _kernel_times(json.loads(profile.read_text(encoding="utf-8"))):
        durations[name].append(duration)
    return durations


def _kernel_times(events: Sequence[dict[str, Any]]) -> Iterator[tuple[str, float]]:
    for event in events:
        name = str(event.get("name", ""))
        inner = name.startswith(_NESTED)
        if event.get("cat") == "Node" and name.endswith("_kernel_time") and not inner:
            yield name.removesuffix("_kernel_time"), float(event["dur"])
