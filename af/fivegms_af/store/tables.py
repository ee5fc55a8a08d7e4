"""The tables, as the newest migration leaves them (a test compares the two).

Portable SQL types only: SQLite by default, PostgreSQL by URL. What hangs below a session is removed
with it by the database.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
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
        """To UTC again, from no zone or the database's own."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


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


def _session_id(*, primary_key: bool = False, indexed: bool = True) -> Column[str]:
    """What is below a session goes with it; not `indexed` where an index of the table begins so."""
    return Column(
        "provisioning_session_id",
        String(64),
        ForeignKey("provisioning_sessions.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
        index=True if indexed and not primary_key else None,
    )


def _row_number() -> Column[int]:
    """Counts up by itself; SQLite does that for its own INTEGER only."""
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _report_id(table: str) -> Column[int]:
    return Column(
        "report_id",
        BigInteger().with_variant(Integer, "sqlite"),
        ForeignKey(f"{table}.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
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

# The JSON resources of M1 below a session; `status` is what the AF says of one.
provisioned_documents = Table(
    "provisioned_documents",
    metadata,
    Column("id", String(64), primary_key=True),
    _session_id(),
    Column("kind", String(48), nullable=False),
    Column("position", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("status", LargeBinary),
    Column("modified", UtcDateTime, nullable=False),
)

# PEM texts; `domain_names` a JSON array; no `certificate` while its upload is awaited.
server_certificates = Table(
    "server_certificates",
    metadata,
    Column("id", String(64), primary_key=True),
    _session_id(),
    Column("position", Integer, nullable=False),
    Column("domain_names", LargeBinary, nullable=False),
    Column("certificate", LargeBinary),
    Column("private_key", LargeBinary, nullable=False),
    Column("signing_request", LargeBinary),
    Column("modified", UtcDateTime, nullable=False),
)

# Dynamic policies and network assistance sessions, which M5 makes and only M5 changes.
session_handling_resources = Table(
    "session_handling_resources",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    _session_id(),
    Column("policy_template_id", String(64), index=True),
    Column("body", LargeBinary, nullable=False),
    Column("status", LargeBinary),
    Column("control_reference", String(512)),
    Column("version", Integer, nullable=False),
    Column("modified", UtcDateTime, nullable=False),
)

# What the policy control still has to let go of: its resource, or the whole session, went.
policy_releases = Table(
    "policy_releases",
    metadata,
    Column("control_reference", String(512), primary_key=True),
    Column("since", UtcDateTime, nullable=False),
)

consumption_reports = Table(
    "consumption_reports",
    metadata,
    _row_number(),
    _session_id(indexed=False),
    Column("received", UtcDateTime, nullable=False),
    Column("reporting_client_id", String(256), nullable=False),
    Column("media_player_entry", String(2048), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_consumption_reports_session", "provisioning_session_id", "received", "id"),
)

# One row for each consumption unit of a report, for sums.
consumption_units = Table(
    "consumption_units",
    metadata,
    _report_id("consumption_reports"),
    Column("provisioning_session_id", String(64), nullable=False),
    Column("media_consumed", String(2048), nullable=False),
    Column("start", UtcDateTime, nullable=False),
    Column("duration_s", Float, nullable=False),
    Index("ix_consumption_units_session", "provisioning_session_id", "start"),
)

metrics_reports = Table(
    "metrics_reports",
    metadata,
    _row_number(),
    _session_id(indexed=False),
    Column("metrics_reporting_configuration_id", String(64), nullable=False),
    Column("received", UtcDateTime, nullable=False),
    Column("content_type", String(255), nullable=False),
    Column("reporting_client_id", String(256)),
    Column("body", LargeBinary, nullable=False),
    Index("ix_metrics_reports_session", "provisioning_session_id", "received", "id"),
)

# One row for each number in a report, for sums and quantiles.
metric_values = Table(
    "metric_values",
    metadata,
    _report_id("metrics_reports"),
    Column("provisioning_session_id", String(64), nullable=False),
    Column("name", String(128), nullable=False),
    Column("unit", String(32)),
    Column("value", Float, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_metric_values_session", "provisioning_session_id", "name", "at"),
)

# How often UEs asked for something of a session, for event exposure; `kind` says for what.
invocations = Table(
    "invocations",
    metadata,
    _row_number(),
    _session_id(indexed=False),
    Column("kind", String(48), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_invocations_session", "provisioning_session_id", "kind", "at", "id"),
)

qos_alarms = Table(
    "qos_alarms",
    metadata,
    Column("id", String(64), primary_key=True),
    _session_id(),
    Column("kind", String(48), nullable=False),
    Column("subject", String(256), nullable=False),
    Column("raised", UtcDateTime, nullable=False),
    Column("cleared", UtcDateTime),
    Column("detail", LargeBinary, nullable=False),
)
