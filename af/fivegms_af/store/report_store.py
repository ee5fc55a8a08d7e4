"""Reports in the database: written whole with what was read from them, read in bounded pages.

Pages go by the order of arrival, so a reader who comes back with the position of the last report
sees none twice, and misses none of one AF. No rule lives here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, delete, func, insert, select

from fivegms_af.reports.paging import Position, ReportQuery
from fivegms_af.reports.records import ConsumptionRecord, ConsumptionUnit, MetricsRecord
from fivegms_af.store.database import Database
from fivegms_af.store.report_queries import joined, wanted
from fivegms_af.store.tables import (
    consumption_reports,
    consumption_units,
    invocations,
    metric_values,
    metrics_reports,
)
from fivegms_api.reported import MetricValue

MAX_REPORT_ROWS = 5_000
"""No report has more values or units: its reader refuses it."""

Record = TypeVar("Record")
_Values = dict[str, object]


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """Records in order; `end` where the next page begins, None after the last."""

    records: tuple[Record, ...]
    end: Position | None


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A consumption unit with the report that it came in."""

    report: Position
    reporting_client_id: str
    media_player_entry: str
    unit: ConsumptionUnit


@dataclass(frozen=True, slots=True)
class ValueRow:
    """A metric's value with the report that it came in."""

    report: Position
    reporting_client_id: str | None
    configuration_id: str
    value: MetricValue


class ReportStore:
    """The reports of all sessions. All methods raise StorageUnavailable.

    A page of reports has bodies of about `page_bytes`, one of rows about `page_rows`, which is more
    than one report can have; so each has at least one report.
    """

    def __init__(
        self,
        database: Database,
        *,
        page_bytes: int = 4 * 2**20,
        page_rows: int = 4 * MAX_REPORT_ROWS,
    ) -> None:
        self._database = database
        self._page_bytes = page_bytes
        self._page_rows = page_rows

    async def add_consumption(self, record: ConsumptionRecord) -> None:
        """Durable once this returns; raises ChangedMeanwhile where the session has gone."""
        report: _Values = {
            "provisioning_session_id": record.session_id,
            "received": record.received,
            "reporting_client_id": record.reporting_client_id,
            "media_player_entry": record.media_player_entry,
            "body": record.body,
        }
        units: list[_Values] = [
            {
                "provisioning_session_id": record.session_id,
                "media_consumed": unit.media_consumed,
                "start": unit.start,
                "duration_s": unit.duration_s,
            }
            for unit in record.units
        ]
        await self._add(consumption_reports, report, consumption_units, units)

    async def add_metrics(self, record: MetricsRecord) -> None:
        """Durable once this returns; raises ChangedMeanwhile where the session has gone."""
        report: _Values = {
            "provisioning_session_id": record.session_id,
            "metrics_reporting_configuration_id": record.configuration_id,
            "received": record.received,
            "content_type": record.content_type,
            "reporting_client_id": record.reporting_client_id,
            "body": record.body,
        }
        values: list[_Values] = [
            {
                "provisioning_session_id": record.session_id,
                "name": value.name,
                "unit": value.unit,
                "value": value.value,
                "at": value.at,
            }
            for value in record.values
        ]
        await self._add(metrics_reports, report, metric_values, values)

    async def add_invocation(self, session_id: str, kind: str, at: datetime) -> None:
        """Durable once this returns; raises ChangedMeanwhile where the session has gone."""
        row = {"provisioning_session_id": session_id, "kind": kind, "at": at}
        await self._database.write(
            lambda connection: connection.execute(insert(invocations), [row])
        )

    async def consumption_page(
        self, query: ReportQuery, after: Position | None, limit: int
    ) -> Page[ConsumptionRecord]:
        """Whole reports, `limit` at most."""

        def read(connection: Connection) -> Page[ConsumptionRecord]:
            rows, end = self._reports(connection, consumption_reports, query, after, limit)
            below = _below(connection, consumption_units, rows, consumption_units.c.start)
            records = tuple(_consumption(row, below.get(row.id, ())) for row in rows)
            return Page(records, end)

        return await self._database.read(read)

    async def metrics_page(
        self, query: ReportQuery, after: Position | None, limit: int
    ) -> Page[MetricsRecord]:
        """Whole reports, `limit` at most."""

        def read(connection: Connection) -> Page[MetricsRecord]:
            rows, end = self._reports(connection, metrics_reports, query, after, limit)
            below = _below(
                connection, metric_values, rows, metric_values.c.at, metric_values.c.name
            )
            return Page(tuple(_metrics(row, below.get(row.id, ())) for row in rows), end)

        return await self._database.read(read)

    async def unit_rows(self, query: ReportQuery, after: Position | None) -> Page[UnitRow]:
        """The units of some whole reports, as many as make a page."""
        report, unit = consumption_reports.c, consumption_units.c
        columns = (
            report.reporting_client_id,
            report.media_player_entry,
            unit.media_consumed,
            unit.start,
            unit.duration_s,
        )
        selected = joined(
            query, after, consumption_reports, consumption_units, columns, self._page_rows
        )
        page = self._whole_reports(await self._rows(selected))
        rows = tuple(
            UnitRow(
                Position(row.received, row.id),
                row.reporting_client_id,
                row.media_player_entry,
                _unit(row),
            )
            for row in page.records
        )
        return Page(rows, page.end)

    async def value_rows(self, query: ReportQuery, after: Position | None) -> Page[ValueRow]:
        """The values of some whole reports, as many as make a page; of `query.metric` alone, if
        there is one.
        """
        report, value = metrics_reports.c, metric_values.c
        columns = (
            report.reporting_client_id,
            report.metrics_reporting_configuration_id,
            value.name,
            value.unit,
            value.value,
            value.at,
        )
        selected = joined(query, after, metrics_reports, metric_values, columns, self._page_rows)
        if query.metric is not None:
            selected = selected.where(value.name == query.metric)
        page = self._whole_reports(await self._rows(selected))
        rows = tuple(
            ValueRow(
                Position(row.received, row.id),
                row.reporting_client_id,
                row.metrics_reporting_configuration_id,
                _value(row),
            )
            for row in page.records
        )
        return Page(rows, page.end)

    async def prune(self, before: datetime, batch: int) -> int:
        """Drop up to `batch` of the oldest of each kind that came before `before`; how many went.

        Identifiers count up with time, so the oldest are found without an index on the instant.
        """

        def drop(connection: Connection) -> int:
            return sum(
                _drop(connection, table, _old(connection, table, instant, before, batch))
                for table, instant in _KEPT
            )

        return await self._database.write(drop)

    async def drop_surplus(self, session_id: str, batch: int) -> int:
        """Drop `batch` of each kind of which a session has more; how many went."""

        def drop(connection: Connection) -> int:
            return sum(
                _drop(connection, table, _surplus(connection, table, session_id, batch))
                for table, _ in _KEPT
            )

        return await self._database.write(drop)

    async def _add(
        self, table: Table, report: _Values, below: Table, rows: Sequence[_Values]
    ) -> None:
        def add(connection: Connection) -> None:
            key = connection.execute(insert(table), report).inserted_primary_key
            if rows and key is not None:
                connection.execute(insert(below), [{**row, "report_id": key[0]} for row in rows])

        await self._database.write(add)

    def _reports(
        self,
        connection: Connection,
        table: Table,
        query: ReportQuery,
        after: Position | None,
        limit: int,
    ) -> tuple[Sequence[Row[Any]], Position | None]:
        """The reports of a page and where the next begins: sizes first, then bodies that fit."""
        sized = (
            select(table.c.id, table.c.received, func.length(table.c.body).label("size"))
            .where(*wanted(table, query, after))
            .order_by(table.c.received, table.c.id)
            .limit(limit + 1)
        )
        found = connection.execute(sized).all()
        fitting = found[: _fitting([row.size for row in found[:limit]], self._page_bytes)]
        if not fitting:
            return (), None
        ids = [row.id for row in fitting]
        whole = select(table).where(table.c.id.in_(ids)).order_by(table.c.received, table.c.id)
        last = fitting[-1]
        end = Position(last.received, last.id) if len(found) > len(fitting) else None
        return connection.execute(whole).all(), end

    def _whole_reports(self, rows: Sequence[Row[Any]]) -> Page[Row[Any]]:
        """Without the report that the limit may have cut, which begins the next page."""
        if len(rows) < self._page_rows:
            return Page(tuple(rows), None)
        cut = rows[-1].id
        whole = tuple(row for row in rows if row.id != cut)
        return Page(whole, Position(whole[-1].received, whole[-1].id))

    async def _rows(self, selected: Select[Any]) -> Sequence[Row[Any]]:
        return await self._database.read(lambda connection: connection.execute(selected).all())


