"""The table of M5 routes."""

from fivegms_af.m5.models import find_models
from fivegms_af.m5.service_access_information import retrieve_service_access_information
from fivegms_af.routes import (
    M5_BASE_PATH,
    M5_EXTENSION_BASE_PATH,
    Answer,
    Api,
    Content,
    Parameter,
    Route,
)
from fivegms_api.ai_models import AiModelList
from fivegms_api.service_access_information import ServiceAccessInformation

SERVICE_ACCESS = Api("M5_ServiceAccessInformation", "2.4.0", M5_BASE_PATH)
AI_MODELS = Api("fivegms_M5_AiModels", "1.0.0", M5_EXTENSION_BASE_PATH)

M5_ROUTES = (
    Route(
        "GET",
        "/service-access-information/{provisioningSessionId}",
        retrieve_service_access_information,
        SERVICE_ACCESS,
        operation_id="retrieveServiceAccessInformation",
        summary="What a UE needs to use a session",
        answers=(Answer.shown(Content.json(ServiceAccessInformation)),),
    ),
    Route(
        "GET",
        "/models",
        find_models,
        AI_MODELS,
        operation_id="findModels",
        summary="Which published models do a task",
        query=(
            Parameter("task", "only models that do this task"),
            Parameter("name", "only models of this name"),
        ),
        answers=(Answer.shown(Content.json(AiModelList)),),
    ),
)
