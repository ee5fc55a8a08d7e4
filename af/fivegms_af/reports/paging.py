"""What a query for reports asks for: a period, filters, and where the last page ended. Pure."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fivegms_af.errors import MembersRefused
from fivegms_api.problem_details import InvalidParam
from fivegms_api.reported import is_plausible

MAX_LIMIT = 1000
DEFAULT_LIMIT = 100
MAX_TEXT_CHARACTERS = 2048

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` to just before `until`; None is without an end."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """Reports of a session; of the period in which they were received, where that is asked for."""

    session_id: str
    period: Period = Period()
    reporting_client_id: str | None = None
    metric: str | None = None
    configuration_id: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """A report's place in the order of their arrival."""

    received: datetime
    id: int

    def cursor(self) -> str:
        """As clients pass it on; what is in it is ours to change."""
        place = [(self.received - _EPOCH) // _MICROSECOND, self.id]
        return urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def read_position(cursor: str | None) -> Position | None:
    """Where a page begins; None for the first. Raises MembersRefused for what we never gave."""
    if cursor is None:
        return None
    try:
        text = urlsafe_b64decode(cursor[:100] + "=" * (-len(cursor) % 4))
        microseconds, report_id = json.loads(text)
        received = _EPOCH + int(microseconds) * _MICROSECOND
        if not is_plausible(received) or not 0 <= int(report_id) < 2**63:
            raise ValueError("out of range")
        return Position(received, int(report_id))
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        raise refused("cursor", "is none that this resource gave") from error


def read_query(session_id: str, given: Mapping[str, str]) -> ReportQuery:
    """The filters of a list, an export or an aggregate. Raises MembersRefused."""
    return ReportQuery(
        session_id,
        read_period(given),
        _text(given, "reportingClientId"),
        _text(given, "metric"),
        _text(given, "configuration"),
    )


def read_period(given: Mapping[str, str], recent: Period = Period()) -> Period:
    """`from` and `to`, or what `recent` says. Raises MembersRefused."""
    period = Period(_instant(given, "from") or recent.since, _instant(given, "to") or recent.until)
    if period.since and period.until and period.since >= period.until:
        raise refused("to", "must be later than from")
    return period


def read_number(given: Mapping[str, str], name: str, default: int, maximum: int) -> int:
    """A whole number from 1 to `maximum`. Raises MembersRefused."""
    text = given.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 12 and 1 <= int(text) <= maximum):
        raise refused(name, f"must be a whole number from 1 to {maximum}")
    return int(text)


def refused(name: str, reason: str) -> MembersRefused:
    """The refusal of a query parameter."""
    return MembersRefused(InvalidParam(param=f"query {name}", reason=reason))


def _text(given: Mapping[str, str], name: str) -> str | None:
    text = given.get(name)
    if text is not None and not (0 < len(text) <= MAX_TEXT_CHARACTERS and text.isprintable()):
        raise refused(name, f"must have 1 to {MAX_TEXT_CHARACTERS} printable characters")
    return text


def _instant(given: Mapping[str, str], name: str) -> datetime | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text.replace(" ", "+"))  # a "+" nobody escaped
    except ValueError as error:
        raise refused(name, "must be a date-time of RFC 3339") from error
    if instant.tzinfo is None or not is_plausible(instant):
        raise refused(name, "must be a date-time with a zone, from 2000 to 2199")
    return instant.astimezone(UTC)
