"""What is held and what it cost, and what was realised."""

from alembic import op

revision = "0006"
down_revision = "0005"

_STATE = """
CREATE TABLE portfolio.lot_settings (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    currency text NOT NULL,
    cost_basis text NOT NULL,
    across_accounts boolean NOT NULL
);
COMMENT ON TABLE portfolio.lot_settings IS
    'What the lots were made with: where that changes, they are made anew.';

CREATE TABLE portfolio.lot_accounts (
    account text PRIMARY KEY,
    begins_at timestamptz NOT NULL,
    opened_at timestamptz,
    positioned_at timestamptz,
    seen_at timestamptz,
    wallets text[]
);
COMMENT ON TABLE portfolio.lot_accounts IS
    'When the history of each account begins, its first snapshots, and the wallets that were seen.';

CREATE TABLE portfolio.openings (
    account text NOT NULL,
    asset text NOT NULL,
    amount numeric NOT NULL,
    PRIMARY KEY (account, asset)
);
COMMENT ON TABLE portfolio.openings IS
    'What was there before the history: the first snapshot less what the history tells up to it.';

CREATE TABLE portfolio.own_transfers (
    account text NOT NULL,
    transfer_id text NOT NULL,
    asset text NOT NULL,
    arrived_at timestamptz NOT NULL,
    from_account text NOT NULL,
    from_id text NOT NULL,
    left_at timestamptz NOT NULL,
    PRIMARY KEY (account, transfer_id),
    UNIQUE (from_account, from_id)
);
COMMENT ON TABLE portfolio.own_transfers IS
    'Deposits that are the withdrawal of another own account: their lots keep what they cost.';
"""

_TABLES = """
CREATE TABLE portfolio.cost_basis (
    account text NOT NULL,
    asset text NOT NULL,
    amount numeric NOT NULL,
    cost numeric,
    PRIMARY KEY (account, asset)
);

CREATE TABLE portfolio.lots (
    account text NOT NULL,
    asset text NOT NULL,
    lot_id bigint NOT NULL,
    acquired_at timestamptz NOT NULL,
    entered_at timestamptz NOT NULL,
    amount numeric NOT NULL,
    remaining numeric NOT NULL,
    cost numeric,
    remaining_cost numeric,
    source text NOT NULL,
    opened_by text NOT NULL,
    place numeric NOT NULL,
    PRIMARY KEY (account, asset, lot_id)
);
CREATE INDEX lots_entered_at ON portfolio.lots (account, asset, entered_at);
CREATE INDEX lots_open ON portfolio.lots (account, asset, place, lot_id) WHERE remaining <> 0;

CREATE TABLE portfolio.realized_pnl (
    account text NOT NULL,
    asset text NOT NULL,
    line_id bigint NOT NULL,
    kind text NOT NULL,
    realized_at timestamptz NOT NULL,
    amount numeric NOT NULL,
    proceeds numeric,
    cost numeric,
    pnl numeric GENERATED ALWAYS AS (proceeds - cost) STORED,
    acquired_at timestamptz,
    opened_by text NOT NULL,
    closed_by text NOT NULL,
    lot_id bigint,
    basis numeric,
    PRIMARY KEY (account, asset, line_id)
);
CREATE INDEX realized_pnl_realized_at ON portfolio.realized_pnl (account, asset, realized_at);
CREATE INDEX realized_pnl_newest ON portfolio.realized_pnl (realized_at);
CREATE INDEX realized_pnl_transfers ON portfolio.realized_pnl (account, asset, closed_by)
    WHERE kind = 'transfer';
CREATE INDEX realized_pnl_unpriced ON portfolio.realized_pnl (account, asset) WHERE pnl IS NULL;
"""

