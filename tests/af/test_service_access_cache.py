from dataclasses import replace
from datetime import UTC, datetime

from fivegms_af.conditional import Representation
from fivegms_af.provisioned import Session
from fivegms_af.service_access_cache import PreparedAnswer, ServiceAccessCache
from fivegms_api.common_data import ProvisioningSessionType

SESSION = Session(
    "s1", ProvisioningSessionType.DOWNLINK, "a", None, datetime(2026, 11, 23, tzinfo=UTC), 1
)


class Making:
    """Counts what it makes."""

    def __init__(self, size_bytes: int = 0) -> None:
        self.count = 0
        self._body = bytes(size_bytes)

    def of(self, session: Session) -> PreparedAnswer:
        self.count += 1
        return PreparedAnswer(session.version, Representation(self._body, "text/plain"), {})


def get(
    cache: ServiceAccessCache, making: Making, session: Session, host: str = "a"
) -> PreparedAnswer:
    return cache.get(session, "http", host, lambda: making.of(session))


def test_an_answer_is_made_once_for_each_version_and_host() -> None:
    cache, making = ServiceAccessCache(), Making()
    first = get(cache, making, SESSION)
    assert get(cache, making, replace(SESSION)) is first
    assert get(cache, making, SESSION, "b") is not first
    changed = replace(SESSION, version=2)
    assert get(cache, making, changed).version == 2
    assert get(cache, making, SESSION).version == 1
    assert making.count == 4


def test_the_answer_that_was_used_longest_ago_goes() -> None:
    cache, making = ServiceAccessCache(capacity=2), Making()
    for host in ("a", "b", "a", "c"):
        get(cache, making, SESSION, host)
    assert making.count == 3
    get(cache, making, SESSION, "a")
    assert making.count == 3
    get(cache, making, SESSION, "b")
    assert making.count == 4


def test_large_answers_are_fewer() -> None:
    cache, making = ServiceAccessCache(capacity_bytes=100), Making(40)
    for host in ("a", "b", "a", "c", "a"):
        get(cache, making, SESSION, host)
    assert making.count == 3
    get(cache, making, SESSION, "b")
    assert making.count == 4
    get(cache, making, replace(SESSION, version=2), "b")
    get(cache, making, SESSION, "a")
    assert making.count == 5


def test_an_answer_that_is_too_large_is_given_and_not_kept() -> None:
    cache, making = ServiceAccessCache(capacity_bytes=100), Making(101)
    get(cache, making, SESSION)
    get(cache, making, SESSION)
    assert making.count == 2
