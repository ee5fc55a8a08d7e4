"""A chain of subsets beside the whole: bit for bit, or by how much they differ."""

from pathlib import Path

import numpy as np
import pytest

from fivegms_api.model_variants import DEFAULT_VARIANTS
from fivegms_engine.graph import separate
from fivegms_manifests.model import Composition, CompositionMember
from fivegms_prepare.compositions import Comparison, difference, tolerance
from fivegms_prepare.errors import CompositionDiffers
from fivegms_prepare.recipes import batches
from fivegms_prepare.variants import EncodedVariant, encode
from support.onnx_graphs import classifier, model_of, node
from support.preparing import prepare_model

TWO = batches(DEFAULT_VARIANTS[:2])
IMAGE = np.random.default_rng(1).random((2, 3, 16, 16), np.float32)
WHOLE, OTHER = 1, 2


def comparison(folder: Path) -> Comparison:
    """A classifier as subset 1 and one of other weights as subset 2, in two variants each."""

    def coded(seed: int) -> list[tuple[EncodedVariant, ...]]:
        return [encode(separate(classifier(seed=seed)), batch, folder, 2**20) for batch in TWO]

    return Comparison({WHOLE: coded(1), OTHER: coded(2)}, folder, {"x": IMAGE})


@pytest.mark.requirement("R012")
def test_a_composition_that_differs_is_refused(tmp_path: Path) -> None:
    compared = comparison(tmp_path)
    right = Composition("right", (CompositionMember(WHOLE),))
    [found] = compared.compare([right], WHOLE)
    assert (found.exact, found.tolerance) == (True, 0.0)
    wrong = Composition("wrong", (CompositionMember(OTHER),))
    with pytest.raises(CompositionDiffers, match="'wrong'"):
        compared.compare([right, wrong], WHOLE)


@pytest.mark.requirement("R012")
@pytest.mark.requirement("R013")
def test_a_split_is_exact_and_its_tolerance_measured(tmp_path: Path) -> None:
    split = {"id": "split", "cuts": [["r1"]]}
    _, composition = prepare_model(
        classifier(), tmp_path, compositions=[split]
    ).manifest.compositions
    assert composition.exact is True
    assert composition.tolerance is not None
    assert composition.tolerance < 1e-5


@pytest.mark.requirement("R078")
@pytest.mark.requirement("R079")
@pytest.mark.requirement("R011")
def test_three_compositions_share_a_subset_that_is_stored_once(tmp_path: Path) -> None:
    splits = [
        {"id": "two", "cuts": [["r1"]]},
        {"id": "three", "cuts": [["r1"], ["r2"]]},
        {"id": "late", "cuts": [["r2"]]},
    ]
    prepared = prepare_model(classifier(), tmp_path, compositions=splits)
    manifest = prepared.manifest
    _, two, three, late = manifest.compositions
    assert all(composition.exact for composition in (two, three, late))
    assert two.members[0].subset_id == three.members[0].subset_id
    assert three.members[-1].subset_id == late.members[-1].subset_id
    assert len(manifest.subsets) == 1 + 5
    expected = prepared.load().run({"x": IMAGE})["y"]
    numbers = [subset.id for subset in manifest.subsets]
    for composition in (two, three, late):
        values = {"x": IMAGE}
        for member in composition.members:
            values = prepared.load(subset=numbers.index(member.subset_id)).run(values)
        assert np.array_equal(values["y"], expected)


@pytest.mark.requirement("R078")
def test_cuts_are_found_where_they_are_asked_for(tmp_path: Path) -> None:
    found = {"id": "found", "search": {"subsets": 3, "minimise": "memory"}}
    manifest = prepare_model(classifier(), tmp_path, compositions=[found]).manifest
    _, composition = manifest.compositions
    assert len(composition.members) == 3
    assert composition.exact is True


def test_a_skip_connection_and_several_inputs_and_outputs_are_composed(tmp_path: Path) -> None:
    shape = ("float32", [1, 64])
    model = model_of(
        [
            node("Relu", "a", "r"),
            node("Add", "r b", "s"),
            node("Sigmoid", "s", "y1"),
            node("Add", "y1 r", "y2"),
        ],
        {"a": shape, "b": shape},
        {"y1": shape, "y2": shape},
    )
    split = {"id": "split", "cuts": [["r", "s"]]}
    _, composition = prepare_model(model, tmp_path, compositions=[split]).manifest.compositions
    assert composition.exact is True


def test_difference_is_relative_to_the_largest_value() -> None:
    expected = {"y": np.array([1.0, -4.0, np.inf, np.nan], np.float32)}
    assert difference(expected, expected) == 0
    found = {"y": np.array([1.0, -3.0, np.inf, np.nan], np.float32)}
    assert difference(expected, found) == 0.25
    assert difference({"y": np.array([2])}, {"y": np.array([2])}) == 0


@pytest.mark.requirement("R013")
def test_results_that_cannot_be_compared_have_no_tolerance() -> None:
    """At the highest level a detector may find another number of boxes, or a sum overflow."""
    expected = {"y": np.array([1.0, 2.0], np.float32)}
    assert tolerance(expected, {"y": np.array([1.0], np.float32)}) is None
    assert tolerance(expected, {"y": np.array([1.0, np.inf], np.float32)}) is None
    assert tolerance(expected, {"y": np.array([1.0, np.nan], np.float32)}) is None
    assert tolerance(expected, {"y": np.array([1.0, 1.0], np.float32)}) == 0.5
