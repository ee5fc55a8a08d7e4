"""The layers of a graph: nodes that multiply what they take in with a constant that was learned.

What a weight's axes mean differs between operators; here alone is that known. A weight is also a
matrix of one row per output channel, which is what pruning, factors and least squares work on.

| operator        | weight                    | takes in                                   |
|-----------------|---------------------------|--------------------------------------------|
| `Conv`          | [out, in / groups, k...]  | channels on axis 1                         |
| `ConvTranspose` | [in, out / groups, k...]  | channels on axis 1                         |
| `Gemm`          | [in, out]; transB: turned | channels on the last axis; transA is unfit |
| `MatMul`        | [in, out]                 | channels on the last axis                  |
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from fivegms_engine.graph import SEPARATED_BYTES
from fivegms_prepare.optimise.draft import Draft

LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
"""The operators whose second input is learned and multiplied with."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One such node of a draft. `shape` is the weight's; `groups` those of a convolution."""

    node: NodeProto
    shape: tuple[int, ...]
    output_axis: int
    input_axis: int
    groups: int = 1

    @property
    def weight(self) -> str:
        """The name of its weight, float32."""
        return str(self.node.input[1])

    @property
    def bias(self) -> str | None:
        """The value that is added, if any."""
        return str(self.node.input[2]) if len(self.node.input) > 2 and self.node.input[2] else None

    @property
    def taken(self) -> str:
        """The value that it takes in."""
        return str(self.node.input[0])

    @property
    def given(self) -> str:
        """The value that it gives."""
        return str(self.node.output[0])

    @property
    def outputs(self) -> int:
        """How many channels it gives."""
        grouped = self.groups if self.node.op_type == "ConvTranspose" else 1
        return self.shape[self.output_axis] * grouped

    @property
    def is_convolution(self) -> bool:
        """Whether channels lie on axis 1 of what it takes in and gives, not on the last."""
        return self.node.op_type in ("Conv", "ConvTranspose")

    @property
    def channel_axis(self) -> int:
        """The axis of channels in what it takes in and gives."""
        return 1 if self.is_convolution else -1

    def rows(self, weight: NDArray[Any]) -> NDArray[Any]:
        """The weight as [out, in / groups * k...], for all but grouped transposed convolutions."""
        return np.moveaxis(weight, self.output_axis, 0).reshape(self.shape[self.output_axis], -1)

    def from_rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The weight that has these rows; the number of rows may be another."""
        rest = [size for axis, size in enumerate(self.shape) if axis != self.output_axis]
        weight = np.moveaxis(rows.reshape(len(rows), *rest), 0, self.output_axis)
        return np.ascontiguousarray(weight)


def layers(draft: Draft) -> Iterator[Layer]:
    """The layers of the main graph in execution order.

    Left out: weights that are not constants of float32, and those so small that they are no
    learned weights but part of some arithmetic.
    """
    for node in draft.nodes:
        layer = layer_of(draft, node)
        if layer is not None and 4 * prod(layer.shape) >= SEPARATED_BYTES:
            yield layer


def layer_of(draft: Draft, node: NodeProto) -> Layer | None:
    """The layer that a node is, however small, or None."""
    if node.op_type not in LAYERS or len(node.input) < 2 or not draft.is_float32(node.input[1]):
        return None
    shape = draft.shape(node.input[1])
    if node.op_type == "Conv":
        return Layer(node, shape, 0, 1, number(node, "group", 1))
    if node.op_type == "ConvTranspose":
        return Layer(node, shape, 1, 0, number(node, "group", 1))
    if len(shape) != 2 or number(node, "transA"):
        return None
    turned = number(node, "transB")
    return Layer(node, shape, 0, 1) if turned else Layer(node, shape, 1, 0)


def number(node: NodeProto, name: str, default: int = 0) -> int:
    """An attribute that is a number."""
    return next((int(a.i) for a in node.attribute if a.name == name), default)


def numbers(node: NodeProto, name: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
    """An attribute that is a list of numbers."""
    return next((tuple(a.ints) for a in node.attribute if a.name == name), default)


def text(node: NodeProto, name: str, default: str) -> str:
    """An attribute that is a text."""
    return next((a.s.decode() for a in node.attribute if a.name == name), default)


def without(node: NodeProto, *names: str) -> NodeProto:
    """A copy of a node that lacks these attributes."""
    copied = NodeProto()
    copied.CopyFrom(node)
    kept = [attribute for attribute in node.attribute if attribute.name not in names]
    del copied.attribute[:]
    copied.attribute.extend(kept)
    return copied
