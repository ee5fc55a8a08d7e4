"""The table of M1 routes, by the YAML documents that define them."""

from http import HTTPStatus

from fivegms_af.m1 import (
    ai_models,
    application_servers,
    certificates,
    content_hosting,
    content_preparation,
    provisioning_sessions,
)
from fivegms_af.m1.consumption_reporting import CONSUMPTION_REPORTING
from fivegms_af.m1.edge_resources import EDGE_RESOURCES_CONFIGURATIONS
from fivegms_af.m1.event_data_processing import EVENT_DATA_PROCESSING
from fivegms_af.m1.metrics_reporting import METRICS_REPORTING
from fivegms_af.m1.policy_templates import POLICY_TEMPLATES
from fivegms_af.m1.qos_alarms import list_qos_alarms
from fivegms_af.m1.report_table import REPORT_ROUTES
from fivegms_af.m5.network_information import retrieve_network_information
from fivegms_af.provisioned import JSON_MEDIA_TYPE
from fivegms_af.routes import M1_BASE_PATH, PATCHES, Answer, Api, Content, Parameter, Route
from fivegms_api.ai_model_rollouts import AiModelRollout, Rollback, Rollout
from fivegms_api.ai_models import AiModel, AiModelList
from fivegms_api.application_servers import ApplicationServerList
from fivegms_api.content_hosting import ContentHostingConfiguration
from fivegms_api.content_protocols import ContentProtocols
from fivegms_api.m3 import CERTIFICATE_MEDIA_TYPE
from fivegms_api.network_information import NetworkInformation, QosAlarms
from fivegms_api.provisioning_sessions import ProvisioningSession, ProvisioningSessionRequest

SESSIONS = Api("M1_ProvisioningSessions", "2.1.0", M1_BASE_PATH)
HOSTING = Api("M1_ContentHostingProvisioning", "2.2.3", M1_BASE_PATH)
PREPARATION = Api("M1_ContentPreparationTemplatesProvisioning", "2.1.1", M1_BASE_PATH)
PROTOCOLS = Api("M1_ContentProtocolsDiscovery", "2.0.0", M1_BASE_PATH)
CERTIFICATES = Api("M1_ServerCertificatesProvisioning", "2.1.1", M1_BASE_PATH)
APPLICATION_SERVERS = Api("fivegms_M1_ApplicationServers", "1.0.0", M1_BASE_PATH)
AI_MODELS = Api("fivegms_M1_AiModels", "1.0.0", M1_BASE_PATH)
QOS = Api("fivegms_M1_Qos", "1.0.0", M1_BASE_PATH)

_ALL = "/provisioning-sessions"
_ONE = f"{_ALL}/{{provisioningSessionId}}"
_HOSTING = f"{_ONE}/content-hosting-configuration"
_CERTIFICATES = f"{_ONE}/certificates"
_CERTIFICATE = f"{_CERTIFICATES}/{{certificateId}}"
_TEMPLATES = f"{_ONE}/content-preparation-templates"
_TEMPLATE = f"{_TEMPLATES}/{{contentPreparationTemplateId}}"
_MODEL = f"{_ONE}/ai-models/{{name}}"

_SESSION = Content.json(ProvisioningSession)
_CONFIGURATION = Content.json(ContentHostingConfiguration)
_ROLLOUT = Content.json(AiModelRollout)
_ANY = Content("*/*")
_PEM = Content(CERTIFICATE_MEDIA_TYPE)
_DOMAIN_NAMES = Content(
    JSON_MEDIA_TYPE, schema={"type": "array", "items": {"type": "string"}, "uniqueItems": True}
)

