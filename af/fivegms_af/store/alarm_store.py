"""QoS alarms in the database: raised, cleared, listed.

Whoever reports can raise one, so a session keeps a bounded number: beyond it the oldest go, those
that are over before those that are open.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from fivegms_af.store.database import Database
from fivegms_af.store.tables import provisioning_sessions
from fivegms_af.store.tables import qos_alarms as alarms
from fivegms_api.network_information import QosAlarm, QosAlarmKind

MAX_LISTED = 1000
MAX_KEPT = 10_000


class AlarmStore:
    """The alarms of every session, `kept` of each at most."""

    def __init__(self, database: Database, kept: int = MAX_KEPT) -> None:
        self._database = database
        self._kept = kept

    async def is_open(self, session_id: str, kind: QosAlarmKind, subject: str) -> bool:
        """Whether such an alarm was raised and not cleared."""
        asked = {"session_id": session_id, "kind": kind.value, "subject": subject}
        return await self._database.read(
            lambda connection: connection.execute(_IS_OPEN, asked).first() is not None
        )

    async def add(self, alarm: QosAlarm) -> bool:
        """Keep a new alarm, unless one of its kind and subject is open; whether it was kept.

        Raises ChangedMeanwhile where its session is gone.
        """
        session_id = alarm.provisioning_session_id
        row = {
            "id": alarm.alarm_id,
            "provisioning_session_id": session_id,
            "kind": alarm.kind.value,
            "subject": alarm.subject,
            "raised": alarm.raised,
            "cleared": alarm.cleared,
            "detail": alarm.to_json(),
        }
        same = select(alarms.c.id).where(*_open(session_id, alarm.kind, alarm.subject)).limit(1)

        def work(connection: Connection) -> bool:
            _take_turn(connection, session_id)
            if connection.execute(same).first() is not None:
                return False
            connection.execute(insert(alarms), row)
            self._drop_oldest(connection, session_id)
            return True

        return await self._database.write(work)

    async def clear(self, session_id: str, kind: QosAlarmKind, subject: str, at: datetime) -> bool:
        """Whatever is open of the kind and subject is over; whether there was any."""
        statement = update(alarms).where(*_open(session_id, kind, subject)).values(cleared=at)
        return await self._database.write(
            lambda connection: connection.execute(statement).rowcount > 0
        )

    async def list(self, session_id: str | None, *, open_only: bool) -> tuple[QosAlarm, ...]:
        """The newest 1000 of a session, or of all, the newest first."""
        query = select(alarms).order_by(alarms.c.raised.desc(), alarms.c.id).limit(MAX_LISTED)
        if session_id is not None:
            query = query.where(alarms.c.provisioning_session_id == session_id)
        if open_only:
            query = query.where(alarms.c.cleared.is_(None))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return tuple(map(_alarm, rows))

    def _drop_oldest(self, connection: Connection, session_id: str) -> None:
        mine = alarms.c.provisioning_session_id == session_id
        count = connection.scalar(select(func.count()).select_from(alarms).where(mine)) or 0
        if count > self._kept:
            is_open = alarms.c.cleared.is_(None)
            oldest = select(alarms.c.id).where(mine).order_by(is_open, alarms.c.raised, alarms.c.id)
            chosen = alarms.c.id.in_(oldest.limit(count - self._kept))
            connection.execute(delete(alarms).where(chosen))


def _take_turn(connection: Connection, session_id: str) -> None:
    """Nobody else raises an alarm of the session meanwhile (SQLite has one writer anyway)."""
    mine = provisioning_sessions.c.id == session_id
    query = select(provisioning_sessions.c.id).where(mine).with_for_update(key_share=True)
    connection.execute(query)


def _open(session_id: str, kind: QosAlarmKind, subject: str) -> tuple[Any, ...]:
    return (
        alarms.c.provisioning_session_id == session_id,
        alarms.c.kind == kind.value,
        alarms.c.subject == subject,
        alarms.c.cleared.is_(None),
    )


_IS_OPEN = (
    select(alarms.c.id)
    .where(
        alarms.c.provisioning_session_id == bindparam("session_id"),
        alarms.c.kind == bindparam("kind"),
        alarms.c.subject == bindparam("subject"),
        alarms.c.cleared.is_(None),
    )
    .limit(1)
)
"""Built once: every metrics report asks."""


def _alarm(row: Row[Any]) -> QosAlarm:
    alarm = QosAlarm.model_validate_json(row.detail)
    return alarm.model_copy(update={"cleared": row.cleared})
