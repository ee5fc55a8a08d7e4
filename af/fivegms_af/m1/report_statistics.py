"""What the reports of a session say together: aggregates over time, statistics, predictions.

An extension of M1. A period that is not named is the last day.
"""

from collections.abc import Iterator
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
    Sample,
    buckets,
    check_buckets,
    last_day,
)
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
    """GET: 200 with statistics and a prediction of every metric that has values."""
    context = request.app[CONTEXT]
    session = await find_session(request)
    given = query(request, "from", "to", "bucket")
    now = context.now()
    period = read_period(given, last_day(now))
    bucket_s = read_number(given, "bucket", DEFAULT_INTERVAL_S, MAX_BUCKET_S)
    since, until = check_buckets(period, bucket_s)
    series = context.report_series
    wanted = ReportQuery(session.id, period)
    analysed = [
        await series.over_values(
            wanted, [name], partial(analyse, name, bucket_s=bucket_s, now=min(now, until))
        )
        for name in await series.metric_names(session.id, period, MAX_METRICS)
    ]
    metrics = tuple(one for one in analysed if one is not None)
    return _show(request, Analytics(since=since, until=until, bucket=bucket_s, metrics=metrics))


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
