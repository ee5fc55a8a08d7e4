"""The Content Hosting Configuration: how content gets in and out of the AS (TS 26.512 7.6.3).

The whole Release 17 shape. Which of it a deployment enforces is for its AF to say; that refuses
the rest by name.
"""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from fivegms_api.common_data import AbsoluteUrl, RelativeUrl, ResourceId, Uri
from fivegms_api.media_type import MAX_MEDIA_TYPE_CHARACTERS, MEDIA_TYPE_PATTERN
from fivegms_api.wire import WireModel

Profiles = Annotated[tuple[Uri, ...], Field(min_length=1)]
MediaType = Annotated[str, Field(max_length=MAX_MEDIA_TYPE_CHARACTERS, pattern=MEDIA_TYPE_PATTERN)]


def _spelled_by_3gpp(name: str) -> str:
    """`baseURL` and `useIPAddress` keep their capitals."""
    return {"base_url": "baseURL", "use_ip_address": "useIPAddress"}.get(name) or to_camel(name)


class _HostingModel(WireModel):
    model_config = ConfigDict(alias_generator=_spelled_by_3gpp)


class IngestConfiguration(_HostingModel):
    """How content reaches the AS at M2; `base_url` is the AF's to assign unless it is pulled."""

    pull: bool | None = None
    protocol: Uri | None = None
    base_url: AbsoluteUrl | None = None


class M1MediaEntryPoint(_HostingModel):
    """Where a client starts, below the distribution's base URL."""

    relative_path: RelativeUrl
    content_type: MediaType
    profiles: Profiles | None = None


class PathRewriteRule(_HostingModel):
    """A pattern of request paths and what takes its place."""

    request_path_pattern: str
    mapped_path: str


class CachingDirectives(_HostingModel):
    """What a response that passed the filter may be kept for; `max_age` in seconds."""

    status_code_filters: tuple[int, ...] | None = None
    no_cache: bool
    max_age: int | None = None


class CachingConfiguration(_HostingModel):
    """Caching directives for the URLs that match a pattern."""

    url_pattern_filter: str
    caching_directives: CachingDirectives | None = None


class GeoFencing(_HostingModel):
    """Where content may be consumed."""

    locator_type: Uri
    locators: Annotated[tuple[str, ...], Field(min_length=1)]


class UrlSignature(_HostingModel):
    """How M4 requests are signed."""

    url_pattern: str
    token_name: str
    passphrase_name: str
    passphrase: Annotated[str, Field(repr=False)]
    token_expiry_name: str
    use_ip_address: bool
    ip_address_name: str | None = None


class SupplementaryDistributionNetwork(_HostingModel):
    """Another network that carries the content, such as eMBMS."""

    distribution_network_type: str
    distribution_mode: str


class DistributionConfiguration(_HostingModel):
    """One way out at M4; `canonical_domain_name` and `base_url` are the AF's to assign."""

    entry_point: M1MediaEntryPoint | None = None
    content_preparation_template_id: ResourceId | None = None
    edge_resources_configuration_id: ResourceId | None = None
    canonical_domain_name: str | None = None
    domain_name_alias: str | None = None
    base_url: AbsoluteUrl | None = None
    path_rewrite_rules: tuple[PathRewriteRule, ...] | None = None
    caching_configurations: tuple[CachingConfiguration, ...] | None = None
    geo_fencing: GeoFencing | None = None
    url_signature: UrlSignature | None = None
    certificate_id: ResourceId | None = None
    supplementary_distribution_networks: tuple[SupplementaryDistributionNetwork, ...] | None = None


class ContentHostingConfiguration(_HostingModel):
    """The single such resource of a Provisioning Session."""

    name: Annotated[str, Field(max_length=1024)]
    ingest_configuration: IngestConfiguration
    distribution_configurations: tuple[DistributionConfiguration, ...]
