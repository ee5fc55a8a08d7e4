"""`fivegms inspect` and `fivegms catalogue` as a person and as a script see them."""

from pathlib import Path

import pytest

from fivegms_manifests.model_mpd import write_model_mpd
from support.command import fivegms
from support.manifests import sample_manifest
from support.onnx_graphs import classifier, save


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save(classifier(), tmp_path / "classifier.onnx")


def test_a_model_shows_its_best_cuts(model: Path) -> None:
    done = fivegms("inspect", model)
    assert done.exit_code == 0
    assert "cuts that no other beats" in done.output
    lines = [line.split()[0] for line in done.output.splitlines() if line.startswith(("c1", "p "))]
    assert lines == ["c1", "p"]
    assert "nodes" not in done.output


def test_nodes_and_all_cuts_on_request(model: Path) -> None:
    done = fivegms("inspect", model, "--nodes", "--cuts")
    assert "GlobalAveragePool" in done.output.partition("nodes")[2]
    shown = fivegms("inspect", model, "--nodes", "--cuts", "--json").json()
    assert (len(shown["nodes"]), len(shown["cuts"])) == (7, 6)
    assert (shown["nodes"][0]["macs"], shown["cuts"][0]["size_bytes"]) == (27648, 4096)
    brief = fivegms("inspect", model, "--json").json()
    assert (brief["nodes"], len(brief["cuts"])) == ([], 2)


def test_measured_and_drawn(model: Path, tmp_path: Path) -> None:
    plot = tmp_path / "cuts.svg"
    done = fivegms("inspect", model, "--measure", "--plot", plot)
    assert done.exit_code == 0, done.messages
    assert "time after" in done.output
    assert "share" in done.output
    assert plot.read_text(encoding="utf-8").startswith("<?xml")
    assert f"drawn: {plot}" in done.messages


@pytest.mark.parametrize("plot", ["cuts.png", "missing/cuts.svg"])
def test_a_plot_that_cannot_be_written(model: Path, tmp_path: Path, plot: str) -> None:
    assert fivegms("inspect", model, "--plot", tmp_path / plot).exit_code == 3


def test_a_manifest_shows_layers_deltas_stages_and_sameness(tmp_path: Path) -> None:
    path = tmp_path / "model.mpd"
    path.write_bytes(write_model_mpd(sample_manifest()))
    done = fivegms("inspect", path)
    assert done.exit_code == 0, done.messages
    for part in ("is a layer on", "delta on variant", "is encrypted", "stage", "exact"):
        assert part in done.output
    drawn = fivegms("inspect", path, "--plot", tmp_path / "cuts.svg")
    assert drawn.exit_code == 3
    assert "only a model's cuts can be drawn" in drawn.messages


@pytest.mark.requirement("R180")
def test_the_catalogue_lists_and_flags() -> None:
    rows = fivegms("catalogue", "--json").json()["rows"]
    assert len(rows) == 12
    assert {row["key"]: row["flags"] for row in rows if row["flags"]} == {
        "mobilenet": ["FLOPs"],
        "yolov3": ["parameters", "footprint"],
    }
    shown = fivegms("catalogue").output
    assert "! YOLOv3, footprint: three bytes" in " ".join(shown.split())


def test_the_catalogue_writes_a_network(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    done = fivegms("catalogue", "mobilenet", "--out", path, "--seed", "1", "--json").json()
    assert done["size_bytes"] == path.stat().st_size
    assert fivegms("inspect", path, "--json").json()["parameters"] == 3_319_032
    fivegms("catalogue", "mobilenet", cwd=tmp_path)
    assert (tmp_path / "mobilenet.onnx").stat().st_size == path.stat().st_size


def test_a_network_that_is_not_in_the_catalogue(tmp_path: Path) -> None:
    done = fivegms("catalogue", "alexnet", cwd=tmp_path)
    assert done.exit_code == 2
    assert "mobilenet" in done.messages
    assert list(tmp_path.iterdir()) == []
