"""A deployment that asks for tokens, used by the commands as a person would."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fivegms_af.security.client_secret import SecretHash
from support.command import fivegms, serving
from support.onnx_graphs import perceptron, save

SECRET = "correct horse battery"


@pytest.fixture
def addresses(tmp_path: Path) -> Iterator[dict[str, str]]:
    """`fivegms serve` that asks for tokens; its clients are a provider, a rival and a UE."""
    secret_hash = str(SecretHash.of(SECRET))
    clients = [
        {"clientId": "acme", "scopes": ["3gpp-m1"], "aspId": "acme"},
        {"clientId": "rival", "scopes": ["3gpp-m5"], "aspId": "rival"},
        {"clientId": "ue", "scopes": ["3gpp-m5"]},
    ]
    file = tmp_path / "clients.json"
    file.write_text(json.dumps({"clients": [one | {"secretHash": secret_hash} for one in clients]}))
    ports = [f"--{point}=127.0.0.1:0" for point in ("m1", "m5", "operator", "m3", "m2", "m4")]
    with serving("serve", *ports, "--data", tmp_path, "--oauth-clients", file) as addresses:
        yield addresses


@pytest.mark.requirement("R008")
@pytest.mark.requirement("R008a")
@pytest.mark.requirement("R008b")
def test_who_has_no_token_gets_nothing(addresses: dict[str, str], tmp_path: Path) -> None:
    model = save(perceptron(), tmp_path / "perceptron.onnx")
    publish = ("publish", model, "--task", "toy", "--m1", addresses["m1"], "--json")
    get = ("get", addresses["m5"], "--task", "toy", "--into", tmp_path / "got", "--json")
    token_url = ("--token-url", f"{addresses['m1']}/oauth2/token")

    def shown(client: str, secret: str = SECRET) -> tuple[str, ...]:
        return ("--client-id", client, "--client-secret", secret)

    refused = fivegms(*publish)
    assert refused.exit_code == 5
    assert "access token" in refused.json()["error"]["message"]
    wrong = fivegms(*publish, *shown("acme", "wrong horse"))
    assert (wrong.exit_code, wrong.json()["error"]["type"]) == (5, "TokenUnavailable")
    assert "wrong horse" not in wrong.output + wrong.messages
    assert fivegms(*publish, *shown("acme")).exit_code == 0

    assert fivegms(*get).json()["error"]["type"] == "NotAuthorised"
    rival = fivegms(*get, *shown("rival"), *token_url)
    assert rival.json()["error"]["type"] == "NoModelOffered"
    assert fivegms(*get, *shown("ue"), *token_url).exit_code == 0
