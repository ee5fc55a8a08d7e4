"""What an AF acknowledged, and what it must therefore still show after any crash.

A `Step` is one write. It is *acknowledged* (its effect must be there) or *in doubt* (the server
went before it answered: its effect is there whole, or not at all). `Ledger.settle` reads the AF,
says what breaks that, and takes over what was in doubt as it was found.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from fivegms_api.model_preparation import MODEL_PREPARATION_MEDIA_TYPE
from support.m1_bodies import (
    CONSUMPTION,
    CONSUMPTION_REPORT,
    EDGE,
    EVENTS,
    HOSTING,
    METRICS,
    POLICY,
    PREPARATION,
    SESSION,
)

JSON = "application/json"
SESSIONS = "/3gpp-m1/v2/provisioning-sessions"
REPORTS = "/3gpp-m5/v2/consumption-reporting"
MOST_SESSIONS = 5

Shown = tuple[int, bytes]
Get = Callable[[str], Awaitable[Shown]]


def template(number: int) -> dict[str, Any]:
    return {**PREPARATION, "manifest": f"{number}.mpd"}


def consumption(number: int) -> dict[str, Any]:
    return CONSUMPTION.body | {"reportingInterval": number}


def metrics(number: int) -> dict[str, Any]:
    return METRICS.body | {"reportingInterval": 5 * number}


def edge(number: int) -> dict[str, Any]:
    return EDGE.body | {"easRequirements": {"easType": f"inference-{number}"}}


def events(number: int) -> dict[str, Any]:
    (profile,) = EVENTS.body["dataAccessProfiles"]
    named = profile | {"dataAccessProfileId": f"profile-{number}"}
    return EVENTS.body | {"dataAccessProfiles": [named]}


def policy(number: int) -> dict[str, Any]:
    return POLICY.body | {"externalReference": f"policy {number}"}


def report(number: int) -> dict[str, Any]:
    return {**CONSUMPTION_REPORT, "reportingClientId": f"ue-{number}"}


def hosting(number: int) -> dict[str, Any]:
    return {**HOSTING, "name": f"models {number}"}


@dataclass(frozen=True)
class Kind:
    """A resource below a session, of which there are `most`; `ids` is the session's member that
    lists them, None for a resource without an identifier.
    """

    segment: str
    body: Callable[[int], dict[str, Any]] | None
    ids: str | None
    media_type: str = JSON
    most: int = 3


KINDS = (
    Kind(
        "content-preparation-templates",
        template,
        "contentPreparationTemplateIds",
        MODEL_PREPARATION_MEDIA_TYPE,
    ),
    Kind("certificates", None, "serverCertificateIds"),
    Kind("content-hosting-configuration", hosting, None, most=1),
    Kind(CONSUMPTION.segment, consumption, None, most=1),
    Kind(METRICS.segment, metrics, "metricsReportingConfigurationIds"),
    Kind(EDGE.segment, edge, "edgeResourcesConfigurationIds", most=1),
    Kind(POLICY.segment, policy, "policyTemplateIds"),
    Kind(EVENTS.segment, events, "eventDataProcessingConfigurationIds"),
)


@dataclass(frozen=True)
class Step:
    """One write; `kind` is None for a session itself, and for a report of a UE to one."""

    method: str
    path: str
    kind: Kind | None = None
    body: Any = None

    @property
    def media_type(self) -> str:
        return self.kind.media_type if self.kind else JSON


@dataclass
class Kept:
    """A session: its resources by path, each with its kind and what it must show, and the reports
    that it was sent, by client.
    """

    resources: dict[str, tuple[Kind, Any]] = field(default_factory=dict)
    reports: dict[str, Any] = field(default_factory=dict)


@dataclass
class Ledger:
    """Everything acknowledged, and the step in doubt."""

    sessions: dict[str, Kept] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    doubt: Step | None = None
    acknowledged: int = 0

    def next(self, random: Random) -> Step:
        """A write that the AF should accept."""
        number = self.acknowledged + 1
        if not self.sessions or (len(self.sessions) < MOST_SESSIONS and random.random() < 0.15):
            return Step("POST", SESSIONS, None, SESSION)
        session = random.choice(sorted(self.sessions))
        if len(self.sessions) > 1 and random.random() < 0.07:
            return Step("DELETE", session)
        resources = self.sessions[session].resources
        if f"{session}/{CONSUMPTION.segment}" in resources and random.random() < 0.2:
            return Step("POST", f"{REPORTS}/{last(session)}", None, report(number))
        kind = random.choice(KINDS)
        present = [path for path, (one, _) in resources.items() if one is kind]
        if not present or (len(present) < kind.most and random.random() < 0.5):
            body = kind.body(number) if kind.body else None
            return Step("POST", f"{session}/{kind.segment}", kind, body)
        path = random.choice(present)
        if kind.body is None or random.random() < 0.3:
            return Step("DELETE", path, kind)
        return Step("PUT", path, kind, kind.body(number))

    def acknowledge(self, step: Step, location: str, body: bytes) -> None:
        """The AF said that the step is done; `location` is where what was created is."""
        self.acknowledged += 1
        if step.path.startswith(REPORTS):
            kept = self.sessions[f"{SESSIONS}/{last(step.path)}"]
            kept.reports[step.body["reportingClientId"]] = step.body
            return
        if step.kind is None:
            self._acknowledge_session(step, location)
            return
        resources = self._resources(step.path)
        if step.method == "DELETE":
            resources.pop(step.path)
            self.gone.add(step.path)
        else:
            path = location if step.method == "POST" else step.path
            self.gone.discard(path)
            resources[path] = (step.kind, body if step.body is None else step.body)

    async def settle(self, get: Get) -> list[str]:
        """What the AF breaks of all this; afterwards nothing is in doubt."""
        found: list[str] = []
        for path in sorted(self.gone):
            status, _ = await get(path)
            if status != 404 and not self._in_doubt("POST", path):
                found.append(f"{path} is back ({status})")
        for session in sorted(self.sessions):
            found += await self._settle_session(session, get)
        self.gone.clear()
        self.doubt = None
        return found

    async def _settle_session(self, session: str, get: Get) -> list[str]:
        status, body = await get(session)
        if status == 404 and self._in_doubt("DELETE", session):
            del self.sessions[session]
            return []
        if status != 200:
            return [f"{session} is lost ({status})"]
        found = [
            fault
            for path in list(self.sessions[session].resources)
            for fault in await self._settle_resource(session, path, get)
        ]
        found += await self._settle_reports(session, get)
        return found + await self._adopt(session, json.loads(body), get)

    async def _settle_reports(self, session: str, get: Get) -> list[str]:
        """Every report that was acknowledged, once; and the one in doubt, or not."""
        _, body = await get(f"{session}/consumption-reports?limit=1000")
        listed = [one["report"] for one in json.loads(body)["consumptionReports"]]
        kept = self.sessions[session].reports
        if self.doubt and self._in_doubt("POST", f"{REPORTS}/{last(session)}"):
            kept |= {one["reportingClientId"]: one for one in listed if one == self.doubt.body}
        found = [one for one in listed if one not in kept.values()]
        lost = [one for one in kept.values() if listed.count(one) != 1]
        return [f"{session} has {found} and not {lost}"] if found or lost else []

    async def _settle_resource(self, session: str, path: str, get: Get) -> list[str]:
        resources = self.sessions[session].resources
        kind, kept = resources[path]
        status, body = await get(path)
        if status == 404 and self._in_doubt("DELETE", path):
            del resources[path]
            return []
        if status != 200:
            return [f"{path} is lost ({status})"]
        if shows(body, kept):
            return []
        if self._in_doubt("PUT", path) and self.doubt and shows(body, self.doubt.body):
            resources[path] = (kind, self.doubt.body)
            return []
        return [f"{path} is {body!r}, not {kept!r}"]

    async def _adopt(self, session: str, shown: Mapping[str, Any], get: Get) -> list[str]:
        """What is there though nobody acknowledged it: the step in doubt, whole, or a fault."""
        resources = self.sessions[session].resources
        paths = [
            f"{session}/{kind.segment}/{identifier}"
            for kind in KINDS
            for identifier in shown.get(kind.ids or "", ())
        ] + [f"{session}/{kind.segment}" for kind in KINDS if kind.ids is None]
        found = []
        for path in paths:
            if path in resources:
                continue
            status, body = await get(path)
            step = self.doubt
            collection = path if step and step.path == path else path.rpartition("/")[0]
            if status == 404 and path.count("/") == session.count("/") + 1:
                continue  # a session need not have one
            if step is None or step.kind is None or not self._in_doubt("POST", collection):
                found.append(f"{path} came from nowhere ({status})")
            elif status != 200 or (step.body is not None and not shows(body, step.body)):
                found.append(f"{path} is half there: {status} {body!r}")
            else:
                resources[path] = (step.kind, body if step.body is None else step.body)
        return found

    def _acknowledge_session(self, step: Step, location: str) -> None:
        if step.method == "POST":
            self.sessions[location] = Kept()
        else:
            self.gone |= {*self.sessions.pop(step.path).resources, step.path}

    def _resources(self, path: str) -> dict[str, tuple[Kind, Any]]:
        session = next(one for one in self.sessions if path.startswith(f"{one}/"))
        return self.sessions[session].resources

    def _in_doubt(self, method: str, path: str) -> bool:
        return self.doubt is not None and (self.doubt.method, self.doubt.path) == (method, path)


def last(path: str) -> str:
    """The identifier at the end of a path."""
    return path.rsplit("/", 1)[-1]


def shows(body: bytes, kept: Any) -> bool:
    """Whether a representation has all of what was sent; bytes are compared as they are."""
    return body == kept if isinstance(kept, bytes) else contains(json.loads(body), kept)


def contains(shown: Any, sent: Any) -> bool:
    """Whether `shown` is `sent`, apart from members that the AF added."""
    if isinstance(sent, Mapping):
        return isinstance(shown, Mapping) and all(
            name in shown and contains(shown[name], value) for name, value in sent.items()
        )
    if isinstance(sent, list):
        return (
            isinstance(shown, list) and len(shown) == len(sent) and all(map(contains, shown, sent))
        )
    return bool(shown == sent)
