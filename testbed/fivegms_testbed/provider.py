"""An AI provider's side of M1 and M2: publish a model, follow its preparation, take it back.

    async with Provider("http://127.0.0.1:7777") as provider:
        published = await provider.publish(Path("detector.onnx"), template)
        again = await provider.publish_prepared(read_prepared(Path("folder")))

A publication is five kinds of call, in the order that TS 26.501 clause 5.2 gives provisioning: a
provisioning session, a content preparation template and a content hosting configuration over M1;
evaluation set and model over M2; then M1 again until the model's state is final. A further version
joins the session of the first: a template, a distribution, and files in a folder of its own. What
was prepared already needs no template, and no more than its files.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import aiohttp

from fivegms_api.ai_models import AiModel, AiModelState
from fivegms_api.metrics_reporting import AI_METRICS_SCHEME
from fivegms_api.model_preparation import (
    MODEL_PREPARATION_MEDIA_TYPE,
    ModelDescription,
    ModelPreparation,
)
from fivegms_api.report_views import ConsumptionReportList, MetricsReportList
from fivegms_client.authorization import Authorization
from fivegms_prepare.reported import variants_of
from fivegms_testbed.errors import ProviderError
from fivegms_testbed.hosting import HostedModel, SessionHosting
from fivegms_testbed.m1_connection import M1Connection, RequestRefused, session_path
from fivegms_testbed.prepared_folder import PreparedFolder
from fivegms_testbed.publication import files_to_ingest, moved
from fivegms_testbed.upload import DEFAULT_PATIENCE_S, Upload, UploadFailed, UploadProgress

_POLL_INTERVAL_S = 0.2


class VersionExists(ProviderError):
    """The session has that version of the model already."""

    def __init__(self, model: AiModel) -> None:
        super().__init__(
            f"session {model.provisioning_session_id} has {model.name} version {model.version} "
            f"already ({model.state}); publish under another version"
        )


class SourceUnknown(ProviderError):
    """The session has no source of the version that a delta is to start from."""


class UploadUnfinished(ProviderError):
    """A folder arrived in part; what did is kept at `session_id`, to go on from."""

    def __init__(self, session_id: str, failure: UploadFailed) -> None:
        self.session_id = session_id
        super().__init__(
            f"{failure}; what arrived is kept: publish with --session {session_id} to send the rest"
        )


class PreparationFailed(ProviderError):
    """The model arrived but could not be prepared; `model.reason` says why."""

    def __init__(self, model: AiModel) -> None:
        self.model = model
        reason = model.reason
        super().__init__(reason.detail if reason else "preparation failed for an unstated reason")


@dataclass(frozen=True, slots=True)
class Published:
    """A model that UEs can find: the session it is under and its state as M1 reports it."""

    provisioning_session_id: str
    model: AiModel


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a model is provisioned, and the base URL at M2 that its files go to."""

    session_id: str
    template_id: str | None
    ingest_url: str

    def url(self, path: str) -> str:
        return self.ingest_url + quote(path)

    def made(self, described: ModelDescription) -> "Wanted":
        """Whether a model is that which the template makes."""
        wanted = (self.template_id, described.name, described.version)
        return lambda one: (one.content_preparation_template_id, one.name, one.version) == wanted

    def holds(self, hosted: HostedModel) -> "Wanted":
        """Whether a model is that which is ingested as it is."""
        wanted = (self.template_id, hosted.manifest)
        return lambda one: (one.content_preparation_template_id, one.manifest) == wanted


Wanted = Callable[[AiModel], bool]


OnUpload = Callable[[str, UploadProgress], None]
"""Called with the file's name while it is sent."""
OnState = Callable[[AiModel], None]
"""Called whenever M1 reports the model anew."""
OnSession = Callable[[str], None]
"""Called with the id of the provisioning session, once that hosts the model."""

Undo = list[Callable[[], Awaitable[object]]]
"""What takes a publication back, in the order in which it came about."""


def _ignore_upload(_name: str, _progress: UploadProgress) -> None: ...


def _ignore_state(_model: AiModel) -> None: ...


def _ignore_session(_session_id: str) -> None: ...


