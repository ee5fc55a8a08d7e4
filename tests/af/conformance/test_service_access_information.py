"""M5_ServiceAccessInformation against its YAML."""

from typing import Any

import pytest


@pytest.mark.shows("retrieveServiceAccessInformation", 200, 304, 404)
async def test_service_access_information(af: Any) -> None:
    session, _ = await af.published_model()
    base = f"{af.m5}/3gpp-m5/v2/service-access-information"
    url = f"{base}/{session.rsplit('/', 1)[-1]}"
    seen = await af.get(url)
    assert seen.json["streamingAccess"]["entryPoints"]
    assert (await af.get(url, If_None_Match=seen.headers["ETag"])).status == 304
    assert (await af.get(f"{base}/unknown")).status == 404
