"""What M5 tells a UE: everything that a session offers it, and which model does a task. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fivegms_af.config import ApplicationServerAddress
from fivegms_af.distributions import entered_at
from fivegms_af.edge_resources import app_driven
from fivegms_af.hosting import distribution_url
from fivegms_af.metrics_reporting import effective_metrics, effective_scheme
from fivegms_af.policy.templates import is_ready
from fivegms_af.provisioned import Document, DocumentKind, Session
from fivegms_af.rollout import Ue, choose
from fivegms_api.ai_models import AiModel, AiModelState
from fivegms_api.consumption_reporting import ConsumptionReportingConfiguration
from fivegms_api.content_hosting import DistributionConfiguration, M1MediaEntryPoint
from fivegms_api.edge_resources import EdgeProcessingEligibilityCriteria, EdgeResourcesConfiguration
from fivegms_api.metrics_reporting import MetricsReportingConfiguration
from fivegms_api.policy_templates import PolicyTemplate
from fivegms_api.service_access_information import (
    ClientConsumptionReportingConfiguration,
    ClientEdgeResourcesConfiguration,
    ClientMetricsReportingConfiguration,
    DynamicPolicyInvocationConfiguration,
    EasDiscoveryTemplate,
    M5EasRelocationRequirements,
    M5MediaEntryPoint,
    NetworkAssistanceConfiguration,
    PolicyTemplateBinding,
    ServiceAccessInformation,
    StreamingAccess,
)

EVERY_CLIENT = 100.0  # percent


@dataclass(frozen=True, slots=True)
class Place:
    """Where the UE is answered: the base URLs of M5, and of the AS's M4, None where there is none.

    `sdf_methods` are how flows may be described, empty where nothing enforces policies;
    `assists` is whether the network can be asked.
    """

    servers: tuple[str, ...]
    address: ApplicationServerAddress | None = None
    sdf_methods: tuple[str, ...] = ()
    assists: bool = False


def service_access_information(session: Session, place: Place) -> ServiceAccessInformation:
    """Everything that the session offers; the required members alone where it offers nothing."""
    return ServiceAccessInformation(
        provisioning_session_id=session.id,
        provisioning_session_type=session.type,
        streaming_access=_streaming(session, place),
        client_consumption_reporting_configuration=_consumption(session, place),
        dynamic_policy_invocation_configuration=_policies(session, place),
        client_metrics_reporting_configurations=_metrics(session, place),
        network_assistance_configuration=_assistance(place),
        client_edge_resources_configuration=_edge(session),
    )


def last_change(session: Session) -> datetime:
    """When anything that is told of the session changed last."""
    parts = (*session.documents, *((session.hosting,) if session.hosting else ()))
    changes: list[datetime] = [part.modified for part in parts]
    return max([session.modified, *changes])


def locate(model: AiModel, session: Session, address: ApplicationServerAddress) -> AiModel:
    """`model` with the absolute URL of its manifest, once that is published and distributed."""
    locator = None
    if model.state is AiModelState.PUBLISHED:
        locator = _entry_of(session, model, address)
    return model.model_copy(update={"locator": locator})


def models_for_ues(
    models: Iterable[AiModel],
    sessions: Mapping[str, Session],
    address: ApplicationServerAddress,
    ue: Ue,
    *,
    task: str | None = None,
    name: str | None = None,
) -> tuple[AiModel, ...]:
    """Of the published models that a session of ours distributes, the versions that the UE gets, by
    name.
    """
    published: dict[str, list[AiModel]] = {}
    for model in models:
        if model.state is AiModelState.PUBLISHED and _is_distributed(model, sessions):
            published.setdefault(model.provisioning_session_id, []).append(model)
    matching = [
        locate(model, sessions[session_id], address).model_copy(update={"withheld": ()})
        for session_id, candidates in published.items()
        for model in choose(candidates, sessions[session_id], ue)
        if task in (None, model.task) and name in (None, model.name)
    ]
    return tuple(sorted(matching, key=lambda model: model.name))


def _streaming(session: Session, place: Place) -> StreamingAccess | None:
    if session.hosting is None or place.address is None:
        return None
    entries = tuple(_entry_points(session, place.address))
    return StreamingAccess(entry_points=entries) if entries else None


def _entry_points(
    session: Session, address: ApplicationServerAddress
) -> Iterator[M5MediaEntryPoint]:
    for base_url, distribution in _distributions(session, address):
        entry = distribution.entry_point
        if entry is not None:
            yield M5MediaEntryPoint(
                locator=base_url + entry.relative_path,
                content_type=entry.content_type,
                profiles=entry.profiles,
            )


def _distributions(
    session: Session, address: ApplicationServerAddress
) -> Iterator[tuple[str, DistributionConfiguration]]:
    """Each distribution with its base URL."""
    configuration = session.hosting.configuration if session.hosting else None
    if configuration is not None:
        for number, distribution in enumerate(configuration.distribution_configurations):
            yield distribution_url(session.id, number, distribution, address), distribution


def _entry_of(session: Session, model: AiModel, address: ApplicationServerAddress) -> str | None:
    """Where the model is first entered: a path that rewriting may lead on from."""
    for base_url, distribution in _distributions(session, address):
        entry = distribution.entry_point
        if entry is not None and _hosts(distribution, entry, model):
            return base_url + entry.relative_path
    return None


def _hosts(
    distribution: DistributionConfiguration, entry: M1MediaEntryPoint, model: AiModel
) -> bool:
    """Templates' models go out where the template is named, others where they are entered."""
    if model.content_preparation_template_id is None:
        entered = entered_at(distribution, entry) == model.manifest
        return entered and distribution.content_preparation_template_id is None
    return distribution.content_preparation_template_id == model.content_preparation_template_id


