"""QoS alarms in the database: raised, cleared, listed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from fivegms_af.store.database import Database
from fivegms_af.store.tables import qos_alarms as alarms
from fivegms_api.network_information import QosAlarm, QosAlarmKind

MAX_LISTED = 1000


class AlarmStore:
    """The alarms of every session."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_open(self, session_id: str, kind: QosAlarmKind, subject: str) -> bool:
        """Whether such an alarm was raised and not cleared."""
        query = select(alarms.c.id).where(*_open(session_id, kind, subject)).limit(1)
        return await self._database.read(
            lambda connection: connection.execute(query).first() is not None
        )

    async def add(self, alarm: QosAlarm) -> None:
        """Keep a new alarm; raises ChangedMeanwhile where its session is gone."""
        row = {
            "id": alarm.alarm_id,
            "provisioning_session_id": alarm.provisioning_session_id,
            "kind": alarm.kind.value,
            "subject": alarm.subject,
            "raised": alarm.raised,
            "cleared": alarm.cleared,
            "detail": alarm.to_json(),
        }
        await self._database.write(lambda connection: connection.execute(insert(alarms), row))

    async def clear(self, session_id: str, kind: QosAlarmKind, subject: str, at: datetime) -> None:
        """Whatever is open of the kind and subject is over."""
        statement = update(alarms).where(*_open(session_id, kind, subject)).values(cleared=at)
        await self._database.write(lambda connection: connection.execute(statement))

    async def list(self, session_id: str | None, *, open_only: bool) -> tuple[QosAlarm, ...]:
        """The newest 1000 of a session, or of all, the newest first."""
        query = select(alarms).order_by(alarms.c.raised.desc(), alarms.c.id).limit(MAX_LISTED)
        if session_id is not None:
            query = query.where(alarms.c.provisioning_session_id == session_id)
        if open_only:
            query = query.where(alarms.c.cleared.is_(None))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return tuple(map(_alarm, rows))


def _open(session_id: str, kind: QosAlarmKind, subject: str) -> tuple[Any, ...]:
    return (
        alarms.c.provisioning_session_id == session_id,
        alarms.c.kind == kind.value,
        alarms.c.subject == subject,
        alarms.c.cleared.is_(None),
    )


def _alarm(row: Row[Any]) -> QosAlarm:
    alarm = QosAlarm.model_validate_json(row.detail)
    return alarm.model_copy(update={"cleared": row.cleared})
