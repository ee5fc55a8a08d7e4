"""XML that is meant to hurt: each attack is refused by name, before it costs anything."""

import contextlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_manifests.errors import DoctypeForbidden, DocumentTooLarge, MalformedXml
from fivegms_manifests.xml_safety import XmlLimits, parse_xml

LAUGHS = b"""<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>"""
FILE = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>"""


@pytest.mark.parametrize("data", [LAUGHS, FILE, b"<!DOCTYPE a SYSTEM 'http://h/x.dtd'><a/>"])
def test_a_document_type_is_refused(data: bytes) -> None:
    with pytest.raises(DoctypeForbidden):
        parse_xml(data)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-7"])
def test_a_document_type_does_not_hide_in_another_encoding(encoding: str) -> None:
    text = f"<?xml version='1.0' encoding='{encoding}'?>" + LAUGHS.decode()
    with pytest.raises((MalformedXml, DoctypeForbidden)):
        parse_xml(text.encode(encoding))


@pytest.mark.parametrize("data", [b"", b"<a>", b"<a></b>", b"<a>&b;</a>", b"\xff", b"<a/><b/>"])
def test_what_is_not_well_formed_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedXml):
        parse_xml(data)


def test_a_hundred_megabytes_of_attributes_are_refused_by_size() -> None:
    data = b"<a " + b'b="' + bytes(100 * 1024 * 1024) + b'"/>'
    tracemalloc.start()
    try:
        with pytest.raises(DocumentTooLarge, match="bytes; the limit is"):
            parse_xml(data)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def many_attributes(count: int) -> bytes:
    return b"<a " + b" ".join(b'b%d=""' % number for number in range(count)) + b"/>"


TOO_LARGE = {
    "a tag of 7 MB": many_attributes(600_000),
    "33 attributes": many_attributes(33),
    "a text of 1 MB": b"<a>" + b"x" * 2**20 + b"</a>",
    "an attribute of 1 MB": b'<a b="' + b"x" * 2**20 + b'"/>',
    "a comment of 1 MB": b"<a><!--" + b"x" * 2**20 + b"--></a>",
    "25 levels": b"<a>" * 25 + b"</a>" * 25,
    "a million elements": b"<a>" + b"<b/>" * 10**6 + b"</a>",
}


@pytest.mark.parametrize("data", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_what_outgrows_a_limit_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentTooLarge):
        parse_xml(data)


def test_limits_are_inclusive() -> None:
    data = b'<a b="" c=""><d/></a>'
    parse_xml(data, XmlLimits(max_bytes=len(data), max_depth=2, max_elements=2, max_attributes=2))


def test_comments_and_instructions_vanish() -> None:
    root = parse_xml(b"<?x y?><a><!-- c -->t<?z?><b/></a>")
    assert [child.tag for child in root] == ["b"]


@given(st.binary(max_size=100))
def test_noise_is_refused_or_parsed(noise: bytes) -> None:
    for data in (noise, b"<a>" + noise + b"</a>"):
        with contextlib.suppress(MalformedXml, DoctypeForbidden, DocumentTooLarge):
            parse_xml(data)
