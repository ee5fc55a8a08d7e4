"""Element-wise operations, activations, reductions and matrices, as ONNX has them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from onnx import TensorProto

from fivegms_prepare.nnef.building import ELEMENT_TYPES
from fivegms_prepare.nnef.emission import Emission, Emitter

_UNARY = {
    "copy": "Identity",
    "neg": "Neg",
    "rcp": "Reciprocal",
    "not": "Not",
    "relu": "Relu",
    **{name: name.capitalize() for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh")},
    **{name: name.capitalize() for name in ("tanh", "asin", "acos", "atan", "asinh", "acosh")},
    **{name: name.capitalize() for name in ("atanh", "abs", "sign", "floor", "ceil", "sqrt")},
    **{name: name.capitalize() for name in ("sigmoid", "softplus")},
}
_BINARY = {
    **{name: name.capitalize() for name in ("add", "sub", "mul", "div", "pow", "min", "max")},
    "lt": "Less",
    "le": "LessOrEqual",
    "gt": "Greater",
    "ge": "GreaterOrEqual",
    "eq": "Equal",
    "and": "And",
    "or": "Or",
}


def _unary(operator: str) -> Emitter:
    return lambda emission: emission.node(operator, emission.operand("x"))


def _operands(emission: Emission, *names: str) -> tuple[str, ...]:
    rank = len(emission.out_shape)
    return tuple(emission.operand(name, rank) for name in names)


def _binary(operator: str) -> Emitter:
    return lambda emission: emission.node(operator, *_operands(emission, "x", "y"))


def _ne(emission: Emission) -> None:
    emission.node("Not", emission.builder.node("Equal", *_operands(emission, "x", "y")))


def _select(emission: Emission) -> None:
    emission.node("Where", *_operands(emission, "condition", "true_value", "false_value"))


def _clamp(emission: Emission) -> None:
    source, least, most = _operands(emission, "x", "a", "b")
    if emission.shape("a") == emission.shape("b") == ():
        emission.node("Clip", source, least, most)
    else:
        emission.node("Max", emission.builder.node("Min", source, most), least)


def _round(emission: Emission) -> None:
    """Halves away from zero, where ONNX rounds them to even."""
    builder, source = emission.builder, emission.operand("x")
    magnitude = builder.node("Add", builder.node("Abs", source), builder.number(0.5))
    emission.node("Mul", builder.node("Floor", magnitude), builder.node("Sign", source))


def _with(operator: str, **attributes: str) -> Emitter:
    """An operator whose ONNX attributes are named arguments of the operation."""

    def emit(emission: Emission) -> None:
        given = {name: emission.get(argument) for name, argument in attributes.items()}
        emission.node(operator, emission.operand("x"), **given)

    return emit


def _prelu(emission: Emission) -> None:
    emission.node("PRelu", *_operands(emission, "x", "alpha"))


def _cast(emission: Emission) -> None:
    target = ELEMENT_TYPES[str(emission.operation.dtype)]
    emission.node("Cast", emission.operand("input"), to=target)


def _softmax(emission: Emission) -> None:
    builder, source, axes = emission.builder, emission.operand("x"), emission.get("axes")
    if len(axes) == 1:
        emission.node("Softmax", source, axis=axes[0])
        return
    most = builder.node("ReduceMax", source, axes=axes, keepdims=1)
    powers = builder.node("Exp", builder.node("Sub", source, most))
    total = builder.node("ReduceSum", powers, builder.integers(axes), keepdims=1)
    emission.node("Div", powers, total)


def _sum_reduce(emission: Emission) -> None:
    source, axes = emission.operand("input"), emission.get("axes")
    if not axes:
        emission.node("Identity", source)
    elif emission.get("normalize"):
        emission.node("ReduceMean", source, axes=axes, keepdims=1)
    else:
        emission.node("ReduceSum", source, emission.builder.integers(axes), keepdims=1)


def _reduce(operator: str) -> Emitter:
    def emit(emission: Emission) -> None:
        source, axes = emission.operand("input"), emission.get("axes")
        if axes:
            emission.node(operator, source, axes=axes, keepdims=1)
        else:
            emission.node("Identity", source)

    return emit


def _truth_reduce(operator: str) -> Emitter:
    def emit(emission: Emission) -> None:
        builder = emission.builder
        numbers = builder.node("Cast", emission.operand("input"), to=TensorProto.FLOAT)
        axes = emission.get("axes")
        reduced = builder.node(operator, numbers, axes=axes, keepdims=1) if axes else numbers
        emission.node("Cast", reduced, to=TensorProto.BOOL)

    return emit


def _arg_reduce(operator: str) -> Emitter:
    def emit(emission: Emission) -> None:
        axes = emission.get("axes")
        if len(axes) != 1:
            raise emission.refuse(f"ONNX looks along one axis, not {list(axes)}")
        emission.node(operator, emission.operand("input"), axis=axes[0], keepdims=1)

    return emit


def _matmul(emission: Emission) -> None:
    sides = []
    for name, flag in (("A", "transposeA"), ("B", "transposeB")):
        side = emission.operand(name)
        if emission.get(flag):
            axes = list(range(len(emission.shape(name))))
            axes[-2:] = axes[:-3:-1]
            side = emission.builder.node("Transpose", side, perm=axes)
        sides.append(side)
    emission.node("MatMul", *sides)


def _linear(emission: Emission) -> None:
    inputs = [emission.operand("input"), emission.operand("filter")]
    bias = per_channel(emission, "bias", emission.out_shape[1])
    emission.node("Gemm", *inputs, *([bias] if bias else []), transB=1)


def _batch_normalization(emission: Emission) -> None:
    shape = emission.out_shape
    names = ("scale", "offset", "mean", "variance")
    if len(shape) < 2 or not all(_is_per_channel(emission, name, shape[1]) for name in names):
        _normalise_elements(emission)
        return
    parameters = [per_channel(emission, name, shape[1], always=True) or "" for name in names]
    source = emission.operand("input")
    emission.node("BatchNormalization", source, *parameters, epsilon=emission.get("epsilon"))


def _normalise_elements(emission: Emission) -> None:
    """Normalisation by parameters of any shape, written out."""
    builder = emission.builder
    source, mean, variance, offset, scale = _operands(
        emission, "input", "mean", "variance", "offset", "scale"
    )
    root = builder.node(
        "Sqrt", builder.node("Add", variance, builder.number(emission.get("epsilon")))
    )
    centred = builder.node("Div", builder.node("Sub", source, mean), root)
    emission.node("Add", builder.node("Mul", centred, scale), offset)


def per_channel(
    emission: Emission, name: str, channels: int, *, always: bool = False
) -> str | None:
    """A bias or another parameter as ONNX has it, float32 [channels]; None if it is just 0."""
    value = emission.argument(name)
    if emission.builder.shape(value) in ((channels,), (1, channels)):
        return emission.builder.reshaped(value, (channels,))
    array: Any = emission.builder.array(value)
    if array is None or array.size != 1:
        raise emission.refuse(f"{name!r} is computed and not of {channels} items")
    if not always and not array.any():
        return None
    return emission.builder.constant(np.full(channels, array.reshape(()), np.float32))


def _is_per_channel(emission: Emission, name: str, channels: int) -> bool:
    value = emission.argument(name)
    if emission.builder.shape(value) == (1, channels):
        return True
    array = emission.builder.array(value)
    return array is not None and array.size == 1


ELEMENT_EMITTERS: Mapping[str, Emitter] = MappingProxyType(
    {
        **{name: _unary(operator) for name, operator in _UNARY.items()},
        **{name: _binary(operator) for name, operator in _BINARY.items()},
        "ne": _ne,
        "select": _select,
        "clamp": _clamp,
        "round": _round,
        "elu": _with("Elu", alpha="alpha"),
        "selu": _with("Selu", alpha="alpha", gamma="lambda"),
        "leaky_relu": _with("LeakyRelu", alpha="alpha"),
        "prelu": _prelu,
        "cast": _cast,
        "softmax": _softmax,
        "sum_reduce": _sum_reduce,
        "max_reduce": _reduce("ReduceMax"),
        "min_reduce": _reduce("ReduceMin"),
        "mean_reduce": _reduce("ReduceMean"),
        "any_reduce": _truth_reduce("ReduceMax"),
        "all_reduce": _truth_reduce("ReduceMin"),
        "argmax_reduce": _arg_reduce("ArgMax"),
        "argmin_reduce": _arg_reduce("ArgMin"),
        "matmul": _matmul,
        "linear": _linear,
        "batch_normalization": _batch_normalization,
    }
)
