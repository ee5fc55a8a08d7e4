"""The search finds what trying everything finds."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto

from fivegms_api.model_preparation import CutSearch
from fivegms_engine.graph import separate
from fivegms_prepare.cuts import Cut, survey
from fivegms_prepare.cutting import Cutter
from fivegms_prepare.errors import NoCutFound
from fivegms_prepare.profile import profile
from fivegms_prepare.split_search import search_cuts
from support.onnx_graphs import classifier, model_of, node


def tower(widths: list[int], shared: bool = False) -> ModelProto:
    """Dense layers of given widths one after the other, some with a weight that two of them use."""
    nodes, constants, source = [], {}, "x"
    for index, (taken, given_width) in enumerate(zip([8, *widths], widths, strict=False)):
        weight = f"w{taken}x{given_width}" if shared else f"w{index}"
        constants[weight] = np.ones((taken, given_width), np.float32)
        nodes.append(node("MatMul", f"{source} {weight}", f"v{index}"))
        source = f"v{index}"
    return model_of(
        nodes, {"x": ("float32", ["N", 8])}, {source: ("float32", ["N", widths[-1]])}, constants
    )


def needs(model: ModelProto, chosen: tuple[Cut, ...], request: CutSearch) -> tuple[int, int]:
    """What the request minimises, of the subsets really cut, and the bytes between them."""
    parts = [profile(part) for part in Cutter(separate(model)).cut([one.names for one in chosen])]
    sizes = sum(one.size_bytes or 0 for one in chosen)
    if request.minimise == "bytes":
        return sizes, 0
    if request.minimise == "macs":
        return max(part.macs or 0 for part in parts), sizes
    return max(part.weights_bytes + (part.activation_bytes or 0) for part in parts), sizes


def allowed(chosen: tuple[Cut, ...], request: CutSearch) -> bool:
    head = chosen[0].head
    return (
        (head.macs or 0) <= (request.max_head_macs or 2**62)
        and (head.memory_bytes or 0) <= (request.max_head_memory_bytes or 2**62)
        and all((cut.size_bytes or 0) <= (request.max_cut_bytes or 2**62) for cut in chosen)
    )


@pytest.mark.requirement("R078")
@settings(max_examples=120)
@given(
    st.lists(st.sampled_from([2, 8, 16, 64]), min_size=3, max_size=7),
    st.booleans(),
    st.builds(
        CutSearch,
        subsets=st.integers(2, 4),
        minimise=st.sampled_from(["bytes", "macs", "memory"]),
        max_head_macs=st.none() | st.integers(1, 2000),
        max_head_memory_bytes=st.none() | st.integers(64, 8000),
        max_cut_bytes=st.none() | st.sampled_from([8, 32, 64]),
    ),
)
def test_nothing_is_better(widths: list[int], shared: bool, request: CutSearch) -> None:
    model = tower(widths, shared)
    found = survey(separate(model))
    ways = [w for w in combinations(found.cuts, request.subsets - 1) if allowed(w, request)]
    if not ways:
        with pytest.raises(NoCutFound):
            search_cuts(found, request)
        return
    best = min(needs(model, way, request) for way in ways)
    assert needs(model, search_cuts(found, request), request) == best


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (CutSearch(), [("p",)]),
        (CutSearch(max_head_macs=100_000), [("c1",)]),
        (CutSearch(subsets=3, minimise="macs"), [("c1",), ("p",)]),
    ],
)
def test_of_equals_the_earliest(request_: CutSearch, expected: list[tuple[str, ...]]) -> None:
    chosen = search_cuts(survey(separate(classifier())), request_)
    assert [cut.names for cut in chosen] == expected


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"max_cut_bytes": 100}, "at least 128 bytes"),
        ({"max_head_macs": 10}, "and 0 have a first subset"),
        ({"max_head_memory_bytes": 10}, "and 0 have a first subset"),
        ({"subsets": 8}, "no 8 subsets can be found: of 6 cuts"),
    ],
)
def test_no_way_is_said(limits: dict[str, Any], why: str) -> None:
    with pytest.raises(NoCutFound, match=why):
        search_cuts(survey(separate(classifier())), CutSearch(**limits))


@pytest.mark.parametrize("minimise", ["bytes", "macs", "memory"])
def test_figures_that_are_not_known_are_not_chosen(minimise: Any) -> None:
    model = model_of(
        [node("Conv", "x w", "c"), node("Relu", "c", "y")],
        {"x": ("float32", ["N", 3, "height", "width"])},
        {"y": ("float32", ["N", 4, None, None])},
        {"w": np.zeros((4, 3, 1, 1), np.float32)},
    )
    with pytest.raises(NoCutFound, match="0 have a known size"):
        search_cuts(survey(separate(model)), CutSearch(minimise=minimise))


def test_multiply_accumulates_that_are_not_known_balance_nothing() -> None:
    model = model_of(
        [node("STFT", "x step window", "s"), node("Neg", "s", "n"), node("Neg", "n", "y")],
        {"x": ("float32", [1, 64, 1])},
        {"y": ("float32", [1, 7, 9, 2])},
        {"step": np.array(8), "window": np.ones(16, np.float32)},
    )
    found = survey(separate(model))
    assert [cut.names for cut in search_cuts(found, CutSearch())] == [("s",)]
    with pytest.raises(NoCutFound):
        search_cuts(found, CutSearch(minimise="macs"))
