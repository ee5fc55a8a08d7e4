"""What a layer multiplies its rows with, and what it gives, at a few positions of a picture.

A convolution is a matrix product over patches (im2col). Least squares needs no more than a sample
of them, the same positions before and after a change, so they follow from the batch's number alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from fivegms_prepare.optimise.layers import Layer, numbers, text

POSITIONS = 512
"""How many positions of one batch are looked at."""


def sampled_outputs(layer: Layer, given: NDArray[Any], batch: int) -> NDArray[np.float32]:
    """What the layer gives at the sampled positions: [P, out]."""
    channels = np.moveaxis(given, layer.channel_axis, -1)
    chosen = _positions(channels.shape[:-1], batch)
    return channels.reshape(-1, channels.shape[-1])[chosen].astype(np.float32)


def sampled_inputs(
    layer: Layer, taken: NDArray[Any], given: Sequence[int], batch: int
) -> NDArray[np.float32]:
    """What it multiplies its rows with there: [P, in, k], k being 1 for a matrix.

    `given` is the shape of what the layer gives; its channels do not matter.
    """
    if not layer.is_convolution:
        chosen = _positions(given[:-1], batch)
        return taken.reshape(-1, taken.shape[-1])[chosen][:, :, None].astype(np.float32)
    shape = (given[0], *given[2:])
    picture, *place = np.unravel_index(_positions(shape, batch), shape)
    channels: tuple[Any, ...] = (picture, slice(None), *place)
    windows = _windows(layer, taken, shape[1:])[channels]
    patches: NDArray[np.float32] = windows.reshape(*windows.shape[:2], -1).astype(np.float32)
    return patches


def _positions(shape: Sequence[int], batch: int) -> NDArray[np.int64]:
    total = int(np.prod(shape))
    if total <= POSITIONS:
        return np.arange(total)
    return np.random.default_rng(batch).choice(total, POSITIONS, replace=False, shuffle=False)


def _windows(layer: Layer, taken: NDArray[Any], spatial: tuple[int, ...]) -> NDArray[Any]:
    """A view [N, C, out..., k...] of the padded input."""
    kernel = layer.shape[2:]
    rank = len(kernel)
    strides = numbers(layer.node, "strides", (1,) * rank)
    dilations = numbers(layer.node, "dilations", (1,) * rank)
    reach = tuple((size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True))
    padded = np.pad(taken, [(0, 0), (0, 0), *_pads(layer, taken.shape[2:], spatial, reach)])
    windows = sliding_window_view(padded, reach, axis=tuple(range(2, 2 + rank)))
    steps = [slice(None, None, step) for step in strides]
    inside = [slice(None, None, step) for step in dilations]
    return windows[:, :, *steps, *inside]


def _pads(
    layer: Layer, size: Sequence[int], spatial: Sequence[int], reach: Sequence[int]
) -> list[tuple[int, int]]:
    """Zeros before and after each spatial axis; SAME puts an odd one where its name says."""
    rank = len(reach)
    kind = text(layer.node, "auto_pad", "NOTSET")
    if kind in ("NOTSET", "VALID"):
        pads = numbers(layer.node, "pads", (0,) * 2 * rank) if kind == "NOTSET" else (0,) * 2 * rank
        return list(zip(pads[:rank], pads[rank:], strict=True))
    strides = numbers(layer.node, "strides", (1,) * rank)
    both = [
        max(0, (out - 1) * step + need - have)
        for out, step, need, have in zip(spatial, strides, reach, size, strict=True)
    ]
    least = [total // 2 for total in both]
    rest = [total - half for total, half in zip(both, least, strict=True)]
    pairs = (least, rest) if kind == "SAME_UPPER" else (rest, least)
    return list(zip(*pairs, strict=True))
