"""Rules change what a running link gives: who has one overtakes who has none."""

import asyncio
from collections.abc import Callable

import pytest

from fivegms_testbed.link import EmulatedLink, Lane, LinkProfile, Rule, TokenBucket, Way

PAYLOAD = bytes(200_000)
CRAWL_BPS = 8_000.0  # the payload would take 200 s
FAST_BPS = 1e9


async def _origin() -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.write(PAYLOAD)
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


class Download:
    """A connection over the link, and its download once it was asked for."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.port: int = writer.get_extra_info("sockname")[1]

    def start(self) -> "asyncio.Task[bytes]":
        self._writer.write(b"?")
        return asyncio.create_task(self._read())

    async def _read(self) -> bytes:
        received = await self._reader.read(-1)
        self._writer.close()
        return received


async def _connect(link: EmulatedLink) -> Download:
    return Download(*await asyncio.open_connection(*link.address))


def _of(port: int) -> Callable[[Lane], bool]:
    return lambda lane: lane.ue_port == port


async def test_who_has_a_rule_overtakes_and_who_gets_one_catches_up() -> None:
    async with await _origin() as server:
        port = server.sockets[0].getsockname()[1]
        profile = LinkProfile(downlink_bps=CRAWL_BPS)
        async with EmulatedLink("127.0.0.1", port, profile) as link:
            slow, fast = await _connect(link), await _connect(link)
            link.enforce("fast", Rule(_of(fast.port), FAST_BPS, None))
            crawling = slow.start()
            assert await fast.start() == PAYLOAD
            assert not crawling.done()
            link.enforce("slow", Rule(_of(slow.port), FAST_BPS, None))
            assert await crawling == PAYLOAD


async def test_a_lifted_rule_is_no_rule() -> None:
    async with await _origin() as server:
        port = server.sockets[0].getsockname()[1]
        profile = LinkProfile(downlink_bps=CRAWL_BPS)
        async with EmulatedLink("127.0.0.1", port, profile) as link:
            everyone = Rule(lambda lane: True, FAST_BPS, None)
            link.enforce("all", everyone)
            link.lift("all")
            link.lift("unknown")
            lifted, fast = await _connect(link), await _connect(link)
            link.enforce("fast", Rule(_of(fast.port), FAST_BPS, None))
            crawling = lifted.start()
            assert await fast.start() == PAYLOAD
            assert not crawling.done()


def test_a_rule_speaks_for_the_ways_that_it_names() -> None:
    link = EmulatedLink("127.0.0.1", 1, LinkProfile(downlink_bps=1e6, uplink_bps=2e6))
    down = Lane(Way.DOWNLINK, "127.0.0.1", 1, "127.0.0.1", 2)
    up = Lane(Way.UPLINK, "127.0.0.1", 1, "127.0.0.1", 2)
    link.enforce("a", Rule(lambda lane: True, 5e6, None))
    assert (link.rate_bps(down), link.rate_bps(up)) == (5e6, 2e6)
    link.enforce("b", Rule(lambda lane: lane.ue_port == 1, 7e6, 8e6))
    assert (link.rate_bps(down), link.rate_bps(up)) == (7e6, 8e6)
    link.lift("b")
    assert link.rate_bps(down) == 5e6


@pytest.mark.parametrize("sizes", [(100,), (100, 300), (50, 50, 50)])
def test_a_refund_is_as_if_nothing_had_been_reserved(sizes: tuple[int, ...]) -> None:
    bucket, other = TokenBucket(1000.0, burst_s=0.0), TokenBucket(1000.0, burst_s=0.0)
    for one in (bucket, other):
        one.reserve(10, now=5.0)
    for size in sizes:
        bucket.reserve(size, now=5.0)
    for size in sizes:
        bucket.refund(size)
    assert bucket.reserve(10, now=5.0) == pytest.approx(other.reserve(10, now=5.0))
