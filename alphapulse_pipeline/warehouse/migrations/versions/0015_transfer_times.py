"""What arrived or came back at a time is found by an index instead of in all transfers."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute(
        "CREATE INDEX transfers_updated_at ON alphapulse.transfers (account, updated_at)"
        " WHERE updated_at IS NOT NULL"
    )
