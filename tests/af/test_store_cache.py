"""The sessions in memory: how many, and never one that a change has overtaken."""

from datetime import UTC, datetime

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from fivegms_af.provisioned import Session
from fivegms_af.store.session_cache import SessionCache
from fivegms_api.common_data import ProvisioningSessionType

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LIMIT = 3


def session(name: str, version: int = 1) -> Session:
    return Session(name, ProvisioningSessionType.DOWNLINK, "app", None, NOW, version)


def load(cache: SessionCache, name: str) -> None:
    cache.settle(name, cache.ticket(name), session(name))


def test_the_least_recently_used_goes_first() -> None:
    cache = SessionCache(LIMIT)
    for name in "abc":
        load(cache, name)
    cache.get("a")
    load(cache, "d")
    assert [name for name in "abcd" if cache.get(name)] == ["a", "c", "d"]
    assert len(cache) == LIMIT


def test_what_changed_while_it_was_read_is_not_kept() -> None:
    cache = SessionCache(LIMIT)
    for changed in ("a", None):
        ticket = cache.ticket("a")
        cache.drop(changed)
        cache.settle("a", ticket, session("a"))
        assert cache.get("a") is None


def test_what_is_not_there_is_not_kept() -> None:
    cache = SessionCache(LIMIT)
    cache.settle("a", cache.ticket("a"), None)
    assert cache.get("a") is None


def test_a_change_of_another_session_does_no_harm() -> None:
    cache = SessionCache(LIMIT)
    ticket = cache.ticket("a")
    cache.drop("b")
    cache.settle("a", ticket, session("a"))
    assert cache.get("a") == session("a")


class Interleaving(RuleBasedStateMachine):
    """Readers and writers of a few sessions in any order; a change is told when it is complete."""

    reads = Bundle("reads")
    names = st.sampled_from("abcd")

    @initialize()
    def start(self) -> None:
        self.cache = SessionCache(LIMIT)
        self.stored = dict.fromkeys("abcd", 1)

    @rule(target=reads, name=names)
    def begin_to_read(self, name: str) -> tuple[str, object, Session]:
        ticket = self.cache.ticket(name)
        return name, ticket, session(name, self.stored[name])

    @rule(read=consumes(reads))
    def end_reading(self, read: tuple[str, object, Session]) -> None:
        self.cache.settle(*read)

    @rule(name=names)
    def change(self, name: str) -> None:
        self.stored[name] += 1
        self.cache.drop(name)

    @rule()
    def miss_changes(self) -> None:
        self.stored = {name: version + 1 for name, version in self.stored.items()}
        self.cache.drop(None)

    @invariant()
    def never_stale(self) -> None:
        assert len(self.cache) <= LIMIT
        for name, version in self.stored.items():
            assert self.cache.get(name) in (None, session(name, version))


TestInterleaving = Interleaving.TestCase
