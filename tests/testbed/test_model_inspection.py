"""A model is shown node by node and cut by cut, measured where asked."""

from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto

from fivegms_testbed.cut_plot import NothingToPlot, PlotFormatUnknown, amount, write_plot
from fivegms_testbed.model_inspection import InspectedModel, NotMeasurable, inspect_model
from support.onnx_graphs import classifier, model_of, node


def inspected(model: ModelProto, *, measure: bool = False) -> InspectedModel:
    return inspect_model(model.SerializeToString(), None, measure=measure)


def open_picture() -> ModelProto:
    return model_of(
        [node("Conv", "x w", "c"), node("Relu", "c", "y")],
        {"x": ("float32", ["N", 3, "height", "width"])},
        {"y": ("float32", ["N", 4, None, None])},
        {"w": np.zeros((4, 3, 1, 1), np.float32)},
    )


def test_cuts_and_which_of_them_are_best() -> None:
    model = inspected(classifier())
    assert [cut.after for cut in model.cuts] == [
        "conv1", "relu1", "conv2", "relu2", "pool", "flatten",
    ]  # fmt: skip
    assert [cut.after for cut in model.best_cuts] == ["conv1", "pool"]
    assert [one.operator for one in model.nodes] == [
        "Conv", "Relu", "Conv", "Relu", "GlobalAveragePool", "Flatten", "Gemm",
    ]  # fmt: skip
    assert model.node_times == ()


@pytest.mark.requirement("R065")
def test_measured_shares_and_subsets() -> None:
    model = inspected(classifier(), measure=True)
    assert [one.name for one in model.node_times] == [one.name for one in model.nodes]
    assert sum(one.share or 0 for one in model.node_times) == pytest.approx(1)
    for cut in model.cuts:
        assert (cut.head_latency is not None) == cut.best
        assert (cut.tail_latency is not None) == cut.best


def test_open_shapes_cannot_be_measured() -> None:
    with pytest.raises(NotMeasurable, match="open shapes"):
        inspected(open_picture(), measure=True)


def test_a_model_that_made_up_numbers_break_cannot_be_measured() -> None:
    model = model_of(
        [node("Cast", "x", "i", to=7), node("Reshape", "weights i", "y")],
        {"x": ("float32", [2])},
        {"y": ("float32", [None, None])},
        {"weights": np.zeros(100, np.float32)},
    )
    with pytest.raises(NotMeasurable, match="made-up numbers"):
        inspected(model, measure=True)


@pytest.mark.parametrize("suffix", [".svg", ".html"])
def test_plot(suffix: str, tmp_path: Path) -> None:
    path, again = tmp_path / f"plot{suffix}", tmp_path / f"again{suffix}"
    model = inspected(classifier())
    write_plot(model, "<classifier>", path)
    write_plot(model, "<classifier>", again)
    text = path.read_text(encoding="utf-8")
    assert text == again.read_text(encoding="utf-8")
    assert "<svg" in text
    assert "<classifier>" not in text.partition("<body>")[2].partition("<svg")[0]


def test_a_page_holds_the_table_and_fetches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "plot.html"
    write_plot(inspected(classifier()), "classifier", path)
    text = path.read_text(encoding="utf-8")
    assert text.count("<tr") == 1 + 6
    assert '<tr class="best"><td>pool</td><td>p</td><td>128</td>' in text
    assert "<script" not in text
    assert "url(http" not in text
    assert 'src="' not in text


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(NothingToPlot, match="shapes are open"):
        write_plot(inspected(open_picture()), "open", tmp_path / "plot.svg")
    with pytest.raises(PlotFormatUnknown, match=r"plot\.png"):
        write_plot(inspected(classifier()), "classifier", tmp_path / "plot.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("size", "text"),
    [(0.5, "0.5 B"), (999, "999 B"), (16_384, "16.4 kB"), (1_600_000, "1.6 MB"), (2e9, "2 GB")],
)
def test_amounts(size: float, text: str) -> None:
    assert amount(size) == text


def test_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    """Between dollars matplotlib reads formulas, and this is none."""
    model = classifier()
    model.graph.node[0].name = r"$\frac$"
    path = tmp_path / "cuts.svg"
    write_plot(inspected(model), r"$\nothing$", path)
    assert path.read_text().rstrip().endswith("</svg>")
