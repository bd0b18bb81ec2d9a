"""Expand: receipts that are kept for an hour have an index of their own, and each receipt one index as before."""

from alembic import op

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: None = None
depends_on: None = None

_COMMENT = "COMMENT ON COLUMN write.receipts.fingerprint IS "


def upgrade() -> None:
    """Make the two partial indexes in the place of the one over all receipts."""
    for name, size in (("receipts_kept_index", ">= 32"), ("receipts_brief_index", "< 32")):
        op.execute(f"CREATE INDEX {name} ON write.receipts (created_at) WHERE octet_length(fingerprint) {size}")
    op.execute("DROP INDEX write.receipts_created_index")
    op.execute(f"{_COMMENT} 'SHA-256 of the request; less where it is kept briefly.'")


def downgrade() -> None:
    """Make the one index again."""
    op.execute("CREATE INDEX receipts_created_index ON write.receipts (created_at)")
    for name in ("receipts_kept_index", "receipts_brief_index"):
        op.execute(f"DROP INDEX write.{name}")
    op.execute(f"{_COMMENT} 'SHA-256 of the request.'")
