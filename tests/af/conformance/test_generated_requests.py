"""Thousands of generated requests: no 5xx, no answer that breaks a schema, no bad body accepted, no
hang.

schemathesis generates them from our own OpenAPI documents and from 3GPP's YAML, well formed and
not, most of them on resources that exist. `--schemathesis-cases N` says how many (10,000 for a
release); what is generated is the same every time.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks as openapi_checks

from fivegms_af.config import AfConfig, ApplicationServerAddress
from fivegms_af.memory_application_server import MemoryApplicationServer
from fivegms_af.policy.memory_control import MemoryPolicyControl
from fivegms_af.server import ApplicationFunction
from fivegms_api.endpoint import Endpoint
from support import three_gpp
from support.m1_bodies import DOCUMENTS, FLOW, HOSTING, PREPARATION, SESSION

ADDRESS = ApplicationServerAddress(
    "http://as.example:1", "http://as.example:2", "http://m4.example"
)
CHECKS = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.negative_data_rejection,
    openapi_checks.unsupported_method,
]


@schemathesis.serializer("application/x-pem-file", "application/3gpdash-qoe-report+xml")
def text(_: Any, value: Any) -> bytes:
    """Bytes as they are, and anything else as whoever mistakes the format would send it."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


HANG_S = 60  # a safety net: no answer takes a hundredth of it


class World:
    """An AF on a thread of its own, and one resource of every kind below a session."""

    def __init__(self, m1_url: str, m5_url: str) -> None:
        self.m1_url = m1_url
        self.m5_url = m5_url
        self.http = requests.Session()
        self.known: dict[str, str] = {}

    def provision(self) -> None:
        """What path variables can be filled in with."""
        m1 = f"{self.m1_url}/3gpp-m1/v2"
        session = self._post(f"{m1}/provisioning-sessions", SESSION, "provisioningSessionId")
        template = "contentPreparationTemplateId"
        self._post(f"{session}/content-preparation-templates", PREPARATION, template)
        self._post(f"{session}/content-hosting-configuration", HOSTING)
        self._post(f"{session}/certificates", None, "certificateId")
        for resource in DOCUMENTS:
            self._post(f"{session}/{resource.segment}", resource.sent(), resource.id_member)
        self._handle(f"{session}/policy-templates/{self.known['policyTemplateId']}")

    def existing(self, named: dict[str, Any]) -> dict[str, Any]:
        """`named` with the identifiers of what exists in the place of generated ones."""
        return {name: self.known.get(name, value) for name, value in named.items()}

    def _handle(self, template: str) -> None:
        """A dynamic policy and network assistance, once the policy template is ready."""
        m5 = f"{self.m5_url}/3gpp-m5/v2"
        while self.http.get(template, timeout=HANG_S).json()["state"] != "READY":
            pass
        asked = self.existing(dict.fromkeys(("provisioningSessionId", "policyTemplateId")))
        asked = {**asked, "serviceDataFlowDescriptions": [FLOW]}
        self._post(f"{m5}/dynamic-policies", asked, "dynamicPolicyId")
        self._post(f"{m5}/network-assistance/", asked, "naSessionId")

    def _post(self, url: str, body: Any, variable: str | None = None) -> str:
        """Create, and note the identifier; the URL of what was created."""
        answer = self.http.post(url, json=body, timeout=HANG_S)
        assert answer.status_code in (200, 201), answer.text
        location = answer.headers["Location"]
        if variable:
            self.known[variable] = location.rsplit("/", 1)[-1]
        return location


@contextmanager
def world(data_dir: Path) -> Iterator[World]:
    config = AfConfig(
        Endpoint("127.0.0.1", 0),
        Endpoint("127.0.0.1", 0),
        data_dir,
        application_servers=(ADDRESS,),
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(HANG_S)

    af = ApplicationFunction(
        config, servers=[MemoryApplicationServer()], policy_control=MemoryPolicyControl()
    )
    try:
        run(af.__aenter__())
        yield World(af.m1_url, af.m5_url)
    finally:
        run(af.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def af_world(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def served(made: World, listener: str) -> Any:
    """Our own document of a listener."""
    base = made.m1_url if listener == "M1" else made.m5_url
    return made.http.get(f"{base}/openapi.json", timeout=HANG_S).json()


SOURCES: dict[str, Callable[[World, str], Any]] = {
    "ours": served,
    "3GPP's": lambda _, listener: three_gpp.bundle(f"TS26512_{listener}_*.yaml"),
}


@pytest.mark.parametrize("listener", ["M1", "M5"])
@pytest.mark.parametrize("source", SOURCES)
def test_generated_requests(
    pytestconfig: pytest.Config, af_world: World, source: str, listener: str
) -> None:
    schema = schemathesis.openapi.from_dict(SOURCES[source](af_world, listener))
    operations = [found.ok() for found in schema.get_all_operations()]
    cases = pytestconfig.getoption("--schemathesis-cases") // len(SOURCES) // 2
    base_url = af_world.m1_url if listener == "M1" else af_world.m5_url
    run = Run(af_world, base_url, is_lenient=source == "3GPP's")
    for operation in operations:
        run.exercise(operation, ceil(cases / len(operations)))
    print(f"{source} {listener}: {run.statuses.total()} requests, {dict(run.statuses)}")
    assert not run.failures, "\n\n".join(run.failures.values())
    assert run.statuses.total() >= len(operations)


class Run:
    """Requests to one listener and what came of them. `is_lenient` about bad patches: 3GPP gives a
    patch the schema of the whole resource, which a good one need not keep to.
    """

    def __init__(self, made: World, base_url: str, *, is_lenient: bool) -> None:
        self.world = made
        self.base_url = base_url
        self.is_lenient = is_lenient
        self.statuses: Counter[int] = Counter()
        self.failures: dict[tuple[str, str], str] = {}

    def exercise(self, operation: Any, count: int) -> None:
        """`count` requests of one operation, valid and invalid ones, most on what exists."""
        self.world.provision()
        modes = [operation.as_strategy(GenerationMode.POSITIVE)]
        if operation.body or operation.query or operation.path_parameters:
            modes.append(operation.as_strategy(GenerationMode.NEGATIVE))

        @seed(26512)
        @settings(
            max_examples=count,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=st.one_of(modes), exists=st.sampled_from([True, True, True, False]))
        def perform(case: Any, exists: bool) -> None:
            self._perform(case, exists)

        perform()

    def _perform(self, case: Any, exists: bool) -> None:
        if exists and case.path_parameters:
            case.path_parameters = self.world.existing(case.path_parameters)
        if exists and isinstance(case.body, dict):
            case.body = self.world.existing(case.body)
        answer = case.call(base_url=self.base_url, session=self.world.http, timeout=HANG_S)
        self.statuses[answer.status_code] += 1
        checks = CHECKS
        if self.is_lenient and case.method == "PATCH":
            checks = [one for one in CHECKS if one is not openapi_checks.negative_data_rejection]
        try:
            case.validate_response(answer, checks=checks)
        except FailureGroup as group:
            for failure in group.exceptions:
                key = (case.operation.label, failure.title)
                self.failures.setdefault(key, f"{failure}\n{case.as_curl_command()}")
        if case.method == "DELETE" and answer.status_code == 204:
            self.world.provision()
