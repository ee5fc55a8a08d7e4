"""Web pages of other origins at M5: those that are allowed, and only at M5."""

from typing import Any

import pytest

from fivegms_af.security.config import SecurityConfig

PAGE = "https://player.example"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
MODELS = "/fivegms-m5-ai/v1/models"


async def start(start_af: Any, *origins: str) -> Any:
    return await start_af(security=SecurityConfig(m5_allow_origins=origins))


@pytest.mark.parametrize(("allowed", "told"), [(PAGE, PAGE), ("*", "*")])
async def test_a_preflight(start_af: Any, allowed: str, told: str) -> None:
    af = await start(start_af, allowed)
    answer = await af.request("OPTIONS", af.m5 + MODELS, headers=PREFLIGHT)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == told
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers.getall("Vary", []) == ([] if allowed == "*" else ["Origin"])


async def test_answers_and_errors_can_be_read(start_af: Any) -> None:
    af = await start(start_af, PAGE)
    for path, status in ((MODELS, 200), ("/3gpp-m5/v2/service-access-information/x", 404)):
        answer = await af.get(af.m5 + path, Origin=PAGE)
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert "Etag" in answer.headers["Access-Control-Expose-Headers"]


async def test_other_pages_are_told_nothing(start_af: Any) -> None:
    af = await start(start_af, PAGE)
    answer = await af.get(af.m5 + MODELS, Origin="https://evil.example")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.headers["Vary"] == "Origin"
    m1 = await af.get(await af.session(), Origin=PAGE)
    assert "Access-Control-Allow-Origin" not in m1.headers


async def test_by_default_no_page_is_told_anything(af: Any) -> None:
    answer = await af.request("OPTIONS", af.m5 + MODELS, headers=PREFLIGHT)
    assert not [name for name in answer.headers if name.startswith("Access-Control")]
