"""What a Content Preparation Template can ask to be done to a model before its weights are coded.

Each stage is one technique of TR 26.927 6.1.1, told apart by `stage`; a variant lists the stages
that it is made by, in order (`optimise`). This module owns their settings, the bounds of those, and
which stage makes no sense after which other. What a stage does to a graph is `fivegms_prepare`'s.

    [{"stage": "prune-channels", "ratio": 0.3}, {"stage": "quantise-static"}]

The same as text, for command lines: `prune-channels:ratio=0.3` and `quantise-static`.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, TypeAdapter, model_validator

from fivegms_api.wire import WireModel

MAX_STAGES = 8

Share: TypeAlias = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Retrain: TypeAlias = Literal["none", "least-squares"]
"""Whether the weights that are left are solved anew, so that each layer gives what it gave before.

It needs the calibration set, no labels, and no training framework.
"""


class Simplify(WireModel):
    """Fold constants, fuse and drop nodes, without a change of what the model computes."""

    stage: Literal["simplify"]


class PruneWeights(WireModel):
    """Unstructured pruning: set the share `sparsity` of the weights to zero, least salient first.

    `saliency` is |w|, or |w| times the norm of what it is multiplied with on the calibration set.
    `scope` says whether each tensor loses that share, or one threshold holds for all of them.
    """

    stage: Literal["prune-weights"]
    sparsity: Share
    saliency: Literal["magnitude", "activations"] = "magnitude"
    scope: Literal["tensor", "global"] = "tensor"
    retrain: Retrain = "none"


class PruneChannels(WireModel):
    """Structured pruning: take the share `ratio` of channels out of every layer that allows it.

    The importance of a channel is the L1 or L2 norm of its weights, or its mean absolute activation
    on the calibration set.
    """

    stage: Literal["prune-channels"]
    ratio: Share
    importance: Literal["weights", "activations"] = "weights"
    norm: Literal["l1", "l2"] = "l1"
    retrain: Retrain = "none"

    @model_validator(mode="after")
    def _norm_is_of_weights(self) -> "PruneChannels":
        if self.importance == "activations" and self.norm != "l1":
            raise ValueError("norm is that of weights: leave it out with importance activations")
        return self


class LowRank(WireModel):
    """Replace a layer by the product of two of lower rank, where that is smaller.

    Exactly one of: `rank`, the same for all layers; `ratio` of each layer's full rank; `energy`,
    the least share of the squared singular values that each layer keeps.
    """

    stage: Literal["low-rank"]
    rank: Annotated[int, Field(ge=1, le=65_536)] | None = None
    ratio: Share | None = None
    energy: Share | None = None
    retrain: Retrain = "none"

    @model_validator(mode="after")
    def _one_measure(self) -> "LowRank":
        if [self.rank, self.ratio, self.energy].count(None) != 2:
            raise ValueError("give exactly one of rank, ratio and energy")
        return self


class QuantiseDynamic(WireModel):
    """Weights to int8 in the graph; activations are quantised while the model runs."""

    stage: Literal["quantise-dynamic"]


class QuantiseStatic(WireModel):
    """Weights to int8 and activations to uint8, whose ranges the calibration set gives (QDQ).

    `reduce_range` keeps weights to 7 bits, for CPUs without dot-product instructions, whose sums of
    two products overflow otherwise.
    """

    stage: Literal["quantise-static"]
    method: Literal["minmax", "entropy", "percentile"] = "minmax"
    reduce_range: bool = False


class ConvertFp16(WireModel):
    """Compute in float16; inputs and outputs of the model stay as they are."""

    stage: Literal["convert-fp16"]


StageRequest: TypeAlias = Annotated[
    Simplify
    | PruneWeights
    | PruneChannels
    | LowRank
    | QuantiseDynamic
    | QuantiseStatic
    | ConvertFp16,
    Field(discriminator="stage"),
]

_PARSER: TypeAdapter[StageRequest] = TypeAdapter(StageRequest)

_FLOAT_WEIGHTS = "it works on float32 weights, which are gone by then"
_ONE_FORMAT = "the numbers of a model are converted once"
_FOLDED = "it would fold the quantised weights back into float32"
_DENSE = "its factors are dense again: all zeros are lost"

REFUSED_AFTER: dict[tuple[str, str], str] = {
    **{
        (earlier, later): _FLOAT_WEIGHTS
        for earlier in ("quantise-dynamic", "quantise-static", "convert-fp16")
        for later in ("prune-weights", "prune-channels", "low-rank")
    },
    **{
        (earlier, later): _ONE_FORMAT
        for earlier in ("quantise-dynamic", "quantise-static", "convert-fp16")
        for later in ("quantise-dynamic", "quantise-static", "convert-fp16")
    },
    ("quantise-dynamic", "simplify"): _FOLDED,
    ("quantise-static", "simplify"): _FOLDED,
    ("prune-weights", "low-rank"): _DENSE,
}
"""Why the second stage makes no sense anywhere after the first."""


def needs_calibration(stage: StageRequest) -> bool:
    """Whether the stage looks at data: then the template must have a calibration set."""
    match stage:
        case QuantiseStatic():
            return True
        case PruneWeights():
            return stage.saliency == "activations" or stage.retrain != "none"
        case PruneChannels():
            return stage.importance == "activations" or stage.retrain != "none"
        case LowRank():
            return stage.retrain != "none"
        case _:
            return False


def _in_order(stages: tuple[StageRequest, ...]) -> tuple[StageRequest, ...]:
    for earlier, later in combinations([stage.stage for stage in stages], 2):
        if reason := REFUSED_AFTER.get((earlier, later)):
            raise ValueError(f"{later} cannot come after {earlier}: {reason}")
    return stages


Stages: TypeAlias = Annotated[
    tuple[StageRequest, ...], Field(max_length=MAX_STAGES), AfterValidator(_in_order)
]
"""The `optimise` member of a variant; refuses an order of the table above."""


def parse_stage(text: str) -> StageRequest:
    """`name` or `name:setting=value,setting=value`, as command lines have it.

    Raises ValueError (pydantic's ValidationError is one).

    >>> parse_stage("prune-channels:ratio=0.3,importance=activations").stage
    'prune-channels'
    """
    name, _, settings = text.partition(":")
    members: dict[str, Any] = {}
    for setting in settings.split(",") if settings else ():
        key, separator, value = setting.partition("=")
        if not separator or key in members or key == "stage":
            raise ValueError(f"{setting!r} is no setting=value of its own in {text!r}")
        members[key] = value
    return _PARSER.validate_python({"stage": name, **members})


def stage_text(stage: StageRequest) -> str:
    """The stage and those of its settings that are not the default, as `parse_stage` reads them."""
    given = stage.model_dump(by_alias=True, exclude_defaults=True, exclude={"stage"})
    settings = ",".join(f"{key}={value}" for key, value in given.items())
    return f"{stage.stage}:{settings}" if settings else stage.stage


def parse_stages(texts: Sequence[str]) -> tuple[StageRequest, ...]:
    """Stages in order, one text each. Raises ValueError for one of them or for their order."""
    return TypeAdapter(Stages).validate_python(tuple(parse_stage(text) for text in texts))
