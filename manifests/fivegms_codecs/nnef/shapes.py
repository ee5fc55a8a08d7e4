"""Shape propagation: from an operation's arguments to the shapes of its results.

External, constant and variable tensors declare their shapes, all others follow from the operation
that gives them (TR 26.927 6.5.6). Axes are aligned from the first: a tensor of lower rank counts as
having further axes of extent 1, so `[1, C]` goes with `[N, C, H, W]`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from types import MappingProxyType
from typing import Any, TypeAlias

from fivegms_codecs.nnef.errors import ArgumentInvalid, ShapeInvalid
from fivegms_codecs.nnef.graph import Shape, TensorRef, Value
from fivegms_codecs.nnef.windows import BORDERS, Windows, transposed_windows, windows

ResultShape: TypeAlias = Shape | tuple[Shape, ...]
Rule: TypeAlias = "Callable[[Arguments], tuple[ResultShape, ...]]"


@dataclass(frozen=True, slots=True)
class Arguments:
    """An operation's arguments, and the shapes of the tensors among them."""

    values: Mapping[str, Value]
    shapes: Mapping[str, Shape]

    def shape(self, name: str) -> Shape:
        """The shape of a tensor argument; a number has rank 0."""
        return self._shape(self.values[name])

    def shapes_of(self, name: str) -> tuple[Shape, ...]:
        """The shapes of an argument that is an array of tensors."""
        value = self.values[name]
        return tuple(self._shape(item) for item in value) if isinstance(value, tuple) else ()

    def get(self, name: str) -> Any:
        """An attribute, of the type that its declaration says."""
        return self.values[name]

    def _shape(self, value: Value) -> Shape:
        return self.shapes[value.name] if isinstance(value, TensorRef) else ()


def result_shapes(operation: str, arguments: Arguments) -> tuple[ResultShape, ...]:
    """The shape of each result, in the order of the declaration; of an array, that of each item.

    Raises ShapeInvalid and ArgumentInvalid.
    """
    try:
        return RULES[operation](arguments)
    except (ShapeInvalid, ArgumentInvalid) as error:
        raise type(error)(f"{operation}: {error}") from None


def broadcast(*shapes: Shape) -> Shape:
    """The shape of an element-wise result. Raises ShapeInvalid."""
    extents = []
    for sizes in zip_longest(*shapes, fillvalue=1):
        wide = {size for size in sizes if size != 1}
        if len(wide) > 1:
            raise ShapeInvalid(f"{_listed(shapes)} do not go together")
        extents.append(wide.pop() if wide else 1)
    return tuple(extents)


def window_arguments(arguments: Arguments) -> dict[str, Any]:
    """Padding, stride and dilation of a sliding-window operation."""
    border = arguments.get("border")
    if border not in BORDERS:
        raise ArgumentInvalid(f"border {border!r} is none of {list(BORDERS)}")
    return {name: arguments.get(name) for name in ("padding", "stride", "dilation")}


def pool_windows(arguments: Arguments) -> Windows:
    """The windows of a pool, a box, or their transpositions, which slide over all axes."""
    source, size = arguments.shape("input"), arguments.get("size")
    if len(size) != len(source):
        raise ArgumentInvalid(f"'size' has {len(size)} items, the input {len(source)} axes")
    given = window_arguments(arguments)
    if "output_shape" in arguments.values:
        return transposed_windows(source, size, **given, fine=arguments.get("output_shape"))
    return windows(source, size, **given)


def conv_windows(arguments: Arguments, filter_name: str = "filter") -> Windows:
    """The windows of a convolution or its transposition, which slide over the axes from 2 on."""
    source, kernel = arguments.shape("input"), arguments.shape(filter_name)
    if len(source) < 3 or len(kernel) != len(source):
        raise ShapeInvalid(f"input {list(source)} and filter {list(kernel)} are of different kinds")
    given = window_arguments(arguments)
    if "output_shape" in arguments.values:
        wanted = arguments.get("output_shape")
        if wanted and len(wanted) != len(source):
            raise ArgumentInvalid(f"'output_shape' {list(wanted)} is not of rank {len(source)}")
        return transposed_windows(source[2:], kernel[2:], **given, fine=wanted[2:])
    return windows(source[2:], kernel[2:], **given)


def groups_of(arguments: Arguments) -> int:
    """The groups of a convolution; 0 stands for one per plane. Raises ArgumentInvalid."""
    groups = int(arguments.get("groups"))
    if groups < 0:
        raise ArgumentInvalid(f"'groups' is {groups}")
    if groups or "output_shape" not in arguments.values:
        return groups or arguments.shape("input")[1]
    return arguments.shape("filter")[0]


def slice_ranges(arguments: Arguments) -> tuple[tuple[int, int, int, int], ...]:
    """(axis, begin, end, stride) of a slice with everything explicit; an end may be -1."""
    extents = arguments.shape("input")
    axes = _axes(arguments, len(extents))
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


