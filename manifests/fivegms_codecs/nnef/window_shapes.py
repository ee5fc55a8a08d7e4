"""Shape rules of the operations that slide windows, change a picture's size or look at regions."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fivegms_codecs.nnef.arguments import Arguments, Rule
from fivegms_codecs.nnef.errors import ArgumentInvalid, ShapeInvalid
from fivegms_codecs.nnef.graph import Shape
from fivegms_codecs.nnef.windows import BORDERS, Windows, transposed_windows, windows


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


def _conv(arguments: Arguments) -> tuple[Shape]:
    batch, channels, *_ = source = arguments.shape("input")
    kernel = arguments.shape("filter")
    found, groups = conv_windows(arguments), groups_of(arguments)
    if kernel[1] * groups != channels or kernel[0] % groups:
        raise ShapeInvalid(
            f"a filter of {list(kernel)} in {groups} groups does not go over {list(source)}"
        )
    check_bias(arguments, kernel[0])
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
    check_bias(arguments, shape[1])
    return (shape,)


def check_bias(arguments: Arguments, channels: int) -> None:
    """A bias is one number, or one for each channel. Raises ShapeInvalid."""
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


def _regions(arguments: Arguments) -> tuple[Shape]:
    shape, size = arguments.shape("input"), arguments.get("output_size")
    rois, batches = arguments.shape("rois"), arguments.shape("batch_index")
    if len(rois) != 2 or rois[1] != 4 or batches != rois[:1]:
        raise ShapeInvalid(f"regions of {list(rois)} with batch indices of {list(batches)}")
    given = (
        (size, arguments.get("sampling_rate")) if "sampling_rate" in arguments.values else (size,)
    )
    if any(len(one) != len(shape) - 2 or min(one, default=1) < 1 for one in given):
        raise ArgumentInvalid(f"sizes of {[list(one) for one in given]} for {list(shape)}")
    return ((rois[0], shape[1], *size),)


WINDOW_RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "conv": _conv,
        "deconv": _deconv,
        "separable_conv": _separable,
        "separable_deconv": _separable,
        **dict.fromkeys(("box", "argmax_pool", "max_pool", "avg_pool", "rms_pool"), _pool),
        "debox": _unpool,
        "max_pool_with_index": _pool_with_index,
        "sample": _sample,
        "desample": _desample,
        **dict.fromkeys(("nearest_downsample", "area_downsample"), _downsample),
        **dict.fromkeys(("nearest_upsample", "multilinear_upsample"), _upsample),
        **dict.fromkeys(
            (
                *("avg_roi_pool", "max_roi_pool", "roi_resample", "avg_roi_align"),
                "max_roi_align",
            ),
            _regions,
        ),
    }
)
