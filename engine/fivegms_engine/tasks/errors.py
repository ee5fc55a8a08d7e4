"""What can go wrong between a model and its task.

TaskError
  UnsupportedInput      the model's input cannot be fed with pictures
  UnsupportedOutput     the model's output is not what its task promises
  GroundTruthTooLarge   the document is larger than this reader accepts
  GroundTruthMalformed  the document is not ground truth; says where and why
"""

from fivegms_engine.errors import EngineError


class TaskError(EngineError):
    """Base of the errors of `fivegms_engine.tasks`."""


class UnsupportedInput(TaskError):
    """The model's input cannot be fed with pictures; says which input and why."""


class UnsupportedOutput(TaskError):
    """An output is missing, or its type or shape is not what the task promises."""


class GroundTruthTooLarge(TaskError):
    """A ground truth document has more bytes than are read."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"ground truth has {size_bytes} bytes; at most {limit_bytes} are read")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class GroundTruthMalformed(TaskError):
    """A ground truth document breaks its format; `where` names the member."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"ground truth {where or 'document'}: {why}")
        self.where = where
        self.why = why
