"""For how long an origin's answer is good."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_api.content_hosting import CachingDirectives
from fivegms_as.freshness import (
    DEFAULT_LIFETIME_S,
    MAX_LIFETIME_S,
    Lifetime,
    read_cache_control,
    ruled_lifetime_s,
)

DATE = "Sun, 01 Nov 2026 12:00:00 GMT"
LATER = "Sun, 01 Nov 2026 12:01:30 GMT"


@pytest.mark.parametrize(
    ("fields", "lifetime"),
    [
        ({}, Lifetime(DEFAULT_LIFETIME_S)),
        ({"Cache-Control": "max-age=5"}, Lifetime(5)),
        ({"Cache-Control": 'PUBLIC , Max-Age = "5"'}, Lifetime(5)),
        ({"Cache-Control": "max-age=5, s-maxage=9"}, Lifetime(9)),
        ({"Cache-Control": "max-age=5, max-age=9"}, Lifetime(5)),
        ({"Cache-Control": "max-age=50", "Age": "20"}, Lifetime(30, age_s=20)),
        ({"Cache-Control": "max-age=5", "Age": "20"}, Lifetime(0, age_s=20)),
        ({"Cache-Control": "max-age=soon"}, Lifetime(0)),
        ({"Cache-Control": "max-age=-1"}, Lifetime(0)),
        ({"Cache-Control": "max-age=" + "9" * 40}, Lifetime(MAX_LIFETIME_S)),
        ({"Cache-Control": "max-age=5, must-revalidate"}, Lifetime(5, may_be_stale=False)),
        ({"Cache-Control": "no-cache, max-age=5"}, Lifetime(0, may_be_stale=False)),
        ({"Cache-Control": "no-store"}, Lifetime(0, may_be_stale=False)),
        ({"Cache-Control": "private"}, Lifetime(0, may_be_stale=False)),
        ({"Expires": LATER, "Date": DATE}, Lifetime(90)),
        ({"Expires": DATE, "Date": LATER}, Lifetime(0)),
        ({"Expires": LATER}, Lifetime(0)),
        ({"Expires": "0", "Date": DATE}, Lifetime(0)),
        ({"Expires": LATER, "Date": DATE, "Cache-Control": "max-age=5"}, Lifetime(5)),
    ],
)
def test_an_answer_is_fresh_for_as_long_as_it_says(fields, lifetime):
    assert Lifetime.of(fields) == lifetime


@pytest.mark.parametrize(
    ("directives", "seconds"),
    [
        (None, 7),
        (CachingDirectives(no_cache=False), 7),
        (CachingDirectives(no_cache=False, max_age=3), 3),
        (CachingDirectives(no_cache=False, max_age=0), 0),
        (CachingDirectives(no_cache=True, max_age=3), 0),
        (CachingDirectives(no_cache=False, max_age=2**31), MAX_LIFETIME_S),
    ],
)
def test_the_provider_rules_over_the_origin(directives, seconds):
    assert ruled_lifetime_s(directives, 7) == seconds


@given(st.text(max_size=60))
def test_any_field_is_read(field):
    read_cache_control(field)
    assert 0 <= Lifetime.of({"Cache-Control": field, "Age": field}).seconds <= MAX_LIFETIME_S