_COMMENTS = {
    "TABLE portfolio.cost_basis": "What is held of each asset, and what it cost.",
    "COLUMN portfolio.cost_basis.account": "The account; blank where lots are shared by all.",
    "COLUMN portfolio.cost_basis.asset": "The asset, or the market of a position or an option.",
    "COLUMN portfolio.cost_basis.amount": "The sum of the open lots; owed is negative.",
    "COLUMN portfolio.cost_basis.cost": "What it cost, in the reporting currency (of a position: "
    "its entry in the settle currency); NULL where something of it had no price.",
    "TABLE portfolio.lots": "What was acquired, what is left of it and what it cost.",
    "COLUMN portfolio.lots.account": "The account; blank where lots are shared by all.",
    "COLUMN portfolio.lots.asset": "The asset, or the market of a position (in contracts).",
    "COLUMN portfolio.lots.lot_id": "A number in the order in which the lots came.",
    "COLUMN portfolio.lots.acquired_at": "When it was acquired, in whichever own account.",
    "COLUMN portfolio.lots.entered_at": "When it came to this account.",
    "COLUMN portfolio.lots.amount": "How much; of what was sold without being held, negative.",
    "COLUMN portfolio.lots.remaining": "How much of it is left.",
    "COLUMN portfolio.lots.cost": "What the amount cost, fees included, in the reporting currency "
    "(of a position: its entry in the settle currency); NULL where it had no price.",
    "COLUMN portfolio.lots.remaining_cost": "What is left of the cost; NULL where all lots cost "
    "the average: see cost_basis.",
    "COLUMN portfolio.lots.source": "Why it came: trade, deposit, transfer, opening, income, ...",
    "COLUMN portfolio.lots.opened_by": "The entry that acquired it; of a position, opened it.",
    "COLUMN portfolio.lots.place": "The open lot with the least is sold first.",
    "TABLE portfolio.realized_pnl": "What was realised: a line for each match of what came and "
    "what went, in the reporting currency.",
    "COLUMN portfolio.realized_pnl.account": "The account; blank where lots are shared by all.",
    "COLUMN portfolio.realized_pnl.asset": "The asset, or the market of a position or an option.",
    "COLUMN portfolio.realized_pnl.line_id": "A number in the order in which the lines came.",
    "COLUMN portfolio.realized_pnl.kind": "trade, liquidation, adl or settlement; fee, funding, "
    "income or expense; payment: what was given for one of those; withdrawal and transfer, which "
    "realise nothing.",
    "COLUMN portfolio.realized_pnl.realized_at": "When.",
    "COLUMN portfolio.realized_pnl.amount": "How much of the lot; of what was owed, negative.",
    "COLUMN portfolio.realized_pnl.proceeds": "What it brought; NULL: it had no price.",
    "COLUMN portfolio.realized_pnl.cost": "What it had cost; NULL: it had no price.",
    "COLUMN portfolio.realized_pnl.pnl": "Proceeds less cost.",
    "COLUMN portfolio.realized_pnl.acquired_at": "When what went had come.",
    "COLUMN portfolio.realized_pnl.opened_by": "The entry by which it came.",
    "COLUMN portfolio.realized_pnl.closed_by": "The entry by which it went.",
    "COLUMN portfolio.realized_pnl.lot_id": "The lot.",
    "COLUMN portfolio.realized_pnl.basis": "What of the cost in cost_basis went with it.",
}

# Keys begin with the account: one look into the index for each.
_HISTORIES = ("trades", "transfers", "funding", "ledger", "snapshots")
_ACCOUNTS_OF = """
SELECT account FROM (
    WITH RECURSIVE found AS (
        (SELECT account FROM alphapulse.{table} ORDER BY account LIMIT 1)
        UNION ALL
        SELECT (SELECT t.account FROM alphapulse.{table} AS t
                WHERE t.account > found.account ORDER BY t.account LIMIT 1)
        FROM found WHERE found.account IS NOT NULL
    ) SELECT account FROM found WHERE account IS NOT NULL
) AS {table}
"""
_ACCOUNTS = (
    "CREATE VIEW portfolio.accounts AS "
    + " UNION ".join(_ACCOUNTS_OF.format(table=table) for table in _HISTORIES)
    + "; COMMENT ON VIEW portfolio.accounts IS 'Every account that has rows.'"
)

