"""The rules by value; what jobs make of them is in test_preparation."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_api.ai_models import AiModelState, FailureReason, PreparationProgress
from fivegms_api.model_preparation import (
    MediaEvaluation,
    ModelDescription,
    ModelPreparation,
    TensorEvaluation,
)
from fivegms_as import preparation_rules as rules
from fivegms_as.namespace import PulledFrom, StoredObject
from fivegms_as.preparation_rules import Decision

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
MODEL = ModelDescription(name="m", version=3, task="t")
PREPARATION = ModelPreparation(model=MODEL, source="n/net.onnx")
REASON = FailureReason(type="x", detail="y")


def stored(path, sha256="00", prepared=False, pulled=None):
    return StoredObject(path, sha256, 7, "x/y", NOW, ("t1",) if prepared else (), pulled)


def space(*objects):
    return {one.path: one for one in objects}


def wanted(*objects, template="t", preparation=PREPARATION):
    return rules.inputs(template, preparation, space(*objects))


SOURCE = stored("n/net.onnx")
WANTED = wanted(SOURCE)
EMPTY = rules.Record(template_id="t1")
NOTHING = rules.PreparedModel(())
RUNNING = rules.started(EMPTY, WANTED)
FAILED = rules.failed(RUNNING, REASON)
PUBLISHED = rules.published(RUNNING, PREPARATION, NOTHING, ["b", "a"], NOW)
NEWER = wanted(stored("n/net.onnx", "11"))


@pytest.mark.parametrize(
    ("evaluation", "missing"),
    [
        (None, ("n/net.onnx",)),
        (MediaEvaluation(media="a", ground_truth="b"), ("n/net.onnx", "a", "b")),
        (TensorEvaluation(tensors="z"), ("n/net.onnx", "z")),
    ],
)
def test_everything_that_is_named_is_waited_for(evaluation, missing):
    preparation = PREPARATION.model_copy(update={"evaluation": evaluation})
    assert rules.missing_paths(preparation, {}) == missing
    assert wanted(preparation=preparation) is None
    assert wanted(*(stored(path) for path in missing), preparation=preparation) is not None


def test_prepared_content_is_no_source():
    assert wanted(stored("n/net.onnx", prepared=True)) is None


def test_what_ues_cause_to_be_pulled_repeats_no_attempt():
    later = wanted(SOURCE, stored("clip.mp4", pulled=PulledFrom("http://o/clip.mp4", None)))
    assert rules.decide(FAILED, later, running=False) is Decision.KEEP
    later = wanted(SOURCE, stored("clip.mp4"))
    assert rules.decide(FAILED, later, running=False) is Decision.START


def test_inputs_are_what_is_named_and_what_goes_with_the_source():
    preparation = PREPARATION.model_copy(update={"evaluation": TensorEvaluation(tensors="z")})
    paths = ("n/net.onnx", "n/net.onnx.data", "z", "n/other.bin", "net.onnx", "clip.mp4")
    found = [path for path in paths if rules.is_input(preparation, path)]
    assert found == ["n/net.onnx", "n/net.onnx.data", "z"]


@pytest.mark.parametrize("suffix", [".release.json", ".sigstore.json"])
def test_a_signature_beside_the_manifest_prepares_nothing_anew(suffix):
    preparation = ModelPreparation(model=MODEL, source="model.onnx")
    source = stored("model.onnx")
    signed = wanted(source, stored(f"model.mpd{suffix}"), preparation=preparation)
    assert not rules.is_input(preparation, f"model.mpd{suffix}")
    assert signed.key == wanted(source, preparation=preparation).key


def test_the_preparer_is_given_what_lies_below_the_sources_folder():
    given = wanted(SOURCE, stored("n/w/x.bin"), stored("clip.mp4"), stored("n/p", prepared=True))
    assert [one.path for one in given.files] == ["n/net.onnx", "n/w/x.bin"]


@pytest.mark.parametrize(
    ("objects", "same_key"),
    [
        ([SOURCE], True),
        ([SOURCE, stored("clip.mp4")], True),
        ([SOURCE, stored("n/other.bin")], True),
        ([SOURCE, stored("n/model.mpd", prepared=True)], True),
        ([stored("n/net.onnx", "11")], False),
        ([SOURCE, stored("n/net.onnx.data")], False),
        ([SOURCE, stored("n/net.data")], False),
    ],
)
def test_what_makes_a_different_model(objects, same_key):
    assert (wanted(*objects).key == WANTED.key) is same_key


def test_a_changed_template_makes_a_different_model():
    assert wanted(SOURCE, template="other").key != WANTED.key


@pytest.mark.parametrize(
    ("record", "inputs", "running", "decision"),
    [
        (EMPTY, None, False, Decision.KEEP),
        (EMPTY, WANTED, False, Decision.START),
        (RUNNING, WANTED, True, Decision.KEEP),
        (RUNNING, WANTED, False, Decision.START),  # interrupted
        (RUNNING, None, True, Decision.STOP),
        (RUNNING, NEWER, True, Decision.START),
        (FAILED, WANTED, False, Decision.KEEP),
        (FAILED, NEWER, False, Decision.START),
        (FAILED, wanted(SOURCE, stored("n/x")), False, Decision.START),
        (FAILED, None, False, Decision.STOP),
        (PUBLISHED, WANTED, False, Decision.KEEP),
        (PUBLISHED, None, False, Decision.KEEP),
        (PUBLISHED, NEWER, False, Decision.START),
        (rules.started(PUBLISHED, NEWER), WANTED, True, Decision.STOP),
        (rules.lost(PUBLISHED, {}), WANTED, False, Decision.START),
    ],
)
def test_what_to_do(record, inputs, running, decision):
    assert rules.decide(record, inputs, running=running) is decision


def test_an_attempt_that_never_ends_is_given_up():
    record = EMPTY
    for _ in range(rules.MAX_STARTS):
        assert rules.decide(record, WANTED, running=False) is Decision.START
        record = rules.started(record, WANTED)
    assert rules.decide(record, WANTED, running=False) is Decision.GIVE_UP
    assert rules.started(record, NEWER).attempt.starts == 1


def test_an_attempt_that_gets_further_each_time_is_not_given_up():
    record = EMPTY
    for finished in range(2 * rules.MAX_STARTS):
        decision = rules.decide(record, WANTED, running=False, finished_bytes=finished)
        assert decision is Decision.START
        record = rules.started(record, WANTED, finished)
        assert record.attempt.starts == 1
    for _ in range(rules.MAX_STARTS):
        last = rules.decide(record, WANTED, running=False, finished_bytes=finished)
        record = rules.started(record, WANTED, finished)
    assert last is Decision.GIVE_UP


def test_progress_does_not_go_back_when_a_worker_is_started_again():
    known = PreparationProgress(stage="measuring", fraction=0.6)
    told = PreparationProgress(stage="checking", fraction=0.0)
    assert rules.further(known, told) == PreparationProgress(stage="checking", fraction=0.6)
    assert rules.further(told, known) == known


def test_a_publication_knows_its_paths_and_those_before():
    assert (PUBLISHED.publication.paths, PUBLISHED.attempt) == (("a", "b"), None)
    again = rules.published(rules.started(PUBLISHED, NEWER), PREPARATION, NOTHING, ["b", "c"], NOW)
    assert again.publication.previous_paths == ("a",)
    assert rules.owned_paths([again]) == {"a", "b", "c"}


def test_a_publication_that_lost_a_path_is_marked():
    whole = space(stored("a"), stored("b"))
    assert rules.lost(PUBLISHED, whole) is PUBLISHED
    assert rules.lost(PUBLISHED, space(stored("a"))).publication.key == ""


def test_only_an_attempt_is_published():
    with pytest.raises(ValueError, match="attempt"):
        rules.published(EMPTY, PREPARATION, NOTHING, [], NOW)


AWAITING, PREPARING = AiModelState.AWAITING_UPLOAD, AiModelState.PREPARING
DONE, BROKEN = AiModelState.PUBLISHED, AiModelState.FAILED


@pytest.mark.parametrize(
    ("record", "inputs", "states"),
    [
        (EMPTY, None, [AWAITING]),
        (EMPTY, WANTED, [PREPARING]),
        (RUNNING, WANTED, [PREPARING]),
        (FAILED, WANTED, [BROKEN]),
        (FAILED, NEWER, [PREPARING]),
        (PUBLISHED, WANTED, [DONE]),
        (PUBLISHED, None, [DONE]),
        (PUBLISHED, NEWER, [PREPARING, DONE]),
        (rules.lost(PUBLISHED, {}), None, [AWAITING]),
        (rules.lost(PUBLISHED, {}), WANTED, [PREPARING]),
        (rules.failed(rules.started(PUBLISHED, NEWER), REASON), NEWER, [BROKEN, DONE]),
    ],
)
def test_what_is_told(record, inputs, states):
    content = space(SOURCE) if inputs else {}
    missing = rules.missing_paths(PREPARATION, content)
    models = rules.ai_models("s1", record, PREPARATION, missing, None, inputs)
    assert [model.state for model in models] == states
    assert {model.name for model in models} == {"m"}
    told = {model.state: model.reason for model in models}
    assert told.get(BROKEN) == (REASON if BROKEN in states else None)
    assert (told.get(AWAITING) is not None) is (AWAITING in states)
    assert told.get(PREPARING) is None


@given(st.lists(st.sampled_from(["00", "11", "22", None]), max_size=12), st.data())
def test_whatever_happens_the_last_upload_is_published_in_the_end(uploads, data):
    record, running = EMPTY, False
    for upload in [*uploads, "33"]:
        inputs = wanted(stored("n/net.onnx", upload)) if upload else None
        decision = rules.decide(record, inputs, running=running)
        if decision is Decision.START:
            record, running = rules.started(record, inputs), True
        elif decision is Decision.STOP:
            record, running = rules.stopped(record), False
        if running and data.draw(st.booleans()):
            record, running = rules.published(record, PREPARATION, NOTHING, ["a"], NOW), False
    if running:
        record = rules.published(record, PREPARATION, NOTHING, ["a"], NOW)
    assert record.publication.source_sha256 == "33"
