from typing import Any

import pytest

from fivegms_af.m1.documents import MAX_OF_A_KIND
from fivegms_af.patching import JSON_PATCH, MERGE_PATCH
from fivegms_api.model_preparation import MODEL_PREPARATION_MEDIA_TYPE
from support.postgresql import on_both_databases

pytestmark = on_both_databases

ODD = b'\xff\x00 {"spacing" :  1}'
PREPARATION = {"model": {"name": "detector", "task": "object-detection"}, "source": "m.onnx"}


async def test_a_template_is_kept_byte_for_byte(af: Any) -> None:
    session = await af.session()
    url = f"{session}/content-preparation-templates"
    created = await af.send("POST", url, ODD, "text/x-odd; charset=latin-1")
    assert created.status == 201
    location = created.headers["Location"]
    assert location.startswith(f"{url}/")
    shown = await af.get(location)
    assert shown.body == ODD
    assert shown.headers["Content-Type"] == "text/x-odd; charset=latin-1"
    assert shown.headers["ETag"] == created.headers["ETag"]
    held = af.server.templates[session.rsplit("/", 1)[-1]][location.rsplit("/", 1)[-1]]
    assert held == ("text/x-odd; charset=latin-1", ODD)


@pytest.mark.requirement("R101")
@pytest.mark.requirement("R009c")
async def test_a_model_preparation_reaches_the_as(af: Any) -> None:
    session, template = await af.published_model()
    [(content_type, body)] = af.server.templates[session.rsplit("/", 1)[-1]].values()
    assert content_type == MODEL_PREPARATION_MEDIA_TYPE
    assert body == (await af.get(template)).body


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"variants": [{"precision": "fp64", "codec": "raw"}]}, "/variants/0/precision"),
        ({"variants": []}, "/variants"),
        ({"segmentSizeBytes": 1}, "/segmentSizeBytes"),
        ({"manifest": "/etc/passwd"}, "/manifest"),
        ({"source": "a\nb"}, "/source"),
        ({"source": "a" * 257}, "/source"),
        ({"evaluation": {"tensors": "t.npz", "weight": 1}}, "/evaluation/weight"),
        ({"evaluation": {"media": "m.mp4"}}, "/evaluation/groundTruth"),
        ({"evaluation": "t.npz"}, "/evaluation"),
        ({"priority": 1}, "/priority"),
        ({"source": None}, "/source"),
    ],
)
async def test_a_model_preparation_that_is_none(
    af: Any, members: dict[str, Any], param: str
) -> None:
    url = f"{await af.session()}/content-preparation-templates"
    refused = await af.send("POST", url, PREPARATION | members, MODEL_PREPARATION_MEDIA_TYPE)
    assert refused.status == 400
    assert set(refused.faults) == {param}


async def test_a_template_needs_a_media_type(af: Any) -> None:
    url = f"{await af.session()}/content-preparation-templates"
    refused = await af.request("POST", url, data=b"x", skip_auto_headers=["Content-Type"])
    assert (refused.status, refused.problem) == (415, "media-type-unsupported")
    assert set(refused.faults) == {"header Content-Type"}


async def test_a_template_is_replaced(af: Any) -> None:
    url = await af.template(await af.session())
    seen = (await af.get(url)).headers["ETag"]
    updated = await af.send("PUT", url, ODD, "text/plain", If_Match=seen)
    assert updated.status == 204
    shown = await af.get(url)
    assert (shown.body, shown.headers["Content-Type"]) == (ODD, "text/plain")
    assert shown.headers["ETag"] == updated.headers["ETag"]
    assert (await af.send("PUT", url, ODD, "text/plain", If_Match=seen)).status == 412


async def test_a_template_is_patched(af: Any) -> None:
    url = await af.template(await af.session())
    merged = await af.send("PATCH", url, {"segmentSizeBytes": 65536}, MERGE_PATCH)
    assert merged.status == 200
    assert merged.json == PREPARATION | {"segmentSizeBytes": 65536}
    assert merged.headers["Content-Type"] == MODEL_PREPARATION_MEDIA_TYPE
    patch = [{"op": "replace", "path": "/model/name", "value": "other"}]
    patched = await af.send("PATCH", url, patch, JSON_PATCH)
    assert patched.json["model"]["name"] == "other"
    assert (await af.get(url)).body == patched.body
    refused = await af.send("PATCH", url, {"source": None}, MERGE_PATCH)
    assert set(refused.faults) == {"/source"}


async def test_what_is_not_json_is_not_patched(af: Any) -> None:
    url = f"{await af.session()}/content-preparation-templates"
    location = (await af.send("POST", url, ODD, "text/plain")).headers["Location"]
    assert (await af.send("PATCH", location, {}, MERGE_PATCH)).status == 415
    assert (await af.send("PATCH", location, {}, "application/json")).status == 415


async def test_a_template_in_use_can_neither_go_nor_move_its_manifest(af: Any) -> None:
    session, template = await af.published_model()
    refused = await af.delete(template)
    assert (refused.status, refused.problem) == (409, "content-preparation-template-in-use")
    moved = await af.send("PATCH", template, {"manifest": "other.mpd"}, MERGE_PATCH)
    assert (moved.status, set(moved.faults)) == (400, {"/manifest"})
    await af.delete(f"{session}/content-hosting-configuration")
    assert (await af.delete(template)).status == 204
    assert (await af.get(template)).status == 404
    assert (await af.get(template)).problem == "unknown-content-preparation-template"
    assert "contentPreparationTemplateIds" not in (await af.get(session)).json


async def test_a_template_of_another_session_is_not_there(af: Any) -> None:
    template = (await af.template(await af.session())).rsplit("/", 1)[-1]
    elsewhere = f"{await af.session()}/content-preparation-templates/{template}"
    assert (await af.get(elsewhere)).status == 404
    assert (await af.delete(elsewhere)).status == 404
    assert (await af.send("PUT", elsewhere, b"x", "text/plain")).status == 404
    assert (await af.get(f"{elsewhere}%00")).status == 404


async def test_a_session_has_so_many_templates(af: Any) -> None:
    url = f"{await af.session()}/content-preparation-templates"
    for _ in range(MAX_OF_A_KIND):
        assert (await af.send("POST", url, b"x", "text/plain")).status == 201
    refused = await af.send("POST", url, b"x", "text/plain")
    assert (refused.status, refused.problem) == (409, "sub-resource-limit")
