"""The reports of a session as its provider sees them: lists in pages, exports whole.

An extension of M1. `Accept` chooses: JSON comes in pages, CSV and Parquet hold everything that
matches.
"""

import asyncio
import json
from collections.abc import Mapping
from functools import partial

from aiohttp import hdrs, web

from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT
from fivegms_af.exchange import query, show
from fivegms_af.m1.provisioning_sessions import find_session
from fivegms_af.m1.report_export import export, pages
from fivegms_af.negotiation import negotiate
from fivegms_af.provisioned import JSON_MEDIA_TYPE
from fivegms_af.reports.formats import (
    CSV_MEDIA_TYPE,
    PARQUET_MEDIA_TYPE,
    UNIT_COLUMNS,
    VALUE_COLUMNS,
    table_writer,
    unit_cells,
    value_cells,
)
from fivegms_af.reports.paging import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Position,
    read_number,
    read_position,
    read_query,
    refused,
)
from fivegms_af.reports.records import ConsumptionRecord, MetricsRecord
from fivegms_af.store.report_store import Page
from fivegms_api.report_views import (
    ConsumptionReportList,
    MetricsReportList,
    ReportedUnit,
    ReportedValue,
    StoredConsumptionReport,
    StoredMetricsReport,
)
from fivegms_api.wire import WireModel

MAX_AGE_S = 0  # the next report may arrive at once

FORMATS = (JSON_MEDIA_TYPE, CSV_MEDIA_TYPE, PARQUET_MEDIA_TYPE)
CONSUMPTION_FILTERS = ("from", "to", "reportingClientId")
METRICS_FILTERS = (*CONSUMPTION_FILTERS, "metric", "configuration")
PAGING = ("limit", "cursor")

_ENDINGS = {CSV_MEDIA_TYPE: "csv", PARQUET_MEDIA_TYPE: "parquet"}


async def list_consumption_reports(request: web.Request) -> web.StreamResponse:
    """GET: 200 with a page of reports, or with the units of all of them as a file."""
    store = request.app[CONTEXT].reports.store
    session = await find_session(request)
    given = query(request, *CONSUMPTION_FILTERS, *PAGING)
    wanted = read_query(session.id, given)
    media_type = negotiate(request.headers.get(hdrs.ACCEPT), FORMATS)
    if media_type != JSON_MEDIA_TYPE:
        _refuse_paging(given)
        rows = pages(partial(store.unit_rows, wanted), unit_cells)
        writer = table_writer(media_type, UNIT_COLUMNS)
        name = f"consumption-reports.{_ENDINGS[media_type]}"
        return await export(request, media_type, name, writer, rows)
    page = await store.consumption_page(wanted, *_place(given))
    return _list(request, await asyncio.to_thread(_consumption_list, page), page.end)


async def list_metrics_reports(request: web.Request) -> web.StreamResponse:
    """GET: 200 with a page of reports, or with the values of all of them as a file."""
    store = request.app[CONTEXT].reports.store
    session = await find_session(request)
    given = query(request, *METRICS_FILTERS, *PAGING)
    wanted = read_query(session.id, given)
    media_type = negotiate(request.headers.get(hdrs.ACCEPT), FORMATS)
    if media_type != JSON_MEDIA_TYPE:
        _refuse_paging(given)
        rows = pages(partial(store.value_rows, wanted), value_cells)
        writer = table_writer(media_type, VALUE_COLUMNS)
        name = f"metrics-reports.{_ENDINGS[media_type]}"
        return await export(request, media_type, name, writer, rows)
    page = await store.metrics_page(wanted, *_place(given))
    return _list(request, await asyncio.to_thread(_metrics_list, page), page.end)


def _place(given: Mapping[str, str]) -> tuple[Position | None, int]:
    limit = read_number(given, "limit", DEFAULT_LIMIT, MAX_LIMIT)
    return read_position(given.get("cursor")), limit


def _refuse_paging(given: Mapping[str, str]) -> None:
    for name in PAGING:
        if name in given:
            raise refused(name, "is for application/json; a file holds everything that matches")


def _consumption_list(page: Page[ConsumptionRecord]) -> Representation:
    """In a thread, as it takes long for a page of long reports."""
    shown = tuple(map(_show_consumption, page.records))
    return _representation(ConsumptionReportList(consumption_reports=shown, next=_next(page.end)))


def _metrics_list(page: Page[MetricsRecord]) -> Representation:
    """In a thread as well."""
    shown = tuple(map(_show_metrics, page.records))
    return _representation(MetricsReportList(metrics_reports=shown, next=_next(page.end)))


def _representation(page: WireModel) -> Representation:
    return Representation(page.to_json(), JSON_MEDIA_TYPE)


def _list(request: web.Request, page: Representation, end: Position | None) -> web.Response:
    response = show(request, page, MAX_AGE_S)
    response.headers[hdrs.VARY] = hdrs.ACCEPT
    if end is not None:
        following = request.rel_url.update_query(cursor=end.cursor())
        response.headers[hdrs.LINK] = f'<{following}>; rel="next"'
    return response


def _next(end: Position | None) -> str | None:
    return None if end is None else end.cursor()


def _show_consumption(record: ConsumptionRecord) -> StoredConsumptionReport:
    units = tuple(
        ReportedUnit(
            media_consumed=unit.media_consumed, start_time=unit.start, duration=unit.duration_s
        )
        for unit in record.units
    )
    return StoredConsumptionReport(
        received=record.received,
        reporting_client_id=record.reporting_client_id,
        media_player_entry=record.media_player_entry,
        units=units,
        report=json.loads(record.body),
    )


def _show_metrics(record: MetricsRecord) -> StoredMetricsReport:
    values = tuple(
        ReportedValue(metric=value.name, unit=value.unit, value=value.value, at=value.at)
        for value in record.values
    )
    is_json = record.content_type.endswith("json")
    return StoredMetricsReport(
        received=record.received,
        metrics_reporting_configuration_id=record.configuration_id,
        content_type=record.content_type,
        reporting_client_id=record.reporting_client_id,
        values=values,
        report=json.loads(record.body) if is_json else record.body.decode(),
    )
