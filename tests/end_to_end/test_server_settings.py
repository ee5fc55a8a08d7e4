"""`fivegms as` and `fivegms serve` take the settings of an Application Server."""

import json
import urllib.request
from pathlib import Path

import pytest

from support.command import fivegms, serving

ANYWHERE = "127.0.0.1:0"
AS_PORTS = [f"--{point}={ANYWHERE}" for point in ("m2", "m3", "m4", "m4-tls")]
AF_PORTS = [f"--{point}={ANYWHERE}" for point in ("m1", "m5", "operator")]


@pytest.mark.parametrize(("command", "ports"), [("as", AS_PORTS), ("serve", AF_PORTS + AS_PORTS)])
def test_settings_are_in_force(command: str, ports: list[str], tmp_path: Path) -> None:
    places = tmp_path / "places.csv"
    places.write_text("127.0.0.0/8,DE\n")
    settings = ("--locations", places, "--no-pull-ingest", "--inference-slots=3")
    with serving(command, *ports, "--data", tmp_path / "data", *settings) as addresses:
        assert addresses["m4tls"].startswith("https://")
        with urllib.request.urlopen(f"{addresses['m3']}/fivegms-m3/v1/status") as answer:
            capabilities = json.load(answer)["capabilities"]
    assert capabilities == {
        "geoFencingLocatorTypes": ["urn:3gpp:5gms:locator-type:iso3166"],
        "tls": True,
        "pullIngest": False,
        "inferenceSlots": 3,
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("as", "--pull-cache-bytes", "0"), "--pull-cache-bytes"),
        (("as", "--m3-key", "key.pem"), "--m3-client-ca"),
        (("as", "--frobnicate"), "--frobnicate"),
        (("as", "stray"), "stray"),
        (("serve", "--data-dir", "d"), "--data-dir"),
        (
            ("serve", *(f"--m3-{file}=x.pem" for file in ("certificate", "key", "client-ca"))),
            "fivegms as",
        ),
    ],
)
def test_settings_that_mean_nothing_are_a_wrong_command_line(
    arguments: tuple[str, ...], words: str
) -> None:
    done = fivegms(*arguments, "--json")
    assert done.exit_code == 2
    assert words in done.json()["error"]["message"]
    plain = fivegms(*arguments)
    assert (plain.exit_code, plain.output) == (2, "")
    assert "Traceback" not in plain.messages


@pytest.mark.parametrize("text", [None, "127.0.0.1,Bavaria\n"])
def test_locations_that_cannot_be_read_are_said(tmp_path: Path, text: str | None) -> None:
    places = tmp_path / "places.csv"
    if text is not None:
        places.write_text(text)
    done = fivegms("as", *AS_PORTS, "--data", tmp_path / "data", "--locations", places, "--json")
    assert done.exit_code not in (0, 2)
    assert done.json()["error"]["message"]
    assert "Traceback" not in done.messages
