"""The grammar of documents and of quantisation files, by recursive descent (NNEF 1.0, "Syntax").

A name is not looked up and a type not checked here: `elaboration` does both.
"""

from collections.abc import Mapping

from fivegms_codecs.nnef.errors import (
    ExtensionMissing,
    ExtensionUnknown,
    NameTaken,
    QuantisationInvalid,
    VersionUnknown,
)
from fivegms_codecs.nnef.expressions import OPERATOR_EXPRESSIONS, ExpressionParser
from fivegms_codecs.nnef.lexer import Kind, tokens
from fivegms_codecs.nnef.limits import DEFAULT_LIMITS, NnefLimits
from fivegms_codecs.nnef.syntax import (
    GENERIC,
    PRIMITIVE_TYPES,
    ArrayOf,
    Assignment,
    Call,
    Document,
    Expression,
    Fragment,
    GraphDefinition,
    Parameter,
    Primitive,
    Result,
    TensorOf,
    TupleOf,
    Type,
)
from fivegms_codecs.nnef.token_stream import TokenStream

VERSION = "1.0"
FRAGMENT_DEFINITIONS = "KHR_enable_fragment_definitions"
EXTENSIONS = (FRAGMENT_DEFINITIONS, OPERATOR_EXPRESSIONS)


def parse_document(text: str | bytes, limits: NnefLimits = DEFAULT_LIMITS) -> Document:
    """A structure file.

    Raises SyntaxInvalid, VersionUnknown, ExtensionUnknown, ExtensionMissing, NameTaken, TooLarge.
    """
    stream = TokenStream(tokens(text, limits))
    _read_version(stream)
    extensions = _read_extensions(stream)
    parser = _Parser(stream, limits.max_nesting, extensions)
    fragments = parser.fragments()
    document = Document(extensions, fragments, parser.graph())
    if not stream.at_kind(Kind.END):
        stream.fail("the end of the text")
    return document


def parse_fragments(text: str | bytes, limits: NnefLimits = DEFAULT_LIMITS) -> tuple[Fragment, ...]:
    """Declarations of operations alone, as the standard's own are kept (`standard.nnef`)."""
    stream = TokenStream(tokens(text, limits))
    fragments = _Parser(stream, limits.max_nesting, EXTENSIONS).fragments()
    if not stream.at_kind(Kind.END):
        stream.fail("the end of the text")
    return fragments


def parse_quantisation(
    text: str | bytes, limits: NnefLimits = DEFAULT_LIMITS
) -> Mapping[str, Call]:
    """A quantisation file: by tensor, the call of the operation that says how it is quantised.

    Raises SyntaxInvalid, QuantisationInvalid and TooLarge.
    """
    stream = TokenStream(tokens(text, limits))
    parser = ExpressionParser(stream, limits.max_nesting, operators=False)
    entries: dict[str, Call] = {}
    while not stream.at_kind(Kind.END):
        line = stream.line
        tensor = stream.string()
        stream.expect(":")
        call = parser.right_hand_side()
        stream.expect(";")
        if not isinstance(call, Call):
            raise QuantisationInvalid(f"line {line}: {tensor!r} is given no operation")
        if tensor in entries:
            raise QuantisationInvalid(f"line {line}: {tensor!r} has two entries")
        entries[tensor] = call
    return entries


def _read_version(stream: TokenStream) -> None:
    stream.expect("version")
    if not stream.at_kind(Kind.SCALAR):
        stream.fail("a version number")
    version = stream.take().text
    if version != VERSION:
        raise VersionUnknown(f"NNEF {version}; this reader knows {VERSION}")
    stream.expect(";")


def _read_extensions(stream: TokenStream) -> tuple[str, ...]:
    extensions: list[str] = []
    while stream.skip("extension"):
        for name in (stream.identifier(), *_further(stream)):
            if name not in EXTENSIONS:
                raise ExtensionUnknown(f"extension {name}; this reader knows {list(EXTENSIONS)}")
            extensions.append(name)
        stream.expect(";")
    return tuple(extensions)


def _further(stream: TokenStream) -> list[str]:
    names = []
    while stream.skip(","):
        names.append(stream.identifier())
    return names