def _axes(arguments: Arguments, rank: int) -> tuple[int, ...]:
    axes: tuple[int, ...] = arguments.get("axes")
    if any(not 0 <= axis < rank for axis in axes) or len(set(axes)) != len(axes):
        raise ArgumentInvalid(f"'axes' {list(axes)} are not different axes of rank {rank}")
    return axes


def _axis(arguments: Arguments, rank: int) -> int:
    axis = int(arguments.get("axis"))
    if not 0 <= axis < rank:
        raise ArgumentInvalid(f"'axis' {axis} is no axis of rank {rank}")
    return axis


def _declared(arguments: Arguments) -> tuple[Shape]:
    shape: Shape = arguments.get("shape")
    if min(shape, default=1) < 1:
        raise ShapeInvalid(f"the shape {list(shape)} has an extent below 1")
    return (shape,)


def _constant(arguments: Arguments) -> tuple[Shape]:
    (shape,) = _declared(arguments)
    count = len(arguments.get("value"))
    if count not in (1, math.prod(shape)):
        raise ShapeInvalid(f"{count} values for the shape {list(shape)}")
    return (shape,)


def _same(name: str) -> Rule:
    return lambda arguments: (arguments.shape(name),)


def _broadcast(*names: str) -> Rule:
    return lambda arguments: (broadcast(*map(arguments.shape, names)),)


def _onto_first(*names: str) -> Rule:
    """The first tensor's shape, onto which the others are broadcast."""

    def rule(arguments: Arguments) -> tuple[Shape]:
        shape = arguments.shape(names[0])
        if broadcast(*map(arguments.shape, names)) != shape:
            raise ShapeInvalid(f"an argument does not go onto {list(shape)}")
        return (shape,)

    return rule


def _update(arguments: Arguments) -> tuple[Shape]:
    shape = arguments.shape("variable")
    if arguments.shape("value") != shape:
        raise ShapeInvalid(f"{list(arguments.shape('value'))} cannot replace {list(shape)}")
    return (shape,)


def _conv(arguments: Arguments) -> tuple[Shape]:
    batch, channels, *_ = source = arguments.shape("input")
    kernel = arguments.shape("filter")
    found, groups = conv_windows(arguments), groups_of(arguments)
    if kernel[1] * groups != channels or kernel[0] % groups:
        raise ShapeInvalid(
            f"a filter of {list(kernel)} in {groups} groups does not go over {list(source)}"
        )
    _check_bias(arguments, kernel[0])
    return ((batch, kernel[0], *found.coarse),)


def _deconv(arguments: Arguments) -> tuple[Shape]:
    batch, channels, *_ = source = arguments.shape("input")
    kernel = arguments.shape("filter")
    found, groups = conv_windows(arguments), groups_of(arguments)
    if kernel[0] != channels or channels % groups:
        raise ShapeInvalid(
            f"a filter of {list(kernel)} in {groups} groups does not go over {list(source)}"
        )
    shape = (batch, kernel[1] * groups, *found.fine)
    if arguments.get("output_shape") not in ((), shape):
        raise ShapeInvalid(f"'output_shape' is not {list(shape)}")
    _check_bias(arguments, shape[1])
    return (shape,)


def _check_bias(arguments: Arguments, channels: int) -> None:
    bias = arguments.shape("bias")
    if bias not in ((), (1,), (channels,), (1, channels), (1, 1)):
        raise ShapeInvalid(f"a bias of {list(bias)} for {channels} channels")


def _separable(arguments: Arguments) -> tuple[Shape]:
    transposed = "output_shape" in arguments.values
    plane, point = arguments.shape("plane_filter"), arguments.shape("point_filter")
    source = arguments.shape("input")
    if len(plane) != len(source) or len(point) != len(source) or plane[1] != 1:
        raise ShapeInvalid(f"filters of {list(plane)} and {list(point)} over {list(source)}")
    found = conv_windows(arguments, "plane_filter")
    if math.prod(point[2:]) != 1:
        raise ShapeInvalid(f"a point filter of {list(point)}")
    if transposed:
        return ((source[0], plane[0], *found.fine),)
    return ((source[0], point[0], *found.coarse),)


def _pool(arguments: Arguments) -> tuple[Shape]:
    return (pool_windows(arguments).coarse,)


def _unpool(arguments: Arguments) -> tuple[Shape]:
    return (pool_windows(arguments).fine,)


def _pool_with_index(arguments: Arguments) -> tuple[Shape, Shape]:
    (shape,) = _pool(arguments)
    return shape, shape


def _sample(arguments: Arguments) -> tuple[Shape]:
    (shape,) = _pool(arguments)
    if arguments.shape("index") != shape:
        raise ShapeInvalid(f"indices of {list(arguments.shape('index'))} for {list(shape)}")
    return (shape,)


