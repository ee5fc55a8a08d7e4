"""ONNX convolutions, pools and changes of a picture's size, as NNEF has them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from fivegms_codecs.nnef.syntax import Expression
from fivegms_prepare.nnef.conversion import Conversion, Converter
from fivegms_prepare.nnef.emit_windows import METHODS

_METHODS = {onnx: nnef for nnef, onnx in METHODS.items()} | {"pytorch_half_pixel": "symmetric"}
_SAME_FOR_INTEGER_FACTORS = {
    ("asymmetric", "floor"),
    ("half_pixel", "round_prefer_floor"),
    ("half_pixel", "round_prefer_ceil"),
}
"""How ONNX places and rounds pixels where repeating each of them does the same."""

Padding = list[tuple[int, int]]


def _strides(node: Conversion, rank: int) -> dict[str, list[int]]:
    return {
        "stride": list(node.attribute("strides", [1] * rank)),
        "dilation": list(node.attribute("dilations", [1] * rank)),
    }


def _padding(node: Conversion, size: list[int]) -> Padding:
    """The padding as NNEF has it, explicit always: ONNX may leave it to a rule, or round up."""
    rank = len(size)
    given = _strides(node, rank)
    spans = [(k - 1) * d + 1 for k, d in zip(size, given["dilation"], strict=True)]
    needed = [
        (o - 1) * s + k - i
        for o, s, k, i in zip(
            node.out_shape[2:], given["stride"], spans, node.shape()[2:], strict=True
        )
    ]
    rule = node.attribute("auto_pad", "NOTSET")
    if rule in ("SAME_UPPER", "SAME_LOWER"):
        return [_halves(max(total, 0), lower=rule == "SAME_LOWER") for total in needed]
    pads = [0] * 2 * rank if rule == "VALID" else node.attribute("pads", [0] * 2 * rank)
    zipped = zip(pads[:rank], pads[rank:], needed, strict=True)
    return [(before, max(after, total - before)) for before, after, total in zipped]


def _halves(total: int, *, lower: bool) -> tuple[int, int]:
    small, large = total // 2, total - total // 2
    return (large, small) if lower else (small, large)


def _bias(node: Conversion, channels: int) -> list[Expression]:
    return [node.operand(2, "bias", shape=(1, channels))] if node.has(2) else []


def _conv(node: Conversion) -> None:
    size = list(node.shape(1)[2:])
    node.give(
        "conv",
        node.source(),
        node.operand(1, "filter", literal=False),
        *_bias(node, node.out_shape[1]),
        padding=_padding(node, size),
        **_strides(node, len(size)),
        groups=node.attribute("group", 1),
    )


def _conv_transpose(node: Conversion) -> None:
    size = list(node.shape(1)[2:])
    rank = len(size)
    if node.attribute("auto_pad", "NOTSET") != "NOTSET" or node.attribute("output_shape"):
        raise node.refuse("padding is converted where it is explicit")
    pads = node.attribute("pads", [0] * 2 * rank)
    extra = node.attribute("output_padding", [0] * rank)
    padding = list(zip(pads[:rank], pads[rank:], strict=True))
    strides = _strides(node, rank)
    if any(extra):
        strides["output_shape"] = list(node.out_shape)
    node.give(
        "deconv",
        node.source(),
        node.operand(1, "filter", literal=False),
        *_bias(node, node.out_shape[1]),
        padding=padding,
        **strides,
        groups=node.attribute("group", 1),
    )


def _max_pool(node: Conversion) -> None:
    if len([name for name in node.node.output if name]) > 1:
        raise node.refuse("NNEF numbers the places of a maximum differently")
    node.give("max_pool", node.source(), border="ignore", **_pool(node))


def _average_pool(node: Conversion) -> None:
    counted = bool(node.attribute("count_include_pad", 0))
    given = _pool(node)
    pads = node.attribute("pads", [0] * 2 * (len(node.shape()) - 2))
    explicit = [pair for ends in given["padding"][2:] for pair in ends]
    if counted and node.attribute("ceil_mode", 0) and sum(explicit) != sum(pads):
        raise node.refuse("NNEF counts all padding or none")
    node.give("avg_pool", node.source(), border="constant" if counted else "ignore", **given)


def _pool(node: Conversion) -> dict[str, Any]:
    size = list(node.attribute("kernel_shape"))
    given = _strides(node, len(size))
    return {
        "size": [1, 1, *size],
        "padding": [(0, 0), (0, 0), *_padding(node, size)],
        "stride": [1, 1, *given["stride"]],
        "dilation": [1, 1, *given["dilation"]],
    }


def _global(operation: str) -> Converter:
    def convert(node: Conversion) -> None:
        node.give(operation, node.source(), axes=list(range(2, len(node.shape()))))

    return convert


def _lrn(node: Conversion) -> None:
    given = {"alpha": 1e-4, "beta": 0.75, "bias": 1.0}
    numbers = {name: float(node.attribute(name, default)) for name, default in given.items()}
    size = [1, node.attribute("size"), *[1] * (len(node.shape()) - 2)]
    node.give("local_response_normalization", node.source(), size=size, **numbers)


def _resize(node: Conversion) -> None:
    grown, shrunk = _factors(node.shape(), node.out_shape), _factors(node.out_shape, node.shape())
    mode = node.attribute("mode", "nearest")
    default = "half_pixel" if node.node.op_type == "Resize" and node.opset > 10 else "asymmetric"
    placing = node.attribute("coordinate_transformation_mode", default)
    if node.attribute("antialias", 0) or node.attribute("exclude_outside", 0):
        raise node.refuse("NNEF does not smooth while it resizes")
    if mode == "nearest":
        floor = "floor" if default == "asymmetric" else "round_prefer_floor"
        rounding = node.attribute("nearest_mode", floor)
        if grown and (placing, rounding) in _SAME_FOR_INTEGER_FACTORS:
            node.give("nearest_upsample", node.source(), factor=grown)
            return
        if shrunk and (placing, rounding) == ("asymmetric", "floor"):
            node.give("nearest_downsample", node.source(), factor=shrunk)
            return
    elif mode == "linear" and grown and placing in _METHODS:
        method = _METHODS[placing]
        node.give(
            "multilinear_upsample",
            node.source(),
            factor=grown,
            method=method,
            border="replicate",
        )
        return
    raise node.refuse(
        f"mode {mode!r}, placed {placing!r}, from {list(node.shape())} to {list(node.out_shape)}"
    )


def _factors(small: tuple[int, ...], large: tuple[int, ...]) -> list[int]:
    """By how much the axes from 2 on grow, if it is a whole number for each; none otherwise."""
    if len(small) < 3 or small[:2] != large[:2] or np.any(np.mod(large, np.maximum(small, 1))):
        return []
    return [to // size for to, size in zip(large[2:], small[2:], strict=True)]


WINDOW_CONVERTERS: Mapping[str, Converter] = MappingProxyType(
    {
        "Conv": _conv,
        "ConvTranspose": _conv_transpose,
        "MaxPool": _max_pool,
        "AveragePool": _average_pool,
        "GlobalAveragePool": _global("mean_reduce"),
        "GlobalMaxPool": _global("max_reduce"),
        "LRN": _lrn,
        "Resize": _resize,
        "Upsample": _resize,
    }
)
