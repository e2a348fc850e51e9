CREATE TABLE portfolio.movements_daily (
    account text NOT NULL,
    day date NOT NULL,
    wallet text NOT NULL,
    asset text NOT NULL,
    fills numeric NOT NULL,
    fees numeric NOT NULL,
    transfers numeric NOT NULL,
    funding numeric NOT NULL,
    conversions numeric NOT NULL,
    other numeric NOT NULL,
    amount numeric NOT NULL GENERATED ALWAYS AS (
        fills + fees + transfers + funding + conversions + other
    ) STORED,
    loans numeric NOT NULL,
    rise numeric NOT NULL,
    rise_at timestamptz NOT NULL,
    missing_fill text,
    PRIMARY KEY (account, day, wallet, asset)
);
