"""What an Application Server refuses, named by cause. HTTP is in `problems`, not here.

ApplicationServerError
  InvalidPath, InvalidSessionId                 a name that cannot be stored
  UnknownProvisioningSession                    M3 never told of it, or took it back
  UnknownContent, UnknownResource               nothing of that name
  ConfigurationExists                           create of what is there
  UnsupportedMembers                            M3 asks for what this server cannot do
  CertificateInvalid, CertificateUnknown, CertificateInUse
  InvalidDocument                               an M3 body that does not validate
  PatternInvalid                                a purge pattern
  AdmissionRefused                              content that this client may not have
    MisdirectedRequest, TlsRequired, OutsideGeoFence
    UrlSignatureMissing, UrlSignatureInvalid, UrlSignatureExpired
  OriginRefused, OriginUnavailable, OriginTimedOut, PullIngestOff
                                                content that cannot be pulled
  IngestRefused
    PullIngestConfigured, PreparedContent       not a place to upload to
    EmptyUpload, UploadTooLarge, UploadIncomplete
    DigestFieldInvalid, DigestMismatch          RFC 9530
    UploadFieldInvalid, UploadOffsetMismatch, UploadInProgress, NoPartialUpload
    UploadTypeUnsupported
    UploadInterrupted                           the connection broke; what came is kept
    UploadWithdrawn                             its session went meanwhile; nothing is kept
  PreconditionFailed, RangeNotSatisfiable       RFC 9110 13 and 14
  StoreFull, StoreDamaged                       the disk
  DataFolderInUse, LocationsInvalid, ListenerInvalid
                                                at start
  PreparationError
    PreparationRefused, PreparerCrashed, PreparationTimedOut, PreparationInterrupted,
    PreparedOutputInvalid
"""

from collections.abc import Sequence

from fivegms_api.problem_details import InvalidParam


class ApplicationServerError(Exception):
    """Base of everything that this package raises."""


class InvalidPath(ApplicationServerError):
    """A content path that cannot be stored under exactly that name."""


class InvalidSessionId(ApplicationServerError):
    """A provisioning session or resource id that cannot name a file."""


class UnknownProvisioningSession(ApplicationServerError):
    """The AF has not configured this session here."""

    def __init__(self, session: str) -> None:
        super().__init__(f"provisioning session {session} is not configured at this server")


class UnknownContent(ApplicationServerError):
    """No content of that path is distributed, or was ingested."""

    def __init__(self, path: str) -> None:
        super().__init__(f"there is no content at {path}")


class UnknownResource(ApplicationServerError):
    """No M3 resource of that name, or no such URL."""


class ConfigurationExists(ApplicationServerError):
    """POST of a Content Hosting Configuration that the session already has."""


class InvalidDocument(ApplicationServerError):
    """An M3 request body that is not what its media type says; `invalid_params` says where."""

    def __init__(self, detail: str, invalid_params: Sequence[InvalidParam] = ()) -> None:
        super().__init__(detail)
        self.invalid_params = tuple(invalid_params)


class PatternInvalid(ApplicationServerError):
    """A purge pattern that is not a regular expression."""


class UnsupportedMembers(ApplicationServerError):
    """A configuration that asks for what this server cannot do; `invalid_params` says where."""

    def __init__(self, invalid_params: Sequence[InvalidParam]) -> None:
        super().__init__("the configuration asks for what this server cannot do")
        self.invalid_params = tuple(invalid_params)


class CertificateInvalid(ApplicationServerError):
    """Not a certificate chain with the private key of its first certificate, all in PEM."""


class CertificateUnknown(ApplicationServerError):
    """A hosting configuration refers to a certificate that was not put here before it."""


class CertificateInUse(ApplicationServerError):
    """DELETE of a certificate that a hosting configuration refers to."""


class AdmissionRefused(ApplicationServerError):
    """Base of why a client may not have content that is there."""


class MisdirectedRequest(AdmissionRefused):
    """The Host field names neither the distribution's alias nor the server."""


class TlsRequired(AdmissionRefused):
    """A distribution with a certificate was asked for without TLS."""


class OutsideGeoFence(AdmissionRefused):
    """The client is where the content may not be consumed, or nobody knows where."""


class UrlSignatureMissing(AdmissionRefused):
    """The URL needs a signature and has none."""


