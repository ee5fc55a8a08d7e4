"""Consumption reports of UEs (TS 26.512 11.3)."""

from aiohttp import hdrs, web

from fivegms_af.context import CONTEXT
from fivegms_af.exchange import no_content, read_body
from fivegms_af.m1.provisioning_sessions import find_session
from fivegms_af.reports.acceptance import accept_consumption


async def submit_consumption_report(request: web.Request) -> web.Response:
    """POST: 204 once the report is durable; 404 where the session asks for none."""
    context = request.app[CONTEXT]
    session = await find_session(request)
    content_type = request.headers.get(hdrs.CONTENT_TYPE)
    body = await read_body(request)
    await context.reports.keep_consumption(
        accept_consumption(session, content_type, body, context.now())
    )
    return no_content()
