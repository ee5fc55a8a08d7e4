"""Element-wise ONNX operators, activations, reductions and matrices, as NNEF has them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from fivegms_codecs.nnef.syntax import Expression, Literal
from fivegms_prepare.nnef.conversion import Conversion, Converter

_UNARY = {
    "Identity": "copy",
    "Dropout": "copy",
    "Neg": "neg",
    "Reciprocal": "rcp",
    "Not": "not",
    **{name: name.lower() for name in ("Exp", "Log", "Sin", "Cos", "Tan", "Sinh", "Cosh", "Tanh")},
    **{name: name.lower() for name in ("Asin", "Acos", "Atan", "Asinh", "Acosh", "Atanh", "Abs")},
    **{name: name.lower() for name in ("Sign", "Floor", "Ceil", "Sqrt", "Relu", "Sigmoid")},
    "Softplus": "softplus",
}
_BINARY = {
    **{name: name.lower() for name in ("Add", "Sub", "Mul", "Div", "Pow", "And", "Or")},
    "Less": "lt",
    "LessOrEqual": "le",
    "Greater": "gt",
    "GreaterOrEqual": "ge",
    "Equal": "eq",
    "Min": "min",
    "Max": "max",
    "Sum": "add",
}


def _unary(operation: str) -> Converter:
    return lambda node: node.give(operation, node.source())


def _operands(node: Conversion, *parameters: str) -> list[Expression]:
    """All inputs, of the output's rank; numbers as literals, if a tensor is among them."""
    rank = len(node.out_shape)
    names = parameters or ("value",) * len(node.node.input)
    numbers = range(len(names)) if rank else ()
    found = [node.operand(index, name, rank=rank) for index, name in enumerate(names)]
    if numbers and all(isinstance(one, Literal) for one in found):
        found[0] = node.operand(0, names[0], rank=rank, literal=False)
    return found


def _binary(operation: str) -> Converter:
    """Also of more or fewer than two inputs, as ONNX's Min, Max and Sum may have."""

    def convert(node: Conversion) -> None:
        operands = _operands(node)
        if len(operands) == 1:
            node.give("copy", node.source())
            return
        result = operands[0]
        for operand in operands[1:-1]:
            result = node.make(operation, result, operand)
        node.give(operation, result, operands[-1])

    return convert


def _mean(node: Conversion) -> None:
    operands = _operands(node)
    total = operands[0]
    for operand in operands[1:]:
        total = node.make("add", total, operand)
    node.give("div", total, Literal(float(len(operands))))


def _where(node: Conversion) -> None:
    rank = len(node.out_shape)
    condition = node.operand(0, "condition", rank=rank, literal=False)
    node.give("select", condition, *(node.operand(i, "value", rank=rank) for i in (1, 2)))


def _clip(node: Conversion) -> None:
    least, most = _bound(node, "min", 1), _bound(node, "max", 2)
    source = node.source()
    if least is not None and most is not None:
        node.give("clamp", source, least, most)
    elif least is not None:
        node.give("max", source, least)
    elif most is not None:
        node.give("min", source, most)
    else:
        node.give("copy", source)


def _bound(node: Conversion, name: str, index: int) -> Expression | None:
    if node.has(index):
        return node.operand(index, name)
    value = node.attribute(name)
    return None if value is None or abs(value) > np.finfo(np.float32).max / 2 else Literal(value)


def _with(operation: str, **attributes: tuple[str, float]) -> Converter:
    """An operation whose named arguments are attributes of the node, with ONNX's defaults."""

    def convert(node: Conversion) -> None:
        given = {key: float(node.attribute(*found)) for key, found in attributes.items()}
        node.give(operation, node.source(), **given)

    return convert


def _selu(node: Conversion) -> None:
    alpha, gamma = ("alpha", 1.67326319217681884), ("gamma", 1.05070102214813232)
    _with("selu", alpha=alpha, **{"lambda": gamma})(node)


def _prelu(node: Conversion) -> None:
    rank = len(node.out_shape)
    node.give("prelu", node.source(), node.operand(1, "alpha", rank=rank, literal=False))


def _hard_sigmoid(node: Conversion) -> None:
    slope, offset = node.attribute("alpha", 0.2), node.attribute("beta", 0.5)
    scaled = node.make("mul", node.source(), Literal(slope))
    moved = node.make("add", scaled, Literal(offset))
    node.give("clamp", moved, Literal(0.0), Literal(1.0))


def _hard_swish(node: Conversion) -> None:
    source = node.source()
    gate = node.make("add", node.make("div", source, Literal(6.0)), Literal(0.5))
    node.give("mul", source, node.make("clamp", gate, Literal(0.0), Literal(1.0)))


def _softsign(node: Conversion) -> None:
    source = node.source()
    node.give("div", source, node.make("add", node.make("abs", source), Literal(1.0)))


def _softmax_axes(node: Conversion) -> list[int]:
    """Before operator set 13, all axes from the given one on count as one."""
    rank = len(node.shape())
    if node.opset >= 13:
        return [node.axis(-1)]
    return list(range(node.axis(1), rank))


def _softmax(node: Conversion) -> None:
    node.give("softmax", node.source(), axes=_softmax_axes(node))


