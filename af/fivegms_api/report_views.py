"""What M1 shows of the reports of a session: lists, aggregates, analytics, event data.

Extensions of ours, below `/3gpp-m1/v2/provisioning-sessions/{provisioningSessionId}`
(docs/reports.md).
"""

from datetime import datetime
from typing import Any

from fivegms_api.event_data_processing import AfEvent
from fivegms_api.wire import WireModel


class ReportedUnit(WireModel):
    """A consumption unit; `duration` in seconds."""

    media_consumed: str
    start_time: datetime
    duration: float


class StoredConsumptionReport(WireModel):
    """A consumption report as it was stored, `report` being the document that the UE sent."""

    received: datetime
    reporting_client_id: str
    media_player_entry: str
    units: tuple[ReportedUnit, ...]
    report: dict[str, Any]


class ConsumptionReportList(WireModel):
    """A page in the order of arrival; `next` is the `cursor` of the page after it, if any."""

    consumption_reports: tuple[StoredConsumptionReport, ...]
    next: str | None = None


class ReportedValue(WireModel):
    """A number of a metrics report."""

    metric: str
    unit: str | None = None
    value: float
    at: datetime


class StoredMetricsReport(WireModel):
    """A metrics report as it was stored, `report` being what the UE sent: an object or XML text."""

    received: datetime
    metrics_reporting_configuration_id: str
    content_type: str
    reporting_client_id: str | None = None
    values: tuple[ReportedValue, ...]
    report: dict[str, Any] | str


class MetricsReportList(WireModel):
    """A page in the order of arrival; `next` is the `cursor` of the page after it, if any."""

    metrics_reports: tuple[StoredMetricsReport, ...]
    next: str | None = None


class Statistics(WireModel):
    """What many values say; the quantiles are measured values (nearest rank)."""

    count: int
    mean: float
    minimum: float
    maximum: float
    p50: float
    p95: float


class Bucket(Statistics):
    """The values from `start` on, for the length of a bucket."""

    start: datetime


class MetricsAggregate(WireModel):
    """A metric over time; `bucket` in seconds. Buckets without a value are left out."""

    metric: str
    unit: str | None = None
    since: datetime
    until: datetime
    bucket: int
    buckets: tuple[Bucket, ...]


class ConsumedMedium(WireModel):
    """How long, by how many clients and how often a medium was consumed below an entry point."""

    media_player_entry: str
    media_consumed: str
    seconds: float
    clients: int
    units: int


class ConsumptionAggregate(WireModel):
    """What was consumed most first; `complete` is false where there is more than is shown."""

    media: tuple[ConsumedMedium, ...]
    complete: bool


class BacktestedError(WireModel):
    """How wrong the same method was about `count` intervals of the past, each from what was known
    before it. In the metric's unit.
    """

    count: int
    mean_absolute: float
    root_mean_square: float


class Forecast(WireModel):
    """The mean expected of the interval from `start` to `end`.

    Nine of ten back-tested errors were small enough for the truth to lie from `low` to `high`.
    """

    start: datetime
    end: datetime
    value: float
    low: float
    high: float
    method: str
    backtest: BacktestedError


class MetricAnalytics(WireModel):
    """A metric's statistics and, unless `no_forecast` says why not, its forecast.

    Not `complete` where the period has more values: these are the newest.
    """

    metric: str
    unit: str | None = None
    complete: bool
    statistics: Statistics
    forecast: Forecast | None = None
    no_forecast: str | None = None


class Analytics(WireModel):
    """Statistics and predictions of a session; without `metrics` nothing was reported then.

    Not `complete` where the session has more metrics: these are the first by name.
    """

    since: datetime
    until: datetime
    bucket: int
    metrics: tuple[MetricAnalytics, ...]
    complete: bool


class ExposedValue(WireModel):
    """A value of a parameter: of one instant (`at`), or aggregated from `since` until `until`.

    `over_time` and `over_users` are the functions that made it; `labels` what else the profile
    exposes of where it comes from.
    """

    parameter: str
    value: float
    at: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    over_time: str | None = None
    over_users: str | None = None
    labels: dict[str, str] | None = None


class EventData(WireModel):
    """What a data access profile exposes of an event, and nothing beyond it."""

    event_id: AfEvent
    data_access_profile_id: str
    since: datetime
    until: datetime
    values: tuple[ExposedValue, ...]
