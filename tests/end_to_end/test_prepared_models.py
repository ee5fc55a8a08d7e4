"""A provider prepares once, offline or at the AS, and publishes: what its terminal and M1 say."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from support.command import Finished, deployment, fivegms
from support.onnx_graphs import classifier, perceptron, save

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with deployment(tmp_path_factory.mktemp("data")) as running:
        yield running


def done(*arguments: str | Path) -> Finished:
    finished = fivegms(*arguments)
    assert finished.exit_code == 0, finished.messages
    return finished


@pytest.mark.requirement("R008c")
def test_an_encrypted_and_signed_folder_runs_by_its_task(
    addresses: dict[str, str], tmp_path: Path
) -> None:
    model, out, key = save(perceptron(), tmp_path / "net.onnx"), tmp_path / "out", tmp_path / "k"
    key.write_bytes(KEY)
    np.savez(tmp_path / "x.npz", x=np.zeros((3, 16), np.float32))
    encrypt = ("--encrypt-key", key, "--key-url", "https://keys.example/net")
    done("prepare", model, "--task", "toy-secret", "--out", out, *encrypt)
    done("keygen", tmp_path / "provider.pem")
    done("sign", out / "model.mpd", "--key", tmp_path / "provider.pem")
    told = done("publish", out, "--m1", addresses["m1"])
    assert "net version 1, toy-secret" in told.output
    assert "publishing in session" in told.messages
    trust = ("--trust-key", tmp_path / "provider.pub.pem", "--no-cache")
    by_task = ("run", addresses["m5"], "--task", "toy-secret", "--input", tmp_path / "x.npz")
    refused = fivegms(*by_task, *trust, home=tmp_path / "home")
    assert refused.exit_code == 7
    ran = fivegms(*by_task, *trust, "--segment-key", key, "--json", home=tmp_path / "home")
    assert ran.exit_code == 0, ran.messages


@pytest.mark.requirement("R090")
@pytest.mark.requirement("R090c")
def test_a_file_is_published_as_it_is(addresses: dict[str, str], tmp_path: Path) -> None:
    model = save(perceptron(), tmp_path / "net.onnx")
    arguments = ("--task", "toy-file", "--as-is", "--m1", addresses["m1"], "--json")
    told = done("publish", model, *arguments).json()["model"]
    assert [one["container"] for one in told["variants"]] == ["onnx"]
    into = tmp_path / "into"
    done("get", told["locator"], "--into", into)
    assert model.read_bytes() in [one.read_bytes() for one in into.rglob("*") if one.is_file()]


def test_withheld_variants_are_told_to_the_provider(
    addresses: dict[str, str], tmp_path: Path
) -> None:
    model = save(classifier(), tmp_path / "net.onnx")
    samples = np.random.default_rng(0).normal(size=(8, 3, 16, 16)).astype(np.float32)
    np.savez(tmp_path / "held_out.npz", x=samples, labels=np.arange(8))
    template = tmp_path / "template.json"
    template.write_text(
        '{"model": {"task": "toy-withheld"}, "evaluation": {"tensors": "held_out.npz"}, "variants":'
        ' [{"precision": "fp32", "codec": "raw"},'
        ' {"precision": "int8", "codec": "int8+zstd", "minimumAccuracy": 1}]}'
    )
    told = done("publish", model, "--template", template, "--m1", addresses["m1"])
    assert "withheld  int8:" in told.output


def test_versions_of_the_session_are_started_from(
    addresses: dict[str, str], tmp_path: Path
) -> None:
    at = ("--task", "toy-delta", "--m1", addresses["m1"], "--json")
    first = done("publish", save(perceptron(0, 256), tmp_path / "net.onnx"), *at).json()
    further = ("--session", first["provisioning_session_id"], "--model-version", "2")
    wanted = ("--variant", "fp32:layered", "--variant", "fp32", "--delta-from", "1")
    model = save(perceptron(1, 256), tmp_path / "net.onnx")
    variants = done("publish", model, *at, *further, *wanted).json()["model"]["variants"]
    assert {"int8", "fp16-layer", "fp32-layer", "fp32", "fp32-from-1"} == {
        one["id"] for one in variants
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--delta-from", "1"), "--session"),
        (("--delta-from", "one"), "VERSION"),
        (("--variant", "fp12"), "no precision"),
    ],
)
def test_what_cannot_be_prepared_is_a_wrong_command_line(
    tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    model = save(perceptron(), tmp_path / "net.onnx")
    refused = fivegms("publish", model, "--task", "toy", *options)
    assert refused.exit_code == 2
    assert words in refused.messages


def test_a_prepared_folder_takes_no_options_of_a_preparation(tmp_path: Path) -> None:
    refused = fivegms("publish", tmp_path, "--variant", "int8")
    assert refused.exit_code == 2
    empty = fivegms("publish", tmp_path)
    assert empty.exit_code == 3
    assert "fivegms prepare" in empty.messages
