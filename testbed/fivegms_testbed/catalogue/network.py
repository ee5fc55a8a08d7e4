"""A network under construction: nodes in order, tensors by shape, and the shape of every value.

A `Network` holds no number of a weight: a tensor is its name, its shape and how its values are
drawn (`weights`), so that describing VGG-16 takes as little memory as describing MobileNet. Layers
are functions of a network and of values (`layers`); what a whole architecture looks like is in one
module per family. `assembly` makes an ONNX model of the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, helper

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor that a node gives: its name, and its shape for one sample (the batch left out).

    A picture is [C, H, W], a vector [F].
    """

    name: str
    shape: Shape

    @property
    def channels(self) -> int:
        """Channels of a picture, length of a vector."""
        return self.shape[0]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A learned tensor of normal float32 numbers; with a deviation of 0 all are the mean."""

    name: str
    shape: Shape
    deviation: float
    mean: float = 0.0

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Fixed:
    """A tensor whose values are part of the architecture: anchors, shapes, limits."""

    name: str
    values: NDArray[Any]


@dataclass(slots=True)
class Network:
    """Nodes and tensors as they are added. `batch` is None for a graph that takes any number."""

    name: str
    batch: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    inputs: list[Value] = field(default_factory=list)
    outputs: list[tuple[Value, type[np.generic]]] = field(default_factory=list)
    nodes: list[NodeProto] = field(default_factory=list)
    tensors: dict[str, Drawn | Fixed] = field(default_factory=dict)

    def input(self, name: str, *shape: int) -> Value:
        """A float32 input of the graph."""
        value = Value(name, shape)
        self.inputs.append(value)
        return value

    def output(self, value: Value, dtype: type[np.generic] = np.float32) -> None:
        """Give a value to whoever runs the graph."""
        self.outputs.append((value, dtype))

    def node(
        self, kind: str, inputs: Sequence[Value | str], name: str, shape: Shape, **attributes: Any
    ) -> Value:
        """Append a node of one output, which is named as the node is."""
        return self.several(kind, inputs, [name], [shape], **attributes)[0]

    def several(
        self,
        kind: str,
        inputs: Sequence[Value | str],
        names: Sequence[str],
        shapes: Sequence[Shape],
        **attributes: Any,
    ) -> list[Value]:
        """Append a node of several outputs, named as the first is."""
        taken = [one.name if isinstance(one, Value) else one for one in inputs]
        self.nodes.append(helper.make_node(kind, taken, names, name=names[0], **attributes))
        return [Value(name, shape) for name, shape in zip(names, shapes, strict=True)]

    def learned(self, name: str, shape: Shape, *, deviation: float, mean: float = 0.0) -> str:
        """A tensor to draw. Layers that share weights ask for the same name twice."""
        self._place(Drawn(name, shape, deviation, mean))
        return name

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """A tensor that is not learned."""
        self._place(Fixed(name, np.asarray(values, order="C")))
        return name

    def _place(self, tensor: Drawn | Fixed) -> None:
        self.tensors.setdefault(tensor.name, tensor)
