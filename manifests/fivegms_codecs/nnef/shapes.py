"""Shape propagation: from an operation's arguments to the shapes of its results.

External, constant and variable tensors declare their shapes, all others follow from the operation
that gives them (TR 26.927 6.5.6). Axes are aligned from the first: a tensor of lower rank counts as
having further axes of extent 1, so `[1, C]` goes with `[N, C, H, W]`.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

from fivegms_codecs.nnef.arguments import (
    Arguments,
    ResultShape,
    Rule,
    axes_of,
    broadcast,
    copies,
    listed,
)
from fivegms_codecs.nnef.errors import ArgumentInvalid, NnefError, ShapeInvalid
from fivegms_codecs.nnef.graph import Shape
from fivegms_codecs.nnef.layout_shapes import LAYOUT_RULES
from fivegms_codecs.nnef.window_shapes import WINDOW_RULES, check_bias


def result_shapes(operation: str, arguments: Arguments) -> tuple[ResultShape, ...]:
    """The shape of each result, in the order of the declaration; of an array, that of each item.

    Raises ShapeInvalid and ArgumentInvalid.
    """
    try:
        return RULES[operation](arguments)
    except NnefError as error:
        raise type(error)(f"{operation}: {error}") from None


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


def _local(arguments: Arguments) -> tuple[Shape]:
    shape, size = arguments.shape("input"), arguments.get("size")
    if len(size) != len(shape) or min(size, default=1) < 1:
        raise ArgumentInvalid(f"'size' {list(size)} is none of rank {len(shape)}")
    return (shape,)


def _along(arguments: Arguments) -> tuple[Shape]:
    name = "x" if "x" in arguments.values else "input"
    shape = arguments.shape(name)
    axes_of(arguments, len(shape))
    return (shape,)


def _reduced(arguments: Arguments) -> tuple[Shape]:
    shape = arguments.shape("input")
    axes = axes_of(arguments, len(shape))
    return (tuple(1 if axis in axes else size for axis, size in enumerate(shape)),)


def _moments(arguments: Arguments) -> tuple[Shape, Shape]:
    (shape,) = _reduced(arguments)
    return shape, shape


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
    check_bias(arguments, weights[0])
    return ((source[0], weights[0]),)


def _copies(arguments: Arguments) -> tuple[tuple[Shape, ...]]:
    times = int(arguments.get("times"))
    if times < 1:
        raise ArgumentInvalid(f"'times' is {times}")
    return (copies(arguments.shape("x"), times),)


def _sum(arguments: Arguments) -> tuple[Shape]:
    shapes = set(arguments.shapes_of("x"))
    if len(shapes) != 1:
        raise ShapeInvalid(f"{listed(tuple(shapes))} are not of one shape")
    return (shapes.pop(),)


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
        **WINDOW_RULES,
        **LAYOUT_RULES,
        **dict.fromkeys(
            (
                *("sum_reduce", "max_reduce", "min_reduce", "mean_reduce", "argmax_reduce"),
                *("argmin_reduce", "any_reduce", "all_reduce"),
            ),
            _reduced,
        ),
        "moments": _moments,
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
