"""The state of a model that was published: what M3 reports and M1 and M5 show.

An extension of ours: `GET /fivegms-m3/v1/provisioning-sessions/{id}/ai-models` at the AS,
`GET /3gpp-m1/v2/provisioning-sessions/{id}/ai-models` at the AF for the provider, and
`GET /fivegms-m5-ai/v1/models?task=...` for a UE that knows its task but no session.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from fivegms_api.wire import WireModel


class AiModelState(StrEnum):
    """Where a model is on its way from the provider to the UE."""

    AWAITING_UPLOAD = "AWAITING_UPLOAD"
    PREPARING = "PREPARING"
    PUBLISHED = "PUBLISHED"
    FAILED = "FAILED"


class PreparationProgress(WireModel):
    """The stage under way (`checking`, `encoding int8`, ...) and the share of all work done."""

    stage: str
    fraction: Annotated[float, Field(ge=0, le=1)]


class FailureReason(WireModel):
    """Why preparation failed: a type from docs/errors.md, and a sentence that says what to do."""

    type: str
    detail: str


class MeasuredAccuracy(WireModel):
    """A figure measured on the template's evaluation set."""

    metric: str
    value: float
    data_set: str


class StageFigures(WireModel):
    """What a model cost and was worth at one point: bytes to fetch, accuracy, median latency."""

    size_bytes: int
    accuracy: float | None = None
    latency_ms: float | None = None


class PreparedStage(WireModel):
    """One step from the source to a variant, and what it did (TR 26.927 6.1.1).

    `recovery` is `sender-only` or `receiver-assisted`. A step that is not `transparent` leaves
    numbers that the UE has to look up.
    """

    name: str
    recovery: str
    transparent: bool
    settings: str
    before: StageFigures
    after: StageFigures


class DeltaBase(WireModel):
    """What a variant that holds changes only is to be applied to."""

    base_version: int
    base_variant: str
    base_weights: str
    mode: str
    chain: int


class PreparedVariant(WireModel):
    """What one variant costs and is worth.

    An enhancement layer `depends_on` the variant below it; its figures but the size are those of
    all layers up to it.
    """

    subset: int
    id: str
    precision: str
    codec: str
    size_bytes: int
    sha256: str
    segments: int
    accuracy: tuple[MeasuredAccuracy, ...] = ()
    latency_ms: float | None = None
    decode_ms: float | None = None
    depends_on: str | None = None
    delta: DeltaBase | None = None
    container: str | None = None
    stages: tuple[PreparedStage, ...] = ()


class WithheldVariant(WireModel):
    """A variant that was made, measured and not published: its figures, and why."""

    id: str
    precision: str
    codec: str
    size_bytes: int
    reason: str
    minimum_accuracy: float | None = None
    accuracy: tuple[MeasuredAccuracy, ...] = ()
    latency_ms: float | None = None


class AiModel(WireModel):
    """A model of a provisioning session.

    `manifest` is the MPD's path below the session's distribution base URL; `locator` its absolute
    URL, where the answering function knows it. A model that its provider prepared, and whose files
    were ingested as they are, has no template.
    """

    provisioning_session_id: str
    content_preparation_template_id: str | None = None
    name: str
    version: int
    task: str
    state: AiModelState
    progress: PreparationProgress | None = None
    reason: FailureReason | None = None
    manifest: str
    locator: str | None = None
    source_bytes: int | None = None
    source_sha256: str | None = None
    published: datetime | None = None
    variants: tuple[PreparedVariant, ...] = ()
    withheld: tuple[WithheldVariant, ...] = ()


class AiModelList(WireModel):
    """The models of a session, or those that match a query."""

    ai_models: tuple[AiModel, ...]
