"""The values that a graph's or a fragment's body sees, and the names it wants for what it makes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from fivegms_codecs.nnef.errors import NameTaken, NameUnknown
from fivegms_codecs.nnef.graph import Value


@dataclass(frozen=True, slots=True)
class Wanted:
    """A name for a tensor that is about to be made; unless `exact`, only the begin of one."""

    name: str
    exact: bool


Hint: TypeAlias = "Wanted | tuple[Hint, ...] | None"
"""Names for what an expression gives, in the shape that it gives it in."""


@dataclass(slots=True)
class Scope:
    """One body's values. `dtype` is what `?` stands for in it."""

    prefix: str = ""
    dtype: str | None = None
    hints: Mapping[str, Hint] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)

    def look_up(self, name: str, line: int) -> Value:
        """The value of that name. Raises NameUnknown."""
        try:
            return self.values[name]
        except KeyError:
            raise NameUnknown(f"line {line}: {name!r} is not defined before it is used") from None

    def define(self, name: str, value: Value, line: int) -> None:
        """Give a value a name. Raises NameTaken."""
        if name in self.values:
            raise NameTaken(f"line {line}: {name!r} is defined already")
        self.values[name] = value

    def hint(self, name: str) -> Hint:
        """What a tensor that is assigned to that name shall be called in the graph."""
        return self.hints.get(name, Wanted(f"{self.prefix}{name}", exact=False))

    def inner(self) -> "Scope":
        """A scope that sees the same and defines names of its own."""
        return Scope(self.prefix, self.dtype, self.hints, dict(self.values))
