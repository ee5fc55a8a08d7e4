"""Event data for whom the provider lets have it: a data access profile's view of what UEs report.

An extension below M1, with an API of its own, so that a third party's token can open it alone.
"""

from functools import partial

from aiohttp import web

from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT
from fivegms_af.errors import SubResourceUnknown
from fivegms_af.exchange import query, show
from fivegms_af.m1.provisioning_sessions import find_session
from fivegms_af.provisioned import JSON_MEDIA_TYPE, Document, DocumentKind, Session
from fivegms_af.reports.exposure import INVOKED, expose, exposed_period
from fivegms_af.reports.paging import Period, ReportQuery, read_period
from fivegms_af.reports.series import check_ends, last_day
from fivegms_af.store.report_series import ReportSeries
from fivegms_api.event_data_processing import (
    AfEvent,
    DataAccessProfile,
    EventDataProcessingConfiguration,
)
from fivegms_api.report_views import EventData, ExposedValue

MAX_AGE_S = 0


async def retrieve_event_data(request: web.Request) -> web.Response:
    """GET: 200 with the data of a period, reduced as the profile says."""
    context = request.app[CONTEXT]
    session = await find_session(request)
    event, profile = _find(request, session)
    now = context.now()
    asked = read_period(query(request, "from", "to"), last_day(now))
    since, until = check_ends(exposed_period(profile, asked, now))
    values = await _values(context.report_series, session.id, event, profile, Period(since, until))
    data = EventData(
        event_id=event,
        data_access_profile_id=profile.data_access_profile_id,
        since=since,
        until=until,
        values=values,
    )
    return show(request, Representation(data.to_json(), JSON_MEDIA_TYPE), MAX_AGE_S)


def _find(request: web.Request, session: Session) -> tuple[AfEvent, DataAccessProfile]:
    """The event and profile that the path names; raises SubResourceUnknown."""
    configuration_id = request.match_info["eventDataProcessingConfigurationId"]
    profile_id = request.match_info["dataAccessProfileId"]
    configuration = _configuration(session, configuration_id).read(EventDataProcessingConfiguration)
    profile = configuration.profile(profile_id)
    if profile is None:
        raise SubResourceUnknown("Data Access Profile", profile_id)
    return configuration.event_id, profile


def _configuration(session: Session, configuration_id: str) -> Document:
    for document in session.documents_of(DocumentKind.EVENT_DATA_PROCESSING):
        if document.id == configuration_id:
            return document
    raise SubResourceUnknown("Event Data Processing Configuration", configuration_id)


async def _values(
    series: ReportSeries,
    session_id: str,
    event: AfEvent,
    profile: DataAccessProfile,
    period: Period,
) -> tuple[ExposedValue, ...]:
    reduce = partial(expose, profile=profile)
    wanted = ReportQuery(session_id, period)
    if event is AfEvent.MS_QOE_METRICS:
        return await series.over_values(wanted, profile.parameters, reduce, labelled=True)
    if event is AfEvent.MS_CONSUMPTION:
        return await series.over_units(wanted, reduce)
    return await series.over_invocations(session_id, INVOKED[event], period, reduce)
