"""Releases: written canonically, read strictly."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_manifests.errors import (
    DocumentTooLarge,
    FileNameUnsafe,
    ManifestError,
    ReleaseMalformed,
)
from fivegms_manifests.release import (
    MAX_COUNTER,
    MAX_RELEASE_BYTES,
    RELEASE_SUFFIX,
    SIGNATURE_SUFFIX,
    Release,
    ReleasedManifest,
    beside,
    read_release,
    write_release,
)

RELEASE = Release(
    "digits-detector",
    3,
    1_795_467_600,
    datetime(2026, 12, 23, 12, tzinfo=UTC),
    ReleasedManifest("model.mpd", "ab" * 32, 12_345),
    "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
)
GOLDEN = (
    '{"counter":1795467600,"expires":"2026-12-23T12:00:00Z","manifest":{"name":"model.mpd",'
    f'"sha256":"{"ab" * 32}","size":12345}},"model":"digits-detector","publicKey":'
    '"-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END PUBLIC KEY-----\\n",'
    '"type":"urn:fivegms:ai:release:2026","version":3}'
)


def changed(**members: Any) -> bytes:
    return json.dumps({**json.loads(GOLDEN), **members}).encode()


def test_the_written_bytes_are_those_of_the_format() -> None:
    assert write_release(RELEASE) == GOLDEN.encode()
    assert read_release(GOLDEN.encode()) == RELEASE
    assert RELEASE.name == "model.mpd.release.json"


def test_another_time_zone_is_written_as_utc() -> None:
    there = RELEASE.expires.astimezone(timezone(timedelta(hours=9)))
    assert write_release(replace(RELEASE, expires=there)) == GOLDEN.encode()


@pytest.mark.parametrize(
    "members",
    [
        {"type": "urn:fivegms:ai:release:2025"},
        {"model": ""},
        {"model": 7},
        {"model": "\ud800"},
        {"version": "3"},
        {"version": True},
        {"version": 3.0},
        {"counter": -1},
        {"counter": MAX_COUNTER + 1},
        {"expires": "2026-12-23"},
        {"expires": "2026-13-23T12:00:00Z"},
        {"expires": "2026-12-23T12:00:00+00:00"},
        {"expires": "2026-12-23T12:00:00Z\n"},
        {"expires": 1_795_467_600},
        {"expires": "٢٠٢٦-12-23T12:00:00Z"},
        {"manifest": None},
        {"manifest": {"name": "model.mpd", "sha256": "AB" * 32, "size": 1}},
        {"manifest": {"name": "model.mpd", "sha256": "ab" * 32}},
        {"publicKey": "A" * 5000},
        {"more": 1},
    ],
)
def test_a_member_that_is_wrong_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(ReleaseMalformed):
        read_release(changed(**members))


@pytest.mark.parametrize("name", ["../model.mpd", "..", "", "model.mpd\n"])
def test_a_name_that_leaves_its_folder_is_refused(name: str) -> None:
    with pytest.raises(FileNameUnsafe):
        read_release(changed(manifest={"name": name, "sha256": "ab" * 32, "size": 1}))


def test_the_name_of_a_member_that_is_unknown_is_not_repeated() -> None:
    with pytest.raises(ReleaseMalformed) as refusal:
        read_release(changed(**{"\x1b[2J": 1}))
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("member", sorted(json.loads(GOLDEN)))
def test_a_member_that_is_missing_is_refused(member: str) -> None:
    rest = {name: value for name, value in json.loads(GOLDEN).items() if name != member}
    with pytest.raises(ReleaseMalformed):
        read_release(json.dumps(rest).encode())


def test_a_release_has_a_size_limit() -> None:
    with pytest.raises(DocumentTooLarge):
        read_release(changed(model="m" * MAX_RELEASE_BYTES))


@given(st.integers(0, len(GOLDEN) - 1), st.integers(1, 255), st.integers(0, len(GOLDEN)))
def test_a_damaged_release_is_another_one_or_refused(at: int, flip: int, end: int) -> None:
    damaged = bytearray(GOLDEN.encode())
    damaged[at] ^= flip
    try:
        read_release(bytes(damaged[:end]))
    except ManifestError:
        return


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://as.test/a/model.mpd", "http://as.test/a/model.mpd.sigstore.json"),
        ("http://as.test/model.mpd?t=1&u=2", "http://as.test/model.mpd.sigstore.json?t=1&u=2"),
        ("http://as.test/model.mpd#period=p0", "http://as.test/model.mpd.sigstore.json"),
    ],
)
def test_what_lies_beside_a_manifest_has_its_name_and_more(url: str, expected: str) -> None:
    assert beside(url, SIGNATURE_SUFFIX) == expected
    assert beside("m.mpd", RELEASE_SUFFIX) == "m.mpd.release.json"
