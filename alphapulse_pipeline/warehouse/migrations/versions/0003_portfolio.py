"""What is derived: the movements behind every balance, and their reconciliation."""

from alembic import op

revision = "0003"
down_revision = "0002"

_SCHEMA = """
CREATE SCHEMA portfolio;

CREATE TABLE portfolio.refreshed (
    name text PRIMARY KEY,
    up_to timestamptz NOT NULL
);
COMMENT ON TABLE portfolio.refreshed IS
    'Up to which recording time each derived table knows the histories.';

CREATE TABLE portfolio.rewritten (
    account text NOT NULL,
    dataset text NOT NULL,
    market text NOT NULL,
    happened_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE portfolio.rewritten IS
    'Where rows of histories stood that were changed or deleted since: derived rows are made anew.';
CREATE INDEX rewritten_recorded_at ON portfolio.rewritten (recorded_at);
"""

# What nobody but an open transaction can still write lies before its beginning.
_KNOWN_UP_TO = """
CREATE FUNCTION portfolio.known_up_to() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT least(clock_timestamp(), min(xact_start)) FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
$$;
COMMENT ON FUNCTION portfolio.known_up_to IS
    'Every row recorded before this is committed, or never will be.';
"""

_REWRITTEN = """
CREATE FUNCTION portfolio.remember_{dataset}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO portfolio.rewritten (account, dataset, market, happened_at)
    SELECT DISTINCT account, '{dataset}', {market}, {time} FROM gone;
    RETURN NULL;
END $$;
CREATE TRIGGER changed AFTER UPDATE ON alphapulse.{dataset} REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION portfolio.remember_{dataset}();
CREATE TRIGGER deleted AFTER DELETE ON alphapulse.{dataset} REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION portfolio.remember_{dataset}();
"""

_CAME_BACK = """
CREATE FUNCTION portfolio.came_back_unseen(account_ text, wallet_ text, status text, at timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT status IN ('failed', 'canceled') AND at IS NULL AND NOT EXISTS (
        SELECT FROM alphapulse.ledger WHERE account = account_ AND wallet = wallet_)
$$;
COMMENT ON FUNCTION portfolio.came_back_unseen IS
    'Of a withdrawal: it was called off, and neither it nor a ledger tells when it came back.';
"""

