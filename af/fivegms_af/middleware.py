"""What happens around every handler: an identifier for the log, and an answer for every error."""

import time
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from fivegms_af.errors import (
    ApplicationFunctionError,
    ApplicationServerUnavailable,
    ChangedMeanwhile,
    StorageUnavailable,
)
from fivegms_af.observability import Observe, is_failure
from fivegms_af.policy.errors import PolicyControlUnavailable
from fivegms_af.problems import (
    HTTP_PROBLEMS,
    INTERNAL_ERROR,
    REQUEST_INVALID,
    RETRY_AFTER_S,
    describe,
    problem_details,
)
from fivegms_af.request_id import REQUEST_ID, RequestIds
from fivegms_af.routes import Handler
from fivegms_api.problem_details import PROBLEM_MEDIA_TYPE, ProblemDetails

ATTEMPTS = 32
SLOW_S = 1.0

log = structlog.get_logger()


def answering(observe: Observe, request_ids: RequestIds) -> Middleware:
    """The outermost middleware of a listener: every request has an identifier, is answered
    whatever happens, and is observed.

    Bodies, queries and header values are never logged: they may hold secrets.
    """

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = request_ids.begin(request.headers.get(REQUEST_ID))
        started = time.perf_counter()
        response = await _answer_whatever_happens(request, handler)
        if not response.prepared:
            response.headers[REQUEST_ID] = request_id
        duration_s = time.perf_counter() - started
        observe(request, response.status, duration_s)
        _log_answer(request, response, duration_s)
        return response

    return answer


@web.middleware
async def try_again(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A request that another one overtook is decided anew, on what that one left.

    Preconditions are checked anew too, so a client that sent If-Match gets its 412.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return await handler(request)
        except ChangedMeanwhile:
            continue
    return await handler(request)


async def _answer_whatever_happens(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error as a problem; whatever nobody foresaw as 500 without its details."""
    try:
        return await handler(request)
    except ApplicationFunctionError as error:
        return _answer(problem_details(error, request.path), _headers(error))
    except web.HTTPException as error:
        return _from_http(request, error)
    except ConnectionError:
        raise  # nobody is left to answer
    except Exception:
        log.exception("request failed", method=request.method, path=request.path)
        detail = "the log of the 5GMS AF says more"
        return _answer(describe(INTERNAL_ERROR, detail, request.path), {})


def _log_answer(request: web.Request, response: web.StreamResponse, duration_s: float) -> None:
    """Failures and slow answers at warning, everything else at debug.

    What was streamed took as long as its reader did.
    """
    is_slow = duration_s > SLOW_S and not response.prepared
    tell = log.warning if is_failure(response.status) or is_slow else log.debug
    tell(
        "answered",
        method=request.method,
        path=request.path,
        status=response.status,
        duration_ms=round(1000 * duration_s, 1),
    )


def _headers(error: ApplicationFunctionError) -> dict[str, str]:
    if isinstance(
        error, ApplicationServerUnavailable | PolicyControlUnavailable | StorageUnavailable
    ):
        return {hdrs.RETRY_AFTER: str(RETRY_AFTER_S)}
    return {}


def _from_http(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    """What aiohttp raises, 405 with OPTIONS among the methods, OPTIONS itself answered by it."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        allow: dict[str, str] = {
            hdrs.ALLOW: ", ".join(sorted({*error.allowed_methods, hdrs.METH_OPTIONS}))
        }
        if request.method == hdrs.METH_OPTIONS:
            return web.Response(status=HTTPStatus.NO_CONTENT, headers=allow)
        detail = f"{request.method} is not one of {allow[hdrs.ALLOW]}"
        return _answer(describe(HTTP_PROBLEMS[error.status], detail, request.path), allow)
    if error.status < HTTPStatus.BAD_REQUEST:
        return error
    problem = HTTP_PROBLEMS.get(error.status, REQUEST_INVALID)
    return _answer(describe(problem, f"{request.method} {request.path}", request.path), {})


def _answer(problem: ProblemDetails, headers: dict[str, str]) -> web.Response:
    headers[hdrs.CONTENT_TYPE] = PROBLEM_MEDIA_TYPE
    return web.Response(body=problem.to_json(), status=problem.status, headers=headers)
