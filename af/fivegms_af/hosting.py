"""The rules of a Content Hosting Configuration: what is accepted, and what the AF adds to it.

Everything that the AS would not do is refused by name, as far as the AF knows what the AS can do.
Members that the AF assigns may be sent back as they were given, though they change by what else is
sent (a provider GETs, edits and PUTs, or PATCHes); never with a value of the provider's own. What a
single distribution may ask for is in `distributions`. Pure.
"""

from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from fivegms_af.config import ApplicationServerAddress
from fivegms_af.distributions import distribution_faults, reassigned_faults
from fivegms_af.errors import HostingNotForUplink, MembersRefused
from fivegms_af.faults import NOT_SUPPORTED, fault
from fivegms_af.provisioned import Session
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.content_hosting import (
    ContentHostingConfiguration,
    DistributionConfiguration,
    IngestConfiguration,
)
from fivegms_api.content_protocols import (
    DASH_IF_INGEST,
    HTTP_PULL_INGEST,
    ContentProtocolDescriptor,
    ContentProtocols,
)
from fivegms_api.m3 import Capabilities, distribution_path
from fivegms_api.problem_details import InvalidParam

MAX_DISTRIBUTIONS = 64

_PUSH = ContentProtocolDescriptor(
    term_identifier=DASH_IF_INGEST, description_locator="https://dashif.org/Ingest/"
)
_PULL = ContentProtocolDescriptor(
    term_identifier=HTTP_PULL_INGEST, description_locator="https://www.rfc-editor.org/rfc/rfc9110"
)


def content_protocols(session: Session, capabilities: Capabilities | None) -> ContentProtocols:
    """What the session's content may come in with (TS 26.512 7.5), and where it may be fenced in.

    An UPLINK session hosts nothing at Release 17, so none is offered there.
    """
    if session.type is not ProvisioningSessionType.DOWNLINK:
        return ContentProtocols()
    locator_types = capabilities.geo_fencing_locator_types if capabilities else ()
    pulls = capabilities is not None and capabilities.pull_ingest
    return ContentProtocols(
        downlink_ingest_protocols=(_PUSH, _PULL) if pulls else (_PUSH,),
        geo_fencing_locator_types=locator_types or None,
    )


def check_direction(session: Session) -> None:
    """Raises HostingNotForUplink."""
    if session.type is not ProvisioningSessionType.DOWNLINK:
        raise HostingNotForUplink


def accept_hosting(
    session: Session,
    configuration: ContentHostingConfiguration,
    address: ApplicationServerAddress,
    capabilities: Capabilities | None,
) -> ContentHostingConfiguration:
    """`configuration` as it is kept: checked against the session, assigned members left out.

    `capabilities` are the AS's, None while it has not said: then what only it can know is accepted,
    and shown as refused once it has refused it. Raises MembersRefused naming every member that
    cannot be honoured.
    """
    if len(configuration.distribution_configurations) > MAX_DISTRIBUTIONS:
        reason = f"more than {MAX_DISTRIBUTIONS} are {NOT_SUPPORTED}"
        raise MembersRefused(fault(reason, "distributionConfigurations"))
    assigned = complete_hosting(session.id, configuration, address)
    shown = _shown(session, address)
    faults = [
        *_ingest_faults(
            configuration.ingest_configuration, assigned.ingest_configuration, capabilities
        )
    ]
    pairs = zip(
        configuration.distribution_configurations, assigned.distribution_configurations, strict=True
    )
    for place, (distribution, completed) in enumerate(pairs):
        at = ("distributionConfigurations", place)
        faults += reassigned_faults(distribution, (completed, *shown), *at)
        faults += distribution_faults(session, distribution, completed, capabilities, *at)
        if distribution.certificate_id is not None and address.m4_tls_url is None:
            faults.append(fault(NOT_SUPPORTED, *at, "certificateId"))
    if faults:
        raise MembersRefused(*faults)
    return _without_assigned(configuration)


def has_alias(configuration: ContentHostingConfiguration) -> bool:
    """Whether a distribution has a name of the provider's own."""
    return any(one.domain_name_alias for one in configuration.distribution_configurations)


