"""What one distribution of a Content Hosting Configuration may ask for (TS 26.512 7.6.3). Pure.

Each function yields the faults of one member, named by JSON Pointer. Patterns are RE2's, because
the AS matches them against every request.
"""

from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from fivegms_af.certificates import find_certificate, speaks_for
from fivegms_af.domain_names import host_name_fault
from fivegms_af.errors import CertificateUnknown, TemplateUnknown
from fivegms_af.faults import NOT_SUPPORTED, fault
from fivegms_af.provisioned import DocumentKind, Session
from fivegms_api.common_data import path_fault
from fivegms_api.content_hosting import (
    CachingConfiguration,
    CachingDirectives,
    DistributionConfiguration,
    GeoFencing,
    M1MediaEntryPoint,
    PathRewriteRule,
    UrlSignature,
)
from fivegms_api.locators import ISO_3166, locator_fault
from fivegms_api.m3 import Capabilities
from fivegms_api.path_rewriting import rewritten_path
from fivegms_api.problem_details import InvalidParam
from fivegms_api.provider_pattern import ProviderPattern
from fivegms_api.url_signature import signature_faults

MAX_RULES = 64
MAX_LOCATORS = 1024
MAX_PASSPHRASE_CHARACTERS = 1024
MAX_AGE_LIMIT_S = 2**31 - 1

Faults = Iterator[InvalidParam]
Place = str | int


def distribution_faults(
    session: Session,
    distribution: DistributionConfiguration,
    completed: DistributionConfiguration,
    capabilities: Capabilities | None,
    *at: Place,
) -> Faults:
    """Everything in `distribution` that cannot be honoured; `completed` has the assigned members.

    What the AS has to have for it is judged by its `capabilities`, unless they are not known.
    """
    yield from _alias_faults(distribution, *at)
    yield from _certificate_faults(session, distribution, completed, capabilities, *at)
    yield from _edge_faults(session, distribution, *at)
    yield from _rewriting_faults(distribution.path_rewrite_rules or (), *at)
    yield from _caching_faults(distribution.caching_configurations or (), *at)
    if distribution.geo_fencing is not None:
        yield from _fence_faults(distribution.geo_fencing, capabilities, *at, "geoFencing")
    if distribution.url_signature is not None:
        yield from _signature_faults(distribution.url_signature, *at, "urlSignature")
    if distribution.supplementary_distribution_networks:
        yield fault(NOT_SUPPORTED, *at, "supplementaryDistributionNetworks")
    yield from _entry_point_faults(session, distribution, *at)


def reassigned_faults(
    distribution: DistributionConfiguration,
    assigned: Sequence[DistributionConfiguration],
    *at: Place,
) -> Faults:
    """What only the AF assigns, where it is none of what the AF `assigned` now or before."""
    for name, spelling in (
        ("canonical_domain_name", "canonicalDomainName"),
        ("base_url", "baseURL"),
    ):
        if getattr(distribution, name) not in (None, *(getattr(one, name) for one in assigned)):
            yield fault("is assigned by the 5GMS AF", *at, spelling)


def _alias_faults(distribution: DistributionConfiguration, *at: Place) -> Faults:
    alias = distribution.domain_name_alias
    if alias is not None and (reason := host_name_fault(alias)):
        yield fault(reason, *at, "domainNameAlias")


def _certificate_faults(
    session: Session,
    distribution: DistributionConfiguration,
    completed: DistributionConfiguration,
    capabilities: Capabilities | None,
    *at: Place,
) -> Faults:
    """A certificate is the session's, complete, and speaks for the name that UEs ask for."""
    if distribution.certificate_id is None:
        return
    member = (*at, "certificateId")
    if capabilities is not None and not capabilities.tls:
        yield fault(NOT_SUPPORTED, *member)
    try:
        certificate = find_certificate(session, distribution.certificate_id)
    except CertificateUnknown as unknown:
        yield fault(f"{unknown} in this session", *member)
        return
    name = distribution.domain_name_alias or completed.canonical_domain_name or ""
    if certificate.chain is None:
        yield fault("is reserved, and awaits the upload of its certificate", *member)
    elif not speaks_for(certificate, name):
        yield fault(f"does not speak for {name!r}", *member)


def _edge_faults(session: Session, distribution: DistributionConfiguration, *at: Place) -> Faults:
    wanted = distribution.edge_resources_configuration_id
    known = {document.id for document in session.documents_of(DocumentKind.EDGE_RESOURCES)}
    if wanted is not None and wanted not in known:
        reason = f"there is no Edge Resources Configuration {wanted!r} in this session"
        yield fault(reason, *at, "edgeResourcesConfigurationId")


def _rewriting_faults(rules: tuple[PathRewriteRule, ...], *at: Place) -> Faults:
    yield from _too_many(len(rules), *at, "pathRewriteRules")
    for place, rule in enumerate(rules):
        member = (*at, "pathRewriteRules", place)
        yield from _pattern_faults(rule.request_path_pattern, *member, "requestPathPattern")
        parts = [part for part in rule.mapped_path.split("/") if part]
        if reason := path_fault("/".join(parts)) if parts else None:
            yield fault(reason, *member, "mappedPath")


