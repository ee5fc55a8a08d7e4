"""The emulated link carries every byte, in order, and no faster than its rate."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_testbed.link import EmulatedLink, LinkProfile, TokenBucket

PAYLOAD = bytes(range(256)) * 2000


async def _serve_payload(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = await reader.readexactly(5)
    writer.write(request + PAYLOAD)
    await writer.drain()
    writer.close()


async def _origin() -> asyncio.Server:
    return await asyncio.start_server(_serve_payload, "127.0.0.1", 0)


async def _fetch(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"hello")
    received = await reader.read(-1)
    writer.close()
    await writer.wait_closed()
    return received


@pytest.mark.parametrize(
    "profile",
    [
        LinkProfile(),
        LinkProfile(delay_s=0.005),
        LinkProfile(downlink_bps=80e6, uplink_bps=8e6, delay_s=0.002),
    ],
    ids=["open", "delay", "rate and delay"],
)
async def test_every_byte_arrives_in_order(profile: LinkProfile) -> None:
    async with await _origin() as server:
        port = server.sockets[0].getsockname()[1]
        async with EmulatedLink("127.0.0.1", port, profile) as link:
            received = await _fetch(*link.address)
    assert received == b"hello" + PAYLOAD


async def test_a_target_that_is_down_closes_the_connection() -> None:
    async with await _origin() as server:
        port = server.sockets[0].getsockname()[1]
    async with EmulatedLink("127.0.0.1", port, LinkProfile()) as link:
        with pytest.raises(ConnectionError):
            await _fetch_or_reset(*link.address)


async def _fetch_or_reset(host: str, port: int) -> None:
    if not await _fetch(host, port):
        raise ConnectionResetError


@given(
    sizes=st.lists(st.integers(1, 100_000), min_size=1, max_size=50),
    gaps=st.lists(st.floats(0, 0.1), min_size=50, max_size=50),
)
def test_a_bucket_never_gives_more_than_rate_and_burst(sizes: list[int], gaps: list[float]) -> None:
    bucket = TokenBucket(rate_bytes=1e6, burst_s=0.01)
    now, leaves_at = 100.0, 100.0
    for size, gap in zip(sizes, gaps, strict=False):
        now += gap
        leaves_at = now + bucket.reserve(size, now)
    assert sum(sizes) / 1e6 <= leaves_at - 100.0 + 0.01 + 1e-6


def test_an_unused_link_has_no_address() -> None:
    with pytest.raises(RuntimeError, match="context manager"):
        _ = EmulatedLink("127.0.0.1", 1, LinkProfile()).address
