"""`/metrics`: what Prometheus scrapes. What is not counted as it happens is looked up here."""

from aiohttp import hdrs, web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from fivegms_af.context import CONTEXT, Context
from fivegms_af.m1.application_servers import without_credentials


async def expose_metrics(request: web.Request) -> web.Response:
    """GET: 200 in Prometheus' text format; 503 while the database does not answer."""
    context = request.app[CONTEXT]
    await _look(context)
    body = context.metrics.exposition()
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_PLAIN_0_0_4})


async def _look(context: Context) -> None:
    metrics, reconciler = context.metrics, context.reconciler
    metrics.sessions.set(await context.store.count())
    for kind, number in (await context.resource_counts.read()).items():
        metrics.documents.labels(kind).set(number)
    for kind, number in (await context.policy.resources.counts()).items():
        metrics.session_handling.labels(kind.value).set(number)
    states = zip(
        context.config.application_servers,
        reconciler.unreachable,
        reconciler.refused_sessions,
        strict=False,
    )
    for address, unreachable, refused in states:
        server = without_credentials(address.m3_url)
        metrics.server_up.labels(server).set(unreachable is None)
        metrics.server_refused_sessions.labels(server).set(refused)
