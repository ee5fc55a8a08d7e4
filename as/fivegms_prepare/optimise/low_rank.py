"""Low-rank compression: a layer's weight replaced by the product of two smaller ones (SVD).

A layer of rows `W [out, n]` becomes `first [r, n]`, which does what the layer did with fewer
outputs, and `second [out, r]`, which mixes them: a `k x k` convolution becomes one of `r` filters
and a `1 x 1` convolution, a matrix two matrices. Of all pairs of rank `r` the one from the singular
value decomposition is nearest to `W`. A layer is replaced only where both together hold fewer
numbers than it did; then they also take fewer multiplications.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, helper

from fivegms_api.model_stages import LowRank
from fivegms_engine.graph import SeparatedModel
from fivegms_prepare.errors import StageImpossible
from fivegms_prepare.optimise.calibration import Calibration, required
from fivegms_prepare.optimise.draft import Draft
from fivegms_prepare.optimise.layers import Layer, layers, without
from fivegms_prepare.optimise.reconstruction import reconstruct

_SUFFIXES = (".first", ".second")


@dataclass(frozen=True, slots=True)
class Factors:
    """`second @ first` is near the rows [out, n] that were factorised."""

    first: NDArray[np.float32]
    second: NDArray[np.float32]


def apply(stage: LowRank, model: SeparatedModel, calibration: Calibration | None) -> SeparatedModel:
    """Replace every layer that gets smaller. Raises StageImpossible and CalibrationMissing."""
    draft = Draft(model)
    named: dict[tuple[str, int], tuple[str, str] | None] = {}
    replaced: dict[str, list[NodeProto]] = {}
    for layer in layers(draft):
        if layer.groups != 1 or layer.node.op_type == "ConvTranspose":
            continue
        rows = (layer.weight, layer.output_axis)  # a weight may serve two layers, one transposed
        if rows not in named:
            named[rows] = _put_factors(draft, layer, stage)
        names = named[rows]
        if names is not None:
            replaced[layer.given] = _pair(draft, layer, *names)
    if not replaced:
        raise StageImpossible("low-rank: no layer gets smaller at this rank; ask for a lower one")
    draft.replace_nodes(new for node in draft.nodes for new in replaced.get(node.output[0], [node]))
    draft.forget_shapes()
    product = draft.finish()
    if stage.retrain == "none":
        return product
    return reconstruct(model, product, required(calibration, stage.stage))


def _put_factors(draft: Draft, layer: Layer, stage: LowRank) -> tuple[str, str] | None:
    """The names of the two new constants, or None where they would not be smaller."""
    rows = layer.rows(draft.array(layer.weight))
    if not np.isfinite(rows).all():
        raise StageImpossible(f"low-rank: {layer.weight!r} has numbers that are not finite")
    factors = _smaller(rows, stage)
    if factors is None:
        return None
    first, second = (draft.fresh_name(layer.weight + suffix) for suffix in _SUFFIXES)
    draft.put(first, _as_first(layer, factors.first))
    draft.put(second, _as_second(layer, factors.second))
    return first, second


def _smaller(rows: NDArray[np.float32], stage: LowRank) -> Factors | None:
    out, width = rows.shape
    most = (rows.size - 1) // (out + width)  # the largest rank at which both are smaller
    if stage.energy is None and _rank(stage, min(out, width)) > most:
        return None
    values, vectors = _decompose(rows)
    rank = _rank_of_energy(values, stage.energy) if stage.energy else _rank(stage, min(out, width))
    return _factors(rows, vectors[:, :rank]) if rank <= most else None


def _rank(stage: LowRank, full: int) -> int:
    return min(stage.rank, full) if stage.rank else ceil((stage.ratio or 1) * full)


def _rank_of_energy(values: NDArray[np.float64], energy: float) -> int:
    total = np.cumsum(values)
    return 1 + int(np.searchsorted(total, energy * total[-1])) if total[-1] > 0 else 1


def _decompose(rows: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Squared singular values, falling, and the singular vectors of the shorter side as columns.

    By the eigenvectors of the smaller of both products with itself: for a matrix of 4096 x 25088
    that is 40 times less work than a full decomposition, and a projection onto eigenvectors is as
    near to the rows as float64 can tell.
    """
    wide = rows if rows.shape[0] <= rows.shape[1] else rows.T
    gram = np.zeros((len(wide), len(wide)))
    for start in range(0, wide.shape[1], 4096):
        part = wide[:, start : start + 4096].astype(np.float64)
        gram += part @ part.T
    values, vectors = np.linalg.eigh(gram)
    return np.maximum(values[::-1], 0), _signed(vectors[:, ::-1])


def _signed(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """An eigenvector's sign is arbitrary: make its largest component positive."""
    largest = np.abs(vectors).argmax(axis=0)
    signs: NDArray[np.float64] = np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return vectors * signs


def _factors(rows: NDArray[np.float32], vectors: NDArray[np.float64]) -> Factors:
    basis = vectors.astype(np.float32)
    if rows.shape[0] <= rows.shape[1]:
        return Factors(basis.T @ rows, basis)
    return Factors(np.ascontiguousarray(basis.T), rows @ basis)


def _as_first(layer: Layer, first: NDArray[np.float32]) -> NDArray[Any]:
    """`first` [r, n] as a convolution of r filters, or a matrix [n, r]."""
    return layer.from_rows(first) if layer.is_convolution else np.ascontiguousarray(first.T)


def _as_second(layer: Layer, second: NDArray[np.float32]) -> NDArray[Any]:
    """`second` [out, r] as the weight of the layer that mixes: 1 x 1, or a matrix [r, out]."""
    if layer.is_convolution:
        return np.ascontiguousarray(second.reshape(*second.shape, *(1,) * (len(layer.shape) - 2)))
    return np.ascontiguousarray(second.T)


def _pair(draft: Draft, layer: Layer, first: str, second: str) -> list[NodeProto]:
    """The two nodes that stand for a layer; what the second gives keeps the layer's name."""
    between = draft.fresh_name(f"{layer.given}.rank")
    bias = [layer.bias] if layer.bias else []
    if layer.is_convolution:
        reducing = without(layer.node)
        mixing = helper.make_node(
            "Conv", [between, second, *bias], [layer.given], f"{layer.given}.mix"
        )
    else:
        reducing = helper.make_node("MatMul", [], [], layer.node.name)
        mixing = without(layer.node, "transB")
        mixing.name = f"{layer.given}.mix"
        mixing.input[:] = [between, second, *bias]
    reducing.input[:] = [layer.taken, first]
    reducing.output[:] = [between]
    return [reducing, mixing]


def report(before: SeparatedModel, after: SeparatedModel) -> str:
    """How many layers are products now, and how many numbers that leaves."""
    given = {name for node in before.graph.graph.node for name in node.output}
    new = [node for node in after.graph.graph.node if given.isdisjoint(node.output)]
    total = sum(1 for _ in layers(Draft(before)))
    old, left = (sum(weight.elements for weight in model.weights) for model in (before, after))
    return f"{len(new)} of {total} layers replaced by products, {left} of {old} numbers left"
