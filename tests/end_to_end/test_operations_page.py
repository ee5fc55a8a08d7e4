"""docs/operations.md lists every metric of both servers, and none that there is not."""

import re
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from fivegms_testbed.deployment import Deployment, DeploymentConfig
from support import PROJECT

PAGE = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")


async def scraped(url: str) -> set[str]:
    """The names of a server's own metrics, a counter's with its suffix."""
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as answer:
        assert answer.status == 200
        families = list(text_string_to_metric_families(await answer.text()))
    return {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families
        if family.name.startswith("fivegms_") and not family.name.endswith("_created")
    }


async def test_every_metric_is_documented_and_every_documented_one_is_there(
    tmp_path: Path,
) -> None:
    async with Deployment(DeploymentConfig.on_free_ports(tmp_path)) as deployment:
        addresses = deployment.addresses
        served = await scraped(addresses["operator"]) | await scraped(addresses["m3"])
    rows = "\n".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `f"))
    assert set(re.findall(r"`(fivegms_\w+)`", rows)) == served