class UrlSignatureInvalid(AdmissionRefused):
    """The token is not that of this URL and client."""


class UrlSignatureExpired(AdmissionRefused):
    """The URL was signed, for a time that is over."""


class OriginRefused(ApplicationServerError):
    """The origin's answer, or where the origin is, is nothing that can be served."""


class OriginUnavailable(ApplicationServerError):
    """The origin does not answer, and nothing of it is stored."""


class OriginTimedOut(ApplicationServerError):
    """The origin takes too long, and nothing of it is stored."""


class PullIngestOff(ApplicationServerError):
    """The session's content is pulled, and this server was told to pull nothing."""


class IngestRefused(ApplicationServerError):
    """Base of what M2 refuses."""


class PullIngestConfigured(IngestRefused):
    """The session's content is pulled, so nothing can be pushed."""


class PreparedContent(IngestRefused):
    """The path holds the result of a Content Preparation Template; only that may change it."""


class EmptyUpload(IngestRefused):
    """An upload of no bytes."""


class UploadTooLarge(IngestRefused):
    """More bytes than `limit_bytes`."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"an upload may have {limit_bytes} bytes at most")
        self.limit_bytes = limit_bytes


class UploadIncomplete(IngestRefused):
    """The last part came, and the bytes are not as many as the first part announced."""


class DigestFieldInvalid(IngestRefused):
    """A Repr-Digest field without a well-formed sha-256 member."""


class DigestMismatch(IngestRefused):
    """The bytes that came do not have the announced SHA-256; nothing was stored."""


class UploadFieldInvalid(IngestRefused):
    """A request field of M2 that is missing or malformed; `field` names it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


class UploadTypeUnsupported(IngestRefused):
    """A content coding, or a PATCH media type, that M2 does not take."""


class UploadOffsetMismatch(IngestRefused):
    """A PATCH that does not continue where the partial upload ends, at `offset_bytes`."""

    def __init__(self, offset_bytes: int) -> None:
        super().__init__(f"the upload continues at offset {offset_bytes}")
        self.offset_bytes = offset_bytes


class UploadInProgress(IngestRefused):
    """Someone else is uploading to this path at this moment."""


class NoPartialUpload(IngestRefused):
    """A PATCH without an upload to continue."""


class UploadInterrupted(IngestRefused):
    """The connection broke; the bytes that came are kept as a partial upload."""


class UploadWithdrawn(IngestRefused):
    """The session was taken back while the upload was under way; what came is gone."""

    def __init__(self) -> None:
        super().__init__("the session was taken back during the upload; send the whole again")


class PreconditionFailed(ApplicationServerError):
    """If-Match or If-Unmodified-Since does not hold."""


class RangeNotSatisfiable(ApplicationServerError):
    """No byte of the object, of `size_bytes`, is in the range; or there are too many ranges."""

    def __init__(self, detail: str, size_bytes: int) -> None:
        super().__init__(detail)
        self.size_bytes = size_bytes


class StoreFull(ApplicationServerError):
    """No room; nothing that was stored before is lost."""


class StoreDamaged(ApplicationServerError):
    """A stored file that this package never leaves behind: the disk was changed by others."""


class ListenerInvalid(ApplicationServerError):
    """Files of a TLS listener that cannot be used."""


class LocationsInvalid(ApplicationServerError):
    """A file of locations that cannot be read; names the line."""


class DataFolderInUse(ApplicationServerError):
    """Another server keeps its data in the same folder."""


class PreparationError(ApplicationServerError):
    """Base of why a model could not be prepared; `type` is a name from docs/errors.md."""

    type = "preparation-failed"


class PreparationRefused(PreparationError):
    """The preparer refused the model, with a type and a sentence of its own."""

    def __init__(self, type_: str, detail: str) -> None:
        super().__init__(detail)
        self.type = type_


class PreparerCrashed(PreparationError):
    """The preparer ended without a result."""

    type = "preparer-crashed"


class PreparationTimedOut(PreparationError):
    """The preparer took longer than allowed and was stopped."""

    type = "preparation-timed-out"


class PreparationInterrupted(PreparationError):
    """The server itself went down during each of several attempts."""

    type = "preparation-interrupted"


class PreparedOutputInvalid(PreparationError):
    """What the preparer left behind is not what it said, or would replace ingested content."""

    type = "prepared-output-invalid"