def _desample(arguments: Arguments) -> tuple[Shape]:
    if arguments.shape("index") != arguments.shape("input"):
        raise ShapeInvalid("'index' has not the shape of 'input'")
    return _unpool(arguments)


def _local(arguments: Arguments) -> tuple[Shape]:
    shape, size = arguments.shape("input"), arguments.get("size")
    if len(size) != len(shape) or min(size, default=1) < 1:
        raise ArgumentInvalid(f"'size' {list(size)} is none of rank {len(shape)}")
    return (shape,)


def _along(arguments: Arguments) -> tuple[Shape]:
    name = "x" if "x" in arguments.values else "input"
    shape = arguments.shape(name)
    _axes(arguments, len(shape))
    return (shape,)


def _reduced(arguments: Arguments) -> tuple[Shape]:
    shape = arguments.shape("input")
    axes = _axes(arguments, len(shape))
    return (tuple(1 if axis in axes else size for axis, size in enumerate(shape)),)


def _moments(arguments: Arguments) -> tuple[Shape, Shape]:
    (shape,) = _reduced(arguments)
    return shape, shape


def _factors(arguments: Arguments) -> tuple[Shape, Shape]:
    shape, factor = arguments.shape("input"), arguments.get("factor")
    if len(factor) != len(shape) - 2 or min(factor, default=1) < 1:
        raise ArgumentInvalid(f"'factor' {list(factor)} is none for {list(shape)}")
    return shape, factor


