"""How many resources of each kind were provisioned, for operators."""

from sqlalchemy import Connection, func, select

from fivegms_af.provisioned import DocumentKind
from fivegms_af.store.database import Database
from fivegms_af.store.tables import (
    content_hosting_configurations,
    content_preparation_templates,
    provisioned_documents,
    server_certificates,
)

_OWN_TABLES = {
    "content-hosting-configuration": content_hosting_configurations,
    "content-preparation-templates": content_preparation_templates,
    "certificates": server_certificates,
}


class ResourceCounts:
    """Counts of all sessions together, by the path segment that M1 gives a kind."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> dict[str, int]:
        """Every kind; 0 for what there is none of. Raises StorageUnavailable."""
        return await self._database.read(_counts)


def _counts(connection: Connection) -> dict[str, int]:
    counts = {kind.value: 0 for kind in DocumentKind}
    kind = provisioned_documents.c.kind
    for row in connection.execute(select(kind, func.count()).group_by(kind)):
        counts[row[0]] = row[1]
    for segment, table in _OWN_TABLES.items():
        counts[segment] = connection.scalar(select(func.count()).select_from(table)) or 0
    return counts
