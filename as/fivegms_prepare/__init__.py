"""Model preparation: one uploaded model to segments and a model manifest.

The function "model optimisation and compression" of TR 26.927 5.2.1, asked for by a Content
Preparation Template (`fivegms_api.model_preparation`). To follow a model through, begin with
`preparation`, then `opening`, then `making`; the rest is in the order in which they need it.

The whole way
    preparation    a source and a template into a folder; manifest last, or nothing
    opening        all that a template names, read and checked before anything is coded
    making         every variant of every subset: coded, measured, withheld or described
    journal        what is finished, so that work that was interrupted goes on
    progress       how far it is
    allocation     the memory of one variant given back before the next takes its own
    as_is          the short way: a file that is delivered as it came

Reading what came from outside
    containers     which format it is; other frameworks' models to ONNX
    nnef           NNEF to ONNX and back
    model_file, wire_format, outline
                   an ONNX file read in pieces, its large constants left where they are
    reading, external
                   bytes to a ModelProto; data files beside it, and no others
    checks, operators, tensors
                   every reason to refuse a graph, by name
    functions      the model's own functions in place of their calls
    source         the above, then weights apart from the graph
    description    what the ONNX metadata says of labels, inputs and threshold
    errors         every refusal and its name

Knowing a graph without running it
    values, flow   types and shapes; which nodes matter, and how long values are needed
    node_costs, memory, profile
                   multiply-accumulates, bytes in use, parameters

Compositions
    cuts, split_search
                   every place to cut and its cost; which of them to take
    cutting, compose
                   one graph into a chain of graphs; subsets, each once
    compositions   each chain run beside the whole model

Variants
    recipes        what each variant is made of, and what one pass makes
    optimise       the stages that change a model before it is coded
    lines          the model after each chain of stages, with figures
    variants       weights in a precision and codec, or in layers, as units
    packaging      units into segments named by their digest
    deltas, updating
                   what changed since an older version, held to what it may lose
    encryption     segments that no server can read

Measuring
    decoding       segments back to a loaded model, as a UE does it
    evaluation_set, calibration_set
                   the provider's data: to judge by, and to look at
    measurement, evaluation
                   latency; accuracy; each model once, by digest
    timings        where a model's time goes (`fivegms inspect`)
    machine        what the figures were measured on

Saying what was made
    figures        bytes at each point, and the table of stages
    withheld       what is not good enough, and why
    manifest       ids, ranking and constraints of what was measured
    reported       a manifest's variants as M3 and M1 report them

It reads and writes local files and opens no socket. It knows no provisioning session, job or
server: the Application Server runs it as a process (`python -m fivegms_prepare`, which `orphans`
ends with its server), because a model comes from outside and native code reads it.
"""
