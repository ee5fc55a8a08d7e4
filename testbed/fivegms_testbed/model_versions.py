"""A provider's versions of one model, and which of them each UE gets.

    async with M1Connection("http://127.0.0.1:7777") as m1:
        await ModelVersions(m1, session, "detector").roll_out(Rollout(version=2, percentage=10))

How an AF splits UEs is in docs/interfaces.md, "Rollout".
"""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from fivegms_api.ai_model_rollouts import AiModelRollout, Rollback, Rollout
from fivegms_api.ai_models import AiModel
from fivegms_testbed.m1_connection import M1Connection, RequestRefused, session_path

MERGE_PATCH = "application/merge-patch+json"


class ModelVersions:
    """One model of a provisioning session. Everything raises AfUnreachable, RequestRefused."""

    def __init__(self, m1: M1Connection, session_id: str, name: str) -> None:
        self._m1 = m1
        self._path = f"{session_path(session_id)}/ai-models/{quote(name, safe='')}"

    async def versions(self) -> tuple[AiModel, ...]:
        """The versions of a model, newest first."""
        answer = await self._m1.call("GET", f"{self._path}/versions")
        return tuple(AiModel.model_validate(model) for model in answer["aiModels"])

    async def rollout(self) -> AiModelRollout | None:
        """Which version UEs get; None while nothing is said, and each gets the newest."""
        try:
            answer = await self._m1.call("GET", f"{self._path}/rollout")
        except RequestRefused as refusal:
            if refusal.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return AiModelRollout.model_validate(answer)

    async def roll_out(self, rollout: Rollout) -> None:
        """Say which version UEs get."""
        body = rollout.model_dump(mode="json", by_alias=True, exclude_none=True)
        await self._m1.call("PUT", f"{self._path}/rollout", json=body)

    async def change_rollout(self, changes: Mapping[str, object]) -> None:
        """Change members of the rollout in force, by their names in JSON (a merge patch)."""
        path = f"{self._path}/rollout"
        await self._m1.call("PATCH", path, json=changes, headers={"Content-Type": MERGE_PATCH})

    async def roll_back(self, to_version: int | None = None) -> AiModelRollout:
        """Put every UE on one version again: by default on what they had before the rollout."""
        body = Rollback(to_version=to_version).model_dump(by_alias=True, exclude_none=True)
        answer = await self._m1.call("POST", f"{self._path}/rollback", json=body)
        return AiModelRollout.model_validate(answer)
