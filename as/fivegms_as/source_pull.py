"""Models whose content is pulled: what their templates name is fetched, again and again if need be.

One seeker per missing path; it ends when the path is there or nobody wants it any more.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

from fivegms_as.errors import ApplicationServerError
from fivegms_as.pull import Pull

LONGEST_RETRY_S = 300.0

_log = structlog.get_logger("fivegms_as.pull")


@dataclass(slots=True)
class _Seeker:
    origin: str
    task: asyncio.Task[None]
    trouble: str | None = None


class SourcePull:
    """Fetches what preparations wait for. An async context manager: leaving it stops all.

    The pause after a failure begins at `first_retry_s` and doubles up to five minutes.
    """

    def __init__(self, pull: Pull, *, first_retry_s: float) -> None:
        self._pull = pull
        self._first_retry_s = first_retry_s
        self._seekers: dict[tuple[str, str], _Seeker] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tasks = [seeker.task for seeker in self._seekers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def seek(self, session_id: str, origin: str | None, paths: Iterable[str]) -> None:
        """Fetch exactly these paths of a session from its origin, and stop seeking others."""
        wanted = frozenset(paths) if origin is not None else frozenset[str]()
        for key, seeker in list(self._seekers.items()):
            if key[0] == session_id and (key[1] not in wanted or seeker.origin != origin):
                seeker.task.cancel()
                del self._seekers[key]
        for path in sorted(wanted):
            if origin is not None and (session_id, path) not in self._seekers:
                self._start(session_id, origin, path)

    def trouble(self, session_id: str, paths: Iterable[str]) -> str | None:
        """Why paths are still missing, in a sentence for each; None where nothing failed so far."""
        seekers = {path: self._seekers.get((session_id, path)) for path in paths}
        failed = [f"{path}: {s.trouble}" for path, s in seekers.items() if s and s.trouble]
        return "; ".join(failed) or None

    def _start(self, session_id: str, origin: str, path: str) -> None:
        seeking = self._seek(session_id, origin, path)
        task = asyncio.create_task(seeking, name=f"seeking {path}")
        self._seekers[session_id, path] = _Seeker(origin, task)

    async def _seek(self, session_id: str, origin: str, path: str) -> None:
        seeker = self._seekers[session_id, path]
        delay_s = self._first_retry_s
        while True:
            try:
                await self._pull.fetch(session_id, origin, path)
            except ApplicationServerError as error:
                seeker.trouble = str(error)
                _log.warning("source not pulled", session=session_id, path=path, error=str(error))
            else:
                break
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, LONGEST_RETRY_S)
        if self._seekers.get((session_id, path)) is seeker:
            del self._seekers[session_id, path]
