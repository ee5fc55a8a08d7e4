"""Reports leave beside the app: over a poster in memory, and over real sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Event

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fivegms_client.authorization import BearerToken, TokenKeeper
from fivegms_client.device import measure_device
from fivegms_client.errors import AccessRefused, FetchInterrupted, NotFound
from fivegms_client.report_sender import Poster, Reporter, http_poster
from fivegms_client.reporting import Delivery, Report, ReportingSession, ReportTask, Subject
from fivegms_client.selection import select
from support.onnx_graphs import perceptron
from support.published_model import publish

MANIFEST = publish(perceptron(hidden=8)).manifest


class MemoryPoster:
    """Takes reports, after the failures that were ordered."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.asked: list[str] = []
        self.taken: list[Report] = []
        self.tried = Event()

    async def post(self, url: str, report: Report) -> None:
        self.asked.append(url)
        self.tried.set()
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(report)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Poster]:
        yield self


def reporter(poster: MemoryPoster, *tasks: ReportTask) -> Reporter:
    selection = select(MANIFEST.model, MANIFEST.subsets[0], measure_device())
    subject = Subject("http://as.test/m.mpd", MANIFEST.model, (selection,), Delivery(), "ue")
    one = Reporter(ReportingSession(tasks, subject, now=0.0), poster.connect)
    one.start()
    return one


def test_the_last_reports_leave_at_the_end() -> None:
    poster = MemoryPoster()
    one = reporter(poster, ReportTask(("u",), None), ReportTask(("v",), None, frozenset()))
    one.inferred(1.0, 2.0)
    assert poster.asked == []
    one.stop()
    one.stop()
    assert poster.asked == ["u", "v"]


def test_reports_leave_while_the_model_is_in_use() -> None:
    poster = MemoryPoster()
    one = reporter(poster)
    one.stop()
    busy = reporter(poster, ReportTask(("u",), 1e-6))
    while not poster.tried.is_set():
        busy.inferred(1.0, 2.0)
    busy.stop()
    assert poster.asked[0] == "u"


def test_an_af_that_does_not_answer_at_the_end_is_not_waited_for() -> None:
    poster = MemoryPoster(FetchInterrupted("down"), FetchInterrupted("down"))
    one = reporter(poster, ReportTask(("u",), None), ReportTask(("v",), None))
    one.inferred(1.0, 2.0)
    one.stop()
    assert (poster.asked, poster.taken) == (["u"], [])


def test_a_report_that_is_refused_is_not_sent_again() -> None:
    poster = MemoryPoster(AccessRefused("no"))
    one = reporter(poster, ReportTask(("u",), None), ReportTask(("v",), None))
    one.inferred(1.0, 2.0)
    one.stop()
    assert poster.asked == ["u", "v"]


class ForgetfulPoster(MemoryPoster):
    """While it sends, the model is forgotten: garbage is collected in any thread."""

    one: Reporter

    async def post(self, url: str, report: Report) -> None:
        self.one.stop()
        await super().post(url, report)


def test_the_thread_of_the_reports_may_end_them() -> None:
    poster = ForgetfulPoster()
    poster.one = reporter(poster, ReportTask(("u",), 1e-6), ReportTask(("v",), None))
    while not poster.tried.is_set():
        poster.one.inferred(1.0, 2.0)
    poster.one.stop()
    assert poster.asked[0] == "u"
    assert poster.asked[-1] == "v"


class Af:
    """An AF that answers with the statuses of a list."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.seen: list[tuple[str, str | None, bytes]] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.seen.append((request.content_type, request.headers.get("Authorization"), body))
        return web.Response(status=self.statuses.pop(0))


@asynccontextmanager
async def serving(af: Af) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/r", af.take)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("/r"))
    finally:
        await server.close()


REPORT = Report((), "application/json", b"{}")


async def test_over_http() -> None:
    af = Af(204, 404, 503, 301)
    keeper = TokenKeeper(BearerToken("t"))
    async with serving(af) as url, http_poster(keeper) as poster:
        await poster.post(url.replace("127.0.0.1", "localhost"), REPORT)
        with pytest.raises(NotFound):
            await poster.post(url, REPORT)
        with pytest.raises(FetchInterrupted):
            await poster.post(url, REPORT)
        with pytest.raises(AccessRefused):
            await poster.post(url, REPORT)
    assert af.seen[0] == ("application/json", "Bearer t", b"{}")


async def test_nobody_listens() -> None:
    async with http_poster() as poster:
        with pytest.raises(FetchInterrupted):
            await poster.post("http://127.0.0.1:1/r", REPORT)
        with pytest.raises(AccessRefused):
            await poster.post("http://[/r", REPORT)
        with pytest.raises(AccessRefused):
            await poster.post(f"http://{'x' * 64}.test/r", REPORT)
