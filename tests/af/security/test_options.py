"""The settings of security on the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from fivegms_af.__main__ import main, parser
from fivegms_af.security.config import (
    CertificateFiles,
    OwnIssuer,
    SecurityConfig,
    TrustedIssuer,
)
from fivegms_af.security.options import security_config


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    yield
    structlog.reset_defaults()  # `main` has the process log to its standard error


def read(*arguments: str) -> SecurityConfig:
    return security_config(parser().parse_args(arguments))


def test_by_default_nothing_is_asked() -> None:
    assert read() == SecurityConfig()
    assert not read().authenticates


def test_everything() -> None:
    config = read(
        *(
            "--oauth-jwks",
            "https://issuer.example/keys",
            "--oauth-issuer",
            "https://issuer.example",
        ),
        *("--oauth-audience", "af", "--oauth-clients", "c.json", "--oauth-signing-key", "k.pem"),
        *("--oauth-token-lifetime-s", "60", "--tls-certificate", "t.pem", "--tls-key", "t.key"),
        *("--m3-ca", "ca.pem", "--m3-certificate", "m.pem", "--m3-key", "m.key"),
        *("--m5-allow-origin", "https://a.example", "--m5-allow-origin", "*"),
    )
    assert config == SecurityConfig(
        TrustedIssuer("https://issuer.example", "af", "https://issuer.example/keys"),
        OwnIssuer(Path("c.json"), Path("k.pem"), "urn:fivegms:authorisation-server", "af", 60),
        CertificateFiles(Path("t.pem"), Path("t.key")),
        Path("ca.pem"),
        CertificateFiles(Path("m.pem"), Path("m.key")),
        ("https://a.example", "*"),
    )


def test_our_own_issuer_may_have_another_name() -> None:
    config = read("--oauth-clients", "c.json", "--oauth-issuer", "us")
    assert config.own_issuer == OwnIssuer(Path("c.json"), issuer="us")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--oauth-jwks", "keys.json"],
        ["--oauth-issuer", "us"],
        ["--oauth-signing-key", "k.pem"],
        ["--oauth-audience", "af"],
        ["--oauth-token-lifetime-s", "60"],
        [
            *("--m3-ca", "ca.pem"),
            *("--application-server", "m3=http://a:1,m2=http://a:2,m4=http://a:3"),
        ],
        ["--tls-certificate", "t.pem"],
        ["--tls-key", "t.key"],
        ["--m3-key", "m.key"],
        ["--m5-allow-origin", "player.example"],
        ["--m5-allow-origin", "https://player.example/"],
        ["--m5-allow-origin", "https://Player.example"],
        ["--oauth-token-lifetime-s", "0"],
        [
            *("--oauth-jwks", "k", "--oauth-clients", "c.json"),
            *("--oauth-issuer", "urn:fivegms:authorisation-server"),
        ],
    ],
    ids=" ".join,
)
def test_options_that_do_not_go_together(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert any(one in capsys.readouterr().err for one in (*arguments, "two authorisation"))
