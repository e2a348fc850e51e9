-- Every table of the first release, and its indexes. Views, functions, triggers and comments are
-- in warehouse/sql: `migrate` applies them after the migrations.

-- Data: snapshots

CREATE TABLE alphapulse.snapshots (
    account text NOT NULL DEFAULT '',
    dataset text NOT NULL DEFAULT '',
    captured_at timestamptz NOT NULL,
    run_id text NOT NULL,
    rows integer NOT NULL,
    read_until timestamptz,
    PRIMARY KEY (account, dataset, captured_at)
);

CREATE TABLE alphapulse.balances (
    account text NOT NULL DEFAULT '',
    captured_at timestamptz NOT NULL,
    wallet text NOT NULL DEFAULT '',
    asset text NOT NULL DEFAULT '',
    free numeric,
    used numeric,
    total numeric NOT NULL,
    debt numeric NOT NULL,
    PRIMARY KEY (account, captured_at, wallet, asset)
);

CREATE TABLE alphapulse.positions (
    account text NOT NULL DEFAULT '',
    captured_at timestamptz NOT NULL,
    market text NOT NULL DEFAULT '',
    side text NOT NULL DEFAULT '',
    margin_mode text NOT NULL DEFAULT '',
    contracts numeric NOT NULL,
    contract_size numeric,
    entry_price numeric,
    mark_price numeric,
    notional numeric,
    unrealized_pnl numeric,
    leverage numeric,
    liquidation_price numeric,
    PRIMARY KEY (account, captured_at, market, side, margin_mode)
);

CREATE TABLE alphapulse.prices (
    account text NOT NULL DEFAULT '',
    captured_at timestamptz NOT NULL,
    market text NOT NULL DEFAULT '',
    last numeric,
    bid numeric,
    ask numeric,
    PRIMARY KEY (account, captured_at, market)
);

-- Data: histories

CREATE TABLE alphapulse.trades (
    account text NOT NULL DEFAULT '',
    market text NOT NULL DEFAULT '',
    trade_id text NOT NULL DEFAULT '',
    side text NOT NULL DEFAULT '',
    wallet text NOT NULL,
    order_id text,
    executed_at timestamptz NOT NULL,
    price numeric NOT NULL,
    amount numeric NOT NULL,
    cost numeric NOT NULL,
    fee_cost numeric,
    fee_currency text,
    taker_or_maker text,
    kind text NOT NULL,
    realized_pnl numeric,
    raw jsonb NOT NULL,
    origin text NOT NULL DEFAULT 'api',
    run_id text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account, market, trade_id, side)
);
CREATE INDEX trades_executed_at ON alphapulse.trades (account, executed_at);
CREATE INDEX trades_of_market ON alphapulse.trades (account, market, executed_at);
CREATE INDEX trades_recorded_at ON alphapulse.trades (account, recorded_at);

CREATE TABLE alphapulse.orders (
    account text NOT NULL DEFAULT '',
    market text NOT NULL DEFAULT '',
    order_id text NOT NULL DEFAULT '',
    wallet text NOT NULL,
    client_order_id text,
    status text NOT NULL,
    type text,
    side text NOT NULL,
    price numeric,
    amount numeric,
    filled numeric,
    average numeric,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    raw jsonb NOT NULL,
    origin text NOT NULL DEFAULT 'api',
    run_id text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account, market, order_id)
);
CREATE INDEX orders_created_at ON alphapulse.orders (account, created_at);
CREATE INDEX orders_of_market ON alphapulse.orders (account, market, created_at);
CREATE INDEX orders_recorded_at ON alphapulse.orders (account, recorded_at);
CREATE INDEX orders_still_open ON alphapulse.orders (account) WHERE status = 'open';