_NAMES = """
SELECT split_part(t.market, '/', 1) AS base,
       CASE WHEN t.market LIKE '%:%' THEN split_part(split_part(t.market, ':', 2), '-', 1)
            ELSE split_part(t.market, '/', 2) END AS money,
       portfolio.is_position(t.market) AS contract,
       t.market ~ '-[CP]$' AS option,
       CASE t.side WHEN 'buy' THEN 1 ELSE -1 END AS sign,
       coalesce(t.fee_cost, 0) AS fee, coalesce(t.fee_currency, '') AS fee_in
OFFSET 0 -- taken apart once for all legs
"""

_TOUCHED = f"""
CREATE VIEW portfolio.touched AS
SELECT t.account, t.executed_at AS happened_at, t.executed_at AS until, t.recorded_at,
       ARRAY[n.base, n.money, n.fee_in, t.market] AS assets
FROM alphapulse.trades AS t CROSS JOIN LATERAL ({_NAMES}) AS n
UNION ALL
SELECT account, happened_at, greatest(happened_at, updated_at), recorded_at,
       ARRAY[asset, coalesce(fee_currency, '')]
FROM alphapulse.transfers
UNION ALL
SELECT account, happened_at, happened_at, recorded_at, ARRAY[asset, market] FROM alphapulse.funding
UNION ALL
SELECT account, happened_at, happened_at, recorded_at, ARRAY[asset] FROM alphapulse.ledger
WHERE repeats = '';
COMMENT ON VIEW portfolio.touched IS 'Which assets each entry of a history touches.';
"""

# Loans change what is held and what is owed by the same: neither came, neither went.
_LOAN = """
CREATE FUNCTION portfolio.is_loan(kind text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT kind ~* 'borrow|repay|loan' OR kind IN ('credit', '16', '22')
$$;
COMMENT ON FUNCTION portfolio.is_loan IS
    'Whether the word for a ledger entry means borrowing or paying back: credit is Kraken''s, the '
    'numbers are OKX''s.';
"""

_POSITION = """
CREATE FUNCTION portfolio.is_position(market text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT market LIKE '%:%' AND market !~ '-[CP]$'
$$;
COMMENT ON FUNCTION portfolio.is_position IS
    'Whether a name is that of a perpetual or a future; options are bought and sold like assets.';
"""

