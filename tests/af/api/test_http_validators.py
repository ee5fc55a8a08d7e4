from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_api.http_validators import http_date, names_entity_tag, read_http_date

instants = st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC))


@given(instants)
def test_an_http_date_is_read_as_it_was_written(moment: datetime) -> None:
    assert read_http_date(http_date(moment)) == moment.replace(microsecond=0)


@pytest.mark.parametrize(
    "field",
    [
        None,
        "",
        "yesterday",
        "Mon, 99 Nov 2026 11:59:59 GMT",
        "Sun, 01 Nov 99999999999999999999 12:00:00 GMT",
        "Sun, 01 Nov 9999999999 12:00:00 GMT",
        "Sun, 01 Nov 2026 12:00:00 +99999999999999999999",
    ],
)
def test_what_is_no_date_is_none(field: str | None) -> None:
    assert read_http_date(field) is None


@pytest.mark.parametrize(
    ("field", "weak", "expected"),
    [
        ("*", False, True),
        ('"abc"', False, True),
        ('"x","abc"', False, True),
        ('W/"abc"', False, False),
        ('W/"abc"', True, True),
        ("abc", True, False),
        ('"ab', True, False),
        ("", True, False),
    ],
)
def test_which_fields_name_a_tag(field: str, weak: bool, expected: bool) -> None:
    assert names_entity_tag(field, '"abc"', weak=weak) is expected
