"""Models as files of other frameworks: told apart, delivered as they are, or converted to ONNX.

    detection    which of the formats of TR 26.927 5.2.1 a file or folder is, by its content
    archives     zip and tar files whose members stay where they belong
    as_is        a file, or a folder as one file, into segments
    conversion   TensorFlow, Keras and PyTorch to ONNX, in a process of its own (extra `convert`)

What a format means is not known here but to the libraries that convert it; NNEF has a package of
its own (`fivegms_prepare.nnef`).
"""

from fivegms_prepare.containers.detection import Container, ModelContainer, describe_container

__all__ = ["Container", "ModelContainer", "describe_container"]
