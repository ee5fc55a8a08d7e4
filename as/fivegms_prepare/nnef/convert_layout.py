"""ONNX operators that rearrange, join or take apart tensors, as NNEF has them."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from fivegms_codecs.nnef.syntax import Array, Expression
from fivegms_prepare.nnef.conversion import Conversion, Converter

_BORDERS = {"constant": "constant", "edge": "replicate", "reflect": "reflect"}


def _reshape(node: Conversion) -> None:
    """Reshape and Flatten: the shape is known by now."""
    node.give("reshape", node.source(), shape=node.out_shape)


def _transpose(node: Conversion) -> None:
    perm = node.attribute("perm", list(range(len(node.shape())))[::-1])
    node.give("transpose", node.source(), axes=list(perm))


def _squeeze(node: Conversion) -> None:
    shape = node.shape()
    given = node.integers("axes", 1)
    if given is None:
        given = [axis for axis, size in enumerate(shape) if size == 1]
    node.give("squeeze", node.source(), axes=node.axes(given, len(shape)))


def _unsqueeze(node: Conversion) -> None:
    axes = node.axes(node.integers("axes", 1), len(node.out_shape))
    node.give("unsqueeze", node.source(), axes=axes)


def _concat(node: Conversion) -> None:
    values: tuple[Expression, ...] = tuple(
        node.operand(index, f"value{index}", literal=False) for index in range(len(node.node.input))
    )
    node.give("concat", Array(values), axis=node.axis())


def _split(node: Conversion) -> None:
    axis, names = node.axis(), list(node.node.output)
    sizes = [node.draft.shape(name)[axis] for name in names]
    unit = int(np.gcd.reduce(sizes))
    ratios = [size // unit for size in sizes]
    node.draft.call("split", node.source(), to=names, axis=axis, ratios=ratios)


def _slice(node: Conversion) -> None:
    shape = node.shape()
    begins, ends = node.integers("starts", 1), node.integers("ends", 2)
    axes = node.integers("axes", 3, list(range(len(begins))))
    strides = node.integers("steps", 4, [1] * len(begins))
    axes = [axis % len(shape) for axis in axes]
    ranges = [
        slice(begin, end, stride).indices(shape[axis])
        for axis, begin, end, stride in zip(axes, begins, ends, strides, strict=True)
    ]
    if 0 in node.out_shape:
        raise node.refuse("nothing is left; NNEF has no empty tensors")
    node.give(
        "slice",
        node.source(),
        axes=axes,
        begin=[begin for begin, _, _ in ranges],
        end=[_end(end, shape[axis]) for axis, (_, end, _) in zip(axes, ranges, strict=True)],
        stride=[stride for _, _, stride in ranges],
    )


def _end(end: int, extent: int) -> int:
    """A slice that goes back to the first item ends before it, which NNEF counts from behind."""
    return end if end >= 0 else -extent - 1


def _gather(node: Conversion) -> None:
    axis = node.axis()
    name = node.node.input[1]
    if not node.draft.values.is_known(name):
        node.give("gather", node.source(), node.operand(1, "indices"), axis=axis)
        return
    indices = node.known(1)
    if (indices < 0).any():
        raise node.refuse("NNEF counts from the first item only")
    operand = node.operand(1, "indices", literal=not indices.ndim)
    node.give("gather", node.source(), operand, axis=axis)


def _tile(node: Conversion) -> None:
    node.give("tile", node.source(), repeats=node.known(1).tolist())


def _expand(node: Conversion) -> None:
    shape, wanted = node.shape(), node.out_shape
    source = node.operand(0, literal=False, rank=len(wanted))
    extents = (1,) * (len(wanted) - len(shape)) + shape
    node.give("tile", source, repeats=[w // e for w, e in zip(wanted, extents, strict=True)])


def _pad(node: Conversion) -> None:
    rank, mode = len(node.shape()), node.attribute("mode", "constant")
    pads = node.integers("pads", 1)
    axes = node.axes(node.known(3).tolist(), rank) if node.has(3) else list(range(rank))
    if mode not in _BORDERS or min(pads, default=0) < 0:
        raise node.refuse(f"NNEF does not pad by {list(pads)} in mode {mode!r}")
    padding = [(0, 0)] * rank
    for axis, before, after in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        padding[axis] = (before, after)
    value = node.known(2).item() if node.has(2) else node.attribute("value", 0.0)
    node.give("pad", node.source(), padding=padding, border=_BORDERS[mode], value=float(value))


LAYOUT_CONVERTERS: Mapping[str, Converter] = MappingProxyType(
    {
        "Reshape": _reshape,
        "Flatten": _reshape,
        "Transpose": _transpose,
        "Squeeze": _squeeze,
        "Unsqueeze": _unsqueeze,
        "Concat": _concat,
        "Split": _split,
        "Slice": _slice,
        "Gather": _gather,
        "Tile": _tile,
        "Expand": _expand,
        "Pad": _pad,
    }
)
