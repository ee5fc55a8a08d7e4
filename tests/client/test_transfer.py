from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256

import pytest

from fivegms_client.errors import (
    AccessRefused,
    BadAnswer,
    FetchInterrupted,
    NotFound,
    SegmentCorrupt,
    SegmentMissing,
    ServerUnreachable,
)
from fivegms_client.fetching import Answer
from fivegms_client.progress import FetchProgress, ProgressMeter
from fivegms_client.retry import RetryPolicy
from fivegms_client.transfer import Transfer
from fivegms_manifests.model import SegmentRef
from support.fake_clock import FakeClock
from support.memory_server import (
    Body,
    Cut,
    Down,
    Fault,
    MemoryServer,
    NoRange,
    Status,
    WrongRange,
)

URL = "http://as.test/segments/one.m4s"
MIRROR = "http://mirror.test/segments/one.m4s"
DATA = bytes(range(256)) * 16
PART = SegmentRef("segments/one.m4s", sha256(DATA).hexdigest(), len(DATA))
POLICY = RetryPolicy(first_delay_s=1, max_delay_s=4, give_up_after_s=30)


class Fetching:
    """One segment, a server in memory and a clock that stands still."""

    def __init__(self) -> None:
        self.server = MemoryServer({URL: DATA})
        self.time = FakeClock()
        self.transfer = Transfer(self.server, POLICY, self.time.clock())
        self.reports: list[FetchProgress] = []
        self.meter = ProgressMeter(len(DATA), self.reports.append)

    async def segment(self, *urls: str) -> bytearray:
        return await self.transfer.segment(PART, urls or (URL,), self.meter)

    def ranges(self) -> list[str | None]:
        return [request.headers.get("Range") for request in self.server.asked(URL)]


@pytest.fixture
def fetching() -> Fetching:
    return Fetching()


async def test_a_segment_arrives_once_and_whole(fetching: Fetching) -> None:
    assert await fetching.segment() == DATA
    assert fetching.ranges() == [None]
    assert fetching.server.bytes_sent == len(DATA)


async def test_a_broken_segment_resumes_where_it_broke(fetching: Fetching) -> None:
    fetching.server.spoil(URL, Cut(1000), Cut(500))
    assert await fetching.segment() == DATA
    assert fetching.ranges() == [None, "bytes=1000-4095", "bytes=1500-4095"]
    assert fetching.server.bytes_sent == len(DATA)
    assert fetching.time.slept == [0.5, 0.5]


async def test_a_break_after_the_last_byte_needs_no_request(fetching: Fetching) -> None:
    fetching.server.spoil(URL, Cut(len(DATA)))
    assert await fetching.segment() == DATA
    assert fetching.ranges() == [None]


@pytest.mark.parametrize("fault", [NoRange(), WrongRange(), Status(416)])
async def test_a_server_that_cannot_resume_sends_all_again(
    fetching: Fetching, fault: Fault
) -> None:
    fetching.server.spoil(URL, Cut(1000), fault)
    assert await fetching.segment() == DATA
    assert fetching.reports[-1].done_bytes == len(DATA)


@pytest.mark.parametrize(
    "fault", [Down(), Status(503), Status(500), Status(429), Status(408), Status(504)]
)
async def test_a_server_that_is_down_or_busy_is_asked_again(
    fetching: Fetching, fault: Fault
) -> None:
    fetching.server.spoil(URL, fault, fault)
    assert await fetching.segment() == DATA
    assert fetching.time.slept == [0.5, 1.0]


async def test_a_wait_that_the_server_asks_for_is_kept(fetching: Fetching) -> None:
    fetching.server.spoil(URL, Status(503, {"retry-after": "7"}))
    assert await fetching.segment() == DATA
    assert fetching.time.slept == [7.0]


