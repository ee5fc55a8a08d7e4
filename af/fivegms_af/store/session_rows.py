"""Rows into sessions: what lies in five tables, read in one view and put together."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Table, select

from fivegms_af.provisioned import (
    Certificate,
    Document,
    DocumentKind,
    Hosting,
    Session,
    Template,
)
from fivegms_af.store.tables import (
    content_hosting_configurations,
    content_preparation_templates,
    provisioned_documents,
    provisioning_sessions,
    server_certificates,
)
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.content_hosting import ContentHostingConfiguration

T = TypeVar("T")
_Rows = Sequence[Row[Any]]


def read_sessions(connection: Connection, wanted: Sequence[str] | None) -> dict[str, Session]:
    """Those that exist of the sessions named, or all, by identifier."""
    rows = _rows(connection, provisioning_sessions, wanted, key="id")
    hostings = _rows(connection, content_hosting_configurations, wanted)
    templates = _rows(connection, content_preparation_templates, wanted, without="body")
    documents = _rows(connection, provisioned_documents, wanted)
    certificates = _rows(connection, server_certificates, wanted)
    hosting = _below(hostings, _hosting)
    template = _below(templates, _template)
    document = _below(documents, _document)
    certificate = _below(certificates, _certificate)
    return {
        row.id: Session(
            id=row.id,
            type=ProvisioningSessionType(row.type),
            app_id=row.app_id,
            asp_id=row.asp_id,
            modified=row.modified,
            version=row.version,
            hosting=next(iter(hosting.get(row.id, ())), None),
            templates=tuple(template.get(row.id, ())),
            documents=tuple(document.get(row.id, ())),
            certificates=tuple(certificate.get(row.id, ())),
        )
        for row in rows
    }


def _rows(
    connection: Connection,
    table: Table,
    wanted: Sequence[str] | None,
    key: str = "provisioning_session_id",
    without: str | None = None,
) -> _Rows:
    query = select(*(column for column in table.c if column.name != without))
    if wanted is not None:
        query = query.where(table.c[key].in_(wanted))
    if "position" in table.c:
        query = query.order_by(table.c.position)
    return connection.execute(query).all()


def _below(rows: Iterable[Row[Any]], value: Callable[[Row[Any]], T]) -> Mapping[str, list[T]]:
    found: dict[str, list[T]] = {}
    for row in rows:
        found.setdefault(row.provisioning_session_id, []).append(value(row))
    return found


def _hosting(row: Row[Any]) -> Hosting:
    return Hosting(ContentHostingConfiguration.model_validate_json(row.body), row.modified)


def _template(row: Row[Any]) -> Template:
    return Template(row.id, row.content_type, row.sha256, row.manifest, row.modified)


def _document(row: Row[Any]) -> Document:
    return Document(row.id, DocumentKind(row.kind), row.body, row.modified, row.status)


def _certificate(row: Row[Any]) -> Certificate:
    return Certificate(
        id=row.id,
        domain_names=tuple(json.loads(row.domain_names)),
        chain=row.certificate,
        private_key=row.private_key,
        signing_request=row.signing_request,
        modified=row.modified,
    )
