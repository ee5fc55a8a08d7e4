import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_client.errors import (
    FetchInterrupted,
    SegmentCorrupt,
    SegmentMissing,
    ServerUnreachable,
)
from fivegms_client.retry import Attempts, RetryPolicy

POLICY = RetryPolicy(first_delay_s=1, max_delay_s=8, give_up_after_s=30, max_corrupt=3)
BROKEN = FetchInterrupted("broken")
ONE, OTHER = "http://one/s", "http://other/s"


@given(attempt=st.integers(1, 10_000), jitter=st.floats(0, 1, exclude_max=True))
def test_a_delay_is_never_longer_than_allowed_nor_shorter_than_half(
    attempt: int, jitter: float
) -> None:
    ceiling = min(POLICY.max_delay_s, POLICY.first_delay_s * 2.0 ** min(attempt, 60) / 2)
    assert ceiling / 2 <= POLICY.delay_s(attempt, jitter) <= ceiling


def test_delays_grow_and_start_again_after_a_byte() -> None:
    attempts = Attempts(POLICY, [ONE], now=0)
    assert [attempts.interrupted(BROKEN, 0, 0.0) for _ in range(3)] == [0.5, 1, 2]
    attempts.received(now=5)
    assert attempts.interrupted(BROKEN, 5, 0.0) == 0.5


def test_an_outage_ends_with_the_url_and_the_cause() -> None:
    attempts = Attempts(POLICY, [ONE], now=0)
    with pytest.raises(ServerUnreachable, match=r"http://one/s .* within 29 s \(broken\)"):
        [attempts.interrupted(BROKEN, now, 0.0) for now in (0, 10, 20, 29)]


def test_an_outage_counts_from_the_last_byte() -> None:
    attempts = Attempts(POLICY, [ONE], now=0)
    for now in range(0, 300, 20):
        attempts.received(now)
        attempts.interrupted(BROKEN, now + 1, 0.0)


def test_patience_alone_bounds_an_outage() -> None:
    attempts = Attempts(RetryPolicy(give_up_after_s=3600), [ONE], now=0)
    for now in range(0, 3590, 5):
        attempts.interrupted(BROKEN, now, 0.0)


def test_a_server_that_trickles_is_given_up_too() -> None:
    attempts = Attempts(RetryPolicy(max_outages=3), [ONE], now=0)
    attempts.interrupted(BROKEN, 0, 0.0)
    attempts.received(1)
    attempts.interrupted(BROKEN, 1, 0.0)
    attempts.received(2)
    with pytest.raises(ServerUnreachable):
        attempts.interrupted(BROKEN, 2, 0.0)


def test_the_server_may_ask_for_a_longer_wait() -> None:
    attempts = Attempts(POLICY, [ONE], now=0)
    assert attempts.interrupted(FetchInterrupted("busy", retry_after_s=7), 0, 0.0) == 7


def test_the_server_may_not_ask_for_ever() -> None:
    attempts = Attempts(POLICY, [ONE], now=1)
    with pytest.raises(ServerUnreachable):
        attempts.interrupted(FetchInterrupted("busy", retry_after_s=1e6), 2, 0.0)


def test_mirrors_take_turns() -> None:
    attempts = Attempts(POLICY, [ONE, OTHER], now=0)
    assert attempts.url == ONE
    attempts.interrupted(BROKEN, 0, 0.0)
    assert attempts.url == OTHER
    attempts.corrupt("wrong", 0.0)
    assert attempts.url == ONE


def test_a_mirror_without_the_segment_is_left_out() -> None:
    attempts = Attempts(POLICY, [ONE, OTHER], now=0)
    attempts.missing()
    assert attempts.url == OTHER
    with pytest.raises(SegmentMissing, match="http://one/s"):
        attempts.missing()


def test_wrong_bytes_are_asked_for_a_bounded_number_of_times() -> None:
    attempts = Attempts(POLICY, [ONE], now=0)
    attempts.corrupt("wrong", 0.0)
    attempts.corrupt("wrong", 0.0)
    with pytest.raises(SegmentCorrupt, match="3 times"):
        attempts.corrupt("wrong", 0.0)