def _caching_faults(configurations: tuple[CachingConfiguration, ...], *at: Place) -> Faults:
    yield from _too_many(len(configurations), *at, "cachingConfigurations")
    for place, configuration in enumerate(configurations):
        member = (*at, "cachingConfigurations", place)
        yield from _pattern_faults(configuration.url_pattern_filter, *member, "urlPatternFilter")
        if configuration.caching_directives is None:
            yield fault("is required: without it nothing is asked", *member, "cachingDirectives")
        else:
            directives = configuration.caching_directives
            yield from _directive_faults(directives, *member, "cachingDirectives")


def _directive_faults(directives: CachingDirectives, *at: Place) -> Faults:
    for place, status in enumerate(directives.status_code_filters or ()):
        if not 100 <= status <= 599:
            yield fault("must be a status code, from 100 to 599", *at, "statusCodeFilters", place)
    age = directives.max_age
    if age is not None and not 0 <= age <= MAX_AGE_LIMIT_S:
        yield fault(f"must be from 0 to {MAX_AGE_LIMIT_S} seconds", *at, "maxAge")
    elif age and directives.no_cache:
        yield fault("contradicts noCache", *at, "maxAge")


def _fence_faults(fence: GeoFencing, capabilities: Capabilities | None, *at: Place) -> Faults:
    known = (ISO_3166,) if capabilities is None else capabilities.geo_fencing_locator_types
    if not known:
        yield fault(NOT_SUPPORTED, *at)
    elif fence.locator_type not in known:
        yield fault(f"must be one of {', '.join(known)}", *at, "locatorType")
    elif len(fence.locators) > MAX_LOCATORS:
        yield fault(f"must have {MAX_LOCATORS} locators at most", *at, "locators")
    else:
        for place, locator in enumerate(fence.locators):
            if reason := locator_fault(locator):
                yield fault(reason, *at, "locators", place)


def _signature_faults(signature: UrlSignature, *at: Place) -> Faults:
    yield from _pattern_faults(signature.url_pattern, *at, "urlPattern")
    for member, reason in signature_faults(signature):
        yield fault(reason, *at, member)
    if len(signature.passphrase) > MAX_PASSPHRASE_CHARACTERS:
        yield fault(f"must have {MAX_PASSPHRASE_CHARACTERS} characters at most", *at, "passphrase")
    if signature.ip_address_name is not None and not signature.use_ip_address:
        yield fault("has no use where useIPAddress is false", *at, "ipAddressName")


def _entry_point_faults(
    session: Session, distribution: DistributionConfiguration, *at: Place
) -> Faults:
    entry_point = distribution.entry_point
    if entry_point is not None:
        reason = _relative_path_fault(entry_point.relative_path)
        if reason:
            yield fault(reason, *at, "entryPoint", "relativePath")
    if distribution.content_preparation_template_id is not None:
        yield from _preparation_faults(session, distribution, *at)


def _preparation_faults(
    session: Session, distribution: DistributionConfiguration, *at: Place
) -> Faults:
    """A model is entered at the manifest that its preparation writes."""
    member = (*at, "contentPreparationTemplateId")
    try:
        template = session.template(distribution.content_preparation_template_id or "")
    except TemplateUnknown as unknown:
        yield fault(f"{unknown} in this session", *member)
        return
    if template.manifest is None:
        yield fault(f"processing {template.content_type} is {NOT_SUPPORTED}", *member)
    elif distribution.entry_point is None:
        yield fault(f"is required; its path is {template.manifest!r}", *at, "entryPoint")
    elif entered_at(distribution, distribution.entry_point) != template.manifest:
        reason = f"must be the template's manifest, {template.manifest!r}"
        yield fault(reason, *at, "entryPoint", "relativePath")


def entered_at(distribution: DistributionConfiguration, entry: M1MediaEntryPoint) -> str | None:
    """The content path that the entry point means; None where a rule is at fault anyway."""
    try:
        rules = [
            (ProviderPattern.parse(rule.request_path_pattern), rule.mapped_path)
            for rule in distribution.path_rewrite_rules or ()
        ]
    except ValueError:
        return None
    return rewritten_path(unquote(entry.relative_path), rules)


def _relative_path_fault(relative_path: str) -> str | None:
    if "#" in relative_path:
        return "must have no fragment"
    return path_fault(unquote(relative_path.partition("?")[0]))


def _pattern_faults(pattern: str, *at: Place) -> Faults:
    try:
        ProviderPattern.parse(pattern)
    except ValueError as error:
        yield fault(str(error), *at)


def _too_many(count: int, *at: Place) -> Faults:
    if count > MAX_RULES:
        yield fault(f"must have {MAX_RULES} entries at most", *at)
