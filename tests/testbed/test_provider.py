"""A provider publishes, follows and withdraws models; what fails leaves nothing behind."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import onnx
import pytest

from fivegms_api.ai_models import AiModel, AiModelState
from fivegms_api.model_preparation import ModelDescription, ModelPreparation, TensorEvaluation
from fivegms_testbed.deployment import Deployment, DeploymentConfig
from fivegms_testbed.hosting import HostedModel
from fivegms_testbed.m1_connection import AfUnreachable, M1Connection, NoAddress, RequestRefused
from fivegms_testbed.provider import PreparationFailed, Provider
from fivegms_testbed.publication import FileMissing
from fivegms_testbed.trace import Trace
from support.onnx_graphs import perceptron, save

TEMPLATE = ModelPreparation(
    model=ModelDescription(name="perceptron", task="toy"), source="perceptron.onnx"
)


@pytest.fixture
async def deployment(tmp_path: Path) -> AsyncIterator[Deployment]:
    async with Deployment(DeploymentConfig.on_free_ports(tmp_path / "data")) as running:
        yield running


@pytest.fixture
async def provider(deployment: Deployment) -> AsyncIterator[Provider]:
    async with Provider(deployment.addresses["m1"]) as client:
        yield client


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return save(perceptron(), tmp_path / "perceptron.onnx")


async def _offered(deployment: Deployment) -> list[object]:
    url = deployment.addresses["m5"] + "/fivegms-m5-ai/v1/models"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        models = await answer.json()
    return list(models["aiModels"])


async def test_a_published_model_is_offered_until_its_session_is_destroyed(
    deployment: Deployment, provider: Provider, source: Path
) -> None:
    states: list[AiModel] = []
    published = await provider.publish(source, TEMPLATE, on_state=states.append)
    assert published.model.state is AiModelState.PUBLISHED
    assert published.model.source_bytes == source.stat().st_size
    assert states[-1] == published.model
    assert len(await _offered(deployment)) == 1
    await provider.destroy_session(published.provisioning_session_id)
    assert await _offered(deployment) == []


async def test_a_model_that_cannot_be_prepared_is_taken_back(
    deployment: Deployment, tmp_path: Path
) -> None:
    model = perceptron()
    model.graph.node[1].op_type = "relu"
    broken = save(model, tmp_path / "perceptron.onnx")
    trace = Trace()
    async with Provider(deployment.addresses["m1"], trace_configs=[trace.config()]) as provider:
        with pytest.raises(PreparationFailed, match="Relu") as refusal:
            await provider.publish(broken, TEMPLATE)
        reason = refusal.value.model.reason
        assert reason is not None
        assert reason.type.endswith("operator-case")
        session = refusal.value.model.provisioning_session_id
        with pytest.raises(RequestRefused) as gone:
            await provider.models(session)
    assert gone.value.status == 404
    assert await _offered(deployment) == []


async def test_a_missing_evaluation_set_is_noticed_before_any_request(
    source: Path, unused_tcp_port: int
) -> None:
    template = TEMPLATE.model_copy(update={"evaluation": TensorEvaluation(tensors="held_out.npz")})
    async with Provider(f"http://127.0.0.1:{unused_tcp_port}") as provider:
        with pytest.raises(FileMissing, match=r"held_out\.npz"):
            await provider.publish(source, template)


async def test_no_af_is_said_with_advice(source: Path, unused_tcp_port: int) -> None:
    async with Provider(f"http://127.0.0.1:{unused_tcp_port}") as provider:
        with pytest.raises(AfUnreachable, match="fivegms serve"):
            await provider.publish(source, TEMPLATE)


@pytest.mark.parametrize("address", ["127.0.0.1:7777", "localhost", "ftp://host", "http://", ""])
def test_what_is_no_address_is_named(address: str) -> None:
    with pytest.raises(NoAddress, match="http://HOST:PORT"):
        Provider(address)


async def test_a_refusal_names_the_member(provider: Provider) -> None:
    session = await provider.create_session("app")
    template_id = await provider.create_template(session, TEMPLATE)
    other = HostedModel("perceptron", 1, "elsewhere.mpd", template_id)
    with pytest.raises(RequestRefused, match="relativePath") as refusal:
        await provider.hosting(session).create(other)
    assert refusal.value.status == 400


async def test_weights_beside_the_model_are_sent_with_it(
    deployment: Deployment, provider: Provider, tmp_path: Path
) -> None:
    source = tmp_path / "perceptron.onnx"
    onnx.save_model(
        perceptron(), source, save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    published = await provider.publish(source, TEMPLATE)
    assert published.model.state is AiModelState.PUBLISHED
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(FileMissing, match=r"weights\.bin"):
        await provider.publish(source, TEMPLATE)
    assert len(await _offered(deployment)) == 1


async def test_external_data_cannot_be_named_by_an_upload(
    provider: Provider, tmp_path: Path
) -> None:
    model = perceptron()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/passwd")
    hostile = save(model, tmp_path / "perceptron.onnx")
    with pytest.raises(PreparationFailed, match="folder") as refusal:
        await provider.publish(hostile, TEMPLATE)
    reason = refusal.value.model.reason
    assert reason is not None
    assert reason.type.endswith("external-data-outside")


def test_a_connection_is_a_context_manager() -> None:
    with pytest.raises(RuntimeError, match="context manager"):
        M1Connection("http://127.0.0.1:1").exchange("GET", "/")
