"""Service Access Information as a UE keeps it: a cache by the rules of HTTP, and the model in it.

Pure: bytes, headers and `now` in, values out. A UE ignores members that it does not know, because
an AF of a later release may send them (TS 29.501 5.2.2.2); everything else is checked.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import ValidationError

from fivegms_api.ai_models import AiModel, AiModelList, AiModelState
from fivegms_api.service_access_information import M5MediaEntryPoint, ServiceAccessInformation
from fivegms_client.errors import BadAnswer, NoModelOffered
from fivegms_manifests.model import MPD_MEDIA_TYPE, PROFILE_URN

MAX_DOCUMENT_BYTES = 1024 * 1024
"""Larger answers of M5 are refused while they arrive."""

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})\b")


@dataclass(frozen=True, slots=True)
class _Kept:
    value: ServiceAccessInformation
    etag: str | None
    fresh_until: float


class SaiCache:
    """Service Access Information by URL, fresh for `max-age` and then revalidated (RFC 9111)."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def fresh(self, url: str, now: float) -> ServiceAccessInformation | None:
        """What is known of `url` and need not be asked again yet."""
        kept = self._kept.get(url)
        return kept.value if kept is not None and now < kept.fresh_until else None

    def condition(self, url: str) -> dict[str, str]:
        """The request headers that let the AF answer 304."""
        kept = self._kept.get(url)
        return {"If-None-Match": kept.etag} if kept is not None and kept.etag is not None else {}

    def store(
        self, url: str, body: bytes, headers: Mapping[str, str], now: float
    ) -> ServiceAccessInformation:
        """Keep a new representation. Raises BadAnswer."""
        value = read_service_access_information(body)
        self._keep(url, value, headers.get("etag"), headers, now)
        return value

    def confirm(self, url: str, headers: Mapping[str, str], now: float) -> ServiceAccessInformation:
        """The AF says that what is kept still holds. Raises BadAnswer when nothing is kept."""
        kept = self._kept.get(url)
        if kept is None:
            raise BadAnswer(f"{url}: the AF confirmed what was never fetched")
        self._keep(url, kept.value, headers.get("etag", kept.etag), headers, now)
        return kept.value

    def _keep(
        self,
        url: str,
        value: ServiceAccessInformation,
        etag: str | None,
        headers: Mapping[str, str],
        now: float,
    ) -> None:
        self._kept[url] = _Kept(value, etag, now + max_age_s(headers.get("cache-control", "")))


def max_age_s(cache_control: str) -> int:
    """The seconds for which an answer stays fresh; 0 without a `max-age`, or with `no-cache`.

    >>> max_age_s("public, max-age=60"), max_age_s("no-cache, max-age=60")
    (60, 0)
    """
    directives = cache_control.lower()
    if "no-cache" in directives or "no-store" in directives:
        return 0
    found = _MAX_AGE.search(directives)
    return int(found.group(1)) if found else 0


def read_service_access_information(body: bytes) -> ServiceAccessInformation:
    """Parse Service Access Information (TS 26.512 11.2.3.1). Raises BadAnswer."""
    try:
        return ServiceAccessInformation.model_validate_json(body, extra="ignore")
    except ValidationError as error:
        raise BadAnswer(f"the Service Access Information is malformed: {_first(error)}") from error


def read_ai_models(body: bytes) -> AiModelList:
    """Parse the answer of `GET /fivegms-m5-ai/v1/models`. Raises BadAnswer."""
    try:
        return AiModelList.model_validate_json(body, extra="ignore")
    except ValidationError as error:
        raise BadAnswer(f"the list of models is malformed: {_first(error)}") from error


def model_locator(information: ServiceAccessInformation, name: str | None = None) -> str:
    """The URL of the session's model MPD. `name` picks one whose path names it, if several match.

    Raises NoModelOffered.
    """
    access = information.streaming_access
    entry_points = () if access is None else access.entry_points or ()
    locators = [point.locator for point in entry_points if _is_model(point)]
    if name is not None:
        locators = [locator for locator in locators if name in urlsplit(locator).path]
    if not locators:
        raise NoModelOffered(
            f"session {information.provisioning_session_id} has no entry point of type "
            f"{MPD_MEDIA_TYPE} with profile {PROFILE_URN}{_named(name)}; it offers no model, or "
            "its content hosting is not configured yet"
        )
    return locators[0]


def best_model(models: Sequence[AiModel], task: str, name: str | None = None) -> AiModel:
    """The newest published model with a locator, of those that an AF listed for `task`.

    Which version of a model this UE gets, the AF has decided already.

    Raises NoModelOffered.
    """
    offered = [
        model
        for model in models
        if model.state is AiModelState.PUBLISHED
        and model.locator is not None
        and model.task == task
        and name in (None, model.name)
    ]
    if not offered:
        raise NoModelOffered(
            f"the AF has no published model for task {task}{_named(name)}; "
            "publish one, or ask for another task"
        )
    return max(offered, key=_newness)


def _newness(model: AiModel) -> tuple[float, int]:
    return (0.0 if model.published is None else model.published.timestamp()), model.version


def _is_model(point: M5MediaEntryPoint) -> bool:
    return point.content_type == MPD_MEDIA_TYPE and PROFILE_URN in (point.profiles or ())


def _named(name: str | None) -> str:
    return "" if name is None else f" named {name}"


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"]) or "document"
    return f"{where}: {problem['msg']}"
