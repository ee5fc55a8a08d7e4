import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from fivegms_af.__main__ import main, parser
from fivegms_af.config import ApplicationServerAddress
from fivegms_api.endpoint import Endpoint


def test_the_settings() -> None:
    options = parser().parse_args(
        ["--m1", "[::1]:0", "--application-server", "m2=http://a/,m3=http://b,m4=https://c"]
    )
    assert options.m1 == Endpoint("::1", 0)
    [address] = options.application_servers
    assert address == ApplicationServerAddress("http://b", "http://a", "https://c")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--m1", "7777"],
        ["--m5", "host:99999"],
        ["--application-server", "m3=http://a"],
        ["--application-server", "m2=a,m3=b,m4=c"],
        ["--max-body-bytes", "0"],
        ["--m5-server-address", "af.example"],
        ["--m5-server-address", "https://"],
        ["--m5-server-address", "https://af.example/?a"],
        ["--sai-max-age", "0"],
    ],
)
def test_settings_that_are_none(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(arguments)
    said = capsys.readouterr().err
    assert arguments[0] in said
    assert "invalid" not in said  # the reason, not that there is one


@pytest.fixture
def own_logging() -> Iterator[None]:
    """`main` has the process log to its standard error; afterwards that is this test's no more."""
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("own_logging")
def test_an_endpoint_that_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = "127.0.0.1:0"
        arguments = ["--m1", f"127.0.0.1:{port}", "--m5", free, "--operator", free]
        assert main([*arguments, "--data-dir", str(tmp_path)]) == 1
    assert str(port) in capsys.readouterr().err
