"""Provisioning sessions, content hosting configurations and content preparation templates."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None



def _belongs_to_session(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["provisioning_session_id"],
        ["provisioning_sessions.id"],
        name=f"fk_{table}_provisioning_session_id",
        ondelete="CASCADE",
    )


def upgrade() -> None:
    op.create_table(
        "provisioning_sessions",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("app_id", sa.String(256), nullable=False),
        sa.Column("asp_id", sa.String(256)),
        sa.Column("modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_provisioning_sessions"),
    )
    op.create_table(
        "content_hosting_configurations",
        sa.Column("provisioning_session_id", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("modified", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "provisioning_session_id", name="pk_content_hosting_configurations"
        ),
        _belongs_to_session("content_hosting_configurations"),
    )
    op.create_table(
        "content_preparation_templates",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("provisioning_session_id", sa.String(64), nullable=False),
        sa.Column("content_type", sa.String(255), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("manifest", sa.String(512)),
        sa.Column("modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_content_preparation_templates"),
        _belongs_to_session("content_preparation_templates"),
    )
    op.create_index(
        "ix_content_preparation_templates_provisioning_session_id",
        "content_preparation_templates",
        ["provisioning_session_id"],
    )
    op.create_table(
        "deleted_sessions",
        sa.Column("provisioning_session_id", sa.String(64), nullable=False),
        sa.Column("deleted", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provisioning_session_id", name="pk_deleted_sessions"),
    )


def downgrade() -> None:
    op.drop_table("deleted_sessions")
    op.drop_table("content_preparation_templates")
    op.drop_table("content_hosting_configurations")
    op.drop_table("provisioning_sessions")
