"""An operation's arguments as shape propagation sees them, and what its rules have in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeAlias

from fivegms_codecs.nnef.errors import ArgumentInvalid, ShapeInvalid, TooLarge
from fivegms_codecs.nnef.graph import Shape, TensorRef, Value

MAX_RESULTS = 2**16
"""The most tensors that one operation may give."""

ResultShape: TypeAlias = Shape | tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Arguments:
    """An operation's arguments, and the shapes of the tensors among them."""

    values: Mapping[str, Value]
    shapes: Mapping[str, Shape]

    def shape(self, name: str) -> Shape:
        """The shape of a tensor argument; a number has rank 0."""
        return self._shape(self.values[name])

    def shapes_of(self, name: str) -> tuple[Shape, ...]:
        """The shapes of an argument that is an array of tensors."""
        value = self.values[name]
        return tuple(self._shape(item) for item in value) if isinstance(value, tuple) else ()

    def get(self, name: str) -> Any:
        """An attribute, of the type that its declaration says."""
        return self.values[name]

    def _shape(self, value: Value) -> Shape:
        return self.shapes[value.name] if isinstance(value, TensorRef) else ()


def broadcast(*shapes: Shape) -> Shape:
    """The shape of an element-wise result. Raises ShapeInvalid."""
    extents = []
    for sizes in zip_longest(*shapes, fillvalue=1):
        wide = {size for size in sizes if size != 1}
        if len(wide) > 1:
            raise ShapeInvalid(f"{listed(shapes)} do not go together")
        extents.append(wide.pop() if wide else 1)
    return tuple(extents)


def axes_of(arguments: Arguments, rank: int) -> tuple[int, ...]:
    """The argument `axes`: different axes of that rank. Raises ArgumentInvalid."""
    axes: tuple[int, ...] = arguments.get("axes")
    if any(not 0 <= axis < rank for axis in axes) or len(set(axes)) != len(axes):
        raise ArgumentInvalid(f"'axes' {list(axes)} are not different axes of rank {rank}")
    return axes


def axis_of(arguments: Arguments, rank: int) -> int:
    """The argument `axis`: an axis of that rank. Raises ArgumentInvalid."""
    axis = int(arguments.get("axis"))
    if not 0 <= axis < rank:
        raise ArgumentInvalid(f"'axis' {axis} is no axis of rank {rank}")
    return axis


def listed(shapes: tuple[Shape, ...]) -> str:
    """Shapes for a message, the first few."""
    return " and ".join(str(list(shape)) for shape in shapes[:8])


Rule: TypeAlias = Callable[[Arguments], tuple[ResultShape, ...]]
"""From arguments to the shape of each result, in the order of the declaration."""


def copies(shape: Shape, times: int) -> tuple[Shape, ...]:
    """The shapes of that many results. Raises TooLarge."""
    if times > MAX_RESULTS:
        raise TooLarge(f"{times} results; the limit is {MAX_RESULTS}")
    return (shape,) * times
