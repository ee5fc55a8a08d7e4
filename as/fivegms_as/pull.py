"""Pull ingest: the store as a cache of the provider's origin (TS 26.512 7.6.3, 8.3).

What is fresh is served from the store; what is stale is asked for again with its entity tag; what
is not there is fetched whole, once for all who wait for it, and is then content like any other,
until it is the least recently used and others need its room. The path alone names
it: a request's query and fields do not reach the origin.
"""

import asyncio
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import quote

import structlog

from fivegms_api.content_hosting import CachingDirectives
from fivegms_api.media_type import is_media_type
from fivegms_as.errors import (
    OriginRefused,
    OriginTimedOut,
    OriginUnavailable,
    PullIngestOff,
    UnknownContent,
    UnknownProvisioningSession,
    UploadWithdrawn,
)
from fivegms_as.freshness import ABSENT_LIFETIME_S, Lifetime, ruled_lifetime_s
from fivegms_as.media_types import media_type
from fivegms_as.namespace import PulledFrom, StoredObject
from fivegms_as.origin import OriginAnswer, Origins
from fivegms_as.preparation_rules import is_input
from fivegms_as.pull_cache import Key, PullCache
from fivegms_as.sessions import Sessions
from fivegms_as.store import Addition, ContentStore, Draft, UploadTerms

MAX_ABSENT = 10_000
_MAX_ETAG_CHARACTERS = 1024
_CONTENT_CHARACTERS = "/:@!$&'()*+,;="

_log = structlog.get_logger("fivegms_as.pull")

