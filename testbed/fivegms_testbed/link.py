"""A link with a given rate and delay: a TCP relay on loopback, for measurements.

The kernels we run on have no netem, and a relay needs no privileges. Each direction has its own
token bucket, shared by all connections as the air interface is by all flows of a UE; bytes leave
the relay no faster than the bucket fills, and TCP's own back-pressure slows the sender.

While it runs, a rule can give the connections that it names a rate of their own (`enforce`), and
take it back (`lift`). Bytes that wait for their turn then wait for the new one.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from types import TracebackType
from typing import Self

_CHUNK = 16 * 1024
_MAX_IN_FLIGHT = 1024
"""Chunks between departure and arrival: 16 MiB, more than any link we emulate holds."""
_BURST_S = 0.01
"""How far a sender may run ahead of the rate: 10 ms of bytes, a few radio slots."""


@dataclass(frozen=True, slots=True)
class LinkProfile:
    """Rates in bit/s; `delay_s` is one way. None means as fast as loopback."""

    downlink_bps: float | None = None
    uplink_bps: float | None = None
    delay_s: float = 0.0


@dataclass(slots=True)
class TokenBucket:
    """When bytes may leave: `reserve(n, now)` gives the delay in seconds before sending them.

    >>> bucket = TokenBucket(rate_bytes=1000.0, burst_s=0.0)
    >>> bucket.reserve(500, now=10.0), bucket.reserve(500, now=10.0), bucket.reserve(500, now=12.0)
    (0.5, 1.0, 0.5)
    """

    rate_bytes: float
    burst_s: float = _BURST_S
    _free_at: float = field(default=float("-inf"), init=False)

    def reserve(self, size_bytes: int, now: float) -> float:
        """Take `size_bytes` from the bucket and say how long to wait until they may leave."""
        start = max(self._free_at, now - self.burst_s)
        self._free_at = start + size_bytes / self.rate_bytes
        return max(0.0, self._free_at - now)

    def refund(self, size_bytes: int) -> None:
        """Put back what was reserved and did not leave.

        >>> bucket = TokenBucket(rate_bytes=1000.0, burst_s=0.0)
        >>> _ = bucket.reserve(500, now=10.0)
        >>> bucket.refund(500)
        >>> bucket.reserve(500, now=10.0)
        0.5
        """
        self._free_at -= size_bytes / self.rate_bytes


class Way(Enum):
    """Which way bytes go over the link."""

    DOWNLINK = auto()
    UPLINK = auto()


@dataclass(frozen=True, slots=True)
class Lane:
    """One way of one connection, as the UE sees it: the link's own address is the server's."""

    way: Way
    ue: str
    ue_port: int
    server: str
    server_port: int


@dataclass(frozen=True, slots=True)
class Rule:
    """Connections with rates of their own: `applies` to a lane; None leaves a way as it is."""

    applies: Callable[[Lane], bool]
    downlink_bps: float | None
    uplink_bps: float | None

    def rate_bps(self, way: Way) -> float | None:
        """The rate of one way."""
        return self.downlink_bps if way is Way.DOWNLINK else self.uplink_bps


class EmulatedLink:
    """A relay in front of `host:port`; connect to `address` instead.

    Async context manager. Raises OSError when the relay cannot listen.
    """

    def __init__(self, host: str, port: int, profile: LinkProfile) -> None:
        self._target = (host, port)
        self.profile = profile
        self._default = {
            Way.DOWNLINK: _bucket(profile.downlink_bps),
            Way.UPLINK: _bucket(profile.uplink_bps),
        }
        self._rules: dict[str, tuple[Rule, dict[Way, TokenBucket | None]]] = {}
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> tuple[str, int]:
        """The relay's own host and port."""
        if self._server is None:
            raise RuntimeError("the link is not up; use it as an async context manager")
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    @property
    def url(self) -> str:
        """The relay as an HTTP origin."""
        host, port = self.address
        return f"http://{host}:{port}"

    def enforce(self, name: str, rule: Rule) -> None:
        """Apply a rule from now on, in the place of another of that name."""
        buckets = {way: _bucket(rule.rate_bps(way)) for way in Way}
        self._rules[name] = (rule, buckets)
        self._tell()

    def lift(self, name: str) -> None:
        """Apply the rule of that name no more, if there is one."""
        self._rules.pop(name, None)
        self._tell()

    def rate_bps(self, lane: Lane) -> float | None:
        """What a lane gets now, alone; None is as fast as loopback."""
        bucket = self._bucket_of(lane)
        return None if bucket is None else bucket.rate_bytes * 8

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        with suppress(OSError, asyncio.CancelledError):
            await self._relay(reader, writer)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer, _lane(writer, Way.UPLINK)))
                group.create_task(self._pump(far_reader, writer, _lane(writer, Way.DOWNLINK)))
        except* OSError:
            pass  # one side went away: closing both is what a broken link looks like
        finally:
            writer.close()
            far_writer.close()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        lane: Lane,
    ) -> None:
        in_flight: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MAX_IN_FLIGHT)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._depart(source, in_flight, lane))
            group.create_task(_arrive(in_flight, sink))

    async def _depart(
        self,
        source: asyncio.StreamReader,
        in_flight: asyncio.Queue[tuple[float, bytes]],
        lane: Lane,
    ) -> None:
        now = asyncio.get_running_loop().time
        while chunk := await source.read(_CHUNK):
            await self._take_turn(len(chunk), lane)
            await in_flight.put((now() + self.profile.delay_s, chunk))
        await in_flight.put((now() + self.profile.delay_s, b""))

    async def _take_turn(self, size_bytes: int, lane: Lane) -> None:
        """Wait until so many bytes may leave, by whatever rate holds when they do."""
        now = asyncio.get_running_loop().time
        while bucket := self._bucket_of(lane):
            due = now() + bucket.reserve(size_bytes, now())
            while self._bucket_of(lane) is bucket:
                if now() >= due or not await _set_before(self._changed, due):
                    return
            bucket.refund(size_bytes)

    def _bucket_of(self, lane: Lane) -> TokenBucket | None:
        """That of the newest rule that applies and says something of the way."""
        for rule, buckets in reversed(self._rules.values()):
            if buckets[lane.way] is not None and rule.applies(lane):
                return buckets[lane.way]
        return self._default[lane.way]

    def _tell(self) -> None:
        """Wake whoever waits for a turn."""
        self._changed.set()
        self._changed = asyncio.Event()


async def _arrive(
    in_flight: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter
) -> None:
    """Hand over each chunk when it is due; the empty one is the sender's end of stream."""
    now = asyncio.get_running_loop().time
    while True:
        due, chunk = await in_flight.get()
        if (wait := due - now()) > 0:
            await asyncio.sleep(wait)
        if not chunk:
            break
        sink.write(chunk)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()


async def _set_before(event: asyncio.Event, due: float) -> bool:
    """Whether the event is set before the loop's clock says `due`."""
    try:
        async with asyncio.timeout_at(due):
            return await event.wait()
    except TimeoutError:
        return False


def _lane(ue: asyncio.StreamWriter, way: Way) -> Lane:
    """The connection whose near end a writer is."""
    near, here = ue.get_extra_info("peername"), ue.get_extra_info("sockname")
    return Lane(way, near[0], near[1], here[0], here[1])


def _bucket(rate_bps: float | None) -> TokenBucket | None:
    return None if rate_bps is None else TokenBucket(rate_bps / 8)
