"""The table of M5 routes."""

from fivegms_af.m5.models import find_models
from fivegms_af.m5.service_access_information import retrieve_service_access_information
from fivegms_af.routes import M5_BASE_PATH, M5_EXTENSION_BASE_PATH, Api, Route

SERVICE_ACCESS = Api("M5_ServiceAccessInformation", "2.4.0", M5_BASE_PATH)
AI_MODELS = Api("fivegms_M5_AiModels", "1.0.0", M5_EXTENSION_BASE_PATH)

M5_ROUTES = (
    Route(
        "GET",
        "/service-access-information/{provisioningSessionId}",
        retrieve_service_access_information,
        SERVICE_ACCESS,
    ),
    Route("GET", "/models", find_models, AI_MODELS),
)
