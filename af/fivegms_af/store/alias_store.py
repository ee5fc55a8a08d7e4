"""Which domain names other providers' distributions have taken as aliases.

An AS tells distributions with TLS apart by the name that is asked for, so a name that two providers
claimed would let one answer for the other.
"""

import json

from sqlalchemy import Connection, func, select

from fivegms_af.provisioned import Session
from fivegms_af.store.tables import content_hosting_configurations as hostings
from fivegms_af.store.tables import provisioning_sessions as sessions

# Any number that nobody else locks in the same database: "NAME" in ASCII.
_ALIASES_LOCK = 0x4E414D45
_MEMBER = "domainNameAlias"


def aliases_of_others(connection: Connection, session: Session) -> frozenset[str]:
    """The aliases of all sessions of other providers, in lower case.

    Until the transaction ends nobody else gets an answer, so the session may take a name on the
    strength of this one. SQLite has a single writer; elsewhere takers have a lock of their own.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(select(func.pg_advisory_xact_lock(_ALIASES_LOCK)))
    query = (
        select(hostings.c.body)
        .join(sessions, sessions.c.id == hostings.c.provisioning_session_id)
        .where(sessions.c.asp_id.is_distinct_from(session.asp_id))
    )
    return frozenset(
        distribution[_MEMBER].lower()
        for body in connection.scalars(query)
        if _MEMBER.encode() in body  # few have one, and reading them all as JSON would cost
        for distribution in json.loads(body)["distributionConfigurations"]
        if _MEMBER in distribution
    )
