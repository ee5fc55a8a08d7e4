"""Weights solved anew after pruning, layer by layer, so that each gives what it gave before.

This is the "retraining" that needs no training framework and no labels. For each layer in execution
order the calibration set runs through the pruned model up to it, and the weights that are left (and
the bias) are fitted by least squares to the outputs of the original, from what the layer now takes
in: errors of earlier layers are made good by later ones. A ridge holds the solution near what was
left, so few pictures are enough and weights that do not matter stay.

Weights that are zero stay zero. Layers with more than `MOST_COLUMNS` numbers a row keep their
weights, because the equations of one would take more memory than the model.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import tee
from math import prod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fivegms_engine.graph import SeparatedModel
from fivegms_prepare.optimise.calibration import Calibration
from fivegms_prepare.optimise.draft import Draft
from fivegms_prepare.optimise.layers import Layer, layers
from fivegms_prepare.optimise.observation import observe
from fivegms_prepare.optimise.patches import sampled_inputs, sampled_outputs

MOST_COLUMNS = 4608
RIDGE = 1e-3
"""How much a weight's way from where it was costs, relative to a column's mean square."""
_ROUNDS = 50
_ENOUGH = 1e-8

Kept = Mapping[str, NDArray[np.intp]]
"""By the name of what a layer gives: which of its channels are left."""

Pairs: TypeAlias = Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]
"""What a layer takes in [P, in, k], and what it gave before the change [P, out], one a batch."""


def reconstruct(
    before: SeparatedModel,
    after: SeparatedModel,
    calibration: Calibration,
    kept: Kept | None = None,
) -> SeparatedModel:
    """`after`, its layers fitted to what those of `before` gave. Raises StageImpossible.

    Layers are the same if what they give has the same name.
    """
    draft = Draft(after)
    uses = draft.uses()
    fitted = [layer for layer in layers(draft) if _can_be_fitted(draft, layer, uses)]
    originals = {layer.given: layer for layer in layers(Draft(before))}
    model = after
    for layer in fitted:
        if original := originals.get(layer.given):
            pairs = _pairs(before, original, model, layer, calibration)
            model = _fit(model, layer, pairs, (kept or {}).get(layer.given))
    return model


def _can_be_fitted(draft: Draft, layer: Layer, uses: Counter[str]) -> bool:
    """Whether the layer alone has its constants and its product is neither scaled nor too wide."""
    constants = [layer.weight, *([layer.bias] if layer.bias else [])]
    own = all(draft.is_float32(name) and uses[name] == 1 for name in constants)
    plain = not any(a.name in ("alpha", "beta") and a.f != 1 for a in layer.node.attribute)
    flat_bias = layer.bias is None or (own and draft.shape(layer.bias) == (layer.outputs,))
    columns = prod(layer.shape) // layer.shape[layer.output_axis]
    fits = layer.node.op_type != "ConvTranspose" and columns <= MOST_COLUMNS
    return own and plain and flat_bias and fits


def _pairs(
    before: SeparatedModel,
    original: Layer,
    after: SeparatedModel,
    layer: Layer,
    calibration: Calibration,
) -> Pairs:
    """Both models run side by side, so that no more than one batch of samples is ever held."""
    feeds, same_feeds = tee(calibration())
    theirs = observe(before, [original.given], lambda: feeds)
    ours = observe(after, [layer.taken], lambda: same_feeds)
    for batch, (wanted, values) in enumerate(zip(theirs, ours, strict=True)):
        given = wanted[original.given]
        inputs = sampled_inputs(layer, values[layer.taken], given.shape, batch)
        yield inputs, sampled_outputs(original, given, batch)


def _fit(
    model: SeparatedModel, layer: Layer, pairs: Pairs, kept: NDArray[np.intp] | None
) -> SeparatedModel:
    """The model whose layer gives, of the channels of `pairs`, those that are `kept`."""
    draft = Draft(model)
    rows = layer.rows(draft.array(layer.weight)).astype(np.float64)
    start = _with_bias(layer, rows, draft)
    gram = np.zeros((layer.groups, start.shape[2], start.shape[2]))
    moment = np.zeros_like(start)
    for inputs, outputs in pairs:
        x = _columns(layer, inputs)
        y = _per_group(layer, outputs if kept is None else outputs[:, kept])
        for group, (columns, wanted) in enumerate(zip(x, y, strict=True)):
            gram[group] += columns @ columns.T  # numpy knows that this is symmetric
            moment[group] += wanted @ columns.T
    free = start != 0
    if layer.bias is not None:
        free[:, :, -1] = True
    solved = start + least_squares(gram, moment - start @ gram, free)
    _put(draft, layer, solved)
    return draft.finish()


def _with_bias(layer: Layer, rows: NDArray[np.float64], draft: Draft) -> NDArray[np.float64]:
    """[groups, out / groups, n]: the rows, with the bias of each if there is one."""
    if layer.bias is not None:
        rows = np.concatenate([rows, draft.array(layer.bias)[:, None]], axis=1)
    return rows.reshape(layer.groups, -1, rows.shape[1])


def _columns(layer: Layer, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """[P, in, k] to [groups, in / groups * k, P], with a row of ones for the bias."""
    grouped = inputs.reshape(len(inputs), layer.groups, -1).transpose(1, 2, 0)
    ones = 0 if layer.bias is None else 1
    return np.pad(grouped, [(0, 0), (0, ones), (0, 0)], constant_values=1)


def _per_group(layer: Layer, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """[P, out] to [groups, out / groups, P]."""
    return outputs.T.reshape(layer.groups, -1, len(outputs))


def least_squares(
    gram: NDArray[np.float64], residual: NDArray[np.float64], free: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The step [..., out, n] for `step @ gram = residual` in which only `free` entries move.

    A ridge keeps it short. Where all entries may move, the rows of a group are one system with many
    right sides; else each row is a system of its own, and conjugate gradients solve all at once.
    """
    ridge = RIDGE * np.einsum("gnn->g", gram)[:, None, None] / gram.shape[1]
    if free.all() and (ridge > 0).all():
        solved = np.linalg.solve(gram + ridge * np.eye(gram.shape[1]), residual.transpose(0, 2, 1))
        return np.ascontiguousarray(solved.transpose(0, 2, 1))
    return _conjugate_gradients(gram, residual, free, ridge)


