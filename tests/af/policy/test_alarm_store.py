"""Alarms in the database: one of a kind is open, and a session keeps a bounded number."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from fivegms_af.errors import ChangedMeanwhile
from fivegms_af.policy.alarms import Finding, QosAlarms
from fivegms_af.provisioned import Session
from fivegms_af.store.alarm_store import AlarmStore
from fivegms_af.store.database import Database
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.network_information import QosAlarmKind
from support.postgresql import on_both_databases

pytestmark = [pytest.mark.requirement("R019"), on_both_databases]

NOW = datetime(2026, 11, 23, tzinfo=UTC)
KIND = QosAlarmKind.DOWNLINK_THROUGHPUT
KEPT = 3


def missed(subject: str) -> Finding:
    return Finding(KIND, subject, is_missed=True, required=2.0, observed=1.0)


def met(subject: str) -> Finding:
    return Finding(KIND, subject, is_missed=False)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def alarms(database: Database) -> QosAlarms:
    sessions = ProvisioningStore(database)
    await sessions.create(Session("s", ProvisioningSessionType.DOWNLINK, "app", None, NOW, 1))
    ids = count(1)
    return QosAlarms(sessions, AlarmStore(database, KEPT), lambda: f"alarm-{next(ids)}")


async def test_reports_at_once_raise_one_alarm(alarms: QosAlarms) -> None:
    told: list[Finding] = []
    alarms.on_change(lambda _, finding: told.append(finding))
    await asyncio.gather(*(alarms.judge("s", missed("client a"), NOW) for _ in range(8)))
    assert len(await alarms.list("s", open_only=True)) == 1
    await asyncio.gather(*(alarms.judge("s", met("client a"), NOW) for _ in range(8)))
    assert await alarms.list("s", open_only=True) == ()
    assert [finding.is_missed for finding in told] == [True, False]


async def test_what_is_over_goes_before_what_is_open(alarms: QosAlarms) -> None:
    for number in range(KEPT):
        await alarms.judge("s", missed(f"client {number}"), NOW + timedelta(seconds=number))
    await alarms.judge("s", met("client 1"), NOW + timedelta(minutes=1))
    await alarms.judge("s", missed("client 3"), NOW + timedelta(minutes=2))
    await alarms.judge("s", missed("client 4"), NOW + timedelta(minutes=3))
    kept = [alarm.subject for alarm in await alarms.list(None, open_only=False)]
    assert kept == ["client 4", "client 3", "client 2"]


async def test_a_session_that_is_gone_has_no_alarms(alarms: QosAlarms) -> None:
    await alarms.sessions.delete(await alarms.sessions.session("s"), NOW)
    with pytest.raises(ChangedMeanwhile):
        await alarms.judge("s", missed("client a"), NOW)
