"""What passes through a model while it runs on the calibration set.

The graph is cut down to what the values asked for need, so observing an early layer is cheap. One
batch is in memory at a time; whoever observes keeps sums, not activations.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeAlias

from numpy.typing import NDArray
from onnx import ModelProto, ValueInfoProto

from fivegms_engine.errors import EngineError
from fivegms_engine.graph import SeparatedModel, separate
from fivegms_engine.session import InferenceEngine
from fivegms_engine.traversal import used_values
from fivegms_prepare.errors import StageImpossible
from fivegms_prepare.optimise.calibration import Calibration, Feeds
from fivegms_prepare.values import inputs_of

Observed: TypeAlias = dict[str, NDArray[Any]]


def observe(
    model: SeparatedModel, names: Collection[str], calibration: Calibration
) -> Iterator[Observed]:
    """The named values for each batch of the calibration set.

    Raises StageImpossible if the model does not run on it.
    """
    inputs = {info.name for info in inputs_of(model.graph)}
    inner = [name for name in dict.fromkeys(names) if name not in inputs]
    try:
        run = _runner(_part(model, inner)) if inner else _nothing
        for feeds in calibration():
            yield run(feeds) | {name: feeds[name] for name in names if name in inputs}
    except (EngineError, KeyError) as error:
        raise StageImpossible(f"the model does not run on the calibration set: {error}") from error


def _nothing(feeds: Feeds) -> Observed:
    return {}


def _runner(part: SeparatedModel) -> Callable[[Feeds], Observed]:
    weights = {weight.name: weight.array() for weight in part.weights}
    loaded = InferenceEngine.load(part.topology(), weights)
    names = [info.name for info in loaded.inputs]
    return lambda feeds: loaded.run({name: feeds[name] for name in names})


def _part(model: SeparatedModel, names: Collection[str]) -> SeparatedModel:
    """The part of the model that these values need, giving them."""
    part = ModelProto()
    part.CopyFrom(model.graph)
    needed = set(names)
    nodes = []
    for node in reversed(part.graph.node):
        if not needed.isdisjoint(node.output):
            needed |= used_values(node)
            nodes.append(node)
    inputs = [value for value in part.graph.input if value.name in needed]
    for field, kept in (
        (part.graph.node, list(reversed(nodes))),
        (part.graph.input, inputs),
        (part.graph.output, [ValueInfoProto(name=name) for name in names]),
    ):
        del field[:]
        field.extend(kept)
    separated = separate(part)
    weights = {weight.name: weight for weight in model.weights}
    return SeparatedModel(separated.graph, tuple(weights[w.name] for w in separated.weights))
