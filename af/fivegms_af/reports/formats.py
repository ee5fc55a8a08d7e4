"""Rows of reports as CSV (RFC 4180) and as Apache Parquet, written in pieces.

A piece holds the rows of one page, which is one row group of a Parquet file, so memory does not
grow with the table. Parquet needs pyarrow, which is an extra.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from fivegms_af.errors import NotAcceptable
from fivegms_af.store.report_store import UnitRow, ValueRow

CSV_MEDIA_TYPE = "text/csv"
PARQUET_MEDIA_TYPE = "application/vnd.apache.parquet"

Cell = str | float | int | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name and what is in it; every column may be empty."""

    name: str
    kind: Literal["text", "number", "instant", "identifier"]


class TableWriter(Protocol):
    """Writes one table; the pieces in order are the file."""

    def rows(self, rows: Iterable[Sequence[Cell]]) -> bytes:
        """The next rows."""

    def end(self) -> bytes:
        """What follows the last row."""


VALUE_COLUMNS = (
    Column("received", "instant"),
    Column("report", "identifier"),
    Column("metricsReportingConfigurationId", "text"),
    Column("reportingClientId", "text"),
    Column("metric", "text"),
    Column("unit", "text"),
    Column("value", "number"),
    Column("at", "instant"),
)

UNIT_COLUMNS = (
    Column("received", "instant"),
    Column("report", "identifier"),
    Column("reportingClientId", "text"),
    Column("mediaPlayerEntry", "text"),
    Column("mediaConsumed", "text"),
    Column("startTime", "instant"),
    Column("duration", "number"),
)


def value_cells(row: ValueRow) -> Sequence[Cell]:
    """A row of VALUE_COLUMNS."""
    value = row.value
    of_report = (row.report.received, row.report.id, row.configuration_id, row.reporting_client_id)
    return (*of_report, value.name, value.unit, value.value, value.at)


def unit_cells(row: UnitRow) -> Sequence[Cell]:
    """A row of UNIT_COLUMNS."""
    unit = row.unit
    of_report = (row.report.received, row.report.id, row.reporting_client_id)
    return (
        *of_report,
        row.media_player_entry,
        unit.media_consumed,
        unit.start,
        unit.duration_s,
    )


def table_writer(media_type: str, columns: Sequence[Column]) -> TableWriter:
    """A writer of CSV or Parquet. Raises NotAcceptable where Parquet cannot be written here."""
    return CsvWriter(columns) if media_type == CSV_MEDIA_TYPE else ParquetWriter(columns)


class CsvWriter:
    """CSV in UTF-8 with a header line; instants as RFC 3339 writes them."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._header: tuple[str, ...] | None = tuple(column.name for column in columns)

    def rows(self, rows: Iterable[Sequence[Cell]]) -> bytes:
        """See `TableWriter.rows`."""
        text = io.StringIO()
        writer = csv.writer(text)
        if self._header is not None:
            writer.writerow(self._header)
            self._header = None
        writer.writerows([_spelled(cell) for cell in row] for row in rows)
        return text.getvalue().encode()

    def end(self) -> bytes:
        """The header, where there was no row."""
        return self.rows(())


def _spelled(cell: Cell) -> str | float | int | None:
    return cell.isoformat() if isinstance(cell, datetime) else cell


class ParquetWriter:
    """Parquet with a row group for each call of `rows`. Raises NotAcceptable without pyarrow."""

    def __init__(self, columns: Sequence[Column]) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as parquet
        except ImportError as error:
            raise NotAcceptable(
                "Parquet needs pyarrow, which this AF was installed without "
                "(fivegms-ai[export]); there are application/json and text/csv"
            ) from error
        types = {
            "text": pa.string(),
            "number": pa.float64(),
            "identifier": pa.int64(),
            "instant": pa.timestamp("us", tz="UTC"),
        }
        self._arrow: Any = pa
        self._schema = pa.schema([(column.name, types[column.kind]) for column in columns])
        self._pipe = _Pipe()
        self._file = parquet.ParquetWriter(pa.PythonFile(self._pipe, mode="w"), self._schema)

    def rows(self, rows: Iterable[Sequence[Cell]]) -> bytes:
        """See `TableWriter.rows`."""
        by_column = list(zip(*rows, strict=True))
        if by_column:
            arrays = [
                self._arrow.array(cells, field.type)
                for cells, field in zip(by_column, self._schema, strict=True)
            ]
            self._file.write_table(self._arrow.table(arrays, schema=self._schema))
        return self._pipe.drain()

    def end(self) -> bytes:
        """See `TableWriter.end`."""
        self._file.close()
        return self._pipe.drain()


class _Pipe(io.RawIOBase):
    """A file that only grows, and forgets what was taken from it."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()
        self._taken = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        return len(data)

    def tell(self) -> int:
        return self._taken + len(self._waiting)

    def drain(self) -> bytes:
        drained = bytes(self._waiting)
        self._taken += len(drained)
        self._waiting.clear()
        return drained
