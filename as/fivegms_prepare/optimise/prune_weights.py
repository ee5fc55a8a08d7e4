"""Unstructured pruning: weights of low saliency set to zero (TR 26.927 6.1.1).

The graph stays as it is and so does the time that a run takes in a plain engine; what is gained are
bytes, with a codec that sends positions and values of what is not zero. Saliency is |w|, or, with a
calibration set, |w| times the L2 norm of the channel that it is multiplied with: a large weight on
a channel that is nearly always zero does little.

Biases and normalisations are not pruned; they are few and matter much.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivegms_api.model_stages import PruneWeights
from fivegms_engine.graph import SeparatedModel
from fivegms_prepare.errors import StageImpossible
from fivegms_prepare.optimise.calibration import Calibration, required
from fivegms_prepare.optimise.draft import Draft
from fivegms_prepare.optimise.layers import Layer, layers
from fivegms_prepare.optimise.observation import observe
from fivegms_prepare.optimise.ranking import kth_smallest
from fivegms_prepare.optimise.reconstruction import reconstruct

Norms = Mapping[str, NDArray[np.float32]]
"""The L2 norm of each channel [C] of values, by name."""


def apply(
    stage: PruneWeights, model: SeparatedModel, calibration: Calibration | None
) -> SeparatedModel:
    """Zero the share of weights asked for. Raises StageImpossible and CalibrationMissing."""
    draft = Draft(model)
    targets = list({layer.weight: layer for layer in layers(draft)}.values())
    if not targets:
        raise StageImpossible("prune-weights: the model has no layers of float32 weights")
    norms: Norms | None = None
    if stage.saliency == "activations":
        norms = _norms(model, targets, required(calibration, stage.stage))
    groups = [targets] if stage.scope == "global" else [[layer] for layer in targets]
    for group in groups:
        _prune(draft, group, stage.sparsity, norms)
    pruned = draft.finish()
    if stage.retrain == "none":
        return pruned
    return reconstruct(model, pruned, required(calibration, stage.stage))


def _prune(draft: Draft, group: Sequence[Layer], sparsity: float, norms: Norms | None) -> None:
    """Zero the least salient weights of a group of layers, of equals the first."""
    score = partial(_saliency, draft, norms)
    total = sum(draft.array(layer.weight).size for layer in group)
    count = round(sparsity * total)
    if not count:
        return
    threshold = kth_smallest(lambda: (score(layer) for layer in group), count - 1)
    below = sum(int((score(layer) < threshold).sum()) for layer in group)
    ties = count - below
    for layer in group:
        saliency = score(layer)
        equal = np.flatnonzero(saliency == threshold)[:ties]
        ties -= len(equal)
        weight = draft.array(layer.weight).copy()
        weight[saliency < threshold] = 0
        weight.reshape(-1)[equal] = 0
        draft.put(layer.weight, weight)


def _saliency(draft: Draft, norms: Norms | None, layer: Layer) -> NDArray[np.float32]:
    """One score for each weight, of the weight's shape."""
    size = np.abs(draft.array(layer.weight))
    if not np.isfinite(size).all():
        raise StageImpossible(f"prune-weights: {layer.weight!r} has numbers that are not finite")
    if norms is not None:
        size = size * _spread(layer, norms[layer.taken])
    return np.ascontiguousarray(size)


def _spread(layer: Layer, norms: NDArray[np.float32]) -> NDArray[np.float32]:
    """The norms [C] of what a layer takes in, laid along the weights that they meet."""
    rest = (1,) * (len(layer.shape) - 2)
    if layer.groups > 1 and layer.node.op_type == "Conv":
        per_group = norms.reshape(layer.groups, -1)
        return np.repeat(per_group, layer.shape[0] // layer.groups, axis=0).reshape(
            *layer.shape[:2], *rest
        )
    shape = [1] * len(layer.shape)
    shape[layer.input_axis] = -1
    return norms.reshape(shape)


def _norms(model: SeparatedModel, targets: Sequence[Layer], calibration: Calibration) -> Norms:
    """The norms of everything that the layers take in, over the whole calibration set."""
    axes = {layer.taken: layer.channel_axis for layer in targets}
    sums: dict[str, Any] = {}
    for observed in observe(model, axes, calibration):
        for name, axis in axes.items():
            channels = np.moveaxis(observed[name], axis, 0).reshape(observed[name].shape[axis], -1)
            sums[name] = sums.get(name, 0) + np.square(channels, dtype=np.float64).sum(axis=1)
    return {name: np.sqrt(total).astype(np.float32) for name, total in sums.items()}


def report(before: SeparatedModel, after: SeparatedModel) -> str:
    """How sparse the weights of the layers are now."""
    draft = Draft(after)
    names = {layer.weight for layer in layers(draft)}
    weights = [weight.array() for weight in after.weights if weight.name in names]
    total = sum(weight.size for weight in weights)
    zeros = total - sum(int(np.count_nonzero(weight)) for weight in weights)
    return f"{zeros} of {total} weights are zero ({zeros / max(total, 1):.1%})"
