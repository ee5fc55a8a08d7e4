"""Preparation jobs: the shell around `preparation_rules`.

One keeper looks at a session whenever something of it changed, and starts and stops jobs as the
rules say. A job links its inputs into a folder of its own, has a `Preparer` fill another, and
publishes that in one step. Records outlive the process, and so does what a job had finished: what
was interrupted goes on. A worker that crashes is started again as long as it gets further each
time.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from fivegms_api.ai_models import AiModel, FailureReason, PreparationProgress
from fivegms_api.model_preparation import ModelPreparation
from fivegms_as import preparation_rules as rules
from fivegms_as.documents import Documents
from fivegms_as.errors import (
    ApplicationServerError,
    PreparationError,
    PreparationInterrupted,
    PreparedOutputInvalid,
    PreparerCrashed,
    StoreFull,
    UnknownContent,
    UnknownProvisioningSession,
)
from fivegms_as.ingested_models import IngestedModels
from fivegms_as.namespace import Namespace
from fivegms_as.preparation_records import PreparationRecords
from fivegms_as.preparation_rules import PreparedModel
from fivegms_as.prepared_files import (
    JOURNAL,
    clear,
    collect_output,
    finished_bytes,
    job_folder,
    lay_out,
    prepared_among,
    publish_output,
    sweep,
)
from fivegms_as.preparer import PreparationTask, Preparer
from fivegms_as.sessions import Session, Sessions, Template
from fivegms_as.source_pull import SourcePull
from fivegms_as.store import ContentStore

_QUEUED = PreparationProgress(stage="waiting", fraction=0)

_log = structlog.get_logger("fivegms_as.preparation")


@dataclass(slots=True)
class _Job:
    task: asyncio.Task[None]
    progress: PreparationProgress = _QUEUED


class PreparationJobs:
    """All jobs of a server. An async context manager: leaving it stops every job.

    `work` is a folder on the store's file system that is nobody else's. At start all is removed
    from it but what unfinished jobs had finished.
    """

    def __init__(
        self,
        store: ContentStore,
        sessions: Sessions,
        documents: Documents,
        preparer: Preparer,
        sources: SourcePull,
        *,
        work: Path,
        concurrency: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._preparer = preparer
        self._sources = sources
        self._work = work
        self._clock = clock
        self._slots = asyncio.Semaphore(concurrency)
        self._records = PreparationRecords(documents)
        self._ingested = IngestedModels(store)
        self._jobs: dict[tuple[str, str], _Job] = {}
        self._leaving = False
        self._changing = asyncio.Lock()
        self._waiting: dict[str, None] = {}
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(sweep, self._work, self._unfinished())
        for session_id in {
            *self._records.sessions(),
            *(session.id for session in self._sessions.all()),
        }:
            self.consider(session_id)
        self._wake.set()
        self._keeper = asyncio.create_task(self._keep(), name="preparation keeper")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leaving = True
        tasks = [job.task for job in self._jobs.values()]
        if self._keeper is not None:
            tasks.append(self._keeper)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _unfinished(self) -> list[Path]:
        """The folders of jobs that were interrupted."""
        return [
            job_folder(self._work, session_id, record.template_id)
            for session_id in self._records.sessions()
            for record in self._records.of(session_id).values()
            if record.attempt and record.attempt.state is rules.AttemptState.RUNNING
        ]

    def consider(self, session_id: str) -> None:
        """Look at a session again: its configuration or content changed."""
        self._waiting[session_id] = None
        self._settled.clear()
        self._wake.set()

    async def settled(self) -> None:
        """Wait until nothing is left to look at and no job runs."""
        await self._settled.wait()

    def models(self, session: Session) -> tuple[AiModel, ...]:
        """What is told of a session's models, in order of template; those without one at last."""
        content = self._content(session.id)
        prepared = (
            model
            for _, (template, preparation) in sorted(_model_templates(session).items())
            for model in self._models(session.id, template, preparation, content)
        )
        return (*prepared, *self._ingested.models(session, content))

    def _models(
        self,
        session_id: str,
        template: Template,
        preparation: ModelPreparation,
        content: Namespace,
    ) -> tuple[AiModel, ...]:
        job = self._jobs.get((session_id, template.id))
        record = rules.lost(self._records.get(session_id, template.id), content)
        wanted = rules.inputs(template.sha256, preparation, content)
        progress = job.progress if job else None
        missing = rules.missing_paths(preparation, content)
        trouble = self._sources.trouble(session_id, missing)
        return rules.ai_models(
            session_id, record, preparation, missing, progress, wanted, trouble=trouble
        )

    async def _keep(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                session_id = next(iter(self._waiting))
                del self._waiting[session_id]
                await self._look_at(session_id)
            self._note_settled()

    async def _look_at(self, session_id: str) -> None:
        try:
            async with self._changing:
                await self._follow_session(session_id)
        except Exception:
            _log.exception("session not looked at", session=session_id)

    def _note_settled(self) -> None:
        if not self._waiting and not self._jobs:
            self._settled.set()

    async def _follow_session(self, session_id: str) -> None:
        session = self._sessions.get(session_id)
        await self._ingested.look_at(session_id, session, self._content(session_id))
        templates = _model_templates(session) if session and session.hosting else {}
        for template_id in set(self._records.of(session_id)) - set(templates):
            await self._drop(session_id, template_id)
        for template, preparation in templates.values():
            await self._follow(session_id, template, preparation)
        self._seek_sources(
            session_id, session, [preparation for _, preparation in templates.values()]
        )

    def _seek_sources(
        self, session_id: str, session: Session | None, preparations: list[ModelPreparation]
    ) -> None:
        """Where content is pulled, nobody brings what templates wait for: it has to be fetched."""
        origin = session.hosting.origin if session and session.hosting else None
        content = self._content(session_id)
        missing = {path for one in preparations for path in rules.missing_paths(one, content)}
        self._sources.seek(session_id, origin, missing)

    async def _follow(
        self, session_id: str, template: Template, preparation: ModelPreparation
    ) -> None:
        content = self._content(session_id)
        record = rules.lost(self._records.get(session_id, template.id), content)
        wanted = rules.inputs(template.sha256, preparation, content)
        running = (session_id, template.id) in self._jobs
        folder = job_folder(self._work, session_id, template.id)
        finished = 0 if running else await asyncio.to_thread(finished_bytes, folder / JOURNAL)
        decision = rules.decide(record, wanted, running=running, finished_bytes=finished)
        if decision is rules.Decision.START and wanted is not None:
            await self._stop(session_id, template.id)
            await self._records.keep(session_id, rules.started(record, wanted, finished))
            self._start(session_id, template, preparation, wanted)
        elif decision is rules.Decision.STOP:
            await self._stop(session_id, template.id)
            await self._records.keep(session_id, rules.stopped(record))
        elif decision is rules.Decision.GIVE_UP:
            reason = _reason(PreparationInterrupted("the server went down at every attempt"))
            await self._records.keep(session_id, rules.failed(record, reason))

    async def _drop(self, session_id: str, template_id: str) -> None:
        """The template is gone: stop its job, take its publication away."""
        await self._stop(session_id, template_id)
        others = self._records.of(session_id)
        owned = rules.owned_paths([others.pop(template_id)])
        stale = owned - rules.owned_paths(others.values())
        gone = prepared_among(self._content(session_id), stale)
        with suppress(UnknownProvisioningSession):
            await asyncio.to_thread(self._store.publish, session_id, [], gone, self._clock())
        await self._records.drop(session_id, template_id)

    def _start(
        self,
        session_id: str,
        template: Template,
        preparation: ModelPreparation,
        wanted: rules.Inputs,
    ) -> None:
        name = f"preparation of {session_id}/{template.id}"
        run = self._run(session_id, template, preparation, wanted)
        self._jobs[session_id, template.id] = _Job(asyncio.create_task(run, name=name))

    async def _stop(self, session_id: str, template_id: str) -> None:
        job = self._jobs.get((session_id, template_id))
        if job is not None:
            job.task.cancel()
            await asyncio.gather(job.task, return_exceptions=True)
            self._jobs.pop((session_id, template_id), None)

    async def _run(
        self,
        session_id: str,
        template: Template,
        preparation: ModelPreparation,
        wanted: rules.Inputs,
    ) -> None:
        folder = job_folder(self._work, session_id, template.id)
        try:
            async with self._slots:
                task = await asyncio.to_thread(lay_out, folder, self._store, template, wanted)
                made = await self._prepare(session_id, template.id, task)
            async with self._changing:
                await self._publish(session_id, template.id, preparation, task.out, made)
        except UnknownContent:
            _log.info("input went away", session=session_id, template=template.id)
        except (PreparationError, StoreFull) as error:
            await self._fail(session_id, template.id, error)
        except Exception as error:
            _log.exception("preparation failed", session=session_id, template=template.id)
            await self._fail(session_id, template.id, error)
        finally:
            goes_on = self._leaving and folder in self._unfinished()
            await asyncio.to_thread(clear, folder, keep_journal=goes_on)
            if self._jobs.get((session_id, template.id)) is not None:
                self._ended(session_id, template.id)

    def _ended(self, session_id: str, template_id: str) -> None:
        job = self._jobs[session_id, template_id]
        if job.task is asyncio.current_task():
            del self._jobs[session_id, template_id]
            self.consider(session_id)

    async def _prepare(
        self, session_id: str, template_id: str, task: PreparationTask
    ) -> PreparedModel:
        job = self._jobs[session_id, template_id]

        def note(progress: PreparationProgress) -> None:
            job.progress = rules.further(job.progress, progress)

        while True:
            before = await asyncio.to_thread(finished_bytes, task.journal)
            try:
                return await self._preparer.prepare(task, note)
            except PreparerCrashed as crash:
                if await asyncio.to_thread(finished_bytes, task.journal) <= before:
                    raise
                _log.warning("preparer crashed, goes on", session=session_id, error=str(crash))
            await asyncio.to_thread(clear, task.out, keep_journal=False)

    async def _publish(
        self,
        session_id: str,
        template_id: str,
        preparation: ModelPreparation,
        out: Path,
        made: PreparedModel,
    ) -> None:
        self._check_sole_writer(session_id, template_id, preparation.manifest)
        content = self._content(session_id)
        files = await asyncio.to_thread(collect_output, out, preparation.manifest, content)
        record = self._records.get(session_id, template_id)
        now = self._clock()
        after = rules.published(record, preparation, made, files, now)
        records = self._records.of(session_id).values()
        others = [each for each in records if each.template_id != template_id]
        stale = rules.owned_paths([record]) - rules.owned_paths([after, *others])
        gone = prepared_among(content, stale)
        await asyncio.to_thread(
            publish_output, self._store, session_id, template_id, files, gone, now
        )
        await self._records.keep(session_id, after)
        _log.info("model published", session=session_id, template=template_id, files=len(files))

    def _check_sole_writer(self, session_id: str, template_id: str, manifest: str) -> None:
        """Two templates that write one manifest would take it from one another for ever."""
        session = self._sessions.get(session_id)
        for other, (_, preparation) in (_model_templates(session) if session else {}).items():
            if other != template_id and preparation.manifest == manifest:
                raise PreparedOutputInvalid(f"template {other} writes {manifest} too; rename one")

    async def _fail(self, session_id: str, template_id: str, error: Exception) -> None:
        async with self._changing:
            record = self._records.get(session_id, template_id)
            await self._records.keep(session_id, rules.failed(record, _reason(error)))

    def _content(self, session_id: str) -> Namespace:
        try:
            return self._store.objects(session_id)
        except UnknownProvisioningSession:
            return {}


def _model_templates(session: Session) -> dict[str, tuple[Template, ModelPreparation]]:
    """The session's templates of our own type, by id."""
    return {
        template.id: (template, template.preparation)
        for template in session.templates.values()
        if template.preparation is not None
    }


def _reason(error: Exception) -> FailureReason:
    match error:
        case PreparationError():
            return FailureReason(type=error.type, detail=str(error))
        case StoreFull():
            return FailureReason(type="store-full", detail=str(error))
        case ApplicationServerError():
            return FailureReason(type=PreparationError.type, detail=str(error))
    return FailureReason(type=PreparationError.type, detail="the server's log says more")
