"""Prepare a small model and load what was published as a UE would: from the files alone."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from onnx import ModelProto

from fivegms_api.model_preparation import ModelPreparation
from fivegms_engine.session import LoadedModel
from fivegms_manifests.model import ModelManifest
from fivegms_manifests.model_mpd import read_model_mpd
from fivegms_prepare.decoding import decode, load
from fivegms_prepare.preparation import PreparationResult, prepare

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def template_of(**members: Any) -> ModelPreparation:
    """A template for `model.onnx`, its other members in Python's spelling."""
    least = {"model": {"name": "tested", "task": "tensors"}, "source": "model.onnx"}
    return ModelPreparation.model_validate({**least, **members})


@dataclass(frozen=True)
class Prepared:
    """What a preparation returned, and the folder that it filled."""

    result: PreparationResult
    out: Path

    @property
    def manifest(self) -> ModelManifest:
        """The manifest as published."""
        return read_model_mpd((self.out / "model.mpd").read_bytes())

    def load(self, variant: int = 0, subset: int = 0) -> LoadedModel:
        """A variant of a subset, by their places in the manifest."""
        published = self.manifest.subsets[subset].variants[variant]
        return load(decode([published.segments], self.out))


def prepare_model(model: ModelProto, folder: Path, /, **members: Any) -> Prepared:
    """Prepare a model from `folder / "in"`, where evaluation files are too, into another folder."""
    source = folder / "in" / "model.onnx"
    source.parent.mkdir(exist_ok=True)
    source.write_bytes(model.SerializeToString())
    out = folder / "out"
    result = prepare(source, template_of(**members), out, evaluation_dir=source.parent, now=NOW)
    return Prepared(result, out)
