"""Expressions to values. Arithmetic on tensors becomes operations of the graph, all other is done.

Fragments and their defaults may compute with all that is known when the graph is read: numbers,
strings, arrays and shapes. What an expression may cost is bounded by steps, not by time.
"""

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from fivegms_codecs.nnef.errors import ArgumentInvalid, ShapeInvalid, TooLarge
from fivegms_codecs.nnef.graph import Shape, TensorRef, Value
from fivegms_codecs.nnef.limits import NnefLimits
from fivegms_codecs.nnef.scope import Hint, Scope
from fivegms_codecs.nnef.syntax import (
    Array,
    Binary,
    Call,
    Comprehension,
    Conditional,
    Expression,
    Literal,
    Name,
    Range,
    Subscript,
    Tuple,
    Unary,
)

_MAX_MAGNITUDE = 2**63
_MAX_EXPONENT = 64

Number = int | float

_TENSOR_UNARY = MappingProxyType({"-": "neg", "+": "copy", "!": "not"})
_TENSOR_BINARY = MappingProxyType(
    {
        "+": "add",
        "-": "sub",
        "*": "mul",
        "/": "div",
        "^": "pow",
        "<": "lt",
        ">": "gt",
        "<=": "le",
        ">=": "ge",
        "==": "eq",
        "!=": "ne",
        "&&": "and",
        "||": "or",
    }
)
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "<": operator.lt,
        ">": operator.gt,
        "<=": operator.le,
        ">=": operator.ge,
        "==": operator.eq,
        "!=": operator.ne,
    }
)


class Builder(Protocol):
    """What makes operations of calls and of arithmetic on tensors."""

    def call(self, call: Call, scope: Scope, hint: Hint) -> Value:
        """The results of an operation or a fragment; a tuple if there are several."""
        ...

    def operate(self, name: str, operands: tuple[Value, ...], hint: Hint) -> Value:
        """The result of a standard operation on tensors or numbers."""
        ...

    def shape(self, tensor: TensorRef) -> Shape:
        """A tensor's shape."""
        ...


