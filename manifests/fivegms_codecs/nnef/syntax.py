"""An NNEF document as it is written: declarations, assignments and expressions.

What a document means, a graph of operations, is `graph`; `elaboration` leads from here to there.
Lines are kept for messages and do not count when documents are compared.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

GENERIC = "?"
"""The type that a call of a generic fragment decides."""

PRIMITIVE_TYPES = ("integer", "scalar", "logical", "string")


@dataclass(frozen=True, slots=True)
class Primitive:
    """`integer`, `scalar`, `logical`, `string` or `?`: a value known when the graph is read."""

    name: str


@dataclass(frozen=True, slots=True)
class TensorOf:
    """`tensor<scalar>`; `dtype` is None for `tensor<>`, a tensor of any type."""

    dtype: str | None


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """`item[]`."""

    item: "Type"


@dataclass(frozen=True, slots=True)
class TupleOf:
    """`(item, item)`."""

    items: tuple["Type", ...]


Type: TypeAlias = Primitive | TensorOf | ArrayOf | TupleOf


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a string, `true` or `false`. A string has no quotes and no escapes."""

    value: int | float | bool | str


@dataclass(frozen=True, slots=True)
class Name:
    """A value of the scope."""

    text: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Array:
    """`[a, b]`."""

    items: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Tuple:
    """`(a, b)`, or `a, b` before an assignment."""

    items: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x`, `+x` or `!x`."""

    operator: str
    operand: "Expression"
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """`x + y` and its like; also `x in array`."""

    operator: str
    left: "Expression"
    right: "Expression"
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Conditional:
    """`then if condition else otherwise`; the branch not taken is not evaluated."""

    condition: "Expression"
    then: "Expression"
    otherwise: "Expression"
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Subscript:
    """`sequence[begin]`."""

    sequence: "Expression"
    index: "Expression"
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Range:
    """`sequence[begin:end]`; a missing end of the range is None."""

    sequence: "Expression"
    begin: "Expression | None"
    end: "Expression | None"
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Comprehension:
    """`[for i in a, j in b if condition yield item]`; all iterables advance together."""

    loops: tuple[tuple[str, "Expression"], ...]
    condition: "Expression | None"
    item: "Expression"
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """An operation, a fragment, a builtin such as `length_of`, or a conversion such as `scalar`."""

    name: str
    dtype: str | None
    positional: tuple["Expression", ...]
    named: tuple[tuple[str, "Expression"], ...]
    line: int = field(default=0, compare=False)


Expression: TypeAlias = (
    Literal
    | Name
    | Array
    | Tuple
    | Unary
    | Binary
    | Conditional
    | Subscript
    | Range
    | Comprehension
    | Call
)


@dataclass(frozen=True, slots=True)
class Assignment:
    """`target = value;`, where the target is a name or an array or tuple of targets."""

    target: Expression
    value: Expression
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a fragment, and its default where it has one."""

    name: str
    type: Type
    default: Expression | None


@dataclass(frozen=True, slots=True)
class Result:
    """A result of a fragment."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Fragment:
    """An operation's declaration. A compound operation has a body, a primitive one None.

    `generic` says whether it is declared for any type `<?>`, `default_type` what that type is
    where neither the call nor its arguments tell.
    """

    name: str
    generic: bool
    default_type: str | None
    parameters: tuple[Parameter, ...]
    results: tuple[Result, ...]
    body: tuple[Assignment, ...] | None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class GraphDefinition:
    """`graph name(inputs) -> (outputs) { body }`."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    body: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A structure file (graph.nnef)."""

    extensions: tuple[str, ...]
    fragments: tuple[Fragment, ...]
    graph: GraphDefinition