CREATE TABLE alphapulse.transfers (
    account text NOT NULL DEFAULT '',
    kind text NOT NULL DEFAULT '',
    transfer_id text NOT NULL DEFAULT '',
    asset text NOT NULL,
    amount numeric NOT NULL,
    fee_cost numeric,
    fee_currency text,
    from_wallet text,
    to_wallet text,
    status text,
    network text,
    txid text,
    happened_at timestamptz NOT NULL,
    updated_at timestamptz,
    raw jsonb NOT NULL,
    origin text NOT NULL DEFAULT 'api',
    run_id text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account, kind, transfer_id)
);
CREATE INDEX transfers_happened_at ON alphapulse.transfers (account, happened_at);
CREATE INDEX transfers_recorded_at ON alphapulse.transfers (account, recorded_at);

CREATE TABLE alphapulse.funding (
    account text NOT NULL DEFAULT '',
    market text NOT NULL DEFAULT '',
    funding_id text NOT NULL DEFAULT '',
    wallet text NOT NULL,
    asset text NOT NULL,
    amount numeric NOT NULL,
    happened_at timestamptz NOT NULL,
    raw jsonb NOT NULL,
    origin text NOT NULL DEFAULT 'api',
    run_id text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account, market, funding_id)
);
CREATE INDEX funding_happened_at ON alphapulse.funding (account, happened_at);
CREATE INDEX funding_recorded_at ON alphapulse.funding (account, recorded_at);

CREATE TABLE alphapulse.ledger (
    account text NOT NULL DEFAULT '',
    wallet text NOT NULL DEFAULT '',
    kind text NOT NULL DEFAULT '',
    entry_id text NOT NULL DEFAULT '',
    asset text NOT NULL,
    amount numeric NOT NULL,
    balance_after numeric,
    reference_id text,
    class text NOT NULL DEFAULT 'other',
    happened_at timestamptz NOT NULL,
    raw jsonb NOT NULL,
    origin text NOT NULL DEFAULT 'api',
    run_id text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account, wallet, kind, entry_id)
);
CREATE INDEX ledger_happened_at ON alphapulse.ledger (account, happened_at);
CREATE INDEX ledger_recorded_at ON alphapulse.ledger (account, recorded_at);

-- Operations: what is synced, how completely, and how it went

CREATE TABLE alphapulse.datasets (
    account text NOT NULL DEFAULT '',
    dataset text NOT NULL DEFAULT '',
    exchange text NOT NULL,
    supported boolean NOT NULL,
    next_tick timestamptz,
    deployed boolean NOT NULL DEFAULT TRUE,
    stored bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (account, dataset)
);

CREATE TABLE alphapulse.streams (
    account text NOT NULL DEFAULT '',
    dataset text NOT NULL DEFAULT '',
    stream text NOT NULL DEFAULT '',
    first_seen timestamptz NOT NULL,
    source text NOT NULL,
    wanted tstzrange NOT NULL DEFAULT 'empty',
    PRIMARY KEY (account, dataset, stream)
);

CREATE TABLE alphapulse.coverage (
    account text NOT NULL DEFAULT '',
    dataset text NOT NULL DEFAULT '',
    stream text NOT NULL DEFAULT '',
    covered tstzmultirange NOT NULL DEFAULT '{}',
    unreachable tstzmultirange NOT NULL DEFAULT '{}',
    unreachable_reason text,
    imported tstzmultirange NOT NULL DEFAULT '{}',
    newest_row timestamptz,
    suspect_since timestamptz,
    last_failure text,
    last_failure_at timestamptz,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (account, dataset, stream)
);

CREATE TABLE alphapulse.markets (
    account text NOT NULL DEFAULT '',
    market text NOT NULL DEFAULT '',
    raw_id text NOT NULL,
    type text NOT NULL,
    base text,
    quote text,
    settle text,
    contract_size numeric,
    active boolean NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (account, market)
);

CREATE TABLE alphapulse.market_catalogues (
    account text NOT NULL DEFAULT '',
    version text NOT NULL,
    loaded_at timestamptz NOT NULL,
    catalogue text NOT NULL,
    PRIMARY KEY (account)
);

