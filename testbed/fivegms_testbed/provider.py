"""An AI provider's side of M1 and M2: publish a model, follow its preparation, take it back.

    async with Provider("http://127.0.0.1:7777") as provider:
        published = await provider.publish(Path("detector.onnx"), template)

A publication is five kinds of call, in the order that TS 26.501 clause 5.2 gives provisioning: a
provisioning session, a content preparation template and a content hosting configuration over M1;
evaluation set and model over M2; then M1 again until the model's state is final. A further version
joins the session of the first: a template, a distribution, and files in a folder of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self
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
from fivegms_manifests.model import MPD_MEDIA_TYPE, PROFILE_URN
from fivegms_testbed.errors import ProviderError
from fivegms_testbed.m1_connection import M1Connection, RequestRefused, session_path
from fivegms_testbed.publication import files_to_ingest
from fivegms_testbed.upload import DEFAULT_PATIENCE_S, Upload, UploadProgress

INGEST_PROTOCOL = "urn:3gpp:5gms:content-protocol:dash-if-ingest"
JSON_PATCH = "application/json-patch+json"
_EDIT_ATTEMPTS = 5
_POLL_INTERVAL_S = 0.2


class VersionExists(ProviderError):
    """The session has that version of the model already."""

    def __init__(self, model: AiModel) -> None:
        super().__init__(
            f"session {model.provisioning_session_id} has {model.name} version {model.version} "
            f"already ({model.state}); publish under another version"
        )


class HostingChanges(ProviderError):
    """Others change the session's Content Hosting Configuration all the time."""


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
    template_id: str
    ingest_url: str

    def url(self, path: str) -> str:
        return self.ingest_url + quote(path)


OnUpload = Callable[[str, UploadProgress], None]
"""Called with the file's name while it is sent."""
OnState = Callable[[AiModel], None]
"""Called whenever M1 reports the model anew."""


Undo = list[Callable[[], Awaitable[object]]]
"""What takes a publication back, in the order in which it came about."""


def _ignore_upload(_name: str, _progress: UploadProgress) -> None: ...


