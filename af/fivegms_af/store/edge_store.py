"""What Edge Resources Configurations claim at the Application Server, all sessions together.

A claim is kept as its document's status, so it comes and goes with the document.
"""

import json

from sqlalchemy import Connection, func, select

from fivegms_af.bodies import canonical_json
from fivegms_af.provisioned import DocumentKind
from fivegms_af.store.tables import provisioned_documents as documents

# Any number that nobody else locks in the same database: "EDGE" in ASCII.
_CLAIMS_LOCK = 0x45444745


def claim_status(slots: int) -> bytes:
    """The status of a document that claims `slots` inference slots."""
    return canonical_json({"inferenceSlots": slots})


def other_claims(connection: Connection, document_id: str) -> tuple[int, ...]:
    """The slots that each document but `document_id` claims.

    Until the transaction ends nobody else gets an answer, so it may claim on the strength of this
    one. SQLite has a single writer; elsewhere claimants take a lock of their own.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(select(func.pg_advisory_xact_lock(_CLAIMS_LOCK)))
    query = select(documents.c.status).where(
        documents.c.kind == DocumentKind.EDGE_RESOURCES.value,
        documents.c.status.is_not(None),
        documents.c.id != document_id,
    )
    return tuple(json.loads(status)["inferenceSlots"] for status in connection.scalars(query))
