"""How often UEs invoked dynamic policies and network assistance."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "invocations",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False
        ),
        sa.Column("provisioning_session_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(48), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_invocations"),
        sa.ForeignKeyConstraint(
            ["provisioning_session_id"],
            ["provisioning_sessions.id"],
            name="fk_invocations_provisioning_session_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_invocations_session",
        "invocations",
        ["provisioning_session_id", "kind", "at", "id"],
    )


def downgrade() -> None:
    op.drop_table("invocations")
