"""Model preparation: one uploaded ONNX model to segments and a model manifest.

The function "model optimisation and compression" of TR 26.927 5.2.1, asked for by a Content
Preparation Template (`fivegms_api.model_preparation`). In the order in which a model passes:

    reading, external     bytes to a ModelProto; data files beside it, and no others
    checks                every reason to refuse a graph, by name (operators, tensors)
    source                the above, then weights apart from the graph (functions)
    description           what the ONNX metadata says of labels, inputs and threshold
    compose, cutting      the whole, and subsets at the cuts that the provider names
    profile, values       parameters, multiply-accumulates, memory; shapes
    variants              a subset's weights in one precision and codec, as segments
    decoding              segments back to a loaded model, as a UE does it
    evaluation            what those segments are worth (evaluation_set, measurement, machine)
    manifest              ids, ranking and constraints of what was measured
    reported              a manifest's variants as M3 and M1 report them
    preparation           all of it, in order, into a folder (progress)

It reads and writes local files and opens no socket. It knows no provisioning session, job or
server: the Application Server runs it as a process (`python -m fivegms_prepare`), because a model
comes from outside and native code reads it.
"""
