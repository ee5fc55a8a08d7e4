"""What M5 tells a UE: where a session's media start, and which model does a task. Pure."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from fivegms_af.config import ApplicationServerAddress
from fivegms_af.hosting import distribution_base_url
from fivegms_af.preparation import is_in_use
from fivegms_af.provisioned import Session
from fivegms_api.ai_models import AiModel, AiModelState
from fivegms_api.service_access_information import (
    M5MediaEntryPoint,
    ServiceAccessInformation,
    StreamingAccess,
)


def service_access_information(
    session: Session, address: ApplicationServerAddress | None
) -> ServiceAccessInformation:
    """The entry points of what the session hosts; the required members alone without any."""
    entry_points = _entry_points(session, address) if address else ()
    return ServiceAccessInformation(
        provisioning_session_id=session.id,
        provisioning_session_type=session.type,
        streaming_access=StreamingAccess(entry_points=entry_points) if entry_points else None,
    )


def locate(model: AiModel, address: ApplicationServerAddress) -> AiModel:
    """`model` with the absolute URL of its manifest, once that is published."""
    if model.state is not AiModelState.PUBLISHED:
        return model.model_copy(update={"locator": None})
    base_url = distribution_base_url(model.provisioning_session_id, address)
    return model.model_copy(update={"locator": base_url + quote(model.manifest)})


def models_for_ues(
    models: Iterable[AiModel],
    sessions: Mapping[str, Session],
    address: ApplicationServerAddress,
    *,
    task: str | None = None,
    name: str | None = None,
) -> tuple[AiModel, ...]:
    """The published models that a session of ours distributes, by name, newest version first."""
    matching = [
        locate(model, address)
        for model in models
        if model.state is AiModelState.PUBLISHED
        and _is_distributed(model, sessions)
        and task in (None, model.task)
        and name in (None, model.name)
    ]
    return tuple(sorted(matching, key=lambda model: (model.name, -model.version)))


def _entry_points(
    session: Session, address: ApplicationServerAddress
) -> tuple[M5MediaEntryPoint, ...]:
    if session.hosting is None:
        return ()
    base_url = distribution_base_url(session.id, address)
    entries = [
        distribution.entry_point
        for distribution in session.hosting.configuration.distribution_configurations
    ]
    return tuple(
        M5MediaEntryPoint(
            locator=base_url + entry.relative_path,
            content_type=entry.content_type,
            profiles=entry.profiles,
        )
        for entry in entries
        if entry is not None
    )


def _is_distributed(model: AiModel, sessions: Mapping[str, Session]) -> bool:
    session = sessions.get(model.provisioning_session_id)
    return session is not None and is_in_use(session, model.content_preparation_template_id)
