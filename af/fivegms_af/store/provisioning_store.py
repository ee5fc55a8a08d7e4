"""Provisioned sessions in the database, read and written whole.

Every write names the version of the session that it was decided on and raises ChangedMeanwhile
where that is no longer the newest; once it returns, it survives a crash. No rule lives here.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fivegms_af.errors import ChangedMeanwhile, SessionUnknown, TemplateUnknown
from fivegms_af.provisioned import Hosting, Session, Template
from fivegms_af.store.database import Database
from fivegms_af.store.tables import (
    content_hosting_configurations as hostings,
)
from fivegms_af.store.tables import (
    content_preparation_templates as templates,
)
from fivegms_af.store.tables import (
    deleted_sessions,
)
from fivegms_af.store.tables import (
    provisioning_sessions as sessions,
)
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.content_hosting import ContentHostingConfiguration

_TEMPLATE_COLUMNS = [column for column in templates.columns if column.name != "body"]


class ProvisioningStore:
    """The store over a database; `create` makes the first version of a session, 1."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def check(self) -> None:
        """Raises StorageUnavailable where the database does not answer."""
        async with self._database.reading() as connection:
            await connection.execute(select(1))

    async def session(self, session_id: str) -> Session:
        """The session and what is below it; raises SessionUnknown."""
        found = await self.sessions([session_id])
        if session_id not in found:
            raise SessionUnknown(session_id)
        return found[session_id]

    async def sessions(self, session_ids: Iterable[str] | None = None) -> dict[str, Session]:
        """Those that exist of the sessions named, or all, from one consistent view."""
        wanted = None if session_ids is None else list(session_ids)
        async with self._database.reading() as connection:
            rows = await _rows(connection, sessions, sessions.c.id, wanted)
            by_session = hostings.c.provisioning_session_id
            hosting_rows = await _rows(connection, hostings, by_session, wanted)
            template_rows = await _template_rows(connection, wanted)
        hosting = {row.provisioning_session_id: _hosting(row) for row in hosting_rows}
        below: dict[str, list[Template]] = {}
        for row in template_rows:
            below.setdefault(row.provisioning_session_id, []).append(_template(row))
        return {row.id: _session(row, hosting.get(row.id), below.get(row.id, ())) for row in rows}

    async def deleted_sessions(self) -> frozenset[str]:
        """The sessions that some AS may still hold."""
        async with self._database.reading() as connection:
            return frozenset(await connection.scalars(select(*deleted_sessions.primary_key)))

    async def template_body(self, template_id: str) -> bytes:
        """The bytes as the provider sent them; raises TemplateUnknown."""
        query = select(templates.c.body).where(templates.c.id == template_id)
        async with self._database.reading() as connection:
            body: bytes | None = await connection.scalar(query)
        if body is None:
            raise TemplateUnknown(template_id)
        return body

    async def create(self, session: Session) -> None:
        """Keep a session of a new identifier, with nothing below it."""
        values = {
            "id": session.id,
            "type": session.type.value,
            "app_id": session.app_id,
            "asp_id": session.asp_id,
            "modified": session.modified,
            "version": 1,
        }
        async with self._database.writing() as connection:
            await connection.execute(insert(sessions).values(values))

    async def delete(self, session: Session, now: datetime) -> None:
        """Remove the session and all below it, and remember that the AS has to follow."""
        async with self._database.writing() as connection:
            statement = delete(sessions).where(
                sessions.c.id == session.id, sessions.c.version == session.version
            )
            _expect_one((await connection.execute(statement)).rowcount)
            row = {"provisioning_session_id": session.id, "deleted": now}
            await connection.execute(insert(deleted_sessions).values(row))

    async def forget_deleted(self, session_ids: Iterable[str]) -> None:
        """No AS holds these deleted sessions any more."""
        gone = deleted_sessions.c.provisioning_session_id.in_(list(session_ids))
        async with self._database.writing() as connection:
            await connection.execute(delete(deleted_sessions).where(gone))

    async def put_hosting(self, session: Session, hosting: Hosting) -> None:
        """Create or replace the session's Content Hosting Configuration."""
        values = {"body": hosting.configuration.to_json(), "modified": hosting.modified}
        async with self._database.writing() as connection:
            await _advance(connection, session)
            await _put(connection, hostings, {"provisioning_session_id": session.id}, values)

    async def delete_hosting(self, session: Session, now: datetime) -> None:
        """Remove the session's Content Hosting Configuration."""
        mine = hostings.c.provisioning_session_id == session.id
        async with self._database.writing() as connection:
            await _advance(connection, session, now)
            await connection.execute(delete(hostings).where(mine))

    async def put_template(self, session: Session, template: Template, body: bytes) -> None:
        """Create or replace a Content Preparation Template; a new one comes last."""
        known = any(one.id == template.id for one in session.templates)
        values: dict[str, object] = {
            "provisioning_session_id": session.id,
            "content_type": template.content_type,
            "body": body,
            "sha256": template.sha256,
            "manifest": template.manifest,
            "modified": template.modified,
        }
        async with self._database.writing() as connection:
            await _advance(connection, session, None if known else template.modified)
            if not known:
                values["position"] = await _next_position(connection, session.id)
            await _put(connection, templates, {"id": template.id}, values)

    async def delete_template(self, session: Session, template_id: str, now: datetime) -> None:
        """Remove a Content Preparation Template."""
        async with self._database.writing() as connection:
            await _advance(connection, session, now)
            await connection.execute(delete(templates).where(templates.c.id == template_id))