def _log_softmax(node: Conversion) -> None:
    node.give("log", node.make("softmax", node.source(), axes=_softmax_axes(node)))


def _reduce(operation: str) -> Converter:
    def convert(node: Conversion) -> None:
        rank = len(node.shape())
        default = [] if node.attribute("noop_with_empty_axes", 0) else range(rank)
        axes = node.axes(node.integers("axes", 1, None) or default, rank)
        _kept_or_not(node, operation, axes)

    return convert


def _arg_reduce(operation: str) -> Converter:
    def convert(node: Conversion) -> None:
        if node.attribute("select_last_index", 0):
            raise node.refuse("NNEF takes the first of equals")
        _kept_or_not(node, operation, [node.axis()])

    return convert


def _kept_or_not(node: Conversion, operation: str, axes: list[int]) -> None:
    """NNEF keeps the axes that it reduces; ONNX drops them if told to."""
    if node.attribute("keepdims", 1) or not axes:
        node.give(operation, node.source(), axes=axes)
    else:
        node.give("squeeze", node.make(operation, node.source(), axes=axes), axes=axes)


def _cast(node: Conversion) -> None:
    found = node.draft.values.dtype(node.node.output[0]).name
    kinds = {"float32": "scalar", "int64": "integer", "int32": "integer", "bool": "logical"}
    if found not in kinds:
        raise node.refuse(f"NNEF models do not hold {found}")
    node.give("cast", node.source(), dtype=kinds[found])


def _matmul(node: Conversion) -> None:
    ranks = [len(node.shape(index)) for index in (0, 1)]
    if min(ranks) < 2:
        raise node.refuse("NNEF multiplies matrices, not vectors")
    sides = [
        node.operand(index, name, rank=max(ranks), literal=False)
        for index, name in enumerate(("A", "B"))
    ]
    node.give("matmul", *sides)


def _gemm(node: Conversion) -> None:
    alpha, beta = node.attribute("alpha", 1.0), node.attribute("beta", 1.0)
    transposed = {"transposeA": "transA", "transposeB": "transB"}
    flags: dict[str, Any] = {key: bool(node.attribute(v, 0)) for key, v in transposed.items()}
    if _is_linear(node, flags, alpha, beta):
        node.give("linear", *_linear_arguments(node))
        return
    sides = [node.operand(i, "AB"[i], literal=False) for i in (0, 1)]
    steps: list[tuple[str, Expression]] = []
    if alpha != 1.0:
        steps.append(("mul", Literal(alpha)))
    if node.has(2) and beta:
        bias = node.operand(2, "bias", rank=2)
        if beta != 1.0:
            bias = node.make("mul", bias, Literal(beta))
        steps.append(("add", bias))
    if not steps:
        node.give("matmul", *sides, **flags)
        return
    result = node.make("matmul", *sides, **flags)
    for operation, operand in steps[:-1]:
        result = node.make(operation, result, operand)
    node.give(steps[-1][0], result, steps[-1][1])


def _is_linear(node: Conversion, flags: dict[str, bool], alpha: float, beta: float) -> bool:
    plain = flags == {"transposeA": False, "transposeB": True} and alpha == beta == 1.0
    if not plain or not node.has(2):
        return plain
    return node.shape(2) in ((), (1,), node.out_shape[1:], (1, node.out_shape[1]))


def _linear_arguments(node: Conversion) -> list[Expression]:
    arguments = [node.source(), node.operand(1, "filter", literal=False)]
    if node.has(2):
        arguments.append(node.operand(2, "bias", rank=2))
    return arguments


def _batch_normalization(node: Conversion) -> None:
    if node.attribute("training_mode", 0):
        raise node.refuse("NNEF does not train")
    shape = (1, node.shape()[1])
    scale, offset, mean, variance = (
        node.operand(index, name, shape=shape)
        for index, name in enumerate(("scale", "offset", "mean", "variance"), start=1)
    )
    epsilon = float(node.attribute("epsilon", 1e-5))
    node.give("batch_normalization", node.source(), mean, variance, offset, scale, epsilon=epsilon)


ELEMENT_CONVERTERS: Mapping[str, Converter] = MappingProxyType(
    {
        **{name: _unary(operation) for name, operation in _UNARY.items()},
        **{name: _binary(operation) for name, operation in _BINARY.items()},
        "Mean": _mean,
        "Where": _where,
        "Clip": _clip,
        "Elu": _with("elu", alpha=("alpha", 1.0)),
        "Selu": _selu,
        "LeakyRelu": _with("leaky_relu", alpha=("alpha", 0.01)),
        "PRelu": _prelu,
        "HardSigmoid": _hard_sigmoid,
        "HardSwish": _hard_swish,
        "Softsign": _softsign,
        "Softmax": _softmax,
        "LogSoftmax": _log_softmax,
        "ReduceSum": _reduce("sum_reduce"),
        "ReduceMean": _reduce("mean_reduce"),
        "ReduceMax": _reduce("max_reduce"),
        "ReduceMin": _reduce("min_reduce"),
        "ArgMax": _arg_reduce("argmax_reduce"),
        "ArgMin": _arg_reduce("argmin_reduce"),
        "Cast": _cast,
        "MatMul": _matmul,
        "Gemm": _gemm,
        "BatchNormalization": _batch_normalization,
    }
)
