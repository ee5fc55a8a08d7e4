"""The primitive operations on numpy arrays: scalar is float32, integer int64, logical bool."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.nnef import sliding
from fivegms_codecs.nnef.arguments import Arguments
from fivegms_codecs.nnef.errors import ArgumentInvalid
from fivegms_codecs.nnef.graph import Operation, Shape, TensorRef, Value
from fivegms_codecs.nnef.layout_shapes import slice_ranges
from fivegms_codecs.nnef.shapes import result_shapes
from fivegms_codecs.nnef.window_shapes import conv_windows, groups_of, pool_windows

NdArray = NDArray[Any]
NUMPY = MappingProxyType({"scalar": np.float32, "integer": np.int64, "logical": np.bool_})


@dataclass(frozen=True, slots=True)
class Invocation:
    """An operation with the arrays of its inputs, by tensor."""

    operation: Operation
    arrays: Mapping[str, NdArray]

    @property
    def arguments(self) -> Arguments:
        """What the shape rules take."""
        shapes = {name: array.shape for name, array in self.arrays.items()}
        return Arguments(self.operation.arguments, shapes)

    def get(self, name: str) -> Any:
        """An attribute."""
        return self.operation.arguments[name]

    def array(self, name: str) -> NdArray:
        """A tensor argument; a number has rank 0."""
        return self._array(self.operation.arguments[name])

    def all(self, name: str) -> list[NdArray]:
        """An argument that is an array of tensors."""
        return [self._array(item) for item in self.get(name)]

    def _array(self, value: Value) -> NdArray:
        if isinstance(value, TensorRef):
            return self.arrays[value.name]
        dtypes = {bool: np.bool_, int: np.int64, float: np.float32}
        return np.asarray(value, dtypes[type(value)])


Primitive = Callable[[Invocation], "NdArray | list[NdArray]"]


def aligned(*arrays: NdArray) -> tuple[NdArray, ...]:
    """Arrays of one rank, by axes of extent 1 behind: NNEF aligns shapes from the first axis."""
    rank = max(array.ndim for array in arrays)
    return tuple(array.reshape((*array.shape, *(1,) * (rank - array.ndim))) for array in arrays)


def _unary(function: Callable[[NdArray], NdArray]) -> Primitive:
    return lambda call: function(call.array("x"))


def _binary(function: Callable[[NdArray, NdArray], NdArray]) -> Primitive:
    return lambda call: function(*aligned(call.array("x"), call.array("y")))


def _reduce(function: Callable[..., NdArray]) -> Primitive:
    def compute(call: Invocation) -> NdArray:
        return function(call.array("input"), axis=tuple(call.get("axes")), keepdims=True)

    return compute


def _arg_reduce(function: Callable[..., NdArray]) -> Primitive:
    """Several axes count as one, numbered with the last axis fastest."""

    def compute(call: Invocation) -> NdArray:
        array, axes = call.array("input"), sorted(call.get("axes"))
        kept = [axis for axis in range(array.ndim) if axis not in axes]
        moved = array.transpose(*kept, *axes).reshape(*(array.shape[axis] for axis in kept), -1)
        shape = [1 if axis in axes else size for axis, size in enumerate(array.shape)]
        return function(moved, axis=-1).astype(np.int64).reshape(shape)

    return compute


def _constant(call: Invocation) -> NdArray:
    values: NdArray = np.asarray(call.get("value"), NUMPY[str(call.operation.dtype)])
    shape = call.get("shape")
    return np.full(shape, values[0]) if values.size == 1 else values.reshape(shape)


def _cast(call: Invocation) -> NdArray:
    return call.array("input").astype(NUMPY[str(call.operation.dtype)])


def _sign_away_from_zero(array: NdArray) -> NdArray:
    """Rounded to the nearest integer, halves away from zero."""
    return np.copysign(np.floor(np.abs(array) + np.float32(0.5)), array)


def _select(call: Invocation) -> NdArray:
    names = ("condition", "true_value", "false_value")
    return np.where(*aligned(*map(call.array, names)))


def _sum(call: Invocation) -> NdArray:
    array, axes = call.array("input"), tuple(call.get("axes"))
    total: NdArray = np.sum(array, axis=axes, keepdims=True)
    if not call.get("normalize"):
        return total
    return total / np.float32(array.size / total.size)


def _conv(call: Invocation) -> NdArray:
    where, groups = conv_windows(call.arguments), groups_of(call.arguments)
    source, kernel, bias = map(call.array, ("input", "filter", "bias"))
    return sliding.conv(source, kernel, bias, where, call.get("border"), groups)


def _deconv(call: Invocation) -> NdArray:
    where, groups = conv_windows(call.arguments), groups_of(call.arguments)
    source, kernel, bias = map(call.array, ("input", "filter", "bias"))
    return sliding.deconv(source, kernel, bias, where, groups)


def _box(call: Invocation) -> NdArray:
    function = sliding.debox if call.operation.name == "debox" else sliding.box
    where = pool_windows(call.arguments)
    return function(call.array("input"), where, call.get("border"), normalise=call.get("normalize"))


def _argmax_pool(call: Invocation) -> NdArray:
    return sliding.argmax_pool(
        call.array("input"), pool_windows(call.arguments), call.get("border")
    )


def _sample(call: Invocation) -> NdArray:
    where = pool_windows(call.arguments)
    return sliding.sample(call.array("input"), call.array("index"), where, call.get("border"))


def _desample(call: Invocation) -> NdArray:
    return sliding.desample(call.array("input"), call.array("index"), pool_windows(call.arguments))


def _upsample(call: Invocation) -> NdArray:
    return sliding.upsample_linear(
        call.array("input"), call.get("factor"), call.get("method"), call.get("border")
    )


def _reshaped(call: Invocation) -> NdArray:
    """Reshape, squeeze and unsqueeze: the numbers stay in order."""
    [shape] = result_shapes(call.operation.name, call.arguments)
    return np.reshape(call.array("input"), cast("Shape", shape))


def _transpose(call: Invocation) -> NdArray:
    array, axes = call.array("input"), call.get("axes")
    return array.transpose(*axes, *range(len(axes), array.ndim))


def _split(call: Invocation) -> list[NdArray]:
    array, axis, ratios = call.array("value"), call.get("axis"), call.get("ratios")
    unit = array.shape[axis] // sum(ratios)
    return list(np.split(array, np.cumsum(ratios)[:-1] * unit, axis))


def _unstack(call: Invocation) -> list[NdArray]:
    return list(np.moveaxis(call.array("value"), call.get("axis"), 0))


def _slice(call: Invocation) -> NdArray:
    array = call.array("input")
    parts = [slice(None)] * array.ndim
    for axis, first, last, stride in slice_ranges(call.arguments):
        parts[axis] = slice(first, None if last < 0 else last, stride)
    return array[tuple(parts)]


def _pad(call: Invocation) -> NdArray:
    return sliding.padded(
        call.array("input"), call.get("padding"), call.get("border"), call.get("value")
    )


def _gather(call: Invocation) -> NdArray:
    array, indices, axis = call.array("input"), call.array("indices"), call.get("axis")
    if indices.size and not 0 <= indices.min() <= indices.max() < array.shape[axis]:
        raise ArgumentInvalid(f"gather: an index is not in an extent of {array.shape[axis]}")
    return np.take(array, indices, axis)


def _matmul(call: Invocation) -> NdArray:
    left, right = call.array("A"), call.array("B")
    left = left.swapaxes(-1, -2) if call.get("transposeA") else left
    return left @ (right.swapaxes(-1, -2) if call.get("transposeB") else right)


PRIMITIVES: Mapping[str, Primitive] = MappingProxyType(
    {
        "constant": _constant,
        "copy": _unary(lambda x: x),
        "neg": _unary(operator.neg),
        "rcp": _unary(np.reciprocal),
        **{name: _unary(getattr(np, name)) for name in ("exp", "log", "sin", "cos", "tan")},
        **{name: _unary(getattr(np, f"arc{name[1:]}")) for name in ("asin", "acos", "atan")},
        **{name: _unary(getattr(np, name)) for name in ("sinh", "cosh", "tanh")},
        **{name: _unary(getattr(np, f"arc{name[1:]}")) for name in ("asinh", "acosh", "atanh")},
        **{name: _unary(getattr(np, name)) for name in ("abs", "sign", "floor", "ceil")},
        "round": _unary(_sign_away_from_zero),
        "not": _unary(np.logical_not),
        "cast": _cast,
        **{name: _binary(getattr(operator, name)) for name in ("add", "sub", "mul")},
        "div": _binary(operator.truediv),
        "pow": _binary(operator.pow),
        **{name: _binary(getattr(operator, name)) for name in ("lt", "gt", "le", "ge", "eq", "ne")},
        "and": _binary(np.logical_and),
        "or": _binary(np.logical_or),
        "select": _select,
        "conv": _conv,
        "deconv": _deconv,
        "box": _box,
        "debox": _box,
        "argmax_pool": _argmax_pool,
        "sample": _sample,
        "desample": _desample,
        "multilinear_upsample": _upsample,
        "sum_reduce": _sum,
        "max_reduce": _reduce(np.max),
        "min_reduce": _reduce(np.min),
        "any_reduce": _reduce(np.any),
        "all_reduce": _reduce(np.all),
        "argmax_reduce": _arg_reduce(np.argmax),
        "argmin_reduce": _arg_reduce(np.argmin),
        **dict.fromkeys(("reshape", "squeeze", "unsqueeze"), _reshaped),
        "transpose": _transpose,
        "concat": lambda call: np.concatenate(call.all("values"), call.get("axis")),
        "stack": lambda call: np.stack(call.all("values"), call.get("axis")),
        "split": _split,
        "unstack": _unstack,
        "slice": _slice,
        "tile": lambda call: np.tile(call.array("input"), call.get("repeats")),
        "pad": _pad,
        "gather": _gather,
        "matmul": _matmul,
    }
)
"""What computes each primitive operation but the data nodes'."""
