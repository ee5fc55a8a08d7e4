"""An AI provider's side of M1 and M2: publish a model, follow its preparation, take it back.

    async with Provider("http://127.0.0.1:7777") as provider:
        published = await provider.publish(Path("detector.onnx"), template)

A publication is five kinds of call, in the order that TS 26.501 clause 5.2 gives provisioning: a
provisioning session, a content preparation template and a content hosting configuration over M1;
evaluation set and model over M2; then M1 again until the model's state is final.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from fivegms_api.ai_models import AiModel, AiModelState
from fivegms_api.metrics_reporting import AI_METRICS_SCHEME
from fivegms_api.model_preparation import MODEL_PREPARATION_MEDIA_TYPE, ModelPreparation
from fivegms_api.report_views import ConsumptionReportList, MetricsReportList
from fivegms_client.authorization import Authorization, TokenKeeper
from fivegms_client.errors import FetchInterrupted, NotAuthorised
from fivegms_manifests.model import MPD_MEDIA_TYPE, PROFILE_URN
from fivegms_testbed.errors import ProviderError
from fivegms_testbed.publication import files_to_ingest
from fivegms_testbed.upload import DEFAULT_PATIENCE_S, Upload, UploadProgress

INGEST_PROTOCOL = "urn:3gpp:5gms:content-protocol:dash-if-ingest"
_POLL_INTERVAL_S = 0.2
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10, sock_read=60)


class NoAddress(ProviderError):
    """What should be the AF's M1 address is no http(s) URL."""


class AfUnreachable(ProviderError):
    """No HTTP answer came from the AF."""


class TokenUnavailable(ProviderError):
    """The authorisation server gives no token; the message says what it answered."""


