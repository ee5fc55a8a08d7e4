"""How often a client may fail to authenticate, so that its secret cannot be guessed. Pure.

Five failures in a row cost nothing; each further one doubles the time for which the client is not
heard, from one second to a minute. Success, or ten minutes without a failure, ends it. Clients that
do not exist are one client here, so memory is bounded by the number of those that do. Whoever keeps
failing in a client's name delays that client: the price of not telling the two apart.
"""

from dataclasses import dataclass

FREE_FAILURES = 5
LONGEST_WAIT_S = 60.0
FORGOTTEN_AFTER_S = 600.0


@dataclass(frozen=True, slots=True)
class _Failures:
    number: int
    latest: float


class FailureLimit:
    """Failures in a row, by client."""

    def __init__(self) -> None:
        self._failures: dict[str | None, _Failures] = {}

    def wait_s(self, client: str | None, now: float) -> float:
        """For how long the client is not heard yet; 0 once it is. None: one that does not exist."""
        failures = self._failures.get(client)
        if failures is None or failures.number < FREE_FAILURES:
            return 0.0
        wait_s = min(LONGEST_WAIT_S, 2.0 ** min(failures.number - FREE_FAILURES, 16))
        return max(0.0, failures.latest + wait_s - now)

    def failed(self, client: str | None, now: float) -> None:
        """Its secret was wrong."""
        earlier = self._failures.get(client)
        recent = earlier is not None and now - earlier.latest < FORGOTTEN_AFTER_S
        number = earlier.number if earlier is not None and recent else 0
        self._failures[client] = _Failures(number + 1, now)

    def succeeded(self, client: str) -> None:
        """Its secret was right."""
        self._failures.pop(client, None)
