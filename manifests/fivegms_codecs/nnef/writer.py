"""The one text of a graph: the same graph gives the same bytes, and reading them gives it back.

Tensors are passed by position and all else by name; what equals its default is left out.
"""

import math
import re
from collections.abc import Iterator, Mapping

from fivegms_codecs.nnef.errors import ArgumentInvalid, OperationUnknown
from fivegms_codecs.nnef.graph import Graph, Operation, TensorRef, Value
from fivegms_codecs.nnef.lexer import KEYWORDS
from fivegms_codecs.nnef.operations import standard
from fivegms_codecs.nnef.parser import VERSION
from fivegms_codecs.nnef.syntax import (
    GENERIC,
    Array,
    ArrayOf,
    Expression,
    Fragment,
    Literal,
    Parameter,
    TensorOf,
    Tuple,
    TupleOf,
    Type,
)

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def write_graph(graph: Graph) -> str:
    """The structure file of a graph.

    Raises ArgumentInvalid for what NNEF has no text for (a number that is not finite, a name that
    is no identifier), and OperationUnknown.
    """
    lines = [f"version {VERSION};", "", f"graph {_identifier(graph.name)}({_names(graph.inputs)})"]
    lines[-1] += f" -> ({_names(graph.outputs)})"
    body = (f"    {_assignment(operation)};" for operation in graph.operations)
    return "\n".join([*lines, "{", *body, "}", ""])


def is_identifier(text: str) -> bool:
    """Whether a data node or a graph can have that name."""
    return _IDENTIFIER.fullmatch(text) is not None and text not in KEYWORDS


def write_invocation(
    fragment: Fragment, arguments: Mapping[str, Value], dtype: str | None, skip: int = 0
) -> str:
    """A call of an operation; if the first `skip` arguments are left out, all others are named."""
    parameters = fragment.parameters[skip:]
    parts = ", ".join(_arguments(parameters, arguments, positional=not skip))
    return f"{fragment.name}{_type_argument(fragment, dtype)}({parts})"


def _assignment(operation: Operation) -> str:
    fragment = standard().get(operation.name)
    if fragment is None:
        raise OperationUnknown(f"NNEF has no operation {operation.name!r}")
    targets = ", ".join(_value(result, TensorOf(None)) for result in operation.results.values())
    return f"{targets} = {write_invocation(fragment, operation.arguments, operation.dtype)}"


def _type_argument(fragment: Fragment, dtype: str | None) -> str:
    """The type, where a reader cannot tell it from the arguments."""
    told = any(_mentions_generic(one.type) for one in fragment.parameters)
    if dtype is None or (told and fragment.default_type is None):
        return ""
    return f"<{dtype}>"


def _mentions_generic(wanted: Type) -> bool:
    match wanted:
        case TensorOf(dtype):
            return dtype == GENERIC
        case ArrayOf(item):
            return _mentions_generic(item)
        case _:
            return False


def _arguments(
    parameters: tuple[Parameter, ...], arguments: Mapping[str, Value], *, positional: bool
) -> Iterator[str]:
    for parameter in parameters:
        value = arguments[parameter.name]
        positional = positional and _is_tensor(parameter.type)
        if parameter.default is not None and value == _constant(parameter.default):
            positional = False
            continue
        text = _value(value, parameter.type)
        yield text if positional else f"{parameter.name} = {text}"


def _is_tensor(wanted: Type) -> bool:
    return isinstance(wanted, TensorOf) or (
        isinstance(wanted, ArrayOf) and isinstance(wanted.item, TensorOf)
    )


def _constant(expression: Expression) -> "Value | None":
    """The value of a default; those of the standard are literals and arrays of them."""
    match expression:
        case Literal(value):
            return value
        case Array(items) | Tuple(items):
            values = [_constant(item) for item in items]
            return tuple(value for value in values if value is not None)
        case _:
            return None


def _value(value: Value, wanted: Type) -> str:
    match value:
        case TensorRef(name):
            return _identifier(name)
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _number(value)
        case str():
            return _string(value)
        case tuple():
            return _sequence(value, wanted)


def _sequence(values: tuple[Value, ...], wanted: Type) -> str:
    if isinstance(wanted, TupleOf):
        items = zip(values, wanted.items, strict=True)
        return f"({', '.join(_value(one, item) for one, item in items)})"
    item = wanted.item if isinstance(wanted, ArrayOf) else wanted
    return f"[{', '.join(_value(one, item) for one in values)}]"


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ArgumentInvalid(f"NNEF has no text for {value}")
    return repr(value)


def _string(text: str) -> str:
    for quote in ("'", '"'):
        if quote not in text and "\n" not in text:
            return f"{quote}{text}{quote}"
    raise ArgumentInvalid(f"NNEF has no text for the string {text[:50]!r}")


def _identifier(name: str) -> str:
    if not is_identifier(name):
        raise ArgumentInvalid(f"{name[:50]!r} is no identifier of NNEF")
    return name


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(map(_identifier, names))
