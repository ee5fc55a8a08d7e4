"""What `prepare` and `publish` take besides a template: options that are members of one, in words.

Every option has its member in the template (docs/preparation.md), and the template says whether
they fit together. Files are named as they lie here and go into the template relative to the model's
folder, below which all of them have to be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import typer

from fivegms_api.model_stages import parse_stages
from fivegms_api.model_variants import ALLOWED_CODECS, DEFAULT_VARIANTS, Precision, WeightCodec

VariantOption = Annotated[
    list[str] | None,
    typer.Option(
        "--variant",
        metavar="PRECISION[:CODEC]",
        help="Make this variant, not the usual three: int8, fp32:layered, ... Repeat.",
    ),
]
OptimiseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--optimise",
        metavar="STAGE[:SETTING=VALUE,...]",
        help="Make the variants (fp32 without --variant) of the model after this stage too. "
        "Repeat for a chain of stages.",
    ),
]
FloorOption = Annotated[
    float | None,
    typer.Option(
        "--minimum-accuracy", min=0, max=1, help="Withhold variants that are less accurate."
    ),
]
EvaluationOption = Annotated[
    Path | None,
    typer.Option(
        "--evaluation",
        exists=True,
        dir_okay=False,
        help="Measure accuracy on this: an .npz, or media with its ground truth (.json) beside it.",
    ),
]
CalibrationOption = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        exists=True,
        dir_okay=False,
        help="What stages may look at, other than the evaluation set: an .npz, or media.",
    ),
]
DeltaOption = Annotated[
    list[str] | None,
    typer.Option(
        "--delta-from",
        metavar="VERSION=MODEL.onnx",
        help="Make a delta from this older version too. Repeat.",
    ),
]
SessionDeltaOption = Annotated[
    list[str] | None,
    typer.Option(
        "--delta-from",
        metavar="VERSION[=MODEL.onnx]",
        help="Make a delta from this older version too; without a file, one of --session. Repeat.",
    ),
]
DeltaModeOption = Annotated[
    Literal["lossless", "quantised"],
    typer.Option("--delta-mode", help="Whether deltas may lose a little accuracy."),
]
SplitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--split",
        metavar="TENSOR[,TENSOR...]|bytes|macs|memory",
        help="Cut in two at these tensors too, or where what is named is least. Repeat.",
    ),
]
AsIsOption = Annotated[
    bool, typer.Option("--as-is", help="Deliver the file as it is, whatever its format.")
]

_USUAL_CODECS = {
    Precision.FP32: WeightCodec.PLANES_ZSTD,
    Precision.FP16: WeightCodec.PLANES_ZSTD,
    Precision.INT8: WeightCodec.INT8_ZSTD,
}
_SEARCHED = ("bytes", "macs", "memory")
_NOTHING_HELD: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of a preparation."""

    variants: Sequence[str] = ()
    optimise: Sequence[str] = ()
    minimum_accuracy: float | None = None
    evaluation: Path | None = None
    calibration: Path | None = None
    delta_from: Sequence[str] = ()
    delta_mode: Literal["lossless", "quantised"] = "lossless"
    splits: Sequence[str] = ()
    as_is: bool = False

    @property
    def asked(self) -> bool:
        """Whether anything is asked for."""
        return self != Wishes(delta_mode=self.delta_mode)

    @property
    def versions_held(self) -> tuple[int, ...]:
        """The older versions whose files are not named here: a session has them."""
        return tuple(int(text) for text in self.delta_from if text.isdigit())

    def members(self, model: Path, held: Mapping[int, str] = _NOTHING_HELD) -> dict[str, Any]:
        """The members of a template for `model` that the options are.

        `held` has the content paths of older versions that a session has. Raises BadParameter.
        """
        if self.delta_mode == "quantised" and not self.delta_from:
            raise typer.BadParameter("--delta-mode is of --delta-from")
        members: dict[str, Any] = {}
        if self.as_is:
            members["container"] = "as-is"
        if self.variants or self.optimise or self.minimum_accuracy is not None:
            members["variants"] = self._variants()
        if self.evaluation is not None:
            members["evaluation"] = _evaluation(model, self.evaluation)
        if self.calibration is not None:
            members["calibration"] = _data(model, self.calibration)
        if self.delta_from:
            deltas = [_delta(model, text, held) for text in self.delta_from]
            members["deltas"] = [{**delta, "mode": self.delta_mode} for delta in deltas]
        if self.splits:
            splits = enumerate(self.splits, start=1)
            members["compositions"] = [_composition(number, each) for number, each in splits]
        return members

    def _variants(self) -> list[dict[str, Any]]:
        usual = [f"{each.precision}:{each.codec}" for each in DEFAULT_VARIANTS]
        plain = [_variant(text) for text in self.variants or usual]
        if self.optimise:
            stages = _stages(self.optimise)
            optimised = plain if self.variants else plain[:1]
            plain = [*plain, *({**each, "optimise": stages} for each in optimised)]
        if self.minimum_accuracy is not None:
            plain = [{**each, "minimumAccuracy": self.minimum_accuracy} for each in plain]
        return plain


def _variant(text: str) -> dict[str, Any]:
    precision, _, codec = text.partition(":")
    if precision not in set(Precision):
        known = ", ".join(Precision)
        raise typer.BadParameter(f"{precision!r} is no precision: --variant takes {known}")
    only = _USUAL_CODECS.get(Precision(precision)) or min(ALLOWED_CODECS[Precision(precision)])
    return {"precision": precision, "codec": codec or str(only)}


def _stages(texts: Sequence[str]) -> list[dict[str, Any]]:
    try:
        stages = parse_stages(texts)
    except ValueError as error:
        raise typer.BadParameter(f"--optimise {' '.join(texts)}: {error}") from error
    return [stage.model_dump(mode="json", by_alias=True, exclude_none=True) for stage in stages]


def _evaluation(model: Path, file: Path) -> dict[str, Any]:
    data = _data(model, file)
    if "media" in data:
        data["groundTruth"] = str(Path(data["media"]).with_suffix(".json").as_posix())
    return data


def _data(model: Path, file: Path) -> dict[str, Any]:
    kind = "tensors" if file.suffix == ".npz" else "media"
    return {kind: _below(model, file)}


def _delta(model: Path, text: str, held: Mapping[int, str]) -> dict[str, Any]:
    version, separator, file = text.partition("=")
    if version.isdigit() and not separator and int(version) in held:
        return {"base": held[int(version)], "baseVersion": int(version)}
    if not separator or not version.isdigit():
        raise typer.BadParameter(f"{text!r}: --delta-from takes VERSION=MODEL.onnx")
    return {"base": _below(model, Path(file)), "baseVersion": int(version)}


def _composition(number: int, text: str) -> dict[str, Any]:
    if text in _SEARCHED:
        return {"id": f"split-{text}", "search": {"minimise": text}}
    return {"id": f"split-{number}", "cuts": [text.split(",")]}


def _below(model: Path, file: Path) -> str:
    try:
        return file.resolve().relative_to(model.parent.resolve()).as_posix()
    except ValueError:
        raise typer.BadParameter(f"{file} must lie in the model's folder, or below it") from None
