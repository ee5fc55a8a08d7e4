"""The rules of a Content Hosting Configuration: what is accepted, and what the AF adds to it.

Everything that the AS would not do is refused by name. Members that the AF assigns may be sent
back as they were given (a provider GETs, edits and PUTs), never with another value. Pure.
"""

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from fivegms_af.config import ApplicationServerAddress
from fivegms_af.errors import MembersRefused, TemplateUnknown
from fivegms_af.provisioned import Session
from fivegms_api.common_data import path_fault
from fivegms_api.content_hosting import (
    ContentHostingConfiguration,
    DistributionConfiguration,
    IngestConfiguration,
)
from fivegms_api.content_protocols import (
    DASH_IF_INGEST,
    ContentProtocolDescriptor,
    ContentProtocols,
)
from fivegms_api.problem_details import InvalidParam, json_pointer

NOT_SUPPORTED = "not supported by this deployment"
MAX_DISTRIBUTIONS = 64

CONTENT_PROTOCOLS = ContentProtocols(
    downlink_ingest_protocols=(
        ContentProtocolDescriptor(
            term_identifier=DASH_IF_INGEST,
            description_locator="https://dashif.org/Ingest/",
        ),
    )
)

_UNSUPPORTED_OF_A_DISTRIBUTION = (
    "edge_resources_configuration_id",
    "domain_name_alias",
    "path_rewrite_rules",
    "caching_configurations",
    "geo_fencing",
    "url_signature",
    "certificate_id",
    "supplementary_distribution_networks",
)


def accept_hosting(
    session: Session, configuration: ContentHostingConfiguration, address: ApplicationServerAddress
) -> ContentHostingConfiguration:
    """`configuration` as it is kept: checked against the session, assigned members left out.

    Raises MembersRefused naming every member that cannot be honoured.
    """
    if len(configuration.distribution_configurations) > MAX_DISTRIBUTIONS:
        reason = f"more than {MAX_DISTRIBUTIONS} are {NOT_SUPPORTED}"
        raise MembersRefused(_fault(reason, "distributionConfigurations"))
    assigned = complete_hosting(session.id, configuration, address)
    faults = [*_ingest_faults(configuration.ingest_configuration, assigned.ingest_configuration)]
    pairs = zip(
        configuration.distribution_configurations, assigned.distribution_configurations, strict=True
    )
    for place, (distribution, completed) in enumerate(pairs):
        at = ("distributionConfigurations", place)
        faults += _unsupported(distribution, *at)
        faults += _reassigned(distribution, completed, *at)
        faults += _entry_point_faults(session, distribution, *at)
    if faults:
        raise MembersRefused(*faults)
    return _without_assigned(configuration)


def complete_hosting(
    session_id: str, configuration: ContentHostingConfiguration, address: ApplicationServerAddress
) -> ContentHostingConfiguration:
    """`configuration` with the members that the AF assigns (TS 26.512 7.6.3.1)."""
    ingest = configuration.ingest_configuration.model_copy(
        update={"base_url": f"{address.m2_url}/m2d/{session_id}/"}
    )
    assigned = {
        "canonical_domain_name": urlsplit(address.m4_url).hostname,
        "base_url": distribution_base_url(session_id, address),
    }
    distributions = tuple(
        distribution.model_copy(update=assigned)
        for distribution in configuration.distribution_configurations
    )
    return configuration.model_copy(
        update={"ingest_configuration": ingest, "distribution_configurations": distributions}
    )


def distribution_base_url(session_id: str, address: ApplicationServerAddress) -> str:
    """Where UEs find everything of a session at M4d."""
    return f"{address.m4_url}/m4d/provisioning-session-{session_id}/"


def _without_assigned(configuration: ContentHostingConfiguration) -> ContentHostingConfiguration:
    ingest = configuration.ingest_configuration.model_copy(update={"base_url": None})
    distributions = tuple(
        distribution.model_copy(update={"canonical_domain_name": None, "base_url": None})
        for distribution in configuration.distribution_configurations
    )
    return configuration.model_copy(
        update={"ingest_configuration": ingest, "distribution_configurations": distributions}
    )


def _ingest_faults(
    ingest: IngestConfiguration, assigned: IngestConfiguration
) -> Iterator[InvalidParam]:
    protocols = CONTENT_PROTOCOLS.downlink_ingest_protocols or ()
    spoken = [protocol.term_identifier for protocol in protocols]
    if ingest.pull is None:
        yield _fault("is required; false: content is pushed", "ingestConfiguration", "pull")
    elif ingest.pull:
        yield _fault(f"pull ingest is {NOT_SUPPORTED}", "ingestConfiguration", "pull")
    if ingest.protocol not in spoken:
        reason = f"must be one of {', '.join(spoken)} (see the session's protocols)"
        yield _fault(reason, "ingestConfiguration", "protocol")
    if not ingest.pull and ingest.base_url not in (None, assigned.base_url):
        yield _fault("is assigned by the 5GMS AF", "ingestConfiguration", "baseURL")


def _unsupported(distribution: DistributionConfiguration, *at: str | int) -> Iterator[InvalidParam]:
    for name in _UNSUPPORTED_OF_A_DISTRIBUTION:
        if getattr(distribution, name):
            yield _fault(NOT_SUPPORTED, *at, _spelling(name))


def _reassigned(
    distribution: DistributionConfiguration, completed: DistributionConfiguration, *at: str | int
) -> Iterator[InvalidParam]:
    for name in ("canonical_domain_name", "base_url"):
        if getattr(distribution, name) not in (None, getattr(completed, name)):
            yield _fault("is assigned by the 5GMS AF", *at, _spelling(name))


def _entry_point_faults(
    session: Session, distribution: DistributionConfiguration, *at: str | int
) -> Iterator[InvalidParam]:
    entry_point = distribution.entry_point
    if entry_point is not None:
        reason = _relative_path_fault(entry_point.relative_path)
        if reason:
            yield _fault(reason, *at, "entryPoint", "relativePath")
    if distribution.content_preparation_template_id is not None:
        yield from _preparation_faults(session, distribution, *at)


def _preparation_faults(
    session: Session, distribution: DistributionConfiguration, *at: str | int
) -> Iterator[InvalidParam]:
    """A model is entered at the manifest that its preparation writes."""
    member = (*at, "contentPreparationTemplateId")
    try:
        template = session.template(distribution.content_preparation_template_id or "")
    except TemplateUnknown as unknown:
        yield _fault(f"{unknown} in this session", *member)
        return
    if template.manifest is None:
        yield _fault(f"processing {template.content_type} is {NOT_SUPPORTED}", *member)
    elif distribution.entry_point is None:
        yield _fault(f"is required; its path is {template.manifest!r}", *at, "entryPoint")
    elif unquote(distribution.entry_point.relative_path) != template.manifest:
        reason = f"must be the template's manifest, {template.manifest!r}"
        yield _fault(reason, *at, "entryPoint", "relativePath")


def _relative_path_fault(relative_path: str) -> str | None:
    if "#" in relative_path:
        return "must have no fragment"
    return path_fault(unquote(relative_path.partition("?")[0]))


def _spelling(name: str) -> str:
    return DistributionConfiguration.model_fields[name].alias or name


def _fault(reason: str, *member: str | int) -> InvalidParam:
    return InvalidParam(param=json_pointer(*member), reason=reason)
