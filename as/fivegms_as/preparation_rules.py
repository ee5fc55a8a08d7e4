"""When a model is prepared, prepared again, or left alone; and what is told of it. No I/O.

A template and the ingested content that it names have a *key*: a digest over all of them. A key is
attempted once. A newer key wins over a running attempt, and what is published stays until a newer
publication takes its place; a failure takes nothing away.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto
from pathlib import PurePosixPath

from fivegms_api.ai_models import (
    AiModel,
    AiModelState,
    FailureReason,
    PreparationProgress,
    PreparedVariant,
    WithheldVariant,
)
from fivegms_api.model_preparation import ModelPreparation
from fivegms_api.wire import WireModel
from fivegms_as.namespace import Namespace, StoredObject
from fivegms_manifests.release import lies_beside_manifest

MAX_STARTS = 3
"""How often an attempt is started that takes the whole server down with it."""


class AttemptState(StrEnum):
    """What became of an attempt; one that succeeded is a publication instead."""

    RUNNING = "RUNNING"
    FAILED = "FAILED"


class Attempt(WireModel):
    """One preparation, under way or failed.

    `surroundings` is the digest of all content pushed at that time: a failed attempt is worth
    repeating once any of it changes, such as external data that came after the graph. What UEs
    cause to be pulled has no part in it. `starts` counts those since which nothing was finished;
    `finished_bytes` is how much had been, at the last.
    """

    key: str
    surroundings: str
    source_bytes: int
    source_sha256: str
    state: AttemptState = AttemptState.RUNNING
    reason: FailureReason | None = None
    starts: int = 0
    finished_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """What was made of a model, and what was made and withheld."""

    variants: tuple[PreparedVariant, ...]
    withheld: tuple[WithheldVariant, ...] = ()


class Publication(WireModel):
    """What is being served: the key it was made from, and every path it consists of.

    `previous_paths` are those of the publication before, kept for UEs that still fetch it. A
    publication whose `key` is empty has lost content and must be made again.
    """

    key: str
    name: str
    version: int
    task: str
    manifest: str
    published: datetime
    source_bytes: int
    source_sha256: str
    variants: tuple[PreparedVariant, ...]
    withheld: tuple[WithheldVariant, ...] = ()
    paths: tuple[str, ...]
    previous_paths: tuple[str, ...] = ()


class Record(WireModel):
    """How far the model of one template got."""

    template_id: str
    attempt: Attempt | None = None
    publication: Publication | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that a template asks for, as it is stored now."""

    key: str
    surroundings: str
    source: StoredObject
    files: tuple[StoredObject, ...]


class Decision(Enum):
    """What to do about a template."""

    KEEP = auto()
    START = auto()
    STOP = auto()
    GIVE_UP = auto()


def is_input(preparation: ModelPreparation, path: str) -> bool:
    """Whether content at a path has a part in the key of a template's attempts."""
    beside = any(_is_companion(source, path) for source in preparation.sources)
    return beside or path in preparation.named_paths


def missing_paths(preparation: ModelPreparation, content: Namespace) -> tuple[str, ...]:
    """What the template names and nobody has ingested yet."""
    return tuple(path for path in preparation.named_paths if not _is_ingested(content, path))


def inputs(
    template_sha256: str, preparation: ModelPreparation, content: Namespace
) -> Inputs | None:
    """What a preparation would work on; None while something is missing.

    The key covers the template, the content that it names, and external data by its usual names:
    files beside a model whose names begin with the model's stem (`net.onnx`, `net.onnx.data`). The
    preparer is given every ingested file below the folder of each model.
    """
    if missing_paths(preparation, content):
        return None
    source = content[preparation.source]
    ingested = [stored for stored in content.values() if not stored.prepared]
    files = {path: content[path] for path in preparation.named_paths}
    covered = dict(files)
    for model in preparation.sources:
        folder = model[: model.rfind("/") + 1]
        nearby = [stored for stored in ingested if stored.path.startswith(folder)]
        files |= {stored.path: stored for stored in nearby}
        covered |= {stored.path: stored for stored in nearby if _is_companion(model, stored.path)}
    return Inputs(
        key=_digest(template_sha256, covered.values()),
        surroundings=_digest("", (stored for stored in ingested if stored.pulled is None)),
        source=source,
        files=tuple(files[path] for path in sorted(files)),
    )


def decide(
    record: Record, wanted: Inputs | None, *, running: bool, finished_bytes: int = 0
) -> Decision:
    """What to do, given what is wanted now, whether a job of this template runs, and what it left.

    `finished_bytes` is how much of an interrupted attempt is finished.
    """
    attempt = record.attempt
    if wanted is None or _is_published(record, wanted):
        return Decision.STOP if attempt is not None or running else Decision.KEEP
    if attempt is None or attempt.key != wanted.key:
        return Decision.START
    if attempt.state is AttemptState.FAILED:
        changed = attempt.surroundings != wanted.surroundings
        return Decision.START if changed else Decision.KEEP
    if running:
        return Decision.KEEP
    goes_on = attempt.starts < MAX_STARTS or finished_bytes > attempt.finished_bytes
    return Decision.START if goes_on else Decision.GIVE_UP


def further(known: PreparationProgress, told: PreparationProgress) -> PreparationProgress:
    """Progress as it is shown: it does not go back when a crashed worker is started again."""
    return told.model_copy(update={"fraction": max(known.fraction, told.fraction)})