class _Parser:
    """Declarations, from a stream that is past the extensions."""

    def __init__(self, stream: TokenStream, max_nesting: int, extensions: tuple[str, ...]) -> None:
        self._stream = stream
        self._expressions = ExpressionParser(
            stream, max_nesting, operators=OPERATOR_EXPRESSIONS in extensions
        )
        self._fragments_allowed = FRAGMENT_DEFINITIONS in extensions

    def fragments(self) -> tuple[Fragment, ...]:
        found: dict[str, Fragment] = {}
        while self._stream.at("fragment"):
            if not self._fragments_allowed:
                raise ExtensionMissing(
                    f"line {self._stream.line}: a fragment needs "
                    f"'extension {FRAGMENT_DEFINITIONS};'"
                )
            fragment = self._fragment()
            if fragment.name in found:
                raise NameTaken(f"line {fragment.line}: fragment {fragment.name} exists already")
            found[fragment.name] = fragment
        return tuple(found.values())

    def graph(self) -> GraphDefinition:
        stream = self._stream
        stream.expect("graph")
        name = stream.identifier()
        stream.expect("(")
        inputs = stream.separated(stream.identifier, ")")
        stream.expect("->")
        stream.expect("(")
        outputs = stream.separated(stream.identifier, ")")
        _refuse_twins(f"graph {name}", inputs)
        _refuse_twins(f"graph {name}", outputs)
        return GraphDefinition(name, inputs, outputs, self._body())

    def _fragment(self) -> Fragment:
        stream = self._stream
        line = stream.line
        stream.expect("fragment")
        name = stream.identifier()
        generic, default_type = self._genericity()
        stream.expect("(")
        parameters = stream.separated(self._parameter, ")")
        stream.expect("->")
        stream.expect("(")
        results = stream.separated(self._result, ")")
        _refuse_twins(
            f"fragment {name}", [*(one.name for one in parameters), *(one.name for one in results)]
        )
        body = None if stream.skip(";") else self._body()
        return Fragment(name, generic, default_type, parameters, results, body, line)

    def _genericity(self) -> tuple[bool, str | None]:
        if not self._stream.skip("<"):
            return False, None
        self._stream.expect("?")
        default_type = self._primitive_type() if self._stream.skip("=") else None
        self._stream.expect(">")
        return True, default_type

    def _parameter(self) -> Parameter:
        result = self._result()
        default = self._expressions.expression() if self._stream.skip("=") else None
        return Parameter(result.name, result.type, default)

    def _result(self) -> Result:
        name = self._stream.identifier()
        self._stream.expect(":")
        return Result(name, self._type())

    def _type(self, *, inside: bool = False) -> Type:
        found: Type
        if self._stream.at("(") and not inside:
            self._stream.expect("(")
            found = TupleOf(self._stream.separated(lambda: self._type(inside=True), ")"))
        elif self._stream.skip("tensor"):
            self._stream.expect("<")
            found = TensorOf(None if self._stream.at(">") else self._primitive_type())
            self._stream.expect(">")
        else:
            found = Primitive(self._primitive_type())
        if self._stream.skip("["):
            self._stream.expect("]")
            found = ArrayOf(found)
        return found

    def _primitive_type(self) -> str:
        if not self._stream.at(*PRIMITIVE_TYPES, GENERIC):
            self._stream.fail("a type")
        return self._stream.take().text

    def _body(self) -> tuple[Assignment, ...]:
        self._stream.expect("{")
        assignments = []
        while not self._stream.skip("}"):
            assignments.append(self._assignment())
        return tuple(assignments)

    def _assignment(self) -> Assignment:
        line = self._stream.line
        target: Expression = self._expressions.target()
        self._stream.expect("=")
        value = self._expressions.right_hand_side()
        self._stream.expect(";")
        return Assignment(target, value, line)


def _refuse_twins(where: str, names: tuple[str, ...] | list[str]) -> None:
    known: set[str] = set()
    for name in names:
        if name in known:
            raise NameTaken(f"{where} has two things called {name}")
        known.add(name)
