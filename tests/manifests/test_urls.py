"""Where a manifest may send a UE."""

import pytest

from fivegms_manifests.errors import ForbiddenUrl
from fivegms_manifests.urls import check_url

ALLOWED = [
    "segments/ab.m4s",
    "./segments/ab.m4s",
    "a",
    "...",
    "with%20space",
    "http://h/a/../b?c=d",
    "https://[::1]:8443/x",
    "HTTPS://h",
]
FORBIDDEN = [
    "",
    "/etc/passwd",
    "//host/x",
    "a//b",
    "../x",
    "a/../../x",
    "a/%2e%2e/%2E./x",
    "a/%252e%252e/x",
    "a%2f..%2f..",
    "..\\x",
    "a%5c..%5cx",
    "a\\x",
    "%00",
    "a%00b",
    "C:/x",
    "file:///etc/passwd",
    "ftp://h/x",
    "data:,x",
    "javascript:x",
    "http:x",
    "http:///x",
    "http://h:99999/x",
    "http://[::1",
    "x?y",
    "x#y",
    " x",
    "x y",
    "x\n",
    "é",
    "x" * 2049,
]


@pytest.mark.parametrize("url", ALLOWED)
def test_relative_paths_and_http_are_allowed(url: str) -> None:
    assert check_url(url, "here") == url


@pytest.mark.parametrize("url", FORBIDDEN)
def test_everything_else_is_refused_with_its_place(url: str) -> None:
    with pytest.raises(ForbiddenUrl, match=r"^here: "):
        check_url(url, "here")
