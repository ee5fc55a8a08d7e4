"""Intermediate data: what one part of a split model hands to the next, sample by sample.

TR 26.927 clause 6.2 names this component and leaves it empty; docs/formats.md defines it. A sample
is what one inference gives at a cut: a parameter set where a receiver needs one, then a unit for
each tensor, which is decoded as soon as it has come.

    levels          uniform quantisation of a calibrated range: arrays <-> payloads
    parameters      what the samples of a stream have in common, as values
    parameter_unit  a parameter set <-> its unit
    tensor_unit     a tensor <-> its unit
    samples         both <-> the bytes of a sample; what a receiver remembers between samples

It knows no segment, no clock and no model: media time is the segment's, capture time that of its
`prft`, and what the tensors mean is the matter of the manifest.
"""

from fivegms_codecs.intermediate.levels import Quantiser, calibrated
from fivegms_codecs.intermediate.parameters import (
    Cut,
    IntermediateLimits,
    ParameterSet,
    Profile,
    TensorSpec,
)
from fivegms_codecs.intermediate.samples import IntermediateReader, IntermediateWriter, SampleReader
from fivegms_codecs.intermediate.tensor_unit import IntermediateTensor, decode_intermediate

__all__ = [
    "INTERMEDIATE_PAYLOAD_URN",
    "Cut",
    "IntermediateLimits",
    "IntermediateReader",
    "IntermediateTensor",
    "IntermediateWriter",
    "ParameterSet",
    "Profile",
    "Quantiser",
    "SampleReader",
    "TensorSpec",
    "calibrated",
    "decode_intermediate",
]

INTERMEDIATE_PAYLOAD_URN = "urn:fivegms:ai:payload:intermediate:2026"
"""The payload format of a track of intermediate data."""
