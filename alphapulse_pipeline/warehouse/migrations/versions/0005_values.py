"""What is held, what it is worth, and what moves it."""

from alembic import op

revision = "0005"
down_revision = "0004"

# Not a B-tree over times alone: the planner would look for an asset's newest price along it,
# through all that is newer of the others.
_PRICED = """
CREATE TABLE portfolio.priced (
    account text PRIMARY KEY,
    captured_at timestamptz NOT NULL
);
COMMENT ON TABLE portfolio.priced IS
    'Up to which snapshot of each account''s prices the assets are priced.';
CREATE INDEX prices_at ON portfolio.prices USING brin (at)
    WITH (pages_per_range = 32, autosummarize = on);
CREATE TABLE portfolio.bridges (
    asset text PRIMARY KEY,
    at timestamptz NOT NULL,
    price numeric NOT NULL
);
COMMENT ON TABLE portfolio.bridges IS
    'The first known price of each stable coin: before it, what was paid in it is told by it.';
"""

# The reporting currency's own price has no time, and no reader that is not SQL knows -infinity.
# The names are found one by one, which costs as much as there are assets.
_PRICES_LATEST = """
CREATE VIEW portfolio.prices_latest AS
WITH RECURSIVE assets AS (
    (SELECT asset FROM portfolio.prices ORDER BY asset LIMIT 1)
    UNION ALL
    SELECT (SELECT p.asset FROM portfolio.prices AS p WHERE p.asset > assets.asset
            ORDER BY p.asset LIMIT 1)
    FROM assets WHERE assets.asset IS NOT NULL
)
SELECT newest.asset, CASE WHEN isfinite(newest.at) THEN newest.at END AS at, newest.price,
       newest.path, CASE WHEN isfinite(newest.evidence_at) THEN newest.evidence_at END
           AS evidence_at
FROM assets
CROSS JOIN LATERAL (
    SELECT * FROM portfolio.prices WHERE prices.asset = assets.asset ORDER BY at DESC LIMIT 1
) AS newest;
COMMENT ON VIEW portfolio.prices_latest IS
    'The newest price of each asset; the reporting currency''s own is 1 at any time (at is NULL).'
"""

# An option's premium was paid when it was bought, so that its market value stands beside the
# balance; of every other contract only its profit does. Positions are told without a wallet.
_POSITION_PARTS = """
CREATE FUNCTION portfolio.position_parts(account_ text, captured_at_ timestamptz)
RETURNS TABLE (asset text, kind text, amount numeric) LANGUAGE sql STABLE AS $$
    SELECT split_part(split_part(p.market, ':', 2), '-', 1), parts.kind,
           CASE WHEN bool_or(parts.amount IS NULL) THEN NULL ELSE sum(parts.amount) END
    FROM alphapulse.positions AS p
    LEFT JOIN alphapulse.markets AS m USING (account, market)
    CROSS JOIN LATERAL (
        SELECT 'option' AS kind,
               CASE p.side WHEN 'short' THEN -1 ELSE 1 END * p.contracts
               * coalesce(p.contract_size, m.contract_size) * p.mark_price AS amount
        WHERE p.market ~ '-[CP]$'
        UNION ALL SELECT 'unrealized', p.unrealized_pnl WHERE p.market !~ '-[CP]$'
    ) AS parts
    WHERE p.account = account_ AND p.captured_at = captured_at_
    GROUP BY 1, 2
$$;
COMMENT ON FUNCTION portfolio.position_parts IS
    'What the positions of a snapshot add to the balances, in the currency that they settle in.';
"""

_HELD = """
CREATE VIEW portfolio.held AS
WITH newest AS (
    SELECT d.account, d.dataset, s.captured_at
    FROM alphapulse.datasets AS d
    CROSS JOIN LATERAL (
        SELECT captured_at FROM alphapulse.snapshots AS s
        WHERE s.account = d.account AND s.dataset = d.dataset ORDER BY captured_at DESC LIMIT 1
    ) AS s
    WHERE d.dataset IN ('balances', 'positions') AND d.deployed
)
SELECT newest.account, b.wallet, b.asset, parts.kind, parts.amount, newest.captured_at
FROM newest
JOIN alphapulse.balances AS b USING (account, captured_at)
CROSS JOIN LATERAL (VALUES ('balance', b.total), ('debt', -b.debt)) AS parts (kind, amount)
WHERE newest.dataset = 'balances' AND parts.amount <> 0
UNION ALL
SELECT newest.account, '', parts.asset, parts.kind, parts.amount, newest.captured_at
FROM newest
CROSS JOIN LATERAL portfolio.position_parts(newest.account, newest.captured_at) AS parts
WHERE newest.dataset = 'positions' AND parts.amount IS DISTINCT FROM 0;
COMMENT ON VIEW portfolio.held IS
    'What the newest snapshots of the accounts that are deployed say is held.';

CREATE VIEW portfolio.unpriced AS
SELECT asset, array_agg(DISTINCT account ORDER BY account) AS accounts,
       sum(amount) FILTER (WHERE kind IN ('balance', 'debt')) AS amount, max(captured_at)
           AS captured_at
FROM portfolio.held
WHERE amount IS NULL OR portfolio.price_at(asset, 'infinity') IS NULL
GROUP BY asset;
COMMENT ON VIEW portfolio.unpriced IS
    'What is held and has no price, or is held in an amount that the exchange does not tell.';
"""