def _ignore_state(_model: AiModel) -> None: ...


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
        on_upload: OnUpload = _ignore_upload,
        on_state: OnState = _ignore_state,
    ) -> Published:
        """Publish the file `source` as `template` says, in a provisioning session of its own, or as
        a further version in `session`: then all paths of the template lie below `NAME/VERSION/`.

        Evaluation files and weights outside the ONNX file are looked for beside `source`. When
        anything is refused, what was added is taken back, so that a failed publication leaves
        nothing behind.

        Raises AfUnreachable, RequestRefused, PreparationFailed, VersionExists, HostingChanges,
        OSError for a file that cannot be read, `publication.FileMissing` and `upload.UploadFailed`.
        """
        uploads = await asyncio.to_thread(files_to_ingest, source, template)
        if session is not None:
            await self._check_is_new(session, template.model)
            folder = f"{template.model.name}/{template.model.version}"
            template = template.below(folder)
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
            model = await self.await_preparation(
                place.session_id, place.template_id, template.model, on_state
            )
        except BaseException:
            await asyncio.shield(_take_back(undo))
            raise
        return Published(place.session_id, model)

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

    async def create_hosting(
        self, session_id: str, template_id: str, template: ModelPreparation
    ) -> str:
        """Create the content hosting configuration; returns the M2 ingest base URL."""
        path = f"{session_path(session_id)}/content-hosting-configuration"
        await self._m1.call("POST", path, json=hosting_configuration(template_id, template))
        hosting = await self._m1.call("GET", path)
        return str(hosting["ingestConfiguration"]["baseURL"])

    async def add_distribution(
        self, session_id: str, template_id: str, template: ModelPreparation
    ) -> str:
        """Host a further model beside those that the session has; returns the M2 ingest base URL.

        Raises HostingChanges.
        """
        added = hosting_configuration(template_id, template)["distributionConfigurations"][0]

        def append(_distributions: list[Any]) -> list[Any]:
            return [{"op": "add", "path": "/distributionConfigurations/-", "value": added}]

        hosting = await self._edit_distributions(session_id, append)
        return str(hosting["ingestConfiguration"]["baseURL"])

    async def remove_distribution(self, session_id: str, template_id: str) -> None:
        """Host what the template makes no longer, and the rest as before. Raises HostingChanges."""

        def remove(distributions: list[Any]) -> list[Any]:
            ids = [one.get("contentPreparationTemplateId") for one in distributions]
            path = "/distributionConfigurations/"
            return [{"op": "remove", "path": f"{path}{at}"} for at in _where(ids, template_id)]

        await self._edit_distributions(session_id, remove)

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

    async def await_preparation(
        self,
        session_id: str,
        template_id: str,
        described: ModelDescription,
        on_state: OnState = _ignore_state,
    ) -> AiModel:
        """Follow the preparation of that version by that template until it is published.

        Raises PreparationFailed.
        """
        wanted = (template_id, described.name, described.version)
        while True:
            for model in await self._patient_models(session_id):
                if (model.content_preparation_template_id, model.name, model.version) != wanted:
                    continue
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

    async def _upload(self, url: str, file: Path, on_upload: OnUpload) -> None:
        upload = Upload(self._m1.http, url, file, patience_s=self._patience_s)
        await upload.send(lambda progress: on_upload(file.name, progress))

    async def _check_is_new(self, session_id: str, described: ModelDescription) -> None:
        for model in await self.models(session_id):
            if (model.name, model.version) == (described.name, described.version):
                raise VersionExists(model)

    async def _in_session_of_its_own(
        self, app_id: str, template: ModelPreparation, undo: Undo
    ) -> _Place:
        session_id = await self.create_session(app_id)
        undo.append(partial(self.destroy_session, session_id))
        template_id = await self.create_template(session_id, template)
        ingest_url = await self.create_hosting(session_id, template_id, template)
        return _Place(session_id, template_id, ingest_url)

    async def _in_session(self, session_id: str, template: ModelPreparation, undo: Undo) -> _Place:
        template_id = await self.create_template(session_id, template)
        undo.append(partial(self.destroy_template, session_id, template_id))
        undo.append(partial(self.remove_distribution, session_id, template_id))
        ingest_url = await self.add_distribution(session_id, template_id, template)
        return _Place(session_id, template_id, ingest_url)

    async def _edit_distributions(
        self, session_id: str, edit: Callable[[list[Any]], object]
    ) -> Any:
        """Patch the distributions as `edit` says for those that there are; returns the whole."""
        url = f"{session_path(session_id)}/content-hosting-configuration"
        for _ in range(_EDIT_ATTEMPTS):
            async with self._m1.exchange("GET", url) as answer:
                hosting, etag = await answer.json(), answer.headers["ETag"]
            headers = {"Content-Type": JSON_PATCH, "If-Match": etag}
            patch = edit(hosting["distributionConfigurations"])
            try:
                async with self._m1.exchange("PATCH", url, json=patch, headers=headers) as answer:
                    return await answer.json()
            except RequestRefused as refusal:
                if not _is_of_a_race(refusal):
                    raise
        raise HostingChanges(
            f"the content hosting configuration of session {session_id} was changed by others "
            f"{_EDIT_ATTEMPTS} times meanwhile; try again"
        )

    async def _delete_upload(self, url: str) -> None:
        async with self._m1.http.delete(url):
            pass


async def _take_back(undo: Undo) -> None:
    """Newest first; what fails is let be, because the error under way says more."""
    for step in reversed(undo):
        with suppress(ProviderError, aiohttp.ClientError, TimeoutError):
            await step()


def _is_of_a_race(refusal: RequestRefused) -> bool:
    """Somebody else wrote first, before the AF looked or while it did."""
    meanwhile = str(refusal.problem.get("type")).endswith(":changed-meanwhile")
    return refusal.status == HTTPStatus.PRECONDITION_FAILED or meanwhile


def _where(ids: list[str | None], wanted: str) -> list[int]:
    """The places to take out, last first, so that those to come stay where they are."""
    return [at for at in reversed(range(len(ids))) if ids[at] == wanted]


def hosting_configuration(template_id: str, template: ModelPreparation) -> dict[str, Any]:
    """The M1 body that hosts a prepared model: push ingest, one distribution, its MPD as entry."""
    entry_point = {
        "relativePath": template.manifest,
        "contentType": MPD_MEDIA_TYPE,
        "profiles": [PROFILE_URN],
    }
    return {
        "name": f"{template.model.name} {template.model.version}",
        "ingestConfiguration": {"pull": False, "protocol": INGEST_PROTOCOL},
        "distributionConfigurations": [
            {"contentPreparationTemplateId": template_id, "entryPoint": entry_point}
        ],
    }
