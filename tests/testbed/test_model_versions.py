"""Versions of a model side by side in one session: published, rolled out, taken back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import numpy as np
import onnxruntime
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from fivegms_api.ai_model_rollouts import Rollout
from fivegms_api.ai_models import AiModelState
from fivegms_api.model_preparation import ModelDescription, ModelPreparation, TensorEvaluation
from fivegms_client import AccessOptions, open_model
from fivegms_testbed.deployment import Deployment, DeploymentConfig
from fivegms_testbed.hosting import HostingChanges
from fivegms_testbed.m1_connection import M1Connection, RequestRefused
from fivegms_testbed.model_versions import ModelVersions
from fivegms_testbed.provider import (
    PreparationFailed,
    Provider,
    Published,
    VersionExists,
)
from support.onnx_graphs import perceptron, save

X = np.ones((1, 16), np.float32)
VARIANT = {"precision": "fp32", "codec": "planes+zstd"}


def output(source: Path) -> object:
    return onnxruntime.InferenceSession(source).run(None, {"x": X})[0]


def template(version: int, **members: object) -> ModelPreparation:
    described = ModelDescription(name="net", version=version, task="toy")
    return ModelPreparation.model_validate(
        {"model": described, "source": "net.onnx", "variants": [VARIANT], **members}
    )


@dataclass
class World:
    """A deployment, a provider, and a folder for models."""

    addresses: dict[str, str]
    provider: Provider
    m1: M1Connection
    folder: Path
    first: Published | None = field(default=None)

    @property
    def session(self) -> str:
        assert self.first is not None
        return self.first.provisioning_session_id

    @property
    def versions(self) -> ModelVersions:
        return ModelVersions(self.m1, self.session, "net")

    def source(self, seed: int) -> Path:
        (self.folder / str(seed)).mkdir(exist_ok=True)
        return save(perceptron(seed=seed), self.folder / str(seed) / "net.onnx")

    async def further(self, version: int, source: Path | None = None) -> Published:
        source = source or self.source(version)
        return await self.provider.publish(source, template(version), session=self.session)

    async def version_for(self, **options: str) -> int:
        """The version that a UE of that identifier or cohort runs."""
        access = AccessOptions(reporting=False, **options)  # type: ignore[arg-type]
        model = await open_model(self.addresses["m5"], task="toy", options=access)
        try:
            return model.manifest.model.version
        finally:
            await asyncio.to_thread(model.close)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """With version 1 published."""
    async with AsyncExitStack() as stack:
        config = DeploymentConfig.on_free_ports(tmp_path / "data")
        addresses = (await stack.enter_async_context(Deployment(config))).addresses
        provider = await stack.enter_async_context(Provider(addresses["m1"]))
        m1 = await stack.enter_async_context(M1Connection(addresses["m1"]))
        world = World(addresses, provider, m1, tmp_path)
        world.first = await provider.publish(world.source(1), template(1))
        yield world


@pytest.mark.requirement("R097")
async def test_a_further_version_leaves_the_first_as_it_is(world: World) -> None:
    assert world.first is not None
    second = await world.further(2)
    assert second.provisioning_session_id == world.session
    assert (second.model.version, second.model.manifest) == (2, "net/2/model.mpd")
    newest, first = await world.versions.versions()
    assert (newest, first) == (second.model, world.first.model)
    reference = (output(world.source(seed)) for seed in (1, 2))
    for published, expected in zip((first, newest), reference, strict=True):
        model = await open_model(str(published.locator))
        np.testing.assert_array_equal(model.infer({"x": X})["y"], expected)
        await asyncio.to_thread(model.close)


@pytest.mark.requirement("R098")
async def test_a_rollout_decides_which_ue_gets_which(world: World) -> None:
    assert await world.versions.rollout() is None
    await world.further(2)
    assert await world.version_for() == 2
    await world.versions.roll_out(Rollout(version=2, percentage=0, cohort="beta"))
    assert await world.version_for(client_id="ue-1") == 1
    assert await world.version_for(cohort="beta") == 2
    await world.versions.change_rollout({"percentage": 100})
    assert await world.version_for() == 2
    assert (await world.versions.roll_back()).version == 1
    assert await world.version_for(cohort="beta") == 1
    rollout = await world.versions.rollout()
    assert rollout is not None
    assert [past.version for past in rollout.history] == [2, 2]


async def test_a_version_that_fails_takes_nothing_else_away(world: World) -> None:
    broken = perceptron(seed=2)
    broken.graph.node[1].op_type = "relu"
    source = save(broken, world.folder / "net.onnx")
    with pytest.raises(PreparationFailed, match="Relu"):
        await world.further(2, source)
    assert world.first is not None
    assert await world.provider.models(world.session) == (world.first.model,)
    path = f"/provisioning-sessions/{world.session}/content-hosting-configuration"
    hosting = await world.m1.call("GET", path)
    assert len(hosting["distributionConfigurations"]) == 1
    upload = hosting["ingestConfiguration"]["baseURL"] + "net/2/net.onnx"
    async with aiohttp.ClientSession() as http, http.head(upload) as answer:
        assert answer.status == 404
    assert (await world.further(2)).model.state is AiModelState.PUBLISHED


async def test_a_version_is_published_once(world: World) -> None:
    with pytest.raises(VersionExists, match="net version 1 already"):
        await world.further(1)


async def test_each_version_has_an_evaluation_set_of_its_own(world: World) -> None:
    source = world.source(2)
    labels = np.zeros(4, np.int64)
    np.savez(source.parent / "held_out.npz", x=np.ones((4, 16), np.float32), labels=labels)
    wanted = template(2, evaluation=TensorEvaluation(tensors="held_out.npz"))
    published = await world.provider.publish(source, wanted, session=world.session)
    figures = published.model.variants[0].accuracy
    assert [figure.data_set for figure in figures] == ["net/2/held_out.npz"]


async def test_versions_published_at_once_do_not_lose_each_other(world: World) -> None:
    published = await asyncio.gather(*(world.further(version) for version in (2, 3, 4)))
    assert [one.model.version for one in published] == [2, 3, 4]
    assert [one.version for one in await world.versions.versions()] == [4, 3, 2, 1]


async def test_a_session_without_hosting_is_said_and_left_alone(world: World) -> None:
    empty = await world.provider.create_session("app")
    with pytest.raises(RequestRefused) as refusal:
        await world.provider.publish(world.source(2), template(2), session=empty)
    assert refusal.value.status == 404
    assert await world.provider.models(empty) == ()


async def test_ues_cannot_ingest(world: World) -> None:
    url = f"{world.addresses['m4']}/m2d/{world.session}/net.onnx"
    async with aiohttp.ClientSession() as http, http.put(url, data=b"mine") as answer:
        assert answer.status == 404


class Others:
    """An AF whose hosting configuration is changed by others before each patch of ours."""

    def __init__(self, problem: dict[str, object], status: int, times: int) -> None:
        self.problem, self.status, self.times = problem, status, times
        self.patches: list[object] = []

    def app(self) -> web.Application:
        path = "/3gpp-m1/v2/provisioning-sessions/s/content-hosting-configuration"
        app = web.Application()
        app.add_routes([web.get(path, self.show), web.patch(path, self.patch)])
        return app

    async def show(self, _request: web.Request) -> web.Response:
        ids = [{"contentPreparationTemplateId": one} for one in ("a", "b", "c")]
        hosting = {"distributionConfigurations": ids}
        return web.json_response(hosting, headers={"ETag": f'"{len(self.patches)}"'})

    async def patch(self, request: web.Request) -> web.Response:
        assert request.headers["If-Match"] == f'"{len(self.patches)}"'
        self.patches.append(await request.json())
        if len(self.patches) > self.times:
            return web.json_response({})
        return web.json_response(self.problem, status=self.status)


@pytest.mark.parametrize(
    ("problem", "status"),
    [({}, 412), ({"type": "urn:fivegms:problem:changed-meanwhile"}, 409)],
)
async def test_a_race_for_the_hosting_is_run_again(
    aiohttp_server: AiohttpServer, problem: dict[str, object], status: int
) -> None:
    others = Others(problem, status, times=2)
    server = await aiohttp_server(others.app())
    async with Provider(str(server.make_url("/"))) as provider:
        await provider.hosting("s").remove("b")
    assert others.patches == 3 * [[{"op": "remove", "path": "/distributionConfigurations/1"}]]


async def test_a_race_that_never_ends_is_given_up(aiohttp_server: AiohttpServer) -> None:
    server = await aiohttp_server(Others({}, 412, times=99).app())
    async with Provider(str(server.make_url("/"))) as provider:
        with pytest.raises(HostingChanges, match="try again"):
            await provider.hosting("s").remove("b")


async def test_what_is_refused_for_another_reason_is_not_tried_again(
    aiohttp_server: AiohttpServer,
) -> None:
    others = Others({"detail": "no such member"}, 400, times=99)
    server = await aiohttp_server(others.app())
    async with Provider(str(server.make_url("/"))) as provider:
        with pytest.raises(RequestRefused, match="no such member"):
            await provider.hosting("s").remove("b")
    assert len(others.patches) == 1
