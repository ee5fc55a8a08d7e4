"""A network as a directed graph of data nodes and operation nodes, flat and with every shape known.

Edges lead from a data node to each operation that takes it in, and from an operation to each data
node that it gives (TR 26.927 6.5.6). Every argument of an operation is there, defaults included, so
that an operation says exactly what is computed.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Shape: TypeAlias = tuple[int, ...]


class DataKind(StrEnum):
    """How a data node gets its numbers."""

    EXTERNAL = "external"
    CONSTANT = "constant"
    VARIABLE = "variable"
    REGULAR = "regular"


@dataclass(frozen=True, slots=True)
class TensorRef:
    """A data node as an argument or a result."""

    name: str


Value: TypeAlias = "TensorRef | int | float | bool | str | tuple[Value, ...]"
"""An argument. A number where a tensor belongs is a constant of rank 0."""

Results: TypeAlias = "TensorRef | tuple[TensorRef, ...]"


@dataclass(frozen=True, slots=True)
class Tensor:
    """A data node: `dtype` is `scalar`, `integer`, `logical` or `string`."""

    name: str
    dtype: str
    shape: Shape
    kind: DataKind

    @property
    def volume(self) -> int:
        """The number of items."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation node: `arguments` and `results` by the names of its declaration, in its order.

    `dtype` is the type that a generic operation was called for.
    """

    name: str
    arguments: Mapping[str, Value]
    results: Mapping[str, Results]
    dtype: str | None = None

    def inputs(self) -> tuple[str, ...]:
        """The names of the data nodes that lead here."""
        return tuple(references(tuple(self.arguments.values())))

    def outputs(self) -> tuple[str, ...]:
        """The names of the data nodes that it leads to."""
        return tuple(references(tuple(self.results.values())))


@dataclass(frozen=True, slots=True)
class Graph:
    """A network: operations in an order in which each comes after those that it needs."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    operations: tuple[Operation, ...]
    tensors: Mapping[str, Tensor]

    def variables(self) -> Mapping[str, Operation]:
        """The operations that declare variables, by label."""
        found = (one for one in self.operations if one.name == DataKind.VARIABLE)
        return {str(one.arguments["label"]): one for one in found}

    def producer(self, name: str) -> Operation:
        """The operation that gives a data node. Raises KeyError."""
        for operation in self.operations:
            if name in operation.outputs():
                return operation
        raise KeyError(name)

    def consumers(self, name: str) -> tuple[Operation, ...]:
        """The operations that take a data node in."""
        return tuple(one for one in self.operations if name in one.inputs())

    @property
    def parameters(self) -> int:
        """Items of all variables."""
        return sum(one.volume for one in self.tensors.values() if one.kind is DataKind.VARIABLE)


def references(value: Value) -> Iterator[str]:
    """The names of the data nodes in an argument or a result."""
    match value:
        case TensorRef(name):
            yield name
        case tuple():
            for item in value:
                yield from references(item)
        case _:
            pass
