"""Reports in the store, on both databases: pages, invocations, and that old ones go."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from fivegms_af.errors import ChangedMeanwhile, MembersRefused, StorageUnavailable
from fivegms_af.provisioned import Session
from fivegms_af.reports import retention
from fivegms_af.reports.exposure import expose
from fivegms_af.reports.intake import ReportIntake
from fivegms_af.reports.paging import Period, ReportQuery
from fivegms_af.reports.records import (
    ConsumptionRecord,
    ConsumptionUnit,
    Invocation,
    MetricsRecord,
    ReportKind,
)
from fivegms_af.store.database import Database
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_af.store.report_series import ReportSeries
from fivegms_af.store.report_store import ReportStore
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.event_data_processing import DataAccessProfile
from fivegms_api.reported import MetricValue
from support.postgresql import on_both_databases

pytestmark = on_both_databases

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    try:
        await database.open()
        session = Session("s", ProvisioningSessionType.DOWNLINK, "app", None, NOON, 1)
        await ProvisioningStore(database).create(session)
        yield database
    finally:
        await database.close()


async def keep(store: ReportStore, received: datetime, values: int = 1) -> None:
    value = MetricValue("throughput", "bit/s", 1.0, received)
    unit = ConsumptionUnit("whole", received, 1.0)
    await store.add_metrics(
        MetricsRecord("s", "c", received, "x/y+json", "ue", b"{}", values * (value,))
    )
    await store.add_consumption(ConsumptionRecord("s", received, "ue", "entry", b"{}", (unit,)))
    await store.add_invocation("s", Invocation.DYNAMIC_POLICY, received)


async def test_pages_of_rows_hold_whole_reports(database: Database) -> None:
    store = ReportStore(database, page_rows=5)
    for number in range(4):
        await keep(store, NOON + number * DAY, values=2)
    after, seen = None, []
    while True:
        page = await store.value_rows(ReportQuery("s"), after)
        seen.append([row.report.received for row in page.records])
        if (after := page.end) is None:
            break
    days = [NOON + number * DAY for number in range(4)]
    assert seen == [[*days[:1] * 2, *days[1:2] * 2], [*days[2:3] * 2, *days[3:] * 2]]


async def test_a_page_is_bounded_in_bytes_and_has_a_report(database: Database) -> None:
    store = ReportStore(database, page_bytes=3)
    for number in range(3):
        await keep(store, NOON + number * DAY)
    page = await store.metrics_page(ReportQuery("s"), None, 10)
    assert [record.received for record in page.records] == [NOON]
    assert page.end is not None
    rest = await store.metrics_page(ReportQuery("s"), page.end, 10)
    assert [record.received for record in rest.records] == [NOON + DAY]


async def test_too_many_values_are_refused(database: Database) -> None:
    await keep(ReportStore(database), NOON, values=3)
    series = ReportSeries(database, max_samples=2)
    with pytest.raises(MembersRefused, match="more than 2 values"):
        await series.over_values(ReportQuery("s"), ["throughput"], list)


async def test_invocations_are_exposed_as_a_count(database: Database) -> None:
    for kind in (Invocation.DYNAMIC_POLICY, *Invocation):
        await ReportIntake(ReportStore(database)).record_invocation("s", kind, NOON)
    profile = DataAccessProfile.model_validate(
        {
            "dataAccessProfileId": "p",
            "targetEventConsumerTypes": ["EVENT_CONSUMER_AF"],
            "parameters": ["invocations"],
            "timeAccessRestrictions": {"duration": 3600, "aggregationFunctions": ["COUNT"]},
        }
    )
    (value,) = await ReportSeries(database).over_invocations(
        "s", Invocation.DYNAMIC_POLICY, Period(), lambda samples: expose(samples, profile)
    )
    assert (value.value, value.since) == (2, NOON)


class Watcher:
    """Hears of metrics reports, and fails at the first."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.heard: list[tuple[str, str | None, dict[str, float]]] = []

    async def observe(
        self, session_id: str, client: str | None, values: Mapping[str, float], at: datetime
    ) -> None:
        self.heard.append((session_id, client, dict(values)))
        if len(self.heard) == 1:
            raise self.error


@pytest.mark.parametrize("error", [StorageUnavailable("away"), ZeroDivisionError("a fault")])
async def test_a_kept_report_is_told_whatever_is_made_of_it(
    database: Database, error: Exception
) -> None:
    intake, watcher = ReportIntake(ReportStore(database)), Watcher(error)
    intake.tell(watcher)
    values = tuple(MetricValue("throughput", "bit/s", value, NOON) for value in (1.0, 3.0))
    record = MetricsRecord("s", "c", NOON, "x/y+json", "ue", b"{}", values)
    await intake.keep_metrics(record)
    await intake.keep_metrics(record)
    assert watcher.heard == [("s", "ue", {"throughput": 2.0})] * 2
    assert intake.received == {ReportKind.METRICS: 2}
    assert (await intake.store.metrics_page(ReportQuery("s"), None, 9)).records == (record, record)


async def test_a_report_of_a_session_that_went_is_decided_anew(database: Database) -> None:
    record = MetricsRecord("gone", "c", NOON, "x/y+json", "ue", b"{}", ())
    with pytest.raises(ChangedMeanwhile):
        await ReportStore(database).add_metrics(record)


async def test_the_reports_of_a_session_that_goes_are_dropped_in_batches(
    database: Database,
) -> None:
    store = ReportStore(database)
    for _ in range(5):
        await keep(store, NOON)
    await retention.forget(store, "other", batch=1)
    assert len((await store.metrics_page(ReportQuery("s"), None, 9)).records) == 5
    assert await store.drop_surplus("s", batch=2) == 6
    await retention.forget(store, "s", batch=2)
    assert len((await store.metrics_page(ReportQuery("s"), None, 9)).records) == 1
    assert len((await store.consumption_page(ReportQuery("s"), None, 9)).records) == 1


async def test_old_reports_go_and_what_was_read_from_them(database: Database) -> None:
    store, series = ReportStore(database), ReportSeries(database)
    for age in (40, 35, 31, 29, 1):
        await keep(store, NOON - age * DAY)
    assert await store.prune(NOON - 30 * DAY, batch=2) == 6
    assert await retention.prune(store, 30 * DAY, NOON) == 3
    assert await retention.prune(store, 30 * DAY, NOON) == 0
    query = ReportQuery("s")
    assert len((await store.metrics_page(query, None, 10)).records) == 2
    assert len((await store.consumption_page(query, None, 10)).records) == 2
    assert await series.over_values(query, ["throughput"], lambda samples: len(list(samples))) == 2
    kind, always = Invocation.DYNAMIC_POLICY, Period()
    left = await series.over_invocations("s", kind, always, lambda samples: len(list(samples)))
    assert left == 2
