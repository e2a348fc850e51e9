"""Fills of contracts whose size is unknown have no cost."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE alphapulse.trades ALTER COLUMN cost DROP NOT NULL")
