"""The table of M5 routes."""

from http import HTTPStatus

from fivegms_af.m5.consumption_reporting import submit_consumption_report
from fivegms_af.m5.dynamic_policies import DYNAMIC_POLICIES
from fivegms_af.m5.metrics_reporting import submit_metrics_report
from fivegms_af.m5.models import find_models
from fivegms_af.m5.network_assistance import NETWORK_ASSISTANCE_ROUTES
from fivegms_af.m5.network_information import retrieve_network_information
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
from fivegms_api.ai_metrics import AI_METRICS_MEDIA_TYPE, AiMetricsReport
from fivegms_api.ai_models import AiModelList
from fivegms_api.consumption_report import ConsumptionReport
from fivegms_api.network_information import NetworkInformation
from fivegms_api.qoe_report import QOE_REPORT_MEDIA_TYPE
from fivegms_api.service_access_information import ServiceAccessInformation

SERVICE_ACCESS = Api("M5_ServiceAccessInformation", "2.4.0", M5_BASE_PATH)
CONSUMPTION_REPORTING = Api("M5_ConsumptionReporting", "2.2.0", M5_BASE_PATH)
METRICS_REPORTING = Api("M5_MetricsReporting", "2.0.0", M5_BASE_PATH)
AI_MODELS = Api("fivegms_M5_AiModels", "1.0.0", M5_EXTENSION_BASE_PATH)
QOS = Api("fivegms_M5_Qos", "1.0.0", M5_EXTENSION_BASE_PATH)

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
        "POST",
        "/consumption-reporting/{provisioningSessionId}",
        submit_consumption_report,
        CONSUMPTION_REPORTING,
        operation_id="submitConsumptionReport",
        summary="Submit a Consumption Report",
        accepts=(Content.json(ConsumptionReport),),
        answers=(Answer.done("The report is kept"),),
    ),
    Route(
        "POST",
        "/metrics-reporting/{provisioningSessionId}/{metricsReportingConfigurationId}",
        submit_metrics_report,
        METRICS_REPORTING,
        operation_id="submitMetricsReport",
        summary="Submit a Metrics Report, in the media type of the configuration's scheme",
        accepts=(
            Content(QOE_REPORT_MEDIA_TYPE),
            Content(AI_METRICS_MEDIA_TYPE, AiMetricsReport),
        ),
        answers=(Answer.done("The report is kept"),),
    ),
    *DYNAMIC_POLICIES.routes(),
    *NETWORK_ASSISTANCE_ROUTES,
    Route(
        "GET",
        "/network-information/{provisioningSessionId}",
        retrieve_network_information,
        QOS,
        operation_id="retrieveNetworkInformationOfSession",
        summary="What is known of the network of a session",
        answers=(Answer.shown(Content.json(NetworkInformation)),),
        refusals=(HTTPStatus.SERVICE_UNAVAILABLE,),
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
            Parameter("client", "the UE's own identifier, by which rollouts choose"),
            Parameter("cohort", "the cohort that the UE is of"),
        ),
        answers=(Answer.shown(Content.json(AiModelList)),),
    ),
)