# Of a swap both sides are worth the same: what is paid, fees in the same asset included, at its
# price then; where it has none, what is received. A fee in a third asset is part of the cost or the
# proceeds of what was bought or sold (of the other side, where that is the reporting currency, of
# which there are no lots). `value` has the sign of what the cost of all that is held changes by, so
# that the legs of a swap add up to nothing.
_LEGS = f"""
CREATE VIEW portfolio.legs AS
SELECT t.account, t.wallet, l.asset, t.executed_at AS happened_at, 5 AS stage, l.step, l.way,
       l.kind, l.amount, l.value, l.told, l.price, t.market || ' ' || t.trade_id AS entry,
       NULL::text AS from_account, NULL::text AS carries
FROM alphapulse.trades AS t
CROSS JOIN LATERAL ({_NAMES}) AS n
CROSS JOIN LATERAL (
    SELECT CASE WHEN n.option THEN t.market ELSE n.base END AS bought,
           n.sign * t.amount
               - CASE WHEN n.fee_in = n.base AND NOT n.option THEN n.fee ELSE 0 END AS given,
           -n.sign * t.cost - CASE WHEN n.fee_in = n.money THEN n.fee ELSE 0 END AS paid,
           CASE WHEN n.fee_in IN ('', n.money) OR (n.fee_in = n.base AND NOT n.option) THEN 0
                ELSE n.fee END AS third
) AS s
CROSS JOIN LATERAL (
    SELECT s.bought = (SELECT currency FROM portfolio.lot_settings) AS for_cash,
           portfolio.price_at(n.money, t.executed_at) AS money_price,
           CASE WHEN s.third <> 0 OR (n.contract AND n.fee <> 0 AND n.fee_in <> n.money)
                THEN portfolio.price_at(n.fee_in, t.executed_at)
                WHEN n.contract AND n.fee <> 0
                THEN portfolio.price_at(n.money, t.executed_at) END AS fee_price
    OFFSET 0 -- looked up once for all legs
) AS p
CROSS JOIN LATERAL (
    SELECT CASE WHEN s.third = 0 THEN 0 ELSE s.third * p.fee_price END AS fee,
           CASE WHEN p.for_cash OR s.third = 0 THEN 0 ELSE s.third * p.fee_price END
               AS fee_of_bought,
           CASE WHEN s.paid = 0 THEN 0
                WHEN p.for_cash THEN -s.given
                ELSE coalesce(s.paid * p.money_price,
                              -s.given * portfolio.price_at(s.bought, t.executed_at)) END AS worth
) AS v
CROSS JOIN LATERAL (
    SELECT 1 AS step, s.bought AS asset, 'swap' AS way, t.kind, s.given AS amount,
           v.fee_of_bought - v.worth AS value, NULL::numeric AS told, NULL::numeric AS price
    WHERE NOT n.contract
    UNION ALL SELECT 2, n.money, 'swap', t.kind, s.paid, v.worth + v.fee - v.fee_of_bought, NULL,
        NULL
    WHERE NOT n.contract AND s.paid <> 0
    UNION ALL SELECT 3, n.fee_in, 'swap', 'fee', -s.third, -v.fee, NULL, NULL
    WHERE NOT n.contract AND s.third <> 0
    UNION ALL SELECT 1, t.market, 'position', t.kind, n.sign * t.amount,
        CASE WHEN n.base = n.money THEN -n.sign ELSE n.sign END * t.cost, t.realized_pnl,
        p.money_price
    WHERE n.contract
    UNION ALL SELECT 2, t.market, 'line', 'fee', 0, -n.fee * p.fee_price, NULL, NULL
    WHERE n.contract AND n.fee <> 0 AND n.fee_in <> ''
    UNION ALL SELECT 3, n.money, 'swap', 'payment', c.amount, c.amount * p.money_price, NULL, NULL
    FROM (SELECT coalesce(t.realized_pnl, 0)
                 - CASE WHEN n.fee_in = n.money THEN n.fee ELSE 0 END AS amount) AS c
    WHERE n.contract AND c.amount <> 0
    UNION ALL SELECT 4, n.fee_in, 'swap', 'payment', -n.fee, -n.fee * p.fee_price, NULL, NULL
    WHERE n.contract AND n.fee_in NOT IN ('', n.money) AND n.fee <> 0
) AS l
UNION ALL
SELECT t.account, m.wallet, m.asset, m.happened_at, m.stage, m.step, m.way, m.kind, m.amount,
       m.amount * portfolio.price_at(m.asset, m.happened_at), NULL, NULL,
       t.kind || ' ' || t.transfer_id, m.from_account, m.carries
FROM alphapulse.transfers AS t
LEFT JOIN portfolio.lot_accounts AS a USING (account)
LEFT JOIN portfolio.own_transfers AS d
    ON t.kind = 'deposit' AND d.account = t.account AND d.transfer_id = t.transfer_id
LEFT JOIN portfolio.own_transfers AS w
    ON t.kind = 'withdrawal' AND w.from_account = t.account AND w.from_id = t.transfer_id
CROSS JOIN LATERAL (
    SELECT t.kind = 'withdrawal' AND t.status IN ('failed', 'canceled')
               AND t.updated_at IS NOT NULL AS back,
           t.kind = 'transfer' AND t.status NOT IN ('failed', 'canceled') AND (
               a.wallets IS NULL OR NOT ARRAY[t.from_wallet, t.to_wallet] <@ a.wallets) AS half
) AS f
CROSS JOIN LATERAL (
    SELECT 1 AS step, t.to_wallet AS wallet, t.asset,
           coalesce(t.updated_at, t.happened_at) AS happened_at, 2 AS stage, t.amount,
           CASE WHEN d.from_id IS NULL THEN 'swap' ELSE 'carried' END AS way,
           CASE WHEN d.from_id IS NULL THEN 'deposit' ELSE 'transfer' END AS kind,
           d.from_account, 'withdrawal ' || d.from_id AS carries
    WHERE t.kind = 'deposit' AND t.status = 'ok'
    UNION ALL SELECT 1, t.from_wallet, t.asset, t.happened_at, 1, -t.amount, 'moved',
        CASE WHEN w.from_id IS NULL AND NOT f.back THEN 'withdrawal' ELSE 'transfer' END,
        NULL, NULL
    WHERE t.kind = 'withdrawal'
    UNION ALL SELECT 2, t.from_wallet, t.fee_currency, t.happened_at, 1, -t.fee_cost, 'earned',
        'fee', NULL, NULL
    WHERE t.kind = 'withdrawal' AND t.fee_cost <> 0
    UNION ALL SELECT 3, t.from_wallet, t.asset, t.updated_at, 2, t.amount, 'carried', 'transfer',
        t.account, 'withdrawal ' || t.transfer_id
    WHERE f.back
    UNION ALL SELECT 4, t.from_wallet, t.fee_currency, t.updated_at, 2, t.fee_cost, 'earned',
        'fee', NULL, NULL
    WHERE f.back AND t.fee_cost <> 0
    UNION ALL SELECT 1, t.from_wallet, t.asset, t.happened_at, 1, -t.amount, 'moved', 'withdrawal',
        NULL, NULL
    WHERE f.half
    UNION ALL SELECT 2, t.to_wallet, t.asset, t.happened_at, 2, t.amount, 'swap', 'deposit',
        NULL, NULL
    WHERE f.half
) AS m
WHERE m.wallet <> ''
UNION ALL
SELECT f.account, f.wallet, l.asset, f.happened_at, 3, l.step, l.way, l.kind, l.amount,
       f.amount * portfolio.price_at(f.asset, f.happened_at), NULL, NULL,
       f.market || ' ' || f.funding_id, NULL, NULL
FROM alphapulse.funding AS f
CROSS JOIN LATERAL (
    VALUES (1, f.market, 'line', 'funding', 0::numeric),
           (2, f.asset, 'swap', 'payment', f.amount)
) AS l (step, asset, way, kind, amount)
UNION ALL
SELECT account, wallet, asset, happened_at, 4, 1, 'earned',
       CASE WHEN amount < 0 THEN 'expense' ELSE 'income' END, amount,
       amount * portfolio.price_at(asset, happened_at), NULL, NULL,
       kind || ' ' || entry_id, NULL, NULL
FROM alphapulse.ledger WHERE repeats = '' AND NOT portfolio.is_loan(kind)
UNION ALL
SELECT o.account, NULL, o.asset, a.begins_at, 0, 1,
       CASE WHEN portfolio.is_position(o.asset) THEN 'position' ELSE 'swap' END, 'opening',
       o.amount,
       CASE WHEN portfolio.is_position(o.asset) THEN NULL
            ELSE o.amount * portfolio.price_at(o.asset, a.begins_at) END, NULL, NULL,
       'opening ' || o.asset, NULL, NULL
FROM portfolio.openings AS o JOIN portfolio.lot_accounts AS a USING (account);
COMMENT ON VIEW portfolio.legs IS
    'What each entry of a history changes of what is held, at its value then: a movement with its '
    'price. Positions change by contracts, with their entry in the settle currency.';
"""


def upgrade() -> None:
    op.execute(_STATE)
    op.execute(_TABLES)
    op.execute(_ACCOUNTS)
    op.execute(_LOAN)
    op.execute(_POSITION)
    op.execute(_TOUCHED)
    op.execute(_LEGS)
    for what, comment in _COMMENTS.items():
        op.execute(f"COMMENT ON {what} IS '{comment}'")
