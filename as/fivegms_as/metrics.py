"""What an operator can count at the AS, in Prometheus' terms (docs/operations.md).

What happens is counted in plain numbers where it happens; everything else is looked up when M3 is
asked for `/metrics`. Labels are names of ours, never identifiers: their number is bounded.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from fivegms_api.ai_models import AiModelState
from fivegms_as.delivery import Delivery
from fivegms_as.ingest import IngestCounters
from fivegms_as.preparation import PreparationJobs
from fivegms_as.problems import Handler
from fivegms_as.pull import Pull
from fivegms_as.quarantine import Quarantine
from fivegms_as.sessions import Sessions

OTHER = "none"

_INTERFACES = {"m2d": "m2", "m4d": "m4", "3gpp-m3": "m3", "fivegms-m3": "m3"}
"""The interface that the first part of a path belongs to."""


@dataclass(frozen=True, slots=True)
class RequestCounter:
    """Requests answered, by interface and status."""

    counts: Counter[tuple[str, int]] = field(default_factory=Counter)

    def middleware(self) -> Middleware:
        """The outermost middleware of a listener; what breaks off is not counted."""

        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            response = await handler(request)
            interface = _INTERFACES.get(request.path.split("/", 2)[1], OTHER)
            self.counts[interface, response.status] += 1
            return response

        return count


@dataclass(frozen=True, slots=True, eq=False)
class Metrics(Collector):
    """Everything that is counted of one server."""

    requests: RequestCounter
    delivery: Delivery
    ingest: IngestCounters
    pull: Pull
    jobs: PreparationJobs
    sessions: Sessions
    quarantine: Quarantine

    async def expose(self, _request: web.Request) -> web.Response:
        """GET `/metrics`: 200 in Prometheus' text format."""
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(self)
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
        )

    def collect(self) -> Iterator[Metric]:
        """The families, as the library asks for them."""
        yield self._requests()
        yield from self._delivery()
        yield _counter("ingested_objects", "Objects taken in at M2.", self.ingest.objects)
        yield _counter("ingested_bytes", "Bytes of those objects.", self.ingest.body_bytes)
        yield from self._pull()
        yield self._models()
        held = sum(session.hosting is not None for session in self.sessions.all())
        yield _gauge("hosted_sessions", "Sessions with a Content Hosting Configuration.", held)
        yield _gauge(
            "quarantined_files", "Damaged files set aside since the start.", self.quarantine.count
        )

    def _requests(self) -> Metric:
        family = CounterMetricFamily(
            "fivegms_as_requests",
            "Requests answered, by interface and status.",
            labels=("interface", "status"),
        )
        for (interface, status), number in self.requests.counts.items():
            family.add_metric((interface, str(int(status))), number)
        return family

    def _delivery(self) -> Iterator[Metric]:
        counters = self.delivery.counters
        yield _counter("delivered_bytes", "Bytes of bodies sent at M4.", counters.body_bytes)
        family = CounterMetricFamily(
            "fivegms_as_memory_cache_requests",
            "Small objects delivered, by whether memory had them.",
            labels=("outcome",),
        )
        family.add_metric(("hit",), counters.memory_hits)
        family.add_metric(("miss",), counters.memory_misses)
        yield family
        yield _gauge(
            "memory_cache_bytes", "Bytes of small objects in memory.", self.delivery.memory_bytes
        )

    def _pull(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "fivegms_as_pulls",
            "Requests for pulled content: fresh in store, fetched or confirmed by the origin, "
            "or failed.",
            labels=("outcome",),
        )
        for outcome, number in self.pull.outcomes.items():
            family.add_metric((outcome,), number)
        yield family

    def _models(self) -> Metric:
        family = GaugeMetricFamily(
            "fivegms_as_models", "Models, by the state of their preparation.", labels=("state",)
        )
        states = Counter(
            model.state for session in self.sessions.all() for model in self.jobs.models(session)
        )
        for state in AiModelState:
            family.add_metric((state.value,), states[state])
        return family


def _counter(name: str, documentation: str, value: int) -> Metric:
    return CounterMetricFamily(f"fivegms_as_{name}", documentation, value=value)


def _gauge(name: str, documentation: str, value: int) -> Metric:
    return GaugeMetricFamily(f"fivegms_as_{name}", documentation, value=value)