def started(record: Record, wanted: Inputs, finished_bytes: int = 0) -> Record:
    """The record of an attempt that starts now, for the first time or after a crash.

    Starts after which more was finished than before are not counted against it.
    """
    earlier = record.attempt
    crashed = earlier and earlier.key == wanted.key and earlier.state is AttemptState.RUNNING
    if earlier and finished_bytes > earlier.finished_bytes:
        crashed = False
    attempt = Attempt(
        key=wanted.key,
        surroundings=wanted.surroundings,
        source_bytes=wanted.source.size_bytes,
        source_sha256=wanted.source.sha256,
        starts=earlier.starts + 1 if earlier and crashed else 1,
        finished_bytes=finished_bytes,
    )
    return record.model_copy(update={"attempt": attempt})


def stopped(record: Record) -> Record:
    """The record without an attempt."""
    return record.model_copy(update={"attempt": None})


def failed(record: Record, reason: FailureReason) -> Record:
    """The record of an attempt that failed; a publication stays."""
    if record.attempt is None:
        return record
    attempt = record.attempt.model_copy(update={"state": AttemptState.FAILED, "reason": reason})
    return record.model_copy(update={"attempt": attempt})


def published(
    record: Record,
    preparation: ModelPreparation,
    made: PreparedModel,
    paths: Iterable[str],
    now: datetime,
) -> Record:
    """The record of an attempt whose result is being served."""
    attempt, before = record.attempt, record.publication
    if attempt is None:
        raise ValueError("only an attempt can be published")
    new = tuple(sorted(paths))
    publication = Publication(
        key=attempt.key,
        name=preparation.model.name,
        version=preparation.model.version,
        task=preparation.model.task,
        manifest=preparation.manifest,
        published=now,
        source_bytes=attempt.source_bytes,
        source_sha256=attempt.source_sha256,
        variants=made.variants,
        withheld=made.withheld,
        paths=new,
        previous_paths=tuple(sorted(set(before.paths) - set(new))) if before else (),
    )
    return Record(template_id=record.template_id, publication=publication)


def lost(record: Record, content: Namespace) -> Record:
    """The record, marked to be made again when any path of its publication is gone."""
    publication = record.publication
    if publication is None or all(path in content for path in publication.paths):
        return record
    return record.model_copy(update={"publication": publication.model_copy(update={"key": ""})})


def owned_paths(records: Iterable[Record]) -> frozenset[str]:
    """Every path that a publication consists of, or did before the last one."""
    publications = [record.publication for record in records if record.publication is not None]
    return frozenset(path for made in publications for path in (*made.paths, *made.previous_paths))


def ai_models(
    session_id: str,
    record: Record,
    preparation: ModelPreparation,
    missing: Sequence[str],
    progress: PreparationProgress | None,
    wanted: Inputs | None,
    *,
    trouble: str | None = None,
) -> tuple[AiModel, ...]:
    """What is told of a template's model: what is being made of it, then what is being served.

    `missing` is what nobody has ingested yet, `trouble` why it cannot be pulled either.
    """
    served = _served(session_id, record)
    state = _candidate_state(record, wanted)
    if served and record.attempt is None and (wanted is None or _is_published(record, wanted)):
        return served
    candidate = AiModel(
        provisioning_session_id=session_id,
        content_preparation_template_id=record.template_id,
        name=preparation.model.name,
        version=preparation.model.version,
        task=preparation.model.task,
        state=state,
        progress=progress,
        reason=_reason(state, record, missing, trouble),
        manifest=preparation.manifest,
        source_bytes=wanted.source.size_bytes if wanted else None,
        source_sha256=wanted.source.sha256 if wanted else None,
    )
    return (candidate, *served)


def _served(session_id: str, record: Record) -> tuple[AiModel, ...]:
    made = record.publication
    if made is None or not made.key:
        return ()
    model = AiModel(
        provisioning_session_id=session_id,
        content_preparation_template_id=record.template_id,
        name=made.name,
        version=made.version,
        task=made.task,
        state=AiModelState.PUBLISHED,
        manifest=made.manifest,
        source_bytes=made.source_bytes,
        source_sha256=made.source_sha256,
        published=made.published,
        variants=made.variants,
        withheld=made.withheld,
    )
    return (model,)


def _candidate_state(record: Record, wanted: Inputs | None) -> AiModelState:
    if wanted is None:
        return AiModelState.AWAITING_UPLOAD
    attempt = record.attempt
    if attempt and attempt.state is AttemptState.FAILED and attempt.key == wanted.key:
        return AiModelState.FAILED
    return AiModelState.PREPARING


def _reason(
    state: AiModelState, record: Record, missing: Sequence[str], trouble: str | None
) -> FailureReason | None:
    if state is AiModelState.AWAITING_UPLOAD and trouble is not None:
        return FailureReason(type="pull-failed", detail=trouble)
    if state is AiModelState.AWAITING_UPLOAD:
        detail = f"not ingested yet: {', '.join(missing)}"
        return FailureReason(type="awaiting-upload", detail=detail)
    if state is AiModelState.FAILED and record.attempt is not None:
        return record.attempt.reason
    return None


def _is_published(record: Record, wanted: Inputs) -> bool:
    return record.publication is not None and record.publication.key == wanted.key


def _is_ingested(content: Mapping[str, StoredObject], path: str) -> bool:
    stored = content.get(path)
    return stored is not None and not stored.prepared


def _is_companion(source: str, path: str) -> bool:
    """Whether a path is named after the source; what signs the manifest may be, and is no input."""
    if lies_beside_manifest(path):
        return False
    beside, candidate = PurePosixPath(source), PurePosixPath(path)
    return candidate.parent == beside.parent and candidate.name.startswith(beside.stem)


def _digest(seed: str, objects: Iterable[StoredObject]) -> str:
    lines = sorted(f"{stored.path}\0{stored.sha256}" for stored in objects)
    return hashlib.sha256("\n".join((seed, *lines)).encode()).hexdigest()
