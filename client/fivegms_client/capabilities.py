"""What a device can do, as values, and the hard limits that follow from it.

`refusal` answers one question: may this device run this variant at all? It owns no preference
(see `selection`) and measures nothing (see `device`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fivegms_client.layers import LAYERED
from fivegms_codecs.weights import Codec, Precision
from fivegms_engine.capability import canonical_domain
from fivegms_manifests.model import Model, Opset, Variant


@dataclass(frozen=True, slots=True)
class OpsetRange:
    """The versions, first and last included, of one operator domain that an engine runs."""

    domain: str
    first: int
    last: int

    def covers(self, opset: Opset) -> bool:
        """Whether the engine runs models that import `opset`."""
        return _same_domain(self.domain, opset.domain) and self.first <= opset.version <= self.last


@dataclass(frozen=True, slots=True)
class DeviceCapabilities:
    """A device, its engine and its decoders. None means not known, which refuses nothing.

    `memory_free_bytes` is what a model may take now. `max_ir_version` is the newest ONNX IR.
    """

    memory_free_bytes: int | None
    operating_system: str
    engines: tuple[str, ...]
    accelerators: tuple[str, ...]
    opsets: tuple[OpsetRange, ...]
    max_ir_version: int
    codecs: frozenset[str] = frozenset({*Codec, LAYERED})
    precisions: frozenset[str] = frozenset(Precision)


def model_refusal(model: Model, device: DeviceCapabilities) -> str | None:
    """Why this device's engine cannot run any variant of `model`, from metadata alone.

    TR 26.927 6.5.6: the opset imports tell a reader whether it can process the model.
    """
    for opset in model.opsets:
        if not any(known.covers(opset) for known in device.opsets):
            return f"it needs {_spell(opset)}, and this engine runs {_known(opset, device)}"
    if model.ir_version > device.max_ir_version:
        return (
            f"it is written in ONNX IR version {model.ir_version}, and this engine reads up to "
            f"{device.max_ir_version}"
        )
    return None


def refusal(variant: Variant, device: DeviceCapabilities) -> str | None:
    """Why `device` cannot run `variant`, in one sentence, or None when it can."""
    return next(_refusals(variant, device), None)


def _refusals(variant: Variant, device: DeviceCapabilities) -> Iterator[str]:
    needs = variant.constraints
    if variant.container is not None:
        yield (
            f"it is the provider's own file ({variant.container}), for an engine of your own; "
            "fetch it into a folder"
        )
    if variant.codec not in device.codecs:
        yield f"its codec {variant.codec} is not known here"
    if variant.precision not in device.precisions:
        yield f"its precision {variant.precision} is not known here"
    if needs.operating_systems and device.operating_system not in needs.operating_systems:
        yield f"it is made for {_either(needs.operating_systems)}, not {device.operating_system}"
    if needs.engines and not set(needs.engines) & set(device.engines):
        yield f"it needs the engine {_either(needs.engines)}"
    if needs.accelerators and not set(needs.accelerators) & set(device.accelerators):
        yield f"it needs a {_either(needs.accelerators)} accelerator"
    memory_bytes = max(needs.min_memory_bytes or 0, variant.weights_bytes)
    if device.memory_free_bytes is not None and memory_bytes > device.memory_free_bytes:
        yield (
            f"it needs {memory_bytes:,} bytes of memory, and {device.memory_free_bytes:,} are free"
        )


def _same_domain(left: str, right: str) -> bool:
    return canonical_domain(left) == canonical_domain(right)


def _spell(opset: Opset) -> str:
    return f"opset {opset.version} of domain {opset.domain or 'ai.onnx'}"


def _known(opset: Opset, device: DeviceCapabilities) -> str:
    for known in device.opsets:
        if _same_domain(known.domain, opset.domain):
            return f"{known.first} to {known.last}"
    return "no operator of that domain"


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(names)
