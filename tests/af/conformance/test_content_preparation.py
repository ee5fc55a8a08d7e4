"""M1_ContentPreparationTemplatesProvisioning against its YAML."""

from typing import Any

import pytest

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


@pytest.mark.shows("createContentPreparationTemplate", 201, 400, 404, 415)
@pytest.mark.shows("retrieveContentPreparationTemplate", 200, 304, 404)
@pytest.mark.shows("updateContentPreparationTemplate", 204, 404, 412, 415)
@pytest.mark.shows("patchContentPreparationTemplate", 200, 400, 404, 409, 412, 415)
@pytest.mark.shows("destroyContentPreparationTemplate", 204, 404, 412)
async def test_a_template_from_creation_to_destruction(af: Any) -> None:
    session = await af.session()
    templates = f"{session}/content-preparation-templates"
    created = await af.send("POST", templates, {"a": 1})
    assert created.status == 201
    url = created.headers["Location"]
    seen = await af.get(url)
    assert (await af.get(url, If_None_Match=seen.headers["ETag"])).status == 304
    assert (await af.send("PUT", url, {"a": 2})).status == 204
    assert (await af.send("PATCH", url, {"a": 3}, MERGE_PATCH)).json == {"a": 3}
    add = [{"op": "add", "path": "/b", "value": 4}]
    assert (await af.send("PATCH", url, add, JSON_PATCH)).json == {"a": 3, "b": 4}
    assert (await af.send("PATCH", url, {}, JSON_PATCH)).status == 400
    remove = [{"op": "remove", "path": "/nothing"}]
    assert (await af.send("PATCH", url, remove, JSON_PATCH)).status == 409
    assert (await af.send("PATCH", url, {}, "text/plain")).status == 415
    for method in ("PUT", "PATCH", "DELETE"):
        sent = {"data": b"{}", "headers": {"Content-Type": MERGE_PATCH, "If-Match": '"another"'}}
        assert (await af.request(method, url, **sent)).status == 412
    assert (await _untyped(af, "PUT", url)).status == 415
    assert (await _untyped(af, "POST", templates)).status == 415
    wrong = {"model": {}}
    media_type = "application/vnd.fivegms.model-preparation+json"
    assert (await af.send("POST", templates, wrong, media_type)).status == 400
    assert (await af.delete(url)).status == 204
    assert (await af.get(url)).status == 404
    assert (await af.send("PUT", url, {})).status == 404
    assert (await af.send("PATCH", url, {}, MERGE_PATCH)).status == 404
    assert (await af.delete(url)).status == 404
    assert (await af.send("POST", templates.replace(session, f"{session}-not"), {})).status == 404


async def _untyped(af: Any, method: str, url: str) -> Any:
    """A body of which nothing is said."""
    return await af.request(method, url, data=b"a", skip_auto_headers=["Content-Type"])


@pytest.mark.shows("destroyContentPreparationTemplate", 409)
async def test_a_template_that_is_referred_to_stays(af: Any) -> None:
    _, template = await af.published_model()
    assert (await af.delete(template)).status == 409