async def _rows(
    connection: AsyncConnection, table: Any, key: Any, wanted: list[str] | None
) -> Sequence[Row[Any]]:
    query = select(table) if wanted is None else select(table).where(key.in_(wanted))
    return (await connection.execute(query)).all()


async def _template_rows(
    connection: AsyncConnection, wanted: list[str] | None
) -> Sequence[Row[Any]]:
    query = select(*_TEMPLATE_COLUMNS).order_by(templates.c.position)
    if wanted is not None:
        query = query.where(templates.c.provisioning_session_id.in_(wanted))
    return (await connection.execute(query)).all()


async def _advance(
    connection: AsyncConnection, session: Session, modified: datetime | None = None
) -> None:
    """The session's next version, unless another request got there first."""
    values: dict[str, object] = {"version": session.version + 1}
    if modified is not None:
        values["modified"] = modified
    statement = (
        update(sessions)
        .where(sessions.c.id == session.id, sessions.c.version == session.version)
        .values(values)
    )
    _expect_one((await connection.execute(statement)).rowcount)


async def _put(
    connection: AsyncConnection, table: Any, key: Mapping[str, str], values: Mapping[str, object]
) -> None:
    """Update or insert; safe because the session's row is already ours in this transaction."""
    ((name, identifier),) = key.items()
    changed = await connection.execute(
        update(table).where(table.c[name] == identifier).values(values)
    )
    if changed.rowcount == 0:
        await connection.execute(insert(table).values({**key, **values}))


async def _next_position(connection: AsyncConnection, session_id: str) -> int:
    mine = templates.c.provisioning_session_id == session_id
    last: int | None = await connection.scalar(select(func.max(templates.c.position)).where(mine))
    return 0 if last is None else last + 1


def _expect_one(row_count: int) -> None:
    if row_count != 1:
        raise ChangedMeanwhile


def _session(row: Row[Any], hosting: Hosting | None, below: Iterable[Template]) -> Session:
    return Session(
        id=row.id,
        type=ProvisioningSessionType(row.type),
        app_id=row.app_id,
        asp_id=row.asp_id,
        modified=row.modified,
        version=row.version,
        hosting=hosting,
        templates=tuple(below),
    )


def _hosting(row: Row[Any]) -> Hosting:
    return Hosting(ContentHostingConfiguration.model_validate_json(row.body), row.modified)


def _template(row: Row[Any]) -> Template:
    return Template(row.id, row.content_type, row.sha256, row.manifest, row.modified)
