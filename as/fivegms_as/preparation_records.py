"""How far the models of every session got, on disk before it counts.

One document per session. What cannot be read is set aside, and the session's models are prepared
again.
"""

import asyncio

import structlog
from pydantic import TypeAdapter, ValidationError

from fivegms_as.documents import Documents
from fivegms_as.errors import StoreDamaged, StoreFull
from fivegms_as.preparation_rules import Record

_RECORDS = TypeAdapter(tuple[Record, ...])

_log = structlog.get_logger("fivegms_as.preparation")


class PreparationRecords:
    """The records of all sessions, by session and template."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._records: dict[str, dict[str, Record]] = {}
        for session_id, data in documents.load().items():
            try:
                self._records[session_id] = _read(session_id, data)
            except StoreDamaged as error:
                documents.set_aside(session_id, str(error))

    def sessions(self) -> tuple[str, ...]:
        """The sessions that have any."""
        return tuple(self._records)

    def of(self, session_id: str) -> dict[str, Record]:
        """The records of a session by template."""
        return dict(self._records.get(session_id, {}))

    def get(self, session_id: str, template_id: str) -> Record:
        """The record of a template; an empty one of a template that has none."""
        found = self._records.get(session_id, {}).get(template_id)
        return found or Record(template_id=template_id)

    async def keep(self, session_id: str, record: Record) -> None:
        """Put a record in the place of the template's last."""
        await self._save(session_id, {**self.of(session_id), record.template_id: record})

    async def drop(self, session_id: str, template_id: str) -> None:
        """Forget a template."""
        others = self.of(session_id)
        others.pop(template_id, None)
        await self._save(session_id, others)

    async def _save(self, session_id: str, records: dict[str, Record]) -> None:
        """The disk has it first: what is told of models holds across a restart."""
        if not records:
            await asyncio.to_thread(self._documents.remove, session_id)
            self._records.pop(session_id, None)
            return
        data = _RECORDS.dump_json(tuple(records.values()), by_alias=True)
        try:
            await asyncio.to_thread(self._documents.save, session_id, data)
        except StoreFull as error:  # memory has it; a restart would prepare once more
            _log.error("record not kept", session=session_id, error=str(error))
        self._records[session_id] = records


def _read(session_id: str, data: bytes) -> dict[str, Record]:
    try:
        return {record.template_id: record for record in _RECORDS.validate_json(data)}
    except ValidationError as error:
        raise StoreDamaged(f"the records of session {session_id} are unreadable") from error
