"""Policy templates of a session (TS 26.512 7.9): what its UEs may ask of the network.

Whatever is accepted is PENDING until the policy control has judged it, which a request waits for a
little. What is READY stays so where its terms stay: the network would only say the same. Deleting a
template that UEs use ends their policies: they are not the provider's to delete, so a refusal would
leave it no way out.
"""

from collections.abc import Mapping

from fivegms_af.context import Context
from fivegms_af.errors import SubResourceUnknown
from fivegms_af.m1.documents import DocumentResource
from fivegms_af.policy.templates import (
    TemplateChange,
    TemplateEvent,
    after,
    is_ready,
    new_status,
    status_of,
)
from fivegms_af.policy.terms import check_template, terms_of
from fivegms_af.provisioned import Document, DocumentKind, Session
from fivegms_af.routes import M1_BASE_PATH, Api
from fivegms_api.policy_templates import PolicyTemplate

NAME = "Policy Template"


def _accept(
    context: Context, session: Session, document_id: str, value: PolicyTemplate
) -> PolicyTemplate:
    check_template(value)
    return value


def _status(context: Context, value: PolicyTemplate, current: Document | None) -> bytes | None:
    if current is None:
        return new_status().to_json()
    if is_ready(current) and terms_of(value) == terms_of(current.read(PolicyTemplate)):
        return current.status
    return after(status_of(current), TemplateChange(TemplateEvent.CHANGED)).to_json()


def _assign(document: Document) -> Mapping[str, object]:
    status = status_of(document)
    return {"state": status.state, "state_reason": status.state_reason}


async def _put(context: Context, session: Session, document: Document) -> Document:
    """Write, and give the policy control a moment to judge; the template as it then is."""
    await context.store.put_document(session, document)
    await context.policies_changed(session.id)
    newest = await context.store.session(session.id)
    for template in newest.documents_of(DocumentKind.POLICY_TEMPLATE):
        if template.id == document.id:
            return template
    raise SubResourceUnknown(NAME, document.id)


async def _delete(context: Context, session: Session, document: Document) -> None:
    await context.store.delete_document(session, document.id, context.now())
    await context.policies_changed(session.id)


POLICY_TEMPLATES = DocumentResource(
    kind=DocumentKind.POLICY_TEMPLATE,
    name=NAME,
    model=PolicyTemplate,
    api=Api("M1_PolicyTemplatesProvisioning", "2.2.1", M1_BASE_PATH),
    accept=_accept,
    id_member="policy_template_id",
    read_only=("state", "state_reason"),
    assign=_assign,
    status=_status,
    put=_put,
    delete=_delete,
)
