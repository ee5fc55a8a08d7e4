"""One ONNX node to NNEF operations: what the converters of all families take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from onnx import ModelProto, NodeProto, helper

from fivegms_codecs.nnef.syntax import Expression, Name
from fivegms_prepare.errors import NnefUnsupported
from fivegms_prepare.nnef.drafting import Draft, Given


@dataclass(frozen=True, slots=True)
class Conversion:
    """A node, and the document that its operations are added to."""

    node: NodeProto
    draft: Draft
    opset: int

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute of the node."""
        for attribute in self.node.attribute:
            if attribute.name == name:
                value = helper.get_attribute_value(attribute)
                return value.decode() if isinstance(value, bytes) else value
        return default

    def has(self, index: int) -> bool:
        """Whether the node has that input."""
        return index < len(self.node.input) and bool(self.node.input[index])

    def shape(self, index: int = 0) -> tuple[int, ...]:
        """The shape of an input."""
        return self.draft.shape(self.node.input[index])

    @property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of the first output."""
        return self.draft.shape(self.node.output[0])

    def operand(self, index: int, parameter: str = "value", **how: Any) -> Expression:
        """An input as an argument; `parameter` names it, should it become a variable."""
        name = self.node.output[0]
        return self.draft.operand(self.node.input[index], f"{name}/{parameter}", **how)

    def source(self) -> Expression:
        """The first input, which is a tensor and no number."""
        return self.operand(0, literal=False)

    def integers(self, name: str, index: int, default: Any = None) -> Any:
        """A list that is an attribute in older operator sets and a constant input in newer."""
        value = self.attribute(name)
        if value is None and self.has(index):
            value = self.known(index).reshape(-1).tolist()
        return default if value is None else value

    def known(self, index: int) -> Any:
        """The numbers of an input that must be a constant."""
        name = self.node.input[index]
        if not self.draft.values.is_known(name):
            raise self.refuse(f"input {index} is computed; NNEF has numbers there")
        return np.asarray(self.draft.values.array(name))

    def give(self, operation: str, *positional: Expression, **named: Any) -> None:
        """Add the operation that gives the node's first output."""
        self.draft.call(operation, *positional, to=self.node.output[:1], **named)

    def make(self, operation: str, *positional: Expression, **named: Given) -> Name:
        """Add an operation on the way to it."""
        return self.draft.call(operation, *positional, **named)  # type: ignore[arg-type]

    def axis(self, default: int = 0, index: int = 0) -> int:
        """The attribute `axis`, counted from the first."""
        return int(self.attribute("axis", default)) % max(len(self.shape(index)), 1)

    def axes(self, given: Sequence[int], rank: int) -> list[int]:
        """Axes counted from the first, in order."""
        return sorted(int(axis) % rank for axis in given)

    def refuse(self, why: str) -> NnefUnsupported:
        """The refusal of what NNEF has no operation for."""
        return NnefUnsupported(f"{self.node.op_type} ({self.node.output[0]}): {why}")


Converter: TypeAlias = Callable[[Conversion], None]


def opset_of(model: ModelProto) -> int:
    """The version of ONNX's own operator set that a model imports."""
    return max(int(one.version) for one in model.opset_import if one.domain in ("", "ai.onnx"))
