from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_af.conditional import Representation, not_modified
from fivegms_af.errors import PreconditionFailed

NOW = datetime(2026, 11, 23, 12, 0, 0, 750_000, tzinfo=UTC)
CURRENT = Representation(b"{}", "application/json", NOW)
TAG = CURRENT.etag
DATE = "Mon, 23 Nov 2026 12:00:00 GMT"
BEFORE = "Mon, 23 Nov 2026 11:59:59 GMT"


def test_the_etag_is_strong_quoted_and_of_bytes_and_type() -> None:
    assert TAG.startswith('"')
    assert TAG.endswith('"')
    assert Representation(b"{}", "application/json", NOW + timedelta(1)).etag == TAG
    assert Representation(b"{ }", "application/json", NOW).etag != TAG
    assert Representation(b"{}", "text/plain", NOW).etag != TAG


def test_last_modified_is_an_http_date() -> None:
    assert CURRENT.last_modified == DATE
    assert Representation(b"", "a/b").last_modified is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),
        ({"If-None-Match": TAG}, True),
        ({"If-None-Match": f"W/{TAG}"}, True),
        ({"If-None-Match": f'"x", {TAG}'}, True),
        ({"If-None-Match": "*"}, True),
        ({"If-None-Match": '"x"'}, False),
        ({"If-None-Match": TAG.strip('"')}, False),
        ({"If-None-Match": '"x"', "If-Modified-Since": DATE}, False),
        ({"If-Modified-Since": DATE}, True),
        ({"If-Modified-Since": BEFORE}, False),
        ({"If-Modified-Since": "yesterday"}, False),
        ({"If-Modified-Since": "Mon, 99 Nov 2026 11:59:59 GMT"}, False),
        ({"If-Match": TAG}, False),
        ({"If-Match": "*"}, False),
        ({"If-Match": TAG, "If-Unmodified-Since": BEFORE}, False),
        ({"If-Unmodified-Since": DATE}, False),
    ],
)
def test_what_a_get_is_answered(headers: dict[str, str], expected: bool) -> None:
    assert not_modified("GET", headers, CURRENT) is expected


@pytest.mark.parametrize(
    ("method", "headers", "named"),
    [
        ("PUT", {"If-Match": '"x"'}, "If-Match"),
        ("PUT", {"If-Match": f"W/{TAG}"}, "If-Match"),
        ("PUT", {"If-Match": ""}, "If-Match"),
        ("GET", {"If-Match": '"x"'}, "If-Match"),
        ("DELETE", {"If-Unmodified-Since": BEFORE}, "If-Unmodified-Since"),
        ("PUT", {"If-None-Match": "*"}, "If-None-Match"),
        ("PATCH", {"If-None-Match": TAG}, "If-None-Match"),
    ],
)
def test_what_fails(method: str, headers: dict[str, str], named: str) -> None:
    with pytest.raises(PreconditionFailed) as failed:
        not_modified(method, headers, CURRENT)
    assert failed.value.header == named


@given(st.sampled_from(["If-Match", "If-None-Match", "If-Modified-Since"]), st.text())
def test_any_field_value_is_read_or_fails_by_name(name: str, value: str) -> None:
    with suppress(PreconditionFailed):
        not_modified("GET", {name: value}, CURRENT)