def _conjugate_gradients(
    gram: NDArray[np.float64],
    residual: NDArray[np.float64],
    free: NDArray[np.bool_],
    ridge: NDArray[np.float64],
) -> NDArray[np.float64]:
    scale = 1 / np.maximum(np.einsum("gnn->gn", gram)[:, None, :] + ridge, np.finfo(float).tiny)
    step = np.zeros_like(residual)
    left = np.where(free, residual, 0)
    direction = scale * left
    size = _dot(left, direction)
    enough = _ENOUGH * size
    for _ in range(_ROUNDS):
        if (size <= enough).all():
            break
        product = np.where(free, direction @ gram + ridge * direction, 0)
        length = _ratio(size, _dot(direction, product))
        step += length * direction
        left -= length * product
        scaled = scale * left
        next_size = _dot(left, scaled)
        direction = scaled + _ratio(next_size, size) * direction
        size = next_size
    return step


def _dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    products: NDArray[np.float64] = np.einsum("gon,gon->go", a, b)
    return products[:, :, None]


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 where both are 0: that row is solved."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _put(draft: Draft, layer: Layer, solved: NDArray[np.float64]) -> None:
    rows = solved.reshape(-1, solved.shape[2]).astype(np.float32)
    if layer.bias is not None:
        draft.put(layer.bias, np.ascontiguousarray(rows[:, -1]))
        rows = rows[:, :-1]
    draft.put(layer.weight, layer.from_rows(rows))
