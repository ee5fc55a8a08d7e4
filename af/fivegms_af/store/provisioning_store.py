"""Provisioned sessions in the database, read and written whole.

Every write names the version of the session that it was decided on and raises ChangedMeanwhile
where that is no longer the newest; once it returns, it survives a crash. What was read is kept in
memory until it changes. No rule lives here.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, literal, select, update

from fivegms_af.errors import ChangedMeanwhile, SessionUnknown, TemplateUnknown
from fivegms_af.provisioned import Certificate, Document, Hosting, Session, Template
from fivegms_af.store.database import Database, Listener
from fivegms_af.store.session_cache import CACHED_SESSIONS, SessionCache
from fivegms_af.store.session_rows import read_sessions
from fivegms_af.store.tables import (
    content_hosting_configurations as hostings,
)
from fivegms_af.store.tables import (
    content_preparation_templates as templates,
)
from fivegms_af.store.tables import (
    deleted_sessions,
    policy_releases,
    provisioned_documents,
    server_certificates,
    session_handling_resources,
)
from fivegms_af.store.tables import (
    provisioning_sessions as sessions,
)

Check = Callable[[Connection], None]

_Part = Template | Document | Certificate


class ProvisioningStore:
    """The store over a database; `create` makes the first version of a session, 1.

    `cached_sessions` is how many sessions stay in memory.
    """

    def __init__(self, database: Database, cached_sessions: int = CACHED_SESSIONS) -> None:
        self._database = database
        self._cache = SessionCache(cached_sessions)
        database.on_change(self._cache.drop)

    def on_change(self, listener: Listener) -> None:
        """Have `listener` called with each session that changes, here or at another replica.

        None says that any may have.
        """
        self._database.on_change(listener)

    async def check(self) -> None:
        """Raises StorageUnavailable where the database does not answer."""
        await self._database.read(lambda connection: connection.scalar(select(literal(1))))

    async def session(self, session_id: str) -> Session:
        """The session and what is below it; raises SessionUnknown."""
        session = self._cache.get(session_id)
        if session is None:
            session = await self._load(session_id)
        if session is None:
            raise SessionUnknown(session_id)
        return session

    async def known(self, session_ids: Iterable[str]) -> dict[str, Session]:
        """Those that exist of the sessions named, each as it is in memory or read by itself."""
        found = {}
        for session_id in session_ids:
            with suppress(SessionUnknown):
                found[session_id] = await self.session(session_id)
        return found

    async def sessions(self, session_ids: Iterable[str] | None = None) -> dict[str, Session]:
        """Those that exist of the sessions named, or all, from one consistent view."""
        wanted = None if session_ids is None else list(session_ids)
        return await self._database.read(lambda connection: read_sessions(connection, wanted))

    async def session_ids(self, after: str | None, limit: int) -> tuple[str, ...]:
        """At most `limit` identifiers in their order, those after `after`; None for the first."""
        query = select(sessions.c.id).order_by(sessions.c.id).limit(limit)
        if after is not None:
            query = query.where(sessions.c.id > after)
        return await self._database.read(lambda connection: tuple(connection.scalars(query)))

    async def count(self) -> int:
        """How many sessions there are."""
        query = select(func.count()).select_from(sessions)
        return await self._database.read(lambda connection: connection.scalar(query) or 0)

    async def deleted_sessions(self) -> frozenset[str]:
        """The sessions that some AS may still hold."""
        query = select(*deleted_sessions.primary_key)
        return await self._database.read(lambda connection: frozenset(connection.scalars(query)))

    async def template_body(self, template_id: str) -> bytes:
        """The bytes as the provider sent them; raises TemplateUnknown."""
        query = select(templates.c.body).where(templates.c.id == template_id)
        body: bytes | None = await self._database.read(lambda connection: connection.scalar(query))
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
        await self._write(
            session.id, lambda connection: connection.execute(insert(sessions), values)
        )

    async def delete(self, session: Session, now: datetime) -> None:
        """Remove the session and all below it; the AS and the policy control have to follow."""

        def work(connection: Connection) -> None:
            _hold(connection, session)
            _release_policies(connection, session.id, now)
            connection.execute(delete(sessions).where(sessions.c.id == session.id))
            row = {"provisioning_session_id": session.id, "deleted": now}
            connection.execute(insert(deleted_sessions), row)

        await self._write(session.id, work)

    async def forget_deleted(self, session_ids: Iterable[str]) -> None:
        """No AS holds these deleted sessions any more."""
        gone = deleted_sessions.c.provisioning_session_id.in_(list(session_ids))
        await self._database.write(
            lambda connection: connection.execute(delete(deleted_sessions).where(gone))
        )

    async def put_hosting(
        self, session: Session, hosting: Hosting, check: Check | None = None
    ) -> None:
        """Create or replace the session's Content Hosting Configuration; `check` as below."""
        key = {"provisioning_session_id": session.id}
        values = {"body": hosting.configuration.to_json(), "modified": hosting.modified}

        def work(connection: Connection) -> None:
            _advance(connection, session)
            if check is not None:
                check(connection)
            if session.hosting is None:
                connection.execute(insert(hostings), key | values)
            else:
                connection.execute(update(hostings).where(*_equal(hostings, key)).values(values))

        await self._write(session.id, work)

    async def delete_hosting(self, session: Session, now: datetime) -> None:
        """Remove the session's Content Hosting Configuration."""
        await self._remove(session, hostings, {"provisioning_session_id": session.id}, now)

    async def put_template(self, session: Session, template: Template, body: bytes) -> None:
        """Create or replace a Content Preparation Template; a new one comes last."""
        values = {
            "content_type": template.content_type,
            "body": body,
            "sha256": template.sha256,
            "manifest": template.manifest,
            "modified": template.modified,
        }
        await self._put(session, templates, session.templates, template.id, values)

    async def delete_template(self, session: Session, template_id: str, now: datetime) -> None:
        """Remove a Content Preparation Template."""
        await self._remove(session, templates, {"id": template_id}, now)

    async def put_document(
        self, session: Session, document: Document, check: Check | None = None
    ) -> None:
        """Create or replace a document; a new one comes last.

        `check` may look at other rows in the same transaction and raise an error of its own.
        """
        values = {
            "kind": document.kind.value,
            "body": document.body,
            "status": document.status,
            "modified": document.modified,
        }
        await self._put(
            session, provisioned_documents, session.documents, document.id, values, check
        )

    async def delete_document(self, session: Session, document_id: str, now: datetime) -> None:
        """Remove a document."""
        await self._remove(session, provisioned_documents, {"id": document_id}, now)

    async def put_certificate(self, session: Session, certificate: Certificate) -> None:
        """Create or replace a Server Certificate; a new one comes last."""
        values = {
            "domain_names": json.dumps(certificate.domain_names).encode(),
            "certificate": certificate.chain,
            "private_key": certificate.private_key,
            "signing_request": certificate.signing_request,
            "modified": certificate.modified,
        }
        await self._put(session, server_certificates, session.certificates, certificate.id, values)

    async def delete_certificate(
        self, session: Session, certificate_id: str, now: datetime
    ) -> None:
        """Remove a Server Certificate."""
        await self._remove(session, server_certificates, {"id": certificate_id}, now)

    async def _load(self, session_id: str) -> Session | None:
        """From the database; kept only where every later change is certain to be told."""
        ticket = self._cache.ticket(session_id)
        session = None
        try:
            found = await self.sessions([session_id])
            session = found.get(session_id)
        finally:
            keep = session if self._database.hears_all else None
            self._cache.settle(session_id, ticket, keep)
        return session

    async def _put(
        self,
        session: Session,
        table: Table,
        siblings: Iterable[_Part],
        identifier: str,
        values: Mapping[str, Any],
        check: Check | None = None,
    ) -> None:
        """A part of the session with a place among its siblings; a new one changes the session."""
        key = {"id": identifier, "provisioning_session_id": session.id}
        is_new = all(sibling.id != identifier for sibling in siblings)

        def work(connection: Connection) -> None:
            _advance(connection, session, values["modified"] if is_new else None)
            if check is not None:
                check(connection)
            if is_new:
                place = {"position": _next_position(connection, table, session.id)}
                connection.execute(insert(table), key | place | dict(values))
            else:
                connection.execute(update(table).where(*_equal(table, key)).values(values))

        await self._write(session.id, work)

    async def _remove(
        self, session: Session, table: Table, key: Mapping[str, str], now: datetime
    ) -> None:
        mine = {"provisioning_session_id": session.id} | dict(key)

        def work(connection: Connection) -> None:
            _advance(connection, session, now)
            connection.execute(delete(table).where(*_equal(table, mine)))

        await self._write(session.id, work)

    async def _write(self, session_id: str, work: Callable[[Connection], Any]) -> None:
        await self._database.write(work, touches=[session_id])


