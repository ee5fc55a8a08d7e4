"""Structured pruning: whole filters and neurons removed (TR 26.927 6.1.1).

The graph really shrinks: weights lose rows and those that follow lose columns, and a plain engine
runs what is left in less time and memory. Channels that depend on one another go together
(`channels`); the outputs of the model, and what flows into an operator that is not followed, stay.

Channels compete where the same layers make them: each such pool loses the share that was asked for,
and keeps one at least. The importance of a channel is the mean over the layers that make it of the
norm of its filter (times the scale of the batch normalisation behind it), or over those that read
it of its mean absolute value on the calibration set; each layer's figures are first divided by
their mean, so that no layer outshouts another.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from fivegms_api.model_stages import PruneChannels
from fivegms_engine.graph import SeparatedModel
from fivegms_prepare.errors import StageImpossible
from fivegms_prepare.optimise.calibration import Calibration, required
from fivegms_prepare.optimise.channel_flows import FLOWS
from fivegms_prepare.optimise.channels import ChannelMap, Channels, follow
from fivegms_prepare.optimise.draft import Draft
from fivegms_prepare.optimise.layers import Layer, layer_of
from fivegms_prepare.optimise.observation import observe
from fivegms_prepare.optimise.reconstruction import reconstruct

_EPSILON = 1e-5  # BatchNormalization's own default
_NAMED = 8
"""How many layers a report names."""

Pools: TypeAlias = list[list[int]]
"""Channels that compete, by the numbers that stand for them."""


def apply(
    stage: PruneChannels, model: SeparatedModel, calibration: Calibration | None
) -> SeparatedModel:
    """A smaller graph. Raises StageImpossible if nothing can go, and CalibrationMissing."""
    draft = Draft(model)
    channels = follow(draft, FLOWS)
    pools = _pools(channels)
    if stage.importance == "activations":
        figures = _by_activations(model, channels, required(calibration, stage.stage))
    else:
        figures = _by_weights(channels, 1 if stage.norm == "l1" else 2)
    gone = _least_important(pools, _importance(channels, figures), stage.ratio)
    if not gone:
        raise StageImpossible(
            "prune-channels: no layer has channels to spare at this ratio, or all of them depend "
            "on operators that are not followed"
        )
    kept = _remove(channels, gone)
    pruned = draft.finish()
    if stage.retrain == "none":
        return pruned
    return reconstruct(model, pruned, required(calibration, stage.stage), kept)


def _pools(channels: ChannelMap) -> Pools:
    """The channels that may go, together with those that the same layers make."""
    makers: defaultdict[int, list[str]] = defaultdict(list)
    for name, layer in channels.made.items():
        for root in channels.roots(_made(channels, layer)).tolist():
            makers[root].append(name)
    locked = channels.locked_roots()
    pools: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for root, names in makers.items():
        pool = pools[tuple(names)]
        if root not in locked:
            pool.append(root)
    return list(pools.values())


def _made(channels: ChannelMap, layer: Layer) -> Channels:
    return channels.constants[layer.weight, layer.output_axis]


Figures: TypeAlias = Iterator[tuple[Channels, NDArray[np.float64]]]
"""Channels and a figure for each, one pair a layer."""


def _by_weights(channels: ChannelMap, order: int) -> Figures:
    scales = _normalisation_scales(channels)
    for name, layer in channels.made.items():
        rows = np.asarray(layer.rows(channels.draft.array(layer.weight)), np.float64)
        norms = np.linalg.norm(rows, order, axis=1)
        yield _made(channels, layer), norms * scales.get(name, 1)


def _normalisation_scales(channels: ChannelMap) -> Mapping[str, NDArray[np.float64]]:
    """What batch normalisation multiplies each channel of a value with."""
    draft = channels.draft
    found = {}
    for node in draft.nodes:
        if node.op_type == "BatchNormalization" and _all_constant(draft, node):
            scale, variance = (draft.array(node.input[index]) for index in (1, 4))
            found[node.input[0]] = np.abs(scale, dtype=np.float64) / np.sqrt(variance + _EPSILON)
    return found


def _all_constant(draft: Draft, node: NodeProto) -> bool:
    return all(draft.has_constant(name) for name in node.input[1:])


def _by_activations(model: SeparatedModel, channels: ChannelMap, data: Calibration) -> Figures:
    sums: dict[str, Any] = {}
    for observed in observe(model, channels.read, data):
        for name, carried in channels.read.items():
            values = np.moveaxis(observed[name], carried.axis, 0)
            mean = np.abs(values).reshape(len(values), -1).mean(axis=1, dtype=np.float64)
            sums[name] = sums.get(name, 0) + mean
    for name, total in sums.items():
        yield channels.read[name].channels, total


def _importance(channels: ChannelMap, figures: Figures) -> dict[int, float]:
    """The mean figure of each channel, those of each layer relative to their mean."""
    found: defaultdict[int, list[float]] = defaultdict(list)
    for numbers, values in figures:
        relative = values / max(float(values.mean()), np.finfo(float).tiny)
        if not np.isfinite(relative).all():
            raise StageImpossible("prune-channels: a layer has numbers that are not finite")
        for root, value in zip(channels.roots(numbers).tolist(), relative.tolist(), strict=True):
            found[root].append(value)
    return {root: sum(values) / len(values) for root, values in found.items()}


def _least_important(pools: Pools, importance: Mapping[int, float], ratio: float) -> set[int]:
    """Of each pool the share `ratio`, rounded down; of equals the first. One stays at least."""
    gone: set[int] = set()
    for pool in pools:
        count = min(int(ratio * len(pool)), len(pool) - 1)
        ranked = sorted(pool, key=lambda root: (importance.get(root, np.inf), root))
        gone.update(ranked[: max(count, 0)])
    return gone


def _remove(channels: ChannelMap, gone: set[int]) -> dict[str, NDArray[np.intp]]:
    """Take the channels out of all constants; which of its channels each layer keeps, by output."""
    lost = np.array(sorted(gone), np.intp)
    left = {
        place: np.flatnonzero(~np.isin(channels.roots(numbers), lost))
        for place, numbers in channels.constants.items()
    }
    every = channels.made | channels.depthwise
    kept = {name: left[layer.weight, layer.output_axis] for name, layer in every.items()}
    for (name, axis), indices in left.items():
        if len(indices) < channels.draft.shape(name)[axis]:
            shrunk = np.take(channels.draft.array(name), indices, axis)
            channels.draft.put(name, np.ascontiguousarray(shrunk))
    for (name, index), numbers in channels.sizes.items():
        sizes = channels.draft.array(name).copy()
        sizes[index] = np.count_nonzero(~np.isin(channels.roots(numbers), lost))
        channels.draft.put(name, sizes)
    for name, layer in channels.depthwise.items():
        _set_groups(layer.node, len(kept[name]))
    return kept


def _set_groups(node: NodeProto, groups: int) -> None:
    for attribute in node.attribute:
        if attribute.name == "group":
            attribute.i = groups


def report(before: SeparatedModel, after: SeparatedModel) -> str:
    """How many channels are left, and which layers kept all of theirs."""
    old, new = (_outputs(Draft(model)) for model in (before, after))
    total, left = sum(old.values()), sum(new.values())
    whole = [name for name, count in old.items() if new.get(name) == count]
    more = f" and {len(whole) - _NAMED} more" if len(whole) > _NAMED else ""
    unchanged = f"; unchanged: {', '.join(whole[:_NAMED])}{more}" if whole else ""
    return f"{left} of {total} channels left{unchanged}"


def _outputs(draft: Draft) -> dict[str, int]:
    """How many channels each layer gives, by what it gives."""
    found = (layer_of(draft, node) for node in draft.nodes)
    return {layer.given: layer.outputs for layer in found if layer is not None}
