"""Which representation a client is given."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_af.errors import NotAcceptable
from fivegms_af.negotiation import negotiate

OFFERED = ("application/json", "text/csv")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("text/*, application/json;q=0.9", "text/csv"),
        ("*/*;q=0.1, text/csv", "text/csv"),
        ("*/*, application/json;q=0", "text/csv"),
        ("text/html, text/csv; q=0.5", "text/csv"),
        ("text/csv;charset=utf-8;q=1.0", "text/csv"),
        ("nonsense, text/csv", "text/csv"),
    ],
)
def test_the_client_s_liking(accept: str | None, chosen: str) -> None:
    assert negotiate(accept, OFFERED) == chosen


@pytest.mark.parametrize("accept", ["text/html", "*/*;q=0", "text/csv;q=0", "nonsense"])
def test_nothing_that_the_client_takes(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        negotiate(accept, OFFERED)


@given(st.text())
def test_any_header_is_decided(accept: str) -> None:
    with suppress(NotAcceptable):
        assert negotiate(accept, OFFERED) in OFFERED
