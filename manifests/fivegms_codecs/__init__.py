"""What the samples of a segment hold: a model's topology and its tensors, coded.

    errors       every refusal, by cause
    dtypes       the ONNX element types that units carry, and their numpy types
    frames       bytes <-> a run of bounded Zstandard frames of byte planes
    coding       what a weight codec is
    eligibility  which tensors may be approximated
    channels     linear quantisation: levels of a scale per channel
    raw, planes, quantised, ...   one weight codec each: arrays <-> payloads
    half_bytes, bases, positions, prefix_code, lanes   what some of them pack numbers in
    weights      the table of them
    headers      what begins every unit, and the checksum over it
    units        payloads <-> units, which are the samples (docs/formats.md)
    cells, residuals, refinement   what an int8 value leaves open of a number, and its payloads
    ordering     numbers <-> the same in the order of a kind, block by block
    layers       one tensor <-> a base that runs and enhancements up to its every bit
    differences, steps, digits   how a tensor differs from an older one, and its payloads
    deltas       one tensor <-> what leads to it from the older one
    digest       what a delta is bound to and checked against
    intermediate what one part of a split model hands to the next, in samples of its own

Wire package: bytes in, values out, and back. It knows no file, no socket and no ONNX library.
"""

from fivegms_codecs.coding import Precision
from fivegms_codecs.deltas import DeltaMode, apply_delta, write_delta
from fivegms_codecs.dtypes import DType
from fivegms_codecs.errors import CodecError
from fivegms_codecs.layers import Layers, decode_layers, write_layers
from fivegms_codecs.units import (
    TensorUnit,
    TopologyUnit,
    UnitLimits,
    decode_tensor,
    read_unit,
    write_tensor,
    write_topology,
)
from fivegms_codecs.weights import Codec

__all__ = [
    "Codec",
    "CodecError",
    "DType",
    "DeltaMode",
    "Layers",
    "Precision",
    "TensorUnit",
    "TopologyUnit",
    "UnitLimits",
    "apply_delta",
    "decode_layers",
    "decode_tensor",
    "read_unit",
    "write_delta",
    "write_layers",
    "write_tensor",
    "write_topology",
]
