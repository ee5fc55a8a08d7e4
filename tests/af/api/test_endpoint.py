import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_api.endpoint import Endpoint


@pytest.mark.parametrize(
    ("text", "endpoint", "url"),
    [
        ("127.0.0.1:7777", Endpoint("127.0.0.1", 7777), "http://127.0.0.1:7777"),
        ("af.example:0", Endpoint("af.example", 0), "http://af.example:0"),
        ("[2001:db8::1]:65535", Endpoint("2001:db8::1", 65535), "http://[2001:db8::1]:65535"),
    ],
)
def test_endpoints_read_and_write(text: str, endpoint: Endpoint, url: str) -> None:
    assert Endpoint.parse(text) == endpoint
    assert endpoint.authority == text
    assert endpoint.url == url


@pytest.mark.parametrize(
    "text", ["", ":", "host", "host:", ":80", "::1:80", "[]:80", "host:-1", "host:65536", "host:٣"]
)
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"HOST:PORT|port"):
        Endpoint.parse(text)


@given(st.integers(0, 65535))
def test_every_port_reads_back(port: int) -> None:
    assert Endpoint.parse(f"h:{port}").port == port
