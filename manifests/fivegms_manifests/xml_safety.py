"""XML of unknown origin, parsed within limits.

Limits hold while parsing, not after it: the document is fed in pieces, elements and depth are
counted as they open, and a tag or text that outgrows its limit is refused before libxml2 has built
it. Document types are refused, so no entity can expand, and nothing is ever loaded.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from fivegms_manifests.errors import DoctypeForbidden, DocumentTooLarge, MalformedXml

_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class XmlLimits:
    """What a document may be at most; `max_token_bytes` bounds a tag, a text and a comment."""

    max_bytes: int = 8 * 1024 * 1024
    max_depth: int = 24
    max_elements: int = 200_000
    max_attributes: int = 32
    max_token_bytes: int = 256 * 1024


DEFAULT_LIMITS = XmlLimits()


def parse_xml(data: bytes, limits: XmlLimits = DEFAULT_LIMITS) -> etree._Element:
    """The root element of a UTF-8 document.

    Raises DocumentTooLarge, DoctypeForbidden and MalformedXml.
    """
    if len(data) > limits.max_bytes:
        raise DocumentTooLarge(f"{len(data)} bytes; the limit is {limits.max_bytes}")
    if b"<!DOCTYPE" in data:
        raise DoctypeForbidden("a manifest has no document type declaration")
    parser = etree.XMLPullParser(
        ("start", "end"),
        # Whatever the declaration says: another encoding could hide a DOCTYPE from the scan.
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        _feed(parser, data, limits)
        return parser.close()
    except etree.XMLSyntaxError as error:
        raise MalformedXml(f"not well-formed: {error.msg}") from None


def _feed(parser: "etree.XMLPullParser", data: bytes, limits: XmlLimits) -> None:
    depth = elements = silent_bytes = 0
    events: Iterator[tuple[str, etree._Element]] = parser.read_events()  # type: ignore[assignment]
    for start in range(0, len(data), _PIECE_BYTES):
        parser.feed(data[start : start + _PIECE_BYTES])
        silent_bytes += _PIECE_BYTES
        for event, element in events:
            silent_bytes = 0
            if event == "end":
                depth -= 1
                continue
            depth += 1
            elements += 1
            if depth > limits.max_depth or elements > limits.max_elements:
                raise DocumentTooLarge(f"too deep or too many elements at element {elements}")
            if len(element.attrib) > limits.max_attributes:
                raise DocumentTooLarge(f"an element has {len(element.attrib)} attributes")
        if silent_bytes > limits.max_token_bytes:
            raise DocumentTooLarge(f"a tag or text exceeds {limits.max_token_bytes} bytes")
