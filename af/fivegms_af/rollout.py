"""The rules of rollouts: who gets which version of a model. Pure.

Whether a UE is among the first is a matter of its identifier and the version alone, so the answer
is the same at every AF replica, and raising the percentage never takes a version away again.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fivegms_af.errors import MembersRefused, NoVersionToGoBackTo, VersionNotPublished
from fivegms_af.provisioned import Document, DocumentKind, Session
from fivegms_api.ai_model_rollouts import (
    MAX_HISTORY,
    AiModelRollout,
    PastRollout,
    Rollback,
    Rollout,
)
from fivegms_api.ai_models import AiModel, AiModelState
from fivegms_api.problem_details import InvalidParam
from fivegms_api.wire import WireModel

States = Mapping[int, AiModelState]
"""The versions of one model, each with its state."""

EVERYONE = 100.0


@dataclass(frozen=True, slots=True)
class Ue:
    """What a UE says of itself, if anything: an identifier of its own, and its cohort."""

    client_id: str | None = None
    cohort: str | None = None


class KeptRollout(WireModel):
    """A rollout as it is stored: with the name of its model."""

    name: str
    rollout: AiModelRollout


def rollouts(session: Session) -> dict[str, AiModelRollout]:
    """Those in force in a session, by the model's name."""
    return {kept.name: kept.rollout for _, kept in _kept(session)}


def find(session: Session, name: str) -> tuple[Document, AiModelRollout] | None:
    """The rollout of a model and the document that holds it, if one is in force."""
    for document, kept in _kept(session):
        if kept.name == name:
            return document, kept.rollout
    return None


def begin(
    wanted: Rollout, current: AiModelRollout | None, states: States, now: datetime
) -> AiModelRollout:
    """The rollout as it is kept: UEs that do not get the version keep the one that they have.

    Raises VersionNotPublished, and MembersRefused where those would get none.
    """
    # A complete rollout keeps no baseline: whoever edits it into the next one would send UEs back.
    baseline = wanted.baseline_version if wanted.percentage < EVERYONE else None
    if baseline is None and wanted.percentage < EVERYONE:
        baseline = _other_than(wanted.version, current, states)
        if baseline is None:
            reason = "is required below 100 percent: the other UEs would get no version"
            raise MembersRefused(InvalidParam(param="/baselineVersion", reason=reason))
    for version in (wanted.version, baseline):
        if version is not None and states.get(version) is not AiModelState.PUBLISHED:
            raise VersionNotPublished(version, states.get(version))
    return AiModelRollout(
        version=wanted.version,
        percentage=wanted.percentage,
        cohort=wanted.cohort,
        baseline_version=baseline,
        since=now,
        history=_history(current),
    )


def roll_back(
    wanted: Rollback, current: AiModelRollout | None, states: States, now: datetime
) -> AiModelRollout:
    """Every UE on one version again. Raises NoVersionToGoBackTo, VersionNotPublished."""
    version = wanted.to_version or _before(current, states)
    if version is None:
        raise NoVersionToGoBackTo
    return begin(Rollout(version=version), current, states, now)


def choose(published: Iterable[AiModel], session: Session, ue: Ue) -> tuple[AiModel, ...]:
    """Of the published models of one session, the version of each that this UE gets."""
    by_name: dict[str, dict[int, AiModel]] = {}
    for model in published:
        by_name.setdefault(model.name, {})[model.version] = model
    in_force = rollouts(session)
    chosen = (
        _choose(versions, in_force.get(name), session.id, ue) for name, versions in by_name.items()
    )
    return tuple(model for model in chosen if model is not None)


def share_of(session_id: str, name: str, version: int, client_id: str) -> float:
    """Where a UE stands from 0 up to 100: it gets the version once the percentage exceeds that.

    >>> share_of("s", "detector", 2, "a") == share_of("s", "detector", 2, "a")
    True
    """
    text = "\0".join((session_id, name, str(version), client_id))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64 * EVERYONE


def _choose(
    versions: Mapping[int, AiModel], rollout: AiModelRollout | None, session_id: str, ue: Ue
) -> AiModel | None:
    """One version of a model. With a rollout it is never one that the provider did not name: the
    newest may be what was rolled back from.
    """
    newest = versions[max(versions)]
    if rollout is None:
        return newest
    version = _version(session_id, newest.name, rollout, ue)
    return versions.get(version) or versions.get(rollout.baseline_version or 0)


def _version(session_id: str, name: str, rollout: AiModelRollout, ue: Ue) -> int:
    """The rollout's version or its baseline; 0, which no version has, for neither."""
    if rollout.percentage >= EVERYONE:
        return rollout.version
    if rollout.cohort is not None and ue.cohort == rollout.cohort:
        return rollout.version
    if ue.client_id is not None:
        share = share_of(session_id, name, rollout.version, ue.client_id)
        if share < rollout.percentage:
            return rollout.version
    return rollout.baseline_version or 0


def _other_than(version: int, current: AiModelRollout | None, states: States) -> int | None:
    """What UEs have, or had last, beside `version`; without a rollout, the next one published."""
    if current is not None:
        served = (current.version, current.baseline_version)
        known = (*served[:: 1 if current.percentage >= EVERYONE else -1], *_past(current))
        earlier = next((one for one in known if one not in (None, version)), None)
        if earlier is not None:
            return earlier
    published = [one for one, state in states.items() if state is AiModelState.PUBLISHED]
    older = [one for one in published if one < version]
    return max(older or [one for one in published if one != version], default=None)


def _before(current: AiModelRollout | None, states: States) -> int | None:
    """What UEs had before what they have."""
    if current is not None:
        return current.baseline_version or _other_than(current.version, current, states)
    published = [one for one, state in states.items() if state is AiModelState.PUBLISHED]
    return _other_than(max(published), None, states) if published else None


def _past(current: AiModelRollout) -> tuple[int, ...]:
    return tuple(past.version for past in current.history)


def _history(current: AiModelRollout | None) -> tuple[PastRollout, ...]:
    return () if current is None else (current.past(), *current.history)[:MAX_HISTORY]


def _kept(session: Session) -> list[tuple[Document, KeptRollout]]:
    return [
        (document, KeptRollout.model_validate_json(document.body))
        for document in session.documents_of(DocumentKind.AI_MODEL_ROLLOUT)
    ]
