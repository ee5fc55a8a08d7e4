"""Answers that are made once and given often: Service Access Information as it goes out.

Bounded in number and in bytes, because whoever asks names the host; and right without being told of
changes: an answer is that of one version of a session, and whoever asks has the session at hand.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fivegms_af.conditional import Representation
from fivegms_af.provisioned import Session

CAPACITY = 10_000
CAPACITY_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class PreparedAnswer:
    """A representation, and the header fields that go with it, Content-Type apart."""

    version: int
    current: Representation
    fields: Mapping[str, str]


class ServiceAccessCache:
    """The answers used last, by session and by how the UE addressed the AF."""

    def __init__(self, capacity: int = CAPACITY, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._bytes = 0
        self._answers: OrderedDict[tuple[str, str, str], PreparedAnswer] = OrderedDict()

    def get(
        self, session: Session, scheme: str, host: str, make: Callable[[], PreparedAnswer]
    ) -> PreparedAnswer:
        """The answer for this version of the session, made where there is none."""
        key = (session.id, scheme, host)
        answer = self._answers.get(key)
        if answer is not None and answer.version == session.version:
            self._answers.move_to_end(key)
            return answer
        answer = make()
        self._keep(key, answer)
        return answer

    def _keep(self, key: tuple[str, str, str], answer: PreparedAnswer) -> None:
        before = self._answers.pop(key, None)
        self._answers[key] = answer
        self._bytes += _size(answer) - (_size(before) if before else 0)
        while len(self._answers) > self._capacity or self._bytes > self._capacity_bytes:
            _, oldest = self._answers.popitem(last=False)
            self._bytes -= _size(oldest)


def _size(answer: PreparedAnswer) -> int:
    return len(answer.current.body)
