"""A source of any format goes through a preparation: converted, as it is, or refused by name."""

import io
from pathlib import Path

import numpy as np
import pytest

from fivegms_engine.session import InferenceEngine
from fivegms_manifests.file_payload import assemble_file
from fivegms_manifests.model_mpd import read_model_mpd
from fivegms_prepare.decoding import decode
from fivegms_prepare.errors import ContainerUnknown, ConversionUnsafe, ModelRefused, NotOnnx
from fivegms_prepare.preparation import prepare
from support.containers import NNEF_FILES, SAVED_MODEL_FILES, folder_of, hdf5, tarred, zipped
from support.preparing import NOW, template_of


@pytest.mark.requirement("R090d")
def test_nnef_is_prepared_as_onnx(tmp_path: Path) -> None:
    source = folder_of(NNEF_FILES, tmp_path / "in") / "graph.nnef"
    prepare(source, template_of(source="graph.nnef"), tmp_path / "out", now=NOW)
    manifest = read_model_mpd((tmp_path / "out" / "model.mpd").read_bytes())
    decoded = decode([manifest.subsets[0].variants[0].segments], tmp_path / "out")
    loaded = InferenceEngine.load(decoded.topology, decoded.tensors)
    assert loaded.run({"x": np.array([[-1, 0, 1, 2]], np.float32)})["y"].tolist() == [[0, 0, 1, 2]]


def test_a_delta_starts_from_an_older_model_of_another_format(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name in ("new", "old"):
        folder_of(NNEF_FILES, folder / name)
    template = template_of(
        model={"name": "tested", "task": "tensors", "version": 2},
        source="new/graph.nnef",
        deltas=[{"base": "old/graph.nnef", "baseVersion": 1}],
    )
    out = tmp_path / "out"
    prepare(folder / template.source, template, out, evaluation_dir=folder, now=NOW)
    variants = read_model_mpd((out / "model.mpd").read_bytes()).subsets[0].variants
    whole, delta = variants[0], variants[-1]
    assert delta.delta is not None
    assert delta.delta.base_sha256 == whole.weights_sha256
    assert sorted(path.name for path in out.iterdir()) == ["init", "model.mpd", "segments"]


def test_nothing_of_a_conversion_is_left(tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(tarred(NNEF_FILES))
    result = prepare(tmp_path / "net", template_of(source="net"), tmp_path / "out", now=NOW)
    files = (path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert {path.relative_to(tmp_path / "out").as_posix() for path in files} == set(result.files)


@pytest.mark.parametrize("data", [tarred(NNEF_FILES, "w:gz"), zipped(SAVED_MODEL_FILES), hdf5()])
def test_as_it_is(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(data)
    template = template_of(source="net", container="as-is")
    prepare(tmp_path / "net", template, tmp_path / "out", now=NOW)
    manifest = read_model_mpd((tmp_path / "out" / "model.mpd").read_bytes())
    (variant,) = manifest.subsets[0].variants
    stored = io.BytesIO()
    assemble_file(((tmp_path / "out" / ref.url).read_bytes() for ref in variant.segments), stored)
    assert stored.getvalue() == data


@pytest.mark.parametrize(
    ("data", "container", "refusal"),
    [
        (b"text", "onnx", NotOnnx),
        (b"text", "as-is", ContainerUnknown),
        (zipped(SAVED_MODEL_FILES), "onnx", ConversionUnsafe),
    ],
)
def test_refusals(data: bytes, container: str, refusal: type[ModelRefused], tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(data)
    template = template_of(source="net", container=container)
    with pytest.raises(refusal):
        prepare(tmp_path / "net", template, tmp_path / "out", now=NOW)
    assert list((tmp_path / "out").iterdir()) == []
