"""NNEF text to tokens (NNEF 1.0, "Lexical entities")."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from fivegms_codecs.nnef.errors import SyntaxInvalid, TooLarge
from fivegms_codecs.nnef.limits import DEFAULT_LIMITS, NnefLimits
from fivegms_codecs.nnef.syntax import PRIMITIVE_TYPES


class Kind(StrEnum):
    """What a token is."""

    IDENTIFIER = "identifier"
    KEYWORD = "keyword"
    INTEGER = "integer"
    SCALAR = "number"
    STRING = "string"
    SYMBOL = "symbol"
    END = "end of the text"


KEYWORDS = frozenset(
    {
        *("version", "extension", "graph", "fragment", "tensor", *PRIMITIVE_TYPES),
        *("true", "false", "for", "in", "if", "else", "yield"),
        *("length_of", "shape_of", "range_of"),
    }
)

_TOKEN = re.compile(
    r"""
      (?P<blank>    [ \t\r\n\f\v]+ | \#[^\n]* )
    | (?P<word>     [A-Za-z_][A-Za-z0-9_]* )
    | (?P<scalar>   [0-9]+ (?: \.[0-9]* (?:[eE][+-]?[0-9]+)? | [eE][+-]?[0-9]+ ) )
    | (?P<integer>  [0-9]+ )
    | (?P<string>   '[^'\n]*' | "[^"\n]*" )
    | (?P<symbol>   -> | && | \|\| | <= | >= | == | != | [][(){}<>=:;,?!+*/^-] )
    """,
    re.VERBOSE,
)
_MAX_DIGITS = 19  # of an integer that 64 bits hold


@dataclass(frozen=True, slots=True)
class Token:
    """A token; a string's text has no quotes."""

    kind: Kind
    text: str
    line: int


def tokens(text: str | bytes, limits: NnefLimits = DEFAULT_LIMITS) -> Iterator[Token]:
    """The tokens of a text, the last of kind END. Raises TooLarge and SyntaxInvalid."""
    source = _decoded(text, limits)
    position, line = 0, 1
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            raise SyntaxInvalid(f"line {line}: {source[position]!r} begins no token of NNEF")
        if match.lastgroup != "blank":
            yield _token(str(match.lastgroup), match.group(), line)
        line += match.group().count("\n")
        position = match.end()
    yield Token(Kind.END, "", line)


def _decoded(text: str | bytes, limits: NnefLimits) -> str:
    if len(text) > limits.max_text_bytes:
        raise TooLarge(f"a text of {len(text)} bytes; the limit is {limits.max_text_bytes}")
    if isinstance(text, str):
        return text
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise SyntaxInvalid("the text is not UTF-8") from None


def _token(group: str, text: str, line: int) -> Token:
    match group:
        case "word":
            return Token(Kind.KEYWORD if text in KEYWORDS else Kind.IDENTIFIER, text, line)
        case "string":
            return Token(Kind.STRING, text[1:-1], line)
        case "integer" if len(text.lstrip("0")) > _MAX_DIGITS:
            raise SyntaxInvalid(f"line {line}: an integer of {len(text)} digits")
        case "integer":
            return Token(Kind.INTEGER, text, line)
        case "scalar":
            return Token(Kind.SCALAR, text, line)
        case _:
            return Token(Kind.SYMBOL, text, line)