CREATE TABLE alphapulse.suspects (
    account text NOT NULL DEFAULT '',
    dataset text NOT NULL DEFAULT '',
    part text NOT NULL DEFAULT '',
    since timestamptz NOT NULL,
    asked integer NOT NULL,
    believed boolean NOT NULL,
    PRIMARY KEY (account, dataset, part)
);

CREATE TABLE alphapulse.keys (
    account text NOT NULL DEFAULT '',
    fingerprint text NOT NULL,
    can_read boolean,
    can_trade boolean,
    can_withdraw boolean,
    expires_at timestamptz,
    addresses text[],
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (account)
);

CREATE TABLE alphapulse.circuit (
    account text NOT NULL DEFAULT '',
    state text NOT NULL,
    failures integer NOT NULL,
    opened_at timestamptz,
    retry_at timestamptz,
    cooldown interval,
    reason text,
    credentials text,
    PRIMARY KEY (account)
);

CREATE TABLE alphapulse.checked (
    account text NOT NULL DEFAULT '',
    dataset text NOT NULL DEFAULT '',
    check_name text NOT NULL DEFAULT '',
    up_to timestamptz NOT NULL,
    PRIMARY KEY (account, dataset, check_name)
);

CREATE TABLE alphapulse.failed_checks (
    account text NOT NULL DEFAULT '',
    dataset text NOT NULL DEFAULT '',
    check_name text NOT NULL DEFAULT '',
    finding text NOT NULL,
    PRIMARY KEY (account, dataset, check_name)
);

CREATE TABLE alphapulse.alerts (
    about text NOT NULL DEFAULT '',
    account text NOT NULL DEFAULT '',
    cause text NOT NULL DEFAULT '',
    since timestamptz NOT NULL,
    finding text NOT NULL,
    PRIMARY KEY (about, account, cause)
);

CREATE TABLE alphapulse.sync_log (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account text NOT NULL,
    dataset text NOT NULL,
    run_id text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    status text NOT NULL,
    rows_written integer NOT NULL DEFAULT 0,
    requests integer NOT NULL DEFAULT 0,
    error_kind text,
    error text
);
CREATE INDEX sync_log_failures ON alphapulse.sync_log (account, dataset, finished_at)
    WHERE status = 'failed';
CREATE INDEX sync_log_newest ON alphapulse.sync_log (account, dataset, id DESC);

-- The views, functions, triggers and comments that were applied, in that order: see
-- warehouse/repeatable.py.
CREATE TABLE alphapulse.repeatable (
    name text PRIMARY KEY,
    place integer NOT NULL,
    checksum text NOT NULL
);

CREATE SCHEMA portfolio;

-- Portfolio: which rows of the histories its tables already include

CREATE TABLE portfolio.refreshed (
    name text PRIMARY KEY,
    up_to timestamptz NOT NULL
);

CREATE TABLE portfolio.rewritten (
    account text NOT NULL,
    dataset text NOT NULL,
    market text NOT NULL,
    happened_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX rewritten_recorded_at ON portfolio.rewritten (recorded_at);

-- Portfolio: reconciliation

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
    conversions numeric NOT NULL,
    other numeric NOT NULL,
    closing numeric NOT NULL,
    difference numeric NOT NULL GENERATED ALWAYS AS (
        closing - opening - fills - fees - transfers - funding - conversions - other
    ) STORED,
    pnl_reported boolean NOT NULL,
    carried numeric,
    residual numeric NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (account, closed_at, wallet, asset),
    CONSTRAINT reconciliation_state
    CHECK (state IN ('reconciled', 'pending', 'unverifiable', 'break'))
);
CREATE INDEX reconciliation_differences ON portfolio.reconciliation
(account, wallet, asset, closed_at) WHERE difference <> 0;
CREATE INDEX reconciliation_unreconciled ON portfolio.reconciliation (account, closed_at)
WHERE state <> 'reconciled';

