"""Convolutions, pools and changes of a picture's size, as ONNX has them.

ONNX pads convolutions with 0 and leaves padding out of pools; other borders become a node of their
own before. Pools of ONNX slide over the axes from 2 on only.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from fivegms_codecs.nnef.window_shapes import conv_windows, groups_of, pool_windows
from fivegms_codecs.nnef.windows import Padding, Windows
from fivegms_prepare.nnef.emission import Emission, Emitter
from fivegms_prepare.nnef.emit_elements import per_channel

_MODES = {"constant": "constant", "replicate": "edge", "reflect": "reflect"}


def _pads(padding: Padding) -> list[int]:
    return [before for before, _ in padding] + [after for _, after in padding]


def padded(emission: Emission, padding: Padding, border: str, value: float = 0.0) -> str:
    """The input with a border, as a node of its own; `padding` is for all axes."""
    builder, source = emission.builder, emission.operand("input")
    if not any(map(any, padding)):
        return source
    if border not in _MODES:
        raise emission.refuse(f"ONNX has no border {border!r}")
    pads = builder.integers(_pads(padding))
    return builder.node("Pad", source, pads, builder.number(value), mode=_MODES[border])


def _conv(emission: Emission) -> None:
    where, border = conv_windows(emission.arguments), emission.get("border")
    kernel = emission.shape("filter")
    source, pads = emission.operand("input"), _pads(where.padding)
    if border not in ("constant", "ignore"):
        source, pads = padded(emission, ((0, 0), (0, 0), *where.padding), border), [0] * len(pads)
    bias = per_channel(emission, "bias", kernel[0])
    emission.node(
        "Conv",
        source,
        emission.operand("filter"),
        *([bias] if bias else []),
        **_sliding(where),
        pads=pads,
        group=groups_of(emission.arguments),
    )


def _deconv(emission: Emission) -> None:
    where = conv_windows(emission.arguments)
    groups = groups_of(emission.arguments)
    bias = per_channel(emission, "bias", emission.out_shape[1])
    zipped = zip(where.coarse, where.stride, where.dilated(), where.padding, strict=True)
    full = [(i - 1) * s + k - p - q for i, s, k, (p, q) in zipped]
    missing = [size - found for size, found in zip(where.fine, full, strict=True)]
    emission.node(
        "ConvTranspose",
        emission.operand("input"),
        emission.operand("filter"),
        *([bias] if bias else []),
        **_sliding(where),
        pads=_pads(where.padding),
        output_padding=missing,
        group=groups,
    )


def _sliding(where: Windows) -> dict[str, Any]:
    return {
        "kernel_shape": list(where.size),
        "strides": list(where.stride),
        "dilations": list(where.dilation),
    }


def _spatial(emission: Emission) -> Windows:
    """A pool's windows over the axes from 2 on; over the others they must not slide."""
    where = pool_windows(emission.arguments)
    leading = (where.size[:2], where.stride[:2], where.padding[:2])
    if len(where.size) < 3 or leading != ((1, 1), (1, 1), ((0, 0), (0, 0))):
        raise emission.refuse("ONNX pools slide over the axes from 2 on only")
    return Windows(*(getattr(where, name)[2:] for name in Windows.__slots__))


def _max_pool(emission: Emission) -> None:
    where, border = _spatial(emission), emission.get("border")
    source, pads = emission.operand("input"), _pads(where.padding)
    if border != "ignore" and any(pads):
        source, pads = padded(emission, ((0, 0), (0, 0), *where.padding), border), [0] * len(pads)
    emission.node("MaxPool", source, **_sliding(where), pads=pads)


def _average(emission: Emission, gives: str | None, *, ignore: bool) -> str:
    where, border = _spatial(emission), emission.get("border")
    if max(where.dilation) > 1:
        raise emission.refuse("operator set 17 of ONNX averages over no dilation")
    source, pads = emission.operand("input"), _pads(where.padding)
    if not ignore and any(pads):
        border = "constant" if border == "ignore" else border
        source, pads = padded(emission, ((0, 0), (0, 0), *where.padding), border), [0] * len(pads)
    sliding = _sliding(where)
    del sliding["dilations"]
    return emission.builder.node("AveragePool", source, gives=gives, **sliding, pads=pads)


def _avg_pool(emission: Emission) -> None:
    _average(emission, emission.out, ignore=emission.get("border") == "ignore")


def _box(emission: Emission) -> None:
    if emission.get("normalize"):
        _avg_pool(emission)
        return
    mean = _average(emission, None, ignore=False)
    volume = float(np.prod(emission.get("size")))
    emission.node("Mul", mean, emission.builder.number(volume))


def _local_response(emission: Emission) -> None:
    size = emission.get("size")
    if len(size) < 2 or size[0] != 1 or any(extent != 1 for extent in size[2:]):
        raise emission.refuse("ONNX normalises across channels only")
    emission.node(
        "LRN",
        emission.operand("input"),
        size=size[1],
        **{name: emission.get(name) for name in ("alpha", "beta", "bias")},
    )


def _nearest_downsample(emission: Emission) -> None:
    builder, factor = emission.builder, emission.get("factor")
    axes = range(2, 2 + len(factor))
    ends = emission.shape("input")[2:]
    lists = ([0] * len(factor), ends, axes, factor)
    emission.node("Slice", emission.operand("input"), *map(builder.integers, lists))


def _area_downsample(emission: Emission) -> None:
    factor = list(emission.get("factor"))
    emission.node("AveragePool", emission.operand("input"), kernel_shape=factor, strides=factor)


def _resize(emission: Emission, **attributes: str) -> None:
    scales = np.array([1, 1, *emission.get("factor")], np.float32)
    builder = emission.builder
    emission.node("Resize", emission.operand("input"), "", builder.constant(scales), **attributes)


def _nearest_upsample(emission: Emission) -> None:
    _resize(
        emission,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _multilinear_upsample(emission: Emission) -> None:
    method, border = emission.get("method"), emission.get("border")
    if method not in METHODS or border != "replicate":
        raise emission.refuse(f"ONNX has no method {method!r} with border {border!r}")
    _resize(emission, mode="linear", coordinate_transformation_mode=METHODS[method])


METHODS = {"symmetric": "half_pixel", "asymmetric": "asymmetric", "aligned": "align_corners"}
"""NNEF's names of where pixels lie, and ONNX's."""

WINDOW_EMITTERS: Mapping[str, Emitter] = MappingProxyType(
    {
        "conv": _conv,
        "deconv": _deconv,
        "max_pool": _max_pool,
        "avg_pool": _avg_pool,
        "box": _box,
        "local_response_normalization": _local_response,
        "nearest_downsample": _nearest_downsample,
        "area_downsample": _area_downsample,
        "nearest_upsample": _nearest_upsample,
        "multilinear_upsample": _multilinear_upsample,
    }
)
