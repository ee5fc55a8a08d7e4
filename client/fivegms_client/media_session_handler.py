"""The Media Session Handler: asks an AF over M5 where a session's, or a task's, model is.

A shell around `service_access`: it fetches, the rules decide. It knows nothing of manifests.
"""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from fivegms_api.ai_models import AiModelList
from fivegms_api.service_access_information import ServiceAccessInformation
from fivegms_client.entry import SAI_PATH, SessionEntry, TaskEntry
from fivegms_client.fetching import NOT_MODIFIED
from fivegms_client.service_access import (
    MAX_DOCUMENT_BYTES,
    SaiCache,
    best_model,
    model_locator,
    read_ai_models,
)
from fivegms_client.transfer import Transfer

MODELS_PATH = "/fivegms-m5-ai/v1/models"


@dataclass(frozen=True, slots=True)
class ModelPlace:
    """Where a model's MPD is, and the provisioning session that it belongs to."""

    url: str
    m5_url: str
    session: str


class MediaSessionHandler:
    """M5 of one or more AFs. Keep one for as long as the app runs: it remembers what is fresh.

    `client_id` and `cohort` are what AFs are told of this UE, to choose versions of models by.
    """

    def __init__(
        self,
        transfer: Transfer,
        cache: SaiCache | None = None,
        *,
        client_id: str | None = None,
        cohort: str | None = None,
    ) -> None:
        self._transfer = transfer
        self._cache = cache if cache is not None else SaiCache()
        self._ue = {"client": client_id, "cohort": cohort}

    async def service_access_information(
        self, m5_url: str, session: str
    ) -> ServiceAccessInformation:
        """The session's Service Access Information, asked for only when what is kept is stale.

        Raises NotFound, AccessRefused, BadAnswer, ServerUnreachable.
        """
        url = f"{m5_url.rstrip('/')}{SAI_PATH}{quote(session, safe='')}"
        fresh = self._cache.fresh(url, self._transfer.now())
        if fresh is not None:
            return fresh
        document = await self._transfer.document(
            url, limit_bytes=MAX_DOCUMENT_BYTES, headers=self._cache.condition(url)
        )
        now = self._transfer.now()
        if document.status == NOT_MODIFIED:
            return self._cache.confirm(url, document.headers, now)
        return self._cache.store(url, document.body, document.headers, now)

    async def models(
        self, m5_url: str, *, task: str | None = None, name: str | None = None
    ) -> AiModelList:
        """What an AF has published, by task and name: of each model the version that it has for
        this UE. An AF of an earlier release lists every version.

        Raises NotFound, AccessRefused, BadAnswer, ServerUnreachable.
        """
        wanted = {"task": task, "name": name, **self._ue}
        query = urlencode({key: value for key, value in wanted.items() if value is not None})
        url = f"{m5_url.rstrip('/')}{MODELS_PATH}{'?' if query else ''}{query}"
        document = await self._transfer.document(url, limit_bytes=MAX_DOCUMENT_BYTES)
        return read_ai_models(document.body)

    async def locate(self, entry: SessionEntry | TaskEntry) -> ModelPlace:
        """Where the model is that `entry` stands for. Raises as above, and NoModelOffered."""
        if isinstance(entry, SessionEntry):
            information = await self.service_access_information(entry.m5_url, entry.session)
            url = model_locator(information, entry.name)
            return ModelPlace(url, entry.m5_url, entry.session)
        listed = await self.models(entry.m5_url, task=entry.task, name=entry.name)
        best = best_model(listed.ai_models, entry.task, entry.name)
        return ModelPlace(str(best.locator), entry.m5_url, best.provisioning_session_id)
