import pytest

from fivegms_as.media_types import cache_control, media_type, prepared_media_type

DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("path", "declared", "expected"),
    [
        ("a/model.mpd", None, "application/dash+xml"),
        ("s/1.m4s", "application/octet-stream", "video/iso.segment"),
        ("i.MP4", None, "video/mp4"),
        ("i.mp4", "application/mp4", "application/mp4"),
        ("x", None, "application/octet-stream"),
        ("x", "application/octet-stream; a=b", "application/octet-stream"),
        ("x", "text/plain; charset=utf-8", "text/plain; charset=utf-8"),
    ],
)
def test_the_type_of_a_path(path, declared, expected):
    assert media_type(path, declared) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"segments/{DIGEST}.m4s", "public, max-age=31536000, immutable"),
        (DIGEST, "public, max-age=31536000, immutable"),
        (f"segments/{'cd' * 32}.m4s", "no-cache"),
        ("model.mpd", "no-cache"),
    ],
)
def test_only_a_path_that_names_its_own_digest_is_kept_for_ever(path, expected):
    assert cache_control(path, DIGEST) == expected


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("init/1.mp4", "application/mp4"),
        ("segments/1.m4s", "application/mp4"),
        ("model.mpd", "application/dash+xml"),
    ],
)
def test_prepared_tracks_carry_neither_picture_nor_sound(path: str, said: str) -> None:
    assert prepared_media_type(path) == said
