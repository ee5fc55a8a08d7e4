"""A provider signs what an AS prepared; devices that ask for it run that and nothing else."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pytest

from fivegms_api.content_protocols import DASH_IF_INGEST
from support.command import Finished, deployment, fivegms
from support.onnx_graphs import perceptron, save

KEY = bytes(range(32))


@dataclass(frozen=True)
class World:
    """A deployment with a published model, and a provider with a key."""

    addresses: dict[str, str]
    folder: Path
    session: str
    locator: str

    def sign(self, *options: str) -> Finished:
        """The provider signs the model where it is published."""
        at_m1 = ("--session", self.session, "--m1", self.addresses["m1"])
        return fivegms("sign", self.locator, "--key", self.key, *at_m1, *options, "--json")

    def run(self, ue: str, *options: str) -> Finished:
        """A device runs the model, if it trusts it."""
        trust = ("--trust-key", self.folder / "provider.pub.pem", "--no-cache", "--json")
        arguments = ("--input", self.folder / "x.npz", *trust, *options)
        return fivegms("run", self.locator, *arguments, home=self.folder / ue)

    @property
    def key(self) -> Path:
        return self.folder / "provider.pem"


def published(addresses: dict[str, str], folder: Path, *options: str) -> Finished:
    # The stem of its name is that of the manifest, and of what signs the manifest.
    model = save(perceptron(), folder / "model.onnx")
    arguments = ("--task", "toy-regression", "--m1", addresses["m1"], "--json", *options)
    return fivegms("publish", model, *arguments)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    np.savez(folder / "x.npz", x=np.zeros((3, 16), np.float32))
    assert fivegms("keygen", folder / "provider.pem").exit_code == 0
    with deployment(tmp_path_factory.mktemp("data")) as addresses:
        done = published(addresses, folder)
        assert done.exit_code == 0, done.messages
        model = done.json()["model"]
        yield World(
            addresses, folder, done.json()["provisioning_session_id"], str(model["locator"])
        )


def kind_of(done: Finished) -> str:
    return str(json.loads(done.output)["error"]["type"])


@pytest.mark.requirement("R008")
@pytest.mark.requirement("R008c")
def test_a_device_runs_what_the_provider_signed(world: World) -> None:
    unsigned = world.run("first")
    assert unsigned.exit_code == 6
    assert kind_of(unsigned) == "SignatureMissing"

    signed = world.sign("--counter", "100")
    assert signed.exit_code == 0, signed.messages
    assert signed.json()["segments_verified"] > 0
    ran = world.run("first")
    assert ran.exit_code == 0, ran.messages
    assert ran.json()["trust"]["counter"] == 100

    for url in signed.json()["files"]:
        with urlopen(Request(url, method="HEAD")) as answer:
            assert answer.headers["Cache-Control"] == "no-cache"

    assert world.sign("--counter", "99").exit_code == 3
    assert world.sign().exit_code == 0
    assert world.run("first").json()["trust"]["counter"] > 100


def test_signing_starts_no_preparation(world: World) -> None:
    with urlopen(world.locator) as answer:
        before = answer.read()
    assert world.sign().exit_code == 0
    with urlopen(world.locator) as answer:
        assert answer.read() == before
    path = f"/3gpp-m1/v2/provisioning-sessions/{world.session}/ai-models"
    with urlopen(world.addresses["m1"] + path) as answer:
        [model] = json.load(answer)["aiModels"]
    assert model["state"] == "PUBLISHED"


def test_a_session_of_another_model_takes_no_signature(world: World) -> None:
    done = published(world.addresses, world.folder, "--name", "other")
    other = done.json()["provisioning_session_id"]
    at_m1 = ("--session", other, "--m1", world.addresses["m1"], "--json")
    refused = fivegms("sign", world.locator, "--key", world.key, *at_m1)
    assert refused.exit_code == 5
    assert kind_of(refused) == "NotOfSession"


class KeyHandler(BaseHTTPRequestHandler):
    """A key server that gives its key to who shows the token."""

    def do_GET(self) -> None:
        allowed = self.headers.get("Authorization") == "Bearer paid"
        self.send_response(200 if allowed else 403)
        self.end_headers()
        self.wfile.write(KEY if allowed else b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def key_server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), KeyHandler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def call(method: str, url: str, body: bytes, media_type: str) -> Any:
    request = Request(url, body, {"Content-Type": media_type}, method=method)
    with urlopen(request) as answer:
        text = answer.read()
        return json.loads(text) if text else None


def hosted(world: World, folder: Path) -> tuple[str, str]:
    """Ingest a prepared folder as it is; the session and the manifest's address at M4."""
    base = world.addresses["m1"] + "/3gpp-m1/v2/provisioning-sessions"
    body = json.dumps({"provisioningSessionType": "DOWNLINK", "appId": "tests"}).encode()
    session = call("POST", base, body, "application/json")["provisioningSessionId"]
    hosting = {
        "name": "encrypted",
        "ingestConfiguration": {"pull": False, "protocol": DASH_IF_INGEST},
        "distributionConfigurations": [{}],
    }
    url = f"{base}/{session}/content-hosting-configuration"
    call("POST", url, json.dumps(hosting).encode(), "application/json")
    with urlopen(url) as answer:
        made = json.load(answer)
    for file in (path for path in sorted(folder.rglob("*")) if path.is_file()):
        target = made["ingestConfiguration"]["baseURL"] + file.relative_to(folder).as_posix()
        call("PUT", target, file.read_bytes(), "application/octet-stream")
    return session, made["distributionConfigurations"][0]["baseURL"] + "model.mpd"


def test_an_encrypted_model_runs_on_devices_that_are_given_the_key(
    world: World, key_server: str, tmp_path: Path
) -> None:
    (tmp_path / "segment.key").write_bytes(KEY)
    out = tmp_path / "out"
    arguments = ("--task", "toy", "--out", out, "--encrypt-key", tmp_path / "segment.key")
    model = save(perceptron(), tmp_path / "net.onnx")
    made = fivegms("prepare", model, *arguments, "--key-url", f"{key_server}/net", "--json")
    assert made.exit_code == 0, made.messages
    session, manifest = hosted(world, out)
    at_m1 = ("--session", session, "--m1", world.addresses["m1"])
    signed = fivegms("sign", manifest, "--key", world.key, *at_m1, "--json")
    assert signed.exit_code == 0, signed.messages

    ue = replace(world, locator=manifest)
    paid = ue.run("paid", "--key-server", key_server, "--token", "paid")
    assert paid.exit_code == 0, paid.messages
    assert paid.json()["trust"]["warning"] is None
    unpaid = ue.run("unpaid", "--key-server", key_server, "--token", "other")
    assert unpaid.exit_code == 5
    assert kind_of(unpaid) == "KeyUnavailable"
