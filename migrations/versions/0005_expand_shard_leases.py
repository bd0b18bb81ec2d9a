"""Expand: who works on which shard, by leases."""

import sqlalchemy as sa
from alembic import op

from migrations.lease_functions import RENEW_LEASES

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make both tables, unlogged: what they say is worth nothing after a crash."""
    op.create_table(
        "members",
        sa.Column("role", sa.Text(), nullable=False, comment="What is shared out, such as relay."),
        sa.Column("member", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="Host and process, for people."),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="By the database's clock; later it is dead.",
        ),
        sa.PrimaryKeyConstraint("role", "member", name="members_pkey"),
        schema="log",
        prefixes=["UNLOGGED"],
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "shard_leases",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "holder",
            sa.Uuid(),
            comment="A member; null where nobody holds the shard. Its lease is as long as its member's.",
        ),
        sa.PrimaryKeyConstraint("role", "shard", name="shard_leases_pkey"),
        schema="log",
        prefixes=["UNLOGGED"],
    )
    op.execute(RENEW_LEASES)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP FUNCTION log.renew_leases")
    op.drop_table("shard_leases", schema="log")
    op.drop_table("members", schema="log")
