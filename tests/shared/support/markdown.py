"""What the project's Markdown pages contain that a test can hold against the project itself."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile, groupby
from pathlib import Path

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)
_SETS_VARIABLE = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> "Page":
        """The page at `path`."""
        return cls(path, path.read_text(encoding="utf-8"))

    def code(self, language: str) -> list[str]:
        """The fenced blocks in `language`."""
        return [block for name, block in _FENCED.findall(self.text) if name == language]

    @property
    def links(self) -> list[str]:
        """Targets of the links in the prose, as written."""
        return _LINK.findall(_FENCED.sub("", self.text))

    @property
    def anchors(self) -> frozenset[str]:
        """The headings as a link names them: lower case, spaces to hyphens, punctuation dropped."""
        headings = _HEADING.findall(_FENCED.sub("", self.text))
        return frozenset(re.sub(r"[^\w\- ]", "", one).lower().replace(" ", "-") for one in headings)


def shell_commands(block: str) -> Iterator[list[str]]:
    """The simple commands of a shell block: program and arguments, without variables and pipes."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        for joined, command in groupby(words, key=lambda word: set(word) <= set("|&;()<>")):
            named = list(dropwhile(_SETS_VARIABLE.match, command))
            if named and not joined:
                yield named
