"""Dynamic policies and network assistance sessions in the database, and what is to be released.

A resource that goes leaves its control reference among the releases in the same transaction, so
that nothing stays enforced for nobody. Every change names the version that it was decided on and
raises ChangedMeanwhile where that is no longer there. No rule lives here.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from fivegms_af.errors import ChangedMeanwhile
from fivegms_af.policy.session_handling import (
    ResourceKind,
    SessionHandlingResource,
    subject_of,
)
from fivegms_af.provisioned import Document
from fivegms_af.store.database import Database
from fivegms_af.store.tables import (
    metric_values,
    policy_releases,
    provisioned_documents,
    qos_alarms,
    session_handling_resources,
)

_table = session_handling_resources


class SessionHandlingStore:
    """The store over a database; `insert` makes version 1 of a resource."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, kind: ResourceKind, resource_id: str) -> SessionHandlingResource | None:
        """The resource, if there is one of that kind."""
        query = select(_table).where(_table.c.id == resource_id, _table.c.kind == kind.value)
        rows = await self._rows(query)
        return rows[0] if rows else None

    async def resources(
        self, session_ids: Iterable[str] | None = None
    ) -> tuple[SessionHandlingResource, ...]:
        """Those of the sessions named, or all."""
        query = select(_table)
        if session_ids is not None:
            query = query.where(_table.c.provisioning_session_id.in_(list(session_ids)))
        return await self._rows(query)

    async def unfinished(self) -> tuple[SessionHandlingResource, ...]:
        """Those without a status, and network assistance sessions with something installed."""
        boosted = (_table.c.kind == ResourceKind.NETWORK_ASSISTANCE.value) & (
            _table.c.control_reference.is_not(None)
        )
        return await self._rows(select(_table).where(_table.c.status.is_(None) | boosted))

    async def in_force(self, session_id: str) -> int:
        """How many dynamic policies of the session are enforced."""
        query = (
            select(func.count())
            .select_from(_table)
            .where(
                _table.c.provisioning_session_id == session_id,
                _table.c.kind == ResourceKind.DYNAMIC_POLICY.value,
                _table.c.control_reference.is_not(None),
            )
        )
        return await self._database.read(lambda connection: connection.scalar(query) or 0)

    async def counts(self) -> dict[ResourceKind, int]:
        """How many resources there are of each kind."""
        query = select(_table.c.kind, func.count()).group_by(_table.c.kind)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {kind: dict(map(tuple, rows)).get(kind.value, 0) for kind in ResourceKind}

    async def insert(self, resource: SessionHandlingResource, template: Document | None) -> None:
        """Keep a new one; raises ChangedMeanwhile where its template is no longer as it was."""

        def work(connection: Connection) -> None:
            if template is not None:
                _expect_unchanged(connection, template)
            connection.execute(insert(_table), _values(resource))

        await self._database.write(work)

    async def update(
        self, changed: SessionHandlingResource, template: Document | None = None
    ) -> SessionHandlingResource:
        """Replace the one of the same version; returns it with the next.

        Raises ChangedMeanwhile where its template is no longer as it was, if one is given.
        """
        newer = replace(changed, version=changed.version + 1)

        def work(connection: Connection) -> None:
            if template is not None:
                _expect_unchanged(connection, template)
            statement = update(_table).where(*_is(changed)).values(_values(newer))
            _expect_one(connection.execute(statement).rowcount)

        await self._database.write(work)
        return newer

    async def remove(self, resource: SessionHandlingResource, now: datetime) -> None:
        """Remove it; its reference is to be released, and the alarms about it are over."""
        about = (qos_alarms.c.subject == subject_of(resource)) & qos_alarms.c.cleared.is_(None)
        session_id = qos_alarms.c.provisioning_session_id
        mine = about & (session_id == resource.provisioning_session_id)

        def work(connection: Connection) -> None:
            _expect_one(connection.execute(delete(_table).where(*_is(resource))).rowcount)
            _note_release(connection, resource.control_reference, now)
            connection.execute(update(qos_alarms).where(mine).values(cleared=now))

        await self._database.write(work)

    async def let_go(
        self, changed: SessionHandlingResource, reference: str | None, now: datetime
    ) -> SessionHandlingResource:
        """`update`, and have `reference` released."""
        newer = replace(changed, version=changed.version + 1)

        def work(connection: Connection) -> None:
            statement = update(_table).where(*_is(changed)).values(_values(newer))
            _expect_one(connection.execute(statement).rowcount)
            _note_release(connection, reference, now)

        await self._database.write(work)
        return newer

    async def abandon(self, resource: SessionHandlingResource, now: datetime) -> None:
        """Have its reference released, whatever became of it; what is left of that version goes.

        The resource in force under the same reference, if another request kept one, keeps it.
        """

        def work(connection: Connection) -> None:
            connection.execute(delete(_table).where(*_is(resource)))
            held = select(_table.c.id).where(
                _table.c.control_reference == resource.control_reference
            )
            if connection.execute(held).first() is None:
                _note_release(connection, resource.control_reference, now)

        await self._database.write(work)

    async def releases(self) -> tuple[str, ...]:
        """The references that are to be released, oldest first."""
        query = select(policy_releases.c.control_reference).order_by(policy_releases.c.since)
        return await self._database.read(lambda connection: tuple(connection.scalars(query)))

    async def forget_release(self, reference: str) -> None:
        """It is released."""
        done = policy_releases.c.control_reference == reference
        await self._database.write(
            lambda connection: connection.execute(delete(policy_releases).where(done))
        )

    async def session_of_template(self, template_id: str) -> str | None:
        """The Provisioning Session that a document lies below."""
        documents = provisioned_documents
        query = select(documents.c.provisioning_session_id).where(documents.c.id == template_id)
        found: str | None = await self._database.read(lambda connection: connection.scalar(query))
        return found

    async def observed(
        self, session_id: str, metric: str, now: datetime, window: timedelta
    ) -> tuple[int, float, float, float] | None:
        """How often UEs reported a metric within the window, and its least, mean and greatest."""
        value = metric_values.c.value
        query = select(func.count(), func.min(value), func.avg(value), func.max(value)).where(
            metric_values.c.provisioning_session_id == session_id,
            metric_values.c.name == metric,
            metric_values.c.at > now - window,
        )
        row = await self._database.read(lambda connection: connection.execute(query).one())
        return None if row[0] == 0 else (row[0], row[1], row[2], row[3])

    async def _rows(self, query: Any) -> tuple[SessionHandlingResource, ...]:
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return tuple(_resource(row) for row in rows)


