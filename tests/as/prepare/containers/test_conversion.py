"""Models of other frameworks become ONNX models that compute the same, or are refused by name."""

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import helper

from fivegms_engine.session import InferenceEngine
from fivegms_prepare.containers import Container, describe_container
from fivegms_prepare.containers.conversion import as_onnx, check_installed
from fivegms_prepare.containers.saved_model_converter import number_anew
from fivegms_prepare.errors import (
    ArchiveUnsafe,
    ConversionFailed,
    ConversionUnsafe,
    ConverterMissing,
    ModelRefused,
    NnefInvalid,
)
from fivegms_prepare.source import load_source
from support.containers import (
    EXPORTED_FILES,
    NNEF_FILES,
    NNEF_TEXT,
    SAVED_MODEL_FILES,
    folder_of,
    tarred,
    zipped,
)
from support.onnx_graphs import classifier, model_of, node, save

CONVERTERS = ("tensorflow", "tf2onnx", "keras", "h5py")
ABSENT = [name for name in CONVERTERS if find_spec(name) is None]
needs_converter = pytest.mark.skipif(
    bool(ABSENT), reason=f"the extra `convert` is not installed: {ABSENT}"
)

TRAINING = """
import sys
import h5py
import keras
import numpy as np
from sklearn.datasets import load_digits

out = sys.argv[1]
keras.utils.set_random_seed(1)
digits = load_digits()
pictures = (digits.images / 16).astype(np.float32)[..., None]
model = keras.Sequential([
    keras.layers.Input((8, 8, 1)),
    keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
    keras.layers.BatchNormalization(),
    keras.layers.MaxPooling2D(),
    keras.layers.Flatten(),
    keras.layers.Dense(10, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(pictures[:1500], digits.target[:1500], epochs=8, verbose=0)
model.save(out + "/model.keras")
model.save(out + "/model.h5")
model.export(out + "/saved", verbose=False)
np.savez(out + "/expected.npz", x=pictures[1500:], y=model(pictures[1500:]).numpy(),
         labels=digits.target[1500:])
unsafe = keras.Sequential([keras.layers.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
unsafe.save(out + "/lambda.h5")
small = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, name="d")])
small.save(out + "/elsewhere.h5")
with h5py.File(out + "/elsewhere.h5", "r+") as file:
    names = []
    file.visit(names.append)
    (kernel,) = [name for name in names if name.endswith("kernel")]
    del file[kernel]
    file.create_dataset(kernel, (1, 1), "<f4", external=[("/etc/hostname", 0, 4)])
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Keras model that tells digits apart, in each of its formats, and what it answers."""
    folder = tmp_path_factory.mktemp("keras")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRAINING, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "HOME": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode == 0, done.stderr
    return folder


def answers(onnx: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    separated = load_source(onnx)
    tensors = {weight.name: weight.array() for weight in separated.weights}
    loaded = InferenceEngine.load(separated.topology(), tensors)
    (answer,) = loaded.run({loaded.inputs[0].name: x}).values()
    return np.asarray(answer, np.float32)


SOURCES = {
    "saved": Container.SAVED_MODEL,
    "model.h5": Container.HDF5,
    "model.keras": Container.KERAS,
}


@pytest.fixture(scope="module")
def converted(trained: Path) -> dict[str, Path]:
    """The ONNX file made of each of its formats."""
    found = {}
    for name, container in SOURCES.items():
        folder = trained / f"from {name}"
        assert describe_container(trained / name).container is container
        trusted = container is Container.SAVED_MODEL
        found[name] = as_onnx(trained / name, folder, trusted=trusted)
        assert [path.name for path in folder.iterdir()] == ["converted.onnx"]
    return found


@needs_converter
@pytest.mark.requirement("R090a")
@pytest.mark.requirement("R090b")
@pytest.mark.parametrize("name", SOURCES)
def test_a_converted_model_answers_as_the_original(
    name: str, trained: Path, converted: dict[str, Path]
) -> None:
    expected = np.load(trained / "expected.npz")
    found = answers(converted[name], expected["x"])
    assert np.abs(found - expected["y"]).max() <= 1e-4
    assert (np.argmax(found, 1) == expected["labels"]).mean() > 0.85


@needs_converter
def test_the_same_model_gives_the_same_file(trained: Path, converted: dict[str, Path]) -> None:
    """Two formats of one model, converted by processes of their own in folders of their own."""
    data = converted["model.h5"].read_bytes()
    assert data == converted["model.keras"].read_bytes()
    assert b"saved_model" not in data
    assert str(trained).encode() not in converted["saved"].read_bytes()


@needs_converter
def test_layers_that_hold_code_are_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ConversionFailed, match=r"[Ll]ambda"):
        as_onnx(trained / "lambda.h5", tmp_path)


