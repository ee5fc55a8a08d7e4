"""A provider and an app developer at work with the commands, each a process of its own."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from support.command import deployment, fivegms
from support.onnx_graphs import perceptron, save


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with deployment(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(perceptron(), tmp_path_factory.mktemp("model") / "perceptron.onnx")


@pytest.fixture(scope="module")
def inputs(model: Path) -> Path:
    path = model.with_suffix(".npz")
    np.savez(path, x=np.random.default_rng(1).normal(size=(3, 16)).astype(np.float32))
    return path


@pytest.fixture(scope="module")
def locator(addresses: dict[str, str], model: Path) -> str:
    done = fivegms("publish", model, "--task", "toy-regression", "--m1", addresses["m1"], "--json")
    assert done.exit_code == 0, done.messages
    return str(done.json()["model"]["locator"])


@pytest.mark.requirement("R010")
def test_a_model_of_an_unknown_task_runs_on_arrays(
    locator: str, model: Path, inputs: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "out.npz"
    done = fivegms(
        *("run", locator, "--input", inputs, "--variant", "fp32", "--output", saved, "--json"),
        home=tmp_path,
    )
    assert done.exit_code == 0, done.messages
    reference = onnxruntime.InferenceSession(model).run(None, {"x": np.load(inputs)["x"]})[0]
    np.testing.assert_array_equal(np.load(saved)["y"], reference)


@pytest.mark.requirement("R038")
@pytest.mark.requirement("R098")
def test_a_ue_finds_a_model_by_its_task(
    addresses: dict[str, str], locator: str, inputs: Path, tmp_path: Path
) -> None:
    arguments = ("--task", "toy-regression", "--input", inputs, "--json")
    done = fivegms("run", addresses["m5"], *arguments, home=tmp_path)
    assert done.exit_code == 0, done.messages
    refused = fivegms("run", addresses["m5"], "--task", "no-such-task", "--input", inputs)
    assert refused.exit_code == 5
    assert "no-such-task" in refused.messages


@pytest.mark.requirement("R178")
def test_what_get_fetched_runs_without_any_server(
    locator: str, inputs: Path, tmp_path: Path
) -> None:
    into = tmp_path / "fetched"
    done = fivegms("get", locator, "--into", into, "--json", home=tmp_path)
    assert done.exit_code == 0, done.messages
    manifest = done.json()["manifest"]
    offline = fivegms("run", manifest, "--input", inputs, "--json", cwd=into, home=tmp_path / "new")
    assert offline.exit_code == 0, offline.messages


def test_a_prepared_folder_equals_what_the_as_delivers(
    locator: str, model: Path, tmp_path: Path
) -> None:
    done = fivegms(
        "prepare", model, "--task", "toy-regression", "--out", tmp_path / "out", "--json"
    )
    assert done.exit_code == 0, done.messages
    delivered = fivegms("inspect", locator, "--json").json()
    offline = fivegms("inspect", done.json()["manifest"], "--json").json()
    assert delivered["variants"] == offline["variants"]


@pytest.mark.parametrize("kind", ["model", "manifest", "segment"])
def test_inspect_shows_every_kind_of_file(
    kind: str, locator: str, model: Path, tmp_path: Path
) -> None:
    fetched = fivegms("get", locator, "--into", tmp_path / "fetched", "--json", home=tmp_path)
    manifest = Path(fetched.json()["manifest"])
    files = {
        "model": model,
        "manifest": manifest,
        "segment": next(iter(sorted(manifest.parent.rglob("*.m4s")))),
    }
    done = fivegms("inspect", files[kind])
    assert done.exit_code == 0, done.messages
    assert done.output
    assert json.loads(fivegms("inspect", files[kind], "--json").output)["kind"] == kind


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "at least one byte"),
        (b"this is no model" * 100, "ONNX"),
        (perceptron().SerializeToString()[:1000], "the file ends after"),
    ],
    ids=["empty", "not onnx", "truncated"],
)
@pytest.mark.requirement("R009a")
def test_a_bad_model_is_refused_and_leaves_nothing(
    addresses: dict[str, str], tmp_path: Path, content: bytes, words: str
) -> None:
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(content)
    done = fivegms("publish", bad, "--task", "toy-refusal", "--m1", addresses["m1"], "--json")
    assert done.exit_code in (3, 5)
    assert words in done.json()["error"]["message"]
    found = fivegms("run", addresses["m5"], "--task", "toy-refusal", "--input", bad)
    assert found.exit_code == 5


def test_no_server_is_said_with_advice(model: Path) -> None:
    done = fivegms("publish", model, "--task", "x", "--m1", "http://127.0.0.1:9")
    assert done.exit_code == 4
    assert "fivegms serve" in done.messages
    assert "Traceback" not in done.messages


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("publish", "none.onnx", "--task", "x"), "none.onnx"),
        (("publish", __file__), "--task"),
        (("publish", __file__, "--task", "two words"), "model.task"),
        (("serve", "--m1", "nowhere"), "HOST:PORT"),
        (("frobnicate",), "frobnicate"),
    ],
    ids=["no file", "no task", "bad task", "bad address", "no command"],
)
def test_a_wrong_command_line_is_one_json_object_too(
    arguments: tuple[str, ...], words: str
) -> None:
    done = fivegms(*arguments, "--json")
    assert done.exit_code == 2
    assert words in done.json()["error"]["message"]
    plain = fivegms(*arguments)
    assert (plain.exit_code, plain.output) == (2, "")
    assert words in plain.messages
    assert "Traceback" not in plain.messages


def test_a_server_that_is_down_is_waited_for_aloud(model: Path) -> None:
    nobody = "http://127.0.0.1:9"
    done = fivegms("run", nobody, "--task", "x", "--input", model, "--patience-s", "0.3", "--json")
    assert done.exit_code == 4
    assert nobody in done.json()["error"]["message"]
    assert "waiting up to 0.3 s: no connection to 127.0.0.1:9" in done.messages


def test_names_are_shown_as_they_are(tmp_path: Path) -> None:
    """Square brackets are markup to the library that prints, and ordinary in names of tensors."""
    labelled = perceptron()
    labelled.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    labelled.metadata_props.add(key="fivegms.labels", value='["[/a]", "[bold]"]')
    path = save(labelled, tmp_path / "labelled.onnx")
    done = fivegms("inspect", path)
    assert done.exit_code == 0, done.messages
    assert "[batch, 16]" in done.output
    assert '["[/a]", "[bold]"]' in done.output
    assert fivegms("prepare", path, "--task", "x", "--out", tmp_path / "out").exit_code == 0
    assert "[/a], [bold]" in fivegms("inspect", tmp_path / "out" / "model.mpd").output


def test_a_counting_line_has_four_numbers(locator: str, inputs: Path) -> None:
    done = fivegms("run", locator, "--input", inputs, "--line", "160,0")
    assert done.exit_code == 2
    assert "X0,Y0,X1,Y1" in done.messages


def test_help_names_every_command() -> None:
    done = fivegms("--help")
    assert done.exit_code == 0
    for command in ("demo", "serve", "af", "as", "publish", "run", "get", "prepare", "inspect"):
        assert command in done.output
