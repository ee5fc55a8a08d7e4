"""Metrics reports of UEs (TS 26.512 11.4): the configuration's scheme says in which media type."""

from aiohttp import hdrs, web

from fivegms_af.context import CONTEXT
from fivegms_af.exchange import no_content, read_body
from fivegms_af.m1.provisioning_sessions import find_session
from fivegms_af.reports.acceptance import accept_metrics


async def submit_metrics_report(request: web.Request) -> web.Response:
    """POST: 204 once the report is durable; 415 where the scheme has another media type."""
    context = request.app[CONTEXT]
    session = await find_session(request)
    configuration_id = request.match_info["metricsReportingConfigurationId"]
    content_type = request.headers.get(hdrs.CONTENT_TYPE)
    body = await read_body(request)
    record = accept_metrics(session, configuration_id, content_type, body, context.now())
    await context.reports.keep_metrics(record)
    return no_content()
