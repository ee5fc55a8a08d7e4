"""How the rules name what is wrong with a member of a request."""

from fivegms_api.problem_details import InvalidParam, json_pointer

NOT_SUPPORTED = "not supported by this deployment"


def fault(reason: str, *member: str | int) -> InvalidParam:
    """Why the member at a place of the body, from the outside in, is refused."""
    return InvalidParam(param=json_pointer(*member), reason=reason)
