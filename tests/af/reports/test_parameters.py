"""What a request for reports gets wrong is named."""

import sys
from typing import Any

import pytest

CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=ten",
        "cursor=x",
        "cursor=WzEsMl0",
        "cursor=W10",
        "from=yesterday",
        "from=2026-11-23T12:00:00",
        "from=0001-01-01T00:00:00%2B14:00",
        "to=2026-11-23",
        "reportingClientId=",
        "metric=%00",
        "unknown=1",
    ],
)
async def test_a_wrong_parameter_is_named(reporting: Any, query: str) -> None:
    answer = await reporting.get(f"metrics-reports?{query}")
    assert (answer.status, list(answer.faults)) == (400, [f"query {query.partition('=')[0]}"])


async def test_a_period_that_ends_before_it_begins(reporting: Any) -> None:
    answer = await reporting.get("consumption-reports?from=2026-11-23T12:00Z&to=2026-11-23T12:00Z")
    assert list(answer.faults) == ["query to"]


async def test_what_cannot_be_had(reporting: Any) -> None:
    answer = await reporting.get("metrics-reports", Accept="text/html")
    assert (answer.status, answer.problem) == (406, "not-acceptable")
    assert list(answer.faults) == ["header Accept"]


async def test_a_file_has_no_pages(reporting: Any) -> None:
    answer = await reporting.get("metrics-reports?limit=5", Accept=CSV)
    assert list(answer.faults) == ["query limit"]


async def test_without_pyarrow_there_is_no_parquet(
    reporting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    answer = await reporting.get("metrics-reports", Accept=PARQUET)
    assert answer.status == 406
    assert "pyarrow" in answer.json["detail"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("bucket=60", "metric"),
        ("metric=throughput&bucket=0", "bucket"),
        ("metric=throughput&bucket=1", "bucket"),
        ("metric=throughput&limit=1", "limit"),
    ],
)
async def test_a_wrong_parameter_of_an_aggregate(reporting: Any, query: str, name: str) -> None:
    answer = await reporting.get(f"metrics-reports/aggregate?{query}")
    assert (answer.status, list(answer.faults)) == (400, [f"query {name}"])