def check_aliases(configuration: ContentHostingConfiguration, taken: Collection[str]) -> None:
    """Raises MembersRefused for the aliases that other providers have taken, in lower case."""
    faults = [
        fault(
            "is the alias of another application service provider",
            *("distributionConfigurations", place, "domainNameAlias"),
        )
        for place, one in enumerate(configuration.distribution_configurations)
        if one.domain_name_alias is not None and one.domain_name_alias.lower() in taken
    ]
    if faults:
        raise MembersRefused(*faults)


def complete_hosting(
    session_id: str, configuration: ContentHostingConfiguration, address: ApplicationServerAddress
) -> ContentHostingConfiguration:
    """`configuration` with the members that the AF assigns (TS 26.512 7.6.3.1)."""
    ingest = configuration.ingest_configuration
    if not ingest.pull:
        ingest = ingest.model_copy(update={"base_url": f"{address.m2_url}/m2d/{session_id}/"})
    distributions = tuple(
        distribution.model_copy(
            update={
                "canonical_domain_name": canonical_domain_name(address),
                "base_url": distribution_url(session_id, place, distribution, address),
            }
        )
        for place, distribution in enumerate(configuration.distribution_configurations)
    )
    return configuration.model_copy(
        update={"ingest_configuration": ingest, "distribution_configurations": distributions}
    )


def canonical_domain_name(address: ApplicationServerAddress) -> str:
    """The AS's own name at M4, in lower case; an IP address where it has no other."""
    return urlsplit(address.m4_url).hostname or ""


def distribution_url(
    session_id: str,
    place: int,
    distribution: DistributionConfiguration,
    address: ApplicationServerAddress,
) -> str:
    """Where UEs find `distributionConfigurations[place]`: at its alias, by TLS if certified."""
    origin = address.m4_url
    if distribution.certificate_id is not None and address.m4_tls_url is not None:
        origin = address.m4_tls_url
    if distribution.domain_name_alias is not None:
        parts = urlsplit(origin)
        port = "" if parts.port is None else f":{parts.port}"
        origin = f"{parts.scheme}://{distribution.domain_name_alias.lower()}{port}{parts.path}"
    return origin + distribution_path(session_id, place)


def _shown(
    session: Session, address: ApplicationServerAddress
) -> tuple[DistributionConfiguration, ...]:
    """The distributions as the provider may have seen them last."""
    if session.hosting is None:
        return ()
    current = complete_hosting(session.id, session.hosting.configuration, address)
    return current.distribution_configurations


def _without_assigned(configuration: ContentHostingConfiguration) -> ContentHostingConfiguration:
    ingest = configuration.ingest_configuration
    if not ingest.pull:
        ingest = ingest.model_copy(update={"base_url": None})
    distributions = tuple(
        distribution.model_copy(update={"canonical_domain_name": None, "base_url": None})
        for distribution in configuration.distribution_configurations
    )
    return configuration.model_copy(
        update={"ingest_configuration": ingest, "distribution_configurations": distributions}
    )


def _ingest_faults(
    ingest: IngestConfiguration,
    assigned: IngestConfiguration,
    capabilities: Capabilities | None,
) -> Iterator[InvalidParam]:
    """What is pulled comes from the provider's URL, what is pushed goes to the AF's."""
    at = "ingestConfiguration"
    expected = HTTP_PULL_INGEST if ingest.pull else DASH_IF_INGEST
    if ingest.pull is None:
        yield fault("is required: whether content is pulled", at, "pull")
    elif ingest.pull and capabilities is not None and not capabilities.pull_ingest:
        yield fault(f"pull ingest is {NOT_SUPPORTED}", at, "pull")
    if ingest.protocol != expected:
        yield fault(f"must be {expected} (see the session's protocols)", at, "protocol")
    if ingest.pull:
        yield from _origin_faults(ingest.base_url)
    elif ingest.base_url not in (None, assigned.base_url):
        yield fault("is assigned by the 5GMS AF", at, "baseURL")


def _origin_faults(url: str | None) -> Iterator[InvalidParam]:
    at = ("ingestConfiguration", "baseURL")
    if url is None:
        yield fault("is required: where content is pulled from", *at)
    elif not _has_good_port(url):
        yield fault("must have a host and a port from 0 to 65535", *at)
    elif "?" in url or "@" in url:
        yield fault("must have no query, and no user or password", *at)


def _has_good_port(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port >= 0)
    except ValueError:
        return False
