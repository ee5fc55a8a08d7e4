"""The rules of rollouts: shares, baselines, cohorts, going back."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fivegms_af.errors import MembersRefused, NoVersionToGoBackTo, VersionNotPublished
from fivegms_af.provisioned import Document, DocumentKind, Session
from fivegms_af.rollout import KeptRollout, Ue, begin, choose, find, roll_back, share_of
from fivegms_api.ai_model_rollouts import MAX_HISTORY, AiModelRollout, Rollback, Rollout
from fivegms_api.ai_models import AiModel, AiModelState
from fivegms_api.common_data import ProvisioningSessionType

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PUBLISHED = AiModelState.PUBLISHED
THREE = {1: PUBLISHED, 2: PUBLISHED, 3: AiModelState.PREPARING}
CLIENTS = [f"client-{number}" for number in range(2000)]


def model(version: int, name: str = "detector") -> AiModel:
    return AiModel(
        provisioning_session_id="s",
        content_preparation_template_id=f"t{version}",
        name=name,
        version=version,
        task="object-detection",
        state=PUBLISHED,
        manifest=f"v{version}.mpd",
    )


def session(rollout: AiModelRollout | None, name: str = "detector") -> Session:
    body = KeptRollout(name=name, rollout=rollout).to_json() if rollout else b""
    documents = (Document("d", DocumentKind.AI_MODEL_ROLLOUT, body, NOW),) if rollout else ()
    return Session("s", ProvisioningSessionType.DOWNLINK, "app", None, NOW, 1, documents=documents)


def served(rollout: AiModelRollout | None, ue: Ue, versions: tuple[int, ...] = (1, 2)) -> list[int]:
    chosen = choose([model(version) for version in versions], session(rollout), ue)
    return [one.version for one in chosen]


def rolled_out(percentage: float, cohort: str | None = None) -> AiModelRollout:
    wanted = Rollout(version=2, percentage=percentage, cohort=cohort, baseline_version=1)
    return begin(wanted, None, THREE, NOW)


def test_without_a_rollout_every_ue_gets_the_newest() -> None:
    assert served(None, Ue()) == [2]
    assert served(None, Ue("a", "beta")) == [2]


def test_the_share_of_the_ues_is_the_percentage() -> None:
    rollout = rolled_out(25)
    first = sum(served(rollout, Ue(client)) == [2] for client in CLIENTS)
    assert abs(first / len(CLIENTS) - 0.25) < 0.04


@given(st.text(max_size=20), st.floats(0, 100), st.floats(0, 100))
def test_raising_the_percentage_takes_no_version_away(
    client: str, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    if served(rolled_out(low), Ue(client)) == [2]:
        assert served(rolled_out(high), Ue(client)) == [2]


def test_other_ues_are_the_first_of_the_next_version() -> None:
    first = {client for client in CLIENTS if share_of("s", "detector", 2, client) < 10}
    next_first = {client for client in CLIENTS if share_of("s", "detector", 3, client) < 10}
    assert len(first & next_first) < len(first) / 2


def test_the_cohort_gets_the_version_and_others_do_not() -> None:
    rollout = rolled_out(0, "beta")
    assert served(rollout, Ue("a", "beta")) == [2]
    assert served(rollout, Ue("a", "gamma")) == [1]
    assert served(rollout, Ue("a")) == [1]


def test_a_ue_that_says_nothing_gets_the_baseline() -> None:
    assert served(rolled_out(99.9), Ue()) == [1]
    assert served(rolled_out(100), Ue()) == [2]


def test_the_others_keep_what_all_had() -> None:
    assert begin(Rollout(version=1, percentage=10), None, THREE, NOW).baseline_version == 2
    assert begin(Rollout(version=2, percentage=10), None, THREE, NOW).baseline_version == 1
    before = begin(Rollout(version=1), None, THREE, NOW)
    assert begin(Rollout(version=2, percentage=10), before, THREE, NOW).baseline_version == 1
    under_way = begin(Rollout(version=2, percentage=50), before, THREE, NOW)
    assert under_way.baseline_version == 1


def test_the_next_rollout_starts_from_what_the_last_one_ended_with() -> None:
    states = THREE | {3: PUBLISHED}
    complete = begin(Rollout(version=2, baseline_version=1), None, states, NOW)
    assert complete.baseline_version is None
    assert begin(Rollout(version=3, percentage=10), complete, states, NOW).baseline_version == 2


def test_a_version_that_was_withdrawn_gives_way_to_the_baseline_only() -> None:
    rollout = rolled_out(99, "beta")
    assert served(rollout, Ue("a", "beta"), versions=(1, 3)) == [1]
    alone = begin(Rollout(version=1), None, THREE, NOW)
    assert served(alone, Ue(), versions=(2, 3)) == []


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (Rollout(version=3), "version 3 cannot be rolled out: it is PREPARING"),
        (Rollout(version=9), "version 9 cannot be rolled out: there is none"),
        (Rollout(version=1, percentage=1, baseline_version=3), "version 3"),
    ],
)
def test_what_ues_cannot_get_is_not_rolled_out(wanted: Rollout, why: str) -> None:
    with pytest.raises(VersionNotPublished, match=why):
        begin(wanted, None, THREE, NOW)


def test_nobody_is_left_without_a_version() -> None:
    with pytest.raises(MembersRefused, match="would get no version"):
        begin(Rollout(version=1, percentage=10), None, {1: PUBLISHED}, NOW)


def test_a_baseline_is_another_version() -> None:
    with pytest.raises(ValidationError, match="another"):
        Rollout(version=1, baseline_version=1)


def test_going_back_puts_all_on_what_they_had() -> None:
    rollout = roll_back(Rollback(), rolled_out(50, "beta"), THREE, NOW)
    assert (rollout.version, rollout.percentage, rollout.cohort) == (1, 100.0, None)
    assert rollout.history[0].version == 2
    assert served(rollout, Ue("a", "beta")) == [1]


def test_going_back_without_a_rollout_is_to_the_second_newest() -> None:
    assert roll_back(Rollback(), None, THREE, NOW).version == 1
    with pytest.raises(NoVersionToGoBackTo):
        roll_back(Rollback(), None, {1: PUBLISHED}, NOW)


def test_going_back_after_the_rollout_is_complete() -> None:
    first = begin(Rollout(version=1), None, THREE, NOW)
    complete = begin(Rollout(version=2), first, THREE, NOW)
    assert roll_back(Rollback(), complete, THREE, NOW).version == 1
    assert roll_back(Rollback(to_version=2), first, THREE, NOW).version == 2


def test_the_history_is_bounded() -> None:
    rollout = begin(Rollout(version=1), None, THREE, NOW)
    for turn in range(2 * MAX_HISTORY):
        rollout = begin(Rollout(version=1 + turn % 2), rollout, THREE, NOW)
    assert len(rollout.history) == MAX_HISTORY
    assert AiModelRollout.model_validate_json(rollout.to_json()) == rollout


def test_a_rollout_is_of_one_model() -> None:
    rollout = rolled_out(100)
    models = [model(1), model(2), model(1, "other"), model(5, "other")]
    chosen = choose(models, session(rollout), Ue())
    assert [(one.name, one.version) for one in chosen] == [("detector", 2), ("other", 5)]
    assert find(session(rollout), "other") is None
