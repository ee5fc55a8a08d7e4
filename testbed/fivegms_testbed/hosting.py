"""The models that a provisioning session hosts: distributions of its Content Hosting Configuration.

A model is a distribution whose entry point is its manifest. One that an Application Server prepares
refers to its template; one that the provider prepared refers to none, and is ingested as it is.

A configuration is edited as a whole, and others edit it too: an edit is a patch of what there is,
tried again when somebody else was faster.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fivegms_api.content_protocols import DASH_IF_INGEST
from fivegms_manifests.model import MPD_MEDIA_TYPE, PROFILE_URN
from fivegms_testbed.errors import ProviderError
from fivegms_testbed.m1_connection import M1Connection, RequestRefused, session_path

JSON_PATCH = "application/json-patch+json"
_EDIT_ATTEMPTS = 5


class HostingChanges(ProviderError):
    """Others change the session's Content Hosting Configuration all the time."""


@dataclass(frozen=True, slots=True)
class HostedModel:
    """A version of a model, its manifest's content path, and the template that prepares it."""

    name: str
    version: int
    manifest: str
    template_id: str | None = None

    @property
    def distribution(self) -> dict[str, Any]:
        """The entry of `distributionConfigurations` that hosts it."""
        entry_point = {
            "relativePath": quote(self.manifest),
            "contentType": MPD_MEDIA_TYPE,
            "profiles": [PROFILE_URN],
        }
        if self.template_id is None:
            return {"entryPoint": entry_point}
        return {"contentPreparationTemplateId": self.template_id, "entryPoint": entry_point}


class SessionHosting:
    """What one session hosts. Everything raises AfUnreachable, RequestRefused."""

    def __init__(self, m1: M1Connection, session_id: str) -> None:
        self._m1 = m1
        self._session_id = session_id
        self._path = f"{session_path(session_id)}/content-hosting-configuration"

    async def create(self, model: HostedModel) -> str:
        """Host the first model, by push ingest; returns the M2 ingest base URL."""
        body = {
            "name": f"{model.name} {model.version}",
            "ingestConfiguration": {"pull": False, "protocol": DASH_IF_INGEST},
            "distributionConfigurations": [model.distribution],
        }
        await self._m1.call("POST", self._path, json=body)
        return _ingest_url(await self._m1.call("GET", self._path))

    async def add(self, model: HostedModel) -> str:
        """Host a further model beside those that there are, unless it is one of them.

        Returns the M2 ingest base URL. Raises HostingChanges.
        """

        def append(distributions: list[Any]) -> list[Any]:
            if any(_is_hosted(one, model) for one in distributions):
                return []
            added = {"op": "add", "path": "/distributionConfigurations/-"}
            return [{**added, "value": model.distribution}]

        return _ingest_url(await self._edit(append))

    async def remove(self, template_id: str) -> None:
        """Host what the template makes no longer, and the rest as before. Raises HostingChanges."""

        def remove(distributions: list[Any]) -> list[Any]:
            ids = [one.get("contentPreparationTemplateId") for one in distributions]
            path = "/distributionConfigurations/"
            return [{"op": "remove", "path": f"{path}{at}"} for at in _where(ids, template_id)]

        await self._edit(remove)

    async def _edit(self, edit: Callable[[list[Any]], list[Any]]) -> Any:
        """Patch the distributions as `edit` says for those that there are; returns the whole."""
        for _ in range(_EDIT_ATTEMPTS):
            async with self._m1.exchange("GET", self._path) as answer:
                hosting, etag = await answer.json(), answer.headers["ETag"]
            patch = edit(hosting["distributionConfigurations"])
            if not patch:
                return hosting
            headers = {"Content-Type": JSON_PATCH, "If-Match": etag}
            exchange = self._m1.exchange("PATCH", self._path, json=patch, headers=headers)
            try:
                async with exchange as answer:
                    return await answer.json()
            except RequestRefused as refusal:
                if not _is_of_a_race(refusal):
                    raise
        raise HostingChanges(
            f"the content hosting configuration of session {self._session_id} was changed by "
            f"others {_EDIT_ATTEMPTS} times meanwhile; try again"
        )


def _ingest_url(hosting: Any) -> str:
    return str(hosting["ingestConfiguration"]["baseURL"])


def _is_hosted(distribution: Any, model: HostedModel) -> bool:
    entry = distribution.get("entryPoint") or {}
    hosted = (entry.get("relativePath"), distribution.get("contentPreparationTemplateId"))
    return hosted == (quote(model.manifest), model.template_id)


def _is_of_a_race(refusal: RequestRefused) -> bool:
    """Somebody else wrote first, before the AF looked or while it did."""
    meanwhile = str(refusal.problem.get("type")).endswith(":changed-meanwhile")
    return refusal.status == HTTPStatus.PRECONDITION_FAILED or meanwhile


def _where(ids: list[str | None], wanted: str) -> list[int]:
    """The places to take out, last first, so that those to come stay where they are."""
    return [at for at in reversed(range(len(ids))) if ids[at] == wanted]