# Names are ccxt's: BTC/USDT, BTC/USDT:USDT, BTC/USDT:USDT-260626, BTC/USDT:USDT-260626-90000-C.
_MOVEMENTS = """
CREATE VIEW portfolio.movements AS
SELECT t.account, t.wallet, parts.asset, t.executed_at AS happened_at, parts.part,
       coalesce(parts.amount, 0) AS amount, parts.amount IS NOT NULL AS told,
       'trades' AS dataset, t.market || ' ' || t.trade_id AS entry, t.recorded_at
FROM alphapulse.trades AS t
CROSS JOIN LATERAL (
    SELECT split_part(t.market, '/', 1) AS base,
           split_part(split_part(t.market, '/', 2), ':', 1) AS quote,
           split_part(split_part(t.market, ':', 2), '-', 1) AS settle,
           t.market LIKE '%:%' AS contract,
           CASE t.side WHEN 'buy' THEN 1 ELSE -1 END AS sign
) AS names
CROSS JOIN LATERAL (
    SELECT base AS asset, 'fills' AS part, sign * t.amount AS amount WHERE NOT contract
    UNION ALL SELECT quote, 'fills', -sign * t.cost WHERE NOT contract
    UNION ALL SELECT settle, 'fills',
        CASE WHEN t.market ~ '-[CP]$' THEN -sign * t.cost ELSE t.realized_pnl END WHERE contract
    UNION ALL SELECT t.fee_currency, 'fees', -t.fee_cost
        WHERE t.fee_cost <> 0 AND t.fee_currency <> ''
) AS parts
UNION ALL
SELECT t.account, moves.wallet, moves.asset, moves.happened_at, moves.part, moves.amount, true,
       'transfers', t.kind || ' ' || t.transfer_id, t.recorded_at
FROM alphapulse.transfers AS t
CROSS JOIN LATERAL (
    SELECT t.to_wallet AS wallet, t.asset, coalesce(t.updated_at, t.happened_at) AS happened_at,
           'transfers' AS part, t.amount
    WHERE t.kind = 'deposit' AND t.status = 'ok'
    UNION ALL SELECT t.to_wallet, t.asset, t.happened_at, 'transfers', t.amount
    WHERE t.kind = 'transfer' AND t.status NOT IN ('failed', 'canceled')
    UNION ALL SELECT t.from_wallet, t.asset, t.happened_at, 'transfers', -t.amount
    WHERE t.kind = 'transfer' AND t.status NOT IN ('failed', 'canceled')
    UNION ALL SELECT t.from_wallet, t.asset, t.happened_at, 'transfers', -t.amount
    WHERE t.kind = 'withdrawal'
      AND NOT portfolio.came_back_unseen(t.account, t.from_wallet, t.status, t.updated_at)
    UNION ALL SELECT t.from_wallet, t.fee_currency, t.happened_at, 'fees', -t.fee_cost
    WHERE t.kind = 'withdrawal' AND t.fee_cost <> 0
      AND NOT portfolio.came_back_unseen(t.account, t.from_wallet, t.status, t.updated_at)
    UNION ALL SELECT t.from_wallet, t.asset, t.updated_at, 'transfers', t.amount
    WHERE t.kind = 'withdrawal' AND t.status IN ('failed', 'canceled') AND t.updated_at IS NOT NULL
    UNION ALL SELECT t.from_wallet, t.fee_currency, t.updated_at, 'fees', t.fee_cost
    WHERE t.kind = 'withdrawal' AND t.status IN ('failed', 'canceled') AND t.updated_at IS NOT NULL
      AND t.fee_cost <> 0
) AS moves
WHERE moves.wallet <> ''
UNION ALL
SELECT account, wallet, asset, happened_at, 'funding', amount, true,
       'funding', market || ' ' || funding_id, recorded_at
FROM alphapulse.funding
UNION ALL
SELECT account, wallet, asset, happened_at, 'other', amount, true,
       'ledger', kind || ' ' || entry_id, recorded_at
FROM alphapulse.ledger WHERE repeats = '';
COMMENT ON VIEW portfolio.movements IS
    'Everything that changes a balance, as the histories tell it; of the ledger what only it tells.'
"""

# A join's times do not reach the tables below the view, and it would be read whole; parameters do.
_MOVEMENTS_BETWEEN = """
CREATE FUNCTION portfolio.movements_between(account_ text, after_ timestamptz, until_ timestamptz)
RETURNS SETOF portfolio.movements LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT * FROM portfolio.movements AS m
    WHERE m.account = account_ AND m.happened_at > after_ AND m.happened_at <= until_;
END $$;
COMMENT ON FUNCTION portfolio.movements_between IS
    'The movements of an account in a time whose beginning is left out: costs what it holds.';
"""

_RECONCILIATION = """
CREATE TABLE portfolio.reconciliation (
    account text NOT NULL,
    wallet text NOT NULL,
    asset text NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz NOT NULL,
    opening numeric NOT NULL,
    fills numeric NOT NULL,
    fees numeric NOT NULL,
    transfers numeric NOT NULL,
    funding numeric NOT NULL,
    other numeric NOT NULL,
    closing numeric NOT NULL,
    difference numeric NOT NULL GENERATED ALWAYS AS
        (closing - opening - fills - fees - transfers - funding - other) STORED,
    told boolean NOT NULL,
    carried numeric,
    residual numeric NOT NULL,
    state text NOT NULL CHECK (state IN ('zero', 'pending', 'unwitnessed', 'off')),
    reason text NOT NULL,
    PRIMARY KEY (account, closed_at, wallet, asset)
);
COMMENT ON TABLE portfolio.reconciliation IS
    'Whether the histories explain each balance, between every two snapshots.';
CREATE INDEX reconciliation_differences ON portfolio.reconciliation
    (account, wallet, asset, closed_at) WHERE difference <> 0;
CREATE TABLE portfolio.reconciled (
    account text PRIMARY KEY,
    closed_at timestamptz NOT NULL,
    wallets text[] NOT NULL
);
COMMENT ON TABLE portfolio.reconciled IS
    'Up to which snapshot each account is reconciled, and the wallets that were ever seen in one.';
CREATE INDEX reconciliation_open ON portfolio.reconciliation (account, closed_at)
    WHERE state <> 'zero';
"""