_HOLDINGS = """
CREATE TABLE portfolio.holdings (
    account text NOT NULL,
    wallet text NOT NULL,
    asset text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('balance', 'debt', 'unrealized', 'option')),
    amount numeric,
    price numeric,
    priced_at timestamptz,
    value numeric,
    share numeric,
    captured_at timestamptz NOT NULL,
    PRIMARY KEY (account, wallet, asset, kind)
);
COMMENT ON TABLE portfolio.holdings IS
    'What the accounts that are deployed hold now; the values add up to what they are worth.';
"""

_VALUE = """
CREATE TABLE portfolio.value (
    account text NOT NULL,
    at timestamptz NOT NULL,
    value numeric NOT NULL,
    certainty numeric NOT NULL CHECK (certainty BETWEEN 0 AND 1),
    carried numeric NOT NULL,
    unpriced text[] NOT NULL,
    state text NOT NULL CHECK (state IN ('known', 'carried', 'partial')),
    PRIMARY KEY (account, at)
);
COMMENT ON TABLE portfolio.value IS
    'What each account was worth at each of its snapshots, and all together (the account '''').';
CREATE INDEX value_unpriced ON portfolio.value (account, at) WHERE unpriced <> '{}';
CREATE INDEX sync_log_failures ON alphapulse.sync_log (account, dataset, finished_at)
    WHERE status = 'failed';
CREATE TABLE portfolio.valued (
    account text PRIMARY KEY,
    balances_at timestamptz NOT NULL,
    positions_at timestamptz,
    deployed boolean NOT NULL
);
COMMENT ON TABLE portfolio.valued IS
    'Up to which snapshots each account is valued, and whether it was deployed then.';
"""

# An account that is no longer deployed may be there under another name: it ends with its last
# snapshot.
_BALANCES_AS_OF = """
CREATE FUNCTION portfolio.balances_as_of(at timestamptz)
RETURNS TABLE (account text, wallet text, asset text, total numeric, debt numeric,
               captured_at timestamptz, price numeric, value numeric) LANGUAGE sql STABLE AS $$
    SELECT b.account, b.wallet, b.asset, b.total, b.debt, b.captured_at, priced.price,
           (b.total - b.debt) * priced.price
    FROM alphapulse.datasets AS d
    CROSS JOIN LATERAL (
        SELECT s.captured_at FROM alphapulse.snapshots AS s
        WHERE s.account = d.account AND s.dataset = 'balances' AND s.captured_at <= at
        ORDER BY s.captured_at DESC LIMIT 1
    ) AS newest
    JOIN alphapulse.balances AS b
        ON b.account = d.account AND b.captured_at = newest.captured_at
    CROSS JOIN LATERAL (SELECT portfolio.price_at(b.asset, at) AS price) AS priced
    WHERE d.dataset = 'balances' AND (d.deployed OR EXISTS (
        SELECT FROM alphapulse.snapshots AS s
        WHERE s.account = d.account AND s.dataset = 'balances' AND s.captured_at >= at))
$$;
COMMENT ON FUNCTION portfolio.balances_as_of IS
    'What every account held at a time, by its newest snapshot until then, and what it was worth.';
"""

_EXPOSURE = """
CREATE TABLE portfolio.exposure (
    account text NOT NULL,
    asset text NOT NULL,
    net numeric,
    gross numeric,
    net_value numeric,
    gross_value numeric,
    share numeric,
    leverage numeric,
    liquidation_distance numeric,
    PRIMARY KEY (account, asset)
);
COMMENT ON TABLE portfolio.exposure IS
    'What moves with each asset, balances and positions together, by account and of all ('''').';
"""

_COLUMNS = {
    "priced": {"captured_at": "The snapshot."},
    "holdings": {
        "wallet": "The wallet; blank of positions, which are told without one.",
        "asset": "The asset; of positions the currency that they settle in.",
        "kind": "balance, debt, unrealized (of positions) or option (the market value of options).",
        "amount": "How much; owed is negative. NULL: the exchange does not tell.",
        "price": "The newest price in the reporting currency.",
        "priced_at": "How old that is; NULL of the reporting currency itself, or without a price.",
        "value": "Amount times price; NULL: there is no price.",
        "share": "Of the value of all accounts together.",
        "captured_at": "The snapshot that tells it.",
    },
    "value": {
        "account": "The account; blank: all together.",
        "at": "The time of a snapshot of balances.",
        "value": "In the reporting currency, without what is unpriced.",
        "certainty": "0 to 1: less where something has no price, or rests on an old snapshot.",
        "carried": "Of the value, what rests on the last snapshot of what has failed since.",
        "unpriced": "What was held and has no price.",
        "state": "known; carried; partial: something that is held is not counted.",
    },
    "exposure": {
        "account": "The account; blank: all together.",
        "asset": "The asset; blank: all of them.",
        "net": "Units: balances less debts, plus long and minus short positions.",
        "gross": "The same without signs. Options count whole: their delta is not known.",
        "net_value": "Net in the reporting currency.",
        "gross_value": "Gross in the reporting currency.",
        "share": "Of the gross value of the account.",
        "leverage": "Gross value by what the account is worth; NULL where that is not positive.",
        "liquidation_distance": "By how much of the mark price the nearest liquidation is away.",
    },
}


def upgrade() -> None:
    for statement in (
        *(_PRICED, _PRICES_LATEST, _POSITION_PARTS, _HELD, _HOLDINGS, _VALUE, _BALANCES_AS_OF),
        _EXPOSURE,
    ):
        op.execute(statement)
    for table, columns in _COLUMNS.items():
        for column, comment in columns.items():
            op.execute(f"COMMENT ON COLUMN portfolio.{table}.{column} IS '{comment}'")
