"""Shape rules of the operations that rearrange, join or take apart tensors."""

import math
from collections.abc import Mapping
from types import MappingProxyType

from fivegms_codecs.nnef.arguments import Arguments, Rule, axes_of, axis_of, copies, listed
from fivegms_codecs.nnef.errors import ArgumentInvalid, ShapeInvalid
from fivegms_codecs.nnef.graph import Shape
from fivegms_codecs.nnef.windows import BORDERS


def slice_ranges(arguments: Arguments) -> tuple[tuple[int, int, int, int], ...]:
    """(axis, begin, end, stride) of a slice with everything explicit; an end may be -1."""
    extents = arguments.shape("input")
    axes = axes_of(arguments, len(extents))
    begins, ends = arguments.get("begin"), arguments.get("end")
    strides = arguments.get("stride") or (1,) * len(axes)
    if not len(axes) == len(begins) == len(ends) == len(strides):
        raise ArgumentInvalid("'axes', 'begin', 'end' and 'stride' differ in length")
    zipped = zip(axes, begins, ends, strides, strict=True)
    return tuple(_range(axis, extents[axis], *rest) for axis, *rest in zipped)


def _range(axis: int, extent: int, begin: int, end: int, stride: int) -> tuple[int, int, int, int]:
    if not stride:
        raise ArgumentInvalid("a stride of 0")
    first = _clamped(begin, extent)
    last = extent if end == 0 and stride == 1 else _clamped(end, extent)
    ordered = 0 <= first <= last if stride > 0 else last <= first < extent
    if not ordered:
        raise ShapeInvalid(f"the range {begin}:{end}:{stride} is not in an extent of {extent}")
    return axis, first, last, stride


def _clamped(place: int, extent: int) -> int:
    return max(-1, min(place + extent if place < 0 else place, extent))


def _reshape(arguments: Arguments) -> tuple[Shape]:
    source, wanted = arguments.shape("input"), arguments.get("shape")
    start, count = arguments.get("axis_start"), arguments.get("axis_count")
    end = len(source) if count == -1 else start + count
    if not 0 <= start <= end <= len(source) or count < -1:
        raise ArgumentInvalid(f"no axes {start} to {end} in {list(source)}")
    if min(wanted, default=0) < -1 or wanted.count(-1) > 1:
        raise ArgumentInvalid(f"'shape' {list(wanted)} has more than one -1, or less than that")
    middle = [_kept(size, source, start + index) for index, size in enumerate(wanted)]
    volume, known = math.prod(source[start:end]), math.prod(s for s in middle if s != -1)
    if -1 in middle and known:
        middle[middle.index(-1)] = volume // known
    if math.prod(middle) != volume:
        raise ShapeInvalid(f"{list(source[start:end])} does not become {list(wanted)}")
    return ((*source[:start], *middle, *source[end:]),)


def _kept(size: int, source: Shape, axis: int) -> int:
    if size:
        return size
    if axis >= len(source):
        raise ArgumentInvalid(f"'shape' keeps axis {axis} of {list(source)}")
    return source[axis]


def _transpose(arguments: Arguments) -> tuple[Shape]:
    shape, axes = arguments.shape("input"), arguments.get("axes")
    if sorted(axes) != list(range(len(axes))) or len(axes) > len(shape):
        raise ArgumentInvalid(f"'axes' {list(axes)} is no order of axes of {list(shape)}")
    return ((*(shape[axis] for axis in axes), *shape[len(axes) :]),)


def _squeeze(arguments: Arguments) -> tuple[Shape]:
    shape = arguments.shape("input")
    axes = axes_of(arguments, len(shape))
    if any(shape[axis] != 1 for axis in axes):
        raise ShapeInvalid(f"an axis among {list(axes)} of {list(shape)} is not of extent 1")
    return (tuple(size for axis, size in enumerate(shape) if axis not in axes),)


def _unsqueeze(arguments: Arguments) -> tuple[Shape]:
    shape = arguments.shape("input")
    axes = axes_of(arguments, len(shape) + len(arguments.get("axes")))
    rest = iter(shape)
    rank = len(shape) + len(axes)
    return (tuple(1 if axis in axes else next(rest) for axis in range(rank)),)


