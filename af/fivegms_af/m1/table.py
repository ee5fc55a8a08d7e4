"""The table of M1 routes, by the YAML documents that define them."""

from fivegms_af.m1 import ai_models, content_hosting, content_preparation, provisioning_sessions
from fivegms_af.routes import M1_BASE_PATH, Api, Route

SESSIONS = Api("M1_ProvisioningSessions", "2.1.0", M1_BASE_PATH)
HOSTING = Api("M1_ContentHostingProvisioning", "2.2.3", M1_BASE_PATH)
PREPARATION = Api("M1_ContentPreparationTemplatesProvisioning", "2.1.1", M1_BASE_PATH)
PROTOCOLS = Api("M1_ContentProtocolsDiscovery", "2.0.0", M1_BASE_PATH)
AI_MODELS = Api("fivegms_M1_AiModels", "1.0.0", M1_BASE_PATH)

_ALL = "/provisioning-sessions"
_ONE = f"{_ALL}/{{provisioningSessionId}}"
_HOSTING = f"{_ONE}/content-hosting-configuration"
_TEMPLATES = f"{_ONE}/content-preparation-templates"
_TEMPLATE = f"{_TEMPLATES}/{{contentPreparationTemplateId}}"

M1_ROUTES = (
    Route("POST", _ALL, provisioning_sessions.create_session, SESSIONS),
    Route("GET", _ONE, provisioning_sessions.retrieve_session, SESSIONS),
    Route("DELETE", _ONE, provisioning_sessions.destroy_session, SESSIONS),
    Route("GET", f"{_ONE}/protocols", provisioning_sessions.retrieve_protocols, PROTOCOLS),
    Route("POST", _HOSTING, content_hosting.create_hosting, HOSTING),
    Route("GET", _HOSTING, content_hosting.retrieve_hosting, HOSTING),
    Route("PUT", _HOSTING, content_hosting.update_hosting, HOSTING),
    Route("PATCH", _HOSTING, content_hosting.patch_hosting, HOSTING),
    Route("DELETE", _HOSTING, content_hosting.destroy_hosting, HOSTING),
    Route("POST", f"{_HOSTING}/purge", content_hosting.purge, HOSTING),
    Route("POST", _TEMPLATES, content_preparation.create_template, PREPARATION),
    Route("GET", _TEMPLATE, content_preparation.retrieve_template, PREPARATION),
    Route("PUT", _TEMPLATE, content_preparation.update_template, PREPARATION),
    Route("PATCH", _TEMPLATE, content_preparation.patch_template, PREPARATION),
    Route("DELETE", _TEMPLATE, content_preparation.destroy_template, PREPARATION),
    Route("GET", f"{_ONE}/ai-models", ai_models.list_models, AI_MODELS),
    Route("GET", f"{_ONE}/ai-models/{{name}}", ai_models.retrieve_model, AI_MODELS),
)
