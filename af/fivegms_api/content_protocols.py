"""Which protocols content may be ingested with (TS 26.512 7.5 and clause 8)."""

from typing import Annotated

from pydantic import Field

from fivegms_api.common_data import Uri, Url
from fivegms_api.wire import WireModel

DASH_IF_INGEST = "urn:3gpp:5gms:content-protocol:dash-if-ingest"
HTTP_PULL_INGEST = "urn:3gpp:5gms:content-protocol:http-pull-ingest"


class ContentProtocolDescriptor(WireModel):
    """A protocol and where it is described (TS 26.512 7.5.3.2)."""

    term_identifier: Uri
    description_locator: Url | None = None


Descriptors = Annotated[tuple[ContentProtocolDescriptor, ...], Field(min_length=1)]


class ContentProtocols(WireModel):
    """The protocols that a session's AS speaks (TS 26.512 7.5.3.1)."""

    downlink_ingest_protocols: Descriptors | None = None
    uplink_egest_protocols: Descriptors | None = None
    geo_fencing_locator_types: Annotated[tuple[Uri, ...], Field(min_length=1)] | None = None
