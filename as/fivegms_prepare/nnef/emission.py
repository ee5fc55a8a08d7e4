"""One NNEF operation to ONNX nodes: what the emitters of all families take."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from fivegms_codecs.nnef import Operation, TensorRef, Value
from fivegms_codecs.nnef.arguments import Arguments
from fivegms_prepare.errors import NnefUnsupported
from fivegms_prepare.nnef.building import OnnxBuilder


@dataclass(frozen=True, slots=True)
class Emission:
    """An operation, and the model that its nodes are added to."""

    operation: Operation
    builder: OnnxBuilder

    def get(self, name: str) -> Any:
        """An attribute."""
        return self.operation.arguments[name]

    def argument(self, name: str) -> Value:
        """An argument as it is."""
        return self.operation.arguments[name]

    def operand(self, name: str, rank: int | None = None) -> str:
        """The ONNX value of an argument, of that rank."""
        return self.builder.operand(self.operation.arguments[name], rank)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an argument."""
        return self.builder.shape(self.operation.arguments[name])

    @property
    def arguments(self) -> Arguments:
        """What the shape rules take."""
        tensors = self.builder.graph.tensors
        shapes = {name: tensors[name].shape for name in self.operation.inputs()}
        return Arguments(self.operation.arguments, shapes)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the results."""
        return self.operation.outputs()

    @property
    def out(self) -> str:
        """The name of the one result."""
        return self.outputs[0]

    @property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of the one result."""
        return self.builder.shape(TensorRef(self.out))

    def node(self, operator: str, *inputs: str, **attributes: Any) -> None:
        """Add the node that gives the one result."""
        self.builder.node(operator, *inputs, gives=self.out, **attributes)

    def refuse(self, why: str) -> NnefUnsupported:
        """The refusal of what ONNX has no operator for."""
        return NnefUnsupported(f"{self.operation.name} ({self.out}): {why}")


Emitter: TypeAlias = Callable[[Emission], None]
