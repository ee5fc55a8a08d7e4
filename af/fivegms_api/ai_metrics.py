"""Metrics of an AI model in use, scheme `urn:fivegms:ai:metrics:2026`: a JSON report of a UE.

One report covers one period of one model at one client. Every metric is optional: a client reports
what it was asked for and can measure. `values` gives the numbers under the names that lists,
aggregates and event exposure use (docs/reports.md).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from fivegms_api.reported import (
    Count,
    Duration,
    Figure,
    Instant,
    MetricValue,
    Name,
    ReportingClientId,
)
from fivegms_api.wire import WireModel

AI_METRICS_MEDIA_TYPE = "application/vnd.fivegms.ai-metrics+json"

MAX_VARIANTS = 64

_Reading = tuple[str, str | None, float]


class VariantUsed(WireModel):
    """The variant that was chosen of a subset."""

    subset: Count
    variant: Name


class ModelUsed(WireModel):
    """The model that the metrics are of."""

    name: Name
    version: Count
    variants: Annotated[tuple[VariantUsed, ...], Field(max_length=MAX_VARIANTS)] = ()


class BytesMoved(WireModel):
    """Bytes over the network by component; `weights` by the variant's id.

    `retransmitted` arrived and was thrown away; the others count what was kept.
    """

    manifest: Count | None = None
    topology: Count | None = None
    weights: Annotated[dict[Name, Count], Field(max_length=MAX_VARIANTS)] | None = None
    retransmitted: Count | None = None


class InferenceLatency(WireModel):
    """Milliseconds of the inferences of the period."""

    count: Annotated[int, Field(ge=1, le=2**53)]
    mean: Figure
    p50: Figure
    p95: Figure


class AccuracyMeasured(WireModel):
    """A figure, what it measures, and the data set that it is from."""

    metric: Name
    value: Annotated[float, Field(ge=-1e18, le=1e18)]
    data_set: Name


class EnergyEstimate(WireModel):
    """Joules, and how they were estimated."""

    joules: Figure
    method: Name


class Stalls(WireModel):
    """How often the fetching stood still, and for how many milliseconds altogether."""

    count: Count
    total_ms: Figure


class AiMetrics(WireModel):
    """Times in milliseconds, `throughput` in bit/s."""

    time_to_first_inference: Figure | None = None
    bytes: BytesMoved | None = None
    inference_latency: InferenceLatency | None = None
    accuracy: Annotated[tuple[AccuracyMeasured, ...], Field(max_length=MAX_VARIANTS)] = ()
    energy: EnergyEstimate | None = None
    stalls: Stalls | None = None
    throughput: Figure | None = None


class AiMetricsReport(WireModel):
    """What one client measured of one model; `period_duration` in seconds."""

    scheme: Literal["urn:fivegms:ai:metrics:2026"] = "urn:fivegms:ai:metrics:2026"
    reporting_client_id: ReportingClientId
    model: ModelUsed
    period_start: Instant
    period_duration: Duration
    metrics: AiMetrics

    @property
    def period_end(self) -> datetime:
        """The instant that the values are of."""
        return self.period_start + timedelta(seconds=self.period_duration)

    def values(self) -> tuple[MetricValue, ...]:
        """Every number of the report, at the end of its period."""
        at = self.period_end
        return tuple(
            MetricValue(name, unit, float(value), at) for name, unit, value in _read(self.metrics)
        )


def _read(metrics: AiMetrics) -> Iterator[_Reading]:
    if metrics.time_to_first_inference is not None:
        yield "timeToFirstInference", "ms", metrics.time_to_first_inference
    if metrics.bytes is not None:
        yield from _bytes(metrics.bytes)
    if metrics.inference_latency is not None:
        latency = metrics.inference_latency
        yield "inferenceLatency.count", None, latency.count
        yield "inferenceLatency.mean", "ms", latency.mean
        yield "inferenceLatency.p50", "ms", latency.p50
        yield "inferenceLatency.p95", "ms", latency.p95
    for accuracy in metrics.accuracy:
        yield f"accuracy.{accuracy.metric}", None, accuracy.value
    if metrics.energy is not None:
        yield "energy", "J", metrics.energy.joules
    if metrics.stalls is not None:
        yield "stalls.count", None, metrics.stalls.count
        yield "stalls.total", "ms", metrics.stalls.total_ms
    if metrics.throughput is not None:
        yield "throughput", "bit/s", metrics.throughput


def _bytes(moved: BytesMoved) -> Iterator[_Reading]:
    parts = {
        "manifest": moved.manifest,
        "topology": moved.topology,
        "weights": None if moved.weights is None else sum(moved.weights.values()),
        "retransmitted": moved.retransmitted,
    }
    known = {name: size for name, size in parts.items() if size is not None}
    yield "bytes", "byte", sum(known.values())
    for name, size in known.items():
        yield f"bytes.{name}", "byte", size
