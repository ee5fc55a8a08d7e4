"""Arguments to the parameters that they are for, each checked against its declared type."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat

from fivegms_codecs.nnef.errors import ArgumentInvalid
from fivegms_codecs.nnef.graph import Tensor, TensorRef, Value
from fivegms_codecs.nnef.syntax import (
    GENERIC,
    ArrayOf,
    Expression,
    Fragment,
    Parameter,
    Primitive,
    TensorOf,
    TupleOf,
    Type,
)

Tensors = Mapping[str, Tensor]


def bind(
    fragment: Fragment,
    positional: Sequence[Value],
    named: Mapping[str, Value],
    default: Callable[[Expression], Value],
) -> dict[str, Value]:
    """A value for every parameter, in the order of the declaration. Raises ArgumentInvalid."""
    names = [parameter.name for parameter in fragment.parameters]
    if len(positional) > len(names):
        raise ArgumentInvalid(f"{fragment.name} takes {len(names)} arguments, not so many")
    given = dict(zip(names, positional, strict=False))
    for name, value in named.items():
        if name not in names or name in given:
            fault = "given twice" if name in given else "no parameter of it"
            raise ArgumentInvalid(f"{fragment.name}: {name!r} is {fault}")
        given[name] = value
    return {
        one.name: _given_or_default(fragment, one, given, default) for one in fragment.parameters
    }


def _given_or_default(
    fragment: Fragment,
    parameter: Parameter,
    given: Mapping[str, Value],
    default: Callable[[Expression], Value],
) -> Value:
    if parameter.name in given:
        return given[parameter.name]
    if parameter.default is None:
        raise ArgumentInvalid(f"{fragment.name}: {parameter.name!r} is missing")
    return default(parameter.default)


def generic_type(
    fragment: Fragment, explicit: str | None, values: Mapping[str, Value], tensors: Tensors
) -> str | None:
    """What `?` stands for in a call: what it says, the default, or what its arguments are.

    None for a fragment that is not generic. Raises ArgumentInvalid.
    """
    if not fragment.generic:
        if explicit is not None:
            raise ArgumentInvalid(f"{fragment.name} is not generic")
        return None
    if explicit is not None:
        return explicit
    if fragment.default_type is not None:
        return fragment.default_type
    for parameter in fragment.parameters:
        for value in _generic_values(parameter.type, values[parameter.name]):
            return _type_of(value, tensors)
    raise ArgumentInvalid(f"{fragment.name}: its type is not known; write {fragment.name}<...>")


def conform(value: Value, wanted: Type, dtype: str | None, tensors: Tensors) -> "Value | None":
    """The value as the type has it, or None if it is not of that type.

    `dtype` is what `?` stands for. An integer goes where a scalar belongs, and a number or a
    truth value where a tensor of rank 0 does.
    """
    match wanted:
        case Primitive(name):
            return _conform_primitive(value, _resolved(name, dtype))
        case TensorOf(name):
            return _conform_tensor(value, _resolved(name, dtype), tensors)
        case ArrayOf(item):
            if not isinstance(value, tuple):
                return None
            return _conform_all(value, repeat(item), dtype, tensors)
        case TupleOf(items):
            if not isinstance(value, tuple) or len(value) != len(items):
                return None
            return _conform_all(value, items, dtype, tensors)


def _conform_all(
    values: tuple[Value, ...], types: Iterable[Type], dtype: str | None, tensors: Tensors
) -> "Value | None":
    items: list[Value] = []
    for value, wanted in zip(values, types, strict=False):
        found = conform(value, wanted, dtype, tensors)
        if found is None:
            return None
        items.append(found)
    return tuple(items)


def _conform_primitive(value: Value, dtype: str | None) -> "Value | None":
    match dtype, value:
        case ("logical", bool()) | ("string", str()):
            return value
        case (_, bool()):
            return value if dtype is None else None
        case ("integer", int()) | ("scalar", float()):
            return value
        case ("scalar", int()):
            return float(value)
        case (None, int() | float() | str()):
            return value
        case _:
            return None


def _conform_tensor(value: Value, dtype: str | None, tensors: Tensors) -> "Value | None":
    if not isinstance(value, TensorRef):
        return _conform_primitive(value, dtype)
    return value if dtype in (None, tensors[value.name].dtype) else None


def _resolved(name: str | None, dtype: str | None) -> str | None:
    return dtype if name == GENERIC else name


def _generic_values(wanted: Type, value: Value) -> Iterator[Value]:
    """The parts of an argument whose type decides what `?` stands for."""
    match wanted:
        case TensorOf("?") | Primitive("?"):
            yield value
        case ArrayOf(item) if isinstance(value, tuple):
            for one in value[:1]:
                yield from _generic_values(item, one)
        case _:
            pass


def _type_of(value: Value, tensors: Tensors) -> str:
    match value:
        case TensorRef(name):
            return tensors[name].dtype
        case bool():
            return "logical"
        case int():
            return "integer"
        case float():
            return "scalar"
        case str():
            return "string"
        case tuple():
            raise ArgumentInvalid("an array where one value belongs")
