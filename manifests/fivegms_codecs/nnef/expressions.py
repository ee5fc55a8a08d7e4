"""The grammar of expressions, by recursive descent (NNEF 1.0, "Syntax").

Flat documents have literals, names, arrays and tuples of them, and calls on the right of an
assignment. Anything else needs the extension for operator expressions, without which it is refused.
"""

from fivegms_codecs.nnef.errors import ExtensionMissing, SyntaxInvalid, TooLarge
from fivegms_codecs.nnef.lexer import Kind
from fivegms_codecs.nnef.syntax import (
    PRIMITIVE_TYPES,
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
from fivegms_codecs.nnef.token_stream import TokenStream

OPERATOR_EXPRESSIONS = "KHR_enable_operator_expressions"

_PRECEDENCE = {
    "in": 1,
    **dict.fromkeys(("&&", "||"), 2),
    **dict.fromkeys(("<", ">", "<=", ">=", "==", "!="), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/"), 5),
    "^": 6,
}
_BUILTINS = ("length_of", "shape_of", "range_of")
_MAX_INTEGER = 2**63 - 1


class ExpressionParser:
    """Expressions from a stream of tokens.

    `operators` says whether operator expressions are allowed, `max_nesting` how deep expressions
    may lie in one another.
    """

    def __init__(self, stream: TokenStream, max_nesting: int, *, operators: bool) -> None:
        self._stream = stream
        self._max_nesting = max_nesting
        self._operators = operators
        self._depth = 0

    def right_hand_side(self) -> Expression:
        """What an assignment assigns: a call may stand here in a flat document too."""
        return self._expression(call_allowed=True)

    def expression(self) -> Expression:
        """Any expression but, in a flat document, a call."""
        return self._expression(call_allowed=self._operators)

    def target(self) -> Expression:
        """What an assignment assigns to. Names with commas between are a tuple."""
        first = self._target()
        if not self._stream.at(","):
            return first
        items = [first]
        while self._stream.skip(","):
            items.append(self._target())
        return Tuple(tuple(items))

    def _target(self) -> Expression:
        self._enter()
        expression: Expression
        if self._stream.skip("["):
            expression = Array(self._stream.separated(self._target, "]"))
        elif self._stream.skip("("):
            expression = Tuple(self._stream.separated(self._target, ")"))
        else:
            line = self._stream.line
            expression = Name(self._stream.identifier(), line)
        self._depth -= 1
        return expression

    def _expression(self, *, call_allowed: bool) -> Expression:
        self._enter()
        found = self._binary(1, call_allowed=call_allowed)
        if self._stream.at("if"):
            line = self._operator("if")
            condition = self._binary(1, call_allowed=True)
            self._stream.expect("else")
            found = Conditional(condition, found, self._expression(call_allowed=True), line)
        self._depth -= 1
        return found

    def _binary(self, lowest: int, *, call_allowed: bool) -> Expression:
        left = self._unary(call_allowed=call_allowed)
        links = 0
        while self._stream.at(*_PRECEDENCE):
            links = self._linked(links)
            precedence = _PRECEDENCE[self._stream.current.text]
            if precedence < lowest:
                break
            symbol = self._stream.current.text
            line = self._operator(symbol)
            left = Binary(symbol, left, self._binary(precedence + 1, call_allowed=True), line)
        return left

    def _unary(self, *, call_allowed: bool) -> Expression:
        if not self._stream.at("-", "+", "!"):
            return self._subscripted(call_allowed=call_allowed)
        line = self._stream.line
        symbol = self._stream.take().text
        self._enter()
        operand = self._unary(call_allowed=call_allowed)
        self._depth -= 1
        if symbol == "-" and isinstance(operand, Literal):
            return Literal(-_number(operand, line))
        self._need_operators(repr(symbol), line)
        return Unary(symbol, operand, line)

    def _subscripted(self, *, call_allowed: bool) -> Expression:
        found = self._primary(call_allowed=call_allowed)
        links = 0
        while self._stream.at("["):
            links = self._linked(links)
            line = self._operator("[")
            found = self._subscript(found, line)
        return found

    def _subscript(self, sequence: Expression, line: int) -> Expression:
        begin = None if self._stream.at(":") else self.expression()
        if not self._stream.skip(":"):
            self._stream.expect("]")
            if begin is None:
                raise SyntaxInvalid(f"line {line}: a subscript is empty")
            return Subscript(sequence, begin, line)
        end = None if self._stream.at("]") else self.expression()
        self._stream.expect("]")
        return Range(sequence, begin, end, line)

    def _primary(self, *, call_allowed: bool) -> Expression:
        stream = self._stream
        if stream.at_kind(Kind.INTEGER, Kind.SCALAR, Kind.STRING) or stream.at("true", "false"):
            return self._literal()
        if stream.skip("["):
            return self._array()
        if stream.skip("("):
            return self._parenthesised()
        if stream.at(*_BUILTINS, *PRIMITIVE_TYPES):
            line = stream.line
            name = stream.take().text
            self._need_operators(name, line)
            return self._call(name, line)
        return self._name_or_call(call_allowed=call_allowed)

    def _literal(self) -> Literal:
        token = self._stream.take()
        match token.kind:
            case Kind.INTEGER:
                value = int(token.text)
                if value > _MAX_INTEGER:
                    raise SyntaxInvalid(f"line {token.line}: {value} needs more than 64 bits")
                return Literal(value)
            case Kind.SCALAR:
                return Literal(float(token.text))
            case Kind.STRING:
                return Literal(token.text)
            case _:
                return Literal(token.text == "true")

    def _array(self) -> Expression:
        if self._stream.at("for"):
            return self._comprehension()
        return Array(self._stream.separated(self.expression, "]"))

    def _comprehension(self) -> Comprehension:
        line = self._operator("for")
        loops = [self._loop()]
        while self._stream.skip(","):
            loops.append(self._loop())
        condition = self.expression() if self._stream.skip("if") else None
        self._stream.expect("yield")
        item = self.expression()
        self._stream.expect("]")
        return Comprehension(tuple(loops), condition, item, line)

    def _loop(self) -> tuple[str, Expression]:
        variable = self._stream.identifier()
        self._stream.expect("in")
        return variable, self._binary(2, call_allowed=True)

    def _parenthesised(self) -> Expression:
        items = self._stream.separated(self.expression, ")")
        if len(items) == 1:
            self._need_operators("an expression in parentheses", self._stream.line)
            return items[0]
        return Tuple(items)

    def _name_or_call(self, *, call_allowed: bool) -> Expression:
        line = self._stream.line
        name = self._stream.identifier()
        if not self._stream.at("(", "<") or (self._stream.at("<") and not call_allowed):
            return Name(name, line)
        if self._stream.at("<") and not self._types_a_call():
            return Name(name, line)
        if not call_allowed:
            self._need_operators("a call inside an expression", line)
        return self._call(name, line)

    def _types_a_call(self) -> bool:
        """Whether `<` begins `<scalar>` rather than a comparison: then a type is next."""
        return self._stream.following_is(*PRIMITIVE_TYPES, "?")

    def _call(self, name: str, line: int) -> Call:
        dtype = None
        if self._stream.skip("<"):
            dtype = self._stream.take().text
            self._stream.expect(">")
        self._stream.expect("(")
        arguments = self._stream.separated(self._argument, ")")
        positional = tuple(value for key, value in arguments if key is None)
        named = tuple((key, value) for key, value in arguments if key is not None)
        if any(key is None for key, _ in arguments[len(positional) :]):
            raise SyntaxInvalid(f"line {line}: {name} has an unnamed argument after a named one")
        return Call(name, dtype, positional, named, line)

    def _argument(self) -> tuple[str | None, Expression]:
        if self._stream.at_kind(Kind.IDENTIFIER) and self._stream.following_is("="):
            key = self._stream.identifier()
            self._stream.expect("=")
            return key, self.expression()
        return None, self.expression()

    def _operator(self, symbol: str) -> int:
        """Take what needs the extension, and give its line."""
        line = self._stream.line
        self._need_operators(repr(symbol), line)
        self._stream.take()
        return line

    def _need_operators(self, what: str, line: int) -> None:
        if not self._operators:
            raise ExtensionMissing(f"line {line}: {what} needs 'extension {OPERATOR_EXPRESSIONS};'")

    def _enter(self) -> None:
        self._depth += 1
        self._bound(self._depth)

    def _linked(self, links: int) -> int:
        """A chain `a + b + c` is read in a loop, but lies as deep as it is long."""
        self._bound(links)
        return links + 1

    def _bound(self, depth: int) -> None:
        if depth > self._max_nesting:
            raise TooLarge(
                f"line {self._stream.line}: expressions are nested deeper than {self._max_nesting}"
            )


def _number(literal: Literal, line: int) -> int | float:
    if isinstance(literal.value, bool | str):
        raise SyntaxInvalid(f"line {line}: {literal.value!r} cannot be negative")
    return literal.value
