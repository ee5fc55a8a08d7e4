"""How variants are ranked against one another."""

import pytest

from fivegms_api.model_variants import DEFAULT_VARIANTS
from fivegms_engine.graph import separate
from fivegms_manifests.model import Accuracy, SegmentRef
from fivegms_prepare.compose import plan
from fivegms_prepare.evaluation import Contents
from fivegms_prepare.figures import Performance
from fivegms_prepare.manifest import MeasuredVariant, subset_of
from fivegms_prepare.profile import profile
from fivegms_prepare.recipes import batches, recipes
from fivegms_prepare.variants import EncodedVariant
from support.onnx_graphs import classifier

CONTENTS = Contents("00" * 32, "00" * 32, 100, 1.0)
REF = SegmentRef("segments/x.m4s", "00" * 32, 100)


@pytest.mark.parametrize(
    ("fp32", "fp16", "int8", "ranks"),
    [
        (None, None, None, [1, 2, 3]),
        (0.9, 0.9, 0.9, [1, 2, 3]),
        (0.9, 0.9, 0.904, [1, 2, 3]),
        (0.9, 0.1, 0.89, [1, 3, 2]),
        (0.8, 0.8, 0.9, [2, 3, 1]),
    ],
)
def test_quality_ranking(
    fp32: float | None, fp16: float | None, int8: float | None, ranks: list[int]
) -> None:
    (whole,) = plan(separate(classifier()), ()).subsets
    figures = [
        () if value is None else (Accuracy("top1", value, "held-out.npz"),)
        for value in (fp32, fp16, int8)
    ]
    measured = [
        MeasuredVariant(EncodedVariant(recipe, REF, (REF,), 0), CONTENTS, Performance(accuracy))
        for recipe, accuracy in zip(recipes(batches(DEFAULT_VARIANTS)), figures, strict=True)
    ]
    subset = subset_of(whole, profile(whole.model), measured)
    assert [variant.quality_ranking for variant in subset.variants] == ranks