def _expect_unchanged(connection: Connection, template: Document) -> None:
    """Nobody else may change it before this transaction ends (SQLite has one writer anyway)."""
    documents = provisioned_documents
    query = (
        select(documents.c.body, documents.c.status)
        .where(documents.c.id == template.id)
        .with_for_update(read=True)
    )
    if connection.execute(query).one_or_none() != (template.body, template.status):
        raise ChangedMeanwhile


def _note_release(connection: Connection, reference: str | None, now: datetime) -> None:
    if reference is None:
        return
    noted = select(policy_releases).where(policy_releases.c.control_reference == reference)
    if connection.execute(noted).first() is None:
        row = {"control_reference": reference, "since": now}
        connection.execute(insert(policy_releases), row)


def _is(resource: SessionHandlingResource) -> tuple[Any, Any]:
    return _table.c.id == resource.id, _table.c.version == resource.version


def _expect_one(row_count: int) -> None:
    if row_count != 1:
        raise ChangedMeanwhile


def _values(resource: SessionHandlingResource) -> dict[str, object]:
    return {
        "id": resource.id,
        "kind": resource.kind.value,
        "provisioning_session_id": resource.provisioning_session_id,
        "policy_template_id": resource.policy_template_id,
        "body": resource.body,
        "status": resource.status,
        "control_reference": resource.control_reference,
        "version": resource.version,
        "modified": resource.modified,
    }


def _resource(row: Row[Any]) -> SessionHandlingResource:
    return SessionHandlingResource(
        id=row.id,
        kind=ResourceKind(row.kind),
        provisioning_session_id=row.provisioning_session_id,
        policy_template_id=row.policy_template_id,
        body=row.body,
        status=row.status,
        control_reference=row.control_reference,
        version=row.version,
        modified=row.modified,
    )
