"""Documents, certificates, session handling, reports, alarms and rollouts below a session."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_INSTANT = sa.DateTime(timezone=True)


def _foreign_key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [target], name=f"fk_{table}_{column}", ondelete="CASCADE"
    )


def _belongs_to_session(table: str) -> sa.ForeignKeyConstraint:
    return _foreign_key(table, "provisioning_session_id", "provisioning_sessions.id")


def upgrade() -> None:
    op.create_table(
        "provisioned_documents",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("provisioning_session_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(48), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.LargeBinary),
        sa.Column("modified", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_provisioned_documents"),
        _belongs_to_session("provisioned_documents"),
    )
    op.create_index(
        "ix_provisioned_documents_provisioning_session_id",
        "provisioned_documents",
        ["provisioning_session_id"],
    )
    op.create_table(
        "server_certificates",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("provisioning_session_id", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("domain_names", sa.LargeBinary, nullable=False),
        sa.Column("certificate", sa.LargeBinary),
        sa.Column("private_key", sa.LargeBinary, nullable=False),
        sa.Column("signing_request", sa.LargeBinary),
        sa.Column("modified", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_server_certificates"),
        _belongs_to_session("server_certificates"),
    )
    op.create_index(
        "ix_server_certificates_provisioning_session_id",
        "server_certificates",
        ["provisioning_session_id"],
    )
    op.create_table(
        "session_handling_resources",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("provisioning_session_id", sa.String(64), nullable=False),
        sa.Column("policy_template_id", sa.String(64)),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.LargeBinary),
        sa.Column("control_reference", sa.String(512)),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("modified", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_session_handling_resources"),
        _belongs_to_session("session_handling_resources"),
    )
    for column in ("provisioning_session_id", "policy_template_id"):
        op.create_index(
            f"ix_session_handling_resources_{column}", "session_handling_resources", [column]
        )
    op.create_table(
        "policy_releases",
        sa.Column("control_reference", sa.String(512), nullable=False),
        sa.Column("since", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("control_reference", name="pk_policy_releases"),
    )
    op.create_table(
        "consumption_reports",
        sa.Column("id", _ROW_NUMBER, nullable=False),
        sa.Column("provisioning_session_id", sa.String(64), nullable=False),
        sa.Column("received", _INSTANT, nullable=False),
        sa.Column("reporting_client_id", sa.String(256), nullable=False),
        sa.Column("media_player_entry", sa.String(2048), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consumption_reports"),
        _belongs_to_session("consumption_reports"),
    )
    op.create_index(
        "ix_consumption_reports_session",
        "consumption_reports",
        ["provisioning_session_id", "received", "id"],
    )
    op.create_table(
        "consumption_units",
        sa.Column("report_id", _ROW_NUMBER, nullable=False),
        sa.Column("provisioning_session_id", sa.String(64), nullable=False),
        sa.Column("media_consumed", sa.String(2048), nullable=False),
        sa.Column("start", _INSTANT, nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        _foreign_key("consumption_units", "report_id", "consumption_reports.id"),
    )
    op.create_index("ix_consumption_units_report_id", "consumption_units", ["report_id"])
    op.create_index(
        "ix_consumption_units_session", "consumption_units", ["provisioning_session_id", "start"]
    )
    op.create_table(
        "metrics_reports",
        sa.Column("id", _ROW_NUMBER, nullable=False),
        sa.Column("provisioning_session_id", sa.String(64), nullable=False),
        sa.Column("metrics_reporting_configuration_id", sa.String(64), nullable=False),
        sa.Column("received", _INSTANT, nullable=False),
        sa.Column("content_type", sa.String(255), nullable=False),
        sa.Column("reporting_client_id", sa.String(256)),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_metrics_reports"),
        _belongs_to_session("metrics_reports"),
    )
    op.create_index(
        "ix_metrics_reports_session",
        "metrics_reports",
        ["provisioning_session_id", "received", "id"],
    )
    op.create_table(
        "metric_values",
        sa.Column("report_id", _ROW_NUMBER, nullable=False),
        sa.Column("provisioning_session_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("unit", sa.String(32)),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        _foreign_key("metric_values", "report_id", "metrics_reports.id"),
    )
    op.create_index("ix_metric_values_report_id", "metric_values", ["report_id"])
    op.create_index(
        "ix_metric_values_session", "metric_values", ["provisioning_session_id", "name", "at"]
    )
    op.create_table(
        "qos_alarms",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("provisioning_session_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(48), nullable=False),
        sa.Column("subject", sa.String(256), nullable=False),
        sa.Column("raised", _INSTANT, nullable=False),
        sa.Column("cleared", _INSTANT),
        sa.Column("detail", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_qos_alarms"),
        _belongs_to_session("qos_alarms"),
    )
    op.create_index(
        "ix_qos_alarms_provisioning_session_id", "qos_alarms", ["provisioning_session_id"]
    )


def downgrade() -> None:
    for table in (
        "qos_alarms",
        "metric_values",
        "metrics_reports",
        "consumption_units",
        "consumption_reports",
        "policy_releases",
        "session_handling_resources",
        "server_certificates",
        "provisioned_documents",
    ):
        op.drop_table(table)
