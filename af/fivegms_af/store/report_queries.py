"""The conditions that a query for reports puts to the tables of reports."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, or_, select

from fivegms_af.reports.paging import Period, Position, ReportQuery
from fivegms_af.store.tables import metric_values


def wanted(table: Table, query: ReportQuery, after: Position | None) -> list[ColumnElement[bool]]:
    """Reports of a session that arrived in the period and after a position."""
    conditions = [
        table.c.provisioning_session_id == query.session_id,
        *within(table.c.received, query.period),
        *filters(table, query),
    ]
    if after is not None:
        beyond = and_(table.c.received == after.received, table.c.id > after.id)
        conditions += [
            table.c.received >= after.received,  # what the index can find
            or_(table.c.received > after.received, beyond),
        ]
    return conditions


def within(column: ColumnElement[datetime], period: Period) -> list[ColumnElement[bool]]:
    """Instants of a period."""
    conditions = []
    if period.since is not None:
        conditions.append(column >= period.since)
    if period.until is not None:
        conditions.append(column < period.until)
    return conditions


def filters(table: Table, query: ReportQuery) -> list[ColumnElement[bool]]:
    """Reports of a client, for a configuration, with a metric; where the query asks for that."""
    conditions: list[ColumnElement[bool]] = []
    if query.reporting_client_id is not None:
        conditions.append(table.c.reporting_client_id == query.reporting_client_id)
    if query.configuration_id is not None:
        conditions.append(table.c.metrics_reporting_configuration_id == query.configuration_id)
    if query.metric is not None:
        value = metric_values.c
        has_it = select(1).where(value.report_id == table.c.id, value.name == query.metric)
        conditions.append(has_it.correlate(table).exists())
    return conditions


def joined(
    query: ReportQuery,
    after: Position | None,
    table: Table,
    below: Table,
    columns: tuple[ColumnElement[Any], ...],
    limit: int,
) -> Select[Any]:
    """What lies below reports, in the order of their arrival, `limit` rows at most."""
    return (
        select(table.c.id, table.c.received, *columns)
        .join_from(table, below, below.c.report_id == table.c.id)
        .where(*wanted(table, query, after))
        .order_by(table.c.received, table.c.id)
        .limit(limit)
    )