class Evaluator:
    """Evaluates expressions for one graph, within its limits."""

    def __init__(self, builder: Builder, limits: NnefLimits) -> None:
        self._builder = builder
        self._limits = limits
        self._steps = 0
        self._depth = 0

    def evaluate(self, expression: Expression, scope: Scope, hint: Hint = None) -> Value:
        """The value of an expression. Raises a leaf of NnefError."""
        self._depth += 1
        if self._depth > self._limits.max_depth:
            raise TooLarge(f"more than {self._limits.max_depth} fragments and expressions deep")
        self._spend(1)
        value = self._evaluate(expression, scope, hint)
        self._depth -= 1
        return value

    def _evaluate(self, expression: Expression, scope: Scope, hint: Hint) -> Value:
        match expression:
            case Literal(value):
                return value
            case Name(text, line):
                return scope.look_up(text, line)
            case Array(items) | Tuple(items):
                return self._items(items, scope, hint)
            case Call():
                return self._call(expression, scope, hint)
            case Conditional(condition, then, otherwise, line):
                taken = then if self._truth(condition, scope, line) else otherwise
                return self.evaluate(taken, scope, hint)
            case Unary(symbol, operand, line):
                return self._unary(symbol, self.evaluate(operand, scope), line, hint)
            case Binary():
                return self._binary(expression, scope, hint)
            case Subscript() | Range():
                return self._part(expression, scope)
            case Comprehension():
                return self._comprehension(expression, scope)

    def _items(self, items: tuple[Expression, ...], scope: Scope, hint: Hint) -> Value:
        hints = (
            hint if isinstance(hint, tuple) and len(hint) == len(items) else (None,) * len(items)
        )
        return tuple(
            self.evaluate(item, scope, one) for item, one in zip(items, hints, strict=True)
        )

    def _call(self, call: Call, scope: Scope, hint: Hint) -> Value:
        function = _FUNCTIONS.get(call.name)
        if function is None:
            return self._builder.call(call, scope, hint)
        if len(call.positional) != 1 or call.named:
            raise ArgumentInvalid(f"line {call.line}: {call.name} takes one argument")
        argument = self.evaluate(call.positional[0], scope)
        if call.name == "shape_of":
            return self._shape_of(argument, call.line)
        try:
            result = function(argument)
        except (TypeError, ValueError, OverflowError):
            raise ArgumentInvalid(f"line {call.line}: {call.name} does not take that") from None
        if isinstance(result, range):
            self._spend(len(result))
            return tuple(result)
        return _bounded(result, call.line)

    def _shape_of(self, argument: Value, line: int) -> Value:
        if not isinstance(argument, TensorRef):
            raise ArgumentInvalid(f"line {line}: shape_of takes a tensor")
        return self._builder.shape(argument)

    def _truth(self, condition: Expression, scope: Scope, line: int) -> bool:
        value = self.evaluate(condition, scope)
        if not isinstance(value, bool):
            raise ArgumentInvalid(f"line {line}: a condition must be known to be true or false")
        return value

    def _unary(self, symbol: str, value: Value, line: int, hint: Hint) -> Value:
        if isinstance(value, TensorRef):
            return self._builder.operate(_TENSOR_UNARY[symbol], (value,), hint)
        if symbol == "!" and isinstance(value, bool):
            return not value
        if symbol != "!" and isinstance(value, Number) and not isinstance(value, bool):
            return -value if symbol == "-" else value
        raise ArgumentInvalid(f"line {line}: {symbol!r} does not take that")

    def _binary(self, binary: Binary, scope: Scope, hint: Hint) -> Value:
        left = self.evaluate(binary.left, scope)
        right = self.evaluate(binary.right, scope)
        symbol = binary.operator
        if symbol != "in" and (isinstance(left, TensorRef) or isinstance(right, TensorRef)):
            return self._builder.operate(_TENSOR_BINARY[symbol], (left, right), hint)
        try:
            result = self._combined(symbol, left, right)
        except (TypeError, ZeroDivisionError, OverflowError):
            raise ArgumentInvalid(f"line {binary.line}: {symbol!r} does not take that") from None
        return _bounded(result, binary.line)

    def _combined(self, symbol: str, left: Value, right: Value) -> Value:
        """Raises TypeError, ZeroDivisionError and OverflowError."""
        if isinstance(left, tuple) or isinstance(right, tuple):
            return self._sequence(symbol, left, right)
        if symbol in _COMPARISONS:
            return _COMPARISONS[symbol](left, right)
        if isinstance(left, bool) and isinstance(right, bool) and symbol in ("&&", "||"):
            return left and right if symbol == "&&" else left or right
        if symbol == "+" and isinstance(left, str) and isinstance(right, str):
            self._spend(len(left) + len(right))
            return left + right
        return _arithmetic(symbol, _number(left), _number(right))

    def _sequence(self, symbol: str, left: Value, right: Value) -> Value:
        """Concatenation, repetition and membership. Raises TypeError."""
        if symbol == "in" and isinstance(right, tuple) and not isinstance(left, tuple):
            self._spend(len(right))
            return left in right
        if symbol == "+" and isinstance(left, tuple) and isinstance(right, tuple):
            self._spend(len(left) + len(right))
            return left + right
        if symbol == "*" and isinstance(left, tuple) and type(right) is int:
            self._spend(len(left) * max(right, 0))
            return left * right
        raise TypeError(symbol)

    def _part(self, part: Subscript | Range, scope: Scope) -> Value:
        sequence = self.evaluate(part.sequence, scope)
        if not isinstance(sequence, tuple | str):
            raise ArgumentInvalid(f"line {part.line}: only arrays and strings have parts")
        if isinstance(part, Subscript):
            index = self._place(part.index, 0, scope, len(sequence) - 1, part.line)
            return sequence[index]
        begin = self._place(part.begin, 0, scope, len(sequence), part.line)
        end = self._place(part.end, len(sequence), scope, len(sequence), part.line)
        self._spend(len(sequence))
        return sequence[begin:end]

    def _place(
        self, expression: Expression | None, default: int, scope: Scope, last: int, line: int
    ) -> int:
        value = default if expression is None else self.evaluate(expression, scope)
        if type(value) is not int or not 0 <= value <= last:
            raise ArgumentInvalid(f"line {line}: {value!r} is no place in 0 to {last}")
        return value

    def _comprehension(self, comprehension: Comprehension, scope: Scope) -> Value:
        inner, line = scope.inner(), comprehension.line
        names = [name for name, _ in comprehension.loops]
        iterables = [self.evaluate(iterable, scope) for _, iterable in comprehension.loops]
        if any(not isinstance(iterable, tuple) for iterable in iterables):
            raise ArgumentInvalid(f"line {line}: a loop goes over arrays only")
        rows = [iterable for iterable in iterables if isinstance(iterable, tuple)]
        if len({len(row) for row in rows}) > 1:
            raise ShapeInvalid(f"line {line}: the arrays of a loop differ in length")
        items = []
        for row in zip(*rows, strict=True):
            inner.values.update(zip(names, row, strict=True))
            condition = comprehension.condition
            if condition is None or self._truth(condition, inner, line):
                items.append(self.evaluate(comprehension.item, inner))
        return tuple(items)

    def _spend(self, steps: int) -> None:
        self._steps += steps
        if self._steps > self._limits.max_steps:
            raise TooLarge(f"the graph takes more than {self._limits.max_steps} steps to read")


def _number(value: Value) -> Number:
    if isinstance(value, bool) or not isinstance(value, Number):
        raise TypeError(type(value))
    return value


def _arithmetic(symbol: str, left: Number, right: Number) -> Number:
    match symbol:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/" if isinstance(left, int) and isinstance(right, int):
            return left // right
        case "/":
            return left / right
        case "^":
            return _power(left, right)
        case _:
            raise TypeError(symbol)


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int):
        if not 0 <= exponent <= _MAX_EXPONENT:
            raise OverflowError
        return int(base**exponent)
    result = base**exponent
    if not isinstance(result, float):  # the root of a negative number is complex
        raise OverflowError
    return result


def _bounded(value: Value, line: int) -> Value:
    if type(value) is int and abs(value) >= _MAX_MAGNITUDE:
        raise ArgumentInvalid(f"line {line}: an integer of more than 64 bits")
    return value


def _length(value: Value) -> int:
    if not isinstance(value, tuple | str):
        raise TypeError(type(value))
    return len(value)


def _converted(to: Callable[[bool | int | float | str], Value]) -> Callable[[Value], Value]:
    def convert(value: Value) -> Value:
        if isinstance(value, tuple | TensorRef):
            raise TypeError(type(value))
        return to(value)

    return convert


_FUNCTIONS: Mapping[str, Callable[[Value], "Value | range"]] = MappingProxyType(
    {
        "length_of": _length,
        "range_of": lambda value: range(_length(value)),
        "shape_of": _length,
        "scalar": _converted(float),
        "integer": _converted(int),
        "logical": _converted(bool),
        "string": _converted(str),
    }
)
