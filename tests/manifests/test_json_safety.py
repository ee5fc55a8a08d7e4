"""JSON that two readers could read differently, or that costs more than it may, is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_manifests.errors import DocumentTooLarge, MalformedJson, ManifestError
from fivegms_manifests.json_safety import MAX_CONTAINERS, parse_json_object


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"7",
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1234567890123456789}',
        b'{"a": 1e999}',
        b'{"a": 0.' + b"1" * 40 + b"}",
        b'{"a": 1} {}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": "\xff"}',
        '{"a": 1}'.encode("utf-16"),
    ],
)
def test_what_is_not_one_plain_object_is_refused(document: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse_json_object(document, max_bytes=1024)


def test_size_and_nesting_are_bounded_before_anything_is_built() -> None:
    with pytest.raises(DocumentTooLarge):
        parse_json_object(b'{"a": 1}', max_bytes=7)
    with pytest.raises(DocumentTooLarge):
        parse_json_object(b'{"a":' + b"[" * MAX_CONTAINERS, max_bytes=10**6)


_PLAIN = (
    st.integers(-(10**16), 10**16)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.booleans()
)


@given(st.dictionaries(st.text(), _PLAIN))
def test_a_plain_object_is_read_as_it_is(members: dict[str, object]) -> None:
    document = json.dumps(members).encode()
    assert parse_json_object(document, max_bytes=len(document)) == members


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_named_refusal(document: bytes) -> None:
    try:
        assert isinstance(parse_json_object(document, max_bytes=100), dict)
    except ManifestError:
        return
