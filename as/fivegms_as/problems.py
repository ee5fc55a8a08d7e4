"""The one table from what this server refuses to what it answers (RFC 9457, docs/errors.md).

Total: every leaf of `errors` has a row, and a test holds that. Anything else that a handler raises
is a fault of the server: it is logged, and answered 500 without details.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version

import structlog
from aiohttp import hdrs, web

from fivegms_api.problem_details import (
    PROBLEM_MEDIA_TYPE,
    PROBLEM_TYPE_PREFIX,
    InvalidParam,
    ProblemDetails,
)
from fivegms_as import errors

SERVER = f"5GMSAS/{version('fivegms-ai')}"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log = structlog.get_logger("fivegms_as")


@dataclass(frozen=True, slots=True)
class ProblemType:
    """The status, the last part of the type URI, and the title of a kind of problem."""

    status: HTTPStatus
    name: str
    title: str


_S = HTTPStatus
PROBLEMS: Mapping[type[errors.ApplicationServerError], ProblemType] = {
    errors.InvalidPath: ProblemType(_S.BAD_REQUEST, "invalid-path", "Invalid content path"),
    errors.InvalidSessionId: ProblemType(_S.BAD_REQUEST, "invalid-id", "Invalid resource id"),
    errors.UnknownProvisioningSession: ProblemType(
        _S.NOT_FOUND, "unknown-provisioning-session", "Unknown provisioning session"
    ),
    errors.UnknownContent: ProblemType(_S.NOT_FOUND, "unknown-content", "Unknown content"),
    errors.UnknownResource: ProblemType(_S.NOT_FOUND, "unknown-resource", "Unknown resource"),
    errors.ConfigurationExists: ProblemType(
        _S.CONFLICT, "configuration-exists", "Configured already"
    ),
    errors.InvalidDocument: ProblemType(_S.BAD_REQUEST, "invalid-document", "Invalid document"),
    errors.PatternInvalid: ProblemType(_S.BAD_REQUEST, "pattern-invalid", "Invalid pattern"),
    errors.UnsupportedMembers: ProblemType(
        _S.BAD_REQUEST, "not-supported", "Not supported by this server"
    ),
    errors.CertificateInvalid: ProblemType(
        _S.BAD_REQUEST, "certificate-invalid", "Invalid certificate"
    ),
    errors.CertificateUnknown: ProblemType(
        _S.CONFLICT, "certificate-unknown", "Certificate not held"
    ),
    errors.CertificateInUse: ProblemType(_S.CONFLICT, "certificate-in-use", "Certificate in use"),
    errors.MisdirectedRequest: ProblemType(
        _S.MISDIRECTED_REQUEST, "misdirected-request", "Not this server's name"
    ),
    errors.TlsRequired: ProblemType(_S.FORBIDDEN, "tls-required", "TLS required"),
    errors.OutsideGeoFence: ProblemType(
        _S.UNAVAILABLE_FOR_LEGAL_REASONS, "outside-geo-fence", "Outside the geo-fence"
    ),
    errors.UrlSignatureMissing: ProblemType(
        _S.FORBIDDEN, "signature-missing", "URL without signature"
    ),
    errors.UrlSignatureInvalid: ProblemType(
        _S.FORBIDDEN, "signature-invalid", "Wrong URL signature"
    ),
    errors.UrlSignatureExpired: ProblemType(
        _S.FORBIDDEN, "signature-expired", "Expired URL signature"
    ),
    errors.OriginRefused: ProblemType(
        _S.BAD_GATEWAY, "origin-refused", "Nothing that can be pulled"
    ),
    errors.OriginUnavailable: ProblemType(
        _S.BAD_GATEWAY, "origin-unavailable", "Origin unavailable"
    ),
    errors.OriginTimedOut: ProblemType(_S.GATEWAY_TIMEOUT, "origin-timed-out", "Origin too slow"),
    errors.PullIngestOff: ProblemType(
        _S.SERVICE_UNAVAILABLE, "pull-ingest-off", "No content is pulled here"
    ),
    errors.PullIngestConfigured: ProblemType(
        _S.CONFLICT, "pull-ingest-configured", "Content of this session is pulled"
    ),
    errors.PreparedContent: ProblemType(
        _S.CONFLICT, "prepared-content", "Path holds prepared content"
    ),
    errors.EmptyUpload: ProblemType(_S.BAD_REQUEST, "empty-upload", "Empty upload"),
    errors.UploadTooLarge: ProblemType(
        _S.REQUEST_ENTITY_TOO_LARGE, "upload-too-large", "Upload too large"
    ),
    errors.UploadIncomplete: ProblemType(
        _S.BAD_REQUEST, "upload-incomplete", "Upload shorter or longer than announced"
    ),
    errors.DigestFieldInvalid: ProblemType(
        _S.BAD_REQUEST, "digest-field-invalid", "Invalid Repr-Digest"
    ),
    errors.DigestMismatch: ProblemType(_S.BAD_REQUEST, "digest-mismatch", "Digest mismatch"),
    errors.UploadFieldInvalid: ProblemType(
        _S.BAD_REQUEST, "upload-field-invalid", "Invalid upload field"
    ),
    errors.UploadTypeUnsupported: ProblemType(
        _S.UNSUPPORTED_MEDIA_TYPE, "upload-type-unsupported", "Unsupported type of upload"
    ),
    errors.UploadOffsetMismatch: ProblemType(
        _S.CONFLICT, "upload-offset-mismatch", "Upload continues elsewhere"
    ),
    errors.UploadInProgress: ProblemType(
        _S.CONFLICT, "upload-in-progress", "Another upload to this path is in progress"
    ),
    errors.NoPartialUpload: ProblemType(_S.NOT_FOUND, "no-partial-upload", "No upload to continue"),
    errors.UploadInterrupted: ProblemType(
        _S.BAD_REQUEST, "upload-interrupted", "Upload interrupted"
    ),
    errors.UploadWithdrawn: ProblemType(_S.CONFLICT, "upload-withdrawn", "Upload withdrawn"),
    errors.PreconditionFailed: ProblemType(
        _S.PRECONDITION_FAILED, "precondition-failed", "Precondition failed"
    ),
    errors.RangeNotSatisfiable: ProblemType(
        _S.REQUESTED_RANGE_NOT_SATISFIABLE, "range-not-satisfiable", "Range not satisfiable"
    ),
    errors.StoreFull: ProblemType(
        _S.INSUFFICIENT_STORAGE, "store-full", "No room to store content"
    ),
    errors.StoreDamaged: ProblemType(
        _S.INTERNAL_SERVER_ERROR, "store-damaged", "Stored content is damaged"
    ),
}

UNKNOWN_URL = PROBLEMS[errors.UnknownResource]
METHOD_NOT_ALLOWED = ProblemType(_S.METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed")
BODY_TOO_LARGE = ProblemType(_S.REQUEST_ENTITY_TOO_LARGE, "body-too-large", "Body too large")
MEDIA_TYPE_UNSUPPORTED = ProblemType(
    _S.UNSUPPORTED_MEDIA_TYPE, "media-type-unsupported", "Unsupported media type"
)
REQUEST_INVALID = ProblemType(_S.BAD_REQUEST, "request-invalid", "Invalid request")
INTERNAL = ProblemType(_S.INTERNAL_SERVER_ERROR, "internal-error", "Internal error")
FROM_HTTP = {
    kind.status: kind
    for kind in (UNKNOWN_URL, METHOD_NOT_ALLOWED, BODY_TOO_LARGE, MEDIA_TYPE_UNSUPPORTED)
}
"""What aiohttp itself refuses; a client error that is not here is `REQUEST_INVALID`."""


def problem_details(error: errors.ApplicationServerError) -> ProblemDetails:
    """What is told of an error of ours."""
    return _details(PROBLEMS[type(error)], str(error), _invalid_params(error))


def problem_response(problem: ProblemDetails, fields: Mapping[str, str] = {}) -> web.Response:
    """The answer that carries a problem."""
    return web.Response(
        body=problem.to_json(),
        status=problem.status,
        headers={
            **fields,
            "Content-Type": PROBLEM_MEDIA_TYPE,
            "Server": SERVER,
            "Access-Control-Allow-Origin": "*",
        },
    )


def refusal(
    request: web.Request, error: errors.ApplicationServerError, fields: Mapping[str, str] = {}
) -> web.Response:
    """The answer to a request that met an error of ours, with more fields than the error's own."""
    return _answer(request, problem_details(error), {**_fields(error), **fields})


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error as a problem."""
    try:
        response = await handler(request)
    except errors.ApplicationServerError as error:
        return refusal(request, error)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return _from_http(request, error)
    except ConnectionError:
        raise  # nobody is left to answer
    except Exception:
        _log.exception("request failed", method=request.method, path=request.path)
        return _answer(request, _details(INTERNAL, "the server's log says more"), {})
    if not response.prepared:
        response.headers.setdefault("Server", SERVER)
    return response


def _from_http(request: web.Request, error: web.HTTPException) -> web.Response:
    kind = FROM_HTTP.get(HTTPStatus(error.status), REQUEST_INVALID)
    fields = {"Allow": error.headers[hdrs.ALLOW]} if hdrs.ALLOW in error.headers else {}
    return _answer(request, _details(kind, f"{request.method} {request.path}"), fields)


def _answer(
    request: web.Request, problem: ProblemDetails, fields: Mapping[str, str]
) -> web.Response:
    return problem_response(problem.model_copy(update={"instance": request.path}), fields)


def _details(
    kind: ProblemType, detail: str, invalid_params: tuple[InvalidParam, ...] = ()
) -> ProblemDetails:
    params = (
        InvalidParam(param=_told(one.param), reason=_told(one.reason or ""))
        for one in invalid_params
    )
    return ProblemDetails(
        type=PROBLEM_TYPE_PREFIX + kind.name,
        title=kind.title,
        status=kind.status,
        detail=_told(detail),
        invalid_params=tuple(params) or None,
    )


def _told(text: str) -> str:
    """A text that may quote the request; octets of a field that are no UTF-8 are escaped."""
    return text.encode(errors="backslashreplace").decode()


def _invalid_params(error: errors.ApplicationServerError) -> tuple[InvalidParam, ...]:
    match error:
        case errors.InvalidDocument() | errors.UnsupportedMembers():
            return error.invalid_params
        case errors.UploadFieldInvalid():
            return (InvalidParam(param=f"header {error.field}", reason=str(error)),)
        case errors.InvalidPath():
            return (InvalidParam(param="{path}", reason=str(error)),)
    return ()


def _fields(error: errors.ApplicationServerError) -> dict[str, str]:
    """The response fields that go with an error."""
    match error:
        case errors.UploadOffsetMismatch():
            return {"Upload-Offset": str(error.offset_bytes), "Upload-Complete": "?0"}
        case errors.RangeNotSatisfiable():
            return {"Content-Range": f"bytes */{error.size_bytes}"}
        case errors.UploadTooLarge():
            return {"Upload-Limit": f"max-size={error.limit_bytes}"}
        case errors.AdmissionRefused():  # another client may have what this one may not
            return {"Cache-Control": "no-store"}
    return {}
