"""What reports say over time, read in the order of time and never held whole.

Rows go through a function of an iterator of samples, in the reader's thread, as they come from the
database. No rule lives here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, bindparam, func, select

from fivegms_af.reports.exposure import CLIENT, DURATION, INVOCATIONS
from fivegms_af.reports.paging import Period, ReportQuery
from fivegms_af.reports.series import MAX_SAMPLES, Sample, bounded
from fivegms_af.store.database import Database
from fivegms_af.store.report_queries import filters, within
from fivegms_af.store.tables import (
    consumption_reports,
    consumption_units,
    invocations,
    metric_values,
    metrics_reports,
)

T = TypeVar("T")
Reduce = Callable[[Iterator[Sample]], T]

_FETCHED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Consumed:
    """How much of a medium was consumed below an entry point."""

    media_player_entry: str
    media_consumed: str
    seconds: float
    clients: int
    units: int


class ReportSeries:
    """Values of a session's reports; the period is that of the values, not of the arrival.

    All methods raise StorageUnavailable, and MembersRefused past `max_samples`.
    """

    def __init__(self, database: Database, max_samples: int = MAX_SAMPLES) -> None:
        self._database = database
        self._max_samples = max_samples

    async def metric_names(self, session_id: str, limit: int) -> tuple[str, ...]:
        """The first metrics of a session by name; a look into the index for each."""
        value = metric_values.c
        following = select(func.min(value.name)).where(
            value.provisioning_session_id == session_id, value.name > bindparam("name")
        )

        def read(connection: Connection) -> tuple[str, ...]:
            names: list[str] = []
            name: str | None = ""
            while len(names) < limit:
                name = connection.scalar(following, {"name": name})
                if name is None:
                    break
                names.append(name)
            return tuple(names)

        return await self._database.read(read)

    async def newest_values(
        self, query: ReportQuery, name: str, limit: int, reduce: Reduce[T]
    ) -> T:
        """What `reduce` makes of the newest values of a metric, newest first."""
        value = metric_values.c
        wanted = (
            select(value.at, value.name, value.unit, value.value)
            .where(
                value.provisioning_session_id == query.session_id,
                value.name == name,
                *within(value.at, query.period),
            )
            .order_by(value.at.desc())
            .limit(limit)
        )
        return await self._stream(wanted, _of_anybody, reduce)

    async def over_values(
        self, query: ReportQuery, names: Sequence[str], reduce: Reduce[T], *, labelled: bool = False
    ) -> T:
        """What `reduce` makes of the values of some metrics; `labelled` with whose they are."""
        report, value = metrics_reports.c, metric_values.c
        wanted = (
            select(value.at, value.name, value.unit, value.value)
            .where(
                value.provisioning_session_id == query.session_id,
                value.name.in_(names),
                *within(value.at, query.period),
            )
            .order_by(value.at)
        )
        of_reports = filters(metrics_reports, query)
        if not labelled and not of_reports:
            return await self._reduce(wanted, _of_anybody, reduce)
        joined = wanted.join(metrics_reports, value.report_id == report.id).where(*of_reports)
        labelling = joined.add_columns(report.reporting_client_id)
        return await self._reduce(labelling, _of_client, reduce)

    async def over_units(self, query: ReportQuery, reduce: Reduce[T]) -> T:
        """What `reduce` makes of the seconds of the consumption units."""
        report, unit = consumption_reports.c, consumption_units.c
        wanted = (
            select(
                unit.start,
                unit.duration_s,
                unit.media_consumed,
                report.media_player_entry,
                report.reporting_client_id,
            )
            .join_from(consumption_units, consumption_reports, unit.report_id == report.id)
            .where(
                unit.provisioning_session_id == query.session_id,
                *within(unit.start, query.period),
                *filters(consumption_reports, query),
            )
            .order_by(unit.start)
        )
        return await self._reduce(wanted, _of_unit, reduce)

    async def over_invocations(
        self, session_id: str, kind: str, period: Period, reduce: Reduce[T]
    ) -> T:
        """What `reduce` makes of ones, one for each invocation."""
        invoked = invocations.c
        wanted = (
            select(invoked.at)
            .where(
                invoked.provisioning_session_id == session_id,
                invoked.kind == kind,
                *within(invoked.at, period),
            )
            .order_by(invoked.at, invoked.id)
        )
        return await self._reduce(wanted, _of_invocation, reduce)

    async def consumed(self, query: ReportQuery, limit: int) -> tuple[Consumed, ...]:
        """What was consumed most, by entry point and medium."""
        report, unit = consumption_reports.c, consumption_units.c
        seconds = func.sum(unit.duration_s).label("seconds")
        clients = func.count(report.reporting_client_id.distinct()).label("clients")
        keys = (report.media_player_entry, unit.media_consumed)
        wanted = (
            select(*keys, seconds, clients, func.count().label("units"))
            .join_from(consumption_units, consumption_reports, unit.report_id == report.id)
            .where(
                unit.provisioning_session_id == query.session_id,
                *within(unit.start, query.period),
                *filters(consumption_reports, query),
            )
            .group_by(*keys)
            .order_by(seconds.desc(), *keys)
            .limit(limit)
        )

        def read(connection: Connection) -> tuple[Consumed, ...]:
            return tuple(
                Consumed(
                    row.media_player_entry, row.media_consumed, row.seconds, row.clients, row.units
                )
                for row in connection.execute(wanted)
            )

        return await self._database.read(read)

    async def _reduce(
        self, wanted: Select[Any], sample: Callable[[Any], Sample], reduce: Reduce[T]
    ) -> T:
        def reduce_bounded(samples: Iterator[Sample]) -> T:
            return reduce(bounded(samples, self._max_samples))

        return await self._stream(wanted.limit(self._max_samples + 1), sample, reduce_bounded)

    async def _stream(
        self, wanted: Select[Any], sample: Callable[[Any], Sample], reduce: Reduce[T]
    ) -> T:
        def read(connection: Connection) -> T:
            streamed = connection.execution_options(yield_per=_FETCHED_AT_ONCE)
            with streamed.execute(wanted) as rows:
                return reduce(map(sample, rows))

        return await self._database.read(read)


def _of_anybody(row: Any) -> Sample:
    return Sample(*row)


def _of_client(row: Any) -> Sample:
    at, name, unit, value, client_id = row
    return Sample(at, name, unit, value, {} if client_id is None else {CLIENT: client_id})


def _of_unit(row: Any) -> Sample:
    labels = {
        CLIENT: row.reporting_client_id,
        "mediaPlayerEntry": row.media_player_entry,
        "mediaConsumed": row.media_consumed,
    }
    return Sample(row.start, DURATION, "s", row.duration_s, labels)


def _of_invocation(row: Any) -> Sample:
    return Sample(row.at, INVOCATIONS, None, 1.0)
