"""How many multiply-accumulates a node takes: a table from operator to a count.

Counted are operators that sum up products: convolutions, matrix products, recurrent layers and
attention, also with integers. Element-wise arithmetic, normalisation, pooling and interpolation
count nothing, as in published figures. An operator that sums up products in a way that is not here,
or whose shapes are open, has no count; a graph with one has no total.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from onnx import NodeProto

from fivegms_engine.capability import MODEL_DOMAIN, canonical_domain
from fivegms_manifests.model import TensorInfo
from fivegms_prepare.values import Shape, closed_shape


@dataclass(frozen=True, slots=True)
class _Shapes:
    """The shapes around a node. Raises LookupError for one that is open or unknown."""

    node: NodeProto
    values: Mapping[str, TensorInfo]

    def taken(self, index: int) -> Shape:
        return self._of(self.node.input[index])

    def given(self) -> Shape:
        return self._of(self.node.output[0])

    def number(self, attribute: str) -> int:
        return next((int(a.i) for a in self.node.attribute if a.name == attribute), 0)

    def text(self, attribute: str) -> str:
        return next((a.s.decode() for a in self.node.attribute if a.name == attribute), "")

    def _of(self, name: str) -> Shape:
        shape = closed_shape(self.values.get(name))
        if shape is None:
            raise LookupError(name)
        return shape


Counter = Callable[[_Shapes], int]


def macs(node: NodeProto, values: Mapping[str, TensorInfo]) -> int | None:
    """The multiply-accumulates of a node at these shapes; None where they cannot be known."""
    if node.op_type in _UNCOUNTED:
        return None
    if canonical_domain(node.domain) != MODEL_DOMAIN:
        return 0  # ai.onnx.ml: trees and tables
    counter = _COUNTERS.get(node.op_type)
    try:
        return counter(_Shapes(node, values)) if counter else 0
    except LookupError:
        return None


def _conv(weight: int) -> Counter:
    """Each number given is a sum over the window of a group's channels; `weight` is which input."""
    return lambda shapes: prod(shapes.given()) * prod(shapes.taken(weight)[1:])


def _conv_transpose(shapes: _Shapes) -> int:
    return prod(shapes.taken(0)) * prod(shapes.taken(1)[1:])


def _matmul(shapes: _Shapes) -> int:
    return prod(shapes.given()) * shapes.taken(0)[-1]


def _gemm(shapes: _Shapes) -> int:
    return prod(shapes.given()) * shapes.taken(0)[0 if shapes.number("transA") else -1]


def _recurrent(shapes: _Shapes) -> int:
    steps = prod(shapes.taken(0)[:2])
    return steps * (prod(shapes.taken(1)) + prod(shapes.taken(2)))


def _einsum(shapes: _Shapes) -> int:
    """Every combination of the indices once for each product of two operands."""
    operands = len(shapes.node.input)
    terms = shapes.text("equation").partition("->")[0].replace(" ", "").split(",")
    if len(terms) != operands or any(not term.isalpha() for term in terms):
        raise LookupError("equation")  # an ellipsis stands for indices that have no name
    sizes: dict[str, int] = {}
    for index, term in enumerate(terms):
        for letter, size in zip(term, shapes.taken(index), strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    return prod(sizes.values()) * (operands - 1)


def _attention(shapes: _Shapes) -> int:
    """Scores of every query with every key, and as many sums of values (ONNX 23)."""
    queries, keys, values = (shapes.taken(index) for index in range(3))
    if len(queries) == 4:  # [batch, heads, length, size of a head]
        batch, heads, length, size = queries
        known, value_size = values[2:]
    else:  # [batch, length, heads * size of a head]
        batch, length, hidden = queries
        heads, own = shapes.number("q_num_heads"), shapes.number("kv_num_heads")
        if not (heads and own):
            raise LookupError("q_num_heads")
        size, known, value_size = hidden // heads, keys[1], values[2] // own
    if any(name for name in shapes.node.input[4:6]):
        raise LookupError("past_key")  # how long the past is does not show in these shapes
    return batch * heads * length * known * (size + value_size)


_COUNTERS: dict[str, Counter] = {
    "Attention": _attention,
    "Conv": _conv(1),
    "ConvInteger": _conv(1),
    "ConvTranspose": _conv_transpose,
    "DeformConv": _conv(1),
    "Einsum": _einsum,
    "Gemm": _gemm,
    "GRU": _recurrent,
    "LSTM": _recurrent,
    "MatMul": _matmul,
    "MatMulInteger": _matmul,
    "QLinearConv": _conv(3),
    "QLinearMatMul": _matmul,
    "RNN": _recurrent,
}

_UNCOUNTED = frozenset(
    {"DFT", "If", "Loop", "Scan", "SequenceMap", "STFT"}
    | {"LinearClassifier", "LinearRegressor", "SVMClassifier", "SVMRegressor"}
)
"""Operators that sum up products in ways that shapes alone do not tell."""
