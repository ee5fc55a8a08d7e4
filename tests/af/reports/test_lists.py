"""Lists of reports in pages, and exports of all of them, on both databases."""

import csv
import io
from typing import Any

import pyarrow.parquet
import pytest

from support.postgresql import on_both_databases

pytestmark = on_both_databases

CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"


async def fill(reporting: Any, clock: Any, count: int = 5) -> None:
    """Reports of two clients in turn, a minute after one another."""
    for number in range(count):
        client = f"ue-{number % 2}"
        assert (await reporting.measure(client, clock.now, throughput=number)).status == 204
        assert (await reporting.consume(client=client, duration=number)).status == 204
        clock.advance(60)


def throughputs(answer: Any) -> list[float]:
    return [report["values"][0]["value"] for report in answer.json["metricsReports"]]


async def test_pages_follow_one_another(reporting: Any, clock: Any) -> None:
    await fill(reporting, clock)
    first = await reporting.get("metrics-reports?limit=2")
    assert throughputs(first) == [0, 1]
    link = first.headers["Link"]
    assert link.endswith('>; rel="next"')
    origin = reporting.session.partition("/3gpp-m1")[0]
    second = await reporting.af.get(origin + link.partition("<")[2].partition(">")[0])
    assert throughputs(second) == [2, 3]
    last = await reporting.get(f"metrics-reports?limit=2&cursor={second.json['next']}")
    assert throughputs(last) == [4]
    assert "next" not in last.json
    assert "Link" not in last.headers


async def test_a_page_that_fits_exactly_is_the_last(reporting: Any, clock: Any) -> None:
    await fill(reporting, clock, 2)
    assert "next" not in (await reporting.get("consumption-reports?limit=2")).json


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("reportingClientId=ue-1", [1, 3]),
        ("from=2026-11-23T12:02:00Z", [2, 3, 4]),
        ("to=2026-11-23T12:02:00%2B00:00", [0, 1]),
        ("from=2026-11-23T13:01:00+01:00&to=2026-11-23T12:03:00Z", [1, 2]),
        ("metric=throughput&reportingClientId=ue-0", [0, 2, 4]),
        ("metric=energy", []),
        ("configuration=another", []),
    ],
)
async def test_filters(reporting: Any, clock: Any, filters: str, found: list[float]) -> None:
    await fill(reporting, clock)
    assert throughputs(await reporting.get(f"metrics-reports?{filters}")) == found


async def test_values_as_csv(reporting: Any, clock: Any, qoe: bytes) -> None:
    await fill(reporting, clock, 3)
    assert (await reporting.send_qoe(qoe)).status == 204
    answer = await reporting.get("metrics-reports?metric=throughput", Accept=CSV)
    assert answer.headers["Content-Type"] == CSV
    assert answer.headers["Content-Disposition"] == 'attachment; filename="metrics-reports.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert [(row["reportingClientId"], float(row["value"])) for row in rows] == [
        ("ue-0", 0),
        ("ue-1", 1),
        ("ue-0", 2),
    ]
    assert rows[0]["unit"] == "bit/s"
    assert rows[0]["at"] == "2026-11-23T12:00:00.250000+00:00"
    everything = await reporting.get("metrics-reports", Accept=CSV)
    assert {row["metric"] for row in csv.DictReader(io.StringIO(everything.body.decode()))} > {
        "BufferLevel",
        "throughput",
    }


async def test_units_as_csv(reporting: Any, clock: Any) -> None:
    await fill(reporting, clock, 2)
    answer = await reporting.get("consumption-reports", Accept=CSV)
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert [(row["mediaConsumed"], float(row["duration"])) for row in rows] == [
        ("whole/int8", 0),
        ("whole/int8", 1),
    ]


@pytest.mark.parametrize("path", ["metrics-reports", "consumption-reports"])
async def test_parquet_has_the_same_rows(reporting: Any, clock: Any, path: str) -> None:
    await fill(reporting, clock)
    answer = await reporting.get(path, Accept=PARQUET)
    assert answer.headers["Content-Type"] == PARQUET
    rows = pyarrow.parquet.read_table(io.BytesIO(answer.body)).to_pylist()
    number = "value" if path == "metrics-reports" else "duration"
    assert [row[number] for row in rows] == [0, 1, 2, 3, 4]
    assert rows[0]["received"].isoformat() == "2026-11-23T12:00:00.250000+00:00"


@pytest.mark.parametrize("media_type", [CSV, PARQUET])
async def test_an_export_of_nothing_has_its_columns(reporting: Any, media_type: str) -> None:
    answer = await reporting.get("metrics-reports", Accept=media_type)
    if media_type == CSV:
        columns = answer.body.decode().strip().split(",")
    else:
        columns = pyarrow.parquet.read_table(io.BytesIO(answer.body)).column_names
    assert columns[:2] == ["received", "report"]


async def test_head_has_no_body(reporting: Any, clock: Any) -> None:
    await fill(reporting, clock, 1)
    url = f"{reporting.session}/metrics-reports"
    answer = await reporting.af.request("HEAD", url, headers={"Accept": CSV})
    assert (answer.status, answer.body) == (200, b"")
