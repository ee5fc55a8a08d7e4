"""The errors of the inference engine.

    EngineError
      TopologyError        the topology is not one that this engine takes
        InvalidTopology      its bytes are no ONNX graph
        NamesAFile           it points at data outside itself
        UnsupportedTopology  it is of versions, or has operators of a domain, unknown here
      WeightsError         the tensors are not those that the topology asks for
        MissingTensor        one is not there
        UnknownTensor        one is not asked for
        TensorMismatch       one has another dtype or shape
      SessionFailed        onnxruntime does not load the graph
      BadInput             what is fed is not what the model takes
      InferenceFailed      onnxruntime failed while it ran

Media and task modules of this package add leaves of their own below EngineError.
"""


class EngineError(Exception):
    """Base of every error that `fivegms_engine` raises on purpose."""


class TopologyError(EngineError):
    """The topology is not one that this engine takes."""


class InvalidTopology(TopologyError):
    """The bytes are no ONNX graph, or one without nodes or with functions."""


class NamesAFile(TopologyError):
    """A tensor of the topology points at data outside it, which no engine here ever reads."""


class UnsupportedTopology(TopologyError):
    """The graph needs an IR version or operator set that this engine does not have.

    A manifest says so beforehand; this is for a graph that is not what its manifest says.
    """


class WeightsError(EngineError):
    """The tensors given are not those that the topology asks for."""


class MissingTensor(WeightsError):
    """A tensor that the topology asks for was not given."""


class UnknownTensor(WeightsError):
    """A tensor was given that the topology does not ask for."""


class TensorMismatch(WeightsError):
    """A tensor was given with another element type or shape than the topology says."""


class SessionFailed(EngineError):
    """onnxruntime does not load the graph; the message is its own."""


class BadInput(EngineError):
    """The feeds do not match the model's inputs in name, element type, rank or size."""


class InferenceFailed(EngineError):
    """onnxruntime loaded the model but failed while it ran; the message is its own."""