def _concat(arguments: Arguments) -> tuple[Shape]:
    shapes = arguments.shapes_of("values")
    if not shapes:
        raise ArgumentInvalid("nothing to put together")
    axis = axis_of(arguments, len(shapes[0]))
    frames = {(shape[:axis], shape[axis + 1 :]) for shape in shapes}
    if len(frames) > 1 or len({len(shape) for shape in shapes}) > 1:
        raise ShapeInvalid(f"{listed(shapes)} differ beside axis {axis}")
    before, after = frames.pop()
    return ((*before, sum(shape[axis] for shape in shapes), *after),)


def _split(arguments: Arguments) -> tuple[tuple[Shape, ...]]:
    shape, ratios = arguments.shape("value"), arguments.get("ratios")
    axis = axis_of(arguments, len(shape))
    if min(ratios, default=0) < 1:
        raise ArgumentInvalid(f"'ratios' {list(ratios)} has an item below 1")
    if shape[axis] % sum(ratios):
        raise ShapeInvalid(f"an extent of {shape[axis]} is not divided by {list(ratios)}")
    unit = shape[axis] // sum(ratios)
    return (tuple((*shape[:axis], unit * one, *shape[axis + 1 :]) for one in ratios),)


def _stack(arguments: Arguments) -> tuple[Shape]:
    shapes = arguments.shapes_of("values")
    if not shapes:
        raise ArgumentInvalid("nothing to stack")
    if len(set(shapes)) > 1:
        raise ShapeInvalid(f"{listed(shapes)} differ")
    axis = axis_of(arguments, len(shapes[0]) + 1)
    return ((*shapes[0][:axis], len(shapes), *shapes[0][axis:]),)


def _unstack(arguments: Arguments) -> tuple[tuple[Shape, ...]]:
    shape = arguments.shape("value")
    axis = axis_of(arguments, len(shape))
    return (copies((*shape[:axis], *shape[axis + 1 :]), shape[axis]),)


def _slice(arguments: Arguments) -> tuple[Shape]:
    extents = list(arguments.shape("input"))
    for axis, first, last, stride in slice_ranges(arguments):
        extents[axis] = -((first - last) // stride)
    if 0 in extents:
        raise ShapeInvalid(f"nothing is left of {list(arguments.shape('input'))}")
    return (tuple(extents),)


def _tile(arguments: Arguments) -> tuple[Shape]:
    shape, repeats = arguments.shape("input"), arguments.get("repeats")
    if len(repeats) != len(shape) or min(repeats, default=1) < 1:
        raise ArgumentInvalid(f"'repeats' {list(repeats)} is none for {list(shape)}")
    return (tuple(size * times for size, times in zip(shape, repeats, strict=True)),)


def _pad(arguments: Arguments) -> tuple[Shape]:
    shape, padding = arguments.shape("input"), arguments.get("padding")
    if len(padding) != len(shape):
        raise ArgumentInvalid(f"'padding' has {len(padding)} items for {list(shape)}")
    if arguments.get("border") not in BORDERS:
        raise ArgumentInvalid(f"border {arguments.get('border')!r} is none of {list(BORDERS)}")
    if any(min(pair) < 0 for pair in padding):
        raise ArgumentInvalid("a padding below 0")
    return (tuple(p + size + q for size, (p, q) in zip(shape, padding, strict=True)),)


def _gather(arguments: Arguments) -> tuple[Shape]:
    shape = arguments.shape("input")
    axis = axis_of(arguments, len(shape))
    return ((*shape[:axis], *arguments.shape("indices"), *shape[axis + 1 :]),)


LAYOUT_RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "reshape": _reshape,
        "transpose": _transpose,
        "squeeze": _squeeze,
        "unsqueeze": _unsqueeze,
        "concat": _concat,
        "split": _split,
        "stack": _stack,
        "unstack": _unstack,
        "slice": _slice,
        "tile": _tile,
        "pad": _pad,
        "gather": _gather,
    }
)
