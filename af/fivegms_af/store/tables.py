"""The tables, as the newest migration leaves them (a test compares the two).

Portable SQL types only: SQLite by default, PostgreSQL by URL.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime, also where the database keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; raises ValueError for a naive datetime, whose instant nobody knows."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the store")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware again."""
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


provisioning_sessions = Table(
    "provisioning_sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("type", String(32), nullable=False),
    Column("app_id", String(256), nullable=False),
    Column("asp_id", String(256)),
    Column("modified", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False),
)


def _session_id(*, primary_key: bool = False) -> Column[str]:
    reference = ForeignKey("provisioning_sessions.id", ondelete="CASCADE")
    return Column(
        "provisioning_session_id",
        String(64),
        reference,
        nullable=False,
        primary_key=primary_key,
        index=None if primary_key else True,
    )


content_hosting_configurations = Table(
    "content_hosting_configurations",
    metadata,
    _session_id(primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("modified", UtcDateTime, nullable=False),
)

content_preparation_templates = Table(
    "content_preparation_templates",
    metadata,
    Column("id", String(64), primary_key=True),
    _session_id(),
    Column("content_type", String(255), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("manifest", String(512)),
    Column("modified", UtcDateTime, nullable=False),
    Column("position", Integer, nullable=False),
)

# Sessions that an AS may still hold: a row leaves when every AS has let go of the session.
deleted_sessions = Table(
    "deleted_sessions",
    metadata,
    Column("provisioning_session_id", String(64), primary_key=True),
    Column("deleted", UtcDateTime, nullable=False),
)