class RequestRefused(ProviderError):
    """The AF answered with an error; `status` and the problem's own words say which."""

    def __init__(self, method: str, url: str, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        params = "".join(
            f"\n  {entry.get('param')}: {entry.get('reason')}"
            for entry in problem.get("invalidParams", ())
        )
        reason = problem.get("detail") or problem.get("title") or HTTPStatus(status).phrase
        super().__init__(f"{method} {url} was answered {status}: {reason}{params}")


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


OnUpload = Callable[[str, UploadProgress], None]
"""Called with the file's name while it is sent."""
OnState = Callable[[AiModel], None]
"""Called whenever M1 reports the model anew."""


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
        if not re.match(r"https?://[^/]", m1_url):
            raise NoAddress(f"{m1_url} is not an address; write http://HOST:PORT")
        self._base = m1_url.rstrip("/") + "/3gpp-m1/v2"
        self._trace_configs = trace_configs
        self._patience_s = patience_s
        self._keeper = None if authorization is None else TokenKeeper(authorization)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=_TIMEOUT, trace_configs=self._trace_configs)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def publish(
        self,
        source: Path,
        template: ModelPreparation,
        *,
        app_id: str = "fivegms",
        on_upload: OnUpload = _ignore_upload,
        on_state: OnState = _ignore_state,
    ) -> Published:
        """Publish the file `source` as `template` says, in a provisioning session of its own.

        Evaluation files and weights outside the ONNX file are looked for beside `source`. When
        anything is refused, the session is destroyed again, so that a failed publication leaves
        nothing behind.

        Raises AfUnreachable, RequestRefused, PreparationFailed, OSError for a file that cannot be
        read, `publication.FileMissing` and `upload.UploadFailed`.
        """
        uploads = await asyncio.to_thread(files_to_ingest, source, template)
        session_id = await self.create_session(app_id)
        try:
            template_id = await self.create_template(session_id, template)
            ingest_url = await self.create_hosting(session_id, template_id, template)
            for path, file in uploads:
                await self._upload(ingest_url + quote(path), file, on_upload)
            model = await self.await_preparation(session_id, template.model.name, on_state)
        except BaseException:
            await asyncio.shield(self._abandon(session_id))
            raise
        return Published(session_id, model)

    async def create_session(self, app_id: str) -> str:
        """Create a downlink provisioning session; returns its id (TS 26.512 7.2)."""
        body = {"provisioningSessionType": "DOWNLINK", "appId": app_id}
        session = await self._call("POST", "/provisioning-sessions", json=body)
        return str(session["provisioningSessionId"])

    async def create_template(self, session_id: str, template: ModelPreparation) -> str:
        """Create the content preparation template; returns its id (TS 26.512 7.4)."""
        url = f"{self._base}/provisioning-sessions/{session_id}/content-preparation-templates"
        headers = {"Content-Type": MODEL_PREPARATION_MEDIA_TYPE}
        async with self._exchange("POST", url, data=template.to_json(), headers=headers) as answer:
            return answer.headers["Location"].rstrip("/").rsplit("/", 1)[-1]

    async def create_hosting(
        self, session_id: str, template_id: str, template: ModelPreparation
    ) -> str:
        """Create the content hosting configuration; returns the M2 ingest base URL."""
        path = f"/provisioning-sessions/{session_id}/content-hosting-configuration"
        await self._call("POST", path, json=hosting_configuration(template_id, template))
        hosting = await self._call("GET", path)
        return str(hosting["ingestConfiguration"]["baseURL"])

    async def ask_for_reports(self, session_id: str, interval_s: int | None = None) -> None:
        """Ask UEs for consumption reports and for AI metrics (TS 26.512 7.7, 7.8).

        Every `interval_s` seconds; without, once when a UE has done with its model.
        """
        path = f"/provisioning-sessions/{session_id}"
        every = {} if interval_s is None else {"reportingInterval": interval_s}
        await self._call("POST", f"{path}/consumption-reporting-configuration", json=every)
        metrics = {"scheme": AI_METRICS_SCHEME, "samplingPeriod": 1, **every}
        await self._call("POST", f"{path}/metrics-reporting-configurations", json=metrics)

    async def metrics_reports(self, session_id: str) -> MetricsReportList:
        """The first page of the metrics reports of UEs."""
        answer = await self._call("GET", f"/provisioning-sessions/{session_id}/metrics-reports")
        return MetricsReportList.model_validate(answer)

    async def consumption_reports(self, session_id: str) -> ConsumptionReportList:
        """The first page of the consumption reports of UEs."""
        answer = await self._call("GET", f"/provisioning-sessions/{session_id}/consumption-reports")
        return ConsumptionReportList.model_validate(answer)

    async def models(self, session_id: str) -> tuple[AiModel, ...]:
        """The models of a session with their states."""
        answer = await self._call("GET", f"/provisioning-sessions/{session_id}/ai-models")
        return tuple(AiModel.model_validate(model) for model in answer["aiModels"])

    async def destroy_session(self, session_id: str) -> None:
        """Destroy a session and all below it."""
        await self._call("DELETE", f"/provisioning-sessions/{session_id}")

    async def await_preparation(
        self, session_id: str, name: str, on_state: OnState = _ignore_state
    ) -> AiModel:
        """Follow the preparation of the model until it is published. Raises PreparationFailed."""
        while True:
            for model in await self._patient_models(session_id):
                if model.name != name:
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
        upload = Upload(self._session(), url, file, patience_s=self._patience_s)
        await upload.send(lambda progress: on_upload(file.name, progress))

    async def _abandon(self, session_id: str) -> None:
        try:
            await self.destroy_session(session_id)
        except ProviderError:
            return  # the error under way says more than this one

    async def _call(self, method: str, path: str, json: object = None) -> Any:
        async with self._exchange(method, self._base + path, json=json) as answer:
            return await answer.json() if answer.content_type == "application/json" else None

    def _exchange(self, method: str, url: str, **options: Any) -> "_Exchange":
        return _Exchange(self._session(), method, url, options, self._keeper)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("use the provider as an async context manager")
        return self._http


class _Exchange:
    """One HTTP exchange whose failures are already ours."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        method: str,
        url: str,
        options: dict[str, Any],
        keeper: TokenKeeper | None,
    ) -> None:
        self._http, self._method, self._url, self._options = http, method, url, options
        self._keeper = keeper

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            headers = self._options.pop("headers", {})
            if self._keeper is not None:
                headers = headers | await self._keeper.field()
            self._answer = await self._http.request(
                self._method, self._url, headers=headers, **self._options
            )
            if self._answer.status >= HTTPStatus.BAD_REQUEST:
                raise await self._refusal()
        except NotAuthorised as error:
            raise TokenUnavailable(str(error)) from error
        except (aiohttp.ClientError, TimeoutError, FetchInterrupted) as error:
            raise AfUnreachable(
                f"no answer from {self._url} ({error}); is `fivegms serve` running there?"
            ) from error
        return self._answer

    async def __aexit__(self, *_exception: object) -> None:
        self._answer.release()

    async def _refusal(self) -> RequestRefused:
        answer = self._answer
        problem: Any = {}
        if answer.content_type.endswith("json"):
            problem = await answer.json(content_type=None)
        answer.release()
        return RequestRefused(
            self._method, self._url, answer.status, problem if isinstance(problem, dict) else {}
        )


def hosting_configuration(template_id: str, template: ModelPreparation) -> dict[str, object]:
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
