"""What a UE asks for into what is kept and asked of the network. Pure.

The Provisioning Session, the template and the UE of a resource stay what they were when it was
made: a network binds what it grants to them. A UE that moved, or wants other terms, makes another.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fivegms_af.errors import MembersRefused
from fivegms_af.faults import NOT_SUPPORTED, fault
from fivegms_af.policy.control import NetworkState, PolicyFlow, Terms, UeAddress
from fivegms_af.policy.errors import NetworkStateUnknown
from fivegms_af.policy.flows import packet_filters
from fivegms_af.policy.session_handling import KeptAssistance, KeptPolicy
from fivegms_af.policy.templates import status_of
from fivegms_af.policy.terms import demand_within, recommend, terms_of
from fivegms_af.provisioned import Document, DocumentKind, Session
from fivegms_api.dynamic_policies import DynamicPolicy
from fivegms_api.network_assistance import NetworkAssistanceSession
from fivegms_api.policy_templates import PolicyTemplate, PolicyTemplateState
from fivegms_api.service_data_flows import SdfMethod
from fivegms_api.wire import WireModel


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: the UE's address, and how the network can tell its flows apart."""

    ue: UeAddress
    methods: frozenset[SdfMethod]


def ready_template(session: Session, template_id: str) -> Document:
    """The template; raises MembersRefused where the session has none such that is READY."""
    for template in session.documents_of(DocumentKind.POLICY_TEMPLATE):
        if template.id == template_id:
            status = status_of(template)
            if status.state is PolicyTemplateState.READY:
                return template
            detail = status.state_reason.detail or status.state_reason.title
            raise MembersRefused(fault(f"is {status.state}: {detail}", "policyTemplateId"))
    raise MembersRefused(fault("is no policy template of the session", "policyTemplateId"))


def ask_for_policy(
    session: Session, policy: DynamicPolicy, asker: Asker, policy_id: str
) -> KeptPolicy:
    """A dynamic policy that may be asked of the network; raises MembersRefused."""
    terms = _terms(ready_template(session, policy.policy_template_id))
    flow = PolicyFlow(
        id=policy_id,
        app_id=session.app_id,
        asp_id=session.asp_id,
        ue=asker.ue,
        filters=packet_filters(policy.service_data_flow_descriptions, asker.ue, asker.methods),
        terms=terms,
        demand=demand_within(terms, policy.qos_specification, "qosSpecification"),
        media_type=policy.media_type,
    )
    return KeptPolicy(policy, flow)


def ask_for_assistance(
    session: Session, wanted: NetworkAssistanceSession, asker: Asker, session_id: str
) -> PolicyFlow:
    """The flow to recommend for, and to boost; raises MembersRefused."""
    if wanted.notification_url is not None:
        raise MembersRefused(fault(f"notifying a UE is {NOT_SUPPORTED}", "notficationURL"))
    template_id = wanted.policy_template_id
    terms = _terms(ready_template(session, template_id)) if template_id else Terms()
    descriptions = wanted.service_data_flow_descriptions
    return PolicyFlow(
        id=session_id,
        app_id=session.app_id,
        asp_id=session.asp_id,
        ue=asker.ue,
        filters=packet_filters(descriptions, asker.ue, asker.methods),
        terms=terms,
        demand=demand_within(terms, wanted.requested_qos, "requestedQoS"),
        media_type=wanted.media_type,
    )


def keep_assistance(
    wanted: NetworkAssistanceSession, flow: PolicyFlow, state: NetworkState
) -> KeptAssistance:
    """The session with what is recommended now; raises NetworkStateUnknown."""
    recommended = recommend(flow.demand, state)
    if recommended is None:
        raise NetworkStateUnknown
    return KeptAssistance(wanted, flow, recommended)


def check_fixed(before: PolicyFlow, after: PolicyFlow, kept: WireModel, sent: WireModel) -> None:
    """Raises MembersRefused where what stays with a resource is to change."""
    faults = [
        fault("stays what it was; make another resource", alias)
        for name, alias in _FIXED.items()
        if getattr(kept, name) != getattr(sent, name)
    ]
    if before.ue != after.ue:
        faults.append(fault(f"was made by {before.ue}; make another resource"))
    if faults:
        raise MembersRefused(*faults)


def check_assigned(sent: WireModel, shown: WireModel | None, names: Iterable[str]) -> None:
    """Raises MembersRefused where what the AF assigns was sent with another value than shown."""
    faults = [
        fault("is assigned by the 5GMS AF", type(sent).model_fields[name].alias or name)
        for name in names
        if getattr(sent, name) not in (None, getattr(shown, name, None))
    ]
    if faults:
        raise MembersRefused(*faults)


_FIXED = {
    "provisioning_session_id": "provisioningSessionId",
    "policy_template_id": "policyTemplateId",
}


def _terms(template: Document) -> Terms:
    return terms_of(template.read(PolicyTemplate))
