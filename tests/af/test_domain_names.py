import pytest

from fivegms_af.domain_names import covers, host_name_fault


@pytest.mark.parametrize(
    "name", ["a", "localhost", "media.example", "xn--bcher-kva.example", "A-1.Example", "3.x"]
)
def test_host_names(name: str) -> None:
    assert host_name_fault(name) is None


@pytest.mark.parametrize(
    "name",
    ["", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "bücher.example", "a b", "*.example", "a:1",
     "a/b", "a" * 64, ".".join(["a" * 63] * 4), "192.0.2.1", "1.2", "[::1]", "::1", "a\n"],
)  # fmt: skip
def test_what_names_no_host(name: str) -> None:
    assert host_name_fault(name)


@pytest.mark.parametrize(
    ("certified", "name", "good"),
    [
        ("media.example", "media.example", True),
        ("Media.Example", "mEDIA.example", True),
        ("*.example", "media.example", True),
        ("*.example", "example", False),
        ("*.example", "a.media.example", False),
        ("media.example", "example", False),
        ("192.0.2.1", "192.0.2.1", True),
        ("*.0.2.1", "192.0.2.1", False),
        ("*", "a", False),
    ],
)
def test_whom_a_certificate_speaks_for(certified: str, name: str, good: bool) -> None:
    assert covers([certified], name) is good
    assert not covers([], name)