def _downsample(arguments: Arguments) -> tuple[Shape]:
    shape, factor = _factors(arguments)
    zipped = list(zip(shape[2:], factor, strict=True))
    if any(size % by for size, by in zipped):
        raise ShapeInvalid(f"{list(factor)} does not divide {list(shape[2:])}")
    return ((*shape[:2], *(size // by for size, by in zipped)),)


def _upsample(arguments: Arguments) -> tuple[Shape]:
    shape, factor = _factors(arguments)
    return ((*shape[:2], *(size * by for size, by in zip(shape[2:], factor, strict=True))),)


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
    axes = _axes(arguments, len(shape))
    if any(shape[axis] != 1 for axis in axes):
        raise ShapeInvalid(f"an axis among {list(axes)} of {list(shape)} is not of extent 1")
    return (tuple(size for axis, size in enumerate(shape) if axis not in axes),)


def _unsqueeze(arguments: Arguments) -> tuple[Shape]:
    shape = arguments.shape("input")
    axes = _axes(arguments, len(shape) + len(arguments.get("axes")))
    rest = iter(shape)
    rank = len(shape) + len(axes)
    return (tuple(1 if axis in axes else next(rest) for axis in range(rank)),)


def _concat(arguments: Arguments) -> tuple[Shape]:
    shapes = arguments.shapes_of("values")
    if not shapes:
        raise ArgumentInvalid("nothing to put together")
    axis = _axis(arguments, len(shapes[0]))
    frames = {(shape[:axis], shape[axis + 1 :]) for shape in shapes}
    if len(frames) > 1 or len({len(shape) for shape in shapes}) > 1:
        raise ShapeInvalid(f"{_listed(shapes)} differ beside axis {axis}")
    before, after = frames.pop()
    return ((*before, sum(shape[axis] for shape in shapes), *after),)


def _split(arguments: Arguments) -> tuple[tuple[Shape, ...]]:
    shape, ratios = arguments.shape("value"), arguments.get("ratios")
    axis = _axis(arguments, len(shape))
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
        raise ShapeInvalid(f"{_listed(shapes)} differ")
    axis = _axis(arguments, len(shapes[0]) + 1)
    return ((*shapes[0][:axis], len(shapes), *shapes[0][axis:]),)


def _unstack(arguments: Arguments) -> tuple[tuple[Shape, ...]]:
    shape = arguments.shape("value")
    axis = _axis(arguments, len(shape))
    return (((*shape[:axis], *shape[axis + 1 :]),) * shape[axis],)


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
    axis = _axis(arguments, len(shape))
    return ((*shape[:axis], *arguments.shape("indices"), *shape[axis + 1 :]),)


def _matmul(arguments: Arguments) -> tuple[Shape]:
    left, right = arguments.shape("A"), arguments.shape("B")
    if len(left) != len(right) or len(left) < 2:
        raise ShapeInvalid(f"{list(left)} and {list(right)} are no matrices of one rank")
    rows, inner = left[-2:][::-1] if arguments.get("transposeA") else left[-2:]
    inner_right, columns = right[-2:][::-1] if arguments.get("transposeB") else right[-2:]
    if inner != inner_right:
        raise ShapeInvalid(f"{list(left)} and {list(right)} have no inner extent in common")
    return ((*broadcast(left[:-2], right[:-2]), rows, columns),)


def _linear(arguments: Arguments) -> tuple[Shape]:
    source, weights = arguments.shape("input"), arguments.shape("filter")
    if len(source) != 2 or len(weights) != 2 or source[1] != weights[1]:
        raise ShapeInvalid(f"an input of {list(source)} and a filter of {list(weights)}")
    _check_bias(arguments, weights[0])
    return ((source[0], weights[0]),)


def _regions(arguments: Arguments) -> tuple[Shape]:
    shape, size = arguments.shape("input"), arguments.get("output_size")
    rois, batches = arguments.shape("rois"), arguments.shape("batch_index")
    if len(rois) != 2 or rois[1] != 4 or batches != rois[:1]:
        raise ShapeInvalid(f"regions of {list(rois)} with batch indices of {list(batches)}")
    rates = arguments.values.get("sampling_rate", size)
    given: Sequence[Sequence[int]] = (size, rates if isinstance(rates, tuple) else ())  # type: ignore[assignment]
    if any(len(one) != len(shape) - 2 or min(one, default=1) < 1 for one in given):
        raise ArgumentInvalid(f"sizes of {[list(one) for one in given]} for {list(shape)}")
    return ((rois[0], shape[1], *size),)


def _copies(arguments: Arguments) -> tuple[tuple[Shape, ...]]:
    times = int(arguments.get("times"))
    if times < 1:
        raise ArgumentInvalid(f"'times' is {times}")
    return ((arguments.shape("x"),) * times,)


def _sum(arguments: Arguments) -> tuple[Shape]:
    shapes = set(arguments.shapes_of("x"))
    if len(shapes) != 1:
        raise ShapeInvalid(f"{_listed(tuple(shapes))} are not of one shape")
    return (shapes.pop(),)


def _listed(shapes: tuple[Shape, ...]) -> str:
    return " and ".join(str(list(shape)) for shape in shapes[:8])


_UNARY = (
    *("copy", "neg", "rcp", "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "sinh"),
    *("cosh", "tanh", "asinh", "acosh", "atanh", "abs", "sign", "floor", "ceil", "round", "not"),
    *("sqr", "sqrt", "rsqr", "rsqrt", "log2", "relu", "sigmoid", "softplus", "silu", "gelu"),
    *("softabs", "leaky_relu", "elu", "selu"),
)
_BINARY = (
    *("add", "sub", "mul", "div", "pow", "lt", "gt", "le", "ge", "eq", "ne", "and", "or"),
    *("min", "max"),
)

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "external": _declared,
        "variable": _declared,
        "constant": _constant,
        "update": _update,
        "cast": _same("input"),
        **dict.fromkeys(_UNARY, _same("x")),
        **dict.fromkeys(_BINARY, _broadcast("x", "y")),
        "select": _broadcast("condition", "true_value", "false_value"),
        "clamp": _broadcast("x", "a", "b"),
        "prelu": _onto_first("x", "alpha"),
        "conv": _conv,
        "deconv": _deconv,
        "separable_conv": _separable,
        "separable_deconv": _separable,
        **dict.fromkeys(("box", "argmax_pool", "max_pool", "avg_pool", "rms_pool"), _pool),
        "debox": _unpool,
        "max_pool_with_index": _pool_with_index,
        "sample": _sample,
        "desample": _desample,
        "nearest_downsample": _downsample,
        "area_downsample": _downsample,
        "nearest_upsample": _upsample,
        "multilinear_upsample": _upsample,
        **dict.fromkeys(
            (
                *("sum_reduce", "max_reduce", "min_reduce", "mean_reduce", "argmax_reduce"),
                *("argmin_reduce", "any_reduce", "all_reduce"),
            ),
            _reduced,
        ),
        "moments": _moments,
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
        **dict.fromkeys(
            (
                *("avg_roi_pool", "max_roi_pool", "roi_resample", "avg_roi_align"),
                "max_roi_align",
            ),
            _regions,
        ),
        "matmul": _matmul,
        "linear": _linear,
        **dict.fromkeys(("softmax", "l1_normalization", "l2_normalization"), _along),
        "batch_normalization": _onto_first("input", "mean", "variance", "offset", "scale"),
        **dict.fromkeys(
            (
                *("local_response_normalization", "local_mean_normalization"),
                *("local_variance_normalization", "local_contrast_normalization"),
            ),
            _local,
        ),
        "min_max_linear_quantize": _onto_first("x", "min", "max"),
        "zero_point_linear_quantize": _onto_first("x", "zero_point", "scale"),
        "linear_quantize": _onto_first("x", "min", "max"),
        "logarithmic_quantize": _onto_first("x", "max"),
        "copy_n": _copies,
        "add_n": _sum,
    }
)
"""The rule of every standard operation."""
