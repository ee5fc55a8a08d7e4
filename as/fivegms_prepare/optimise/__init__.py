"""Optimisation of a model before its weights are coded (TR 26.927 6.1.1), one stage after another.

    for stage in request.optimise:
        model = apply(stage, model, calibration)

A stage takes a separated model and gives one: the graph may be another, its inputs and outputs are
the same, and the plain engine runs it. Nothing here measures: what a stage costs and gains is the
pipeline's to find out, before and after. Nothing here codes: bytes on the wire are the codecs'.

    stages          the table: stage to technique, label and report
    draft           a model under change
    calibration     data that a stage may look at
    library         other people's tools, in and out
    simplify, half, quantisation                        by onnxslim and onnxruntime
    prune_weights, prune_channels, low_rank             our own
"""

from fivegms_prepare.optimise.calibration import Calibration, Feeds
from fivegms_prepare.optimise.stages import StageLabel, apply, label, report

__all__ = ["Calibration", "Feeds", "StageLabel", "apply", "label", "report"]
