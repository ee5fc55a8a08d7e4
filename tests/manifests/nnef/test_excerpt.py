"""The VGG-16 network that TR 26.927 prints in 6.5.6."""

from pathlib import Path

import pytest

from fivegms_codecs.nnef import DataKind, Graph, lower, read_graph, write_graph
from support import shared_data


def printed(specification: Path) -> str:
    """The excerpt, from its version to the end of its graph."""
    text = specification.read_text("utf-8")
    start = text.index("version 1.0;", text.index("NNEF graph representation of the VGG-16"))
    return text[start : text.index("}", start) + 1]


@pytest.fixture(scope="module")
def excerpt() -> Graph:
    return read_graph(printed(shared_data("spec/ai4media-permanent-document.txt")))


@pytest.mark.requirement("R159")
def test_the_printed_network_has_its_parameters_and_its_output(excerpt: Graph) -> None:
    assert excerpt.name == "VGG_ILSVRC_16_layers"
    assert len(excerpt.variables()) == 32
    assert excerpt.parameters == 138_357_544  # 138.36 M, of VGG-16's 138.4 M
    assert excerpt.tensors["data"].shape == (10, 3, 224, 224)
    assert excerpt.tensors["data"].kind is DataKind.EXTERNAL
    assert excerpt.tensors["max_pool_4"].shape == (10, 512, 7, 7)
    assert excerpt.tensors["prob"].shape == (10, 1000)


@pytest.mark.requirement("R159")
@pytest.mark.requirement("R154a")
def test_the_printed_network_is_written_and_read_as_the_same(excerpt: Graph) -> None:
    assert read_graph(write_graph(excerpt)) == excerpt


@pytest.mark.requirement("R157c")
def test_the_printed_network_is_made_of_primitive_operations(excerpt: Graph) -> None:
    lowered = lower(excerpt)
    assert lowered.tensors["prob"].shape == (10, 1000)
    assert {one.name for one in lowered.operations} == {
        *("external", "variable", "conv", "argmax_pool", "sample", "gt", "select", "reshape"),
        *("matmul", "add", "max_reduce", "sub", "exp", "sum_reduce", "div"),
    }
