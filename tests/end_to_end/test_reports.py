"""Reports from a UE to its provider, through a real AF: while it is up, and when it is not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fivegms_client
from fivegms_api.model_preparation import ModelDescription, ModelPreparation
from fivegms_client import AccessOptions, RunnableModel
from fivegms_testbed.deployment import Deployment, DeploymentConfig
from fivegms_testbed.provider import Provider
from support.onnx_graphs import perceptron, save

X = {"x": np.zeros((1, 16), np.float32)}


class Published:
    """A model of a deployment, whose session asks for reports."""

    def __init__(self, provider: Provider, session: str, m5: str) -> None:
        self.provider = provider
        self.session = session
        self.m5 = m5

    async def open(self, **options: Any) -> RunnableModel:
        return await fivegms_client.open_model(
            self.m5, session=self.session, options=AccessOptions(**options)
        )

    async def counts(self) -> tuple[int, int]:
        metrics = await self.provider.metrics_reports(self.session)
        consumption = await self.provider.consumption_reports(self.session)
        return len(metrics.metrics_reports), len(consumption.consumption_reports)


@pytest.fixture
async def published(tmp_path: Path) -> AsyncIterator[Published]:
    template = ModelPreparation(
        model=ModelDescription(name="perceptron", task="tensors"), source="m.onnx"
    )
    source = save(perceptron(hidden=64), tmp_path / "m.onnx")
    async with AsyncExitStack() as stack:
        config = DeploymentConfig.on_free_ports(tmp_path / "state")
        deployment = await stack.enter_async_context(Deployment(config))
        addresses = deployment.addresses
        provider = await stack.enter_async_context(Provider(addresses["m1"]))
        done = await provider.publish(source, template)
        await provider.ask_for_reports(done.provisioning_session_id)
        yield Published(provider, done.provisioning_session_id, addresses["m5"])


@pytest.mark.requirement("R009d")
async def test_what_was_used_is_reported_when_it_is_closed(published: Published) -> None:
    model = await published.open(client_id="ue-42")
    model.infer(X)
    model.infer(X)
    assert await published.counts() == (0, 0)
    await asyncio.to_thread(model.close)
    (report,) = (await published.provider.metrics_reports(published.session)).metrics_reports
    values = {value.metric: value.value for value in report.values}
    assert report.reporting_client_id == "ue-42"
    assert values["inferenceLatency.count"] == 2
    assert values["bytes.weights"] + values["bytes.topology"] == model.bytes_fetched
    (consumed,) = (
        await published.provider.consumption_reports(published.session)
    ).consumption_reports
    assert consumed.units[0].media_consumed == f"perceptron/1/{model.selection.chosen.id}"


async def test_a_model_found_by_its_task_is_reported_too(published: Published) -> None:
    model = await fivegms_client.open_model(published.m5, task="tensors")
    model.infer(X)
    await asyncio.to_thread(model.close)
    assert await published.counts() == (1, 1)


async def test_a_model_that_is_forgotten_is_reported(published: Published) -> None:
    model = await published.open()
    model.infer(X)
    forgotten = [model]
    del model
    await asyncio.to_thread(forgotten.clear)
    assert await published.counts() == (1, 1)


async def test_nothing_is_reported_where_the_app_says_so(published: Published) -> None:
    model = await published.open(reporting=False)
    model.infer(X)
    await asyncio.to_thread(model.close)
    assert await published.counts() == (0, 0)


async def test_what_was_not_used_is_not_reported(published: Published) -> None:
    model = await published.open()
    await asyncio.to_thread(model.close)
    assert await published.counts() == (0, 0)
