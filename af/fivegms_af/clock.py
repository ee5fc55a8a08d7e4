"""Time as the shells see it: what it is now, and waiting. Rules are told the time instead."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

Wait = Callable[[asyncio.Event, float], Awaitable[None]]


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


async def until_set(event: asyncio.Event, timeout_s: float) -> None:
    """Until the event is set or the time is over, whichever comes first."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
