"""What the reports of a session say together: aggregates over time, statistics, predictions.

An extension of M1. A period that is not named is the last day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from aiohttp import web

from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT
from fivegms_af.exchange import query, show
from fivegms_af.m1.provisioning_sessions import find_session
from fivegms_af.m1.reports import CONSUMPTION_FILTERS, METRICS_FILTERS
from fivegms_af.provisioned import JSON_MEDIA_TYPE
from fivegms_af.reports.analytics import analyse
from fivegms_af.reports.paging import (
    MAX_LIMIT,
    ReportQuery,
    read_number,
    read_period,
    read_query,
    refused,
)
from fivegms_af.reports.series import (
    MAX_BUCKET_S,
    MAX_SAMPLES,
    Sample,
    buckets,
    check_buckets,
    last_day,
)
from fivegms_af.store.report_series import ReportSeries
from fivegms_api.report_views import (
    Analytics,
    Bucket,
    ConsumedMedium,
    ConsumptionAggregate,
    MetricsAggregate,
)
from fivegms_api.wire import WireModel

MAX_AGE_S = 0
MAX_METRICS = 100
DEFAULT_BUCKET_S = 60
DEFAULT_INTERVAL_S = 300


async def aggregate_consumption(request: web.Request) -> web.Response:
    """GET: 200 with the media, those consumed for longest first."""
    context = request.app[CONTEXT]
    session = await find_session(request)
    given = query(request, *CONSUMPTION_FILTERS, "limit")
    wanted = read_query(session.id, given)
    wanted = replace(wanted, period=read_period(given, last_day(context.now())))
    limit = read_number(given, "limit", MAX_LIMIT, MAX_LIMIT)
    found = await context.report_series.consumed(wanted, limit + 1)
    media = tuple(
        ConsumedMedium(
            media_player_entry=one.media_player_entry,
            media_consumed=one.media_consumed,
            seconds=one.seconds,
            clients=one.clients,
            units=one.units,
        )
        for one in found[:limit]
    )
    return _show(request, ConsumptionAggregate(media=media, complete=len(found) <= limit))


async def aggregate_metrics(request: web.Request) -> web.Response:
    """GET: 200 with what the values of each bucket say."""
    context = request.app[CONTEXT]
    session = await find_session(request)
    given = query(request, *METRICS_FILTERS, "bucket")
    wanted = read_query(session.id, given)
    if wanted.metric is None:
        raise refused("metric", "is required")
    period = read_period(given, last_day(context.now()))
    bucket_s = read_number(given, "bucket", DEFAULT_BUCKET_S, MAX_BUCKET_S)
    since, until = check_buckets(period, bucket_s)
    wanted = replace(wanted, period=period, metric=None)
    unit, found = await context.report_series.over_values(
        wanted, [given["metric"]], partial(_in_buckets, bucket_s)
    )
    aggregate = MetricsAggregate(
        metric=given["metric"],
        unit=unit,
        since=since,
        until=until,
        bucket=bucket_s,
        buckets=found,
    )
    return _show(request, aggregate)


async def retrieve_analytics(request: web.Request) -> web.Response:
    """GET: 200 with statistics and a prediction of a metric, or of each that has values.

    All of them together are read from MAX_SAMPLES values at most, each from as many of its newest.
    """
    context = request.app[CONTEXT]
    session = await find_session(request)
    given = query(request, "from", "to", "bucket", "metric")
    now = context.now()
    wanted = replace(read_query(session.id, given), period=read_period(given, last_day(now)))
    bucket_s = read_number(given, "bucket", DEFAULT_INTERVAL_S, MAX_BUCKET_S)
    since, until = check_buckets(wanted.period, bucket_s)
    series = context.report_series
    names = await _names(series, wanted)
    chosen = names[:MAX_METRICS]
    most = MAX_SAMPLES // max(1, len(chosen))
    analyse_some = partial(analyse, bucket_s=bucket_s, now=min(now, until), most=most)
    analysed = [
        await series.newest_values(wanted, name, most + 1, partial(analyse_some, name))
        for name in chosen
    ]
    analytics = Analytics(
        since=since,
        until=until,
        bucket=bucket_s,
        metrics=tuple(one for one in analysed if one is not None),
        complete=chosen == names,
    )
    return _show(request, analytics)


async def _names(series: ReportSeries, wanted: ReportQuery) -> Sequence[str]:
    """The metric that is asked for, or the first of the session's, one more than is shown."""
    if wanted.metric is not None:
        return (wanted.metric,)
    return await series.metric_names(wanted.session_id, MAX_METRICS + 1)


def _in_buckets(bucket_s: int, samples: Iterator[Sample]) -> tuple[str | None, tuple[Bucket, ...]]:
    """The unit of the first value that has one, and the buckets."""
    units: list[str] = []

    def noted() -> Iterator[Sample]:
        for sample in samples:
            if sample.unit is not None and not units:
                units.append(sample.unit)
            yield sample

    found = tuple(buckets(noted(), bucket_s))
    return (units[0] if units else None), found


def _show(request: web.Request, value: WireModel) -> web.Response:
    return show(request, Representation(value.to_json(), JSON_MEDIA_TYPE), MAX_AGE_S)
