"""What a UE reports of a model that it uses, and when (TS 26.512 4.7.4, 4.7.5): a pure rule.

Service Access Information asks for reports: of consumption, and of metrics in our scheme. A
`ReportingSession` is told of inferences from any thread; its owner asks what is due and sends it.
Reports say which variant was used, for how long and how well, and never what was recognised.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from threading import Lock
from urllib.parse import quote, urlsplit

from pydantic import ValidationError

from fivegms_api.ai_metrics import (
    AI_METRICS_MEDIA_TYPE,
    AccuracyMeasured,
    AiMetrics,
    AiMetricsReport,
    BytesMoved,
    InferenceLatency,
    ModelUsed,
    Stalls,
    VariantUsed,
)
from fivegms_api.consumption_report import (
    ConsumptionReport,
    ConsumptionReportingUnit,
    EndpointAddress,
)
from fivegms_api.metrics_reporting import AI_METRICS_SCHEME, metric_name
from fivegms_api.provider_pattern import ProviderPattern
from fivegms_api.reported import MAX_NAME_CHARACTERS
from fivegms_api.service_access_information import (
    ClientMetricsReportingConfiguration,
    ServiceAccessInformation,
)
from fivegms_client.selection import Selection
from fivegms_manifests.model import Model

JSON_MEDIA_TYPE = "application/json"
MAX_LATENCIES = 100_000
"""Inferences of one report that its quantiles are of; later ones only count, and in the mean."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What bringing a model here cost: bytes over the network by component, stalls, throughput.

    `weights_bytes` is by the variant's id. Times are in seconds; None for what was not measured.
    """

    manifest_bytes: int = 0
    topology_bytes: int = 0
    weights_bytes: Mapping[str, int] = field(default_factory=dict)
    retransmitted_bytes: int = 0
    stalls: int = 0
    stalled_s: float = 0.0
    throughput_bps: float | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What is reported on: the model, the variants in use, and how they came here."""

    entry_url: str
    model: Model
    selections: tuple[Selection, ...]
    delivery: Delivery
    client_id: str


