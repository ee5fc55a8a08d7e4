"""A PCF as policy control: the client of Npcf_PolicyAuthorization (TS 29.514).

The reference of a policy is the URL of its application session context. A PCF judges only what it
is asked to enforce, so a template is judged by the operator's limits, and by whether the PCF
answers at all.
"""

from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp import hdrs
from yarl import URL

from fivegms_af.bodies import canonical_json, parse_json
from fivegms_af.errors import BodyMalformed
from fivegms_af.patching import MERGE_PATCH
from fivegms_af.policy.control import Granted, NetworkState, PolicyFlow, Terms
from fivegms_af.policy.errors import PolicyControlRefused, PolicyControlUnavailable
from fivegms_af.policy.limits import PolicyLimits
from fivegms_af.policy.npcf_wire import (
    agreed_features,
    granted,
    missing_features,
    refusal,
    session_context,
    session_patch,
)
from fivegms_af.provisioned import JSON_MEDIA_TYPE
from fivegms_api.service_data_flows import SdfMethod

API_PATH = "npcf-policyauthorization/v1/app-sessions"
MAX_ANSWER_BYTES = 2**20
MAX_REFERENCE = 512

_MOVED = frozenset({HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT})
_MOVES = 2
_NOT_NOW = frozenset(
    {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}
)


class NpcfPolicyControl:
    """The PCF whose API root is `api_root`; it notifies below `notification_url`."""

    method = "Npcf_PolicyAuthorization"
    sdf_methods = frozenset(
        {SdfMethod.FIVE_TUPLE, SdfMethod.TWO_TUPLE, SdfMethod.TYPE_OF_SERVICE_MARKING}
    )

    def __init__(
        self,
        api_root: str,
        notification_url: str,
        http: aiohttp.ClientSession,
        limits: PolicyLimits,
        timeout_s: float,
    ) -> None:
        self._sessions = URL(f"{api_root.rstrip('/')}/{API_PATH}")
        self._notification_url = notification_url
        self._http = http
        self._limits = limits
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def judge(self, terms: Terms) -> tuple[str, ...]:
        """The operator's reasons; with none, that the PCF answers. Raises
        PolicyControlUnavailable.
        """
        faults = tuple(self._limits.faults(terms))
        if not faults:
            await self._send(hdrs.METH_GET, self._sessions / "no-session-only-asking")
        return faults

    async def install(self, flow: PolicyFlow) -> Granted:
        """Create a context; an equivalent one that the PCF already has is taken over (303)."""
        self._check_limits(flow)
        body = session_context(flow, self._notified_at(flow))
        response, answer = await self._send(hdrs.METH_POST, self._sessions, body)
        if response.status not in (HTTPStatus.CREATED, HTTPStatus.SEE_OTHER):
            raise PolicyControlRefused(refusal(answer, response.status))
        reference = _reference(response)
        if response.status == HTTPStatus.SEE_OTHER:
            taken_over = await self._modify(reference, flow)
            if taken_over is None:
                raise PolicyControlUnavailable("it names an equivalent context that it has not")
            return taken_over
        if missing := _missing(flow, answer):
            await self.release(reference)
            raise PolicyControlRefused(missing)
        return granted(reference, flow, answer)

    async def update(self, reference: str, flow: PolicyFlow) -> Granted:
        """Patch the context; one that the PCF has lost is created again."""
        self._check_limits(flow)
        return await self._modify(reference, flow) or await self.install(flow)

    async def release(self, reference: str) -> None:
        """Delete the context."""
        url = URL(reference) / "delete"
        response, answer = await self._send(hdrs.METH_POST, url)
        gone = (HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND)
        if response.status not in gone:
            raise PolicyControlUnavailable(refusal(answer, response.status), may_have_acted=True)

    async def network(self, flow: PolicyFlow | None = None) -> NetworkState:
        """Nothing: a PCF tells what it does not keep, by notification, and no more."""
        return NetworkState()

    def _check_limits(self, flow: PolicyFlow) -> None:
        """A template without maximum bit rates is no way around the operator's."""
        excess = self._limits.excess(flow.demand)
        if excess:
            raise PolicyControlRefused("; ".join(excess))

    def _notified_at(self, flow: PolicyFlow) -> str:
        return f"{self._notification_url}/{flow.id}"

    async def _modify(self, reference: str, flow: PolicyFlow) -> Granted | None:
        """Make the context that of this flow; None where the PCF has no such context.

        Features were agreed when it was created, maybe for a flow that needed fewer.
        """
        url = URL(reference)
        if missing_features(flow, None):
            response, answer = await self._send(hdrs.METH_GET, url)
            if response.status == HTTPStatus.NOT_FOUND:
                return None
            if response.status != HTTPStatus.OK:
                raise PolicyControlRefused(refusal(answer, response.status))
            if missing := _missing(flow, answer):
                raise PolicyControlRefused(missing)
        body = session_patch(flow, self._notified_at(flow))
        response, answer = await self._send(hdrs.METH_PATCH, url, body, MERGE_PATCH)
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        if response.status not in (HTTPStatus.OK, HTTPStatus.NO_CONTENT):
            raise PolicyControlRefused(refusal(answer, response.status))
        return granted(reference, flow, answer)

    async def _send(
        self,
        method: str,
        url: URL,
        body: dict[str, Any] | None = None,
        media_type: str = JSON_MEDIA_TYPE,
    ) -> tuple[aiohttp.ClientResponse, dict[str, Any]]:
        """The answer and its JSON object, if it has one; raises PolicyControlUnavailable."""
        data = None if body is None else canonical_json(body)
        headers = {} if body is None else {hdrs.CONTENT_TYPE: media_type}
        try:
            for _ in range(1 + _MOVES):
                async with self._http.request(
                    method,
                    url,
                    data=data,
                    headers=headers,
                    timeout=self._timeout,
                    allow_redirects=False,
                ) as response:
                    answer = await _object(response)
                if response.status not in _MOVED or hdrs.LOCATION not in response.headers:
                    break
                url = url.join(URL(response.headers[hdrs.LOCATION]))
        except aiohttp.ClientConnectorError as error:
            raise PolicyControlUnavailable(str(error)) from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            detail = str(error) or "no answer in time"
            raise PolicyControlUnavailable(detail, may_have_acted=True) from error
        _check_available(response, answer)
        return response, answer


