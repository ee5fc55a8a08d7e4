"""What an operator can count and time at the AF, in Prometheus' terms (docs/operations.md).

One registry per AF, so that several in one process stay apart. Labels are names from tables
(interfaces, operations, statuses), never identifiers: their number is bounded.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus

from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import generate_latest

from fivegms_af.policy.alarms import Finding
from fivegms_af.routes import Route

UNROUTED = "none"

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WRITES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
LAG_INTERVAL_S = 1.0

Observe = Callable[[web.Request, int, float], None]
"""Told of each answer: the request, the status, and the seconds that it took."""


class Metrics:
    """The counters of one AF; whoever has more to count registers with `registry`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "fivegms_af_requests",
            "Requests answered, by interface, operation and status.",
            ("interface", "operation", "status"),
            registry=self.registry,
        )
        self._durations = Histogram(
            "fivegms_af_request_duration_seconds",
            "How long requests took, by interface and operation.",
            ("interface", "operation"),
            buckets=_SECONDS,
            registry=self.registry,
        )

        self.reports = Counter(
            "fivegms_af_reports",
            "Reports of UEs that were kept, by kind.",
            ("kind",),
            registry=self.registry,
        )
        self.qos_alarms = Counter(
            "fivegms_af_qos_alarms",
            "QoS alarms that were raised, by kind.",
            ("kind",),
            registry=self.registry,
        )
        self.write_batches = Histogram(
            "fivegms_af_database_batch_writes",
            "Writes that shared a commit; the sum is all writes, the count all commits.",
            buckets=_WRITES,
            registry=self.registry,
        )
        self.loop_lag = Histogram(
            "fivegms_af_event_loop_lag_seconds",
            "How late the event loop was with what was due, asked every second.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.documents = Gauge(
            "fivegms_af_documents",
            "Resources that there are below Provisioning Sessions, by kind.",
            ("kind",),
            registry=self.registry,
        )
        self.session_handling = Gauge(
            "fivegms_af_session_handling_resources",
            "Dynamic policies and network assistance sessions that there are.",
            ("kind",),
            registry=self.registry,
        )
        self.sessions = Gauge(
            "fivegms_af_provisioning_sessions",
            "Provisioning Sessions that there are.",
            registry=self.registry,
        )
        self.server_up = Gauge(
            "fivegms_af_application_server_up",
            "Whether the Application Server answered when it was last asked.",
            ("server",),
            registry=self.registry,
        )
        self.server_refused_sessions = Gauge(
            "fivegms_af_application_server_refused_sessions",
            "Sessions of which the Application Server refuses something.",
            ("server",),
            registry=self.registry,
        )

    def observer(self, interface: str, routes: Iterable[Route]) -> Observe:
        """Counts what a listener answers; what is no route of the table is `none`."""
        operations: dict[tuple[object, str], str] = {}
        for route in routes:
            operations[route.handler, route.method] = route.operation_id
            if route.method == hdrs.METH_GET:
                operations[route.handler, hdrs.METH_HEAD] = route.operation_id
        counted: dict[tuple[str, int], Callable[[], None]] = {}
        timed: dict[str, Callable[[float], None]] = {}

        def observe(request: web.Request, status: int, seconds: float) -> None:
            operation = operations.get((request.match_info.handler, request.method), UNROUTED)
            count = counted.get((operation, status))
            if count is None:
                # Looked up once: labels cost more than counting does.
                count = self._requests.labels(interface, operation, str(int(status))).inc
                counted[operation, status] = count
                timed[operation] = self._durations.labels(interface, operation).observe
            count()
            timed[operation](seconds)

        return observe

    def count_alarm(self, finding: Finding) -> None:
        """Count what raises an alarm; what clears one is not counted."""
        if finding.is_missed:
            self.qos_alarms.labels(finding.kind.value).inc()

    async def watch_loop(self) -> None:
        """Observe for ever how late this coroutine is woken."""
        while True:
            due = time.monotonic() + LAG_INTERVAL_S
            await asyncio.sleep(LAG_INTERVAL_S)
            self.loop_lag.observe(max(0.0, time.monotonic() - due))

    def exposition(self) -> bytes:
        """Everything in the text format."""
        return generate_latest(self.registry)


def is_failure(status: int) -> bool:
    """Whether an answer says that the server failed, which operators want in the log."""
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR
