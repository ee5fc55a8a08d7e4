"""Why the Application Function refuses or fails, named by cause and free of HTTP.

    ApplicationFunctionError
        RequestRefused
            BodyMalformed, BodyTooLarge, MembersRefused, MediaTypeUnsupported, NotAcceptable
            PatchMalformed, PatchDoesNotApply
            CertificateRefused
                CertificateMalformed, CertificateKeyForeign, CertificateNotInForce
                CertificateNameMissing, CertificateChainBroken, CertificateUnsuitable
        ResourceUnknown
            SessionUnknown, HostingUnknown, TemplateUnknown, SubResourceUnknown, AiModelUnknown
            CertificateUnknown, RolloutUnknown
        StateConflict
            HostingExists, HostingNotForUplink, TemplateInUse, SubResourceExists, SubResourceLimit
            SubResourceInUse, EdgeCapacityExceeded, VersionNotPublished, NoVersionToGoBackTo
            CertificateAlreadyThere, CertificateInUse, PreconditionFailed, ChangedMeanwhile
        ApplicationServerError
            ApplicationServerUnavailable, ApplicationServerRefused, NoApplicationServer
        StorageUnavailable
        CertificateAuthorityExpired
        TooManyViewers

`problems` says how each is answered.
"""

from fivegms_api.problem_details import InvalidParam


class ApplicationFunctionError(Exception):
    """The base: the message says what was refused and what to do about it."""


class RequestRefused(ApplicationFunctionError):
    """The request itself is at fault."""


class BodyMalformed(RequestRefused):
    """The body is not what its media type promises."""


class BodyTooLarge(RequestRefused):
    """The body is longer than this deployment takes."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the body is longer than {limit_bytes} bytes")


class MembersRefused(RequestRefused):
    """Members, headers or query parameters that are wrong, each with its reason."""

    def __init__(self, *params: InvalidParam) -> None:
        super().__init__(
            "; ".join(f"{param.param or 'the body'}: {param.reason}" for param in params)
        )
        self.params = params


class MediaTypeUnsupported(RequestRefused):
    """The body's media type is none of those that the resource takes."""

    def __init__(self, found: str | None, *accepted: str) -> None:
        was = f"{found!r} is" if found else "a missing Content-Type is"
        super().__init__(f"{was} not accepted here; send {' or '.join(accepted)}")
        self.accepted = accepted


class NotAcceptable(RequestRefused):
    """The resource has no representation that the client takes."""


class PatchMalformed(RequestRefused):
    """The patch document breaks RFC 6902, or asks for more than is allowed."""


class PatchDoesNotApply(RequestRefused):
    """A path is not there or a test fails: the resource is not what the patch expects."""


class CertificateRefused(RequestRefused):
    """What was uploaded cannot be served as the certificate that was reserved."""


class CertificateMalformed(CertificateRefused):
    """It is no chain of PEM certificates, or holds what does not belong there."""


class CertificateKeyForeign(CertificateRefused):
    """It was made for another key than the one that the signing request has."""

    def __init__(self) -> None:
        super().__init__("the certificate's key is not that of this resource's signing request")


class CertificateNotInForce(CertificateRefused):
    """A certificate of the chain has expired, or its time has not come."""

    def __init__(self, subject: str, period: str) -> None:
        super().__init__(f"the certificate of {subject!r} is in force {period}, not now")


class CertificateNameMissing(CertificateRefused):
    """It does not speak for a name that the reservation asked for."""

    def __init__(self, name: str) -> None:
        super().__init__(f"none of the certificate's subject alternative names covers {name!r}")


class CertificateChainBroken(CertificateRefused):
    """A certificate was not issued by the one that follows it."""

    def __init__(self, subject: str, follower: str) -> None:
        super().__init__(f"the certificate of {subject!r} was not issued by {follower!r}")


class CertificateUnsuitable(CertificateRefused):
    """No UE would take it as a server's certificate."""


class ResourceUnknown(ApplicationFunctionError):
    """There is no such resource."""


class SessionUnknown(ResourceUnknown):
    """There is no Provisioning Session of that identifier."""

    def __init__(self, provisioning_session_id: str) -> None:
        super().__init__(f"there is no Provisioning Session {provisioning_session_id!r}")


class HostingUnknown(ResourceUnknown):
    """The session has no Content Hosting Configuration."""

    def __init__(self, provisioning_session_id: str) -> None:
        super().__init__(
            f"Provisioning Session {provisioning_session_id!r} has no Content Hosting "
            "Configuration; POST creates it"
        )


class TemplateUnknown(ResourceUnknown):
    """The session has no Content Preparation Template of that identifier."""

    def __init__(self, template_id: str) -> None:
        super().__init__(f"there is no Content Preparation Template {template_id!r}")


class SubResourceUnknown(ResourceUnknown):
    """The session has no resource of that kind and identifier."""

    def __init__(self, name: str, identifier: str | None = None) -> None:
        super().__init__(
            f"the session has no {name}; POST creates it"
            if identifier is None
            else f"the session has no {name} {identifier!r}"
        )