def _missing(flow: PolicyFlow, answer: dict[str, Any]) -> str | None:
    """What was asked for and the PCF would leave out: such a PCF is not asked at all."""
    try:
        missing = missing_features(flow, agreed_features(answer))
    except ValueError as error:
        missing = (str(error),)
    return f"the PCF does not do {', '.join(missing)}" if missing else None


async def _object(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """The body where it is a JSON object; a refusal is one whatever it holds."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise ValueError(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
    try:
        value = parse_json(bytes(body)) if body else {}
    except BodyMalformed:
        value = {}
    return value if isinstance(value, dict) else {}


def _check_available(response: aiohttp.ClientResponse, answer: dict[str, Any]) -> None:
    """Raises PolicyControlUnavailable for every 5xx, 429, and a path that leads in a circle."""
    if response.status in _NOT_NOW:
        raise PolicyControlUnavailable(refusal(answer, response.status))
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status in _MOVED:
        raise PolicyControlUnavailable(refusal(answer, response.status), may_have_acted=True)


def _reference(response: aiohttp.ClientResponse) -> str:
    """The URL of a context; raises PolicyControlUnavailable where the PCF does not say it."""
    location = response.headers.get(hdrs.LOCATION, "")
    try:
        url = str(response.url.join(URL(location)))
    except ValueError:
        url = ""
    if not location or not url or len(url) > MAX_REFERENCE:
        detail = (
            f"status {response.status} without a Location of at most {MAX_REFERENCE} characters"
        )
        raise PolicyControlUnavailable(detail, may_have_acted=True)
    return url