def _consumption(session: Session, place: Place) -> ClientConsumptionReportingConfiguration | None:
    for document in session.documents_of(DocumentKind.CONSUMPTION_REPORTING):
        configuration = document.read(ConsumptionReportingConfiguration)
        return ClientConsumptionReportingConfiguration(
            server_addresses=place.servers,
            reporting_interval=configuration.reporting_interval,
            sample_percentage=_percentage(configuration.sample_percentage),
            location_reporting=bool(configuration.location_reporting),
            access_reporting=bool(configuration.access_reporting),
        )
    return None


def _metrics(
    session: Session, place: Place
) -> tuple[ClientMetricsReportingConfiguration, ...] | None:
    documents = session.documents_of(DocumentKind.METRICS_REPORTING)
    return tuple(_metrics_of(document, place) for document in documents) or None


def _metrics_of(document: Document, place: Place) -> ClientMetricsReportingConfiguration:
    configuration = document.read(MetricsReportingConfiguration)
    return ClientMetricsReportingConfiguration(
        metrics_reporting_configuration_id=document.id,
        server_addresses=place.servers,
        scheme=effective_scheme(configuration),
        data_network_name=configuration.data_network_name,
        reporting_interval=configuration.reporting_interval,
        sample_percentage=_percentage(configuration.sample_percentage),
        url_filters=configuration.url_filters or (),
        sampling_period=configuration.sampling_period,
        metrics=effective_metrics(configuration),
    )


def _percentage(asked: float | None) -> float:
    return EVERY_CLIENT if asked is None else asked


def _policies(session: Session, place: Place) -> DynamicPolicyInvocationConfiguration | None:
    bindings = tuple(_bindings(session))
    if not bindings or not place.sdf_methods:
        return None
    return DynamicPolicyInvocationConfiguration(
        server_addresses=place.servers,
        policy_template_bindings=bindings,
        sdf_methods=place.sdf_methods,
    )


def _bindings(session: Session) -> Iterator[PolicyTemplateBinding]:
    """The templates that may be asked for."""
    for document in session.documents_of(DocumentKind.POLICY_TEMPLATE):
        if is_ready(document):
            yield PolicyTemplateBinding(
                external_reference=document.read(PolicyTemplate).external_reference,
                policy_template_id=document.id,
            )


def _assistance(place: Place) -> NetworkAssistanceConfiguration | None:
    return NetworkAssistanceConfiguration(server_addresses=place.servers) if place.assists else None


def _edge(session: Session) -> ClientEdgeResourcesConfiguration | None:
    configuration = app_driven(session)
    if configuration is None:
        return None
    requirements = configuration.eas_requirements
    return ClientEdgeResourcesConfiguration(
        eligibility_criteria=_criteria(configuration.eligibility_criteria),
        eas_discovery_template=EasDiscoveryTemplate(
            eas_id=requirements.eas_id,
            eas_type=requirements.eas_type,
            eas_provider_ids=requirements.eas_provider_ids,
            service_features=requirements.eas_features,
        ),
        eas_relocation_requirements=_relocation(configuration),
    )


def _criteria(criteria: EdgeProcessingEligibilityCriteria | None) -> dict[str, Any] | None:
    if criteria is None:
        return None
    return criteria.model_dump(mode="json", by_alias=True, exclude_none=True)


def _relocation(configuration: EdgeResourcesConfiguration) -> M5EasRelocationRequirements | None:
    relocation = configuration.eas_relocation_requirements
    if relocation is None:
        return None
    return M5EasRelocationRequirements(
        tolerance=relocation.tolerance,
        max_interruption_duration=relocation.max_interruption_duration,
    )


def _is_distributed(model: AiModel, sessions: Mapping[str, Session]) -> bool:
    session = sessions.get(model.provisioning_session_id)
    if session is None or session.hosting is None:
        return False
    return any(
        one.entry_point is not None and _hosts(one, one.entry_point, model)
        for one in session.hosting.configuration.distribution_configurations
    )