def _below(
    connection: Connection, table: Table, reports: Sequence[Row[Any]], *order: ColumnElement[Any]
) -> dict[int, list[Row[Any]]]:
    ids = [report.id for report in reports]
    wanted = select(table).where(table.c.report_id.in_(ids)).order_by(*order)
    below: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(wanted):
        below.setdefault(row.report_id, []).append(row)
    return below


def _fitting(sizes: Sequence[int], page_bytes: int) -> int:
    """How many reports from the first on are about `page_bytes`; at least one."""
    total = 0
    for number, size in enumerate(sizes):
        total += size
        if total > page_bytes and number:
            return number
    return len(sizes)


_KEPT = (
    (consumption_reports, consumption_reports.c.received),
    (metrics_reports, metrics_reports.c.received),
    (invocations, invocations.c.at),
)
"""What is kept of UEs, and when each came."""


def _old(
    connection: Connection,
    table: Table,
    instant: ColumnElement[datetime],
    before: datetime,
    batch: int,
) -> list[int]:
    oldest = select(table.c.id, instant.label("instant")).order_by(table.c.id).limit(batch)
    return [row.id for row in connection.execute(oldest) if row.instant < before]


def _surplus(connection: Connection, table: Table, session_id: str, batch: int) -> list[int]:
    mine = select(table.c.id).where(table.c.provisioning_session_id == session_id)
    ids = list(connection.scalars(mine.limit(batch + 1)))
    return ids[:batch] if len(ids) > batch else []


def _drop(connection: Connection, table: Table, ids: Sequence[int]) -> int:
    if ids:
        connection.execute(delete(table).where(table.c.id.in_(ids)))
    return len(ids)


def _consumption(row: Row[Any], units: Sequence[Row[Any]]) -> ConsumptionRecord:
    return ConsumptionRecord(
        row.provisioning_session_id,
        row.received,
        row.reporting_client_id,
        row.media_player_entry,
        row.body,
        tuple(map(_unit, units)),
    )


def _metrics(row: Row[Any], values: Sequence[Row[Any]]) -> MetricsRecord:
    return MetricsRecord(
        row.provisioning_session_id,
        row.metrics_reporting_configuration_id,
        row.received,
        row.content_type,
        row.reporting_client_id,
        row.body,
        tuple(map(_value, values)),
    )


def _unit(row: Row[Any]) -> ConsumptionUnit:
    return ConsumptionUnit(row.media_consumed, row.start, row.duration_s)


def _value(row: Row[Any]) -> MetricValue:
    return MetricValue(row.name, row.unit, row.value, row.at)
