"""Regular expressions that providers send: the syntax of RE2, matched in linear time.

TS 26.512 leaves the dialect of `requestPathPattern`, `urlPatternFilter`, `urlPattern` and purge
patterns open. RE2 knows what POSIX extended expressions and Perl share, without back-references and
look-around, so that no pattern can hold a server up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import re2

MAX_PATTERN_CHARACTERS = 1024
_MAX_PROGRAM_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ProviderPattern:
    """A pattern that compiled; it is looked for anywhere, `^` and `$` anchor it.

    >>> ProviderPattern.parse("[.]mpd$").found_in("a/b.mpd")
    True
    """

    text: str
    _program: Any

    @classmethod
    def parse(cls, text: str) -> "ProviderPattern":
        """Raises ValueError that says why `text` is no pattern."""
        if len(text) > MAX_PATTERN_CHARACTERS:
            raise ValueError(f"must have {MAX_PATTERN_CHARACTERS} characters at most")
        try:
            return cls(text, re2.compile(text, _options()))
        except (re2.error, UnicodeEncodeError) as error:
            raise ValueError(f"is no regular expression of RE2: {_reason(error)}") from error

    def found_in(self, text: str) -> bool:
        """Whether the pattern occurs in a text."""
        return self._program.search(text) is not None

    def replaced_in(self, text: str, replacement: str) -> str | None:
        """`text` with the first occurrence replaced, literally; None where there is none."""
        found = self._program.search(text)
        return None if found is None else text[: found.start()] + replacement + text[found.end() :]

    def among(self, texts: Iterable[str]) -> list[str]:
        """The texts in which the pattern occurs."""
        return [text for text in texts if self.found_in(text)]


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False  # its log is standard error, and the pattern is not ours
    options.max_mem = _MAX_PROGRAM_BYTES
    return options


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(error)
