"""What a provider prepared is published as it is: found by its task, in versions, sent once."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from fivegms_api.ai_model_rollouts import Rollout
from fivegms_api.ai_models import AiModelState
from fivegms_api.model_preparation import ModelPreparation
from fivegms_client import AccessOptions, open_model
from fivegms_prepare.preparation import prepare
from fivegms_testbed.deployment import Deployment, DeploymentConfig
from fivegms_testbed.m1_connection import M1Connection, RequestRefused
from fivegms_testbed.model_versions import ModelVersions
from fivegms_testbed.prepared_folder import PreparedFolder, read_prepared
from fivegms_testbed.provider import Provider, SourceUnknown, UploadUnfinished, VersionExists
from fivegms_testbed.trace import Trace
from support.onnx_graphs import perceptron, save

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
X = np.ones((1, 16), np.float32)
FP32 = {"precision": "fp32", "codec": "planes+zstd"}


def template(version: int = 1, **members: object) -> ModelPreparation:
    described = {"name": "net", "version": version, "task": "toy"}
    return ModelPreparation.model_validate(
        {"model": described, "source": "net.onnx", "variants": [FP32], **members}
    )


@dataclass
class World:
    """A deployment, a provider whose calls are traced, and a folder for what it prepares."""

    addresses: dict[str, str]
    provider: Provider
    trace: Trace
    folder: Path

    def source(self, version: int = 1) -> Path:
        path = self.folder / str(version)
        path.mkdir(exist_ok=True)
        return save(perceptron(seed=version, hidden=256), path / "net.onnx")

    def prepared(self, version: int = 1, **members: object) -> PreparedFolder:
        out = self.folder / f"out{version}"
        source = self.source(version)
        prepare(source, template(version, **members), out, evaluation_dir=self.folder, now=NOW)
        return read_prepared(out)

    def sent(self) -> list[str]:
        """The names of the files that were uploaded, in order."""
        puts = [call for call in self.trace.calls if call.method == "PUT"]
        return [call.url.rsplit("/", 1)[-1] for call in puts]

    async def version_for_ues(self) -> int:
        """The version that a UE gets that knows the task only, and that it runs."""
        options = AccessOptions(reporting=False)
        model = await open_model(self.addresses["m5"], task="toy", options=options)
        try:
            assert model.infer({"x": X})["y"].shape == (1, 4)
            return model.manifest.model.version
        finally:
            await asyncio.to_thread(model.close)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    config = DeploymentConfig.on_free_ports(tmp_path / "data")
    trace = Trace()
    async with Deployment(config) as running:
        traced = [trace.config()]
        async with Provider(running.addresses["m1"], trace_configs=traced) as provider:
            yield World(running.addresses, provider, trace, tmp_path)


@pytest.mark.requirement("R038")
@pytest.mark.requirement("R099")
async def test_a_prepared_folder_is_found_by_its_task(world: World) -> None:
    folder = world.prepared()
    published = await world.provider.publish_prepared(folder)
    assert published.model.state is AiModelState.PUBLISHED
    assert published.model.content_preparation_template_id is None
    assert [one.id for one in published.model.variants] == ["fp32"]
    assert str(published.model.locator).endswith("/net/1/model.mpd")
    assert world.sent() == [path.rsplit("/", 1)[-1] for path, _ in folder.files]
    assert await world.version_for_ues() == 1


@pytest.mark.requirement("R097")
async def test_versions_prepared_here_and_there_are_rolled_out_alike(world: World) -> None:
    first = await world.provider.publish(world.source(1), template(1))
    session = first.provisioning_session_id
    second = await world.provider.publish_prepared(world.prepared(2), session=session)
    assert second.provisioning_session_id == session
    assert await world.version_for_ues() == 2
    third = await world.provider.publish(world.source(3), template(3), session=session)
    assert third.model.manifest == "net/3/model.mpd"
    async with M1Connection(world.addresses["m1"]) as m1:
        versions = ModelVersions(m1, session, "net")
        assert [one.version for one in await versions.versions()] == [3, 2, 1]
        await versions.roll_out(Rollout(version=2))
    assert await world.version_for_ues() == 2


async def test_what_was_sent_is_not_sent_again(world: World, tmp_path: Path) -> None:
    folder = world.prepared()
    first = await world.provider.publish_prepared(folder)
    world.trace.calls.clear()
    session = first.provisioning_session_id
    again = await world.provider.publish_prepared(folder, session=session)
    assert again.model == first.model
    assert world.sent() == []


async def test_a_publication_that_broke_off_goes_on(world: World, tmp_path: Path) -> None:
    folder = world.prepared()
    gone, file = folder.files[-2]
    shutil.move(file, tmp_path / "away")
    told: list[str] = []
    with pytest.raises(FileNotFoundError):
        await world.provider.publish_prepared(folder, on_session=told.append)
    [session] = told
    assert await world.provider.models(session) == ()
    shutil.move(tmp_path / "away", file)
    world.trace.calls.clear()
    published = await world.provider.publish_prepared(folder, session=session)
    assert published.model.state is AiModelState.PUBLISHED
    assert world.sent() == [gone.rsplit("/", 1)[-1], "model.mpd"]


async def test_another_model_of_that_version_is_refused(world: World) -> None:
    first = await world.provider.publish_prepared(world.prepared())
    shutil.rmtree(world.folder / "out1")
    other = world.prepared(variants=[{"precision": "fp16", "codec": "planes+zstd"}])
    session = first.provisioning_session_id
    with pytest.raises(VersionExists, match="another version"):
        await world.provider.publish_prepared(other, session=session)
    with pytest.raises(VersionExists, match="another version"):
        await world.provider.publish(world.source(), template(), session=session)


async def test_a_refused_file_leaves_what_arrived(world: World) -> None:
    folder = world.prepared()
    name, _ = folder.files[0]
    empty = world.folder / "empty"
    empty.touch()
    broken = replace(folder, files=((name, empty), *folder.files[1:]))
    with pytest.raises(UploadUnfinished, match="publish with --session") as failure:
        await world.provider.publish_prepared(broken)
    session = failure.value.session_id
    published = await world.provider.publish_prepared(folder, session=session)
    assert published.provisioning_session_id == session


@pytest.mark.requirement("R148")
async def test_a_delta_starts_from_a_version_that_the_session_has(world: World) -> None:
    layered = {"precision": "fp32", "codec": "layered"}
    variants = {"variants": [FP32, layered]}
    first = await world.provider.publish(world.source(1), template(1, **variants))
    session = first.provisioning_session_id
    base = await world.provider.source_of(session, "net", 1)
    assert base == "net.onnx"
    deltas = [{"base": base, "baseVersion": 1}]
    second = await world.provider.publish(
        world.source(2), template(2, deltas=deltas, **variants), session=session, held=[base]
    )
    ids = [one.id for one in second.model.variants]
    assert sorted(ids) == ["fp16-layer", "fp32", "fp32-from-1", "fp32-layer", "int8"]
    [delta] = [one.delta for one in second.model.variants if one.delta is not None]
    assert (delta.base_version, delta.base_variant) == (1, "fp32")
    further = await world.provider.source_of(session, "net", 2)
    assert further == "net/2/net.onnx"
    assert world.sent().count("net.onnx") == 2


async def test_a_source_that_the_session_has_not(world: World) -> None:
    published = await world.provider.publish_prepared(world.prepared())
    session = published.provisioning_session_id
    for version in (1, 7):
        with pytest.raises(SourceUnknown, match="FILE"):
            await world.provider.source_of(session, "net", version)


async def test_a_session_that_cannot_host_is_taken_back(world: World) -> None:
    folder = replace(world.prepared(), manifest_name="a" * 1100)
    with pytest.raises(RequestRefused):
        await world.provider.publish_prepared(folder)
    assert world.trace.calls[-1].method == "DELETE"