@pytest.mark.parametrize("value", ["soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 400])
async def test_a_wait_that_cannot_be_read_is_ours_to_choose(fetching: Fetching, value: str) -> None:
    fetching.server.spoil(URL, Status(503, {"retry-after": value}))
    assert await fetching.segment() == DATA
    assert fetching.time.slept == [0.5]


async def test_a_server_that_stays_down_is_named_with_the_cause(fetching: Fetching) -> None:
    fetching.server.down = True
    with pytest.raises(ServerUnreachable, match=f"{URL} .*nobody listens"):
        await fetching.segment()
    assert sum(fetching.time.slept) <= POLICY.give_up_after_s


async def test_a_server_that_comes_back_is_used(fetching: Fetching) -> None:
    fetching.server.down = True
    fetching.time.on_sleep = lambda now: setattr(fetching.server, "down", now < 10)
    assert await fetching.segment() == DATA


@pytest.mark.parametrize(
    "wrong",
    [b"\0" * len(DATA), DATA[:-1], DATA + b"!", b"", DATA[:-1] + b"!"],
    ids=["digest", "short", "long", "empty", "last byte"],
)
@pytest.mark.requirement("R008c")
async def test_wrong_bytes_are_thrown_away_and_asked_for_past_caches(
    fetching: Fetching, wrong: bytes
) -> None:
    fetching.server.spoil(URL, Body(wrong))
    assert await fetching.segment() == DATA
    first, second = fetching.server.asked(URL)
    assert "Cache-Control" not in first.headers
    assert second.headers == {"Cache-Control": "no-cache"}


@pytest.mark.parametrize("wrong", [b"\0" * len(DATA), DATA[:-1], DATA + b"!"])
async def test_bytes_that_stay_wrong_are_named(fetching: Fetching, wrong: bytes) -> None:
    fetching.server.spoil(URL, *[Body(wrong)] * 9)
    with pytest.raises(SegmentCorrupt, match=f"{URL} arrived 3 times"):
        await fetching.segment()
    assert len(fetching.server.asked(URL)) == 3


async def test_too_many_bytes_are_not_read_on(fetching: Fetching) -> None:
    fetching.server.files[URL] = DATA + b"\0" * 1_000_000
    with pytest.raises(SegmentCorrupt, match="more than the 4096 bytes"):
        await fetching.segment()
    assert fetching.server.bytes_sent < 4 * len(DATA)


@pytest.mark.parametrize("status", [404, 410])
async def test_a_missing_segment_is_named_at_once(fetching: Fetching, status: int) -> None:
    fetching.server.spoil(URL, Status(status))
    with pytest.raises(SegmentMissing, match=URL):
        await fetching.segment()
    assert not fetching.time.slept


async def test_a_refusal_is_not_asked_again(fetching: Fetching) -> None:
    fetching.server.spoil(URL, Status(403))
    with pytest.raises(AccessRefused, match="403"):
        await fetching.segment()
    assert not fetching.time.slept


@pytest.mark.parametrize("fault", [Status(404), Down(), Body(b"wrong"), Cut(700)])
async def test_another_mirror_steps_in(fetching: Fetching, fault: Fault) -> None:
    fetching.server.files[MIRROR] = DATA
    fetching.server.spoil(URL, fault)
    assert await fetching.segment(URL, MIRROR) == DATA
    assert len(fetching.server.asked(MIRROR)) == 1


async def test_progress_is_honest(fetching: Fetching) -> None:
    fetching.server.spoil(URL, Cut(1024), Down(), NoRange())
    await fetching.segment()
    assert fetching.meter.network_bytes == 1024 + len(DATA)
    assert fetching.reports[-1].done_bytes == len(DATA)
    assert all(0 <= r.done_bytes <= r.total_bytes for r in fetching.reports)
    assert {r.waiting_for for r in fetching.reports} == {
        None,
        "the connection broke",
        "nobody listens",
    }


async def test_a_document_comes_with_its_headers(fetching: Fetching) -> None:
    fetching.server.headers[URL] = {"etag": '"1"'}
    fetching.server.spoil(URL, Down(), Cut(10))
    document = await fetching.transfer.document(URL, limit_bytes=len(DATA))
    assert document.body == DATA
    assert document.headers["etag"] == '"1"'


class _Dripping:
    """One byte a second; the first answer breaks after 70, the second is whole."""

    def __init__(self, time: FakeClock) -> None:
        self._time = time
        self._answers = [70, 3]

    @asynccontextmanager
    async def get(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Answer]:
        yield Answer(url, 200, {}, self._body(self._answers.pop(0)))

    async def _body(self, count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            self._time.time_s += 1
            yield b"x"
        if self._answers:
            raise FetchInterrupted("cut")


async def test_a_slow_document_that_breaks_is_asked_for_again() -> None:
    """Patience counts from the last byte, not from the first request."""
    time = FakeClock()
    transfer = Transfer(_Dripping(time), POLICY, time.clock())
    document = await transfer.document(URL, limit_bytes=1000)
    assert document.body == b"xxx"


async def test_a_document_is_bounded(fetching: Fetching) -> None:
    with pytest.raises(BadAnswer, match="larger than 100 bytes"):
        await fetching.transfer.document(URL, limit_bytes=100)
    assert fetching.server.bytes_sent < len(DATA)


async def test_a_document_that_is_not_there_is_named(fetching: Fetching) -> None:
    with pytest.raises(NotFound, match="none"):
        await fetching.transfer.document("http://as.test/none", limit_bytes=100)


async def test_an_unasked_304_is_refused(fetching: Fetching) -> None:
    fetching.server.spoil(URL, Status(304))
    with pytest.raises(AccessRefused, match="304"):
        await fetching.transfer.document(URL, limit_bytes=100)
