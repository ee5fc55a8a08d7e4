import pytest

from fivegms_af.config import ApplicationServerAddress

PLAIN = "m3=http://a:1,m2=http://a:2,m4=http://a:3"


def test_an_as_with_and_without_tls() -> None:
    assert ApplicationServerAddress.parse(PLAIN).m4_tls_url is None
    address = ApplicationServerAddress.parse(f"m4tls=https://a:4/,{PLAIN}")
    assert address == ApplicationServerAddress(
        "http://a:1", "http://a:2", "http://a:3", "https://a:4"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not m3="),
        ("m3=http://a,m2=http://a", "is not m3="),
        (f"{PLAIN},m5=http://a", "is not m3="),
        (f"{PLAIN},m4tls=http://a", "m4tls needs an https"),
        ("m3=a,m2=http://a,m4=http://a", "m3 needs an http"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ApplicationServerAddress.parse(text)
