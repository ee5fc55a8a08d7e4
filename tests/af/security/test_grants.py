"""RFC 6749 4.4 and 5.2 by value: which requests are read, and what each other one is told."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_af.security.clients import Client
from fivegms_af.security.failure_limit import FREE_FAILURES, LONGEST_WAIT_S, FailureLimit
from fivegms_af.security.grants import (
    FORM,
    GrantRefused,
    TokenRequest,
    granted_scopes,
    read_token_request,
)

GRANT = "grant_type=client_credentials"
POSTED = f"{GRANT}&client_id=acme&client_secret=pass%20word"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_the_secret_in_the_form_or_in_the_header() -> None:
    expected = TokenRequest("acme", "pass word", None)
    assert read_token_request(FORM, POSTED.encode(), None) == expected
    assert read_token_request(f"{FORM}; charset=UTF-8", POSTED.encode(), None) == expected
    header = basic("acme:pass+word")
    assert read_token_request(FORM, GRANT.encode(), header) == expected
    assert read_token_request(FORM, f"{GRANT}&client_id=acme".encode(), header) == expected
    assert "pass word" not in repr(expected)


def test_scopes_are_a_set_of_words() -> None:
    asked = read_token_request(FORM, f"{POSTED}&scope=a+b++a".encode(), None)
    assert isinstance(asked, TokenRequest)
    assert asked.scopes == {"a", "b"}


@pytest.mark.parametrize(
    ("form", "authorization", "error"),
    [
        ("", None, "invalid_request"),
        ("grant_type=", None, "invalid_request"),
        ("grant_type=password", None, "unsupported_grant_type"),
        (f"{GRANT}&{GRANT}", None, "invalid_request"),
        (f"{POSTED}&client_id=b", None, "invalid_request"),
        ("&".join(f"a{one}=1" for one in range(40)), None, "invalid_request"),
        (f"{GRANT}&a=%ff", None, "invalid_request"),
        (GRANT, None, "invalid_client"),
        (f"{GRANT}&client_id=acme", None, "invalid_client"),
        (POSTED, basic("acme:x"), "invalid_request"),
        (GRANT, "Bearer x", "invalid_client"),
        (GRANT, "Basic !", "invalid_client"),
        (GRANT, basic("acme"), "invalid_client"),
        (GRANT, "Basic /w==", "invalid_client"),
        (f"{GRANT}&client_id=b", basic("acme:x"), "invalid_client"),
        (f"{GRANT}&client_id=a&client_secret={'x' * 1025}", None, "invalid_client"),
        ("x" * 20_000, None, "invalid_request"),
    ],
    ids=range(17),
)
def test_requests_that_are_refused(form: str, authorization: str | None, error: str) -> None:
    refused = read_token_request(FORM, form.encode(), authorization)
    assert isinstance(refused, GrantRefused)
    assert refused.error == error
    assert refused.status == (401 if error == "invalid_client" else 400)


@pytest.mark.parametrize("content_type", [None, "application/json"])
def test_the_request_is_a_form(content_type: str | None) -> None:
    refused = read_token_request(content_type, POSTED.encode(), None)
    assert isinstance(refused, GrantRefused)
    assert refused.error == "invalid_request"


@given(
    body=st.binary(max_size=200),
    authorization=st.none() | st.text(max_size=50) | st.text(max_size=50).map("Basic ".__add__),
)
def test_no_bytes_are_more_than_refused(body: bytes, authorization: str | None) -> None:
    assert isinstance(read_token_request(FORM, body, authorization), GrantRefused)


@pytest.mark.parametrize(
    ("wanted", "granted"),
    [
        (None, {"3gpp-m1", "M5_MetricsReporting:read"}),
        ({"3gpp-m1"}, {"3gpp-m1"}),
        ({"3gpp-m1:read"}, {"3gpp-m1:read"}),
        (set(), None),
        ({"3gpp-m1", "3gpp-m5"}, None),
        ({"M5_MetricsReporting"}, None),
    ],
)
def test_scopes_are_granted_as_far_as_the_client_has_them(wanted: Any, granted: Any) -> None:
    client = Client.model_construct(scopes=("3gpp-m1", "M5_MetricsReporting:read"))
    answer = granted_scopes(client, wanted if wanted is None else frozenset(wanted))
    if granted is None:
        assert isinstance(answer, GrantRefused)
        assert answer.error == "invalid_scope"
    else:
        assert answer == granted


def test_failures_cost_more_and_more_time() -> None:
    limit, now = FailureLimit(), 1000.0
    for _ in range(FREE_FAILURES):
        assert limit.wait_s("a", now) == 0
        limit.failed("a", now)
    waits = []
    for _ in range(9):
        waits.append(limit.wait_s("a", now))
        now += waits[-1]
        assert limit.wait_s("a", now) == 0
        limit.failed("a", now)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert limit.wait_s("b", now) == 0
    limit.succeeded("a")
    assert limit.wait_s("a", now) == 0


def test_failures_are_forgotten() -> None:
    limit = FailureLimit()
    for second in range(FREE_FAILURES + 1):
        limit.failed(None, float(second))
    assert 0 < limit.wait_s(None, 5.0) <= LONGEST_WAIT_S
    limit.failed(None, 10_000.0)
    assert limit.wait_s(None, 10_000.0) == 0