CREATE TABLE portfolio.reconciled (
    account text PRIMARY KEY,
    closed_at timestamptz NOT NULL,
    wallets text[] NOT NULL
);

-- Portfolio: prices

CREATE TABLE portfolio.prices (
    asset text NOT NULL,
    at timestamptz NOT NULL,
    price numeric NOT NULL,
    path text[] NOT NULL,
    evidence_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (asset, at),
    CONSTRAINT prices_positive CHECK (price > 0)
);
CREATE INDEX prices_recorded_at ON portfolio.prices (recorded_at);
-- Not a B-tree on times alone: the planner would search it for the newest price of an asset, and
-- read all newer prices of the other assets on the way.
CREATE INDEX prices_at ON portfolio.prices USING brin (at)
WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE portfolio.priced (
    account text PRIMARY KEY,
    captured_at timestamptz NOT NULL
);

CREATE TABLE portfolio.bridges (
    asset text PRIMARY KEY,
    at timestamptz NOT NULL,
    price numeric NOT NULL
);

-- Portfolio: holdings, value, exposure

CREATE TABLE portfolio.holdings (
    account text NOT NULL,
    wallet text NOT NULL,
    asset text NOT NULL,
    kind text NOT NULL,
    amount numeric,
    price numeric,
    priced_at timestamptz,
    value numeric,
    share numeric,
    captured_at timestamptz NOT NULL,
    PRIMARY KEY (account, wallet, asset, kind),
    CONSTRAINT holdings_kind CHECK (kind IN ('balance', 'debt', 'unrealized', 'option'))
);

CREATE TABLE portfolio.value (
    account text NOT NULL,
    at timestamptz NOT NULL,
    value numeric NOT NULL,
    confidence numeric NOT NULL,
    carried numeric NOT NULL,
    unexplained numeric NOT NULL DEFAULT 0,
    uncertainty numeric NOT NULL GENERATED ALWAYS AS (
        greatest(abs((1 - confidence) * value), unexplained)
    ) STORED,
    unpriced text[] NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (account, at),
    CONSTRAINT value_confidence CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT value_state CHECK (state IN ('known', 'carried', 'partial'))
);
CREATE INDEX value_unpriced ON portfolio.value (account, at) WHERE unpriced <> '{}';
CREATE INDEX value_unexplained ON portfolio.value (account, at) WHERE unexplained <> 0;

CREATE TABLE portfolio.valued (
    account text PRIMARY KEY,
    balances_at timestamptz NOT NULL,
    positions_at timestamptz,
    deployed boolean NOT NULL
);

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

-- Portfolio: lots and realized profit

CREATE TABLE portfolio.lot_settings (
    one boolean PRIMARY KEY DEFAULT TRUE,
    currency text NOT NULL,
    cost_basis text NOT NULL,
    across_accounts boolean NOT NULL,
    CONSTRAINT lot_settings_one_row CHECK (one)
);

CREATE TABLE portfolio.lot_accounts (
    account text PRIMARY KEY,
    begins_at timestamptz NOT NULL,
    opened_at timestamptz,
    positioned_at timestamptz,
    seen_at timestamptz,
    wallets text[]
);

CREATE TABLE portfolio.openings (
    account text NOT NULL,
    asset text NOT NULL,
    amount numeric NOT NULL,
    PRIMARY KEY (account, asset)
);

CREATE TABLE portfolio.own_transfers (
    account text NOT NULL,
    transfer_id text NOT NULL,
    asset text NOT NULL,
    arrived_at timestamptz NOT NULL,
    from_account text NOT NULL,
    from_id text NOT NULL,
    left_at timestamptz NOT NULL,
    PRIMARY KEY (account, transfer_id),
    CONSTRAINT own_transfers_withdrawal UNIQUE (from_account, from_id)
);

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
