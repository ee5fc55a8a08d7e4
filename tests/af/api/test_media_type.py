import pytest

from fivegms_api.media_type import essence, is_media_type


@pytest.mark.parametrize(
    "text",
    ["a/b", "application/vnd.a-b+json", "text/plain; charset=utf-8", "a/b ;", "a/" + 253 * "b"],
)
def test_media_types(text: str) -> None:
    assert is_media_type(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a/",
        "/b",
        "a/b/c",
        "a b/c",
        "a/b\n",
        "a/b;\r\nX: y",
        "a/b\t;",
        "ä/b",
        "a/b; ä",
        "a/" + 254 * "b",
    ],
)
def test_texts_that_are_no_media_types(text: str) -> None:
    assert not is_media_type(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("A/B; c=D", "a/b"), (" a/b ;", "a/b"), ("", ""), (None, "")]
)
def test_the_part_that_decides(text: str | None, expected: str) -> None:
    assert essence(text) == expected
