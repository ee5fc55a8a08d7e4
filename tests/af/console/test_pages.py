"""The console's files as the operator's listener serves them."""

import re
from importlib.resources import files
from typing import Any

import pytest

from fivegms_api.endpoint import Endpoint

PAGE = files("fivegms_af.console") / "page"


@pytest.fixture
async def af(start_af: Any) -> Any:
    return await start_af(operator=Endpoint("127.0.0.1", 0))


async def test_the_address_of_the_listener_leads_to_the_page(af: Any) -> None:
    for path in ("/", "/console"):
        answer = await af.request("GET", f"{af.operator}{path}", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (307, "/console/")
    page = await af.get(f"{af.operator}/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_the_page_may_load_nothing_from_elsewhere(af: Any) -> None:
    page = await af.get(f"{af.operator}/console/")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_module_is_revalidated(af: Any) -> None:
    url = f"{af.operator}/console/app.js"
    module = await af.get(url)
    assert module.headers["Content-Type"] == "text/javascript; charset=utf-8"
    again = await af.get(url, If_None_Match=module.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


async def test_there_is_no_way_out_of_the_folder(af: Any) -> None:
    for path in ("/console/../pages.py", "/console/%2e%2e/pages.py", "/console/nothing.js"):
        assert (await af.get(f"{af.operator}{path}")).status == 404


async def test_providers_and_ues_are_not_served_it(af: Any) -> None:
    for root in (af.m1.removesuffix("/3gpp-m1/v2"), af.m5):
        assert (await af.get(f"{root}/console/")).status == 404


def test_data_never_becomes_markup() -> None:
    modules = [*PAGE.iterdir(), *(PAGE / "views").iterdir()]
    for module in modules:
        if module.name.endswith(".js"):
            unsafe = re.findall(
                r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", module.read_text()
            )
            assert unsafe == [], module.name
