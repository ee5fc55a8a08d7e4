"""Reading tokens one by one: what the parsers of documents and of expressions stand on."""

from collections.abc import Callable, Iterable
from typing import NoReturn, TypeVar

from fivegms_codecs.nnef.errors import SyntaxInvalid
from fivegms_codecs.nnef.lexer import Kind, Token

Item = TypeVar("Item")


class TokenStream:
    """Tokens with one of look-ahead. Every method raises SyntaxInvalid where it cannot go on."""

    def __init__(self, source: Iterable[Token]) -> None:
        self._source = iter(source)
        self.current = next(self._source)
        self._next = next(self._source, self.current)

    @property
    def line(self) -> int:
        """The line that the next token is on."""
        return self.current.line

    def at(self, *texts: str) -> bool:
        """Whether the next token is one of these keywords or symbols."""
        return self.current.kind in (Kind.KEYWORD, Kind.SYMBOL) and self.current.text in texts

    def following_is(self, *texts: str) -> bool:
        """Whether the token after the next one is one of these keywords or symbols."""
        return self._next.kind in (Kind.KEYWORD, Kind.SYMBOL) and self._next.text in texts

    def at_kind(self, *kinds: Kind) -> bool:
        """Whether the next token is of one of these kinds."""
        return self.current.kind in kinds

    def take(self) -> Token:
        """The next token."""
        token = self.current
        if token.kind is not Kind.END:
            self.current = self._next
            self._next = next(self._source, self.current)
        return token

    def skip(self, text: str) -> bool:
        """Take this keyword or symbol if it is next, and say whether it was."""
        found = self.at(text)
        if found:
            self.take()
        return found

    def expect(self, text: str) -> None:
        """Take this keyword or symbol."""
        if not self.skip(text):
            self.fail(f"{text!r}")

    def identifier(self) -> str:
        """Take an identifier."""
        if not self.at_kind(Kind.IDENTIFIER):
            self.fail("an identifier")
        return self.take().text

    def string(self) -> str:
        """Take a string."""
        if not self.at_kind(Kind.STRING):
            self.fail("a string")
        return self.take().text

    def separated(self, item: Callable[[], Item], closing: str) -> tuple[Item, ...]:
        """Items with commas between, none or more, up to the closing symbol, which is taken."""
        items: list[Item] = []
        while not self.at(closing):
            if items:
                self.expect(",")
            items.append(item())
        self.expect(closing)
        return tuple(items)

    def fail(self, wanted: str) -> NoReturn:
        """Refuse the next token."""
        found = repr(self.current.text) if self.current.text else self.current.kind.value
        raise SyntaxInvalid(f"line {self.line}: {wanted} belongs where {found} is")
