"""A small PCF: Npcf_PolicyAuthorization as TS 29.514 has it, every body held against 3GPP's YAML.

What it was sent that breaks the schema is in `breaches`, and so is what it would have answered: a
test asserts that there is none. Its behaviour is to order: see the attributes.
"""

import copy
import json
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from aiohttp import web

from support.three_gpp import faults

API = "/npcf-policyauthorization/v1"
SCHEMAS = "TS29514_Npcf_PolicyAuthorization.yaml#/components/schemas/"
ALL_FEATURES = "fffffff"


@dataclass
class Pcf:
    """`sessions` are the application session contexts by identifier.

    `features` is what it agrees to; `refusal` a status and problem for whatever it is asked to
    authorise, `unavailable` one for every request. `deduplicates`: an equivalent context is told
    of by 303; `circle`: but it cannot be changed. `loses_answers`: it acts and then breaks the
    connection.
    """

    sessions: dict[str, Any] = field(default_factory=dict)
    features: str | None = ALL_FEATURES
    refusal: tuple[int, dict[str, Any]] | None = None
    unavailable: int | None = None
    deduplicates: bool = True
    circle: bool = False
    loses_answers: bool = False
    breaches: list[str] = field(default_factory=list)
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    url: str = ""
    _made: int = 0
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._order])
        app.router.add_post(f"{API}/app-sessions", self._create)
        app.router.add_get(f"{API}/app-sessions/{{id}}", self._retrieve)
        app.router.add_patch(f"{API}/app-sessions/{{id}}", self._modify)
        app.router.add_post(f"{API}/app-sessions/{{id}}/delete", self._delete)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def only(self) -> dict[str, Any]:
        """The request data of the one context that there is."""
        (context,) = self.sessions.values()
        found: dict[str, Any] = context["ascReqData"]
        return found

    async def notify(self, data: dict[str, Any], events: dict[str, Any]) -> int:
        """Tell the AF of events of a context; the status that it answers."""
        body = {"evSubsUri": f"{self.url}{API}/app-sessions/1/events-subscription", **events}
        self._check("notification", body, "EventsNotification")
        return await _post(f"{data['evSubsc']['notifUri']}/notify", body)

    async def terminate(self, data: dict[str, Any]) -> int:
        """Ask the AF to delete a context; the status that it answers."""
        body = {
            "termCause": "PDU_SESSION_TERMINATION",
            "resUri": f"{self.url}{API}/app-sessions/1",
        }
        self._check("termination", body, "TerminationInfo")
        return await _post(f"{data['notifUri']}/terminate", body)

    @web.middleware
    async def _order(self, request: web.Request, handler: Any) -> web.StreamResponse:
        text = await request.text()
        self.requests.append((request.method, request.path, json.loads(text) if text else None))
        if self.unavailable is not None:
            return web.json_response({"title": "not now"}, status=self.unavailable)
        response: web.StreamResponse = await handler(request)
        if self.loses_answers and request.method != "GET" and request.transport is not None:
            request.transport.abort()
        return response

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._check("POST", body, "AppSessionContext")
        if self.refusal is not None:
            return self._problem()
        for known, context in self.sessions.items():
            if (
                self.deduplicates
                and context["ascReqData"]["notifUri"] == (body["ascReqData"]["notifUri"])
            ):
                return web.Response(status=303, headers={"Location": self._location(known)})
        self._made += 1
        identifier = str(self._made)
        answer = copy.deepcopy(body)
        if self.features is not None:
            answer["ascRespData"] = {"suppFeat": self.features}
            answer["ascReqData"]["suppFeat"] = self.features
        else:
            answer["ascReqData"]["suppFeat"] = ""
        self._check("201", answer, "AppSessionContext")
        self.sessions[identifier] = answer
        headers = {"Location": self._location(identifier)}
        return web.json_response(answer, status=201, headers=headers)

    async def _retrieve(self, request: web.Request) -> web.Response:
        found = self.sessions.get(request.match_info["id"])
        return self._unknown() if found is None else web.json_response(found)

    async def _modify(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._check("PATCH", body, "AppSessionContextUpdateDataPatch")
        if request.content_type != "application/merge-patch+json":
            self.breaches.append(f"PATCH: {request.content_type}")
        current = self.sessions.get(request.match_info["id"])
        if current is None or self.circle:
            return self._unknown()
        if self.refusal is not None:
            return self._problem()
        merged = _merge(current, body)
        self.sessions[request.match_info["id"]] = merged
        self._check("200", merged, "AppSessionContext")
        return web.json_response(merged)

    async def _delete(self, request: web.Request) -> web.Response:
        if self.sessions.pop(request.match_info["id"], None) is None:
            return self._unknown()
        return web.Response(status=204)

    def _location(self, identifier: str) -> str:
        return f"{self.url}{API}/app-sessions/{identifier}"

    def _check(self, what: str, body: Any, schema: str) -> None:
        self.breaches += [f"{what}: {fault}" for fault in faults(body, SCHEMAS + schema)]

    def _problem(self) -> web.Response:
        assert self.refusal is not None
        status, problem = self.refusal
        self._check(str(status), problem, "ExtendedProblemDetails")
        return web.json_response(problem, status=status, content_type="application/problem+json")

    def _unknown(self) -> web.Response:
        problem = {"title": "Not Found", "cause": "APPLICATION_SESSION_CONTEXT_NOT_FOUND"}
        return web.json_response(problem, status=404, content_type="application/problem+json")


async def _post(url: str, body: Any) -> int:
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as response:
        return response.status


def _merge(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value)
    return merged
