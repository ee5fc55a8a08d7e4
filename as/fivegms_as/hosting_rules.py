"""What a Content Hosting Configuration means here, and what of it this server cannot do. Pure.

Nothing is accepted and then ignored: a member that cannot be read, or asks for what the server does
not have, is refused by name.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from fivegms_api.content_hosting import (
    CachingConfiguration,
    ContentHostingConfiguration,
    DistributionConfiguration,
    GeoFencing,
    IngestConfiguration,
    UrlSignature,
)
from fivegms_api.content_protocols import DASH_IF_INGEST, HTTP_PULL_INGEST
from fivegms_api.locators import locator_fault
from fivegms_api.m3 import Capabilities
from fivegms_api.path_rewriting import rewritten_path
from fivegms_api.problem_details import InvalidParam, json_pointer
from fivegms_api.provider_pattern import ProviderPattern
from fivegms_api.url_signature import signature_faults
from fivegms_as.distribution import CachingRule, Distribution, SignedUrls
from fivegms_as.errors import InvalidDocument, InvalidPath
from fivegms_as.names import content_path
from fivegms_manifests.model import PROFILE_URN

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_MAX_HOST_NAME = 253
_NOT_IN_AN_ORIGIN = frozenset("?@")
_MATCHES_NOTHING = ProviderPattern.parse("[^\\x00-\\x{10FFFF}]")


def read_distributions(configuration: ContentHostingConfiguration) -> tuple[Distribution, ...]:
    """The distributions in order. Raises InvalidDocument that names every member at fault."""
    reader = _Reader()
    reader.check_ingest(configuration.ingest_configuration)
    origin = pull_origin(configuration.ingest_configuration)
    distributions = tuple(
        reader.distribution(one, origin, ("distributionConfigurations", index))
        for index, one in enumerate(configuration.distribution_configurations)
    )
    if reader.faults:
        raise InvalidDocument("members of the configuration cannot be used", reader.faults)
    return distributions


def pull_origin(ingest: IngestConfiguration) -> str | None:
    """The base URL that content is pulled from, with a final slash; None where it is pushed."""
    if not ingest.pull or ingest.base_url is None:
        return None
    return ingest.base_url.removesuffix("/") + "/"


def unsupported(
    configuration: ContentHostingConfiguration, capabilities: Capabilities
) -> Iterator[InvalidParam]:
    """Every member that asks for what this server cannot do."""
    if configuration.ingest_configuration.pull and not capabilities.pull_ingest:
        yield _fault("this server pulls no content", "ingestConfiguration", "pull")
    for index, distribution in enumerate(configuration.distribution_configurations):
        at = ("distributionConfigurations", index)
        if distribution.geo_fencing is not None:
            yield from _unknown_locators(distribution.geo_fencing, capabilities, *at)
        if distribution.certificate_id is not None and not capabilities.tls:
            yield _fault("this server has no TLS listener", *at, "certificateId")
        if distribution.supplementary_distribution_networks:
            yield _fault("is not supported", *at, "supplementaryDistributionNetworks")


def host_name(text: str) -> str:
    """A domain name or address as it is compared: lower case, without brackets or final dot."""
    return text.strip("[]").removesuffix(".").lower()


def _unknown_locators(
    fence: GeoFencing, capabilities: Capabilities, *at: str | int
) -> Iterator[InvalidParam]:
    known = capabilities.geo_fencing_locator_types
    if not known:
        yield _fault("this server does not know where its clients are", *at, "geoFencing")
    elif fence.locator_type not in known:
        yield _fault(f"must be one of {', '.join(known)}", *at, "geoFencing", "locatorType")


@dataclass(slots=True)
class _Reader:
    """Reads members into what enforces them, and collects the faults."""

    faults: list[InvalidParam] = field(default_factory=list)

    def check_ingest(self, ingest: IngestConfiguration) -> None:
        """How content comes in, and from where it is pulled."""
        expected = HTTP_PULL_INGEST if ingest.pull else DASH_IF_INGEST
        if ingest.protocol not in (None, expected):
            self._refuse(f"must be {expected}", "ingestConfiguration", "protocol")
        if ingest.pull and ingest.base_url is None:
            self._refuse("is required for pull ingest", "ingestConfiguration", "baseURL")
        if not ingest.pull or ingest.base_url is None:
            return
        if not _NOT_IN_AN_ORIGIN.isdisjoint(ingest.base_url):
            self._refuse("must have no query and no user", "ingestConfiguration", "baseURL")
        if not _has_authority(ingest.base_url):
            self._refuse("must have a host, and a port if any", "ingestConfiguration", "baseURL")

    def distribution(
        self, one: DistributionConfiguration, origin: str | None, at: tuple[str | int, ...]
    ) -> Distribution:
        """One entry; where a member is at fault, the outcome is not to be used."""
        rewriting = self._rewriting(one, *at)
        pushed_as_is = origin is None and one.content_preparation_template_id is None
        return Distribution(
            template=one.content_preparation_template_id,
            names=self._names(one, *at),
            certificate=one.certificate_id,
            signed=self._signed(one.url_signature, *at),
            locators=self._locators(one.geo_fencing, *at),
            rewriting=rewriting,
            caching=tuple(
                self._caching_rule(rule, *at, "cachingConfigurations", index)
                for index, rule in enumerate(one.caching_configurations or ())
            ),
            origin=origin if one.content_preparation_template_id is None else None,
            model_manifest=_model_manifest(one, rewriting) if pushed_as_is else None,
        )

    def _names(self, one: DistributionConfiguration, *at: str | int) -> frozenset[str]:
        if one.domain_name_alias is None:
            return frozenset()
        alias = host_name(one.domain_name_alias)
        if not _is_host_name(alias):
            self._refuse("must be a domain name", *at, "domainNameAlias")
        names = (one.domain_name_alias, one.canonical_domain_name)
        return frozenset(host_name(name) for name in names if name)

    def _signed(self, signature: UrlSignature | None, *at: str | int) -> SignedUrls | None:
        if signature is None:
            return None
        for member, reason in signature_faults(signature):
            self._refuse(reason, *at, "urlSignature", member)
        return SignedUrls(
            self._pattern(signature.url_pattern, *at, "urlSignature", "urlPattern"), signature
        )

    def _locators(self, fence: GeoFencing | None, *at: str | int) -> tuple[str, ...]:
        locators = fence.locators if fence is not None else ()
        for index, locator in enumerate(locators):
            if reason := locator_fault(locator):
                self._refuse(reason, *at, "geoFencing", "locators", index)
        return locators

    def _rewriting(
        self, one: DistributionConfiguration, *at: str | int
    ) -> tuple[tuple[ProviderPattern, str], ...]:
        place = (*at, "pathRewriteRules")
        return tuple(
            (
                self._pattern(rule.request_path_pattern, *place, index, "requestPathPattern"),
                rule.mapped_path,
            )
            for index, rule in enumerate(one.path_rewrite_rules or ())
        )

    def _caching_rule(self, rule: CachingConfiguration, *at: str | int) -> CachingRule:
        pattern = self._pattern(rule.url_pattern_filter, *at, "urlPatternFilter")
        directives = rule.caching_directives
        if directives is None:
            return CachingRule(pattern, frozenset(), None)
        if directives.max_age is not None and directives.max_age < 0:
            self._refuse("must not be negative", *at, "cachingDirectives", "maxAge")
        return CachingRule(pattern, frozenset(directives.status_code_filters or ()), directives)

    def _pattern(self, text: str, *at: str | int) -> ProviderPattern:
        try:
            return ProviderPattern.parse(text)
        except ValueError as error:
            self._refuse(str(error), *at)
            return _MATCHES_NOTHING

    def _refuse(self, reason: str, *at: str | int) -> None:
        self.faults.append(_fault(reason, *at))


def _model_manifest(
    one: DistributionConfiguration, rewriting: Sequence[tuple[ProviderPattern, str]]
) -> str | None:
    """The content path of the model MPD that is the entry point, if that is one."""
    entry = one.entry_point
    if entry is None or PROFILE_URN not in (entry.profiles or ()):
        return None
    try:
        return content_path(rewritten_path(unquote(entry.relative_path), rewriting))
    except InvalidPath:
        return None


def _is_host_name(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return len(name) <= _MAX_HOST_NAME and _HOST_NAME.fullmatch(name) is not None
    return True


def _has_authority(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _fault(reason: str, *at: str | int) -> InvalidParam:
    return InvalidParam(param=json_pointer(*at), reason=reason)