def _advance(connection: Connection, session: Session, modified: datetime | None = None) -> None:
    """The session's next version, unless another request got there first."""
    values: dict[str, object] = {"version": session.version + 1}
    if modified is not None:
        values["modified"] = modified
    mine = sessions.c.id == session.id, sessions.c.version == session.version
    _expect_one(connection.execute(update(sessions).where(*mine).values(values)).rowcount)


def _hold(connection: Connection, session: Session) -> None:
    """Keep everybody from adding to the session from here on, unless it changed already."""
    mine = sessions.c.id == session.id, sessions.c.version == session.version
    found = connection.execute(select(sessions.c.id).where(*mine).with_for_update()).all()
    _expect_one(len(found))


def _equal(table: Table, key: Mapping[str, str]) -> list[Any]:
    return [table.c[name] == value for name, value in key.items()]


def _next_position(connection: Connection, table: Table, session_id: str) -> int:
    mine = table.c.provisioning_session_id == session_id
    last: int | None = connection.scalar(select(func.max(table.c.position)).where(mine))
    return 0 if last is None else last + 1


def _release_policies(connection: Connection, session_id: str, now: datetime) -> None:
    """What the policy control holds for the session outlives it, until that lets go.

    The resources are locked, so none of them gets a reference that nobody would let go of.
    """
    resources, noted = session_handling_resources.c, policy_releases.c.control_reference
    mine = resources.provisioning_session_id == session_id
    held = set(
        connection.scalars(select(resources.control_reference).where(mine).with_for_update())
    )
    held -= {None, *connection.scalars(select(noted).where(noted.in_(held - {None})))}
    if held:
        rows = [{"control_reference": reference, "since": now} for reference in held]
        connection.execute(insert(policy_releases), rows)


def _expect_one(row_count: int) -> None:
    if row_count != 1:
        raise ChangedMeanwhile
