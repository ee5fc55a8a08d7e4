"""The hourly task that drops old reports."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from fivegms_af.errors import StorageUnavailable
from fivegms_af.reports import retention
from fivegms_af.store.report_store import ReportStore

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Away(ReportStore):
    """A store whose database is away for the first time that it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def prune(self, before: datetime, batch: int) -> int:
        self.asked += 1
        if self.asked == 1:
            raise StorageUnavailable("away")
        return 0


async def test_a_database_that_is_away_is_tried_again_an_hour_later() -> None:
    store, slept = Away(), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await retention.run(store, timedelta(days=30), lambda: NOON, sleep)
    assert (store.asked, slept) == (2, [3600.0, 3600.0])
