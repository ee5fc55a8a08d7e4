"""Whether each AS follows what was provisioned in a session: an extension of M1."""

from urllib.parse import urlsplit

from aiohttp import web

from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT
from fivegms_af.exchange import show
from fivegms_af.following import Following
from fivegms_af.m1.provisioning_sessions import find_session
from fivegms_af.problems import problem_details
from fivegms_af.provisioned import JSON_MEDIA_TYPE
from fivegms_api.application_servers import ApplicationServerList, ApplicationServerReport

MAX_AGE_S = 0  # a provider who waits for the AS gets every step


async def list_application_servers(request: web.Request) -> web.Response:
    """GET: 200 with the state of every AS, in the order of the AF's configuration."""
    context = request.app[CONTEXT]
    session = await find_session(request)
    followings = context.reconciler.following(session)
    addresses = context.config.application_servers
    reports = tuple(
        _report(address.m3_url, following, request.path)
        for address, following in zip(addresses, followings, strict=True)
    )
    body = ApplicationServerList(application_servers=reports).to_json()
    return show(request, Representation(body, JSON_MEDIA_TYPE), MAX_AGE_S)


def _report(m3_url: str, following: Following, instance: str) -> ApplicationServerReport:
    reason = following.reason
    return ApplicationServerReport(
        server=without_credentials(m3_url),
        state=following.state,
        since=following.since,
        reason=problem_details(reason, instance) if reason else None,
    )


def without_credentials(url: str) -> str:
    """A URL as it may be shown.

    >>> without_credentials("https://user:secret@as.example:7779/m3")
    'https://as.example:7779/m3'
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
