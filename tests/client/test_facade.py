"""The five lines of an app developer over real sockets: M5 and M4 behind one address."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

import fivegms_client
from fivegms_client.errors import BadEntry, NoModelOffered
from fivegms_client.worker_loop import run_in_worker
from fivegms_manifests.model import MPD_MEDIA_TYPE, PROFILE_URN
from support.onnx_graphs import perceptron
from support.published_model import publish

PUBLISHED = publish(perceptron(hidden=256))
SAI = "/3gpp-m5/v2/service-access-information/ps-1"


class Network:
    """M5 and M4 behind one address."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        app = web.Application()
        app.router.add_get(SAI, self._information)
        app.router.add_get("/fivegms-m5-ai/v1/models", self._models)
        app.router.add_get("/m4d/{path:.+}", self._deliver)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    async def _information(self, request: web.Request) -> web.Response:
        point = {
            "locator": f"{self.url}/m4d/model.mpd",
            "contentType": MPD_MEDIA_TYPE,
            "profiles": [PROFILE_URN],
        }
        return web.json_response(
            {
                "provisioningSessionId": "ps-1",
                "provisioningSessionType": "DOWNLINK",
                "streamingAccess": {"entryPoints": [point]},
            }
        )

    async def _models(self, request: web.Request) -> web.Response:
        model = {
            "provisioningSessionId": "ps-1",
            "contentPreparationTemplateId": "t",
            "name": "perceptron",
            "version": 1,
            "task": "tensors",
            "state": "PUBLISHED",
            "manifest": "model.mpd",
            "locator": f"{self.url}/m4d/model.mpd",
        }
        return web.json_response(
            {"aiModels": [model] if request.query["task"] == "tensors" else []}
        )

    async def _deliver(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        self.fetched.append(path)
        return web.Response(body=PUBLISHED.files[path])


@pytest.fixture
async def network() -> Iterator[Network]:  # type: ignore[misc]
    one = Network()
    await one.server.start_server()
    yield one
    await one.server.close()


@pytest.mark.requirement("R102")
async def test_a_model_is_found_by_its_task(network: Network) -> None:
    with await fivegms_client.open_model(network.url, task="tensors") as model:
        assert model.infer({"x": np.zeros((1, 16), np.float32)})["y"].shape == (1, 4)
        assert model.timings.sai_ms is not None
    with pytest.raises(NoModelOffered):
        await fivegms_client.open_model(network.url, task="other")


@pytest.mark.parametrize("entry", ["m5", "sai", "mpd"])
async def test_every_kind_of_address_leads_to_the_model(network: Network, entry: str) -> None:
    addresses = {
        "m5": (network.url, "ps-1"),
        "sai": (network.url + SAI, None),
        "mpd": (f"{network.url}/m4d/model.mpd", None),
    }
    address, session = addresses[entry]
    model = await fivegms_client.open_model(address, session=session)
    assert model.manifest.model.name == "perceptron"


async def test_a_model_is_kept_and_loaded_again(network: Network, tmp_path: Path) -> None:
    fetched = await fivegms_client.fetch_model(network.url, tmp_path, task="tensors")
    asked = len(network.fetched)
    model = fivegms_client.load(fetched.path)
    assert model.bytes_fetched == 0
    assert len(network.fetched) == asked


async def test_loading_blocks_no_notebook(tmp_path: Path) -> None:
    """Called under a running event loop, as in Jupyter."""
    path = PUBLISHED.write(tmp_path / "from")
    kept = fivegms_client.fetch(path, tmp_path / "to")
    assert fivegms_client.load(str(kept.path)).inputs[0].name == "x"


def test_loading_works_without_any_loop(tmp_path: Path) -> None:
    model = fivegms_client.load(PUBLISHED.write(tmp_path))
    outputs = model.infer({"x": np.zeros((1, 16), np.float32)})
    assert [info.name for info in model.outputs] == list(outputs)


def test_a_refusal_reaches_the_caller() -> None:
    with pytest.raises(BadEntry):
        fivegms_client.load("127.0.0.1:1")


def test_an_error_of_the_work_reaches_the_caller() -> None:
    async def fail() -> None:
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        run_in_worker(fail)


def test_an_interruption_cancels_the_work() -> None:
    """Ctrl-C reaches only the main thread; the work in the other one must hear of it."""
    tidied = []

    async def work() -> None:
        try:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            tidied.append(True)

    with pytest.raises(KeyboardInterrupt):
        run_in_worker(work)
    assert tidied == [True]
