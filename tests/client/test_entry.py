from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_client.entry import ManifestFile, ManifestUrl, SessionEntry, TaskEntry, parse_entry
from fivegms_client.errors import BadEntry

M5 = "http://af.example:7778"
SAI = f"{M5}/3gpp-m5/v2/service-access-information/ps-1"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("http://as.example/m4d/x/model.mpd", ManifestUrl("http://as.example/m4d/x/model.mpd")),
        (
            "https://cdn.example/model.mpd?token=a",
            ManifestUrl("https://cdn.example/model.mpd?token=a"),
        ),
        ("http://as.example/manifest", ManifestUrl("http://as.example/manifest")),
        (SAI, SessionEntry(M5, "ps-1")),
        (f"{M5}/prefix" + SAI.removeprefix(M5), SessionEntry(f"{M5}/prefix", "ps-1")),
        ("models/digits/model.mpd", ManifestFile(Path("models/digits/model.mpd"))),
        ("file:///srv/my%20model/model.mpd", ManifestFile(Path("/srv/my model/model.mpd"))),
        (Path("model.mpd"), ManifestFile(Path("model.mpd"))),
        ("  model.mpd ", ManifestFile(Path("model.mpd"))),
    ],
)
def test_an_address_says_what_it_names(entry: str | Path, expected: object) -> None:
    assert parse_entry(entry) == expected


def test_an_m5_address_takes_a_session_or_a_task() -> None:
    assert parse_entry(f"{M5}/", session="ps-1") == SessionEntry(M5, "ps-1")
    assert parse_entry(M5, task="t", name="digits") == TaskEntry(M5, "t", "digits")
    assert parse_entry(f"{M5}/prefix", task="t") == TaskEntry(f"{M5}/prefix", "t")


def test_a_session_outranks_a_task() -> None:
    assert parse_entry(M5, session="ps-1", task="t") == SessionEntry(M5, "ps-1")


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("", "there is no address"),
        ("a\0b", "there is no address"),
        ("http://[half/model.mpd", "is not an address"),
        ("127.0.0.1:7778", "write http://127.0.0.1:7778"),
        ("localhost:7778/x", "write http://"),
        ("ftp://host/model.mpd", "neither an http"),
        ("http:///model.mpd", "neither an http"),
        (M5, "which task"),
        (f"{M5}/3gpp-m5/v2/service-access-information/", "identifier"),
        (f"{M5}/3gpp-m5/v2/service-access-information/a/b", "identifier"),
    ],
)
def test_what_names_nothing_is_refused_with_advice(entry: str, told: str) -> None:
    with pytest.raises(BadEntry, match=told):
        parse_entry(entry)


@given(
    st.text(max_size=80)
    | st.text(max_size=40).map("http://".__add__)
    | st.text(max_size=40).map(SAI.__add__)
)
def test_any_text_is_an_entry_or_is_refused(entry: str) -> None:
    try:
        parse_entry(entry, task="t")
    except BadEntry:
        return
