"""Expand: which version of each read model serves."""

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the table; what is there already is version 1, and needs no row."""
    op.create_table(
        "projections",
        sa.Column("projection", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="What queries read and projectors keep up."),
        sa.Column(
            "serving_since",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("clock_timestamp()"),
        ),
        sa.Column("building", sa.Integer(), comment="The version that a rebuild is filling; null where none is."),
        sa.Column("building_since", sa.DateTime(timezone=True)),
        sa.Column(
            "kept", sa.Integer(), comment="The version before, whose tables are still there; nobody keeps it up."
        ),
        sa.PrimaryKeyConstraint("projection", name="projections_pkey"),
        schema="read",
    )


def downgrade() -> None:
    """Drop it; only version 1 is known again."""
    op.drop_table("projections", schema="read")
