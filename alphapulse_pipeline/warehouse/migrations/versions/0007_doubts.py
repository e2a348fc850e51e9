"""What the histories do not explain is a doubt of what is worth how much."""

from alembic import op

revision = "0007"
down_revision = "0006"

_COLUMNS = {
    "at": "The time of a snapshot of balances; of all together, also of one that failed.",
    "certainty": "0 to 1: less where something has no price, rests on an old snapshot, or is not "
    "explained by the histories.",
    "unexplained": "What balances gained or lost since the last snapshot and no history tells.",
    "doubt": "By how much the value may be off.",
}


def upgrade() -> None:
    op.execute("ALTER TABLE portfolio.value ADD COLUMN unexplained numeric NOT NULL DEFAULT 0")
    op.execute(
        "ALTER TABLE portfolio.value ADD COLUMN doubt numeric NOT NULL GENERATED ALWAYS AS"
        " (greatest(abs((1 - certainty) * value), unexplained)) STORED"
    )
    for column, comment in _COLUMNS.items():
        op.execute(f"COMMENT ON COLUMN portfolio.value.{column} IS '{comment}'")
    op.execute(
        "CREATE INDEX value_unexplained ON portfolio.value (account, at) WHERE unexplained <> 0"
    )
