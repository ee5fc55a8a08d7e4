"""M1 and M5 as 3GPP's YAML has them: routes, status codes, and the bodies of our answers."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft4Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from fivegms_af.m1.table import M1_ROUTES
from fivegms_af.m5.table import M5_ROUTES
from fivegms_af.routes import Route
from support import shared_data

ROUTES: dict[tuple[str, str], Route] = {
    (route.method, route.path): route for route in (*M1_ROUTES, *M5_ROUTES)
}
DOCUMENTS = [
    "TS26512_M1_ProvisioningSessions.yaml",
    "TS26512_M1_ContentHostingProvisioning.yaml",
    "TS26512_M1_ContentPreparationTemplatesProvisioning.yaml",
    "TS26512_M1_ContentProtocolsDiscovery.yaml",
    "TS26512_M5_ServiceAccessInformation.yaml",
]
METHODS = {"get", "put", "post", "patch", "delete"}


@cache
def document(name: str) -> Any:
    text = (shared_data("openapi/rel-17") / name).read_text(encoding="utf-8")
    return yaml.safe_load(text)


def retrieve(uri: str) -> Resource[Any]:
    return Resource.from_contents(document(uri), DRAFT4)


def faults(body: Any, schema: str) -> list[str]:
    """What `body` breaks of `FILE#/components/schemas/NAME` (OpenAPI 3.0 schemas are draft 4)."""
    registry: Registry[Any] = Registry(retrieve=retrieve)
    validator = Draft4Validator({"$ref": schema}, registry=registry)
    return [error.message for error in validator.iter_errors(body)]


def operations(name: str) -> Iterator[tuple[str, str, Any]]:
    for path, item in document(name)["paths"].items():
        for method in METHODS & item.keys():
            yield method.upper(), path, item[method]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_operation_of_the_yaml_is_served(name: str) -> None:
    expected = document(name)["info"]
    for method, path, _ in operations(name):
        api = ROUTES[method, path].api
        assert (api.title, api.version) == (expected["title"], expected["version"])
        assert document(name)["servers"][0]["url"] == "{apiRoot}" + api.base_path


def test_what_is_not_in_the_yaml_is_an_extension() -> None:
    standard = {one[:2] for name in DOCUMENTS for one in operations(name)}
    extensions = {route.api.title for key, route in ROUTES.items() if key not in standard}
    assert extensions == {"fivegms_M1_AiModels", "fivegms_M5_AiModels"}


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_bodies_and_status_codes(af: Any, name: str) -> None:
    session, template = await af.published_model()
    for method, path, operation in operations(name):
        answer = await perform(af, method, path, session, template)
        if answer is None:
            continue
        assert str(answer.status) in operation["responses"], (method, path)
        described = operation["responses"][str(answer.status)]
        for content_type, content in described.get("content", {}).items():
            if content_type == "application/json":
                assert faults(answer.json, name + content["schema"]["$ref"]) == []
        for header, about in described.get("headers", {}).items():
            assert header in answer.headers or not about.get("required")


async def perform(af: Any, method: str, path: str, session: str, template: str) -> Any:
    """The request that the operation is made for; None for those that would end the others."""
    if "service-access-information" in path:
        session_id = session.rsplit("/", 1)[-1]
        return await af.get(f"{af.m5}/3gpp-m5/v2/service-access-information/{session_id}")
    if method == "DELETE" or path.endswith("/purge"):
        return None
    url = path.replace("/provisioning-sessions/{provisioningSessionId}", session)
    url = url.replace("{contentPreparationTemplateId}", template.rsplit("/", 1)[-1])
    match method, path.rsplit("/", 1)[-1]:
        case "POST", "provisioning-sessions":
            document = {"provisioningSessionType": "DOWNLINK", "appId": "a", "aspId": "b"}
            return await af.send("POST", af.m1 + url, document)
        case "POST", "content-hosting-configuration":
            hosting = (await af.get(url)).json
            await af.delete(url)
            return await af.send("POST", url, hosting)
        case "PUT", "content-hosting-configuration":
            return await af.send("PUT", url, (await af.get(url)).json)
        case "POST", _:
            return await af.send("POST", url, b"any", "text/plain")
        case "PUT", _:
            seen = await af.get(url)
            return await af.send("PUT", url, seen.body, seen.headers["Content-Type"])
        case "PATCH", _:
            return await af.send("PATCH", url, {}, "application/merge-patch+json")
        case _:
            return await af.get(url)


async def test_deletions_and_purging(af: Any) -> None:
    session, template = await af.published_model()
    hosting = f"{session}/content-hosting-configuration"
    af.server.purge_count = 2
    purged = await af.request("POST", f"{hosting}/purge", data={"pattern": "a"})
    assert (purged.status, purged.json) == (200, 2)
    for url in (hosting, template, session):
        assert (await af.delete(url)).status == 204


async def test_problems_are_those_of_ts_29_571(af: Any) -> None:
    schema = "TS29571_CommonData.yaml#/components/schemas/ProblemDetails"
    refused = await af.send("POST", f"{af.m1}/provisioning-sessions", {"x": 1})
    unknown = await af.get(f"{af.m1}/provisioning-sessions/unknown")
    assert faults(refused.json, schema) == []
    assert faults(unknown.json, schema) == []


def test_a_body_that_breaks_the_schema_is_found() -> None:
    schema = f"{DOCUMENTS[0]}#/components/schemas/ProvisioningSession"
    body = {"provisioningSessionId": "a", "provisioningSessionType": "DOWNLINK"}
    assert faults(body, schema) == ["'appId' is a required property"]
    listed = body | {"appId": "a", "contentPreparationTemplateIds": []}
    assert len(faults(listed, schema)) == 1
