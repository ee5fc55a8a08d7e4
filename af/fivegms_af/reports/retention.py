"""Reports go in batches: small enough that other writes pass between, and one database statement
has no more to drop than it is given time for.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from fivegms_af.errors import ApplicationFunctionError
from fivegms_af.store.report_store import ReportStore

INTERVAL_S = 3600.0
BATCH = 100

log = structlog.get_logger()

Sleep = Callable[[float], Awaitable[None]]


async def prune(store: ReportStore, keep: timedelta, now: datetime) -> int:
    """Drop what came more than `keep` before `now`; how many. Raises StorageUnavailable."""
    dropped = 0
    while gone := await store.prune(now - keep, BATCH):
        dropped += gone
    return dropped


async def forget(store: ReportStore, session_id: str, batch: int = BATCH) -> None:
    """Drop most of what was reported of a session that is about to go; the rest goes with it.

    Raises StorageUnavailable.
    """
    while await store.drop_surplus(session_id, batch):
        pass


async def run(
    store: ReportStore,
    keep: timedelta,
    now: Callable[[], datetime],
    sleep: Sleep = asyncio.sleep,
) -> None:
    """Prune now and every hour, until cancelled; a database that is away is tried again then."""
    while True:
        try:
            dropped = await prune(store, keep, now())
        except ApplicationFunctionError as error:
            log.warning("old reports stay for now", reason=str(error))
        else:
            if dropped:
                log.info("old reports were dropped", reports=dropped)
        await sleep(INTERVAL_S)