_READING = """
CREATE FUNCTION portfolio.reading(account_ text, wallet_ text, asset_ text, at timestamptz)
RETURNS TABLE (before numeric[], after numeric[], away numeric[]) LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(amount ORDER BY happened_at DESC, entry DESC)
               FILTER (WHERE happened_at <= at), '{}'),
           coalesce(array_agg(amount ORDER BY happened_at, entry)
               FILTER (WHERE happened_at > at), '{}'),
           ARRAY(SELECT amount + CASE WHEN fee_currency = asset THEN fee_cost ELSE 0 END
                 FROM alphapulse.transfers AS t
                 WHERE t.account = account_ AND t.from_wallet = wallet_ AND t.asset = asset_
                   AND t.kind = 'withdrawal' AND t.happened_at <= at AND t.recorded_at > at
                   AND portfolio.came_back_unseen(account_, wallet_, t.status, t.updated_at))
    FROM (
        SELECT happened_at, dataset, entry, sum(amount) AS amount
        FROM portfolio.movements_between(account_, at - interval '1 second',
            interval '1 second' + coalesce((
                SELECT read_until FROM alphapulse.snapshots
                WHERE account = account_ AND dataset = 'balances' AND captured_at = at), at))
        WHERE wallet = wallet_ AND asset = asset_
        GROUP BY happened_at, dataset, entry
    ) AS entries
$$;
COMMENT ON FUNCTION portfolio.reading IS
    'What moved a balance in the seconds of its reading: up to that time, latest first, and after;'
    ' and withdrawals that were called off, and may have been on their way at that time.';
"""

_COLUMNS = {
    "opened_at": "The snapshot that the window begins with.",
    "closed_at": "The snapshot that the window ends with.",
    "opening": "The balance at the beginning.",
    "fills": "What was bought, sold or realised meanwhile.",
    "fees": "What was paid for it.",
    "transfers": "What came and went.",
    "funding": "Funding received, less funding paid.",
    "other": "What only the ledger tells: interest, loans, rewards.",
    "closing": "The balance at the end.",
    "difference": "Closing less all before it.",
    "told": "Whether every fill tells what it realised.",
    "carried": "Of a reading that is explained: by how much it is late, or early.",
    "residual": "The difference that stays when the seconds of reading are allowed for.",
    "state": "zero, pending, unwitnessed or off.",
    "reason": "Why it is not zero, or why a difference is none.",
}


def upgrade() -> None:
    op.execute(_SCHEMA)
    op.execute(_KNOWN_UP_TO)
    for dataset, market, time in (
        ("trades", "market", "executed_at"),
        ("transfers", "asset", "happened_at"),
        ("funding", "market", "happened_at"),
        ("ledger", "asset", "happened_at"),
    ):
        op.execute(_REWRITTEN.format(dataset=dataset, market=market, time=time))
    op.execute(_CAME_BACK)
    op.execute(_MOVEMENTS)
    op.execute(_MOVEMENTS_BETWEEN)
    op.execute(_RECONCILIATION)
    op.execute(_READING)
    for column, comment in _COLUMNS.items():
        op.execute(f"COMMENT ON COLUMN portfolio.reconciliation.{column} IS '{comment}'")
