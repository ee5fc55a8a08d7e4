"""The 401 that the YAML documents, where this deployment asks for tokens."""

from pathlib import Path
from typing import Any

import pytest

from fivegms_af.security.config import SecurityConfig, TrustedIssuer
from support.tokens import AUDIENCE, ISSUER, Key, jwks

M5 = "/3gpp-m5/v2"


@pytest.mark.requirement("R008a")
@pytest.mark.shows("createDynamicPolicy", 401)
@pytest.mark.shows("retrieveDynamicPolicy", 401)
@pytest.mark.shows("updateDynamicPolicy", 401)
@pytest.mark.shows("patchDynamicPolicy", 401)
@pytest.mark.shows("destroyDynamicPolicy", 401)
@pytest.mark.shows("createNetworkAssistanceSession", 401)
@pytest.mark.shows("retrieveNetworkAssistanceSession", 401)
@pytest.mark.shows("updateNetworkAssistanceSession", 401)
@pytest.mark.shows("patchNetworkAssistanceSession", 401)
@pytest.mark.shows("destroyNetworkAssistanceSession", 401)
@pytest.mark.shows("requestBitRateRecommendation", 401)
@pytest.mark.shows("requestDeliveryBoost", 401)
@pytest.mark.shows("purgeContentHostingCache", 401, "default")
async def test_without_a_token(start_af: Any, tmp_path: Path) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_bytes(jwks(Key.make("k1")))
    issuer = TrustedIssuer(ISSUER, AUDIENCE, str(keys))
    af = await start_af(security=SecurityConfig(trusted_issuer=issuer))
    for many in (f"{af.m5}{M5}/dynamic-policies", f"{af.m5}{M5}/network-assistance/"):
        await refused(af, "POST", many)
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            await refused(af, method, f"{many.rstrip('/')}/some")
    await refused(af, "GET", f"{af.m5}{M5}/network-assistance/some/recommendation")
    await refused(af, "POST", f"{af.m5}{M5}/network-assistance/some/boost-request")
    hosting = f"{af.m1}/provisioning-sessions/some/content-hosting-configuration"
    await refused(af, "POST", f"{hosting}/purge")


async def refused(af: Any, method: str, url: str) -> None:
    answer = await af.request(method, url)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