class Provider:
    """A client of one AF's M1 interface, and of the M2 of the AS behind it. Raises NoAddress.

    `authorization` is what M1 is asked with; the AS never sees it.
    """

    def __init__(
        self,
        m1_url: str,
        *,
        trace_configs: list[aiohttp.TraceConfig] | None = None,
        patience_s: float = DEFAULT_PATIENCE_S,
        authorization: Authorization | None = None,
    ) -> None:
        self._m1 = M1Connection(m1_url, trace_configs=trace_configs, authorization=authorization)
        self._patience_s = patience_s

    async def __aenter__(self) -> Self:
        await self._m1.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._m1.__aexit__(kind, error, traceback)

    async def publish(
        self,
        source: Path,
        template: ModelPreparation,
        *,
        app_id: str = "fivegms",
        session: str | None = None,
        held: Collection[str] = (),
        on_upload: OnUpload = _ignore_upload,
        on_state: OnState = _ignore_state,
    ) -> Published:
        """Publish the file `source` as `template` says, in a provisioning session of its own, or as
        a further version in `session`: then all paths of the template lie below `NAME/VERSION/`.

        Evaluation files and weights outside the ONNX file are looked for beside `source`, except
        what is `held`: content paths that the session has. When anything is refused, what was added
        is taken back, so that a failed publication leaves nothing behind.

        Raises AfUnreachable, RequestRefused, PreparationFailed, VersionExists, HostingChanges,
        OSError for a file that cannot be read, `publication.FileMissing` and `upload.UploadFailed`.
        """
        uploads = await asyncio.to_thread(files_to_ingest, source, template, held)
        if session is not None:
            await self._check_is_new(session, template.model)
            folder = f"{template.model.name}/{template.model.version}"
            template = moved(template, folder, held)
            uploads = [(f"{folder}/{path}", file) for path, file in uploads]
        undo: Undo = []
        try:
            if session is None:
                place = await self._in_session_of_its_own(app_id, template, undo)
            else:
                place = await self._in_session(session, template, undo)
                undo += [partial(self._delete_upload, place.url(path)) for path, _ in uploads]
            for path, file in uploads:
                await self._upload(place.url(path), file, on_upload)
            model = await self._await(place.session_id, place.made(template.model), on_state)
        except BaseException:
            await asyncio.shield(_take_back(undo))
            raise
        return Published(place.session_id, model)

    async def publish_prepared(
        self,
        folder: PreparedFolder,
        *,
        app_id: str = "fivegms",
        session: str | None = None,
        on_session: OnSession = _ignore_session,
        on_upload: OnUpload = _ignore_upload,
        on_state: OnState = _ignore_state,
    ) -> Published:
        """Publish what was prepared as it is, in a provisioning session of its own or in `session`.

        What the session has of it already is not sent again, so that a publication that was broken
        off goes on, and one whose signature is new sends only that. All paths lie below
        `NAME/VERSION/`. What arrived stays when something fails after that.

        Raises AfUnreachable, RequestRefused, PreparationFailed, VersionExists, HostingChanges,
        UploadUnfinished and OSError.
        """
        described = folder.manifest.model
        root = f"{described.name}/{described.version}/"
        hosted = HostedModel(described.name, described.version, root + folder.manifest_name)
        if session is None:
            session, ingest_url = await self._host_first(app_id, hosted)
        else:
            await self._check_is_new_or_this(session, folder, hosted)
            ingest_url = await self.hosting(session).add(hosted)
        on_session(session)
        place = _Place(session, None, ingest_url)
        for path, file in folder.files:
            try:
                await self._upload(place.url(root + path), file, on_upload, resume=True)
            except UploadFailed as failure:
                raise UploadUnfinished(session, failure) from failure
        return Published(session, await self._await(session, place.holds(hosted), on_state))

    async def source_of(self, session_id: str, name: str, version: int) -> str:
        """The content path of the source that a version was prepared from. Raises SourceUnknown."""
        for model in await self.models(session_id):
            template_id = model.content_preparation_template_id
            if (model.name, model.version) != (name, version) or template_id is None:
                continue
            path = f"{session_path(session_id)}/content-preparation-templates/{template_id}"
            async with self._m1.exchange("GET", path) as answer:
                return ModelPreparation.model_validate_json(await answer.read()).source
        raise SourceUnknown(
            f"session {session_id} has no source of {name} version {version}; name its file: "
            f"{version}=FILE"
        )

    def hosting(self, session_id: str) -> SessionHosting:
        """What a session hosts."""
        return SessionHosting(self._m1, session_id)

    async def create_session(self, app_id: str) -> str:
        """Create a downlink provisioning session; returns its id (TS 26.512 7.2)."""
        body = {"provisioningSessionType": "DOWNLINK", "appId": app_id}
        session = await self._m1.call("POST", "/provisioning-sessions", json=body)
        return str(session["provisioningSessionId"])

    async def create_template(self, session_id: str, template: ModelPreparation) -> str:
        """Create the content preparation template; returns its id (TS 26.512 7.4)."""
        url = f"{session_path(session_id)}/content-preparation-templates"
        headers = {"Content-Type": MODEL_PREPARATION_MEDIA_TYPE}
        async with self._m1.exchange(
            "POST", url, data=template.to_json(), headers=headers
        ) as answer:
            return answer.headers["Location"].rstrip("/").rsplit("/", 1)[-1]

    async def destroy_template(self, session_id: str, template_id: str) -> None:
        """Destroy a template, and what was made by it."""
        path = f"{session_path(session_id)}/content-preparation-templates/{template_id}"
        await self._m1.call("DELETE", path)

    async def ask_for_reports(self, session_id: str, interval_s: int | None = None) -> None:
        """Ask UEs for consumption reports and for AI metrics (TS 26.512 7.7, 7.8).

        Every `interval_s` seconds; without, once when a UE has done with its model.
        """
        path = f"{session_path(session_id)}"
        every = {} if interval_s is None else {"reportingInterval": interval_s}
        await self._m1.call("POST", f"{path}/consumption-reporting-configuration", json=every)
        metrics = {"scheme": AI_METRICS_SCHEME, "samplingPeriod": 1, **every}
        await self._m1.call("POST", f"{path}/metrics-reporting-configurations", json=metrics)

    async def metrics_reports(self, session_id: str) -> MetricsReportList:
        """The first page of the metrics reports of UEs."""
        answer = await self._m1.call("GET", f"{session_path(session_id)}/metrics-reports")
        return MetricsReportList.model_validate(answer)

    async def consumption_reports(self, session_id: str) -> ConsumptionReportList:
        """The first page of the consumption reports of UEs."""
        answer = await self._m1.call("GET", f"{session_path(session_id)}/consumption-reports")
        return ConsumptionReportList.model_validate(answer)

    async def models(self, session_id: str) -> tuple[AiModel, ...]:
        """The models of a session with their states."""
        answer = await self._m1.call("GET", f"{session_path(session_id)}/ai-models")
        return tuple(AiModel.model_validate(model) for model in answer["aiModels"])

    async def destroy_session(self, session_id: str) -> None:
        """Destroy a session and all below it."""
        await self._m1.call("DELETE", f"{session_path(session_id)}")

    async def _await(self, session_id: str, wanted: Wanted, on_state: OnState) -> AiModel:
        """Follow a model until it is published. Raises PreparationFailed."""
        while True:
            for model in filter(wanted, await self._patient_models(session_id)):
                on_state(model)
                if model.state is AiModelState.FAILED:
                    raise PreparationFailed(model)
                if model.state is AiModelState.PUBLISHED:
                    return model
            await asyncio.sleep(_POLL_INTERVAL_S)

    async def _patient_models(self, session_id: str) -> tuple[AiModel, ...]:
        """The models of a session; an AS that restarts meanwhile is waited for."""
        waited_s = 0.0
        while True:
            try:
                return await self.models(session_id)
            except RequestRefused as refusal:
                away = refusal.status == HTTPStatus.SERVICE_UNAVAILABLE
                if not away or waited_s > self._patience_s:
                    raise
            await asyncio.sleep(_POLL_INTERVAL_S)
            waited_s += _POLL_INTERVAL_S

    async def _upload(
        self, url: str, file: Path, on_upload: OnUpload, *, resume: bool = False
    ) -> None:
        upload = Upload(self._m1.http, url, file, patience_s=self._patience_s, resume=resume)
        await upload.send(lambda progress: on_upload(file.name, progress))

    async def _check_is_new(self, session_id: str, described: ModelDescription) -> None:
        for model in await self.models(session_id):
            if (model.name, model.version) == (described.name, described.version):
                raise VersionExists(model)

    async def _check_is_new_or_this(
        self, session_id: str, folder: PreparedFolder, hosted: HostedModel
    ) -> None:
        ours = [(variant.id, variant.sha256) for variant in variants_of(folder.manifest)]
        for model in await self.models(session_id):
            if (model.name, model.version) != (hosted.name, hosted.version):
                continue
            same = [(variant.id, variant.sha256) for variant in model.variants] == ours
            if model.manifest != hosted.manifest or not same:
                raise VersionExists(model)

    async def _host_first(self, app_id: str, hosted: HostedModel) -> tuple[str, str]:
        """A session of its own for a model; its id, and the M2 ingest base URL."""
        session_id = await self.create_session(app_id)
        try:
            return session_id, await self.hosting(session_id).create(hosted)
        except BaseException:
            await asyncio.shield(_take_back([partial(self.destroy_session, session_id)]))
            raise

    async def _in_session_of_its_own(
        self, app_id: str, template: ModelPreparation, undo: Undo
    ) -> _Place:
        session_id = await self.create_session(app_id)
        undo.append(partial(self.destroy_session, session_id))
        template_id = await self.create_template(session_id, template)
        hosted = _hosted(template, template_id)
        ingest_url = await self.hosting(session_id).create(hosted)
        return _Place(session_id, template_id, ingest_url)

    async def _in_session(self, session_id: str, template: ModelPreparation, undo: Undo) -> _Place:
        template_id = await self.create_template(session_id, template)
        undo.append(partial(self.destroy_template, session_id, template_id))
        undo.append(partial(self.hosting(session_id).remove, template_id))
        ingest_url = await self.hosting(session_id).add(_hosted(template, template_id))
        return _Place(session_id, template_id, ingest_url)

    async def _delete_upload(self, url: str) -> None:
        async with self._m1.http.delete(url):
            pass


async def _take_back(undo: Undo) -> None:
    """Newest first; what fails is let be, because the error under way says more."""
    for step in reversed(undo):
        with suppress(ProviderError, aiohttp.ClientError, TimeoutError):
            await step()


def _hosted(template: ModelPreparation, template_id: str) -> HostedModel:
    described = template.model
    return HostedModel(described.name, described.version, template.manifest, template_id)
