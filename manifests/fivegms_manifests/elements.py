"""One element of an untrusted MPD, read value by value.

An `Element` knows where it stands, so that every refusal names the element it is about, and turns
each attribute into a bounded value or a named error.
"""

import math
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from lxml import etree

from fivegms_manifests.errors import (
    DuplicateElement,
    DuplicateId,
    InvalidValue,
    MissingAttribute,
    MissingElement,
)

T = TypeVar("T")

MAX_TEXT_CHARACTERS = 64 * 1024
MAX_SIZE = 2**40 - 1

_INTEGER = re.compile(r"0|[1-9][0-9]{0,18}")
# XML Schema's double without its names; Python's float also takes `1_0` and digits of any script.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_SPACES = re.compile(r"[ \t\r\n]+")  # XML's, where Python's split knows more
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._+:/-]{0,127}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Element:
    """An element and a name for it in messages (`AdaptationSet 1 / Representation fp32`)."""

    node: etree._Element
    where: str

    def children(self, tag: str) -> Iterator["Element"]:
        """Child elements of a qualified name, in order."""
        name = etree.QName(tag).localname
        for node in self.node.iterchildren(tag):
            label = (node.get("id") or node.get("name") or "")[:64]
            here = f"{name} {label}" if label and label.isprintable() else name
            yield Element(node, f"{self.where} / {here}")

    def maybe(self, tag: str) -> "Element | None":
        """The child of that name, or None. Raises DuplicateElement."""
        found = list(self.children(tag))
        if len(found) > 1:
            raise DuplicateElement(f"{self.where}: {len(found)} {_short(tag)} where one belongs")
        return found[0] if found else None

    def child(self, tag: str) -> "Element":
        """The child of that name. Raises MissingElement and DuplicateElement."""
        found = self.maybe(tag)
        if found is None:
            raise MissingElement(f"{self.where}: {_short(tag)} is missing")
        return found

    def described(self, descriptor: str, scheme: str, tag: str) -> "Element":
        """The `tag` inside the one `descriptor` child of that scheme. Raises as `child` does."""
        found = [
            child for child in self.children(descriptor) if child.node.get("schemeIdUri") == scheme
        ]
        if not found:
            raise MissingElement(f"{self.where}: {_short(descriptor)} {scheme} is missing")
        if len(found) > 1:
            raise DuplicateElement(f"{self.where}: {_short(descriptor)} {scheme} is repeated")
        return Element(found[0].child(tag).node, f"{self.where} / {_short(tag)}")

    def has(self, name: str) -> bool:
        """Whether the attribute is there."""
        return self.node.get(name) is not None

    def text(self, name: str) -> str:
        """An attribute as it is. Raises MissingAttribute and InvalidValue (too long)."""
        value = self.node.get(name)
        if value is None:
            raise MissingAttribute(f"{self.where}: @{_short(name)} is missing")
        return self._bounded(value, name)

    def content(self) -> str:
        """The element's own text. Raises InvalidValue for child elements or too much text."""
        if len(self.node):
            raise InvalidValue(f"{self.where}: has elements where text belongs")
        return self._bounded(self.node.text or "", "text")

    def label(self, name: str) -> str:
        """An attribute of at least one character. Raises MissingAttribute and InvalidValue."""
        value = self.text(name)
        if not value:
            raise InvalidValue(f"{self.where}: @{_short(name)} is empty")
        return value

    def pattern(self, name: str, pattern: re.Pattern[str]) -> str:
        """An attribute that fully matches. Raises MissingAttribute and InvalidValue."""
        return self._match(name, self.text(name), pattern)

    def choice(self, name: str, values: Collection[str]) -> str:
        """An attribute that is one of `values`. Raises MissingAttribute and InvalidValue."""
        value = self.text(name)
        if value not in values:
            allowed = ", ".join(values)
            raise InvalidValue(f"{self.where}: @{_short(name)} {value[:64]!r} is not of {allowed}")
        return value

    def boolean(self, name: str) -> bool:
        """`true` or `false`. Raises MissingAttribute and InvalidValue."""
        return self.choice(name, ("true", "false")) == "true"

    def maybe_boolean(self, name: str) -> bool | None:
        """As `boolean`, None where the attribute is absent."""
        return self.boolean(name) if self.has(name) else None

    def token(self, name: str) -> str:
        """A short name without spaces. Raises MissingAttribute and InvalidValue."""
        return self.pattern(name, _TOKEN)

    def maybe_token(self, name: str) -> str | None:
        """As `token`, None where the attribute is absent."""
        return self.token(name) if self.has(name) else None

    def tokens(self, name: str) -> tuple[str, ...]:
        """Space-separated short names, none where the attribute is absent. Raises InvalidValue."""
        text = self._bounded(self.node.get(name, ""), name)
        return tuple(self._match(name, value, _TOKEN) for value in _words(text))

    def digest(self, name: str) -> str:
        """A SHA-256 in lower-case hex. Raises MissingAttribute and InvalidValue."""
        return self.pattern(name, _DIGEST)

    def maybe_digest(self, name: str) -> str | None:
        """As `digest`, None where the attribute is absent."""
        return self.digest(name) if self.has(name) else None

    def integer(self, name: str, *, low: int = 0, high: int = MAX_SIZE) -> int:
        """A decimal integer in [low, high]. Raises MissingAttribute and InvalidValue."""
        value = int(self.pattern(name, _INTEGER))
        if not low <= value <= high:
            raise InvalidValue(f"{self.where}: @{_short(name)} {value} is not in [{low}, {high}]")
        return value

    def maybe_integer(self, name: str, *, high: int = MAX_SIZE) -> int | None:
        """As `integer`, None where the attribute is absent."""
        return self.integer(name, high=high) if self.has(name) else None

    def number(self, name: str) -> float:
        """A finite decimal number. Raises MissingAttribute and InvalidValue."""
        return self._finite(name, self.text(name))

    def maybe_number(self, name: str) -> float | None:
        """As `number`, None where the attribute is absent."""
        return self.number(name) if self.has(name) else None

    def numbers(self, name: str) -> tuple[float, ...]:
        """Space-separated finite numbers. Raises MissingAttribute and InvalidValue."""
        return tuple(self._finite(name, value) for value in _words(self.text(name)))

    def _finite(self, name: str, text: str) -> float:
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not math.isfinite(value):
            raise InvalidValue(f"{self.where}: @{_short(name)} {text[:64]!r} is no finite number")
        return value

    def _match(self, name: str, value: str, pattern: re.Pattern[str]) -> str:
        if not pattern.fullmatch(value):
            raise InvalidValue(f"{self.where}: @{_short(name)} {value[:64]!r} is not valid")
        return value

    def _bounded(self, value: str, name: str) -> str:
        if len(value) > MAX_TEXT_CHARACTERS:
            raise InvalidValue(f"{self.where}: {_short(name)} has {len(value)} characters")
        return value


def nonempty(parent: Element, name: str, found: Iterable[T]) -> tuple[T, ...]:
    """What was found of a child that must be there. Raises MissingElement."""
    values = tuple(found)
    if not values:
        raise MissingElement(f"{parent.where}: {name} is missing")
    return values


def unique(where: str, ids: Iterable[object]) -> None:
    """Let every id be there once. Raises DuplicateId."""
    seen: set[object] = set()
    for identity in ids:
        if identity in seen:
            raise DuplicateId(f"{where}: {identity!r} is there twice")
        seen.add(identity)


def _words(text: str) -> list[str]:
    return [word for word in _SPACES.split(text) if word]


def _short(tag: str) -> str:
    return etree.QName(tag).localname
