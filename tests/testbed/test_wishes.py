"""The options of `fivegms prepare` as members of a template."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from fivegms_api.ai_models import PreparedStage, PreparedVariant, StageFigures
from fivegms_api.model_preparation import ModelPreparation
from fivegms_testbed.cli.app import app
from fivegms_testbed.cli.stages import stages_table
from fivegms_testbed.cli.wishes import Wishes
from support.onnx_graphs import classifier

PRUNE = "prune-weights:sparsity=0.5"


def names(**wishes: Any) -> list[str]:
    model = Path("net.onnx")
    described = {"model": {"name": "net", "task": "t"}, "source": "net.onnx"}
    members = Wishes(**wishes).members(model)
    evaluation = {"evaluation": {"tensors": "x.npz"}}
    template = ModelPreparation.model_validate({**described, **evaluation, **members})
    return [name for made in template.variant_names for name in made]


@pytest.mark.parametrize(
    ("wishes", "made"),
    [
        ({}, ["fp32", "fp16", "int8"]),
        ({"minimum_accuracy": 0.5}, ["fp32", "fp16", "int8"]),
        ({"variants": ["int8"]}, ["int8"]),
        ({"variants": ["int4", "codebook"]}, ["int4", "codebook"]),
        ({"variants": ["fp32:layered"]}, ["int8", "fp16-layer", "fp32-layer"]),
        ({"optimise": [PRUNE]}, ["fp32", "fp16", "int8", "fp32-prune-weights"]),
        (
            {"variants": ["fp32", "int8"], "optimise": ["simplify", PRUNE]},
            ["fp32", "int8", "fp32-simplify-prune-weights", "int8-simplify-prune-weights"],
        ),
    ],
)
def test_variants_are_those_asked_for(wishes: dict[str, Any], made: list[str]) -> None:
    assert names(**wishes) == made


def test_files_are_named_below_the_models_folder(tmp_path: Path) -> None:
    model = tmp_path / "net.onnx"
    wishes = Wishes(
        evaluation=tmp_path / "held" / "out.mp4",
        calibration=tmp_path / "seen.npz",
        delta_from=[f"3={tmp_path / 'old.onnx'}"],
        delta_mode="quantised",
        splits=["a,b", "macs"],
    )
    assert wishes.members(model) == {
        "evaluation": {"media": "held/out.mp4", "groundTruth": "held/out.json"},
        "calibration": {"tensors": "seen.npz"},
        "deltas": [{"base": "old.onnx", "baseVersion": 3, "mode": "quantised"}],
        "compositions": [
            {"id": "split-1", "cuts": [["a", "b"]]},
            {"id": "split-macs", "search": {"minimise": "macs"}},
        ],
    }


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"variants": ["fp64"]}, "no precision"),
        ({"optimise": ["hope"]}, "hope"),
        ({"optimise": ["quantise-dynamic", PRUNE]}, "cannot come after"),
        ({"delta_from": ["old.onnx"]}, "VERSION=MODEL"),
        ({"delta_mode": "quantised"}, "--delta-from"),
        ({"evaluation": Path("/elsewhere/x.npz")}, "model's folder"),
    ],
)
def test_a_wish_that_is_none_is_named(wishes: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match=said):
        Wishes(**wishes).members(tmp_path / "net.onnx")


def test_the_table_of_stages_shows_the_whole_model_alone() -> None:
    stage = PreparedStage(
        name="int8",
        recovery="receiver-assisted",
        transparent=True,
        settings="scales",
        before=StageFigures(size_bytes=4000),
        after=StageFigures(size_bytes=1000, accuracy=0.5, latency_ms=2),
    )
    variants = [
        PreparedVariant(
            subset=subset,
            id=f"v{subset}",
            precision="int8",
            codec="int8+zstd",
            size_bytes=1,
            sha256="",
            segments=1,
            stages=(stage,),
        )
        for subset in (1, 2)
    ]
    console = Console(width=120, file=StringIO())
    with console.capture() as captured:
        console.print(stages_table(variants))
    [_, row] = captured.get().strip().splitlines()
    assert " ".join(row.split()) == "v1 int8 receiver too 4.0 kB 1.0 kB 0.5000 2.00 scales"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    path.write_bytes(classifier(width=32).SerializeToString())
    images = np.random.default_rng(0).random((8, 3, 16, 16), np.float32)
    np.savez(tmp_path / "held-out.npz", x=images, labels=np.zeros(8, np.int64))
    return path


def prepare(model: Path, *options: str) -> Any:
    arguments = ["prepare", str(model), "--task", "t", "--out", str(model.parent / "out")]
    return CliRunner().invoke(app, [*arguments, *options])


@pytest.mark.requirement("R174")
def test_a_table_of_variants_and_stages_is_shown(model: Path) -> None:
    held_out = str(model.parent / "held-out.npz")
    shown = prepare(model, "--evaluation", held_out, "--variant", "int8", "--optimise", PRUNE)
    assert shown.exit_code == 0, shown.output
    assert "int8-prune-weights" in shown.stdout
    assert "zero" in shown.stdout


def test_the_bytes_of_a_layer_come_on_top(model: Path) -> None:
    shown = prepare(model, "--variant", "fp32:layered")
    assert shown.exit_code == 0, shown.output
    rows = [line.split() for line in shown.stdout.splitlines()]
    sizes = {row[0]: row[2] for row in rows[2:5]}
    assert {name: size[0] == "+" for name, size in sizes.items()} == {
        "int8": False,
        "fp16-layer": True,
        "fp32-layer": True,
    }


def test_what_contradicts_itself_is_said_without_ceremony(model: Path) -> None:
    shown = prepare(model, "--variant", "int8", "--minimum-accuracy", "0.9")
    assert shown.exit_code == 2
    assert "minimumAccuracy needs an evaluation set" in shown.stderr
    assert "Value error" not in shown.stderr


def test_what_is_withheld_is_told_as_json(model: Path) -> None:
    held_out = str(model.parent / "held-out.npz")
    template = model.parent / "template.json"
    floor = {"precision": "int8", "codec": "int8+zstd", "minimumAccuracy": 1.0}
    plain = {"precision": "fp32", "codec": "raw"}
    template.write_text(json.dumps({"variants": [plain, floor]}))
    shown = prepare(model, "--template", str(template), "--evaluation", held_out, "--json")
    assert shown.exit_code == 0, shown.output
    told = json.loads(shown.stdout)
    assert [variant["id"] for variant in told["variants"]] == ["fp32"]
    assert [variant["id"] for variant in told["withheld"]] == ["int8"]


def test_a_file_is_prepared_as_it_is(model: Path) -> None:
    shown = prepare(model, "--as-is", "--json")
    assert shown.exit_code == 0, shown.output
    [variant] = json.loads(shown.stdout)["variants"]
    assert (variant["id"], variant["container"]) == ("as-is", "onnx")