M1_ROUTES = (
    Route(
        "POST",
        _ALL,
        provisioning_sessions.create_session,
        SESSIONS,
        operation_id="createProvisioningSession",
        summary="Create a Provisioning Session",
        accepts=(Content.json(ProvisioningSessionRequest),),
        answers=(Answer.created(_SESSION),),
    ),
    Route(
        "GET",
        _ONE,
        provisioning_sessions.retrieve_session,
        SESSIONS,
        operation_id="getProvisioningSessionById",
        summary="The session, with the identifiers of what is below it",
        answers=(Answer.shown(_SESSION),),
    ),
    Route(
        "DELETE",
        _ONE,
        provisioning_sessions.destroy_session,
        SESSIONS,
        operation_id="destroyProvisioningSession",
        summary="Destroy the session and everything below it, here and at the AS",
        answers=(Answer.done(),),
    ),
    Route(
        "GET",
        f"{_ONE}/protocols",
        provisioning_sessions.retrieve_protocols,
        PROTOCOLS,
        operation_id="retrieveContentProtocols",
        summary="The protocols that content may be ingested or egested with",
        answers=(Answer.shown(Content.json(ContentProtocols)),),
    ),
    Route(
        "POST",
        _CERTIFICATES,
        certificates.create_certificate,
        CERTIFICATES,
        operation_id="createOrReserveServerCertificate",
        summary="Make a certificate for the AS, or reserve one and get a signing request",
        accepts=(_DOMAIN_NAMES,),
        body_required=False,
        query=(Parameter("csr", "Present: reserve, and answer with a signing request"),),
        answers=(Answer(200, "The certificate or the signing request", (_PEM,), ("Location",)),),
    ),
    Route(
        "GET",
        _CERTIFICATE,
        certificates.retrieve_certificate,
        CERTIFICATES,
        operation_id="retrieveServerCertificate",
        summary="The certificate and the chain above it",
        answers=(Answer.shown(_PEM), Answer.done("The upload of the certificate is awaited")),
    ),
    Route(
        "PUT",
        _CERTIFICATE,
        certificates.upload_certificate,
        CERTIFICATES,
        operation_id="uploadServerCertificate",
        summary="Upload the certificate that was reserved",
        accepts=(_PEM,),
        answers=(Answer.done(),),
        refusals=(409,),
    ),
    Route(
        "DELETE",
        _CERTIFICATE,
        certificates.destroy_certificate,
        CERTIFICATES,
        operation_id="destroyServerCertificate",
        summary="Destroy a certificate that no distribution refers to",
        answers=(Answer.done(),),
    ),
    Route(
        "GET",
        f"{_ONE}/application-servers",
        application_servers.list_application_servers,
        APPLICATION_SERVERS,
        operation_id="listApplicationServers",
        summary="Whether each AS follows what was provisioned",
        answers=(Answer.shown(Content.json(ApplicationServerList)),),
    ),
    Route(
        "POST",
        _HOSTING,
        content_hosting.create_hosting,
        HOSTING,
        operation_id="createContentHostingConfiguration",
        summary="Host content; a session has one Content Hosting Configuration",
        accepts=(_CONFIGURATION,),
        answers=(Answer.created(_CONFIGURATION),),
    ),
    Route(
        "GET",
        _HOSTING,
        content_hosting.retrieve_hosting,
        HOSTING,
        operation_id="retrieveContentHostingConfiguration",
        summary="The Content Hosting Configuration, with what the AF assigned",
        answers=(Answer.shown(_CONFIGURATION),),
    ),
    Route(
        "PUT",
        _HOSTING,
        content_hosting.update_hosting,
        HOSTING,
        operation_id="updateContentHostingConfiguration",
        summary="Replace the Content Hosting Configuration",
        accepts=(_CONFIGURATION,),
        answers=(Answer.done(),),
    ),
    Route(
        "PATCH",
        _HOSTING,
        content_hosting.patch_hosting,
        HOSTING,
        operation_id="patchContentHostingConfiguration",
        summary="Change members of the Content Hosting Configuration",
        accepts=PATCHES,
        answers=(Answer.shown(_CONFIGURATION),),
    ),
    Route(
        "DELETE",
        _HOSTING,
        content_hosting.destroy_hosting,
        HOSTING,
        operation_id="destroyContentHostingConfiguration",
        summary="Stop hosting content",
        answers=(Answer.done(),),
    ),
    Route(
        "POST",
        f"{_HOSTING}/purge",
        content_hosting.purge,
        HOSTING,
        operation_id="purgeContentHostingCache",
        summary="Drop cached content whose URL matches a regular expression (RE2)",
        accepts=(
            Content(
                content_hosting.FORM,
                schema={
                    "type": "object",
                    "properties": {"pattern": {"type": "string"}},
                    "additionalProperties": False,
                },
            ),
        ),
        answers=(
            Answer(
                200,
                "The number of objects dropped at all AS together",
                (Content("application/json", schema={"type": "integer", "minimum": 1}),),
            ),
            Answer.done("Nothing matched"),
        ),
    ),
    Route(
        "POST",
        _TEMPLATES,
        content_preparation.create_template,
        PREPARATION,
        operation_id="createContentPreparationTemplate",
        summary="Create a Content Preparation Template of any media type",
        accepts=(_ANY,),
        answers=(Answer.created(_ANY),),
    ),
    Route(
        "GET",
        _TEMPLATE,
        content_preparation.retrieve_template,
        PREPARATION,
        operation_id="retrieveContentPreparationTemplate",
        summary="The template, byte for byte",
        answers=(Answer.shown(_ANY),),
    ),
    Route(
        "PUT",
        _TEMPLATE,
        content_preparation.update_template,
        PREPARATION,
        operation_id="updateContentPreparationTemplate",
        summary="Replace the template",
        accepts=(_ANY,),
        answers=(Answer.done(),),
    ),
    Route(
        "PATCH",
        _TEMPLATE,
        content_preparation.patch_template,
        PREPARATION,
        operation_id="patchContentPreparationTemplate",
        summary="Change members of a template that is JSON",
        accepts=PATCHES,
        answers=(Answer.shown(_ANY),),
    ),
    Route(
        "DELETE",
        _TEMPLATE,
        content_preparation.destroy_template,
        PREPARATION,
        operation_id="destroyContentPreparationTemplate",
        summary="Destroy a template that nothing refers to",
        answers=(Answer.done(),),
    ),
    Route(
        "GET",
        f"{_ONE}/ai-models",
        ai_models.list_models,
        AI_MODELS,
        operation_id="listAiModels",
        summary="The session's models and how far each is on its way to the UE",
        answers=(Answer.shown(Content.json(AiModelList)),),
    ),
    Route(
        "GET",
        _MODEL,
        ai_models.retrieve_model,
        AI_MODELS,
        operation_id="retrieveAiModel",
        summary="The newest version of a model",
        answers=(Answer.shown(Content.json(AiModel)),),
    ),
    Route(
        "GET",
        f"{_MODEL}/versions",
        ai_models.list_versions,
        AI_MODELS,
        operation_id="listAiModelVersions",
        summary="Every version of a model, newest first",
        answers=(Answer.shown(Content.json(AiModelList)),),
    ),
    Route(
        "GET",
        f"{_MODEL}/versions/{{version}}",
        ai_models.retrieve_version,
        AI_MODELS,
        operation_id="retrieveAiModelVersion",
        summary="One version of a model",
        answers=(Answer.shown(Content.json(AiModel)),),
    ),
    Route(
        "GET",
        f"{_MODEL}/rollout",
        ai_models.retrieve_rollout,
        AI_MODELS,
        operation_id="retrieveAiModelRollout",
        summary="Which version of a model UEs get",
        answers=(Answer.shown(_ROLLOUT),),
    ),
    Route(
        "PUT",
        f"{_MODEL}/rollout",
        ai_models.update_rollout,
        AI_MODELS,
        operation_id="updateAiModelRollout",
        summary="Say which version of a model UEs get",
        answers=(Answer.done("In force"),),
        accepts=(Content.json(Rollout),),
        refusals=(HTTPStatus.CONFLICT, HTTPStatus.BAD_GATEWAY),
    ),
    Route(
        "PATCH",
        f"{_MODEL}/rollout",
        ai_models.patch_rollout,
        AI_MODELS,
        operation_id="patchAiModelRollout",
        summary="Change who gets which version of a model",
        answers=(Answer.shown(_ROLLOUT),),
        accepts=PATCHES,
        refusals=(HTTPStatus.CONFLICT, HTTPStatus.BAD_GATEWAY),
    ),
    Route(
        "DELETE",
        f"{_MODEL}/rollout",
        ai_models.destroy_rollout,
        AI_MODELS,
        operation_id="destroyAiModelRollout",
        summary="Give every UE the newest published version again",
        answers=(Answer.done(),),
    ),
    Route(
        "POST",
        f"{_MODEL}/rollback",
        ai_models.roll_back_model,
        AI_MODELS,
        operation_id="rollBackAiModel",
        summary="Put every UE on an earlier version of a model",
        answers=(Answer.shown(_ROLLOUT),),
        accepts=(Content.json(Rollback),),
        refusals=(HTTPStatus.CONFLICT, HTTPStatus.BAD_GATEWAY),
    ),
    Route(
        "GET",
        f"{_ONE}/network-information",
        retrieve_network_information,
        QOS,
        operation_id="retrieveNetworkInformation",
        summary="What is known of the network of the session",
        answers=(Answer.shown(Content.json(NetworkInformation)),),
        refusals=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Route(
        "GET",
        f"{_ONE}/qos-alarms",
        list_qos_alarms,
        QOS,
        operation_id="listQosAlarms",
        summary="Where the network fell short, newest first",
        query=(Parameter("state", "open or all", {"type": "string", "enum": ["open", "all"]}),),
        answers=(Answer.shown(Content.json(QosAlarms)),),
    ),
    *POLICY_TEMPLATES.routes(),
    *CONSUMPTION_REPORTING.routes(),
    *METRICS_REPORTING.routes(),
    *EDGE_RESOURCES_CONFIGURATIONS.routes(),
    *EVENT_DATA_PROCESSING.routes(),
    *REPORT_ROUTES,
)
