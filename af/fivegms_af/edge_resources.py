"""The rules of an Edge Resources Configuration (TS 26.512 7.10), and of admission. Pure.

`EM_APP_DRIVEN`: a client finds its edge server itself. What it has to look for is handed on in
Service Access Information; requirements that have no place there are refused.

`EM_AF_DRIVEN`: the AF claims capacity for network inference at the Application Server. The claim
is in inference slots: one, or N where `easFeatures` names `urn:fivegms:ai:eas:inference-slots:N`.
What nobody here would enforce is refused. Where an instance runs, it stays: so every tolerance of
relocation is kept.
"""

import re
from collections.abc import Iterable, Iterator

from fivegms_af.errors import EdgeCapacityExceeded, MembersRefused, SubResourceInUse
from fivegms_af.faults import NOT_SUPPORTED, fault
from fivegms_af.provisioned import DocumentKind, Session
from fivegms_api.edge_resources import (
    EasRequirements,
    EdgeManagementMode,
    EdgeResourcesConfiguration,
)
from fivegms_api.problem_details import InvalidParam
from fivegms_api.wire import WireModel

EDGE_RESOURCES = "Edge Resources Configuration"
NETWORK_INFERENCE = "urn:fivegms:ai:eas:network-inference"
INFERENCE_SLOTS = "urn:fivegms:ai:eas:inference-slots:"

_COUNT = re.compile(r"[1-9][0-9]{0,3}")

_NOT_FOR_CLIENTS = (
    "service_kpi",
    "service_area",
    "service_availability_schedule",
    "service_continuity_scenarios",
    "service_continuity_support",
)
_NOT_FOR_SLOTS = (*_NOT_FOR_CLIENTS, "eas_id", "eas_provider_ids")


def accept_edge_resources(
    session: Session, document_id: str, configuration: EdgeResourcesConfiguration
) -> EdgeResourcesConfiguration:
    """`configuration` as it is kept. Raises MembersRefused."""
    if configuration.edge_management_mode is EdgeManagementMode.EM_APP_DRIVEN:
        faults = [*_app_driven_faults(session, document_id, configuration)]
    else:
        faults = [*_af_driven_faults(configuration)]
    if faults:
        raise MembersRefused(*faults)
    return configuration


def slots_claimed(configuration: EdgeResourcesConfiguration) -> int:
    """How many inference slots an accepted configuration takes."""
    if configuration.edge_management_mode is EdgeManagementMode.EM_APP_DRIVEN:
        return 0
    for feature in configuration.eas_requirements.eas_features or ():
        return int(feature.removeprefix(INFERENCE_SLOTS))
    return 1


def admit(wanted: int, capacity: int, claimed: Iterable[int]) -> None:
    """Raises EdgeCapacityExceeded where `wanted` more than is `claimed` would exceed `capacity`."""
    free = max(capacity - sum(claimed), 0)
    if wanted > free:
        raise EdgeCapacityExceeded(wanted, free, capacity)


def check_edge_removal(session: Session, document_id: str) -> None:
    """Raises SubResourceInUse while a distribution refers to the configuration."""
    hosting = session.hosting
    distributions = hosting.configuration.distribution_configurations if hosting else ()
    if any(one.edge_resources_configuration_id == document_id for one in distributions):
        raise SubResourceInUse(EDGE_RESOURCES, document_id, "the Content Hosting Configuration")


def app_driven(session: Session) -> EdgeResourcesConfiguration | None:
    """The configuration that the session's clients are told of."""
    for document in session.documents_of(DocumentKind.EDGE_RESOURCES):
        configuration = document.read(EdgeResourcesConfiguration)
        if configuration.edge_management_mode is EdgeManagementMode.EM_APP_DRIVEN:
            return configuration
    return None


def _app_driven_faults(
    session: Session, document_id: str, configuration: EdgeResourcesConfiguration
) -> Iterator[InvalidParam]:
    for document in session.documents_of(DocumentKind.EDGE_RESOURCES):
        other = document.read(EdgeResourcesConfiguration)
        is_app_driven = other.edge_management_mode is EdgeManagementMode.EM_APP_DRIVEN
        if is_app_driven and document.id != document_id:
            reason = f"clients are told of one such configuration, and {document.id} is that"
            yield fault(reason, "edgeManagementMode")
    reason = f"is {NOT_SUPPORTED} with EM_APP_DRIVEN: clients are not told of it"
    yield from _unsupported(configuration.eas_requirements, reason, _NOT_FOR_CLIENTS)
    relocation = configuration.eas_relocation_requirements
    if relocation is not None and relocation.max_response_time_difference is not None:
        member = ("easRelocationRequirements", "maxResponseTimeDifference")
        yield fault(reason, *member)


def _af_driven_faults(configuration: EdgeResourcesConfiguration) -> Iterator[InvalidParam]:
    reason = f"is {NOT_SUPPORTED} with EM_AF_DRIVEN"
    requirements = configuration.eas_requirements
    if requirements.eas_type != NETWORK_INFERENCE:
        only = f"must be {NETWORK_INFERENCE}: no other server is started here"
        yield fault(only, "easRequirements", "easType")
    if configuration.eligibility_criteria is not None:
        yield fault(reason, "eligibilityCriteria")
    yield from _unsupported(requirements, reason, _NOT_FOR_SLOTS)
    yield from _feature_faults(requirements)


def _feature_faults(requirements: EasRequirements) -> Iterator[InvalidParam]:
    for place, feature in enumerate(requirements.eas_features or ()):
        member = ("easRequirements", "easFeatures", place)
        count = feature.removeprefix(INFERENCE_SLOTS)
        if not feature.startswith(INFERENCE_SLOTS) or not _COUNT.fullmatch(count):
            reason = f"is {NOT_SUPPORTED}; known is {INFERENCE_SLOTS} and a number from 1 to 9999"
            yield fault(reason, *member)
        elif place:
            yield fault("there is one number of slots", *member)


def _unsupported(
    requirements: WireModel, reason: str, names: Iterable[str]
) -> Iterator[InvalidParam]:
    fields = type(requirements).model_fields
    for name in names:
        if getattr(requirements, name) is not None:
            yield fault(reason, "easRequirements", fields[name].alias or name)
