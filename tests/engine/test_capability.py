"""A reader decides from the opset imports alone whether it can process a model."""

import pytest

from fivegms_engine.capability import newest_ir_version, newest_opset, refusal
from fivegms_manifests.model import Opset


def test_this_installation_runs_current_models() -> None:
    assert (newest_opset("") or 0) >= 17
    assert (newest_opset("ai.onnx.ml") or 0) >= 3
    assert newest_ir_version() >= 8
    assert newest_opset("com.example") is None


@pytest.mark.requirement("R150")
@pytest.mark.parametrize(
    ("ir_version", "opset", "cause"),
    [
        (8, Opset("", 17), None),
        (8, Opset("ai.onnx", 17), None),
        (99, Opset("", 17), "IR version 99"),
        (8, Opset("", 0), "operator set 0"),
        (8, Opset("", 999), "operator set 999 of ai.onnx"),
        (8, Opset("com.example", 1), "'com.example'"),
    ],
)
def test_refusal(ir_version: int, opset: Opset, cause: str | None) -> None:
    reason = refusal(ir_version, [opset])
    assert reason is None if cause is None else cause in (reason or "")
