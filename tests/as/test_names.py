import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_api.common_data import MAX_CONTENT_PATH_BYTES
from fivegms_as.errors import InvalidPath, InvalidSessionId
from fivegms_as.names import content_path, resource_id


@pytest.mark.parametrize(
    "path", ["a", "a/b.mpd", "Übung/Ä.mp4", "a b", "A/a", "...", "a/..b", "%2e"]
)
def test_a_path_is_kept_as_it_came(path):
    assert content_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/../b",
        "./a",
        "a\\b",
        "a\0b",
        "a\nb",
        "a\x7f",
        "\ud800",
        "a" * (MAX_CONTENT_PATH_BYTES + 1),
        "ä" * (MAX_CONTENT_PATH_BYTES // 2 + 1),
    ],
)
def test_a_path_that_others_would_read_differently_is_refused(path):
    with pytest.raises(InvalidPath):
        content_path(path)


@given(st.text(max_size=40))
def test_what_is_accepted_stays_below_its_folder(path):
    try:
        accepted = content_path(path)
    except InvalidPath:
        return
    assert accepted == path
    assert not set(accepted.split("/")) & {"", ".", ".."}
    assert accepted.encode().decode() == accepted


@pytest.mark.parametrize("identifier", ["s1", "0b2f-ABC_1.2", "a" * 128])
def test_an_id_is_kept_as_it_came(identifier):
    assert resource_id(identifier) == identifier


@pytest.mark.parametrize("identifier", ["", ".a", "-a", "a/b", "a" * 129, "ä", "a\n", ".."])
def test_an_id_that_cannot_name_a_file_is_refused(identifier):
    with pytest.raises(InvalidSessionId):
        resource_id(identifier)
