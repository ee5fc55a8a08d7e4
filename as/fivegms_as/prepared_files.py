"""The files around a preparation: inputs laid out, finished work kept, output published.

Everything here waits for a disk and belongs on a thread.
"""

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from fivegms_as.errors import InvalidPath, PreparedOutputInvalid
from fivegms_as.media_types import prepared_media_type
from fivegms_as.names import content_path
from fivegms_as.namespace import Namespace
from fivegms_as.preparation_rules import Inputs
from fivegms_as.preparer import PreparationTask
from fivegms_as.sessions import Template
from fivegms_as.store import Addition, ContentStore

JOURNAL = "journal"


def prepared_among(content: Namespace, paths: Iterable[str]) -> list[str]:
    """Those paths that a preparation may take away: an upload may have taken its place."""
    return [path for path in paths if path in content and content[path].prepared]


def job_folder(work: Path, session_id: str, template_id: str) -> Path:
    """The folder of a template's jobs: the same each time, so that one finds what another left."""
    return work / hashlib.sha256(f"{session_id}\0{template_id}".encode()).hexdigest()[:32]


def clear(folder: Path, *, keep_journal: bool) -> None:
    """Remove a job's folder, or all of it but what it had finished."""
    for path in list(folder.iterdir()) if keep_journal and folder.is_dir() else [folder]:
        if path.name == JOURNAL and keep_journal:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sweep(work: Path, unfinished: Iterable[Path]) -> None:
    """Remove what jobs left behind, except what those that go on had finished."""
    work.mkdir(parents=True, exist_ok=True)
    kept = set(unfinished)
    for folder in list(work.iterdir()):
        clear(folder, keep_journal=folder in kept)


def finished_bytes(journal: Path) -> int:
    """How much a job has finished so far; it grows with every part of the work.

    Hidden files are drafts: what a crash leaves of them is no reason to start another worker.
    """
    found = (path for path in journal.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in found if not _is_hidden(path.relative_to(journal)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def lay_out(
    folder: Path, store: ContentStore, template: Template, wanted: Inputs
) -> PreparationTask:
    """Put a job's inputs at their content paths below a folder of its own, afresh."""
    clear(folder, keep_journal=True)
    inputs = folder / "inputs"
    for stored in wanted.files:
        store.place(stored, inputs / stored.path)
    task = PreparationTask(
        inputs=inputs,
        source=inputs / wanted.source.path,
        template=folder / "template.json",
        out=folder / "out",
        journal=folder / JOURNAL,
        binding=wanted.key,
    )
    task.journal.mkdir(exist_ok=True)
    task.template.write_bytes(template.body)
    return task


def collect_output(out: Path, manifest: str, content: Namespace) -> dict[str, Path]:
    """The files that a preparer left, by content path, checked. Raises PreparedOutputInvalid."""
    files: dict[str, Path] = {}
    for file in sorted(out.rglob("*")):
        if file.is_symlink() or not (file.is_file() or file.is_dir()):
            raise PreparedOutputInvalid(f"{file.name} is not a plain file")
        if file.is_file():
            files[_output_path(file.relative_to(out))] = file
    if manifest not in files:
        raise PreparedOutputInvalid(f"the preparer made no {manifest}")
    for path in files:
        taken = content.get(path)
        if taken is not None and not taken.prepared:
            raise PreparedOutputInvalid(f"{path} was ingested; name the manifest otherwise")
    return files


def _output_path(file: Path) -> str:
    try:
        return content_path(file.as_posix())
    except InvalidPath as error:
        raise PreparedOutputInvalid(str(error)) from error


def publish_output(
    store: ContentStore,
    session_id: str,
    template_id: str,
    files: Mapping[str, Path],
    stale: Iterable[str],
    now: datetime,
) -> None:
    """Move files into the store and make them visible in one step."""
    additions: list[Addition] = []
    try:
        for path, file in files.items():
            draft = store.stage(file)
            additions.append(Addition(path, draft, prepared_media_type(path), template_id))
        store.publish(session_id, additions, stale, now)
    except BaseException:
        for addition in additions:
            addition.draft.discard()
        raise
