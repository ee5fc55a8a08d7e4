"""What a device remembers of releases, so that nobody can show it an old one."""

from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from fivegms_client.errors import ReleaseContradicts, ReleaseOlderThanSeen, TrustStateUnusable
from fivegms_client.trust.memory import ReleaseMemory
from fivegms_client.trust.verification import VerifiedRelease
from support.signatures import SigningProvider

RELEASE = SigningProvider().release(b"<MPD/>")


def verified(counter: int, *, sha256: str = "", signer: str = "ab" * 32) -> VerifiedRelease:
    digest = sha256 or f"{counter:064x}"
    return VerifiedRelease(replace(RELEASE, counter=counter), signer, digest)


def admit_all(folder: Path, counters: list[int]) -> None:
    memory = ReleaseMemory(folder)
    for counter in counters:
        try:
            memory.admit(verified(counter))
        except ReleaseOlderThanSeen:
            continue


@pytest.mark.requirement("R008c")
def test_an_older_release_than_the_newest_seen_is_refused(tmp_path: Path) -> None:
    ReleaseMemory(tmp_path).admit(verified(100))
    ReleaseMemory(tmp_path).admit(verified(101))
    with pytest.raises(ReleaseOlderThanSeen, match="101"):
        ReleaseMemory(tmp_path).admit(verified(100))
    ReleaseMemory(tmp_path).admit(verified(101))


def test_two_releases_of_one_counter_are_found_out(tmp_path: Path) -> None:
    memory = ReleaseMemory(tmp_path)
    memory.admit(verified(100))
    with pytest.raises(ReleaseContradicts):
        memory.admit(verified(100, sha256="cd" * 32))


def test_each_signer_and_model_has_its_own_counter(tmp_path: Path) -> None:
    memory = ReleaseMemory(tmp_path)
    memory.admit(verified(100))
    memory.admit(verified(50, signer="cd" * 32))
    other = verified(50)
    memory.admit(replace(other, release=replace(other.release, model="other")))
    with pytest.raises(ReleaseOlderThanSeen):
        memory.admit(verified(50))


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"counter": 1', b"\xff", b'{"counter": "7"}', b"x" * 10_000]
)
def test_a_damaged_file_is_no_fresh_start(tmp_path: Path, content: bytes) -> None:
    memory = ReleaseMemory(tmp_path)
    memory.admit(verified(100))
    memory.path(verified(100)).write_bytes(content)
    with pytest.raises(TrustStateUnusable):
        memory.admit(verified(99))


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TrustStateUnusable):
        ReleaseMemory(tmp_path / "file" / "releases").admit(verified(100))


def test_processes_that_share_a_folder_never_go_back(tmp_path: Path) -> None:
    context = get_context("spawn")
    sequences = [list(range(100 + first, 160, 2)) for first in (0, 1)]
    processes = [context.Process(target=admit_all, args=(tmp_path, one)) for one in sequences]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    with pytest.raises(ReleaseOlderThanSeen, match="seen 159"):
        ReleaseMemory(tmp_path).admit(verified(158))
    kept = [path for path in tmp_path.iterdir() if path.name != ".lock"]
    assert kept == [ReleaseMemory(tmp_path).path(verified(0))]