class CertificateUnknown(ResourceUnknown):
    """The session has no Server Certificate of that identifier."""

    def __init__(self, certificate_id: str) -> None:
        super().__init__(f"there is no Server Certificate {certificate_id!r}")


class AiModelUnknown(ResourceUnknown):
    """The session has no model of that name, or not in that version."""

    def __init__(self, name: str, version: str | None = None) -> None:
        which = "" if version is None else f" of version {version!r}"
        super().__init__(f"there is no model {name!r}{which}")


class RolloutUnknown(ResourceUnknown):
    """The model has no rollout: every UE gets the newest version."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"model {name!r} has no rollout, so every UE gets its newest published version"
        )


class StateConflict(ApplicationFunctionError):
    """The request is well formed but the resource's state does not allow it."""


class HostingExists(StateConflict):
    """A session has one Content Hosting Configuration, and this one has it already."""

    def __init__(self) -> None:
        super().__init__("the session has a Content Hosting Configuration; PUT or PATCH updates it")


class HostingNotForUplink(StateConflict):
    """The Content Hosting Configuration of Release 17 describes downlink distribution."""

    def __init__(self) -> None:
        super().__init__(
            "the session is an UPLINK one, and a Content Hosting Configuration is for DOWNLINK; "
            "create a DOWNLINK session for it"
        )


class TemplateInUse(StateConflict):
    """The Content Hosting Configuration refers to the template."""

    def __init__(self, template_id: str) -> None:
        super().__init__(
            f"Content Preparation Template {template_id!r} is used by the Content Hosting "
            "Configuration; change that first"
        )


class SubResourceExists(StateConflict):
    """A session has one resource of that kind, and this one has it already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the session has a {name}; PUT or PATCH updates it")


class SubResourceLimit(StateConflict):
    """The session has as many resources of that kind as one session may."""

    def __init__(self, name: str, limit: int) -> None:
        super().__init__(f"a session has at most {limit} of {name}; delete one first")


class CertificateAlreadyThere(StateConflict):
    """The certificate awaits no upload: the AF made it, or it was uploaded before."""

    def __init__(self, certificate_id: str) -> None:
        super().__init__(
            f"Server Certificate {certificate_id!r} awaits no upload and never changes; reserve "
            "another with ?csr=true"
        )


class CertificateInUse(StateConflict):
    """The Content Hosting Configuration refers to the certificate."""

    def __init__(self, certificate_id: str) -> None:
        super().__init__(
            f"Server Certificate {certificate_id!r} is used by the Content Hosting "
            "Configuration; change that first"
        )


class SubResourceInUse(StateConflict):
    """Something refers to the resource of the session."""

    def __init__(self, name: str, identifier: str, user: str) -> None:
        super().__init__(f"{name} {identifier!r} is used by {user}; change that first")


class EdgeCapacityExceeded(StateConflict):
    """The Application Server has not as many inference slots free as are claimed."""

    def __init__(self, wanted: int, free: int, capacity: int) -> None:
        super().__init__(
            f"{wanted} inference slots are wanted, and of {capacity} at the Application Server "
            f"{free} are free"
        )


class VersionNotPublished(StateConflict):
    """A rollout asks for a version that UEs cannot get."""

    def __init__(self, version: int, state: str | None) -> None:
        why = "there is none" if state is None else f"it is {state}"
        super().__init__(f"version {version} cannot be rolled out: {why}")


class NoVersionToGoBackTo(StateConflict):
    """UEs have only ever had one version."""

    def __init__(self) -> None:
        super().__init__("there is no earlier version to go back to; name one in toVersion")


class PreconditionFailed(StateConflict):
    """The resource is not in the state that the request was made for."""

    def __init__(self, header: str) -> None:
        super().__init__(f"{header} does not hold for the current representation; GET it again")
        self.header = header


class ChangedMeanwhile(StateConflict):
    """Another request changed the session between the reading and the writing of this one."""

    def __init__(self) -> None:
        super().__init__("the session was changed by another request; try again")


class ApplicationServerError(ApplicationFunctionError):
    """The Application Server is needed and does not do its part."""


class ApplicationServerUnavailable(ApplicationServerError):
    """The AS does not answer, or answers that it cannot now."""


class ApplicationServerRefused(ApplicationServerError):
    """The AS answered and refused, with its reason."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"the Application Server answered {status}: {detail}")
        self.status = status


class NoApplicationServer(ApplicationServerError):
    """The AF was started without an Application Server, so nothing can be hosted."""

    def __init__(self) -> None:
        super().__init__("this Application Function was given no Application Server")


class StorageUnavailable(ApplicationFunctionError):
    """The database does not take or give what was asked; nothing was acknowledged."""


class CertificateAuthorityExpired(ApplicationFunctionError):
    """The operator's CA can issue nothing that would be valid."""

    def __init__(self) -> None:
        super().__init__("the operator's certificate authority has expired")


class TooManyViewers(ApplicationFunctionError):
    """As many follow the events as this AF serves at a time."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} viewers follow the events already; ask for the lists instead")
