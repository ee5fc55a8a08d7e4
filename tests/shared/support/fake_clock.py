"""A clock that stands still until somebody sleeps."""

from collections.abc import Callable

from fivegms_client.clock import Clock


class FakeClock:
    """Time in seconds from 0; sleeping is instant and moves it. `on_sleep` hears of each sleep."""

    def __init__(self, on_sleep: Callable[[float], None] | None = None) -> None:
        self.time_s = 0.0
        self.slept: list[float] = []
        self.on_sleep = on_sleep

    async def sleep(self, duration_s: float) -> None:
        """Let `duration_s` seconds pass."""
        self.slept.append(duration_s)
        self.time_s += duration_s
        if self.on_sleep is not None:
            self.on_sleep(self.time_s)

    def clock(self) -> Clock:
        """As the client takes it, without jitter."""
        return Clock(now=lambda: self.time_s, sleep=self.sleep, jitter=lambda: 0.0)
