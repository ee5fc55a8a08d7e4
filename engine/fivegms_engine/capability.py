"""Which ONNX versions this installation runs: what a model's opset imports are compared with.

A reader decides from a model's metadata and opset imports alone whether it can process the model
(TR 26.927 6.5.6), so that a UE turns a model down before it fetches a byte of weights and the
Application Server before it prepares one. onnx knows the operators' definitions and onnxruntime
their kernels; a version counts when both have it. onnxruntime does not tell, so it is asked.
"""

from collections.abc import Iterable
from functools import cache

import onnx
import onnxruntime
from onnx import TensorProto, helper

from fivegms_manifests.model import Opset

MODEL_DOMAIN = ""
CLASSICAL_DOMAIN = "ai.onnx.ml"

_LOG_NOTHING = 4
_SAFE_OPSET = 13  # an opset and an IR version that every onnxruntime in our range has
_SAFE_IR = 7


def canonical_domain(domain: str) -> str:
    """A domain by its one name: `ai.onnx` is spelled as the empty string."""
    return MODEL_DOMAIN if domain == "ai.onnx" else domain


@cache
def newest_opset(domain: str) -> int | None:
    """The newest operator set of a domain that runs here, or None for a domain unknown here."""
    known = {
        MODEL_DOMAIN: onnx.defs.onnx_opset_version,
        CLASSICAL_DOMAIN: onnx.defs.onnx_ml_opset_version,
    }
    if domain not in known:
        return None
    return next(
        version for version in range(known[domain](), 0, -1) if _runs(domain, version, _SAFE_IR)
    )


@cache
def newest_ir_version() -> int:
    """The newest version of the ONNX file format that runs here."""
    return next(
        version
        for version in range(int(onnx.IR_VERSION), 0, -1)
        if _runs(MODEL_DOMAIN, _SAFE_OPSET, version)
    )


def refusal(ir_version: int, opsets: Iterable[Opset]) -> str | None:
    """Why a model of these versions does not run here, or None if it does."""
    if ir_version > newest_ir_version():
        return f"IR version {ir_version} is newer than {newest_ir_version()}, the newest known here"
    for opset in opsets:
        newest = newest_opset(canonical_domain(opset.domain))
        name = opset.domain or "ai.onnx"
        if newest is None:
            return f"operator domain {name!r} is not known here"
        if not 1 <= opset.version <= newest:
            return f"operator set {opset.version} of {name} is not in 1 to {newest}, known here"
    return None


def _runs(domain: str, version: int, ir_version: int) -> bool:
    imports = {MODEL_DOMAIN: _SAFE_OPSET, domain: version}
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    node = helper.make_node("Identity", ["x"], ["y"])
    model = helper.make_model(
        helper.make_graph([node], "probe", value[:1], value[1:]),
        ir_version=ir_version,
        opset_imports=[helper.make_opsetid(*item) for item in imports.items()],
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _LOG_NOTHING
    try:
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception:  # onnxruntime's errors have no base of their own
        return False
    return True
