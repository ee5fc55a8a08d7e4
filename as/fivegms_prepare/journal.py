"""What of a preparation is finished, so that one that was interrupted goes on from there.

Work is kept under a key; asked for again, it is done again only if it is not there. With a folder,
what is finished is also written down, a JSON object a line, and read back when a preparation of the
same binding begins: the same inputs, template, software and machine. A line is trusted if it is
whole, for a process can die, and a disk fill up, in the middle of one. Whether the segments that it
names are is for `packaging` to say.
"""

import fcntl
import json
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Self, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")

FILES = "files"
_RECORD = "finished.jsonl"
_LOCK = "lock"
_LINE = TypeAdapter(dict[str, Any])


class Journal:
    """Finished work by key. Without a folder it remembers for as long as it lives.

    One process at a time has a folder, until the journal is closed; another waits.
    """

    def __init__(self, folder: Path | None = None, binding: str = "") -> None:
        self._known: dict[str, Any] = {}
        self._lock: IO[bytes] | None = None
        self._record = folder / _RECORD if folder else None
        if self._record is None:
            return
        self._record.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self._record.parent / _LOCK)
        lines = _read(self._record)
        if not lines or lines[0] != {"binding": binding}:
            lines = [{"binding": binding}]
        self._rewrite(lines)
        self._known = {line["key"]: line["value"] for line in lines[1:] if "key" in line}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.close()

    def recall(self, key: str, kind: TypeAdapter[T], do: Callable[[], T]) -> T:
        """What was kept under `key`, or what `do` gives, which is then kept."""
        found = self.find(key, kind)
        return self.keep(key, kind, do()) if found is None else found

    def find(self, key: str, kind: TypeAdapter[T]) -> T | None:
        """What was kept under `key`, or None."""
        if key not in self._known:
            return None
        try:
            return kind.validate_python(self._known[key])
        except ValidationError:  # no line of ours: another version's, or damaged
            return None

    def keep(self, key: str, kind: TypeAdapter[T], value: T) -> T:
        """Keep `value` under `key`, and give it back."""
        plain = kind.dump_python(value, mode="json")
        self._known[key] = plain
        if self._record is not None:
            self._append({"key": key, "value": plain})
        return value

    def _append(self, line: dict[str, Any]) -> None:
        if self._record is not None:
            with self._record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def _rewrite(self, lines: list[dict[str, Any]]) -> None:
        """Begin with these alone: the next line must not be glued to a torn one."""
        if self._record is not None:
            text = "".join(json.dumps(line) + "\n" for line in lines)
            draft = self._record.with_suffix(".draft")
            draft.write_text(text, encoding="utf-8")
            draft.replace(self._record)


def _locked(path: Path) -> IO[bytes]:
    """Wait until no other process has this lock; it is given back when the file is closed."""
    file = path.open("wb")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _read(record: Path) -> list[dict[str, Any]]:
    """The whole lines from the beginning, up to the first that is none."""
    lines: list[dict[str, Any]] = []
    try:
        data = record.read_bytes()
    except OSError:
        return lines
    for line in data.split(b"\n")[:-1]:
        try:
            lines.append(_LINE.validate_json(line))
        except ValidationError:
            break
    return lines
