"""Fetching, made reliable: documents, and segments that are checked while they arrive.

A broken segment resumes with a Range request where it broke; a wrong one is thrown away whole.
When to try again is `retry`'s rule, what a status means is `fetching`'s, the digest check is
`fivegms_manifests.digests`'. This module only pumps between them and a `Fetcher`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fivegms_client.clock import SYSTEM_CLOCK, Clock
from fivegms_client.errors import BadAnswer, FetchInterrupted, NotFound
from fivegms_client.fetching import NOT_MODIFIED, OK, PARTIAL, Answer, Fetcher, check_status
from fivegms_client.progress import ProgressMeter
from fivegms_client.retry import DEFAULT_RETRY, Attempts, RetryPolicy
from fivegms_manifests.digests import SegmentCheck
from fivegms_manifests.errors import DigestMismatch, SegmentTooLong, SegmentTooShort
from fivegms_manifests.model import SegmentRef

_RANGE_NOT_SATISFIABLE = 416
_DOCUMENT = frozenset({OK})
_SEGMENT = frozenset({OK, PARTIAL, _RANGE_NOT_SATISFIABLE})


OnWait = Callable[[str, float], None]
"""Told why nothing arrives, and when."""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole answer. `url` is where it came from after redirects; header names are lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


class Transfer:
    """Fetches over `fetcher` under `policy`. Raises ServerUnreachable when the policy gives up.

    `on_wait` hears why a document is being waited for, and when; for segments, their meter does.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        policy: RetryPolicy = DEFAULT_RETRY,
        clock: Clock = SYSTEM_CLOCK,
        on_wait: OnWait = lambda cause, now: None,
    ) -> None:
        self._fetcher = fetcher
        self._policy = policy
        self._clock = clock
        self._on_wait = on_wait

    def now(self) -> float:
        """The clock's time, in seconds."""
        return self._clock.now()

    async def document(
        self, url: str, *, limit_bytes: int, headers: Mapping[str, str] | None = None
    ) -> Document:
        """GET a document of at most `limit_bytes`; 304 is an answer when `headers` ask for it.

        Raises NotFound, AccessRefused, BadAnswer, ServerUnreachable.
        """
        expected = _DOCUMENT | {NOT_MODIFIED} if headers else _DOCUMENT
        attempts = Attempts(self._policy, [url], self.now())
        while True:
            try:
                async with self._fetcher.get(url, headers) as answer:
                    check_status(answer, expected)
                    body = await self._bounded(answer, limit_bytes, attempts)
                    return Document(answer.url, answer.status, answer.headers, body)
            except FetchInterrupted as failure:
                await self._pause(attempts, failure, self._on_wait)

    async def segment(
        self, part: SegmentRef, urls: Sequence[str], meter: ProgressMeter
    ) -> bytearray:
        """GET the bytes of `part` from the first of `urls` that has them, verified.

        Raises SegmentMissing, SegmentCorrupt, AccessRefused, ServerUnreachable.
        """
        attempts = Attempts(self._policy, urls, self.now())
        arriving = _ArrivingSegment(part, meter)
        while True:
            try:
                await self._continue(arriving, attempts)
                return arriving.finish()
            except FetchInterrupted as failure:
                await self._pause(attempts, failure, meter.waiting)
            except NotFound:
                attempts.missing()
            except (SegmentTooLong, SegmentTooShort, DigestMismatch) as failure:
                arriving.restart(self.now())
                await self._clock.sleep(attempts.corrupt(str(failure), self._clock.jitter()))

    async def _continue(self, arriving: "_ArrivingSegment", attempts: Attempts) -> None:
        if arriving.complete:
            return
        async with self._fetcher.get(attempts.url, arriving.request_headers()) as answer:
            check_status(answer, _SEGMENT)
            if not arriving.continues_with(answer):
                arriving.restart(self.now())
                if answer.status != OK:
                    raise FetchInterrupted(f"{answer.url} sent another range than was asked for")
            async for chunk in answer.body:
                now = self.now()
                arriving.add(chunk, now)
                attempts.received(now)

    async def _bounded(self, answer: Answer, limit_bytes: int, attempts: Attempts) -> bytes:
        body = bytearray()
        async for chunk in answer.body:
            body += chunk
            attempts.received(self.now())
            if len(body) > limit_bytes:
                raise BadAnswer(
                    f"{answer.url} is larger than {limit_bytes} bytes; it was not read on"
                )
        return bytes(body)

    async def _pause(self, attempts: Attempts, failure: FetchInterrupted, tell: OnWait) -> None:
        now = self.now()
        tell(str(failure), now)
        await self._clock.sleep(attempts.interrupted(failure, now, self._clock.jitter()))


class _ArrivingSegment:
    """What has arrived of a segment so far, over however many connections."""

    def __init__(self, part: SegmentRef, meter: ProgressMeter) -> None:
        self._part = part
        self._meter = meter
        self._data = bytearray()
        self._check = SegmentCheck(part)
        self._suspect = False

    @property
    def complete(self) -> bool:
        return bool(self._data) and len(self._data) == self._part.size_bytes

    def request_headers(self) -> dict[str, str]:
        headers = {}
        if self._data:
            # No If-Range: the digest tells a changed segment, and its name is its digest.
            headers["Range"] = f"bytes={len(self._data)}-{self._part.size_bytes - 1}"
        if self._suspect:
            headers["Cache-Control"] = "no-cache"  # past whatever cache may hold the wrong bytes
        return headers

    def continues_with(self, answer: Answer) -> bool:
        """Whether the bytes of `answer` follow those that are here."""
        if answer.status != PARTIAL:
            return answer.status == OK and not self._data
        wanted = f"bytes {len(self._data)}-"
        return bool(self._data) and answer.headers.get("content-range", "").startswith(wanted)

    def add(self, chunk: bytes, now: float) -> None:
        """Raises SegmentTooLong."""
        self._check.update(chunk)
        self._data += chunk
        self._meter.arrived(len(chunk), now)

    def restart(self, now: float) -> None:
        if self._data:
            self._meter.thrown_away(len(self._data), now)
        self._suspect = True
        self._data = bytearray()
        self._check = SegmentCheck(self._part)

    def finish(self) -> bytearray:
        """Raises SegmentTooShort and DigestMismatch."""
        self._check.finish()
        return self._data