@needs_converter
def test_weights_in_a_file_of_this_machine_are_not_read(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ConversionFailed, match=r"cannot be converted.*external") as refused:
        as_onnx(trained / "elsewhere.h5", tmp_path)
    assert str(tmp_path) not in refused.value.detail
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("data", [zipped(EXPORTED_FILES), zipped(SAVED_MODEL_FILES)])
def test_programs_are_converted_for_those_who_trust_them(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(data)
    with pytest.raises(ConversionUnsafe, match="--trust"):
        as_onnx(tmp_path / "source", tmp_path)


def test_a_converter_that_is_not_installed_is_named() -> None:
    check_installed("JSON", "none", "json")
    with pytest.raises(ConverterMissing, match=r"no_such_library.*fivegms-ai\[train\]"):
        check_installed("PyTorch", "train", "json", "no_such_library")


def test_onnx_stays_what_it_is_and_so_does_what_nobody_knows(tmp_path: Path) -> None:
    path = save(classifier(), tmp_path / "model")
    assert as_onnx(path, tmp_path) == path
    path.write_bytes(zipped({"readme": b""}))
    assert as_onnx(path, tmp_path) == path


@pytest.mark.requirement("R090d")
@pytest.mark.parametrize(
    "place",
    [
        lambda folder: folder_of(NNEF_FILES, folder / "net"),
        lambda folder: folder_of(NNEF_FILES, folder / "net") / "graph.nnef",
        lambda folder: _written(folder, tarred({f"net/{n}": d for n, d in NNEF_FILES.items()})),
        lambda folder: _written(folder, zipped(NNEF_FILES)),
    ],
    ids=["folder", "main file", "tar", "zip"],
)
def test_nnef(place: Callable[[Path], Path], tmp_path: Path) -> None:
    onnx = as_onnx(place(tmp_path), tmp_path)
    x = np.array([[-1, 0, 1, 2]], np.float32)
    assert np.array_equal(answers(onnx, x), np.maximum(x, 0))


def _written(folder: Path, data: bytes) -> Path:
    (folder / "source").write_bytes(data)
    return folder / "source"


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (tarred({**NNEF_FILES, "../up": b""}), ArchiveUnsafe),
        (zipped({"graph.nnef": NNEF_TEXT.replace(b"relu", b"rilu")}), NnefInvalid),
    ],
)
def test_refused_before_conversion(
    data: bytes, refusal: type[ModelRefused], tmp_path: Path
) -> None:
    with pytest.raises(refusal):
        as_onnx(_written(tmp_path, data), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_values_are_numbered_in_the_order_of_their_use() -> None:
    def numbered(first: int, second: int) -> bytes:
        branch = helper.make_graph(
            [node("Add", f"in__1 c__{second}", "b")],
            "g",
            [],
            [helper.make_tensor_value_info("b", 1, [2])],
        )
        model = model_of(
            [
                node("Cast", f"c__{first}", f"f__{second + 5}", to=9, name=f"n__{first}"),
                helper.make_node(
                    "If", [f"f__{second + 5}"], ["out__7"], then_branch=branch, else_branch=branch
                ),
            ],
            {"in__1": ("float32", [f"unk__{first}", 2])},
            {"out__7": ("float32", [2])},
            {f"c__{first}": np.ones(1, np.float32), f"c__{second}": np.ones(2, np.float32)},
        )
        number_anew(model)
        assert (model.graph.input[0].name, model.graph.output[0].name) == ("in__1", "out__7")
        return bytes(model.SerializeToString())

    assert numbered(11, 12) == numbered(40, 39)