Rules = Callable[[int], CachingDirectives | None]
"""What the provider's caching configurations say of an answer with that status."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """An object as the origin last gave or confirmed it, at `confirmed`."""

    stored: StoredObject
    etag: str | None
    confirmed: datetime
    lifetime: Lifetime
    cache_control: str | None

    def age_s(self, now: datetime) -> int:
        """For how long it has been away from the origin (RFC 9111 5.1)."""
        return max(0, int((now - self.confirmed).total_seconds())) + self.lifetime.age_s


@dataclass(slots=True)
class _Fetch:
    """A fetch under way; what it brings is not wanted any more once it is superseded."""

    origin: str
    task: asyncio.Task[Pulled]
    superseded: bool = False


class _Superseded(Exception):
    """The origin has to be asked anew: what a fetch under way brings may be old."""


class Pull:
    """Fetches what a session's origin has. An async context manager: leaving it stops fetches.

    `on_change` is told the session whenever its content changed. Nothing is fetched or served
    unless `enabled`, whatever was configured before. What preparations work on is kept, beside the
    `cache_bytes` that the rest may take.
    """

    def __init__(
        self,
        store: ContentStore,
        sessions: Sessions,
        origins: Origins,
        *,
        enabled: bool,
        max_bytes: int,
        cache_bytes: int,
        clock: Callable[[], datetime],
        on_change: Callable[[str], None],
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._origins = origins
        self._enabled = enabled
        self._max_bytes = min(max_bytes, cache_bytes)
        self._cache = PullCache(cache_bytes)
        self._writing = asyncio.Lock()
        self._clock = clock
        self._on_change = on_change
        self._pulled: dict[Key, Pulled] = {}
        self._absent: OrderedDict[Key, tuple[str, datetime, int]] = OrderedDict()
        self._fetches: dict[Key, _Fetch] = {}
        self.outcomes: Counter[str] = Counter(dict.fromkeys(("fresh", "fetched", "failed"), 0))

    async def __aenter__(self) -> Self:
        for session in self._sessions.all():
            self.follow(session.id)
        await self._evict()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tasks = [fetch.task for fetch in self._fetches.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def forget(self, session_id: str) -> None:
        """Ask the origin again for everything of a session: it was purged, or it is gone."""
        for known in (self._pulled, self._absent):
            for key in [key for key in known if key[0] == session_id]:
                del known[key]
        for key, fetch in self._fetches.items():
            fetch.superseded |= key[0] == session_id
        self.follow(session_id)

    def follow(self, session_id: str) -> None:
        """Learn which content of a session may be evicted: what it is configured to has changed."""
        try:
            objects = self._store.objects(session_id)
        except UnknownProvisioningSession:
            objects = {}
        cached = sorted(
            (stored for stored in objects.values() if self._may_go(session_id, stored)),
            key=lambda stored: stored.modified,
        )
        self._cache.follow(session_id, {stored.path: stored.size_bytes for stored in cached})

    def _may_go(self, session_id: str, stored: StoredObject) -> bool:
        """Whether the origin has an object as well, and no preparation works on it."""
        session = self._sessions.get(session_id)
        if session is None or session.hosting is None or session.hosting.origin is None:
            return False
        preparations = (template.preparation for template in session.templates.values())
        needed = any(one is not None and is_input(one, stored.path) for one in preparations)
        return stored.pulled is not None and not needed

    async def fresh(self, session_id: str, origin: str, path: str, rules: Rules) -> Pulled:
        """The object at a content path, as fresh as the provider's rules and the origin ask.

        Where the origin is down, what is stored is good enough unless one of them says `no-cache`.
        Raises UnknownContent, OriginRefused, OriginUnavailable, OriginTimedOut, PullIngestOff,
        StoreFull.
        """
        self._check_enabled()
        url = origin + quote(path, _CONTENT_CHARACTERS)
        held = self._held(session_id, path, url)
        directives = rules(HTTPStatus.OK)
        if held is not None and self._is_fresh(held, directives):
            self.outcomes["fresh"] += 1
            self._cache.use((session_id, path))
            return held
        self._refuse_absent(session_id, path, url, rules(HTTPStatus.NOT_FOUND))
        try:
            return await self.fetch(session_id, origin, path)
        except (OriginUnavailable, OriginTimedOut) as error:
            if held is None or not _may_be_stale(held, directives):
                raise
            _log.warning("origin is down: stale content", url=url, error=str(error))
            return held

    async def fetch(self, session_id: str, origin: str, path: str) -> Pulled:
        """Ask the origin now; who asks meanwhile waits for the same answer."""
        self._check_enabled()
        key = session_id, path
        while True:
            self._check_configured(key, origin)
            fetch = self._fetches.get(key) or self._start(key, origin)
            fetch.superseded |= fetch.origin != origin
            try:
                return await asyncio.shield(fetch.task)
            except _Superseded:
                _log.info("asked anew", session=session_id, path=path)

    def _check_enabled(self) -> None:
        if not self._enabled:
            raise PullIngestOff("this server pulls no content")

    def _start(self, key: Key, origin: str) -> _Fetch:
        task = asyncio.create_task(self._fetch(key, origin), name=f"pull of {key[1]}")
        task.add_done_callback(lambda task: self._ended(key, task))
        self._fetches[key] = _Fetch(origin, task)
        return self._fetches[key]

    def _ended(self, key: Key, task: asyncio.Task[Pulled]) -> None:
        del self._fetches[key]
        if not task.cancelled():
            failed = task.exception() is not None  # whoever waited has it; nobody may be left
            self.outcomes["failed" if failed else "fetched"] += 1

    def _held(self, session_id: str, path: str, url: str) -> Pulled | None:
        """What is stored of a URL. After a restart its freshness is not known: it has none."""
        stored = self._store.find(session_id, path)
        if stored is None or stored.pulled is None or stored.pulled.url != url:
            return None
        known = self._pulled.get((session_id, path))
        if known is not None and known.stored is stored:
            return known
        return Pulled(stored, stored.pulled.etag, stored.modified, Lifetime(0), None)

    def _is_fresh(self, held: Pulled, directives: CachingDirectives | None) -> bool:
        lifetime_s = ruled_lifetime_s(directives, held.lifetime.seconds)
        return self._clock() - held.confirmed < timedelta(seconds=lifetime_s)

    def _refuse_absent(
        self, session_id: str, path: str, url: str, directives: CachingDirectives | None
    ) -> None:
        """Raises UnknownContent where the origin said so a short while ago."""
        absent = self._absent.get((session_id, path))
        if absent is None:
            return
        absent_url, asked, said_s = absent
        lifetime = timedelta(seconds=ruled_lifetime_s(directives, said_s))
        if absent_url == url and self._clock() - asked < lifetime:
            raise UnknownContent(path)

    async def _fetch(self, key: Key, origin: str) -> Pulled:
        try:
            pulled = await self._ask(key, origin)
        except (UploadWithdrawn, UnknownProvisioningSession):  # it was deleted meanwhile
            raise UnknownContent(key[1]) from None
        await self._evict()
        return pulled

    async def _ask(self, key: Key, origin: str) -> Pulled:
        session_id, path = key
        self._check_wanted(key, origin)
        url = origin + quote(path, _CONTENT_CHARACTERS)
        held = self._held(session_id, path, url)
        async with self._origins.get(url, held.etag if held else None) as answer:
            if answer.status == HTTPStatus.OK:
                return await self._store_answer(key, origin, url, answer)
        self._check_wanted(key, origin)
        if answer.status == HTTPStatus.NOT_MODIFIED:
            return self._confirmed(key, held, answer)
        await self._lost(key, url, held, answer)
        raise UnknownContent(path)

    async def _store_answer(self, key: Key, origin: str, url: str, answer: OriginAnswer) -> Pulled:
        session_id, path = key
        declared = answer.fields.get("Content-Type", "")
        content_type = media_type(path, declared if is_media_type(declared) else None)
        terms = UploadTerms(content_type)
        draft = await asyncio.to_thread(self._store.begin, session_id, _draft_path(path), terms)
        try:
            async for block in answer.blocks(self._max_bytes):
                await asyncio.to_thread(draft.append, block)
                self._check_wanted(key, origin)
            self._check_wanted(key, origin)
        except BaseException:
            await asyncio.to_thread(draft.discard)
            raise
        mark = PulledFrom(url, _etag(answer.fields))
        stored = await self._publish(key, draft, content_type, mark)
        return self._note(key, stored, answer.fields)

    async def _publish(
        self, key: Key, draft: Draft, content_type: str, mark: PulledFrom
    ) -> StoredObject:
        """The path's object with these bytes; the one that is there already, where it is equal."""
        session_id, path = key
        stored = self._store.find(session_id, path)
        if (
            stored is not None
            and (stored.sha256, stored.content_type) == (draft.sha256, content_type)
            and stored.pulled == mark
        ):
            await asyncio.to_thread(draft.discard)
            return stored
        addition = Addition(path, draft, content_type, pulled=mark)
        async with self._writing:
            await asyncio.to_thread(self._store.publish, session_id, [addition], [], self._clock())
            published = self._store.find(session_id, path)
        self._on_change(session_id)
        if published is None:
            raise UnknownContent(path)
        return published

    async def _evict(self) -> None:
        """Make room: what was not asked for the longest goes, unless it is being fetched."""
        async with self._writing:
            paths: defaultdict[str, list[str]] = defaultdict(list)
            for session_id, path in self._cache.shed(self._fetches):
                self._pulled.pop((session_id, path), None)
                paths[session_id].append(path)
            for session_id, gone in paths.items():
                with suppress(UnknownProvisioningSession):
                    await asyncio.to_thread(
                        self._store.publish, session_id, [], gone, self._clock()
                    )

    def _check_wanted(self, key: Key, origin: str) -> None:
        """Raises where the session changed its mind, or a template made this path, meanwhile."""
        if self._fetches[key].superseded:
            raise _Superseded
        self._check_configured(key, origin)
        stored = self._store.find(*key)
        if stored is not None and stored.prepared:
            raise UnknownContent(key[1])

    def _check_configured(self, key: Key, origin: str) -> None:
        session = self._sessions.get(key[0])
        if session is None or session.hosting is None:
            raise UnknownContent(key[1])
        if session.hosting.origin != origin:
            raise OriginUnavailable("the session was configured anew; ask again")

    def _confirmed(self, key: Key, held: Pulled | None, answer: OriginAnswer) -> Pulled:
        """The object that is stored, good again; an origin need not repeat what it said of it."""
        if held is None:
            raise OriginRefused("the origin answers 304 to a request without conditions")
        said = answer.fields
        if "Cache-Control" in said or held.cache_control is None:
            return self._note(key, held.stored, said)
        confirmed = replace(held, confirmed=self._clock())
        self._pulled[key] = confirmed
        self._cache.use(key)
        return confirmed

    def _note(self, key: Key, stored: StoredObject, said: Mapping[str, str]) -> Pulled:
        self._absent.pop(key, None)
        pulled = Pulled(
            stored=stored,
            etag=_etag(said) or (stored.pulled.etag if stored.pulled else None),
            confirmed=self._clock(),
            lifetime=Lifetime.of(said),
            cache_control=said.get("Cache-Control"),
        )
        self._pulled[key] = pulled
        if self._may_go(key[0], stored):
            self._cache.put(key, stored.size_bytes)
        return pulled

    async def _lost(self, key: Key, url: str, held: Pulled | None, answer: OriginAnswer) -> None:
        """The origin has it no more: neither has the store, and nobody asks for a while."""
        session_id, path = key
        self._pulled.pop(key, None)
        self._cache.drop(key)
        lifetime_s = Lifetime.of(answer.fields, default_s=ABSENT_LIFETIME_S).seconds
        self._absent[key] = url, self._clock(), lifetime_s
        if len(self._absent) > MAX_ABSENT:
            self._absent.popitem(last=False)
        if held is not None:
            with suppress(UnknownProvisioningSession):
                await asyncio.to_thread(self._store.publish, session_id, [], [path], self._clock())


def _draft_path(path: str) -> str:
    """No content path: an upload to the path, begun before pull ingest, has a draft of its own."""
    return f"\0{path}"


def _may_be_stale(held: Pulled, directives: CachingDirectives | None) -> bool:
    if directives is not None and directives.no_cache:
        return False
    return held.lifetime.may_be_stale


def _etag(fields: Mapping[str, str]) -> str | None:
    """The origin's entity tag, to be sent back to it as it came."""
    etag = fields.get("ETag")
    return etag if etag is not None and len(etag) <= _MAX_ETAG_CHARACTERS else None
