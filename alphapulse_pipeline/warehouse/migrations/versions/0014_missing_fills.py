"""Days name a fill whose entry the ledger lacks: they are added up again."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("TRUNCATE portfolio.movements_daily")
    op.execute("DELETE FROM portfolio.refreshed WHERE name = 'movements_daily'")
