"""What TR 26.927 adds to 5GMS, asked of a running deployment (TR 26.927 clause 1: architecture
impact and gap per use case).

Every step of every flow names the resource that does it. Whether that is served is asked of the
servers (OPTIONS, RFC 9110 9.3.7), and what kind of resource it is follows from its path and from
what it carries:

    reused    a path and a body of 3GPP's
    extended  a path of 3GPP's that carries a media type, profile or scheme of ours
    new       a path of ours
    missing   no server answers to it: a gap of this deployment

The tables below are the architecture; nothing in them says what is served.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import aiohttp

from fivegms_af.edge_resources import NETWORK_INFERENCE
from fivegms_api.metrics_reporting import AI_METRICS_SCHEME
from fivegms_api.model_preparation import MODEL_PREPARATION_MEDIA_TYPE
from fivegms_manifests.model import PROFILE_URN
from fivegms_testbed.errors import TestbedError

_TIMEOUT = aiohttp.ClientTimeout(total=10)


class ServerUnreachable(TestbedError):
    """A reference point of the deployment does not answer."""


class Impact(StrEnum):
    """What a step means for the architecture of 5GMS."""

    REUSED = "reused"
    EXTENDED = "extended"
    NEW = "new"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Step:
    """One exchange of a flow: the function of TR 26.927 5.2, and the resource that does it.

    `carries` is what of ours rides on a path of 3GPP's. `needs` is another step, at M5, without
    which this one has nothing to send: M4 has a path for everything.
    """

    function: str
    point: str
    method: str
    path: str
    carries: str | None = None
    needs: "Step | None" = None


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow of the specification and its steps in order."""

    name: str
    clause: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A step and what the running system says to it."""

    step: Step
    impact: Impact


@dataclass(frozen=True, slots=True)
class GapReport:
    """The findings of every flow, in the order of FLOWS."""

    flows: Mapping[str, tuple[Finding, ...]]

    def of_use_case(self, flows: tuple[str, ...]) -> Counter[Impact]:
        """How many steps of each kind a use case needs."""
        return Counter(finding.impact for name in flows for finding in self.flows[name])


BELOW_A_SESSION = "/3gpp-m1/v2/provisioning-sessions/x"
"""The base of the paths that M1 has below a session."""

_M1 = BELOW_A_SESSION
_M5 = "/3gpp-m5/v2"
_AI = "/fivegms-m5-ai/v1"
_M4 = "/m4d/provisioning-session-x/model.mpd"

DELIVERY = Flow(
    "Model delivery",
    "5.2.1",
    (
        Step(
            "AI model repository: provision a service",
            "m1",
            "POST",
            "/3gpp-m1/v2/provisioning-sessions",
        ),
        Step(
            "AI model repository: say how a model is prepared",
            "m1",
            "POST",
            f"{_M1}/content-preparation-templates",
            MODEL_PREPARATION_MEDIA_TYPE,
        ),
        Step(
            "AI model repository: host and distribute",
            "m1",
            "POST",
            f"{_M1}/content-hosting-configuration",
            PROFILE_URN,
        ),
        Step("AI model repository: ingest the model", "m2", "PUT", "/m2d/x/model.onnx"),
        Step(
            "AI model repository: follow preparation and versions", "m1", "GET", f"{_M1}/ai-models"
        ),
        Step(
            "Network application: offer the model to UEs",
            "m5",
            "GET",
            f"{_M5}/service-access-information/x",
            PROFILE_URN,
        ),
        Step("Network application: select the model for a task", "m5", "GET", f"{_AI}/models"),
        Step("AI model delivery and access: manifest", "m4", "GET", _M4, PROFILE_URN),
        Step(
            "AI model delivery and access: segments", "m4", "GET", "/m4d/provisioning-session-x/s"
        ),
    ),
)
UPDATE = Flow(
    "Model update during the service",
    "5.2.1",
    (
        Step(
            "Publish another version",
            "m1",
            "POST",
            f"{_M1}/content-preparation-templates",
            MODEL_PREPARATION_MEDIA_TYPE,
        ),
        Step("Roll it out to a share of the UEs", "m1", "PUT", f"{_M1}/ai-models/x/rollout"),
        Step("Roll it back", "m1", "POST", f"{_M1}/ai-models/x/rollback"),
        Step("Tell UEs by revalidation", "m5", "GET", f"{_M5}/service-access-information/x"),
        Step("Tell UEs at once", "m5", "GET", f"{_AI}/ai-sessions/x/events"),
    ),
)
QOS = Flow(
    "QoS requests and monitoring",
    "5.2.1, 5.2.2",
    (
        Step("Provision what may be asked of the network", "m1", "POST", f"{_M1}/policy-templates"),
        Step("Request a policy for a flow", "m5", "POST", f"{_M5}/dynamic-policies"),
        Step("Ask for assistance", "m5", "POST", f"{_M5}/network-assistance"),
        Step("Ask what rate to expect", "m5", "GET", f"{_M5}/network-assistance/x/recommendation"),
        Step("Ask for a boost", "m5", "POST", f"{_M5}/network-assistance/x/boost-request"),
        Step("Expose network information to the UE", "m5", "GET", f"{_AI}/network-information/x"),
        Step(
            "Expose network information to the provider", "m1", "GET", f"{_M1}/network-information"
        ),
        Step("Detect missed requirements", "m1", "GET", f"{_M1}/qos-alarms"),
    ),
)
REPORTING = Flow(
    "Measurement and exposure",
    "2, 5.2.1",
    (
        Step(
            "Provision what UEs report",
            "m1",
            "POST",
            f"{_M1}/metrics-reporting-configurations",
            AI_METRICS_SCHEME,
        ),
        Step("Report metrics", "m5", "POST", f"{_M5}/metrics-reporting/x/y", AI_METRICS_SCHEME),
        Step("Report consumption", "m5", "POST", f"{_M5}/consumption-reporting/x"),
        Step(
            "Provision who may learn of it",
            "m1",
            "POST",
            f"{_M1}/event-data-processing-configurations",
        ),
        Step("Expose statistics and predictions", "m1", "GET", f"{_M1}/analytics"),
    ),
)
_SESSION = Step(
    "Configure the split: capabilities in, composition out", "m5", "POST", f"{_AI}/ai-sessions"
)
_SPLIT = (
    Step(
        "Place the network's part: resources and admission",
        "m1",
        "POST",
        f"{_M1}/edge-resources-configurations",
        NETWORK_INFERENCE,
    ),
    _SESSION,
)
SPLIT_DOWN = Flow(
    "Split inference, network to UE",
    "5.2.2",
    (
        *_SPLIT,
        Step(
            "Intermediate data delivery and access",
            "m4",
            "GET",
            "/m4d/provisioning-session-x/tensors.mpd",
            needs=_SESSION,
        ),
    ),
)
SPLIT_UP = Flow(
    "Split inference, UE to network",
    "5.2.2",
    (
        *_SPLIT,
        Step(
            "Intermediate data delivery, uplink", "m4", "PUT", "/m4u/provisioning-session-x/t.m4s"
        ),
        Step(
            "Inference output delivery and access",
            "m4",
            "GET",
            "/m4d/provisioning-session-x/results.mpd",
            needs=_SESSION,
        ),
    ),
)
NETWORK = Flow(
    "Inference in the network",
    "5.2.2",
    (*_SPLIT, Step("Infer on request", "m4", "POST", "/v2/models/x/infer")),
)
LEARNING = Flow(
    "Federated learning",
    "5.2.3",
    (
        Step("Provision the learning", "m1", "PUT", f"{_M1}/federated-learning-configurations/x"),
        Step("Join, and learn of rounds", "m5", "POST", f"{_AI}/federated-sessions"),
        Step("Model delivery to many UEs", "m4", "GET", _M4, PROFILE_URN),
        Step("Training results delivery", "m4", "PUT", "/m4u/provisioning-session-x/update.m4s"),
    ),
)

FLOWS = (DELIVERY, UPDATE, QOS, REPORTING, SPLIT_DOWN, SPLIT_UP, NETWORK, LEARNING)

_ALWAYS = (DELIVERY.name, UPDATE.name, QOS.name, REPORTING.name)
USE_CASES: Mapping[str, tuple[str, ...]] = {
    "4.1 Object recognition in image and video": (*_ALWAYS, SPLIT_UP.name, LEARNING.name),
    "4.2.1.1 End-to-end neural video coding": (*_ALWAYS, SPLIT_DOWN.name),
    "4.2.1.2 Pose processing for video coding": (*_ALWAYS, SPLIT_UP.name),
    "4.3.1 Crowd-sourced capture, device inference": _ALWAYS,
    "4.3.2 Crowd-sourced capture, network inference": (*_ALWAYS, NETWORK.name),
    "4.4 Natural language processing on speech": (*_ALWAYS, SPLIT_UP.name),
}
"""Each use case of clause 4 and the flows that it is made of."""


async def examine(addresses: Mapping[str, str]) -> GapReport:
    """Ask the reference points `m1`, `m2`, `m4` and `m5` at these base URLs.

    Raises ServerUnreachable.
    """
    steps = tuple({step for flow in FLOWS for step in flow.steps})
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as http:
        served = await asyncio.gather(*(_is_served(http, addresses, step) for step in steps))
    impacts = {
        step: _impact(step) if answers else Impact.MISSING
        for step, answers in zip(steps, served, strict=True)
    }
    return GapReport(
        {flow.name: tuple(Finding(one, impacts[one]) for one in flow.steps) for flow in FLOWS}
    )


async def _is_served(http: aiohttp.ClientSession, addresses: Mapping[str, str], step: Step) -> bool:
    if step.needs is not None and not await _is_served(http, addresses, step.needs):
        return False
    url = addresses[step.point] + step.path
    try:
        async with http.options(url) as answer:
            allowed = answer.headers.get("Allow", "")
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ServerUnreachable(f"no answer from {url} ({error})") from error
    return step.method in [method.strip() for method in allowed.split(",")]


def _impact(step: Step) -> Impact:
    if step.path.startswith("/fivegms-") or _is_below_a_session_but_ours(step.path):
        return Impact.NEW
    return Impact.EXTENDED if step.carries else Impact.REUSED


def _is_below_a_session_but_ours(path: str) -> bool:
    """Our resources on M1 are below 3GPP's session, under names that Release 17 does not have."""
    below = path.removeprefix(_M1 + "/").partition("/")[0] if path.startswith(_M1 + "/") else None
    return below is not None and below not in _STANDARD_BELOW_A_SESSION


_STANDARD_BELOW_A_SESSION = frozenset(
    {
        "certificates",
        "consumption-reporting-configuration",
        "content-hosting-configuration",
        "content-preparation-templates",
        "edge-resources-configurations",
        "event-data-processing-configurations",
        "metrics-reporting-configurations",
        "policy-templates",
        "protocols",
    }
)
"""TS 26.512 V17.7.0, clause 7."""
