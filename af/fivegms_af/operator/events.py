"""The stream of what happens, for the console."""

from contextlib import aclosing

from aiohttp import hdrs, web

from fivegms_af.context import CONTEXT


async def stream_events(request: web.Request) -> web.StreamResponse:
    """GET: 200, `text/event-stream` until either side ends it."""
    async with aclosing(request.app[CONTEXT].events.news()) as news:
        first = await anext(news)
        headers: dict[str, str] = {
            hdrs.CONTENT_TYPE: "text/event-stream; charset=utf-8",
            hdrs.CACHE_CONTROL: "no-store",
        }
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await response.write(first)
        async for message in news:
            await response.write(message)
        return response
