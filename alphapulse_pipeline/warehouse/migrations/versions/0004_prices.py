"""One price per asset and time."""

from alembic import op

revision = "0004"
down_revision = "0003"

_PRICES = """
CREATE TABLE portfolio.prices (
    asset text NOT NULL,
    at timestamptz NOT NULL,
    price numeric NOT NULL CHECK (price > 0),
    path text[] NOT NULL,
    evidence_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (asset, at)
);
CREATE INDEX prices_recorded_at ON portfolio.prices (recorded_at);
COMMENT ON TABLE portfolio.prices IS
    'Prices in the reporting currency, which itself is 1 since -infinity.';
COMMENT ON COLUMN portfolio.prices.path IS 'The markets that lead to the reporting currency.';
COMMENT ON COLUMN portfolio.prices.evidence_at IS 'How old the oldest price of the path is.';
"""

_PRICE_AT = """
CREATE FUNCTION portfolio.price_at(asset_ text, at_ timestamptz) RETURNS numeric
LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT price FROM portfolio.prices WHERE asset = asset_ AND at <= at_
         ORDER BY at DESC LIMIT 1),
        (SELECT price FROM portfolio.prices WHERE asset = asset_ AND at > at_
         ORDER BY at LIMIT 1))
$$;
COMMENT ON FUNCTION portfolio.price_at IS
    'The last price known at a time; before the first one, that. NULL: the asset is unpriced.';
"""


def upgrade() -> None:
    op.execute(_PRICES)
    op.execute(_PRICE_AT)
