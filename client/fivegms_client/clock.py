"""Time and chance as this client's shells see them: one value, so that tests can replace it."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """`now` in seconds from any fixed point, `sleep` for seconds, `jitter` in [0, 1).

    `utc` is the time of day, by which releases expire.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random
    utc: Callable[[], datetime] = lambda: datetime.now(UTC)


SYSTEM_CLOCK = Clock()
