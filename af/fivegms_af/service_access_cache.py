"""Answers that are made once and given often: Service Access Information as it goes out.

Bounded, and right without being told of changes: an answer is that of one version of a session, and
whoever asks has the session at hand.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fivegms_af.conditional import Representation
from fivegms_af.provisioned import Session

CAPACITY = 10_000


@dataclass(frozen=True, slots=True)
class PreparedAnswer:
    """A representation, and the header fields that go with it, Content-Type apart."""

    version: int
    current: Representation
    fields: Mapping[str, str]


class ServiceAccessCache:
    """The answers used last, by session and by how the UE addressed the AF."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._answers: OrderedDict[tuple[str, str, str], PreparedAnswer] = OrderedDict()

    def get(
        self, session: Session, scheme: str, host: str, make: Callable[[], PreparedAnswer]
    ) -> PreparedAnswer:
        """The answer for this version of the session, made where there is none."""
        key = (session.id, scheme, host)
        answer = self._answers.get(key)
        if answer is None or answer.version != session.version:
            answer = self._answers[key] = make()
            if len(self._answers) > self._capacity:
                self._answers.popitem(last=False)
        self._answers.move_to_end(key)
        return answer
