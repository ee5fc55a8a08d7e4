"""Updates: what a device that holds an older version of a model fetches instead of the new one.

A delta goes from a variant of an older version to a variant of this one. The older model has to be
ingested beside the new one: the base is made of it anew, by the same steps, and what a device holds
is known by the digest of its weights. Every variant stays there whole beside its deltas.
"""

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import Field, model_validator

from fivegms_api.model_paths import Name, RelativePath
from fivegms_api.wire import WireModel

MAX_CHAIN = 8
"""How many deltas may follow one another before a whole variant has to be fetched."""


DEFAULT_LOSS = 0.005
"""Accuracy figures nearer than this are alike: data sets are not that large."""


class DeltaRequest(WireModel):
    """A delta to `variant` of this version from `base_variant` of version `base_version`.

    `base` is the older version's source. `quantised` deltas are as coarse as an accuracy at most
    `max_accuracy_loss` (0.005 if left out) below the variant's allows, unless `step` says how
    coarse. A device that came to the older version by a quantised delta holds other weights than
    one that fetched it whole: `base_delta` repeats that delta, and `base_variant` is then its id.
    """

    id: Name | None = None
    base: RelativePath
    base_version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    base_variant: Name = "fp32"
    variant: Name = "fp32"
    mode: Literal["lossless", "quantised"] = "lossless"
    max_accuracy_loss: Annotated[float, Field(ge=0, le=1)] | None = None
    step: Annotated[float, Field(gt=0, le=1024)] | None = None
    base_delta: "DeltaRequest | None" = None

    @model_validator(mode="after")
    def _step_is_of_quantised(self) -> "DeltaRequest":
        stated = self.max_accuracy_loss is not None or self.step is not None
        if self.mode == "lossless" and stated:
            raise ValueError("a lossless delta has neither maxAccuracyLoss nor step")
        return self

    @model_validator(mode="after")
    def _chain_is_short_and_known(self) -> "DeltaRequest":
        if self.chain > MAX_CHAIN:
            raise ValueError(f"{self.chain} deltas in a row; {MAX_CHAIN} are the most")
        below = self.base_delta
        if below is None:
            return self
        if below.needs_evaluation:
            raise ValueError("a quantised baseDelta must state the step that it was made with")
        if below.base_version >= self.base_version:
            raise ValueError("baseDelta must come from a version before baseVersion")
        return self

    @property
    def needs_evaluation(self) -> bool:
        """Whether its step has to be found by measuring."""
        return self.mode == "quantised" and self.step is None

    @property
    def accuracy_loss(self) -> float:
        """The most accuracy that the delta may lose."""
        return DEFAULT_LOSS if self.max_accuracy_loss is None else self.max_accuracy_loss

    @property
    def chain(self) -> int:
        """How many deltas lead here from a variant that was fetched whole."""
        return 1 if self.base_delta is None else 1 + self.base_delta.chain

    @property
    def sources(self) -> tuple[str, ...]:
        """The older models, newest first."""
        return (self.base, *(self.base_delta.sources if self.base_delta else ()))

    @property
    def name(self) -> str:
        """Its id, or one made of what it joins."""
        plain = f"{self.variant}-from-{self.base_version}"
        return self.id or (plain if self.mode == "lossless" else f"{plain}-quantised")

    def check(self, version: int, variants: Collection[str]) -> None:
        """Hold the delta against the template's version and variants. Raises ValueError."""
        if self.base_version >= version:
            raise ValueError(f"a delta to version {version} cannot start from {self.base_version}")
        wanted = {self.variant} if self.base_delta else {self.variant, self.base_variant}
        if unknown := sorted(wanted.difference(variants)):
            there = ", ".join(sorted(variants)) or "none"
            raise ValueError(
                f"a delta needs variant {unknown[0]!r}, whole, in this template, which has {there}"
            )
        if self.base_delta is not None:
            self.base_delta.check(self.base_version, variants)

    def below(self, folder: str) -> "DeltaRequest":
        """The same delta with every path below `folder`."""
        deeper = self.base_delta.below(folder) if self.base_delta else None
        return self.model_copy(update={"base": f"{folder}/{self.base}", "base_delta": deeper})
