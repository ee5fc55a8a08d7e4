"""The inference engine of the UE and of the Application Server.

    elements    ONNX element types and their numpy names
    traversal   subgraphs, tensors and captured values of an ONNX graph
    graph       a model apart: its topology, and its weights; and together again
    session     run a model, or a chain of subsets, with onnxruntime
    capability  which ONNX versions this installation runs
    tasks       what a task's tensors mean (object detection, image classification)
    media       video and images in, annotated video out
    annotation  results drawn into pictures

It reads no model file, writes none and opens no socket: a model is bytes and arrays that somebody
else fetched. It knows nothing of manifests, segments or codecs beyond the values in
`fivegms_manifests.model`.
"""
