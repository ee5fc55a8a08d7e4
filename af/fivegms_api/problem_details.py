"""What every server answers when it refuses: `application/problem+json` (RFC 9457).

`type` is one of the error types in docs/errors.md, `urn:fivegms:problem:` and a name.
"""

from fivegms_api.wire import WireModel

PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_TYPE_PREFIX = "urn:fivegms:problem:"


class InvalidParam(WireModel):
    """What is wrong with one part of the request (TS 29.571 5.2.4.5).

    `param` is a JSON Pointer into the body (`/ingestConfiguration/pull`, the whole body: empty),
    `header NAME`, `query NAME`, `{pathVariable}`, or the name of a form field.
    """

    param: str
    reason: str | None = None


class ProblemDetails(WireModel):
    """Why a request was refused (TS 29.571 5.2.4.1); `instance` is the path of the request."""

    type: str
    title: str
    status: int
    detail: str | None = None
    instance: str | None = None
    cause: str | None = None
    invalid_params: tuple[InvalidParam, ...] | None = None


def json_pointer(*parts: str | int) -> str:
    """A JSON Pointer (RFC 6901), as `param` holds it.

    >>> json_pointer("distributionConfigurations", 0, "a/b")
    '/distributionConfigurations/0/a~1b'
    """
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)
