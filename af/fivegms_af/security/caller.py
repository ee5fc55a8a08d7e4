"""Who asks, as every handler may know it: what they may do, and whose sessions they see. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from aiohttp import web

from fivegms_af.provisioned import Session
from fivegms_af.security.errors import OwnerMismatch

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Caller:
    """The bearer of a verified token; `ANYONE` where the AF asks for none.

    `asp_id`, `app_id` and `provisioning_session_id` bind the token to the sessions that have them;
    None binds to nothing. `data_access_profile_ids` narrows what of the event data of these
    sessions may be read, None does not.
    """

    subject: str
    scopes: frozenset[str] = frozenset()
    asp_id: str | None = None
    app_id: str | None = None
    provisioning_session_id: str | None = None
    data_access_profile_ids: frozenset[str] | None = None

    @property
    def is_bound(self) -> bool:
        """Whether there may be sessions that the caller does not see."""
        bindings = (self.asp_id, self.app_id, self.provisioning_session_id)
        return any(binding is not None for binding in bindings)

    def without(self, scopes: frozenset[str]) -> Self:
        """The caller with less to do."""
        return replace(self, scopes=self.scopes - scopes)

    def sees(self, session: Session) -> bool:
        """Whether the session exists as far as the caller is concerned."""
        return (
            self.asp_id in (None, session.asp_id)
            and self.app_id in (None, session.app_id)
            and self.provisioning_session_id in (None, session.id)
        )

    def visible(self, sessions: Mapping[Key, Session]) -> dict[Key, Session]:
        """Those of the sessions that the caller sees."""
        return {key: session for key, session in sessions.items() if self.sees(session)}

    def own(self, app_id: str, asp_id: str | None) -> str | None:
        """The aspId of a session that the caller creates with these members.

        Raises OwnerMismatch where the session would belong to somebody else.
        """
        if self.provisioning_session_id is not None:
            raise OwnerMismatch("provisioningSessionId", self.provisioning_session_id)
        if self.app_id not in (None, app_id):
            raise OwnerMismatch("appId", str(self.app_id))
        if self.asp_id is None or asp_id is None:
            return asp_id or self.asp_id
        if asp_id != self.asp_id:
            raise OwnerMismatch("aspId", self.asp_id)
        return asp_id


ANYONE = Caller("")
CALLER = web.RequestKey("caller", Caller)


def caller_of(request: web.Request) -> Caller:
    """Who asks; `ANYONE` where the AF asks for no token, or the route is public."""
    caller: Caller = request.get(CALLER, ANYONE)
    return caller
