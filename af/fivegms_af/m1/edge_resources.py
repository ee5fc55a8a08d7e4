"""The Edge Resources Configurations of a session (TS 26.512 7.10), and what they claim at the AS.

A claim is decided inside the transaction that writes it, on the claims of all sessions, so that
requests at once, here or at another replica, never take the same slot.
"""

from sqlalchemy import Connection

from fivegms_af.context import Context
from fivegms_af.edge_resources import (
    EDGE_RESOURCES,
    accept_edge_resources,
    admit,
    check_edge_removal,
    slots_claimed,
)
from fivegms_af.m1.documents import DocumentResource, delete_document
from fivegms_af.provisioned import Document, DocumentKind, Session
from fivegms_af.routes import M1_BASE_PATH, Api
from fivegms_af.store.edge_store import claim_status, other_claims
from fivegms_api.edge_resources import EdgeResourcesConfiguration


def _accept(
    context: Context, session: Session, document_id: str, value: EdgeResourcesConfiguration
) -> EdgeResourcesConfiguration:
    return accept_edge_resources(session, document_id, value)


def _status(
    context: Context, value: EdgeResourcesConfiguration, current: Document | None
) -> bytes | None:
    slots = slots_claimed(value)
    return claim_status(slots) if slots else None


async def _put(context: Context, session: Session, document: Document) -> None:
    """Write; a claim that grows has to be admitted, by what the AS says now that it has."""
    wanted = slots_claimed(document.read(EdgeResourcesConfiguration))
    if wanted <= _slots_of(session, document.id):
        await context.store.put_document(session, document)
        return
    status = await context.server.status()
    capacity = status.capabilities.inference_slots if status.capabilities else 0

    def check(connection: Connection) -> None:
        admit(wanted, capacity, other_claims(connection, document.id))

    await context.store.put_document(session, document, check)


def _slots_of(session: Session, document_id: str) -> int:
    """What the document claims now; 0 for a new one."""
    return sum(
        slots_claimed(document.read(EdgeResourcesConfiguration))
        for document in session.documents_of(DocumentKind.EDGE_RESOURCES)
        if document.id == document_id
    )


async def _delete(context: Context, session: Session, document: Document) -> None:
    check_edge_removal(session, document.id)
    await delete_document(context, session, document)


EDGE_RESOURCES_CONFIGURATIONS = DocumentResource(
    kind=DocumentKind.EDGE_RESOURCES,
    name=EDGE_RESOURCES,
    model=EdgeResourcesConfiguration,
    api=Api("M1_EdgeResourcesProvisioning", "2.1.2", M1_BASE_PATH),
    accept=_accept,
    id_member="edge_resources_configuration_id",
    status=_status,
    put=_put,
    delete=_delete,
)
