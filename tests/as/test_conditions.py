from datetime import UTC, datetime

import pytest

from fivegms_as.conditions import not_modified, range_applies
from fivegms_as.errors import PreconditionFailed

ETAG = '"abc"'
MODIFIED = datetime(2026, 11, 1, 12, tzinfo=UTC)
BEFORE = "Sun, 01 Nov 2026 11:59:59 GMT"
THEN = "Sun, 01 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, False),
        ({"If-None-Match": ETAG}, True),
        ({"If-None-Match": 'W/"abc"'}, True),
        ({"If-None-Match": '"x", "abc"'}, True),
        ({"If-None-Match": "*"}, True),
        ({"If-None-Match": '"x"'}, False),
        ({"If-None-Match": '"x"', "If-Modified-Since": THEN}, False),
        ({"If-Modified-Since": THEN}, True),
        ({"If-Modified-Since": BEFORE}, False),
        ({"If-Modified-Since": "yesterday"}, False),
        ({"If-Modified-Since": "Sun, 01 Nov 99999999999999999999 12:00:00 GMT"}, False),
        ({"If-Modified-Since": "Sun, 01 Nov 2026 12:00:00 -0000"}, True),
        ({"If-Match": ETAG}, False),
        ({"If-Match": "*", "If-None-Match": ETAG}, True),
        ({"If-Match": ETAG, "If-Unmodified-Since": BEFORE}, False),
        ({"If-Unmodified-Since": THEN}, False),
    ],
)
def test_whether_304_answers(fields, expected):
    assert not_modified(fields, ETAG, MODIFIED) is expected


@pytest.mark.parametrize(
    "fields",
    [{"If-Match": '"x"'}, {"If-Match": 'W/"abc"'}, {"If-Unmodified-Since": BEFORE}],
)
def test_a_precondition_that_fails(fields):
    with pytest.raises(PreconditionFailed):
        not_modified(fields, ETAG, MODIFIED)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [(None, True), (ETAG, True), ('"x"', False), ('W/"abc"', False), (THEN, True), (BEFORE, False)],
)
def test_whether_a_range_is_honoured(condition, expected):
    fields = {} if condition is None else {"If-Range": condition}
    assert range_applies(fields, ETAG, MODIFIED) is expected
