"""A UE calls itself the same each time, and what that may be is refused early where it is not."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fivegms_client import AccessOptions
from fivegms_client.errors import BadOption, IdentityUnusable
from fivegms_client.identity import kept_client_id


def test_an_identifier_is_made_once_and_kept_for_its_user(tmp_path: Path) -> None:
    file = tmp_path / "state" / "ue-id"
    first = kept_client_id(file)
    assert kept_client_id(file) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["ue-id"]


def test_whoever_removes_the_file_is_another_ue(tmp_path: Path) -> None:
    first = kept_client_id(tmp_path / "ue-id")
    (tmp_path / "ue-id").unlink()
    assert kept_client_id(tmp_path / "ue-id") != first


def test_all_who_come_first_at_once_are_the_same_ue(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        kept = set(pool.map(kept_client_id, [tmp_path / "ue-id"] * 16))
    assert len(kept) == 1


@pytest.mark.parametrize("content", [b"", b"two words", b"x" * 2000, b"\xff\xfe", b"a/b"])
def test_what_is_no_identifier_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ue-id").write_bytes(content)
    with pytest.raises(IdentityUnusable):
        kept_client_id(tmp_path / "ue-id")
    assert (tmp_path / "ue-id").read_bytes() == content


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IdentityUnusable, match="ue-id"):
        kept_client_id(tmp_path / "file" / "ue-id")


@pytest.mark.parametrize("option", ["client_id", "cohort"])
@pytest.mark.parametrize("text", ["", "two words", "a/b", "x" * 129, "end\n", "é"])
def test_what_a_ue_cannot_be_called_is_refused(option: str, text: str) -> None:
    with pytest.raises(BadOption, match=option):
        AccessOptions(**{option: text})  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["client_id", "cohort"])
@pytest.mark.parametrize("text", ["a", "ue-42", "A.b_c-9", "x" * 128])
def test_what_a_ue_can_be_called_is_taken(option: str, text: str) -> None:
    assert getattr(AccessOptions(**{option: text}), option) == text  # type: ignore[arg-type]
