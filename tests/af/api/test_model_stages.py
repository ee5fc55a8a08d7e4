"""What a template may ask of a model before its weights are coded, and what it may not."""

import pytest
from pydantic import TypeAdapter, ValidationError

from fivegms_api.model_stages import (
    MAX_STAGES,
    REFUSED_AFTER,
    StageRequest,
    Stages,
    needs_calibration,
    parse_stage,
    parse_stages,
    stage_text,
)

STAGES = TypeAdapter(Stages)

LEAST = {
    "simplify": "simplify",
    "prune-weights": "prune-weights:sparsity=0.5",
    "prune-channels": "prune-channels:ratio=0.5",
    "low-rank": "low-rank:rank=8",
    "quantise-dynamic": "quantise-dynamic",
    "quantise-static": "quantise-static",
    "convert-fp16": "convert-fp16",
}


@pytest.mark.parametrize(
    "text",
    [
        *LEAST.values(),
        "prune-weights:sparsity=0.8,saliency=activations,scope=global,retrain=least-squares",
        "prune-channels:ratio=0.3,norm=l2",
        "prune-channels:ratio=0.3,importance=activations,retrain=least-squares",
        "low-rank:energy=0.95",
        "low-rank:ratio=0.5,retrain=least-squares",
        "quantise-static:method=entropy,reduceRange=True",
    ],
)
def test_text_and_back(text: str) -> None:
    stage = parse_stage(text)
    assert stage_text(stage) == text
    assert STAGES.validate_json(STAGES.dump_json((stage,), by_alias=True)) == (stage,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "prune",
        "simplify:hard=1",
        "prune-weights",
        "prune-weights:sparsity=0",
        "prune-weights:sparsity=1",
        "prune-weights:sparsity=nan",
        "prune-weights:sparsity=0.5,sparsity=0.6",
        "prune-weights:sparsity",
        "prune-weights:stage=simplify",
        "prune-channels:ratio=-0.1",
        "prune-channels:ratio=0.3,importance=luck",
        "prune-channels:ratio=0.3,importance=activations,norm=l2",
        "low-rank",
        "low-rank:rank=0",
        "low-rank:rank=8,energy=0.9",
        "low-rank:energy=1",
        "quantise-static:method=guess",
    ],
)
def test_text_that_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_stage(text)


@pytest.mark.requirement("R181")
@pytest.mark.parametrize(("earlier", "later"), REFUSED_AFTER)
def test_a_senseless_order_is_refused_with_the_reason(earlier: str, later: str) -> None:
    with pytest.raises(ValidationError, match=f"{later} cannot come after {earlier}: "):
        parse_stages([LEAST["simplify"], LEAST[earlier], LEAST[later]])


@pytest.mark.requirement("R181")
def test_sensible_orders_are_accepted() -> None:
    order = ["simplify", "prune-channels", "low-rank", "prune-weights", "quantise-static"]
    assert [s.stage for s in parse_stages([LEAST[name] for name in order])] == order
    again = ["prune-channels", "prune-channels", "convert-fp16", "simplify"]
    assert [s.stage for s in parse_stages([LEAST[name] for name in again])] == again


def test_the_number_of_stages_is_bounded() -> None:
    parse_stages(["simplify"] * MAX_STAGES)
    with pytest.raises(ValidationError):
        parse_stages(["simplify"] * (MAX_STAGES + 1))


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("simplify", False),
        ("quantise-dynamic", False),
        ("quantise-static", True),
        ("prune-weights:sparsity=0.5", False),
        ("prune-weights:sparsity=0.5,saliency=activations", True),
        ("prune-weights:sparsity=0.5,retrain=least-squares", True),
        ("prune-channels:ratio=0.5", False),
        ("prune-channels:ratio=0.5,importance=activations", True),
        ("low-rank:rank=4", False),
        ("low-rank:rank=4,retrain=least-squares", True),
    ],
)
def test_which_stages_look_at_data(text: str, needed: bool) -> None:
    stage: StageRequest = parse_stage(text)
    assert needs_calibration(stage) is needed
