"""How an AS follows what was provisioned, as far as the AF has seen: values, and a record of them.

Pure: the pump that drives the AS says what happened, and when.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fivegms_af.errors import ApplicationServerError, ApplicationServerRefused
from fivegms_af.provisioned import Session
from fivegms_api.application_servers import ApplicationServerState


@dataclass(frozen=True, slots=True)
class Following:
    """The state of one AS for one session, or for all; `reason` where it fails."""

    state: ApplicationServerState
    since: datetime
    reason: ApplicationServerError | None = None


class FollowRecord:
    """What happened at one AS. Until it has answered once, everything is pending."""

    def __init__(self) -> None:
        self._unreachable: Following | None = None
        self._answered: datetime | None = None
        self._refused: dict[str, Following] = {}
        self._followed: dict[str, datetime] = {}

    @property
    def unreachable(self) -> Following | None:
        """Since when and why the AS does not answer; None while it does."""
        return self._unreachable

    @property
    def refused(self) -> Mapping[str, Following]:
        """The sessions of which it refuses something."""
        return self._refused

    def answered(self, now: datetime) -> None:
        """It said what it holds."""
        if self._unreachable is not None or self._answered is None:
            self._answered = now
        self._unreachable = None

    def lost(self, error: ApplicationServerError, now: datetime) -> None:
        """It did not answer."""
        since = self._unreachable.since if self._unreachable else now
        self._unreachable = Following(ApplicationServerState.UNREACHABLE, since, error)

    def followed(self, session_id: str, now: datetime) -> None:
        """It did something for a session."""
        self._followed[session_id] = now

    def settled(
        self,
        considered: Iterable[str],
        refusals: Mapping[str, ApplicationServerRefused],
        now: datetime,
    ) -> None:
        """Everything due for the sessions considered was tried, and this was refused."""
        for session_id in considered:
            before = self._refused.pop(session_id, None)
            refusal = refusals.get(session_id)
            if refusal is not None:
                since = before.since if before else now
                refused = Following(ApplicationServerState.REFUSED, since, refusal)
                self._refused[session_id] = refused

    def forget(self, session_id: str) -> None:
        """The session is gone."""
        self._refused.pop(session_id, None)
        self._followed.pop(session_id, None)

    def of(self, session: Session, *, in_step: bool) -> Following:
        """The state for a session; `in_step` says whether what the AS holds is what it should."""
        if self._unreachable is not None:
            return self._unreachable
        if session.id in self._refused:
            return self._refused[session.id]
        if in_step and self._answered is not None:
            since = self._followed.get(session.id, self._answered)
            return Following(ApplicationServerState.IN_STEP, since)
        return Following(ApplicationServerState.PENDING, last_change(session))


def last_change(session: Session) -> datetime:
    """When the session or anything below it was changed last."""
    hosting = (session.hosting,) if session.hosting else ()
    below = (*hosting, *session.templates, *session.documents, *session.certificates)
    return max(session.modified, *(one.modified for one in below)) if below else session.modified
