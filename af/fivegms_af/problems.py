"""The one table from what the AF refuses to what it answers (RFC 9457, docs/errors.md).

Total: every leaf of `errors` and `security.errors` that is ever answered has a row, and a test
holds that. Pure: who sends the answer is `exchange`'s business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fivegms_af import errors
from fivegms_af.policy import errors as policy
from fivegms_af.security import errors as access
from fivegms_api.problem_details import PROBLEM_TYPE_PREFIX, InvalidParam, ProblemDetails

RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """The last part of the type URI, the status, and the title of a kind of problem."""

    name: str
    status: HTTPStatus
    title: str

    @property
    def type(self) -> str:
        """The type URI."""
        return PROBLEM_TYPE_PREFIX + self.name


_S = HTTPStatus

PROBLEMS: Mapping[type[errors.ApplicationFunctionError], Problem] = {
    errors.BodyMalformed: Problem("body-malformed", _S.BAD_REQUEST, "Malformed body"),
    errors.BodyTooLarge: Problem("body-too-large", _S.REQUEST_ENTITY_TOO_LARGE, "Body too large"),
    errors.MembersRefused: Problem("members-refused", _S.BAD_REQUEST, "Members refused"),
    errors.MediaTypeUnsupported: Problem(
        "media-type-unsupported", _S.UNSUPPORTED_MEDIA_TYPE, "Unsupported media type"
    ),
    errors.NotAcceptable: Problem("not-acceptable", _S.NOT_ACCEPTABLE, "Not acceptable"),
    errors.PatchMalformed: Problem("patch-malformed", _S.BAD_REQUEST, "Malformed patch"),
    errors.PatchDoesNotApply: Problem("patch-does-not-apply", _S.CONFLICT, "Patch does not apply"),
    errors.CertificateMalformed: Problem(
        "certificate-malformed", _S.BAD_REQUEST, "Malformed certificate"
    ),
    errors.CertificateKeyForeign: Problem(
        "certificate-key-foreign", _S.BAD_REQUEST, "Certificate of another key"
    ),
    errors.CertificateNotInForce: Problem(
        "certificate-not-in-force", _S.BAD_REQUEST, "Certificate not in force"
    ),
    errors.CertificateNameMissing: Problem(
        "certificate-name-missing", _S.BAD_REQUEST, "Certificate lacks a name"
    ),
    errors.CertificateChainBroken: Problem(
        "certificate-chain-broken", _S.BAD_REQUEST, "Broken certificate chain"
    ),
    errors.CertificateUnsuitable: Problem(
        "certificate-unsuitable", _S.BAD_REQUEST, "Unsuitable certificate"
    ),
    errors.SessionUnknown: Problem(
        "unknown-provisioning-session", _S.NOT_FOUND, "Unknown provisioning session"
    ),
    errors.HostingUnknown: Problem(
        "unknown-content-hosting-configuration",
        _S.NOT_FOUND,
        "No content hosting configuration",
    ),
    errors.TemplateUnknown: Problem(
        "unknown-content-preparation-template",
        _S.NOT_FOUND,
        "Unknown content preparation template",
    ),
    errors.SubResourceUnknown: Problem(
        "unknown-sub-resource", _S.NOT_FOUND, "Unknown resource of the session"
    ),
    errors.CertificateUnknown: Problem(
        "unknown-server-certificate", _S.NOT_FOUND, "Unknown server certificate"
    ),
    errors.AiModelUnknown: Problem("unknown-ai-model", _S.NOT_FOUND, "Unknown AI model"),
    errors.HostingExists: Problem(
        "content-hosting-configuration-exists",
        _S.CONFLICT,
        "Content hosting configuration exists",
    ),
    errors.HostingNotForUplink: Problem("not-for-uplink", _S.CONFLICT, "Not for uplink"),
    errors.CertificateAlreadyThere: Problem(
        "server-certificate-there", _S.CONFLICT, "Server certificate awaits no upload"
    ),
    errors.CertificateInUse: Problem(
        "server-certificate-in-use", _S.CONFLICT, "Server certificate in use"
    ),
    errors.TemplateInUse: Problem(
        "content-preparation-template-in-use",
        _S.CONFLICT,
        "Content preparation template in use",
    ),
    errors.SubResourceExists: Problem(
        "sub-resource-exists", _S.CONFLICT, "Resource of the session exists"
    ),
    errors.SubResourceLimit: Problem(
        "sub-resource-limit", _S.CONFLICT, "Too many resources of the session"
    ),
    errors.SubResourceInUse: Problem(
        "sub-resource-in-use", _S.CONFLICT, "Resource of the session in use"
    ),
    errors.EdgeCapacityExceeded: Problem(
        "edge-capacity-exceeded", _S.CONFLICT, "Edge capacity exceeded"
    ),
    errors.RolloutUnknown: Problem("unknown-rollout", _S.NOT_FOUND, "No rollout"),
    errors.VersionNotPublished: Problem(
        "version-not-published", _S.CONFLICT, "Version not published"
    ),
    errors.NoVersionToGoBackTo: Problem(
        "no-version-to-go-back-to", _S.CONFLICT, "No version to go back to"
    ),
    errors.PreconditionFailed: Problem(
        "precondition-failed", _S.PRECONDITION_FAILED, "Precondition failed"
    ),
    errors.ChangedMeanwhile: Problem("changed-meanwhile", _S.CONFLICT, "Changed meanwhile"),
    errors.ApplicationServerUnavailable: Problem(
        "application-server-unavailable",
        _S.SERVICE_UNAVAILABLE,
        "Application Server unavailable",
    ),
    errors.ApplicationServerRefused: Problem(
        "application-server-refused", _S.BAD_GATEWAY, "Application Server refused"
    ),
    errors.NoApplicationServer: Problem(
        "no-application-server", _S.SERVICE_UNAVAILABLE, "No Application Server"
    ),
    errors.StorageUnavailable: Problem(
        "storage-unavailable", _S.SERVICE_UNAVAILABLE, "Storage unavailable"
    ),
    errors.TooManyViewers: Problem("too-many-viewers", _S.SERVICE_UNAVAILABLE, "Too many viewers"),
    errors.CertificateAuthorityExpired: Problem(
        "certificate-authority-expired",
        _S.SERVICE_UNAVAILABLE,
        "Certificate authority expired",
    ),
    policy.DynamicPolicyUnknown: Problem(
        "unknown-dynamic-policy", _S.NOT_FOUND, "Unknown dynamic policy"
    ),
    policy.NetworkAssistanceSessionUnknown: Problem(
        "unknown-network-assistance-session",
        _S.NOT_FOUND,
        "Unknown network assistance session",
    ),
    policy.PolicyTemplateUnknown: Problem(
        "unknown-policy-template", _S.NOT_FOUND, "Unknown policy template"
    ),
    policy.PolicyTemplateStateConflict: Problem(
        "policy-template-state", _S.CONFLICT, "Not in this state of the policy template"
    ),
    policy.PolicyControlRefused: Problem("policy-refused", _S.FORBIDDEN, "Policy refused"),
    policy.PolicyControlUnavailable: Problem(
        "policy-control-unavailable", _S.SERVICE_UNAVAILABLE, "Policy control unavailable"
    ),
    policy.NoPolicyControl: Problem(
        "no-policy-control", _S.SERVICE_UNAVAILABLE, "No policy control"
    ),
    policy.NetworkStateUnknown: Problem(
        "network-state-unknown", _S.SERVICE_UNAVAILABLE, "Network state unknown"
    ),
    access.TokenMissing: Problem("token-missing", _S.UNAUTHORIZED, "Access token missing"),
    access.TokenMalformed: Problem("token-malformed", _S.UNAUTHORIZED, "Malformed access token"),
    access.TokenUntrusted: Problem("token-untrusted", _S.UNAUTHORIZED, "Untrusted access token"),
    access.TokenForAnother: Problem(
        "token-for-another", _S.UNAUTHORIZED, "Access token for another audience"
    ),
    access.TokenNotYetValid: Problem(
        "token-not-yet-valid", _S.UNAUTHORIZED, "Access token not yet valid"
    ),
    access.TokenExpired: Problem("token-expired", _S.UNAUTHORIZED, "Access token expired"),
    access.ScopeInsufficient: Problem("scope-insufficient", _S.FORBIDDEN, "Insufficient scope"),
    access.ProviderNotNamed: Problem(
        "provider-not-named", _S.FORBIDDEN, "Token names no Application Service Provider"
    ),
    access.OwnerMismatch: Problem("owner-mismatch", _S.FORBIDDEN, "Another one's resource"),
    access.KeysUnavailable: Problem(
        "authorisation-keys-unavailable", _S.SERVICE_UNAVAILABLE, "Authorisation keys unavailable"
    ),
}

UNKNOWN_RESOURCE = Problem("unknown-resource", _S.NOT_FOUND, "Unknown resource")
METHOD_NOT_ALLOWED = Problem("method-not-allowed", _S.METHOD_NOT_ALLOWED, "Method not allowed")
REQUEST_INVALID = Problem("request-invalid", _S.BAD_REQUEST, "Invalid request")
INTERNAL_ERROR = Problem("internal-error", _S.INTERNAL_SERVER_ERROR, "Internal error")

HTTP_PROBLEMS: Mapping[int, Problem] = {
    _S.NOT_FOUND: UNKNOWN_RESOURCE,
    _S.METHOD_NOT_ALLOWED: METHOD_NOT_ALLOWED,
    _S.REQUEST_ENTITY_TOO_LARGE: PROBLEMS[errors.BodyTooLarge],
}
"""What the HTTP library refuses; a client error that is not here is REQUEST_INVALID."""


def problem_details(error: errors.ApplicationFunctionError, instance: str) -> ProblemDetails:
    """What is told of an error of ours at the URL path `instance`."""
    return describe(PROBLEMS[type(error)], str(error), instance, _invalid_params(error))


def describe(
    problem: Problem, detail: str, instance: str, invalid_params: tuple[InvalidParam, ...] = ()
) -> ProblemDetails:
    """The answer's body."""
    return ProblemDetails(
        type=problem.type,
        title=problem.title,
        status=problem.status,
        detail=detail,
        instance=instance,
        invalid_params=invalid_params or None,
    )


def _invalid_params(error: errors.ApplicationFunctionError) -> tuple[InvalidParam, ...]:
    match error:
        case errors.MembersRefused():
            return error.params
        case (
            errors.BodyMalformed()
            | errors.PatchMalformed()
            | errors.PatchDoesNotApply()
            | errors.CertificateRefused()
        ):
            return (InvalidParam(param="", reason=str(error)),)
        case errors.MediaTypeUnsupported():
            return (InvalidParam(param="header Content-Type", reason=str(error)),)
        case access.OwnerMismatch():
            return (error.param,)
        case errors.NotAcceptable():
            return (InvalidParam(param="header Accept", reason=str(error)),)
        case errors.PreconditionFailed():
            return (InvalidParam(param=f"header {error.header}", reason=str(error)),)
    return ()
