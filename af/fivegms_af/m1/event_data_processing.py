"""The Event Data Processing Configurations of a session (TS 26.512 7.11)."""

from fivegms_af.context import Context
from fivegms_af.event_data_processing import accept_event_data_processing
from fivegms_af.m1.documents import DocumentResource
from fivegms_af.provisioned import DocumentKind, Session
from fivegms_af.routes import M1_BASE_PATH, Api
from fivegms_api.event_data_processing import EventDataProcessingConfiguration


def _accept(
    context: Context, session: Session, document_id: str, value: EventDataProcessingConfiguration
) -> EventDataProcessingConfiguration:
    return accept_event_data_processing(value)


EVENT_DATA_PROCESSING = DocumentResource(
    kind=DocumentKind.EVENT_DATA_PROCESSING,
    name="Event Data Processing Configuration",
    model=EventDataProcessingConfiguration,
    api=Api("M1_EventDataProcessingProvisioning", "2.0.1", M1_BASE_PATH),
    accept=_accept,
    id_member="event_data_processing_configuration_id",
)
