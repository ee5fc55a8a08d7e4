"""Why the Application Function refuses or fails, named by cause and free of HTTP.

    ApplicationFunctionError
        RequestRefused
            BodyMalformed, BodyTooLarge, MembersRefused, MediaTypeUnsupported
            PatchMalformed, PatchDoesNotApply
        ResourceUnknown
            SessionUnknown, HostingUnknown, TemplateUnknown, SubResourceUnknown, AiModelUnknown
        StateConflict
            HostingExists, TemplateInUse, SubResourceExists, SubResourceLimit
            PreconditionFailed, ChangedMeanwhile
        ApplicationServerError
            ApplicationServerUnavailable, ApplicationServerRefused, NoApplicationServer
        StorageUnavailable

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


class PatchMalformed(RequestRefused):
    """The patch document breaks RFC 6902, or asks for more than is allowed."""


class PatchDoesNotApply(RequestRefused):
    """A path is not there or a test fails: the resource is not what the patch expects."""


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


class AiModelUnknown(ResourceUnknown):
    """The session has no model of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no model {name!r}")


class StateConflict(ApplicationFunctionError):
    """The request is well formed but the resource's state does not allow it."""


class HostingExists(StateConflict):
    """A session has one Content Hosting Configuration, and this one has it already."""

    def __init__(self) -> None:
        super().__init__("the session has a Content Hosting Configuration; PUT or PATCH updates it")


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
