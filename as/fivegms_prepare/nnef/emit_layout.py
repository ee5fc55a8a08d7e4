"""Operations that rearrange, join or take apart tensors, as ONNX has them."""

from collections.abc import Mapping
from types import MappingProxyType

from fivegms_codecs.nnef.layout_shapes import slice_ranges
from fivegms_prepare.nnef.emission import Emission, Emitter
from fivegms_prepare.nnef.emit_windows import padded

_BEFORE_THE_FIRST = -(2**31)
"""Where a slice that goes backwards ends, so that it takes the first item too."""


def _reshape(emission: Emission) -> None:
    shape = emission.builder.integers(emission.out_shape)
    emission.node("Reshape", emission.operand("input"), shape)


def _transpose(emission: Emission) -> None:
    axes, rank = emission.get("axes"), len(emission.out_shape)
    perm = [*axes, *range(len(axes), rank)]
    emission.node("Transpose", emission.operand("input"), perm=perm)


def _concat(emission: Emission) -> None:
    values = [emission.builder.operand(value) for value in emission.get("values")]
    emission.node("Concat", *values, axis=emission.get("axis"))


def _stack(emission: Emission) -> None:
    builder, axis = emission.builder, emission.get("axis")
    axes = builder.integers([axis])
    values = [
        builder.node("Unsqueeze", builder.operand(value), axes) for value in emission.get("values")
    ]
    emission.node("Concat", *values, axis=axis)


def _split(emission: Emission) -> None:
    builder, axis = emission.builder, emission.get("axis")
    ratios = emission.get("ratios")
    unit = emission.shape("value")[axis] // sum(ratios)
    sizes = builder.integers(unit * ratio for ratio in ratios)
    builder.node("Split", emission.operand("value"), sizes, gives=emission.outputs, axis=axis)


def _unstack(emission: Emission) -> None:
    builder, axis = emission.builder, emission.get("axis")
    sizes, axes = builder.integers([1] * len(emission.outputs)), builder.integers([axis])
    parts = [f"{name}_part" for name in emission.outputs]
    builder.node("Split", emission.operand("value"), sizes, gives=parts, axis=axis)
    for part, name in zip(parts, emission.outputs, strict=True):
        builder.node("Squeeze", part, axes, gives=name)


def _slice(emission: Emission) -> None:
    ranges = slice_ranges(emission.arguments)
    axes, begins, ends, strides = zip(*ranges, strict=True) if ranges else ((),) * 4
    ends = tuple(_BEFORE_THE_FIRST if end < 0 else end for end in ends)
    lists = (begins, ends, axes, strides)
    emission.node("Slice", emission.operand("input"), *map(emission.builder.integers, lists))


def _tile(emission: Emission) -> None:
    repeats = emission.builder.integers(emission.get("repeats"))
    emission.node("Tile", emission.operand("input"), repeats)


def _pad(emission: Emission) -> None:
    border = emission.get("border")
    border = "constant" if border == "ignore" else border
    emission.node(
        "Identity", padded(emission, emission.get("padding"), border, emission.get("value"))
    )


def _gather(emission: Emission) -> None:
    inputs = (emission.operand("input"), emission.operand("indices"))
    emission.node("Gather", *inputs, axis=emission.get("axis"))


def _add_n(emission: Emission) -> None:
    emission.node("Sum", *(emission.builder.operand(value) for value in emission.get("x")))


LAYOUT_EMITTERS: Mapping[str, Emitter] = MappingProxyType(
    {
        **dict.fromkeys(("reshape", "squeeze", "unsqueeze"), _reshape),
        "transpose": _transpose,
        "concat": _concat,
        "stack": _stack,
        "split": _split,
        "unstack": _unstack,
        "slice": _slice,
        "tile": _tile,
        "pad": _pad,
        "gather": _gather,
        "add_n": _add_n,
    }
)
