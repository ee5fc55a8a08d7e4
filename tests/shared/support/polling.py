"""Waiting for what a server does beside a request, by asking until it is so."""

import asyncio
from collections.abc import Awaitable, Callable

ATTEMPTS = 600
PAUSE_S = 0.01


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Return as soon as `holds` does; raises AssertionError where it never does."""
    for _ in range(ATTEMPTS):
        if await holds():
            return
        await asyncio.sleep(PAUSE_S)
    raise AssertionError(f"{holds.__qualname__} never came true")
