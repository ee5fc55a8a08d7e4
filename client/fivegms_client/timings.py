"""Where the time to first inference goes (`urn:fivegms:ai:metrics:2026`)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds of one start; None for what did not happen.

    `sai_ms`               asking M5 where the model is
    `mpd_ms`               fetching and reading the manifest
    `device_ms`            measuring what this device can do
    `first_byte_ms`        from the start to the first byte of a segment over the network
    `fetch_ms`             from the first request for a segment to the last one at hand
    `decode_ms`            recovering tensors, summed over threads; it overlaps `fetch_ms`
    `load_ms`              making the engine ready
    `ready_ms`             from the start to the model being ready
    `first_inference_ms`   the first inference
    `ttfi_ms`              time to first inference: `ready_ms` + `first_inference_ms`
    """

    sai_ms: float | None = None
    mpd_ms: float | None = None
    device_ms: float | None = None
    first_byte_ms: float | None = None
    fetch_ms: float | None = None
    decode_ms: float | None = None
    load_ms: float | None = None
    ready_ms: float | None = None
    first_inference_ms: float | None = None

    @property
    def ttfi_ms(self) -> float | None:
        """Time to first inference, without what the app did in between."""
        if self.ready_ms is None or self.first_inference_ms is None:
            return None
        return self.ready_ms + self.first_inference_ms

    def with_first_inference(self, first_inference_ms: float) -> "Timings":
        """The same start with its first inference."""
        return replace(self, first_inference_ms=first_inference_ms)


class Stopwatch:
    """Measures the stages of one start; `now` gives seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._started = now()
        self._stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what runs inside as `name`, a field of Timings."""
        started = self._now()
        yield
        self._stages[name] = 1000 * (self._now() - started)

    def note(self, name: str, milliseconds: float) -> None:
        """Record a field of Timings that was measured elsewhere."""
        self._stages[name] = milliseconds

    def since_start_ms(self, instant: float) -> float:
        """From the start to an instant of the same clock."""
        return 1000 * (instant - self._started)

    def timings(self) -> Timings:
        """All that was measured; the model is ready now."""
        return Timings(ready_ms=self.since_start_ms(self._now()), **self._stages)
