"""Work that is finished is done once, and believed only if it is still what it was."""

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from fivegms_manifests.model import SegmentRef
from fivegms_prepare.journal import Journal
from fivegms_prepare.packaging import is_intact

NUMBER = TypeAdapter(int)


def kept(folder: Path, binding: str = "b") -> dict[str, int | None]:
    with Journal(folder, binding) as journal:
        return {key: journal.find(key, NUMBER) for key in ("a", "b")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Journal(tmp_path, "b") as journal:
        journal.keep("a", NUMBER, 1)
        journal.keep("b", NUMBER, 2)
    return tmp_path


def test_work_is_done_once() -> None:
    journal = Journal()
    numbers = iter([7, 8])
    for _ in range(2):
        assert journal.recall("a", NUMBER, lambda: next(numbers)) == 7


def test_what_was_kept_is_there_for_the_next_process(folder: Path) -> None:
    assert kept(folder) == {"a": 1, "b": 2}


def test_nothing_is_kept_for_other_inputs(folder: Path) -> None:
    assert kept(folder, "other") == {"a": None, "b": None}
    assert kept(folder) == {"a": None, "b": None}


def test_a_torn_line_is_forgotten_and_the_next_is_not_glued_to_it(folder: Path) -> None:
    record = folder / "finished.jsonl"
    os.truncate(record, record.stat().st_size - 3)
    with Journal(folder, "b") as journal:
        assert (journal.find("a", NUMBER), journal.find("b", NUMBER)) == (1, None)
        journal.keep("b", NUMBER, 3)
    assert kept(folder) == {"a": 1, "b": 3}


@pytest.mark.parametrize("garbage", [b"", b"\xff\n", b"[]\n", b'{"binding": "x"}\n', b"{}\n\n"])
def test_a_record_that_is_none_is_begun_anew(garbage: bytes, folder: Path) -> None:
    (folder / "finished.jsonl").write_bytes(garbage)
    assert kept(folder) == {"a": None, "b": None}


def test_a_value_of_another_kind_is_not_believed(folder: Path) -> None:
    line = {"key": "a", "value": "not a number"}
    with (folder / "finished.jsonl").open("a") as record:
        record.write(json.dumps(line) + "\n")
    assert kept(folder)["a"] is None


@pytest.mark.parametrize("bytes_", [b"segmenT", b"segment and more", b"seg", None])
def test_a_segment_is_believed_for_its_bytes_alone(bytes_: bytes | None, tmp_path: Path) -> None:
    ref = SegmentRef("s", sha256(b"segment").hexdigest(), 7)
    (tmp_path / "s").write_bytes(b"segment")
    assert is_intact(ref, tmp_path)
    (tmp_path / "s").unlink()
    if bytes_ is not None:
        (tmp_path / "s").write_bytes(bytes_)
    assert not is_intact(ref, tmp_path)