@dataclass(frozen=True, slots=True)
class ReportTask:
    """A kind of report that this UE sends to one of `urls`.

    Every `interval_s` seconds; without, once at the end. `metrics` are those to report, None for a
    report of consumption; `with_addresses` whether that says which server was used.
    """

    urls: tuple[str, ...]
    interval_s: float | None
    metrics: frozenset[str] | None = None
    with_addresses: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A document to send to any of `urls`."""

    urls: tuple[str, ...]
    content_type: str
    body: bytes


def plan(
    information: ServiceAccessInformation,
    entry_url: str,
    chance: Callable[[], float] = random.random,
) -> tuple[ReportTask, ...]:
    """The reports that this UE is to send of what `entry_url` leads to.

    `chance` in [0, 1) decides, once for each kind, whether this UE is in the sample.
    """
    tasks = [*_consumption_tasks(information), *_metrics_tasks(information, entry_url)]
    return tuple(task for percentage, task in tasks if 100 * chance() < percentage)


def _consumption_tasks(
    information: ServiceAccessInformation,
) -> Iterator[tuple[float, ReportTask]]:
    asked = information.client_consumption_reporting_configuration
    if asked is not None:
        path = f"consumption-reporting/{quote(information.provisioning_session_id, safe='')}"
        urls = _urls(asked.server_addresses, path)
        task = ReportTask(urls, asked.reporting_interval, with_addresses=asked.access_reporting)
        yield asked.sample_percentage, task


def _metrics_tasks(
    information: ServiceAccessInformation, entry_url: str
) -> Iterator[tuple[float, ReportTask]]:
    for asked in information.client_metrics_reporting_configurations or ():
        identifier = asked.metrics_reporting_configuration_id
        if asked.scheme != AI_METRICS_SCHEME or identifier is None:
            continue
        if not _is_of_interest(asked, entry_url):
            continue
        session = quote(information.provisioning_session_id, safe="")
        path = f"metrics-reporting/{session}/{quote(identifier, safe='')}"
        named = (metric_name(asked.scheme, reference) for reference in asked.metrics)
        metrics = frozenset(name for name in named if name is not None)
        urls = _urls(asked.server_addresses, path)
        yield asked.sample_percentage, ReportTask(urls, asked.reporting_interval, metrics)


def _is_of_interest(asked: ClientMetricsReportingConfiguration, entry_url: str) -> bool:
    """Without filters everything is; a filter that cannot be read filters nothing in."""
    return not asked.url_filters or any(_found(text, entry_url) for text in asked.url_filters)


def _found(pattern: str, url: str) -> bool:
    try:
        return ProviderPattern.parse(pattern).found_in(url)
    except ValueError:
        return False


def _urls(server_addresses: Sequence[str], path: str) -> tuple[str, ...]:
    return tuple(f"{address.rstrip('/')}/{path}" for address in server_addresses)


@dataclass(slots=True)
class _Period:
    """What one task has seen since its last report; instants are aware."""

    task: ReportTask
    due: float | None
    latencies_ms: list[float] = field(default_factory=list)
    count: int = 0
    total_ms: float = 0.0
    first: datetime | None = None
    last: datetime | None = None
    reported: bool = False

    def saw(self, began: datetime, latency_ms: float) -> None:
        self.first = self.first or began
        self.last = began + timedelta(milliseconds=latency_ms)
        self.count += 1
        self.total_ms += latency_ms
        if len(self.latencies_ms) < MAX_LATENCIES:
            self.latencies_ms.append(latency_ms)

    def begin_again(self) -> None:
        self.latencies_ms.clear()
        self.count, self.total_ms = 0, 0.0
        self.first = self.last = None
        self.reported = True


class ReportingSession:
    """The reports of one model in use. `now` is in seconds of any clock, `instant` gives UTC.

    A period in which the model was not used has no report, and neither has one that no report can
    be of, such as while this UE's clock was not set.
    """

    def __init__(
        self,
        tasks: Sequence[ReportTask],
        subject: Subject,
        now: float,
        instant: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._subject = subject
        self._instant = instant
        self._ended: list[Report] = []
        self._has_changed = False
        self._lock = Lock()
        self._ready_ms: float | None = None
        self._ttfi_ms: float | None = None
        self._periods = [
            _Period(task, None if task.interval_s is None else now + task.interval_s)
            for task in tasks
        ]

    def inferred(self, latency_ms: float, ttfi_ms: float | None) -> None:
        """An inference ended now; `ttfi_ms` is the time to the first one, if known."""
        ended = self._instant()
        began = ended - timedelta(milliseconds=latency_ms)
        with self._lock:
            self._ttfi_ms = ttfi_ms
            for period in self._periods:
                period.saw(began, latency_ms)

    def uses(self, subject: Subject) -> None:
        """From now on inferences are of another variant or version: what was before is reported."""
        with self._lock:
            self._ended += [report for period in self._periods for report in self._report(period)]
            self._subject = subject
            self._has_changed = True
            for period in self._periods:
                period.reported = False

    def next_due(self) -> float | None:
        """When to ask for reports again; None where only the end has any."""
        return min((period.due for period in self._periods if period.due is not None), default=None)

    def due(self, now: float) -> list[Report]:
        """The reports whose time has come."""
        with self._lock:
            reports, self._ended = self._ended, []
            for period in self._periods:
                if period.due is not None and period.due <= now:
                    period.due = now + (period.task.interval_s or 0.0)
                    reports += self._report(period)
        return reports

    def finish(self) -> list[Report]:
        """The last reports, of what was not reported yet."""
        with self._lock:
            last = [report for period in self._periods for report in self._report(period)]
            return [*self._ended, *last]

    def _report(self, period: _Period) -> list[Report]:
        if period.first is None or period.last is None:
            return []
        try:
            return [self._written(period, period.first, period.last)]
        except ValidationError:
            return []  # no AF would take it
        finally:
            period.begin_again()

    def _written(self, period: _Period, first: datetime, last: datetime) -> Report:
        task = period.task
        if task.metrics is None:
            consumed = self._consumption(task, first, last)
            return Report(task.urls, JSON_MEDIA_TYPE, consumed.to_json())
        measured = self._metrics(task.metrics, period, first, last)
        return Report(task.urls, AI_METRICS_MEDIA_TYPE, measured.to_json())

    def _consumption(self, task: ReportTask, first: datetime, last: datetime) -> ConsumptionReport:
        subject = self._subject
        model = subject.model
        return ConsumptionReport(
            media_player_entry=subject.entry_url,
            reporting_client_id=subject.client_id,
            consumption_reporting_units=tuple(
                ConsumptionReportingUnit(
                    media_consumed=f"{model.name}/{model.version}/{selection.chosen.id}",
                    server_endpoint_address=_server(subject) if task.with_addresses else None,
                    start_time=first,
                    duration=max(0, round((last - first).total_seconds())),  # clocks go back
                )
                for selection in subject.selections
            ),
        )

    def _metrics(
        self, asked: frozenset[str], period: _Period, first: datetime, last: datetime
    ) -> AiMetricsReport:
        subject = self._subject
        return AiMetricsReport(
            reporting_client_id=subject.client_id,
            model=ModelUsed(
                name=subject.model.name[:MAX_NAME_CHARACTERS],
                version=subject.model.version,
                variants=tuple(
                    VariantUsed(subset=one.subset.id, variant=one.chosen.id[:MAX_NAME_CHARACTERS])
                    for one in subject.selections
                ),
            ),
            period_start=first,
            period_duration=max((last - first).total_seconds(), 1e-6),
            metrics=self._measured(asked, period),
        )

    def _measured(self, asked: frozenset[str], period: _Period) -> AiMetrics:
        """What is of the start of the model is in the first report only."""
        every: dict[str, tuple[str, object]] = {
            "inferenceLatency": ("inference_latency", _latency(period))
        }
        if not period.reported:
            delivery = self._subject.delivery
            every |= {
                "timeToFirstInference": (
                    "time_to_first_inference",
                    None if self._has_changed else self._ttfi_ms,
                ),
                "bytes": ("bytes", _bytes(delivery)),
                "accuracy": ("accuracy", _accuracy(self._subject.selections)),
                "stalls": ("stalls", _stalls(delivery)),
                "throughput": ("throughput", delivery.throughput_bps),
            }
        chosen = {member: value for name, (member, value) in every.items() if name in asked}
        return AiMetrics.model_validate(chosen)


def _server(subject: Subject) -> EndpointAddress:
    parts = urlsplit(subject.entry_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return EndpointAddress(hostname=parts.hostname, port_number=port)


def _latency(period: _Period) -> InferenceLatency:
    ordered = sorted(period.latencies_ms)
    return InferenceLatency(
        count=period.count,
        mean=period.total_ms / period.count,
        p50=_quantile(ordered, 0.5),
        p95=_quantile(ordered, 0.95),
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The nearest rank."""
    return ordered[ceil(share * len(ordered)) - 1]


def _bytes(delivery: Delivery) -> BytesMoved:
    return BytesMoved(
        manifest=delivery.manifest_bytes,
        topology=delivery.topology_bytes,
        weights={
            variant[:MAX_NAME_CHARACTERS]: size for variant, size in delivery.weights_bytes.items()
        },
        retransmitted=delivery.retransmitted_bytes,
    )


def _stalls(delivery: Delivery) -> Stalls:
    return Stalls(count=delivery.stalls, total_ms=1000 * delivery.stalled_s)


def _accuracy(selections: Sequence[Selection]) -> tuple[AccuracyMeasured, ...]:
    """The provider's figures of the variants in use: there is no truth to measure against here."""
    return tuple(
        AccuracyMeasured(
            metric=figure.metric[:MAX_NAME_CHARACTERS],
            value=figure.value,
            data_set=figure.data_set[:MAX_NAME_CHARACTERS],
        )
        for selection in selections
        for figure in selection.chosen.accuracy
    )
