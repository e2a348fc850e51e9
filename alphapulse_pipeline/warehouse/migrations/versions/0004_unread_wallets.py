"""Snapshots name the wallets that were not read."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE alphapulse.snapshots ADD COLUMN unread text[] NOT NULL DEFAULT '{}'::text[]"
    )
