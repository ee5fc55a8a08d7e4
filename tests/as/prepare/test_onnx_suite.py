"""ONNX's own test suite: its operators pass the checks, and what comes apart goes together again.

The suite has cases that nothing here can run (text, sequences, types without a numpy array) or
that onnxruntime does not implement. Those are refused by name; no case fails in any other way.
"""

import warnings
from collections import Counter
from pathlib import Path

import pytest

from fivegms_engine.errors import SessionFailed
from fivegms_engine.session import InferenceEngine
from fivegms_prepare.errors import CustomDomain, EmptyGraph, UnsupportedTensor
from fivegms_prepare.reading import parse_onnx
from fivegms_prepare.source import separate_checked

EVERY = 6  # a sixth of the suite has each family of operators and takes two seconds


def suite() -> list[bytes]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, while the suite computes what it expects
        from onnx.backend.test.case.node import collect_testcases

        return [case.model.SerializeToString() for case in collect_testcases(None)]


def outcome(data: bytes) -> str:
    try:
        separated = separate_checked(parse_onnx(data), Path("no folder"))
        tensors = {weight.name: weight.array() for weight in separated.weights}
        InferenceEngine.load(separated.topology(), tensors)
    except (CustomDomain, EmptyGraph, UnsupportedTensor) as refusal:
        return refusal.type
    except SessionFailed:
        return "not implemented"
    return "loaded"


@pytest.mark.requirement("R148c")
@pytest.mark.requirement("R152")
def test_built_in_operators() -> None:
    outcomes = Counter(map(outcome, suite()[::EVERY]))
    assert outcomes["loaded"] > 0.8 * outcomes.total()
